//! `cpython/critical_section.h`: with a GIL there is nothing to do.

use crate::layout::{PyCriticalSection, PyCriticalSection2, PyMutex, PyObject};

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection_Begin(_c: *mut PyCriticalSection, _op: *mut PyObject) {}

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection_BeginMutex(
    _c: *mut PyCriticalSection,
    _m: *mut PyMutex,
) {
}

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection_End(_c: *mut PyCriticalSection) {}

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection2_Begin(
    _c: *mut PyCriticalSection2,
    _a: *mut PyObject,
    _b: *mut PyObject,
) {
}

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection2_BeginMutex(
    _c: *mut PyCriticalSection2,
    _m1: *mut PyMutex,
    _m2: *mut PyMutex,
) {
}

/// Does nothing: the GIL is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCriticalSection2_End(_c: *mut PyCriticalSection2) {}
