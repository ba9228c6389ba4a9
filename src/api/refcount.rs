//! `refcount.h`: the reference counts, for code that does not inline them.

use std::ffi::c_int;

use super::{Nothing, border};
use crate::layout::{_Py_IMMORTAL_MINIMUM_REFCNT, Py_ssize_t, PyObject};
use crate::refcount::{self, dealloc};

/// The last reference to `p` is gone: takes the object apart, or lets go of
/// the VM object that it is paired with.
///
/// # Safety
/// `p` is at count zero and the caller holds the lock. That the lock is held,
/// and that `p` is live unless said otherwise, goes for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_Dealloc(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    if !unsafe { dealloc::free_plain(p) } {
        border(|_| {
            // SAFETY: by this function's contract.
            unsafe { dealloc::dealloc(p) };
            Ok(Nothing)
        })
    }
}

unsafe fn give_up(p: *mut PyObject) {
    // SAFETY: the caller gives up its reference.
    unsafe {
        if !refcount::is_immortal(p) {
            let last = refcount::count(p) == 1;
            refcount::decref_no_dealloc(p);
            if last {
                _Py_Dealloc(p);
            }
        }
    }
}

/// `Py_XINCREF`.
///
/// # Safety
/// `p` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IncRef(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::xnew_ref(p) };
}

/// `Py_XDECREF`: steals the reference.
///
/// # Safety
/// `p` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_DecRef(p: *mut PyObject) {
    if !p.is_null() {
        // SAFETY: by this function's contract.
        unsafe { give_up(p) };
    }
}

/// `Py_INCREF`, for the stable ABI.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_IncRef(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::incref(p) };
}

/// `Py_DECREF`, for the stable ABI: steals the reference.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_DecRef(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { give_up(p) };
}

/// A new reference to `p`.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_NewRef(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { refcount::incref(p) };
    p
}

/// A new reference to `p`, or NULL for NULL.
///
/// # Safety
/// `p` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_XNewRef(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { refcount::xnew_ref(p) }
}

/// The reference count: what C holds.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_REFCNT(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe { refcount::count(p) as Py_ssize_t }
}

/// Overwrites the reference count, unless the object is immortal.
///
/// # Safety
/// `p` is live; the caller answers for the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetRefcnt(p: *mut PyObject, n: Py_ssize_t) {
    if refcount::is_immortal(p) {
        return;
    }
    // SAFETY: by this function's contract.
    unsafe {
        if n >= _Py_IMMORTAL_MINIMUM_REFCNT {
            refcount::make_immortal(p);
        } else {
            (*p).ob_refcnt.parts.ob_refcnt = n as u32;
        }
    }
}

/// Gives a fresh object its first reference.
///
/// # Safety
/// `p` is an object whose type is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NewReference(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::set_count(p, 1) };
}

/// Like [`_Py_NewReference`]; there is no total to count in.
///
/// # Safety
/// As for [`_Py_NewReference`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_NewReferenceNoTotal(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::set_count(p, 1) };
}

/// Gives an object at count zero one reference.
///
/// # Safety
/// `p` is at count zero and its memory is still whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_ResurrectReference(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::set_count(p, 1) };
}

/// Makes `p` immortal.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_SetImmortal(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { refcount::make_immortal(p) };
}

/// Whether `p` is never freed.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_IsImmortal(p: *mut PyObject) -> c_int {
    refcount::is_immortal(p).into()
}

/// Makes `p` fit for [`PyUnstable_TryIncRef`]: with a GIL every object is.
///
/// # Safety
/// `p` is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_EnableTryIncRef(_p: *mut PyObject) {}

/// Takes a reference unless the count is zero; 1 if it did.
///
/// # Safety
/// The memory of `p` is still whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_TryIncRef(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if refcount::count(p) == 0 {
            return 0;
        }
        refcount::incref(p);
    }
    1
}
