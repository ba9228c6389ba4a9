//! The error indicator.
//!
//! While a thread is in C, `tstate->current_exception` is the authority; at
//! the border it becomes the `Err` of a [`PyResult`] and back. Nothing is
//! converted unless something is set.

use std::ptr;

use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::state::current;
use crate::layout::PyObject;
use crate::refcount::check::{self, Problem};
use crate::{proxy, refcount};

/// Whether the error indicator is set.
#[inline]
pub fn occurred() -> bool {
    // SAFETY: this thread holds the lock, so the state is its own.
    unsafe { !(*current()).c.current_exception.is_null() }
}

/// The exception that is set, borrowed, or NULL.
#[inline]
pub fn peek() -> *mut PyObject {
    // SAFETY: this thread holds the lock, so the state is its own.
    unsafe { (*current()).c.current_exception }
}

/// Sets the error indicator to `exception` (stolen, may be NULL).
pub fn replace(exception: *mut PyObject) {
    // SAFETY: this thread holds the lock, so the state is its own; the old
    // exception is dropped after it is out of reach.
    unsafe {
        let old = std::mem::replace(&mut (*current()).c.current_exception, exception);
        refcount::xdecref(old);
    }
}

/// Takes the exception out of the error indicator: owned, or NULL.
pub fn take_raw() -> *mut PyObject {
    // SAFETY: this thread holds the lock, so the state is its own.
    unsafe { std::mem::replace(&mut (*current()).c.current_exception, ptr::null_mut()) }
}

/// Sets the error indicator to a VM exception.
#[cold]
pub fn set(vm: &VirtualMachine, exception: &PyBaseExceptionRef) {
    replace(proxy::c_of(vm, exception.as_object()));
}

/// Takes the exception out of the error indicator, for the VM.
#[cold]
pub fn take(vm: &VirtualMachine) -> Option<PyBaseExceptionRef> {
    let p = take_raw();
    if p.is_null() {
        return None;
    }
    // SAFETY: the indicator owned the reference.
    let v = unsafe { proxy::vm_of_stolen(vm, p) };
    Some(v.downcast::<PyBaseException>().unwrap_or_else(|other| {
        vm.new_system_error(format!(
            "the error indicator held an object of type '{}', which is no exception",
            other.class().name()
        ))
    }))
}

/// What a C call that failed left, or a `SystemError` naming `who` when it
/// left nothing.
#[cold]
pub fn failure(vm: &VirtualMachine, who: &dyn Fn() -> String) -> PyBaseExceptionRef {
    take(vm).unwrap_or_else(|| {
        check::result(Problem::ErrorWithoutException, who);
        vm.new_system_error(format!(
            "{} returned NULL without setting an exception",
            who()
        ))
    })
}

/// The result of a C call that returns a new reference or NULL.
#[inline]
pub fn object_result(vm: &VirtualMachine, p: *mut PyObject, who: impl Fn() -> String) -> PyResult {
    if p.is_null() {
        return Err(failure(vm, &who));
    }
    // SAFETY: C handed us the reference.
    let v = unsafe { proxy::vm_of_stolen(vm, p) };
    if occurred() {
        return Err(result_with_error(vm, &who));
    }
    Ok(v)
}

/// The result of a C call that returns a negative number for an error.
#[inline]
pub fn int_result(
    vm: &VirtualMachine,
    status: impl Into<i64>,
    who: impl Fn() -> String,
) -> PyResult<i64> {
    let status = status.into();
    if status < 0 && occurred() {
        return Err(failure(vm, &who));
    }
    if status >= 0 && occurred() {
        return Err(result_with_error(vm, &who));
    }
    Ok(status)
}

/// The result of a C call that returns -1 for an error, and must set one.
#[inline]
pub fn status_result(vm: &VirtualMachine, status: i32, who: impl Fn() -> String) -> PyResult<()> {
    if status < 0 {
        return Err(failure(vm, &who));
    }
    if occurred() {
        return Err(result_with_error(vm, &who));
    }
    Ok(())
}

#[cold]
fn result_with_error(vm: &VirtualMachine, who: &dyn Fn() -> String) -> PyBaseExceptionRef {
    check::result(Problem::ResultWithError, who);
    let cause = take(vm);
    let error = vm.new_system_error(format!("{} returned a result with an exception set", who()));
    error.set_cause(cause.clone());
    error.set_context(cause);
    error
}

/// Runs `f` with an empty error indicator, and puts back what was set.
pub fn undisturbed<R>(f: impl FnOnce() -> R) -> R {
    let saved = take_raw();
    let result = f();
    let left = take_raw();
    if !left.is_null() {
        // SAFETY: the indicator owned it.
        unsafe { report_unraisable(left) };
    }
    if !saved.is_null() {
        replace(saved);
    }
    result
}

/// Reports an exception that nobody can catch, through `sys.unraisablehook`.
#[cold]
unsafe fn report_unraisable(exception: *mut PyObject) {
    let vm = super::state::current_vm();
    // SAFETY: the caller hands over its reference.
    let v: PyObjectRef = unsafe { proxy::vm_of_stolen(vm, exception) };
    if let Ok(exception) = v.downcast::<PyBaseException>() {
        super::lock::leave_for(|| vm.run_unraisable(exception, None, vm.ctx.none()));
    }
}
