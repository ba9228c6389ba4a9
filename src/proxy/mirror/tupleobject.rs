//! `tuple`: `ob_item` owns counts of the elements. C may fill a tuple until
//! it first escapes; then it is fixed.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyTuple;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact, null};
use crate::layout::{PyObject, PyTupleObject, PyTypeObject, PyVarObject};
use crate::proxy::{c_element, link_made};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: None,
};

const HEAD: usize = std::mem::offset_of!(PyTupleObject, ob_item);

static EMPTY: AtomicUsize = AtomicUsize::new(0);

/// Makes the empty tuple, after `PyTuple_Type` is bound.
pub fn init() {
    // SAFETY: the type is bound and the lock held at init.
    unsafe {
        let p = new(types::statics::tuple_type(), 0);
        refcount::make_static_immortal(p);
        EMPTY.store(p as usize, Ordering::Release);
    }
}

/// The empty tuple.
pub fn empty() -> *mut PyObject {
    EMPTY.load(Ordering::Relaxed) as *mut PyObject
}

#[inline]
pub fn immortal(v: &VmObject) -> Option<*mut PyObject> {
    // SAFETY: the caller saw that the class is exactly `tuple`.
    let tuple = unsafe { v.downcast_unchecked_ref::<PyTuple>() };
    tuple.as_slice().is_empty().then(empty)
}

/// A fresh tuple of `len` NULLs; NULL when memory is out.
///
/// # Safety
/// `ty` is `tuple` or a subclass; the lock is held.
#[inline]
pub unsafe fn new(ty: *mut PyTypeObject, len: usize) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let Some(size) = len.checked_mul(8).and_then(|n| n.checked_add(HEAD)) else {
            return std::ptr::null_mut();
        };
        let p = if types::statics::is_exact_tuple(ty) {
            allocate_exact(ty, size)
        } else {
            allocate(ty, size)
        };
        if !p.is_null() {
            (*p.cast::<PyVarObject>()).ob_size = len as isize;
            (*p.cast::<PyTupleObject>()).ob_hash = -1;
            items(p).fill(std::ptr::null_mut());
        }
        p
    }
}

/// The elements of a tuple: NULL where it is not filled yet.
///
/// # Safety
/// `p` is a live tuple, and stays so while the slice is used.
#[inline]
pub unsafe fn items<'a>(p: *mut PyObject) -> &'a mut [*mut PyObject] {
    // SAFETY: by this function's contract.
    unsafe {
        let len = (*p.cast::<PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts_mut(p.cast::<u8>().add(HEAD).cast(), len)
    }
}

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let tuple = v.downcast_ref::<PyTuple>().expect("a tuple's payload");
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = new(ty, tuple.as_slice().len());
        if !p.is_null() {
            for (to, from) in items(p).iter_mut().zip(tuple.as_slice()) {
                *to = c_element(vm, from);
            }
        }
        p
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a tuple at the end of its life.
    unsafe {
        for item in items(p) {
            refcount::xdecref(std::mem::replace(item, std::ptr::null_mut()));
        }
    }
}

/// The VM objects of the elements; see [`null`] for those that C did not fill.
///
/// # Safety
/// `p` is a live tuple; the lock is held.
pub unsafe fn elements(vm: &VirtualMachine, p: *mut PyObject) -> Vec<PyObjectRef> {
    // SAFETY: by this function's contract.
    unsafe {
        items(p)
            .iter()
            .map(|&item| null::element(vm, item))
            .collect()
    }
}

/// [`value`] of a tuple that is about to go, whose elements are taken out.
///
/// # Safety
/// As for [`elements`]; nobody else knows the tuple.
pub unsafe fn consume(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    let elements = unsafe { super::consume_elements(vm, items(p)) };
    vm.ctx.new_tuple(elements).into()
}

/// A VM tuple of the same elements.
///
/// # Safety
/// As for [`elements`].
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    vm.ctx.new_tuple(unsafe { elements(vm, p) }).into()
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        if items(p).is_empty() {
            return vm.ctx.empty_tuple.clone().into();
        }
        let v = value(vm, p);
        link_made(p, v)
    }
}
