//! `dict`: the VM is the authority of a pair; `ma_used` is true, the inside
//! opaque. What C made and the VM has not seen is a [`c_dict`].

use rustpython_vm::builtins::PyDict;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, c_dict, walk, watch};
use crate::layout::{PyDictObject, PyObject, PyTypeObject};
use crate::proxy::link_strong;

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    debug_assert!(v.downcastable::<PyDict>());
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyDictObject>()) }
}

unsafe fn refresh(_vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    if let Some(dict) = v.downcast_ref::<PyDict>() {
        // SAFETY: the caller's contract is the same.
        unsafe { (*p.cast::<PyDictObject>()).ma_used = dict.__len__() as isize };
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: the caller's contract is the same.
    unsafe {
        watch::remove(p);
        crate::refcount::anchors::drop_owner(p);
        walk::clear(p);
        c_dict::clear(p);
    }
}

/// A dict that C made: what its table holds is the VM's from now on.
unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    let dict = vm.ctx.new_dict();
    let v: PyObjectRef = dict.clone().into();
    // SAFETY: the caller's contract is the same.
    unsafe {
        link_strong(p, v.clone(), true);
        watch::add(p);
        c_dict::hand_over(vm, p, &dict);
        refresh(vm, &v, p);
    }
    v
}
