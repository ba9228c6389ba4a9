//! `float`: the value is copied once.

use rustpython_vm::builtins::PyFloat;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact};
use crate::layout::{PyFloatObject, PyObject, PyTypeObject};
use crate::proxy::link_strong;
use crate::types;

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear: |_| {},
    refresh: None,
};

/// A fresh `float` of type `ty`; NULL when memory is out.
///
/// # Safety
/// `ty` is `float` or a subclass; the lock is held.
#[inline]
pub unsafe fn new(ty: *mut PyTypeObject, value: f64) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate(ty, size_of::<PyFloatObject>());
        if !p.is_null() {
            (*p.cast::<PyFloatObject>()).ob_fval = value;
        }
        p
    }
}

/// A fresh `float`; NULL when memory is out.
///
/// # Safety
/// The lock is held.
#[inline]
pub unsafe fn from_f64(value: f64) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate_exact(types::statics::float_type(), size_of::<PyFloatObject>());
        if !p.is_null() {
            (*p.cast::<PyFloatObject>()).ob_fval = value;
        }
        p
    }
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let value = v.downcast_ref::<PyFloat>().expect("a float's payload");
    // SAFETY: the caller's contract is the same.
    unsafe { new(ty, value.to_f64()) }
}

/// A fresh C `float` for `v`, which is exactly that; NULL when memory is out.
/// The lock is held.
#[inline]
pub fn argument(v: &VmObject) -> *mut PyObject {
    // SAFETY: the caller saw that the class is exactly `float`; the lock is held.
    unsafe {
        let value = v.downcast_unchecked_ref::<PyFloat>().to_f64();
        new(crate::types::statics::float_type(), value)
    }
}

/// A VM `float` of the same value.
///
/// # Safety
/// `p` is a live `float`.
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    vm.ctx
        .new_float(unsafe { (*p.cast::<PyFloatObject>()).ob_fval })
        .into()
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let v = value(vm, p);
        link_strong(p, v.clone(), true);
        v
    }
}
