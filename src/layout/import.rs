//! `cpython/import.h`: tables of built-in and frozen modules.

use super::PyObject;
use core::ffi::{c_char, c_int, c_uchar};

/// A built-in module; a NULL `name` ends the table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _inittab {
    pub name: *const c_char,
    pub initfunc: Option<unsafe extern "C" fn() -> *mut PyObject>,
}
assert_layout!(_inittab, 16, { name: 0, initfunc: 8 });

/// A frozen module; a NULL `name` ends the table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _frozen {
    pub name: *const c_char,
    pub code: *const c_uchar,
    pub size: c_int,
    pub is_package: c_int,
}
assert_layout!(_frozen, 24, { name: 0, code: 8, size: 16, is_package: 20 });
zeroable!(_inittab, _frozen);
