//! `audit.h` and `cpython/audit.h`: audit events. `PySys_Audit` is variadic, see `varargs`.

use std::ffi::{CString, c_char, c_int, c_void};

use rustpython_vm::builtins::{PyStrRef, PyTuple};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{border, optional, python, text};
use crate::layout::{Py_AuditHookFunction, PyObject};
use crate::proxy::c_of;
use crate::refcount;
use crate::thread::{self, error, state};

/// Tells the audit hooks of an event; `args` is a tuple or NULL. 0, or -1 with the exception of a hook set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_AuditTuple(event: *const c_char, args: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a string, and a live object or NULL.
        let (event, args) = unsafe { (text(vm, event)?, optional(vm, args)) };
        let args = match &args {
            None => Vec::new(),
            Some(args) => match args.downcast_ref::<PyTuple>() {
                Some(tuple) => tuple.as_slice().to_vec(),
                None => {
                    return Err(vm.new_type_error(format!(
                        "args must be tuple, got {}",
                        args.class().name()
                    )));
                }
            },
        };
        python(|| vm.audit(event, || FuncArgs::new(args, KwArgs::default())))
    })
}

/// Has `hook` called for every audit event from now on; there is no way back. 0, or -1 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_AddAuditHook(
    hook: Py_AuditHookFunction,
    user_data: *mut c_void,
) -> c_int {
    border(|vm| {
        let user_data = user_data as usize;
        let call = move |event: PyStrRef, args: PyObjectRef, vm: &VirtualMachine| -> PyResult<()> {
            let _held = thread::enter(vm);
            let event = CString::new(event.as_bytes().to_vec())
                .map_err(|_| vm.new_value_error("embedded null character"))?;
            let args = c_of(vm, &args);
            // SAFETY: the extension gave the function to be called with just these.
            let status =
                state::call_c(|| unsafe { hook(event.as_ptr(), args, user_data as *mut c_void) });
            // SAFETY: the reference is ours.
            unsafe { refcount::decref(args) };
            error::status_result(vm, status, || "an audit hook".to_owned())
        };
        let function: PyObjectRef = vm.new_function("audit_hook", call).into();
        python(|| {
            let add = vm.sys_module.get_attr("addaudithook", vm)?;
            add.call((function,), vm)?;
            Ok(())
        })
    })
}
