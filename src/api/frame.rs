//! `pyframe.h`, `cpython/pyframe.h` and `cpython/frameobject.h`.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};

use rustpython_vm::builtins::{PyCode, PyDictRef};
use rustpython_vm::frame::FrameObject;
use rustpython_vm::function::ArgMapping;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::{border, object, python, text};
use crate::layout::*;
use crate::proxy::c_of;

thread_local! {
    /// The frame that a run of [`code::run`](super::code) handed back.
    static CAUGHT: RefCell<Option<PyRef<FrameObject>>> = const { RefCell::new(None) };
}

/// A frame that is not running, for tracebacks: new. `locals` plays no part.
///
/// # Safety
/// `code` is a live code object, `globals` a live dict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_New(
    _tstate: *mut PyThreadState,
    code: *mut PyCodeObject,
    globals: *mut PyObject,
    _locals: *mut PyObject,
) -> *mut PyFrameObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (code, globals) = unsafe { (object(vm, code)?, object(vm, globals)?) };
        let code: PyRef<PyCode> = code.try_into_value(vm)?;
        let frame = new(vm, &code, globals.try_into_value(vm)?)?;
        Ok(c_of(vm, frame.as_object()).cast::<PyFrameObject>())
    })
}

/// Has a frame made by running a piece of code that does nothing but hand its
/// frame back: the VM makes frames in no other way.
fn new(
    vm: &VirtualMachine,
    code: &PyRef<PyCode>,
    globals: PyDictRef,
) -> PyResult<PyRef<FrameObject>> {
    let code = super::code::handing_back(vm, code)?;
    let locals = vm.ctx.new_dict();
    let catch = vm.new_function(super::code::CATCH, |vm: &VirtualMachine| {
        CAUGHT.set(vm.current_frame());
    });
    locals.set_item(super::code::CATCH, catch.into(), vm)?;
    // Nobody is to be told of a call that is none.
    let tracing = vm.use_tracing.replace(false);
    let scope = Scope::with_builtins(
        Some(ArgMapping::from_dict_exact(locals.clone())),
        globals,
        vm,
    );
    let result = python(|| vm.run_code_obj(code, scope));
    vm.use_tracing.set(tracing);
    locals.clear();
    result?;
    CAUGHT
        .take()
        .ok_or_else(|| vm.new_system_error("no frame was handed back"))
}

/// An attribute of a frame.
unsafe fn attribute(
    vm: &VirtualMachine,
    frame: *mut PyFrameObject,
    name: &'static str,
) -> PyResult<PyObjectRef> {
    // SAFETY: the callers hand over a live frame.
    let frame = unsafe { object(vm, frame)? };
    python(|| frame.get_attr(name, vm))
}

/// The frame's code: new.
///
/// # Safety
/// `frame` is a live frame; so for all functions here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetCode(frame: *mut PyFrameObject) -> *mut PyCodeObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let code = unsafe { attribute(vm, frame, "f_code")? };
        Ok(c_of(vm, &code).cast::<PyCodeObject>())
    })
}

/// The frame that called this one: new, or NULL without an exception.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetBack(frame: *mut PyFrameObject) -> *mut PyFrameObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let back = unsafe { attribute(vm, frame, "f_back")? };
        if vm.is_none(&back) {
            return Ok(std::ptr::null_mut());
        }
        Ok(c_of(vm, &back).cast::<PyFrameObject>())
    })
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $attribute:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As for [`PyFrame_GetCode`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(frame: *mut PyFrameObject) -> *mut PyObject {
            // SAFETY: by this function's contract.
            border(|vm| unsafe { attribute(vm, frame, $attribute) })
        }
    )*};
}

attributes! {
    /// The frame's globals: new.
    PyFrame_GetGlobals = "f_globals";
    /// The frame's builtins: new.
    PyFrame_GetBuiltins = "f_builtins";
    /// The frame's locals, a mapping: new.
    PyFrame_GetLocals = "f_locals";
}

/// The generator that owns the frame: new, NULL without an exception if none does.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetGenerator(frame: *mut PyFrameObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let owner = unsafe { object(vm, frame)? };
        let owner = python(|| vm.get_attribute_opt(&owner, "f_generator"))?;
        Ok(owner.filter(|owner| !vm.is_none(owner)))
    })
}

/// The line the frame is at. What C wrote into `f_lineno` comes first.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetLineNumber(frame: *mut PyFrameObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            if (*frame).f_lineno != 0 {
                return Ok((*frame).f_lineno);
            }
            let line = attribute(vm, frame, "f_lineno")?;
            if vm.is_none(&line) {
                return Ok(-1);
            }
            line.try_into_value(vm)
        }
    })
}

/// The offset of the last instruction that ran, -1 before the first.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetLasti(frame: *mut PyFrameObject) -> c_int {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { attribute(vm, frame, "f_lasti")?.try_into_value::<c_int>(vm) })
}

/// The local variable `name`: new. `NameError` if there is none.
///
/// # Safety
/// As for [`PyFrame_GetCode`]; `name` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetVar(
    frame: *mut PyFrameObject,
    name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let name = unsafe { object(vm, name)? };
        if name
            .downcast_ref::<rustpython_vm::builtins::PyStr>()
            .is_none()
        {
            return Err(vm.new_type_error(format!("name must be str, not {}", name.class().name())));
        }
        // SAFETY: as above.
        unsafe { variable(vm, frame, name) }
    })
}

/// [`PyFrame_GetVar`] with the name as a C string.
///
/// # Safety
/// As for [`PyFrame_GetCode`]; `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_GetVarString(
    frame: *mut PyFrameObject,
    name: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let name = vm.ctx.new_str(unsafe { text(vm, name)? });
        // SAFETY: as above.
        unsafe { variable(vm, frame, name.into()) }
    })
}

unsafe fn variable(vm: &VirtualMachine, frame: *mut PyFrameObject, name: PyObjectRef) -> PyResult {
    // SAFETY: by the callers' contract.
    let locals = unsafe { attribute(vm, frame, "f_locals")? };
    python(|| {
        locals.get_item(&*name, vm).map_err(|e| {
            if !e.fast_isinstance(vm.ctx.exceptions.key_error) {
                return e;
            }
            match name.repr(vm) {
                Ok(repr) => vm.new_name_error(
                    format!("variable {} does not exist", repr.to_string_lossy()),
                    vm.ctx.new_str(""),
                ),
                Err(e) => e,
            }
        })
    })
}

/// Does nothing since 3.13.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_FastToLocals(_frame: *mut PyFrameObject) {}

/// Does nothing since 3.13, and says 0.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_FastToLocalsWithError(_frame: *mut PyFrameObject) -> c_int {
    0
}

/// Does nothing since 3.13.
///
/// # Safety
/// As for [`PyFrame_GetCode`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrame_LocalsToFast(_frame: *mut PyFrameObject, _clear: c_int) {}

// skipped: PyUnstable_InterpreterFrame_GetCode, PyUnstable_InterpreterFrame_GetLasti, PyUnstable_InterpreterFrame_GetLine: nobody can come by an interpreter frame, which is CPython's own.
