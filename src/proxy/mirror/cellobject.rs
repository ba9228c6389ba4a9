//! `cell`.

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::exceptions::set;
use super::{Mirror, allocate, watch};
use crate::layout::{PyCellObject, PyObject, PyTypeObject};
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyCellObject>()) }
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let c = p.cast::<PyCellObject>();
        // A plain getter, which fails for an empty cell only.
        let now = v.get_attr("cell_contents", vm).ok();
        set(vm, &mut (*c).ob_ref, now.as_deref());
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a cell at the end of its life.
    unsafe {
        watch::remove(p);
        refcount::xdecref((*p.cast::<PyCellObject>()).ob_ref);
    }
}
