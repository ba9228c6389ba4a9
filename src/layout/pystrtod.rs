//! `pystrtod.h`: the flags and results of `PyOS_double_to_string`.

use core::ffi::c_int;

/// Always write the sign.
pub const Py_DTSF_SIGN: c_int = 1;
/// Write `.0` after an integral result.
pub const Py_DTSF_ADD_DOT_0: c_int = 2;
/// The alternate form of the format code.
pub const Py_DTSF_ALT: c_int = 4;
/// Write negative zero as zero.
pub const Py_DTSF_NO_NEG_0: c_int = 8;

// What `*type` is set to.
pub const Py_DTST_FINITE: c_int = 0;
pub const Py_DTST_INFINITE: c_int = 1;
pub const Py_DTST_NAN: c_int = 2;
