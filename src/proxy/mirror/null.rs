//! What the VM sees in place of an element that C has not filled.
//!
//! A tuple or list that C shows to the VM too early has NULLs in it. The VM has no such thing, so one object stands for them
//! there, whose `repr` is what CPython prints for a NULL; going back to C, it is NULL again.

use std::sync::OnceLock;

use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use crate::layout::PyObject;
use crate::proxy::vm_of_opt;

static NULL: OnceLock<PyObjectRef> = OnceLock::new();

const SOURCE: &str = "
class NULL:
    __slots__ = ()
    def __repr__(self):
        return '<NULL>'
null = NULL()
";

/// Makes the object, once.
///
/// # Errors
/// What the VM raises.
pub fn init(vm: &VirtualMachine) -> PyResult<()> {
    let scope = vm.new_scope_with_builtins();
    let globals = scope.globals.clone();
    vm.run_string(scope, SOURCE, "<NULL>")?;
    NULL.get_or_init(|| globals.get_item("null", vm).expect("just defined"));
    Ok(())
}

/// The VM object of an element, which may be NULL.
///
/// # Safety
/// `p` is NULL or a live object; the lock is held.
pub unsafe fn element(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe { vm_of_opt(vm, p) }.unwrap_or_else(|| stand_in(vm))
}

/// What stands for a NULL.
#[cold]
pub fn stand_in(vm: &VirtualMachine) -> PyObjectRef {
    NULL.get().map_or_else(|| vm.ctx.none(), Clone::clone)
}

/// Whether `v` stands for a NULL.
#[inline]
pub fn is(v: &VmObject) -> bool {
    NULL.get().is_some_and(|null| v.is(null))
}
