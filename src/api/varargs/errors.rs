//! `pyerrors.h`, `warnings.h`: exceptions and warnings with formatted messages.

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef};
use rustpython_vm::{PyRef, PyResult, VirtualMachine, warn};

use super::*;
use crate::api::format::text_from_format;
use crate::api::pyerrors::{PyErr_SetObject, report_unraisable};
use crate::api::unicodeobject::PyUnicode_DecodeFSDefault;
use crate::api::{Nothing, border, optional, python};
use crate::proxy::vm_of_stolen;
use crate::refcount;

/// Sets an exception whose argument is a formatted message. Always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_FormatV(
    exception: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        // What is set now is not to be found by what the formatting calls.
        error::replace(std::ptr::null_mut());
        // SAFETY: the caller of the variadic function answers for its
        // arguments; the message is ours.
        unsafe {
            if let Ok(message) = text_from_format(vm, format, va) {
                PyErr_SetObject(exception, message);
                refcount::decref(message);
            }
        }
        Ok(std::ptr::null_mut())
    })
}

/// The work of `PyErr_FormatUnraisable`: hands the exception that is set to
/// `sys.unraisablehook`, with a formatted message unless `format` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyErr_FormatUnraisable(
    format: *const c_char,
    va: *mut __va_list_tag,
) {
    border(|vm| {
        let Some(exception) = error::take(vm) else {
            return Ok(Nothing);
        };
        let message = if format.is_null() {
            None
        } else {
            // SAFETY: the caller of the variadic function answers for its arguments.
            let message = unsafe { message(vm, format, va) };
            // An exception that cannot be described is still reported.
            message.ok().map(|text| text.to_string())
        };
        report_unraisable(vm, exception, message, vm.ctx.none());
        Ok(Nothing)
    });
}

/// The text of a format as a VM string.
unsafe fn message(
    vm: &VirtualMachine,
    format: *const c_char,
    va: *const __va_list_tag,
) -> PyResult<PyRef<PyStr>> {
    // SAFETY: by the callers' contract; the text is ours.
    unsafe {
        match text_from_format(vm, format, va) {
            Ok(text) => Ok(vm_of_stolen(vm, text).downcast().expect("a str")),
            Err(Raised) => Err(error::take(vm).expect("an exception is set")),
        }
    }
}

/// A warning's category, `RuntimeWarning` for NULL.
unsafe fn category(vm: &VirtualMachine, class: *mut PyObject) -> PyResult<PyTypeRef> {
    // SAFETY: by the callers' contract.
    match unsafe { optional(vm, class) } {
        None => Ok(vm.ctx.exceptions.runtime_warning.to_owned()),
        Some(class) => class
            .downcast::<PyType>()
            .map_err(|_| bad_internal_call(vm)),
    }
}

/// Issues a `DeprecationWarning` of the API's own.
pub fn warn_deprecated(message: String, stack_level: isize) -> Raising<()> {
    let vm = thread::current_vm();
    let message = vm.ctx.new_str(message).into();
    let class = vm.ctx.exceptions.deprecation_warning.to_owned();
    python(|| warn::warn(message, Some(class), stack_level, None, vm)).map_err(raise)
}

/// The work of `PyErr_WarnFormat`. 0, or -1 with an exception set, which may
/// be the warning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyErr_WarnFormat(
    class: *mut PyObject,
    stack_level: Py_ssize_t,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        let (class, message) = unsafe { (category(vm, class)?, message(vm, format, va)?) };
        python(|| warn::warn(message.into(), Some(class), stack_level, None, vm))
    })
}

/// The work of `PyErr_ResourceWarning`, about `source` unless that is NULL.
/// 0, or -1 with an exception set, which may be the warning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyErr_ResourceWarning(
    source: *mut PyObject,
    stack_level: Py_ssize_t,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        let (source, message) = unsafe { (optional(vm, source), message(vm, format, va)?) };
        let class = vm.ctx.exceptions.resource_warning.to_owned();
        python(|| warn::warn(message.into(), Some(class), stack_level, source, vm))
    })
}

/// The work of `PyErr_WarnExplicitFormat`, for a place in a file; `module`
/// and `registry` may be NULL. 0, or -1 with an exception set, which may be
/// the warning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyErr_WarnExplicitFormat(
    class: *mut PyObject,
    filename: *const c_char,
    lineno: c_int,
    module: *const c_char,
    registry: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its
        // arguments; the file's name is ours.
        let (class, filename, module, registry, message) = unsafe {
            let filename = PyUnicode_DecodeFSDefault(filename);
            if filename.is_null() {
                return Err(super::super::null_argument(vm));
            }
            let filename = vm_of_stolen(vm, filename);
            let module = if module.is_null() {
                None
            } else {
                Some(vm.ctx.new_str(super::super::text(vm, module)?).into())
            };
            let registry = optional(vm, registry).unwrap_or_else(|| vm.ctx.none());
            let message = message(vm, format, va)?;
            (category(vm, class)?, filename, module, registry, message)
        };
        let filename = filename.downcast::<PyStr>().expect("a str");
        let lineno = usize::try_from(lineno).unwrap_or(0);
        python(|| {
            warn::warn_explicit(
                Some(class),
                message.into(),
                filename,
                lineno,
                module,
                registry,
                None,
                None,
                vm,
            )
        })
    })
}
