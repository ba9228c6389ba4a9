//! `descrobject.h`: descriptors.

use std::ffi::c_int;

use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{border, object, python};
use crate::layout::*;
use crate::types::{descr, vm_type_of};

unsafe fn class_of(vm: &VirtualMachine, t: *mut PyTypeObject) -> PyTypeRef {
    // SAFETY: the callers hand over a live type.
    unsafe { vm_type_of(vm, t) }
}

/// A `method_descriptor` of `type_`: new.
///
/// # Safety
/// `type_` is a live type, and the definition lives as long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDescr_NewMethod(
    type_: *mut PyTypeObject,
    method: *mut PyMethodDef,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { descr::new_method(vm, &class_of(vm, type_), method) })
}

/// A `classmethod_descriptor` of `type_`: new.
///
/// # Safety
/// As for [`PyDescr_NewMethod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDescr_NewClassMethod(
    type_: *mut PyTypeObject,
    method: *mut PyMethodDef,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { descr::new_class_method(vm, &class_of(vm, type_), method) })
}

/// A `member_descriptor` of `type_`: new.
///
/// # Safety
/// As for [`PyDescr_NewMethod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDescr_NewMember(
    type_: *mut PyTypeObject,
    member: *mut PyMemberDef,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { descr::new_member(vm, &class_of(vm, type_), member) })
}

/// A `getset_descriptor` of `type_`: new.
///
/// # Safety
/// As for [`PyDescr_NewMethod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDescr_NewGetSet(
    type_: *mut PyTypeObject,
    getset: *mut PyGetSetDef,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { descr::new_getset(vm, &class_of(vm, type_), getset) })
}

/// Whether `ob` is a descriptor that can be assigned through: 1 or 0.
///
/// # Safety
/// `ob` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDescr_IsData(ob: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { (*(*ob).ob_type).tp_descr_set.is_some().into() }
}

/// A read-only view of a mapping: new. `TypeError` if it is none.
///
/// # Safety
/// `mapping` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDictProxy_New(mapping: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let mapping = unsafe { object(vm, mapping)? };
        let class: PyObjectRef = vm.ctx.types.mappingproxy_type.to_owned().into();
        python(|| class.call((mapping,), vm))
    })
}

/// The slot wrapper `d` bound to `self_`: new.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyWrapper_New(d: *mut PyObject, self_: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (d, zelf) = unsafe { (object(vm, d)?, object(vm, self_)?) };
        python(|| -> PyResult {
            let get = d.class().slots().descr_get.load();
            let get = get.ok_or_else(|| super::bad_internal_call(vm))?;
            get(&d, Some(&zelf), Some(zelf.class().as_object()), vm)
        })
    })
}

// skipped: PyDescr_NewWrapper: takes functions of CPython's own, which nobody else has.
