//! `cpython/weakrefobject.h`.

use super::{Py_hash_t, PyObject, vectorcallfunc};

/// A weak reference or proxy. `wr_object` is not counted and becomes `None` when its object
/// dies; the references to one object form a doubly linked list.
#[repr(C)]
pub struct PyWeakReference {
    pub ob_base: PyObject,
    pub wr_object: *mut PyObject,
    pub wr_callback: *mut PyObject,
    pub hash: Py_hash_t,
    pub wr_prev: *mut PyWeakReference,
    pub wr_next: *mut PyWeakReference,
    pub vectorcall: Option<vectorcallfunc>,
}
assert_layout!(PyWeakReference, 64, {
    ob_base: 0, wr_object: 16, wr_callback: 24, hash: 32, wr_prev: 40, wr_next: 48, vectorcall: 56,
});
