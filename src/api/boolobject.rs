//! `boolobject.h`.

use std::ffi::{c_int, c_long};

use crate::layout::PyObject;
use crate::types::statics;

/// `True` or `False`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBool_FromLong(value: c_long) -> *mut PyObject {
    statics::bool(value != 0)
}

/// Whether `x` is `True`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsTrue(x: *mut PyObject) -> c_int {
    (x == statics::bool(true)).into()
}

/// Whether `x` is `False`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsFalse(x: *mut PyObject) -> c_int {
    (x == statics::bool(false)).into()
}
