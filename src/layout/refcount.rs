//! `refcount.h`: how 3.14's GIL build encodes immortality in the object head.
//!
//! On 64-bit machines the reference count is the low 32 bits of the head's first word. A count
//! whose sign bit is set is immortal: inline `Py_DECREF` leaves it alone. Inline `Py_INCREF`
//! stops at [`_Py_IMMORTAL_INITIAL_REFCNT`], so a count between the two drifts up to it.

use super::{Py_ssize_t, PyObject};
use core::ffi::c_int;

/// Bit of `ob_flags`: the object is immortal and always was.
pub const _Py_IMMORTAL_FLAGS: u16 = 1;
/// Bit of `ob_flags`: the object lies in static memory and is never freed.
pub const _Py_STATICALLY_ALLOCATED_FLAG: u16 = 4;
/// Count given to an object that is made immortal.
pub const _Py_IMMORTAL_INITIAL_REFCNT: Py_ssize_t = 3 << 30;
/// Lowest count that inline code takes for immortal.
pub const _Py_IMMORTAL_MINIMUM_REFCNT: Py_ssize_t = 1 << 31;
/// `ob_flags` of a static immortal object.
pub const _Py_STATIC_FLAG_BITS: Py_ssize_t =
    (_Py_STATICALLY_ALLOCATED_FLAG | _Py_IMMORTAL_FLAGS) as Py_ssize_t;
/// The whole first word of a static immortal object, as `PyObject_HEAD_INIT` writes it.
pub const _Py_STATIC_IMMORTAL_INITIAL_REFCNT: Py_ssize_t =
    _Py_IMMORTAL_INITIAL_REFCNT | (_Py_STATIC_FLAG_BITS << 48);

/// The reference count: the low 32 bits of the head.
///
/// # Safety
/// `op` points to a live object.
#[inline]
pub unsafe fn Py_REFCNT(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: every union view of the head is valid for all bit patterns.
    unsafe { (*op).ob_refcnt.parts.ob_refcnt as Py_ssize_t }
}

/// Nonzero when inline `Py_DECREF` would leave the object alone.
///
/// # Safety
/// `op` points to a live object.
#[inline]
pub unsafe fn _Py_IsImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: every union view of the head is valid for all bit patterns.
    unsafe { c_int::from((*op).ob_refcnt.parts.ob_refcnt as i32 <= -1) }
}

/// Nonzero when the object is immortal and lies in static memory.
///
/// # Safety
/// `op` points to a live object.
#[inline]
pub unsafe fn _Py_IsStaticImmortal(op: *mut PyObject) -> c_int {
    // SAFETY: every union view of the head is valid for all bit patterns.
    unsafe { c_int::from((*op).ob_refcnt.parts.ob_flags & _Py_STATICALLY_ALLOCATED_FLAG != 0) }
}
