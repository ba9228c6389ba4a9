//! `cpython/classobject.h`: bound methods.

use super::{PyObject, vectorcallfunc};

/// A bound method: strong references to the function and the object it is bound to.
#[repr(C)]
pub struct PyMethodObject {
    pub ob_base: PyObject,
    pub im_func: *mut PyObject,
    pub im_self: *mut PyObject,
    pub im_weakreflist: *mut PyObject,
    pub vectorcall: Option<vectorcallfunc>,
}
assert_layout!(PyMethodObject, 48, {
    ob_base: 0, im_func: 16, im_self: 24, im_weakreflist: 32, vectorcall: 40,
});

/// The result of `PyInstanceMethod_New`.
#[repr(C)]
pub struct PyInstanceMethodObject {
    pub ob_base: PyObject,
    pub func: *mut PyObject,
}
assert_layout!(PyInstanceMethodObject, 24, { ob_base: 0, func: 16 });
