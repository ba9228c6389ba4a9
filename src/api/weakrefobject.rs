//! `weakrefobject.h`: weak references.

use std::ffi::c_int;
use std::ptr;

use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::{bad_internal_call, border, object, optional, python};
use crate::layout::*;
use crate::proxy;
use crate::types::statics;

/// `class(object[, callback])`; `None` and NULL both mean no callback.
unsafe fn new(
    vm: &VirtualMachine,
    class: PyObjectRef,
    ob: *mut PyObject,
    callback: *mut PyObject,
) -> PyResult {
    // SAFETY: by the callers' contract.
    let (ob, callback) = unsafe { (object(vm, ob)?, optional(vm, callback)) };
    python(|| match callback.filter(|callback| !vm.is_none(callback)) {
        Some(callback) => class.call((ob, callback), vm),
        None => class.call((ob,), vm),
    })
}

/// A weak reference to `ob`: new. `TypeError` if there can be none.
///
/// # Safety
/// `ob` is a live object, `callback` NULL or one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWeakref_NewRef(
    ob: *mut PyObject,
    callback: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe {
        new(
            vm,
            vm.ctx.types.weakref_type.to_owned().into(),
            ob,
            callback,
        )
    })
}

/// A weak proxy of `ob`: new. `TypeError` if there can be none.
///
/// # Safety
/// As for [`PyWeakref_NewRef`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWeakref_NewProxy(
    ob: *mut PyObject,
    callback: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        let proxy = vm
            .import(vm.ctx.intern_str("_weakref"), 0)?
            .get_attr("proxy", vm)?;
        // SAFETY: by this function's contract.
        unsafe { new(vm, proxy, ob, callback) }
    })
}

/// What the weak reference or proxy `r` refers to, if that is alive.
unsafe fn referent(vm: &VirtualMachine, r: *mut PyObject) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: by the callers' contract.
    let v = unsafe { optional(vm, r) };
    // The proxies have a weak reference's payload too.
    match v.as_ref().and_then(|v| v.downcast_ref::<PyWeak>()) {
        Some(weak) => Ok(weak.upgrade()),
        None => Err(vm.new_type_error("expected a weakref")),
    }
}

/// Stores a new reference to what `r` refers to in `pobj` and returns 1, or
/// NULL and 0 if that is dead; -1 with `TypeError` if `r` is no weak reference.
///
/// # Safety
/// `r` is a live object or NULL; `pobj` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWeakref_GetRef(r: *mut PyObject, pobj: *mut *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            *pobj = ptr::null_mut();
            if r.is_null() {
                return Err(bad_internal_call(vm));
            }
            let alive = referent(vm, r)?;
            if let Some(v) = &alive {
                *pobj = proxy::c_of(vm, v);
            }
            Ok(alive.is_some())
        }
    })
}

/// What `r` refers to, borrowed, or `None` if that is dead.
///
/// # Safety
/// `r` is a live object or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWeakref_GetObject(r: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        match unsafe { referent(vm, r) } {
            Ok(Some(v)) => Ok(super::lend(vm, &v)),
            Ok(None) => Ok(statics::none()),
            Err(_) => Err(bad_internal_call(vm)),
        }
    })
}

/// Whether what `r` refers to is dead: 1 or 0, or -1 with `TypeError` if `r`
/// is no weak reference.
///
/// # Safety
/// `r` is a live object or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWeakref_IsDead(r: *mut PyObject) -> c_int {
    border(|vm| {
        if r.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: by this function's contract.
        match unsafe { referent(vm, r) } {
            Ok(alive) => Ok(alive.is_none()),
            Err(_) => {
                // SAFETY: `r` is live.
                let name = unsafe { crate::types::function::text((*(*r).ob_type).tp_name) };
                Err(vm.new_type_error(format!("expected a weakref, got {name}")))
            }
        }
    })
}

/// [`PyWeakref_IsDead`] for what is known to be a weak reference.
///
/// # Safety
/// `r` is a live weak reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyWeakref_IsDead(r: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { PyWeakref_IsDead(r) }
}

// skipped: _PyWeakref_ClearRef: the VM cannot clear one weak reference of several.
