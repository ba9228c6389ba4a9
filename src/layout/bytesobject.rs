//! `cpython/bytesobject.h`.

use super::{Py_hash_t, PyVarObject};
use core::ffi::c_char;

/// A `bytes` object: `ob_size` bytes and a NUL at `ob_sval`. `ob_shash` is -1 until computed.
#[repr(C)]
pub struct PyBytesObject {
    pub ob_base: PyVarObject,
    pub ob_shash: Py_hash_t,
    pub ob_sval: [c_char; 1],
}
assert_layout!(PyBytesObject, 40, { ob_base: 0, ob_shash: 24, ob_sval: 32 });
