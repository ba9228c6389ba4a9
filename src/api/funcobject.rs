//! `cpython/funcobject.h`: functions written in Python, static methods, class methods.

use std::ffi::c_int;

use rustpython_vm::builtins::{PyDict, PyFunction, PyTuple};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{bad_internal_call, border, object, optional, python, watch};
use crate::layout::*;
use crate::proxy::{c_of, mirror};
use crate::refcount::anchors;

/// A function of `code`: new.
///
/// # Safety
/// `code` and `globals` are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_New(
    code: *mut PyObject,
    globals: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { PyFunction_NewWithQualName(code, globals, std::ptr::null_mut()) }
}

/// [`PyFunction_New`] with a `__qualname__`, which may be NULL.
///
/// # Safety
/// As for [`PyFunction_New`]; `qualname` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_NewWithQualName(
    code: *mut PyObject,
    globals: *mut PyObject,
    qualname: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (code, globals, qualname) = unsafe {
            (
                object(vm, code)?,
                object(vm, globals)?,
                optional(vm, qualname),
            )
        };
        let class: PyObjectRef = vm.ctx.types.function_type.to_owned().into();
        let function = python(|| class.call((code, globals), vm))?;
        if let Some(qualname) = qualname {
            function.set_attr("__qualname__", qualname, vm)?;
        }
        Ok(function)
    })
}

/// `op`, if it is a function.
unsafe fn function(vm: &VirtualMachine, op: *mut PyObject) -> PyResult<PyObjectRef> {
    // SAFETY: the callers hand over NULL or a live object.
    unsafe { optional(vm, op) }
        .filter(|v| v.downcast_ref::<PyFunction>().is_some())
        .ok_or_else(|| bad_internal_call(vm))
}

/// An attribute of a function, borrowed from it: NULL for `None`.
unsafe fn get(op: *mut PyObject, name: &'static str) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the callers hand over NULL or a live object.
        let function = unsafe { function(vm, op)? };
        let value = function.get_attr(name, vm)?;
        if vm.is_none(&value) {
            return Ok(std::ptr::null_mut());
        }
        let empty = |dict: &rustpython_vm::Py<PyDict>| dict.is_empty();
        if name == "__annotations__" && value.downcast_ref::<PyDict>().is_some_and(empty) {
            // The VM shows an empty dict where there are none.
            let annotate = function.get_attr("__annotate__", vm)?;
            if vm.is_none(&annotate) {
                return Ok(crate::types::statics::none());
            }
        }
        // SAFETY: the function holds the attribute.
        Ok(unsafe { anchors::borrow_from(op, c_of(vm, &value)) })
    })
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident = $attribute:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `op` is NULL or a live object.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(op: *mut PyObject) -> *mut PyObject {
            // SAFETY: by this function's contract.
            unsafe { get(op, $attribute) }
        }
    )*};
}

getters! {
    /// The code: borrowed. `SystemError` if `op` is no function; so for all of these.
    PyFunction_GetCode = "__code__";
    /// The globals: borrowed.
    PyFunction_GetGlobals = "__globals__";
    /// The module's name: borrowed, NULL without an exception if there is none.
    PyFunction_GetModule = "__module__";
    /// The default values: borrowed, NULL without an exception if there are none.
    PyFunction_GetDefaults = "__defaults__";
    /// The default values of keyword-only arguments: borrowed, NULL without an
    /// exception if there are none.
    PyFunction_GetKwDefaults = "__kwdefaults__";
    /// The closure: borrowed, NULL without an exception if there is none.
    PyFunction_GetClosure = "__closure__";
    /// The annotations: borrowed, `None` if there are none.
    PyFunction_GetAnnotations = "__annotations__";
}

