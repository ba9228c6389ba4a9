//! `cpython/bytearrayobject.h`.

use super::{Py_ssize_t, PyVarObject};
use core::ffi::c_char;

/// A `bytearray`. `ob_start` is where the bytes are, somewhere in the `ob_alloc` bytes at
/// `ob_bytes`; while `ob_exports` is not zero they must not move.
#[repr(C)]
pub struct PyByteArrayObject {
    pub ob_base: PyVarObject,
    pub ob_alloc: Py_ssize_t,
    pub ob_bytes: *mut c_char,
    pub ob_start: *mut c_char,
    pub ob_exports: Py_ssize_t,
}
assert_layout!(PyByteArrayObject, 56, {
    ob_base: 0, ob_alloc: 24, ob_bytes: 32, ob_start: 40, ob_exports: 48,
});
