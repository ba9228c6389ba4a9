//! Tracebacks.

use std::ffi::c_int;

use rustpython_vm::builtins::PyTraceback;
use rustpython_vm::{AsObject, PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyObject, PyTracebackObject, PyTypeObject};
use crate::proxy::c_of;
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
            (*c).tb_next = c_of(vm, next.as_object()).cast();
        }
        (*c).tb_frame = c_of(vm, traceback.frame.as_object()).cast();
        (*c).tb_lasti = traceback.lasti;
        (*c).tb_lineno = c_int::try_from(traceback.lineno.get()).unwrap_or(c_int::MAX);
        p
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a traceback at the end of its life.
    unsafe {
        let c = p.cast::<PyTracebackObject>();
        refcount::xdecref((*c).tb_next.cast());
        refcount::xdecref((*c).tb_frame.cast());
    }
}
