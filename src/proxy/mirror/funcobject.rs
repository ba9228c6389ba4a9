//! Functions written in Python.

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyFunctionObject, PyObject, PyTypeObject};
use crate::proxy::c_of;
use crate::refcount;
use crate::types::function;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

type Field = fn(*mut PyFunctionObject) -> *mut *mut PyObject;

/// The fields that C reads and the attributes that they are. The annotations
/// are left out, as CPython leaves them until someone asks.
const FIELDS: [(Field, &str); 9] = [
    // SAFETY: these compute addresses of fields of a live struct.
    (|f| unsafe { &raw mut (*f).func_globals }, "__globals__"),
    (|f| unsafe { &raw mut (*f).func_name }, "__name__"),
    (|f| unsafe { &raw mut (*f).func_qualname }, "__qualname__"),
    (|f| unsafe { &raw mut (*f).func_code }, "__code__"),
    (|f| unsafe { &raw mut (*f).func_defaults }, "__defaults__"),
    (
        |f| unsafe { &raw mut (*f).func_kwdefaults },
        "__kwdefaults__",
    ),
    (|f| unsafe { &raw mut (*f).func_closure }, "__closure__"),
    (|f| unsafe { &raw mut (*f).func_doc }, "__doc__"),
    (|f| unsafe { &raw mut (*f).func_module }, "__module__"),
];

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // Filled once it is linked: a function may be in a cell of its own closure.
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyFunctionObject>()) }
}

/// Fills the fresh mirror `p` of the function `v`.
///
/// # Safety
/// The two are a pair; the lock is held.
pub unsafe fn fill(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        for (field, name) in FIELDS {
            // Attributes of a function: no Python code runs.
            let value = v.get_attr(name, vm).ok();
            if let Some(value) = value.filter(|value| !vm.is_none(value)) {
                *field(p.cast()) = c_of(vm, &value);
            }
        }
        (*p.cast::<PyFunctionObject>()).vectorcall = Some(function::vm_vectorcall);
    }
}

/// What the mirror holds, NULL where it holds nothing.
///
/// # Safety
/// `p` is a live function; the lock is held.
pub unsafe fn fields(p: *mut PyObject) -> [*mut PyObject; FIELDS.len()] {
    // SAFETY: by this function's contract.
    FIELDS.map(|(field, _)| unsafe { *field(p.cast()) })
}

unsafe fn clear(p: *mut PyObject) {
    for (field, _) in FIELDS {
        // SAFETY: `p` is a function at the end of its life.
        unsafe { refcount::xdecref(*field(p.cast())) };
    }
}