/// Sets an attribute that must be `None` or pass `test`.
unsafe fn set(
    op: *mut PyObject,
    name: &'static str,
    value: *mut PyObject,
    test: fn(&PyObjectRef) -> bool,
    error: &'static str,
) -> c_int {
    border(|vm| {
        // SAFETY: the callers hand over NULL or live objects.
        let (function, value) = unsafe { (function(vm, op)?, object(vm, value)?) };
        if !vm.is_none(&value) && !test(&value) {
            return Err(vm.new_system_error(error));
        }
        function.set_attr(name, value, vm)?;
        // SAFETY: the two are a pair.
        unsafe { mirror::refresh(vm, &function, op) };
        Ok(())
    })
}

/// Sets the default values to a tuple or `None`; anything else is a `SystemError`.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_SetDefaults(
    op: *mut PyObject,
    defaults: *mut PyObject,
) -> c_int {
    let test = |v: &PyObjectRef| v.downcast_ref::<PyTuple>().is_some();
    // SAFETY: by this function's contract.
    unsafe { set(op, "__defaults__", defaults, test, "non-tuple default args") }
}

/// Sets the default values of keyword-only arguments to a dict or `None`;
/// anything else is a `SystemError`.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_SetKwDefaults(
    op: *mut PyObject,
    defaults: *mut PyObject,
) -> c_int {
    let test = |v: &PyObjectRef| v.downcast_ref::<PyDict>().is_some();
    let error = "non-dict keyword only default args";
    // SAFETY: by this function's contract.
    unsafe { set(op, "__kwdefaults__", defaults, test, error) }
}

/// Sets the annotations to a dict or `None`; anything else is a `SystemError`.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_SetAnnotations(
    op: *mut PyObject,
    annotations: *mut PyObject,
) -> c_int {
    let test = |v: &PyObjectRef| v.downcast_ref::<PyDict>().is_some();
    // SAFETY: by this function's contract.
    unsafe {
        set(
            op,
            "__annotations__",
            annotations,
            test,
            "non-dict annotations",
        )
    }
}

/// `staticmethod(callable)`: new.
///
/// # Safety
/// `callable` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStaticMethod_New(callable: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let callable = unsafe { object(vm, callable)? };
        let class: PyObjectRef = vm.ctx.types.staticmethod_type.to_owned().into();
        python(|| class.call((callable,), vm))
    })
}

/// `classmethod(callable)`: new.
///
/// # Safety
/// `callable` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyClassMethod_New(callable: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let callable = unsafe { object(vm, callable)? };
        let class: PyObjectRef = vm.ctx.types.classmethod_type.to_owned().into();
        python(|| class.call((callable,), vm))
    })
}

/// Registers a watcher of functions: -1 with `RuntimeError`, as when no number is left; see [`watch`].
#[unsafe(no_mangle)]
pub extern "C" fn PyFunction_AddWatcher(_callback: PyFunction_WatchCallback) -> c_int {
    border(|vm| watch::add(vm, "func"))
}

/// Forgets a watcher: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyFunction_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| watch::with(vm, "func", watcher_id))
}

/// Gives a function another closure, a tuple of cells or `None`: 0, or -1 with `SystemError`; the VM's functions keep the one
/// they were made with, so anything else is one.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_SetClosure(op: *mut PyObject, closure: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (function, closure) = unsafe { (function(vm, op)?, object(vm, closure)?) };
        if !vm.is_none(&closure) && closure.downcast_ref::<PyTuple>().is_none() {
            let name = closure.class().name().to_string();
            return Err(vm.new_system_error(format!("expected tuple for closure, got '{name}'")));
        }
        if function.get_attr("__closure__", vm)?.is(&closure) {
            return Ok(());
        }
        Err(vm.new_system_error("the function keeps the closure it was made with"))
    })
}

/// Has a function called by C code instead of by the VM. The VM calls its functions itself: `SystemError` is set.
///
/// # Safety
/// `func` is a live function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFunction_SetVectorcall(
    _func: *mut PyFunctionObject,
    _vectorcall: Option<vectorcallfunc>,
) {
    border(|vm| -> PyResult<super::Nothing> {
        Err(vm.new_system_error("the VM calls its functions itself"))
    });
}
