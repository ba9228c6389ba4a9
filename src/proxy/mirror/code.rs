//! Code objects: numbers and names. Constants and bytecode are the VM's own
//! business.

use std::ffi::c_int;

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyCodeObject, PyObject, PyTypeObject};
use crate::proxy::c_of;
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // Attributes of a code object: no Python code runs.
    let number = |name: &'static str| -> c_int {
        v.get_attr(name, vm)
            .and_then(|value| value.try_into_value(vm))
            .unwrap_or_default()
    };
    let object = |name: &'static str| {
        v.get_attr(name, vm)
            .map_or(std::ptr::null_mut(), |value| c_of(vm, &value))
    };
    let length = |name: &'static str| -> c_int {
        v.get_attr(name, vm)
            .and_then(|value| value.length(vm))
            .map_or(0, |n| n as c_int)
    };
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyCodeObject>());
        if p.is_null() {
            return p;
        }
        let c = p.cast::<PyCodeObject>();
        (*c).co_flags = number("co_flags");
        (*c).co_argcount = number("co_argcount");
        (*c).co_posonlyargcount = number("co_posonlyargcount");
        (*c).co_kwonlyargcount = number("co_kwonlyargcount");
        (*c).co_stacksize = number("co_stacksize");
        (*c).co_firstlineno = number("co_firstlineno");
        (*c).co_nlocals = number("co_nlocals");
        (*c).co_ncellvars = length("co_cellvars");
        (*c).co_nfreevars = length("co_freevars");
        (*c).co_nlocalsplus = (*c).co_nlocals + (*c).co_ncellvars + (*c).co_nfreevars;
        (*c).co_names = object("co_names");
        (*c).co_filename = object("co_filename");
        (*c).co_name = object("co_name");
        (*c).co_qualname = object("co_qualname");
        p
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a code object at the end of its life.
    unsafe {
        let c = p.cast::<PyCodeObject>();
        refcount::xdecref((*c).co_names);
        refcount::xdecref((*c).co_filename);
        refcount::xdecref((*c).co_name);
        refcount::xdecref((*c).co_qualname);
    }
}
