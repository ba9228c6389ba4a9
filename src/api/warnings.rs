//! `warnings.h` and `cpython/warnings.h`, without what takes a format.

use std::ffi::{CStr, c_char, c_int};

use rustpython_vm::builtins::{PyStr, PyTypeRef};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::import::call;
use super::pyerrors::fs_decode;
use super::{border, object, optional, python, text};
use crate::layout::{Py_ssize_t, PyObject};

/// A category of warnings; NULL is `RuntimeWarning`.
unsafe fn category_of(vm: &VirtualMachine, category: *mut PyObject) -> PyResult<PyTypeRef> {
    // SAFETY: by the callers' contract.
    match unsafe { optional(vm, category) } {
        None => Ok(vm.ctx.exceptions.runtime_warning.to_owned()),
        Some(v) => v.downcast().map_err(|other: PyObjectRef| {
            vm.new_type_error(format!(
                "category must be a Warning subclass, not '{}'",
                other.class().name()
            ))
        }),
    }
}

/// Warns with a text, as the variadic functions also do.
///
/// # Errors
/// The warning, where a filter makes it an exception.
///
/// # Safety
/// `category` is NULL or a live object; the lock is held.
pub unsafe fn warn(
    vm: &VirtualMachine,
    category: *mut PyObject,
    message: PyObjectRef,
    stack_level: Py_ssize_t,
    source: Option<PyObjectRef>,
) -> PyResult<()> {
    // SAFETY: by this function's contract.
    let category = unsafe { category_of(vm, category) }?;
    python(|| rustpython_vm::warn::warn(message, Some(category), stack_level, source, vm))
}

/// Warns. 0, or -1 if the warning is an exception. `message` is UTF-8; steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_WarnEx(
    category: *mut PyObject,
    message: *const c_char,
    stack_level: Py_ssize_t,
) -> c_int {
    // SAFETY: the caller passes NULL or a live object, and a NUL-terminated string.
    border(|vm| unsafe {
        let message = vm.ctx.new_str(text(vm, message)?).into();
        warn(vm, category, message, stack_level, None)
    })
}

fn warn_explicit(
    vm: &VirtualMachine,
    category: PyTypeRef,
    message: PyObjectRef,
    filename: PyObjectRef,
    lineno: c_int,
    module: Option<PyObjectRef>,
    registry: Option<PyObjectRef>,
) -> PyResult<()> {
    let module = module.unwrap_or_else(|| match filename.downcast_ref::<PyStr>() {
        Some(name) => {
            let name = name.as_wtf8().to_string_lossy().into_owned();
            match name.strip_suffix(".py").unwrap_or(&name) {
                "" => vm.ctx.new_str("<unknown>").into(),
                name => vm.ctx.new_str(name).into(),
            }
        }
        None => vm.ctx.none(),
    });
    let registry = registry.unwrap_or_else(|| vm.ctx.none());
    call(
        vm,
        "_warnings",
        "warn_explicit",
        (message, category, filename, lineno, module, registry),
    )?;
    Ok(())
}

/// Warns about a place. 0, or -1 if the warning is an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_WarnExplicitObject(
    category: *mut PyObject,
    message: *mut PyObject,
    filename: *mut PyObject,
    lineno: c_int,
    module: *mut PyObject,
    registry: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes live objects; category, module and registry may be NULL.
    border(|vm| unsafe {
        let category = category_of(vm, category)?;
        let (message, filename) = (object(vm, message)?, object(vm, filename)?);
        let (module, registry) = (optional(vm, module), optional(vm, registry));
        warn_explicit(vm, category, message, filename, lineno, module, registry)
    })
}

/// As `PyErr_WarnExplicitObject`, with UTF-8 texts and a file name as the system has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_WarnExplicit(
    category: *mut PyObject,
    message: *const c_char,
    filename: *const c_char,
    lineno: c_int,
    module: *const c_char,
    registry: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes NUL-terminated strings; category, module and registry may be NULL.
    border(|vm| unsafe {
        let category = category_of(vm, category)?;
        let message = vm.ctx.new_str(text(vm, message)?).into();
        let filename = fs_decode(vm, CStr::from_ptr(filename)).into();
        let module = match module.is_null() {
            true => None,
            false => Some(vm.ctx.new_str(text(vm, module)?).into()),
        };
        let registry = optional(vm, registry);
        warn_explicit(vm, category, message, filename, lineno, module, registry)
    })
}
