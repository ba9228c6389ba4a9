//! Calls.
use crate::layout::PyObject;
pub unsafe extern "C" fn PyObject_Call(_f: *mut PyObject, _a: *mut PyObject, _k: *mut PyObject) -> *mut PyObject { todo!() }
