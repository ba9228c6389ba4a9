//! `cpython/context.h`: contexts and context variables.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::watch::Watchers;
use super::{border, object, optional, python, text};
use crate::layout::{Py_CONTEXT_SWITCHED, PyContext_WatchCallback, PyObject};
use crate::proxy::c_of;
use crate::thread::error;
use crate::types::call;

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
        python(|| switched(vm));
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
        python(|| switched(vm));
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

static WATCHERS: Watchers<PyContext_WatchCallback> = Watchers::new("context", 0);

/// `Context.run` as it is while nobody watches.
static RUN: Mutex<Option<PyObjectRef>> = Mutex::new(None);

/// `Context.run` while somebody does.
const SOURCE: &str = "
def make(original, switched):
    def run(self, callable, /, *args, **kwargs):
        entered = False
        def inside():
            nonlocal entered
            entered = True
            switched()
            return callable(*args, **kwargs)
        try:
            return original(self, inside)
        finally:
            if entered:
                switched()
    return run
";

/// Tells the watchers which context is the thread's current one now. The caller does not hold the lock.
fn switched(vm: &VirtualMachine) {
    if !WATCHERS.any() {
        return;
    }
    let current = vm.context_stack.borrow().last().cloned();
    let current = current.map_or_else(|| vm.ctx.none(), PyObjectRef::from);
    for (_, callback) in WATCHERS.all() {
        let raised = call::around_c(vm, || {
            let context = call::Arg::new(vm, &current);
            // SAFETY: who registered the watcher vouches for it.
            let status = call::call_c(|| unsafe { callback(Py_CONTEXT_SWITCHED, context.p) });
            (status < 0).then(|| error::take(vm)).flatten()
        });
        if let Some(raised) = raised {
            let shown = match current.repr(vm) {
                Ok(shown) => shown.as_wtf8().to_string_lossy().into_owned(),
                Err(_) => "a context".to_owned(),
            };
            let message =
                format!("Exception ignored in Py_CONTEXT_SWITCHED watcher callback for {shown}");
            vm.run_unraisable(raised, Some(message), vm.ctx.none());
        }
    }
}

/// Has `Context.run` tell the watchers, if there are any.
fn hook_run(vm: &VirtualMachine) -> PyResult<()> {
    let class = contextvars(vm, "Context")?;
    let Some(class) = class.downcast_ref::<PyType>() else {
        return Ok(());
    };
    let name = vm.ctx.intern_str("run");
    let mut saved = RUN.lock().unwrap_or_else(PoisonError::into_inner);
    match (WATCHERS.any(), saved.take()) {
        (false, Some(original)) => class.set_attr(name, original),
        (true, None) => {
            let Some(original) = class.get_attr(name) else {
                return Ok(());
            };
            let scope = vm.new_scope_with_builtins();
            let globals = scope.globals.clone();
            vm.run_string(scope, SOURCE, "<context>")?;
            let tell = vm.new_function("switched", |vm: &VirtualMachine| switched(vm));
            let run = globals
                .get_item("make", vm)?
                .call((original.clone(), tell), vm)?;
            class.set_attr(name, run);
            *saved = Some(original);
        }
        (_, before) => *saved = before,
    }
    class.modified();
    Ok(())
}

/// Registers a watcher of contexts: its number, or -1 with `RuntimeError` when none is left.
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_AddWatcher(callback: PyContext_WatchCallback) -> c_int {
    border(|vm| {
        let id = WATCHERS.add(vm, callback)?;
        python(|| hook_run(vm))?;
        Ok(id)
    })
}

/// Forgets a watcher: 0, or -1 with `ValueError` for a number that is not in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyContext_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| {
        WATCHERS.clear(vm, watcher_id)?;
        python(|| hook_run(vm))
    })
}
