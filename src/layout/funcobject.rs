//! `cpython/funcobject.h`: functions written in Python.

use super::{PyObject, vectorcallfunc};
use core::ffi::{c_int, c_uint};

/// What a frame is made from; the start of a function object has the same fields.
#[repr(C)]
pub struct PyFrameConstructor {
    pub fc_globals: *mut PyObject,
    pub fc_builtins: *mut PyObject,
    pub fc_name: *mut PyObject,
    pub fc_qualname: *mut PyObject,
    pub fc_code: *mut PyObject,
    pub fc_defaults: *mut PyObject,
    pub fc_kwdefaults: *mut PyObject,
    pub fc_closure: *mut PyObject,
}
assert_layout!(PyFrameConstructor, 64, {
    fc_globals: 0, fc_builtins: 8, fc_name: 16, fc_qualname: 24, fc_code: 32, fc_defaults: 40,
    fc_kwdefaults: 48, fc_closure: 56,
});

/// A function. Every `PyObject *` is strong; those from `func_defaults` on may be NULL.
#[repr(C)]
pub struct PyFunctionObject {
    pub ob_base: PyObject,
    pub func_globals: *mut PyObject,
    pub func_builtins: *mut PyObject,
    pub func_name: *mut PyObject,
    pub func_qualname: *mut PyObject,
    pub func_code: *mut PyObject,
    pub func_defaults: *mut PyObject,
    pub func_kwdefaults: *mut PyObject,
    pub func_closure: *mut PyObject,
    pub func_doc: *mut PyObject,
    pub func_dict: *mut PyObject,
    pub func_weakreflist: *mut PyObject,
    pub func_module: *mut PyObject,
    pub func_annotations: *mut PyObject,
    pub func_annotate: *mut PyObject,
    pub func_typeparams: *mut PyObject,
    pub vectorcall: Option<vectorcallfunc>,
    pub func_version: u32,
}
assert_layout!(PyFunctionObject, 152, {
    ob_base: 0, func_globals: 16, func_builtins: 24, func_name: 32, func_qualname: 40,
    func_code: 48, func_defaults: 56, func_kwdefaults: 64, func_closure: 72, func_doc: 80,
    func_dict: 88, func_weakreflist: 96, func_module: 104, func_annotations: 112,
    func_annotate: 120, func_typeparams: 128, vectorcall: 136, func_version: 144,
});

pub type PyFunction_WatchEvent = c_uint;
pub const PyFunction_EVENT_CREATE: PyFunction_WatchEvent = 0;
pub const PyFunction_EVENT_DESTROY: PyFunction_WatchEvent = 1;
pub const PyFunction_EVENT_MODIFY_CODE: PyFunction_WatchEvent = 2;
pub const PyFunction_EVENT_MODIFY_DEFAULTS: PyFunction_WatchEvent = 3;
pub const PyFunction_EVENT_MODIFY_KWDEFAULTS: PyFunction_WatchEvent = 4;
pub type PyFunction_WatchCallback = unsafe extern "C" fn(
    event: PyFunction_WatchEvent,
    func: *mut PyFunctionObject,
    new_value: *mut PyObject,
) -> c_int;
