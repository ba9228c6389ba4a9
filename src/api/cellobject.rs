//! `cpython/cellobject.h`: cells.

use std::ffi::c_int;

use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{bad_internal_call, border, optional};
use crate::layout::*;
use crate::proxy::mirror;
use crate::refcount;

/// A cell that holds `ob`, empty if that is NULL: new.
///
/// # Safety
/// `ob` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCell_New(ob: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        let class: PyObjectRef = vm.ctx.types.cell_type.to_owned().into();
        // SAFETY: by this function's contract.
        match unsafe { optional(vm, ob) } {
            Some(ob) => class.call((ob,), vm),
            None => class.call((), vm),
        }
    })
}

/// `op`, if it is a cell.
unsafe fn cell(vm: &VirtualMachine, op: *mut PyObject) -> PyResult<PyObjectRef> {
    // SAFETY: the callers hand over NULL or a live object.
    unsafe { optional(vm, op) }
        .filter(|v| v.class().is(vm.ctx.types.cell_type))
        .ok_or_else(|| bad_internal_call(vm))
}

/// What the cell holds: new, NULL without an exception if it is empty.
/// `SystemError` if `op` is no cell.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCell_Get(op: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract; the field is true in C.
        unsafe {
            cell(vm, op)?;
            Ok(refcount::xnew_ref((*op.cast::<PyCellObject>()).ob_ref))
        }
    })
}

/// Puts `value`, which stays the caller's, into the cell; NULL empties it.
/// `SystemError` if `op` is no cell.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCell_Set(op: *mut PyObject, value: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let cell = cell(vm, op)?;
            match optional(vm, value) {
                Some(value) => cell.set_attr("cell_contents", value, vm)?,
                None => cell.del_attr("cell_contents", vm)?,
            }
            mirror::refresh(vm, &cell, op);
            Ok(())
        }
    })
}
