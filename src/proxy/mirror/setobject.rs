//! `set` and `frozenset`: the VM is the authority; `used` is true, the
//! inside opaque.
//!
//! C may add to a frozenset that nobody else has seen. Until the VM sees it,
//! such a one keeps its elements in a VM set of its own, at `table`.

use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, VirtualMachine,
};

use super::{Mirror, allocate, watch};
use crate::layout::{PyObject, PySetObject, PyTypeObject};
use crate::proxy::link_strong;
use crate::proxy::prefix::{flag, prefix_of};
use crate::types;

/// In the prefix: `table` holds a reference to a VM set.
const BUILDING: u32 = flag::MIRROR;

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { new(ty) }
}

unsafe fn new(ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PySetObject>());
        if !p.is_null() {
            (*p.cast::<PySetObject>()).hash = -1;
        }
        p
    }
}

/// A fresh frozenset that C may add to; NULL when memory is out. The lock is
/// held.
pub fn new_frozenset(vm: &VirtualMachine) -> *mut PyObject {
    // SAFETY: exactly `frozenset`; the object is fresh.
    unsafe {
        let p = new(types::statics::frozenset_type());
        if !p.is_null() {
            build(p, PySet::default().into_ref(&vm.ctx));
        }
        p
    }
}

/// Makes `p` a frozenset under construction with these elements.
///
/// # Safety
/// `p` is a live frozenset without a VM object; the lock is held.
pub unsafe fn build(p: *mut PyObject, elements: PyRef<PySet>) {
    // SAFETY: by this function's contract.
    unsafe {
        (*p.cast::<PySetObject>()).table = PyObjectRef::from(elements).into_raw().as_ptr().cast();
        (*prefix_of(p)).flags |= BUILDING;
    }
}

/// The elements of a frozenset under construction.
///
/// # Safety
/// `p` is a live set or frozenset, and stays under construction while the
/// result is used.
pub unsafe fn under_construction<'a>(p: *mut PyObject) -> Option<&'a Py<PySet>> {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || !(*prefix).has(BUILDING) {
            return None;
        }
        let v = &*(*p.cast::<PySetObject>()).table.cast::<VmObject>();
        v.downcast_ref::<PySet>()
    }
}

unsafe fn take_elements(p: *mut PyObject) -> Option<PyObjectRef> {
    // SAFETY: the callers' `p` is live.
    unsafe {
        let set = under_construction(p)?.as_object().to_owned();
        (*prefix_of(p)).flags &= !BUILDING;
        let table = std::mem::replace(&mut (*p.cast::<PySetObject>()).table, std::ptr::null_mut());
        drop(PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked(
            table.cast(),
        )));
        Some(set)
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let Some(set) = take_elements(p) else {
            return super::header::realize(vm, p);
        };
        let elements = set
            .downcast_ref::<PySet>()
            .map_or_else(Vec::new, |s| s.elements());
        // They were hashed when they were added.
        let v: PyObjectRef = PyFrozenSet::from_iter(vm, elements)
            .unwrap_or_default()
            .into_ref(&vm.ctx)
            .into();
        link_strong(p, v.clone(), true);
        v
    }
}

/// Makes `used` true after the API changed the elements.
///
/// # Safety
/// `p` is a live set or frozenset; the lock is held.
pub unsafe fn changed(p: *mut PyObject, len: usize) {
    // SAFETY: by this function's contract.
    unsafe {
        (*p.cast::<PySetObject>()).used = len as isize;
        (*p.cast::<PySetObject>()).fill = len as isize;
    }
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    if let Some(len) = len(vm, v) {
        // SAFETY: the caller's contract is the same.
        unsafe { changed(p, len) };
    }
}

/// The number of elements of a set or frozenset, whatever its class overrides.
pub fn len(vm: &VirtualMachine, v: &VmObject) -> Option<usize> {
    let base = if v.downcastable::<PySet>() {
        vm.ctx.types.set_type
    } else if v.downcastable::<PyFrozenSet>() {
        vm.ctx.types.frozenset_type
    } else {
        return None;
    };
    let length = base.slots.as_sequence.length.load()?;
    length(v.sequence_unchecked(), vm).ok()
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: the caller's contract is the same.
    unsafe {
        watch::remove(p);
        drop(take_elements(p));
        crate::refcount::anchors::drop_owner(p);
    }
}
