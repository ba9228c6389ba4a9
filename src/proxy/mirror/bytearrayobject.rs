//! `bytearray`: C and the VM share the bytes themselves.

use rustpython_vm::builtins::PyByteArray;
use rustpython_vm::{Py, PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate, watch};
use crate::layout::{PyByteArrayObject, PyObject, PyTypeObject};

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear: |p| {
        // SAFETY: `p` is a bytearray at the end of its life; the lock is held.
        unsafe { watch::remove(p) }
    },
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyByteArrayObject>()) }
}

/// Puts a NUL behind the bytes, as C expects one. Not while a buffer of them
/// is exported: they may not move then.
fn terminate(vm: &VirtualMachine, bytes: &Py<PyByteArray>) {
    let len = bytes.borrow_buf().len() as isize;
    if bytes.resize(len + 1, vm).is_ok() {
        // The byte that was added stays behind the end.
        let _ = bytes.resize(len, vm);
    }
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    let Some(bytes) = v.downcast_ref::<PyByteArray>() else {
        return;
    };
    let now = || {
        let bytes = bytes.borrow_buf();
        (bytes.as_ptr().cast_mut().cast(), bytes.len() as isize)
    };
    // SAFETY: the caller's contract is the same.
    unsafe {
        let c = p.cast::<PyByteArrayObject>();
        if ((*c).ob_start, (*c).ob_base.ob_size) == now() {
            return;
        }
        terminate(vm, bytes);
        let (start, len) = now();
        (*c).ob_start = start;
        (*c).ob_bytes = start;
        (*c).ob_base.ob_size = len;
        (*c).ob_alloc = len + 1;
    }
}
