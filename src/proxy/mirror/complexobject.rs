//! `complex`: the value is copied once.

use num_complex::Complex64;
use rustpython_vm::builtins::PyComplex;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{Py_complex, PyComplexObject, PyObject, PyTypeObject};
use crate::proxy::link_strong;

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear: |_| {},
    refresh: None,
};

/// A fresh `complex` of type `ty`; NULL when memory is out.
///
/// # Safety
/// `ty` is `complex` or a subclass; the lock is held.
pub unsafe fn new(ty: *mut PyTypeObject, value: Py_complex) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate(ty, size_of::<PyComplexObject>());
        if !p.is_null() {
            (*p.cast::<PyComplexObject>()).cval = value;
        }
        p
    }
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let value = v
        .downcast_ref::<PyComplex>()
        .expect("a complex's payload")
        .to_complex();
    let value = Py_complex {
        real: value.re,
        imag: value.im,
    };
    // SAFETY: the caller's contract is the same.
    unsafe { new(ty, value) }
}

/// A VM `complex` of the same value.
///
/// # Safety
/// `p` is a live `complex`.
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    let c = unsafe { &(*p.cast::<PyComplexObject>()).cval };
    vm.ctx.new_complex(Complex64::new(c.real, c.imag)).into()
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let v = value(vm, p);
        link_strong(p, v.clone(), true);
        v
    }
}
