//! `sysmodule.h`, `audit.h`, `pyerrors.h`: output, audit events, `snprintf`.

use std::io::Write as _;

use rustpython_vm::builtins::PyStrRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::*;
use crate::api::audit::PySys_AuditTuple;
use crate::api::format::text_from_format;
use crate::api::modsupport::{build, is_a};
use crate::api::{Nothing, border, python};
use crate::layout::Py_TPFLAGS_TUPLE_SUBCLASS;
use crate::proxy::mirror::tupleobject;
use crate::proxy::vm_of_stolen;
use crate::{refcount, types};

unsafe extern "C" {
    fn vsnprintf(
        str: *mut c_char,
        size: usize,
        format: *const c_char,
        va: *mut __va_list_tag,
    ) -> c_int;
}

/// C's `vsnprintf`, but the text always ends with a NUL. -666 when `size` is
/// too large for an `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_vsnprintf(
    str: *mut c_char,
    size: usize,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    // Room that `vsnprintf` of old needed behind the text.
    const EXTRA: usize = 512;
    // SAFETY: the caller of the variadic function answers for its arguments.
    unsafe {
        let written = if size > c_int::MAX as usize - EXTRA {
            -666
        } else {
            vsnprintf(str, size, format, va)
        };
        if size > 0 {
            *str.add(size - 1) = 0;
        }
        written
    }
}

/// A stream of the program's.
#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

impl Stream {
    /// Writes to the file object of `sys`, or if there is none or it fails to
    /// the file descriptor. The error indicator is left as it was.
    fn write(self, vm: &VirtualMachine, text: PyStrRef) {
        let name = match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        };
        let written = python(|| -> PyResult<bool> {
            let file = vm.sys_module.get_attr(name, vm)?;
            if vm.is_none(&file) {
                return Ok(false);
            }
            vm.call_method(&file, "write", (text.clone(),))?;
            Ok(true)
        });
        if matches!(written, Ok(true)) {
            return;
        }
        // There is nobody to tell when this fails as well.
        let _ = match self {
            Self::Out => std::io::stdout().write_all(text.as_bytes()),
            Self::Err => std::io::stderr().write_all(text.as_bytes()),
        };
    }

    /// A text by a format of C's `printf`, cut after 1000 bytes.
    unsafe fn print(self, format: *const c_char, va: *mut __va_list_tag) {
        border(|vm| {
            let mut buffer = [0u8; 1001];
            // SAFETY: the caller of the variadic function answers for its arguments.
            let written =
                unsafe { PyOS_vsnprintf(buffer.as_mut_ptr().cast(), buffer.len(), format, va) };
            let text = CStr::from_bytes_until_nul(&buffer).expect("a NUL ends it");
            let saved = error::take_raw();
            self.write(vm, vm.ctx.new_str(text.to_string_lossy()));
            if usize::try_from(written).map_or(true, |n| n >= buffer.len()) {
                self.write(vm, vm.ctx.new_str("... truncated"));
            }
            error::replace(saved);
            Ok(Nothing)
        });
    }

    /// A text by a format of `PyUnicode_FromFormat`.
    unsafe fn format(self, format: *const c_char, va: *mut __va_list_tag) {
        border(|vm| {
            let saved = error::take_raw();
            // SAFETY: the caller of the variadic function answers for its
            // arguments; the text is ours.
            unsafe {
                if let Ok(text) = text_from_format(vm, format, va) {
                    let text: PyObjectRef = vm_of_stolen(vm, text);
                    self.write(vm, text.downcast().expect("a str"));
                }
            }
            error::replace(saved);
            Ok(Nothing)
        });
    }
}

/// The work of `PySys_WriteStdout`: at most 1000 bytes to `sys.stdout`, by a
/// format of C's `printf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PySys_WriteStdout(format: *const c_char, va: *mut __va_list_tag) {
    // SAFETY: the contract is the same.
    unsafe { Stream::Out.print(format, va) }
}

/// The work of `PySys_WriteStderr`: at most 1000 bytes to `sys.stderr`, by a
/// format of C's `printf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PySys_WriteStderr(format: *const c_char, va: *mut __va_list_tag) {
    // SAFETY: the contract is the same.
    unsafe { Stream::Err.print(format, va) }
}

/// The work of `PySys_FormatStdout`: to `sys.stdout`, by a format of
/// `PyUnicode_FromFormat`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PySys_FormatStdout(format: *const c_char, va: *mut __va_list_tag) {
    // SAFETY: the contract is the same.
    unsafe { Stream::Out.format(format, va) }
}

/// The work of `PySys_FormatStderr`: to `sys.stderr`, by a format of
/// `PyUnicode_FromFormat`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PySys_FormatStderr(format: *const c_char, va: *mut __va_list_tag) {
    // SAFETY: the contract is the same.
    unsafe { Stream::Err.format(format, va) }
}

/// The work of `PySys_Audit`: tells the audit hooks of an event with
/// arguments by a format of `Py_BuildValue`, or none for NULL. 0, or -1 with
/// the exception of a hook set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PySys_Audit(
    event: *const c_char,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(status(unsafe { audit(vm, event, format, va) }))
    })
}

unsafe fn audit(
    vm: &VirtualMachine,
    event: *const c_char,
    format: *const c_char,
    va: *const __va_list_tag,
) -> Raising<()> {
    // SAFETY: by the caller's contract; the arguments are ours.
    unsafe {
        let args = if format.is_null() || *format == 0 {
            tupleobject::empty()
        } else {
            let args = build(Format::of(vm, format)?, VaList::copy_of(va))?;
            if is_a(args, Py_TPFLAGS_TUPLE_SUBCLASS) {
                args
            } else {
                let tuple = allocated(tupleobject::new(types::statics::tuple_type(), 1))?;
                tupleobject::items(tuple)[0] = args;
                tuple
            }
        };
        let failed = PySys_AuditTuple(event, args) < 0;
        refcount::decref(args);
        if failed { Err(Raised) } else { Ok(()) }
    }
}
