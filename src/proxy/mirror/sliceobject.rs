//! `slice`.

use rustpython_vm::builtins::PySlice;
use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyObject, PySliceObject, PyTypeObject};
use crate::proxy::c_of;
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
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

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a slice at the end of its life.
    unsafe {
        let c = p.cast::<PySliceObject>();
        for item in [(*c).start, (*c).stop, (*c).step] {
            refcount::xdecref(item);
        }
    }
}
