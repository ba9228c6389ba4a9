//! Tracebacks.

use std::ffi::c_int;

use rustpython_vm::builtins::PyTraceback;
use rustpython_vm::{AsObject, PyObject as VmObject, PyRef, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyObject, PyTracebackObject, PyTypeObject};
use crate::proxy::{c_of, linked};
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyTracebackObject>());
        let Some(traceback) = v.downcast_ref::<PyTraceback>() else {
            return p;
        };
        if p.is_null() {
            return p;
        }
        let c = p.cast::<PyTracebackObject>();
        let next = traceback.next.lock().clone();
        if let Some(next) = next {
            (*c).tb_next = make_chain(vm, &next).cast();
        }
        (*c).tb_frame = c_of(vm, traceback.frame.as_object()).cast();
        (*c).tb_lasti = traceback.lasti;
        (*c).tb_lineno = c_int::try_from(traceback.lineno.get()).unwrap_or(c_int::MAX);
        p
    }
}

/// The mirror of `first`, a new reference. The last of a chain is made first:
/// a traceback can be too long for recursion.
fn make_chain(vm: &VirtualMachine, first: &PyRef<PyTraceback>) -> *mut PyObject {
    let mut chain = Vec::new();
    let mut next = Some(first.clone());
    while let Some(traceback) = next.filter(|t| linked(t.as_object()).is_none()) {
        next = traceback.next.lock().clone();
        chain.push(traceback);
    }
    let made: Vec<_> = chain
        .iter()
        .rev()
        .map(|traceback| c_of(vm, traceback.as_object()))
        .collect();
    let first = c_of(vm, first.as_object());
    for p in made {
        // SAFETY: our own references.
        unsafe { refcount::decref(p) };
    }
    first
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a traceback at the end of its life.
    unsafe {
        let c = p.cast::<PyTracebackObject>();
        refcount::xdecref((*c).tb_frame.cast());
        // What only this one keeps is taken apart one by one: see `make_chain`.
        let mut next = std::mem::replace(&mut (*c).tb_next, std::ptr::null_mut());
        while !next.is_null() {
            let after = match refcount::count(next.cast()) {
                1 => std::mem::replace(&mut (*next).tb_next, std::ptr::null_mut()),
                _ => std::ptr::null_mut(),
            };
            refcount::decref(next.cast());
            next = after;
        }
    }
}
