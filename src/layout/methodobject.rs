//! `methodobject.h` and `cpython/methodobject.h`: functions written in C.

use super::{Py_ssize_t, PyObject, PyTypeObject, vectorcallfunc};
use core::ffi::{c_char, c_int};

pub type PyCFunction = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
pub type PyCFunctionFast =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t) -> *mut PyObject;
pub type PyCFunctionWithKeywords =
    unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type PyCFunctionFastWithKeywords = unsafe extern "C" fn(
    *mut PyObject,
    *const *mut PyObject,
    Py_ssize_t,
    *mut PyObject,
) -> *mut PyObject;
pub type PyCMethod = unsafe extern "C" fn(
    *mut PyObject,
    *mut PyTypeObject,
    *const *mut PyObject,
    Py_ssize_t,
    *mut PyObject,
) -> *mut PyObject;
pub type _PyCFunctionFast = PyCFunctionFast;
pub type _PyCFunctionFastWithKeywords = PyCFunctionFastWithKeywords;

/// A C function as Python sees it. `ml_flags` tells the real type of `ml_meth`.
#[repr(C)]
pub struct PyMethodDef {
    pub ml_name: *const c_char,
    pub ml_meth: Option<PyCFunction>,
    pub ml_flags: c_int,
    pub ml_doc: *const c_char,
}
assert_layout!(PyMethodDef, 32, { ml_name: 0, ml_meth: 8, ml_flags: 16, ml_doc: 24 });
zeroable!(PyMethodDef);
// SAFETY: a definition is constant; C never writes to it through us.
unsafe impl Sync for PyMethodDef {}

// `ml_flags`: the calling convention, and how the function binds.
pub const METH_VARARGS: c_int = 1;
pub const METH_KEYWORDS: c_int = 2;
pub const METH_NOARGS: c_int = 4;
pub const METH_O: c_int = 8;
pub const METH_CLASS: c_int = 1 << 4;
pub const METH_STATIC: c_int = 1 << 5;
pub const METH_COEXIST: c_int = 1 << 6;
pub const METH_FASTCALL: c_int = 1 << 7;
pub const METH_STACKLESS: c_int = 0;
pub const METH_METHOD: c_int = 1 << 9;

/// A builtin function or bound builtin method. `m_self` and `m_module` are strong or NULL.
#[repr(C)]
pub struct PyCFunctionObject {
    pub ob_base: PyObject,
    pub m_ml: *mut PyMethodDef,
    pub m_self: *mut PyObject,
    pub m_module: *mut PyObject,
    pub m_weakreflist: *mut PyObject,
    pub vectorcall: Option<vectorcallfunc>,
}
assert_layout!(PyCFunctionObject, 56, {
    ob_base: 0, m_ml: 16, m_self: 24, m_module: 32, m_weakreflist: 40, vectorcall: 48,
});

/// A `METH_METHOD` function: it knows its defining class, a strong reference.
#[repr(C)]
pub struct PyCMethodObject {
    pub func: PyCFunctionObject,
    pub mm_class: *mut PyTypeObject,
}
assert_layout!(PyCMethodObject, 64, { func: 0, mm_class: 56 });
