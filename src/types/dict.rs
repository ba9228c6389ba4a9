//! The instance dict of C-instances: one dict, wherever it is kept.
//!
//! A type with `tp_dictoffset` keeps a pointer to the dict in the C struct,
//! a Python subclass keeps it in the VM object. Both are the same dict: the
//! C slot is filled from the VM's when C looks, and the other way round.

use rustpython_vm::builtins::PyDict;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use crate::layout::{Py_TPFLAGS_MANAGED_DICT, PyObject, PyType_HasFeature};
use crate::proxy::{c_of, vm_of};
use crate::refcount;

/// The address of the dict pointer in the C struct, NULL when there is none.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn slot(p: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by this function's contract; the type says where the slot is.
    unsafe {
        let ty = (*p).ob_type;
        if PyType_HasFeature(ty, Py_TPFLAGS_MANAGED_DICT) {
            return std::ptr::null_mut();
        }
        let mut offset = (*ty).tp_dictoffset;
        if offset == 0 {
            return std::ptr::null_mut();
        }
        if offset < 0 {
            let size = (*p.cast::<crate::layout::PyVarObject>())
                .ob_size
                .unsigned_abs();
            let whole = (*ty).tp_basicsize as usize + size * (*ty).tp_itemsize as usize;
            offset += (whole.next_multiple_of(8)) as isize;
        }
        p.cast::<u8>().offset(offset).cast()
    }
}

/// The fresh VM object `v` of `p` takes over the dict that `p` already has.
///
/// # Safety
/// `p` is live and `v` is about to be its pair; the lock is held.
pub unsafe fn adopt(vm: &VirtualMachine, p: *mut PyObject, v: &PyObjectRef) {
    // SAFETY: by this function's contract.
    unsafe {
        let slot = slot(p);
        if !slot.is_null()
            && !(*slot).is_null()
            && let Ok(dict) = vm_of(vm, *slot).downcast::<PyDict>()
        {
            let _ = v.set_dict(Some(dict));
        }
    }
}

/// Fills the C struct's dict pointer from the VM object's dict, so that C
/// finds what Python wrote. Returns the slot, NULL when there is none.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn publish(vm: &VirtualMachine, p: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let slot = slot(p);
        if slot.is_null() {
            return slot;
        }
        let prefix = crate::proxy::prefix::prefix_of(p);
        if !prefix.is_null()
            && !(*prefix).link.is_null()
            && let Some(dict) = (*(*prefix).link).dict()
        {
            let known = *slot;
            if known.is_null() || !vm_of(vm, known).is(&dict) {
                *slot = c_of(vm, dict.as_ref());
                refcount::xdecref(known);
            }
        }
        slot
    }
}

/// Lets C find in its struct the dict that Python code gave to `v`, which is
/// about to be an argument.
///
/// # Safety
/// `p` is the live C-instance of `v`; the lock is held.
#[cold]
pub unsafe fn publish_argument(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if !super::is_c_type((*p).ob_type) {
            return;
        }
        let slot = slot(p);
        if !slot.is_null()
            && (*slot).is_null()
            && let Some(dict) = v.dict()
            && !dict.is_empty()
        {
            *slot = c_of(vm, dict.as_ref());
        }
    }
}
