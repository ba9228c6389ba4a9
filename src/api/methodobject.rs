//! `methodobject.h`: functions written in C.

use std::ffi::c_int;

use super::{bad_internal_call, border};
use crate::layout::*;
use crate::types::function;

/// A function for `ml`, bound to `self_`: new. `self_` may be NULL.
///
/// # Safety
/// `ml` outlives the function; `self_` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_New(
    ml: *mut PyMethodDef,
    self_: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { PyCMethod_New(ml, self_, std::ptr::null_mut(), std::ptr::null_mut()) }
}

/// [`PyCFunction_New`] with a value for `__module__`, which may be NULL.
///
/// # Safety
/// As for [`PyCFunction_New`]; `module` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_NewEx(
    ml: *mut PyMethodDef,
    self_: *mut PyObject,
    module: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { PyCMethod_New(ml, self_, module, std::ptr::null_mut()) }
}

/// [`PyCFunction_NewEx`] with the defining class, which must be given for a
/// `METH_METHOD` function and not for others (`SystemError`).
///
/// # Safety
/// As for [`PyCFunction_NewEx`]; `cls` is NULL or a live type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCMethod_New(
    ml: *mut PyMethodDef,
    self_: *mut PyObject,
    module: *mut PyObject,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let is_method = (*ml).ml_flags & METH_METHOD != 0;
            if is_method && cls.is_null() {
                return Err(vm.new_system_error(
                    "attempting to create PyCMethod with a METH_METHOD flag but no class",
                ));
            }
            if !is_method && !cls.is_null() {
                return Err(vm.new_system_error(
                    "attempting to create PyCFunction with class but no METH_METHOD flag",
                ));
            }
            function::new_function(vm, ml, self_, module, cls)
        }
    })
}

/// The C struct of a function; anything else is a `SystemError`.
unsafe fn function_of(
    vm: &rustpython_vm::VirtualMachine,
    op: *mut PyObject,
) -> rustpython_vm::PyResult<*mut PyCFunctionObject> {
    // SAFETY: the callers hand over a live object.
    if op.is_null() || !unsafe { PyCFunction_Check(op) } {
        return Err(bad_internal_call(vm));
    }
    Ok(op.cast())
}

#[expect(non_snake_case, reason = "CPython's name")]
unsafe fn PyCFunction_Check(op: *mut PyObject) -> bool {
    use crate::proxy::mirror::{Kind, kind_of_type};
    // SAFETY: `op` is live.
    unsafe { kind_of_type((*op).ob_type) == Kind::Builtin }
}

/// The C function that `op` calls.
///
/// # Safety
/// `op` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_GetFunction(op: *mut PyObject) -> Option<PyCFunction> {
    let mut function = None;
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe { function = (*(*function_of(vm, op)?).m_ml).ml_meth };
        Ok(())
    });
    function
}

/// What `op` is bound to: borrowed from it, NULL for a static method.
///
/// # Safety
/// `op` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_GetSelf(op: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let c = function_of(vm, op)?;
            Ok(match (*(*c).m_ml).ml_flags & METH_STATIC {
                0 => (*c).m_self,
                _ => std::ptr::null_mut(),
            })
        }
    })
}

/// The `METH_*` flags of `op`.
///
/// # Safety
/// `op` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_GetFlags(op: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { Ok((*(*function_of(vm, op)?).m_ml).ml_flags) })
}

/// `PyObject_Call` under its old name.
///
/// # Safety
/// As for `PyObject_Call`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCFunction_Call(
    callable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { super::call::PyObject_Call(callable, args, kwargs) }
}
