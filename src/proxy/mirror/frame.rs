//! Frames. As in CPython, `f_back` is asked for with `PyFrame_GetBack`, and
//! `f_lineno` is 0 unless somebody, most likely C, sets it.

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyFrameObject, PyObject, PyTypeObject};

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear: |_| {},
    refresh: None,
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyFrameObject>());
        if !p.is_null() {
            (*p.cast::<PyFrameObject>()).f_trace_lines = 1;
        }
        p
    }
}
