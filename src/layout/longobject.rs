//! `longobject.h`: flags of `PyLong_AsNativeBytes` and `PyLong_FromNativeBytes`.

use core::ffi::c_int;

pub const Py_ASNATIVEBYTES_DEFAULTS: c_int = -1;
pub const Py_ASNATIVEBYTES_BIG_ENDIAN: c_int = 0;
pub const Py_ASNATIVEBYTES_LITTLE_ENDIAN: c_int = 1;
pub const Py_ASNATIVEBYTES_NATIVE_ENDIAN: c_int = 3;
pub const Py_ASNATIVEBYTES_UNSIGNED_BUFFER: c_int = 4;
pub const Py_ASNATIVEBYTES_REJECT_NEGATIVE: c_int = 8;
pub const Py_ASNATIVEBYTES_ALLOW_INDEX: c_int = 16;
