//! `traceback.h`.

use std::ffi::c_int;

use rustpython_vm::builtins::PyBaseException;
use rustpython_vm::{AsObject, PyObjectRef};

use super::{border, object, python};
use crate::layout::*;
use crate::proxy::{mirror, vm_of};
use crate::thread::error;

/// Adds a level for `frame` to the traceback of the exception that is set. As
/// in CPython, the code says the line, whatever `frame->f_lineno` is.
///
/// # Safety
/// `frame` is a live frame, and an exception is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTraceBack_Here(frame: *mut PyFrameObject) -> c_int {
    border(|vm| {
        let exception = error::peek();
        if exception.is_null() {
            return Err(super::bad_internal_call(vm));
        }
        // SAFETY: by this function's contract.
        let (v, frame) = unsafe { (vm_of(vm, exception), object(vm, frame)?) };
        let Some(e) = v.downcast_ref::<PyBaseException>() else {
            return Err(super::bad_internal_call(vm));
        };
        let code = frame.get_attr("f_code", vm)?;
        // No instruction of code that C made stands for the line.
        let (lasti, line) = if super::code::is_of_c(vm, &code)? {
            (
                vm.ctx.new_int(-1).into(),
                code.get_attr("co_firstlineno", vm)?,
            )
        } else {
            (
                frame.get_attr("f_lasti", vm)?,
                frame.get_attr("f_lineno", vm)?,
            )
        };
        let next = e.__traceback__().map_or_else(|| vm.ctx.none(), Into::into);
        let class: PyObjectRef = vm.ctx.types.traceback_type.to_owned().into();
        let traceback = class.call((next, frame, lasti, line), vm)?;
        e.set_traceback(Some(traceback.try_into_value(vm)?));
        // SAFETY: the two are a pair.
        unsafe { mirror::refresh(vm, &v, exception) };
        Ok(())
    })
}

/// Writes a traceback to a file object, as Python shows it. `SystemError` if
/// it is none.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTraceBack_Print(tb: *mut PyObject, f: *mut PyObject) -> c_int {
    border(|vm| {
        if tb.is_null() {
            return Ok(());
        }
        // SAFETY: by this function's contract.
        let (tb, file) = unsafe { (object(vm, tb)?, object(vm, f)?) };
        if !tb.class().is(vm.ctx.types.traceback_type) {
            return Err(super::bad_internal_call(vm));
        }
        python(|| {
            vm.call_method(&file, "write", ("Traceback (most recent call last):\n",))?;
            let module = vm.import(vm.ctx.intern_str("traceback"), 0)?;
            let print = module.get_attr("print_tb", vm)?;
            print.call((tb, vm.ctx.none(), file), vm)
        })?;
        Ok(())
    })
}
