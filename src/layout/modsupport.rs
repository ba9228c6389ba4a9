//! `modsupport.h` and `cpython/modsupport.h`: argument parsing and module versions.

use super::PyObject;
use core::ffi::{CStr, c_char, c_int};

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct _PyOnceFlag {
    pub v: u8,
}
assert_layout!(_PyOnceFlag, 1, { v: 0 });

/// Argument Clinic's cached parser, static in the extension.
#[repr(C)]
pub struct _PyArg_Parser {
    pub format: *const c_char,
    pub keywords: *const *const c_char,
    pub fname: *const c_char,
    pub custom_msg: *const c_char,
    pub once: _PyOnceFlag,
    pub is_kwtuple_owned: c_int,
    pub pos: c_int,
    pub min: c_int,
    pub max: c_int,
    pub kwtuple: *mut PyObject,
    pub next: *mut _PyArg_Parser,
}
assert_layout!(_PyArg_Parser, 72, {
    format: 0, keywords: 8, fname: 16, custom_msg: 24, once: 32, is_kwtuple_owned: 36, pos: 40,
    min: 44, max: 48, kwtuple: 56, next: 64,
});

/// Returned by an `O&` converter that wants to be called again to clean up.
pub const Py_CLEANUP_SUPPORTED: c_int = 131072;
pub const PYTHON_API_VERSION: c_int = 1013;
pub const PYTHON_API_STRING: &CStr = c"1013";
/// The version of the stable ABI.
pub const PYTHON_ABI_VERSION: c_int = 3;
pub const PYTHON_ABI_STRING: &CStr = c"3";
