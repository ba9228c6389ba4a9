//! The variadic ways to call something, and `PyTuple_Pack`.

use std::ffi::{CStr, c_char};
use std::ptr;

use rustpython_vm::VirtualMachine;

use super::*;
use crate::api::border;
use crate::api::call::{PyCallable_Check, PyObject_Vectorcall, PyObject_VectorcallMethod};
use crate::api::modsupport::{build_stack, is_a};
use crate::api::null_argument;
use crate::api::object::PyObject_GetAttrString;
use crate::api::tupleobject::PyTuple_New;
use crate::layout::{_Py_Identifier, PY_VECTORCALL_ARGUMENTS_OFFSET, Py_TPFLAGS_TUPLE_SUBCLASS};
use crate::proxy::mirror::tupleobject;
use crate::refcount;

/// Calls with a C stack of arguments, which stay the caller's.
unsafe fn vectorcall(callable: *mut PyObject, args: &[*mut PyObject]) -> Raising<*mut PyObject> {
    // SAFETY: by the callers' contract.
    non_null(unsafe { PyObject_Vectorcall(callable, args.as_ptr(), args.len(), ptr::null_mut()) })
}

/// Calls with arguments by a format of `Py_BuildValue`; one tuple is the
/// arguments.
unsafe fn call_format(
    vm: &VirtualMachine,
    callable: *mut PyObject,
    format: *const c_char,
    va: *const __va_list_tag,
) -> Raising<*mut PyObject> {
    // SAFETY: by the callers' contract; the stack's references are ours.
    unsafe {
        if format.is_null() || *format == 0 {
            return vectorcall(callable, &[]);
        }
        let stack = build_stack(Format::of(vm, format)?, VaList::copy_of(va))?;
        let result = match *stack {
            [args] if is_a(args, Py_TPFLAGS_TUPLE_SUBCLASS) => {
                vectorcall(callable, tupleobject::items(args))
            }
            _ => vectorcall(callable, &stack),
        };
        for value in stack {
            refcount::decref(value);
        }
        result
    }
}

unsafe fn call_method(
    vm: &VirtualMachine,
    object: *mut PyObject,
    name: *const c_char,
    format: *const c_char,
    va: *const __va_list_tag,
) -> Raising<*mut PyObject> {
    if object.is_null() || name.is_null() {
        return Err(raise(null_argument(vm)));
    }
    // SAFETY: by the callers' contract; the method is ours.
    unsafe {
        let method = non_null(PyObject_GetAttrString(object, name))?;
        let result = if PyCallable_Check(method) != 0 {
            call_format(vm, method, format, va)
        } else {
            let name = CStr::from_ptr((*(*method).ob_type).tp_name);
            Err(type_error(format!(
                "attribute of type '{}' is not callable",
                clip(name.to_bytes(), 200)
            )))
        };
        refcount::decref(method);
        result
    }
}

/// The arguments up to a NULL, behind what `stack` holds already.
unsafe fn objects(mut stack: Vec<*mut PyObject>, va: *const __va_list_tag) -> Vec<*mut PyObject> {
    // SAFETY: the arguments are objects and a NULL, by the callers' contract.
    unsafe {
        let mut va = VaList::copy_of(va);
        loop {
            let object = va.pointer::<PyObject>();
            if object.is_null() {
                return stack;
            }
            stack.push(object);
        }
    }
}

/// The work of `PyObject_CallFunction`: the result is new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyObject_CallFunction(
    callable: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        if callable.is_null() {
            return Err(null_argument(vm));
        }
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(or_null(unsafe { call_format(vm, callable, format, va) }))
    })
}

/// The work of `PyObject_CallMethod`: the result is new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyObject_CallMethod(
    object: *mut PyObject,
    name: *const c_char,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    // SAFETY: the caller of the variadic function answers for its arguments.
    border(|vm| {
        Ok(or_null(unsafe {
            call_method(vm, object, name, format, va)
        }))
    })
}

/// The work of `_PyObject_CallMethodId`: the result is new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyObject_CallMethodId(
    object: *mut PyObject,
    name: *mut _Py_Identifier,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        if name.is_null() {
            return Err(null_argument(vm));
        }
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(or_null(unsafe {
            call_method(vm, object, (*name).string, format, va)
        }))
    })
}

/// The work of `PyObject_CallFunctionObjArgs`, whose arguments end with NULL:
/// the result is new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyObject_CallFunctionObjArgs(
    callable: *mut PyObject,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        if callable.is_null() {
            return Err(null_argument(vm));
        }
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(or_null(unsafe {
            vectorcall(callable, &objects(Vec::new(), va))
        }))
    })
}

/// The work of `PyObject_CallMethodObjArgs`, whose arguments end with NULL:
/// the result is new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyObject_CallMethodObjArgs(
    object: *mut PyObject,
    name: *mut PyObject,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        if object.is_null() || name.is_null() {
            return Err(null_argument(vm));
        }
        // SAFETY: the caller of the variadic function answers for its
        // arguments. The slot before the first one is the callee's to use.
        Ok(unsafe {
            let stack = objects(vec![ptr::null_mut(), object], va);
            let nargsf = (stack.len() - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET;
            PyObject_VectorcallMethod(name, stack.as_ptr().add(1), nargsf, ptr::null_mut())
        })
    })
}

/// The work of `PyTuple_Pack`: a new tuple of `size` objects, which stay the
/// caller's, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyTuple_Pack(
    size: Py_ssize_t,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    // SAFETY: exactly `tuple`, with as many places; the caller of the variadic
    // function answers for its arguments.
    unsafe {
        let tuple = PyTuple_New(size);
        if size > 0 && !tuple.is_null() {
            let mut va = VaList::copy_of(va);
            for item in tupleobject::items(tuple) {
                *item = va.pointer();
                refcount::incref(*item);
            }
        }
        tuple
    }
}
