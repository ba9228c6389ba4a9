//! `slice`.

use rustpython_vm::builtins::PySlice;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, PyPayload, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyObject, PySliceObject, PyTypeObject};
use crate::proxy::{c_of, link_made, vm_of};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: None,
};

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let slice = v.downcast_ref::<PySlice>().expect("a slice's payload");
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PySliceObject>());
        if !p.is_null() {
            let c = p.cast::<PySliceObject>();
            let none = vm.ctx.none();
            (*c).start = c_of(vm, slice.start.as_ref().unwrap_or(&none));
            (*c).stop = c_of(vm, &slice.stop);
            (*c).step = c_of(vm, slice.step.as_ref().unwrap_or(&none));
        }
        p
    }
}

/// A fresh `slice` of these parts, which it takes over; NULL when memory is out.
///
/// # Safety
/// The parts are the caller's references; the lock is held.
pub unsafe fn new(parts: [*mut PyObject; 3]) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate(types::statics::slice_type(), size_of::<PySliceObject>());
        if p.is_null() {
            for part in parts {
                refcount::decref(part);
            }
            return p;
        }
        let c = p.cast::<PySliceObject>();
        [(*c).start, (*c).stop, (*c).step] = parts;
        p
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same; the parts are never NULL.
    unsafe {
        let c = p.cast::<PySliceObject>();
        let v: PyObjectRef = PySlice {
            start: Some(vm_of(vm, (*c).start)),
            stop: vm_of(vm, (*c).stop),
            step: Some(vm_of(vm, (*c).step)),
        }
        .into_ref(&vm.ctx)
        .into();
        link_made(p, v)
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a slice at the end of its life.
    unsafe {
        let c = p.cast::<PySliceObject>();
        for item in [(*c).start, (*c).stop, (*c).step] {
            refcount::xdecref(item);
        }
    }
}
