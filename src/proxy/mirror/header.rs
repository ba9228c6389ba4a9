//! Objects of which C knows the header only.

use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyObject, PyTypeObject};
use crate::refcount::check;

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear: |_| {},
    refresh: None,
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, 0) }
}

/// C cannot make such objects by itself: it asks the VM for them, and they
/// are linked from the start.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: `p` is live.
    if check::is_freed_type(unsafe { (*p).ob_type }) {
        // The border makes it a `SystemError`; nothing is wrong in here.
        std::panic::resume_unwind(Box::new(check::used(p)));
    }
    // SAFETY: as above.
    let class = unsafe { crate::types::vm_type_of(vm, (*p).ob_type) };
    panic!(
        "a '{}' object in C memory has no counterpart in the VM",
        class.name()
    )
}
