//! Reference counts, deallocation, ownership between the two worlds.

pub mod anchors;
pub mod census;
pub mod check;
pub mod cycles;
pub mod dealloc;
pub mod deferred;
mod edges;

use crate::layout::{_Py_IMMORTAL_INITIAL_REFCNT, _Py_STATIC_IMMORTAL_INITIAL_REFCNT, PyObject};

/// The references that C code (and at most one VM object) holds.
///
/// # Safety
/// `p` is a live object and the caller holds the extension lock; this goes
/// for every function here.
#[inline]
pub unsafe fn count(p: *mut PyObject) -> u32 {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_refcnt.parts.ob_refcnt }
}

/// Whether `p` is never freed: the sign bit of the 32-bit count says so.
#[inline]
pub fn is_immortal(p: *mut PyObject) -> bool {
    // SAFETY: `p` is live, by the contract of all callers.
    unsafe { ((*p).ob_refcnt.parts.ob_refcnt as i32) < 0 }
}

/// `Py_INCREF`.
///
/// # Safety
/// As for [`count`].
#[inline]
pub unsafe fn incref(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let n = (*p).ob_refcnt.parts.ob_refcnt;
        if i64::from(n) < _Py_IMMORTAL_INITIAL_REFCNT as i64 {
            (*p).ob_refcnt.parts.ob_refcnt = n + 1;
        }
    }
}

/// `Py_DECREF`.
///
/// # Safety
/// As for [`count`]; the caller's reference is gone afterwards.
#[inline]
pub unsafe fn decref(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let n = (*p).ob_refcnt.parts.ob_refcnt;
        if (n as i32) < 0 {
            return;
        }
        (*p).ob_refcnt.parts.ob_refcnt = n.wrapping_sub(1);
        if n == 1 {
            dealloc::dealloc(p);
        }
    }
}

/// `Py_XDECREF`.
///
/// # Safety
/// As for [`decref`], or `p` is NULL.
#[inline]
pub unsafe fn xdecref(p: *mut PyObject) {
    if !p.is_null() {
        // SAFETY: by this function's contract.
        unsafe { decref(p) };
    }
}

/// `Py_XINCREF`; returns `p`.
///
/// # Safety
/// As for [`incref`], or `p` is NULL.
#[inline]
pub unsafe fn xnew_ref(p: *mut PyObject) -> *mut PyObject {
    if !p.is_null() {
        // SAFETY: by this function's contract.
        unsafe { incref(p) };
    }
    p
}

/// Takes one count off without ever deallocating.
///
/// # Safety
/// As for [`count`]; another reference is known to exist, or the object is
/// taken apart by the caller.
#[inline]
pub unsafe fn decref_no_dealloc(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let n = (*p).ob_refcnt.parts.ob_refcnt;
        if (n as i32) >= 0 {
            (*p).ob_refcnt.parts.ob_refcnt = n.wrapping_sub(1);
        }
    }
}

/// Writes a count of `n` into a fresh object.
///
/// # Safety
/// `p` is memory of an object that nobody else sees yet.
#[inline]
pub unsafe fn set_count(p: *mut PyObject, n: u32) {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_refcnt.ob_refcnt_full = i64::from(n) };
}

/// Makes a heap object immortal, with 3.14's encoding.
///
/// # Safety
/// As for [`count`].
pub unsafe fn make_immortal(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_refcnt.ob_refcnt_full = _Py_IMMORTAL_INITIAL_REFCNT as i64 };
}

/// Marks a statically allocated object immortal.
///
/// # Safety
/// As for [`count`].
pub unsafe fn make_static_immortal(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_refcnt.ob_refcnt_full = _Py_STATIC_IMMORTAL_INITIAL_REFCNT as i64 };
}
