//! API functions of other headers that the variadic ones call.

use std::ffi::{c_char, c_double, c_int, c_void};

use crate::layout::*;

unsafe extern "C" {
    pub fn PyBuffer_FillInfo(
        view: *mut Py_buffer,
        o: *mut PyObject,
        buf: *mut c_void,
        len: Py_ssize_t,
        readonly: c_int,
        flags: c_int,
    ) -> c_int;
    pub fn PyBuffer_Release(view: *mut Py_buffer);
    pub fn PyComplex_AsCComplex(o: *mut PyObject) -> Py_complex;
    pub fn PyFloat_AsDouble(o: *mut PyObject) -> c_double;
    pub fn PyObject_GetBuffer(o: *mut PyObject, view: *mut Py_buffer, flags: c_int) -> c_int;
    pub fn PySys_AuditTuple(event: *const c_char, args: *mut PyObject) -> c_int;
}
