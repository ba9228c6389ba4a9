//! `cpython/context.h`: contexts and context variables.

use std::ffi::{c_char, c_int};
use std::ptr;

use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{border, object, optional, python, text, watch};
use crate::layout::{PyContext_WatchCallback, PyObject};
use crate::proxy::c_of;

fn contextvars(vm: &VirtualMachine, name: &'static str) -> PyResult {
    vm.import(vm.ctx.intern_str("_contextvars"), 0)?
        .get_attr(name, vm)
}

/// `v`, which must be a `_contextvars.class`.
unsafe fn of_class(
    vm: &VirtualMachine,
    v: *mut PyObject,
    class: &'static str,
) -> PyResult<PyObjectRef> {
    // SAFETY: the callers hand over NULL or a live object.
    let v = unsafe { object(vm, v)? };
    if v.class().as_object().is(&contextvars(vm, class)?) {
        return Ok(v);
    }
    Err(vm.new_type_error(format!("an instance of {class} was expected")))
}

/// An empty context: new.
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_New() -> *mut PyObject {
    border(|vm| contextvars(vm, "Context")?.call((), vm))
}

/// A shallow copy of a context: new.
///
/// # Safety
/// `ctx` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContext_Copy(ctx: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { of_class(vm, ctx, "Context")? };
        vm.call_method(&ctx, "copy", ())
    })
}

/// A copy of the thread's current context: new.
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_CopyCurrent() -> *mut PyObject {
    border(|vm| contextvars(vm, "copy_context")?.call((), vm))
}

/// Makes `ctx` the thread's current context, until [`PyContext_Exit`]: 0, or -1
/// with `RuntimeError` if it is entered already.
///
/// # Safety
/// `ctx` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContext_Enter(ctx: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { of_class(vm, ctx, "Context")? };
        let entered = vm.context_stack.borrow().iter().any(|c| c.is(&ctx));
        if entered {
            let repr = ctx.repr(vm)?;
            return Err(vm.new_runtime_error(format!(
                "cannot enter context: {} is already entered",
                repr.to_string_lossy()
            )));
        }
        // The first call makes the thread's first context, to come back to. The second has the VM find the context
        // free, and note the place it will have.
        let nothing = contextvars(vm, "copy_context")?;
        nothing.call((), vm)?;
        vm.call_method(&ctx, "run", (nothing,))?;
        vm.context_stack.borrow_mut().push(ctx);
        Ok(())
    })
}

/// Ends what [`PyContext_Enter`] began: 0, or -1 with `RuntimeError` if `ctx`
/// is not the thread's current context.
///
/// # Safety
/// `ctx` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContext_Exit(ctx: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let ctx = unsafe { of_class(vm, ctx, "Context")? };
        let (entered, current) = {
            let stack = vm.context_stack.borrow();
            let entered = stack.iter().any(|c| c.is(&ctx));
            (entered, stack.last().is_some_and(|c| c.is(&ctx)))
        };
        if !entered {
            let repr = ctx.repr(vm)?;
            return Err(vm.new_runtime_error(format!(
                "cannot exit context: {} has not been entered",
                repr.to_string_lossy()
            )));
        }
        if !current {
            return Err(vm.new_runtime_error(
                "cannot exit context: thread state references a different context object",
            ));
        }
        let left = vm.context_stack.borrow_mut().pop();
        drop(left);
        Ok(())
    })
}

/// A context variable with a default, which may be NULL: new.
///
/// # Safety
/// `name` is a string, `default_value` NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContextVar_New(
    name: *const c_char,
    default_value: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (name, default) = unsafe { (text(vm, name)?, optional(vm, default_value)) };
        let mut args = rustpython_vm::function::FuncArgs::from(vec![vm.ctx.new_str(name).into()]);
        if let Some(default) = default {
            args.kwargs.insert("default".into(), default);
        }
        contextvars(vm, "ContextVar")?.call(args, vm)
    })
}

/// Stores in `value` a new reference to the variable's value, else to
/// `default_value`, else to the variable's own default, else NULL. 0, or -1
/// with an exception.
///
/// # Safety
/// `var` and `default_value` are NULL or live objects; `value` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContextVar_Get(
    var: *mut PyObject,
    default_value: *mut PyObject,
    value: *mut *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            *value = ptr::null_mut();
            let var = of_class(vm, var, "ContextVar")?;
            let found = python(|| match optional(vm, default_value) {
                Some(default) => vm.call_method(&var, "get", (default,)),
                None => vm.call_method(&var, "get", ()),
            });
            match found {
                Ok(found) => *value = c_of(vm, &found),
                Err(e) if e.fast_isinstance(vm.ctx.exceptions.lookup_error) => {}
                Err(e) => return Err(e),
            }
            Ok(())
        }
    })
}

/// Sets the variable in the current context: a new token that undoes it.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContextVar_Set(
    var: *mut PyObject,
    value: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (var, value) = unsafe { (of_class(vm, var, "ContextVar")?, object(vm, value)?) };
        python(|| vm.call_method(&var, "set", (value,)))
    })
}

/// Undoes what gave the token.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyContextVar_Reset(var: *mut PyObject, token: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (var, token) = unsafe { (of_class(vm, var, "ContextVar")?, object(vm, token)?) };
        python(|| vm.call_method(&var, "reset", (token,)))?;
        Ok(())
    })
}

/// Registers a watcher of contexts: -1 with `RuntimeError`, as when no number is left; see [`watch`].
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_AddWatcher(_callback: PyContext_WatchCallback) -> c_int {
    border(|vm| watch::add(vm, "context"))
}

/// Forgets a watcher: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| watch::with(vm, "context", watcher_id))
}
