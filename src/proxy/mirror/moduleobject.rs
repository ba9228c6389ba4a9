//! Modules: the state that C keeps for one lies in its mirror, which lives as
//! long as the interpreter once C has put state there.

use std::ffi::c_void;

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyModuleDef, PyObject, PyTypeObject};
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

/// `PyModuleObject`, whose fields are private to CPython but for their order.
#[repr(C)]
pub struct PyModuleObject {
    pub ob_base: PyObject,
    /// Owned, made when C first asks.
    pub md_dict: *mut PyObject,
    pub md_def: *mut PyModuleDef,
    pub md_state: *mut c_void,
    pub md_weaklist: *mut PyObject,
    pub md_name: *mut PyObject,
}

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyModuleObject>()) }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a module at the end of its life.
    unsafe {
        let c = p.cast::<PyModuleObject>();
        refcount::xdecref((*c).md_dict);
        refcount::xdecref((*c).md_name);
    }
}
