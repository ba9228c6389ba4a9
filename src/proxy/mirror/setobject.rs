//! `set` and `frozenset`: the VM is the authority; `used` is true, the
//! inside opaque.

use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate, watch};
use crate::layout::{PySetObject, PyObject, PyTypeObject};

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PySetObject>());
        if !p.is_null() {
            (*p.cast::<PySetObject>()).hash = -1;
        }
        p
    }
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    let len = if v.downcastable::<PySet>() || v.downcastable::<PyFrozenSet>() {
        v.length(vm).unwrap_or(0)
    } else {
        return;
    };
    // SAFETY: the caller's contract is the same.
    unsafe {
        (*p.cast::<PySetObject>()).used = len as isize;
        (*p.cast::<PySetObject>()).fill = len as isize;
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: the caller's contract is the same.
    unsafe { watch::remove(p) };
}
