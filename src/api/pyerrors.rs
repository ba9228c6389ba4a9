//! `pyerrors.h` and `cpython/pyerrors.h`.
//!
//! While C runs, `tstate->current_exception` is the error indicator and holds a normalised exception; the stack of
//! handled exceptions is `tstate->exc_info`. Extensions read and write both without asking.

use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::io::Write;
use std::ptr;

use rustpython_vm::builtins::{
    PyBaseException, PyBaseExceptionRef, PyList, PyStrRef, PyTraceback, PyTuple, PyType,
};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::call::is_subtype;
use super::{Nothing, bad_internal_call, border, object, optional, python, text};
use crate::layout::{
    Py_TPFLAGS_BASE_EXC_SUBCLASS, Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS, Py_ssize_t,
    PyBaseExceptionObject, PyObject, PyType_HasFeature, PyTypeObject,
};
use crate::proxy::mirror::{self, Kind, exceptions, tupleobject, unicodeobject};
use crate::proxy::{c_of, vm_of_stolen};
use crate::thread::error;
use crate::{refcount, thread, types};

/// Whether `p` is an exception.
///
/// # Safety
/// `p` is a live object.
#[inline]
unsafe fn is_exception(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { PyType_HasFeature((*p).ob_type, Py_TPFLAGS_BASE_EXC_SUBCLASS) }
}

/// Whether `p` is a class of exceptions.
///
/// # Safety
/// `p` is a live object.
#[inline]
unsafe fn is_exception_class(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract; only a type is looked into as one.
    unsafe {
        PyType_HasFeature((*p).ob_type, Py_TPFLAGS_TYPE_SUBCLASS)
            && PyType_HasFeature(p.cast(), Py_TPFLAGS_BASE_EXC_SUBCLASS)
    }
}

/// The exception `p`, with what C wrote into its fields. Anything else is a `SystemError`.
///
/// # Safety
/// `p` is NULL or a live object; the lock is held.
unsafe fn exception(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyBaseExceptionRef> {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() && mirror::kind_of_type((*p).ob_type) == Kind::Exception {
            exceptions::take_over(vm, p);
        }
        object(vm, p)?
            .downcast::<PyBaseException>()
            .map_err(|_| bad_internal_call(vm))
    }
}

/// Brings the fields of the C exception `p` up to date with the VM's.
///
/// # Safety
/// The two are a pair; the lock is held.
unsafe fn changed(vm: &VirtualMachine, e: &PyBaseExceptionRef, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if mirror::kind_of_type((*p).ob_type) == Kind::Exception {
            exceptions::refresh(vm, e.as_object(), p);
        }
    }
}

/// An instance of `class` made from `value`: nothing for `None`, its elements for a tuple, else itself.
///
/// # Errors
/// What the class raises; a `TypeError` if it makes no exception.
pub fn create(
    vm: &VirtualMachine,
    class: &PyObjectRef,
    value: Option<PyObjectRef>,
) -> PyResult<PyBaseExceptionRef> {
    let args = match value {
        None => FuncArgs::default(),
        Some(v) if vm.is_none(&v) => FuncArgs::default(),
        Some(v) => match v.downcast::<PyTuple>() {
            Ok(tuple) => FuncArgs::new(tuple.as_slice().to_vec(), KwArgs::default()),
            Err(v) => FuncArgs::new(vec![v], KwArgs::default()),
        },
    };
    let made = python(|| class.call(args, vm))?;
    made.downcast::<PyBaseException>().map_err(|other| {
        let class = python(|| class.repr(vm)).map_or_else(|_| String::new(), |r| r.to_string());
        vm.new_type_error(format!(
            "calling {class} should have returned an instance of BaseException, not {}",
            other.class().name()
        ))
    })
}

/// Makes the exception that C is handling the context of `e`, without closing a circle.
fn chain(vm: &VirtualMachine, e: &PyBaseExceptionRef) {
    let p = thread::state::topmost_handled();
    if p.is_null() {
        return;
    }
    // SAFETY: the stack holds a reference.
    let Ok(context) = (unsafe { exception(vm, p) }) else {
        return;
    };
    if context.is(e) {
        return;
    }
    let (mut at, mut slow) = (context.clone(), context.clone());
    let mut advance = false;
    while let Some(next) = at.__context__() {
        if next.is(e) {
            at.set_context(None);
            break;
        }
        at = next;
        if at.is(&slow) {
            break;
        }
        if advance && let Some(next) = slow.__context__() {
            slow = next;
        }
        advance = !advance;
    }
    e.set_context(Some(context));
}

/// The exception that `PyErr_SetObject(class, value)` raises; the error indicator is empty afterwards.
pub fn raised(
    vm: &VirtualMachine,
    class: &PyObjectRef,
    value: Option<PyObjectRef>,
) -> PyBaseExceptionRef {
    error::replace(ptr::null_mut());
    let is_class = class
        .downcast_ref::<PyType>()
        .is_some_and(|c| c.fast_issubclass(vm.ctx.exceptions.base_exception_type));
    if !is_class {
        let shown = python(|| class.repr(vm)).map_or_else(|_| String::new(), |r| r.to_string());
        return vm.new_system_error(format!(
            "_PyErr_SetObject: exception {shown} is not a BaseException subclass"
        ));
    }
    let made = match instance_of(vm, &value, class) {
        Ok(Some(e)) => e,
        Ok(None) => match create(vm, class, value.clone()) {
            Ok(e) => e,
            Err(failure) => {
                note_failure(vm, &failure, class, value);
                return failure;
            }
        },
        Err(failure) => return failure,
    };
    chain(vm, &made);
    made
}

/// `value`, if it is an exception of `class` already.
fn instance_of(
    vm: &VirtualMachine,
    value: &Option<PyObjectRef>,
    class: &PyObjectRef,
) -> PyResult<Option<PyBaseExceptionRef>> {
    let Some(e) = value
        .as_ref()
        .and_then(|v| v.downcast_ref::<PyBaseException>())
    else {
        return Ok(None);
    };
    let own = e.as_object().class();
    let is_one = match class.downcast_ref::<PyType>() {
        Some(class) if class.as_object().class().is(vm.ctx.types.type_type) => {
            own.fast_issubclass(class)
        }
        // A metaclass may have an opinion.
        _ => python(|| own.as_object().is_subclass(class, vm))?,
    };
    Ok(is_one.then(|| e.to_owned()))
}

/// Adds to the exception `failure` that it came from making another one.
fn note_failure(
    vm: &VirtualMachine,
    failure: &PyBaseExceptionRef,
    class: &PyObjectRef,
    value: Option<PyObjectRef>,
) {
    let value = value.unwrap_or_else(|| vm.ctx.none());
    python(|| {
        let args = value
            .repr(vm)
            .map_or_else(|_| "<unknown>".to_owned(), |r| r.to_string());
        let name = class
            .downcast_ref::<PyType>()
            .map(|class| class.name().to_string());
        let name = name.unwrap_or_default();
        let note = format!("Normalization failed: type={name} args={args}");
        // As in CPython, it does without where that fails.
        let _ = vm.call_method(failure.as_object(), "add_note", (note,));
    });
}

/// [`raised`] for a class that C names.
///
/// # Safety
/// `class` is NULL or a live object; the lock is held.
pub unsafe fn raised_from_c(
    vm: &VirtualMachine,
    class: *mut PyObject,
    value: Option<PyObjectRef>,
) -> PyBaseExceptionRef {
    // SAFETY: by this function's contract.
    match unsafe { object(vm, class) } {
        Ok(class) => raised(vm, &class, value),
        Err(failure) => failure,
    }
}

/// Does the work of `PyErr_SetObject(class, value)` in C memory, if it can be
/// done there, and says so.
///
/// # Safety
/// `class` is NULL or live, `value` NULL or a live object, which stays the
/// caller's; the lock is held.
unsafe fn raised_in_c(class: *mut PyObject, value: *mut PyObject) -> bool {
    // SAFETY: by this function's contract; only a type is looked into as one.
    unsafe {
        if class.is_null()
            || !PyType_HasFeature((*class).ob_type, Py_TPFLAGS_TYPE_SUBCLASS)
            || !exceptions::is_simple(class.cast())
        {
            return false;
        }
        let args = if value.is_null() || value == types::statics::none() {
            tupleobject::empty()
        } else if types::statics::is_exact_tuple((*value).ob_type) {
            refcount::xnew_ref(value)
        } else if is_exception(value)
            || PyType_HasFeature((*value).ob_type, Py_TPFLAGS_TUPLE_SUBCLASS)
        {
            return false;
        } else {
            let args = tupleobject::new(types::statics::tuple_type(), 1);
            if args.is_null() {
                return false;
            }
            tupleobject::items(args)[0] = refcount::xnew_ref(value);
            args
        };
        let context = refcount::xnew_ref(thread::state::topmost_handled());
        let e = exceptions::new(class.cast(), args, context);
        if e.is_null() {
            return false;
        }
        error::replace(e);
        true
    }
}

/// Raises `exception(string)`; `string` is UTF-8. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetString(exception: *mut PyObject, string: *const c_char) {
    // SAFETY: the caller passes a live class and a NUL-terminated string.
    unsafe {
        if !string.is_null()
            && let Ok(message) = CStr::from_ptr(string).to_str()
        {
            let message = unicodeobject::from_str(message);
            if !message.is_null() {
                let done = raised_in_c(exception, message);
                refcount::decref(message);
                if done {
                    return;
                }
            }
        }
    }
    // SAFETY: the caller passes a live class and a NUL-terminated string.
    border::<Nothing>(|vm| unsafe {
        let message = text(vm, string)?;
        let message = vm.ctx.new_str(message).into();
        Err(raised_from_c(vm, exception, Some(message)))
    });
}

/// Raises `exception(value)`, or `value` if it is one already. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetObject(exception: *mut PyObject, value: *mut PyObject) {
    // SAFETY: the caller passes a live class, and NULL or a live object.
    if unsafe { raised_in_c(exception, value) } {
        return;
    }
    // SAFETY: the caller passes a live class, and NULL or a live object.
    border::<Nothing>(|vm| unsafe {
        let value = optional(vm, value);
        Err(raised_from_c(vm, exception, value))
    });
}

/// Raises `exception()`. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetNone(exception: *mut PyObject) {
    // SAFETY: the caller passes a live class.
    if unsafe { raised_in_c(exception, ptr::null_mut()) } {
        return;
    }
    // SAFETY: the caller passes a live class.
    border::<Nothing>(|vm| unsafe { Err(raised_from_c(vm, exception, None)) });
}

/// The class of the exception that is set, borrowed, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Occurred() -> *mut PyObject {
    let set = error::peek();
    if set.is_null() {
        return set;
    }
    // SAFETY: the indicator holds a reference.
    unsafe { (*set).ob_type.cast() }
}

/// Empties the error indicator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Clear() {
    if error::occurred() {
        error::replace(ptr::null_mut());
    }
}

/// Takes the exception out of the error indicator. New reference, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_GetRaisedException() -> *mut PyObject {
    error::take_raw()
}

/// Sets the error indicator. Steals `exc`, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetRaisedException(exc: *mut PyObject) {
    error::replace(exc);
}

/// Takes the exception out of the error indicator. New references, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Fetch(
    ptype: *mut *mut PyObject,
    pvalue: *mut *mut PyObject,
    ptraceback: *mut *mut PyObject,
) {
    let value = error::take_raw();
    // SAFETY: the caller's variables.
    unsafe {
        *pvalue = value;
        if value.is_null() {
            *ptype = ptr::null_mut();
            *ptraceback = ptr::null_mut();
            return;
        }
        let class = (*value).ob_type.cast::<PyObject>();
        refcount::incref(class);
        *ptype = class;
        *ptraceback = PyException_GetTraceback(value);
    }
}

/// Sets the error indicator. Steals all three, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Restore(
    class: *mut PyObject,
    value: *mut PyObject,
    traceback: *mut PyObject,
) {
    // SAFETY: the caller hands over its references.
    unsafe {
        if class.is_null() {
            error::replace(ptr::null_mut());
            refcount::xdecref(value);
            refcount::xdecref(traceback);
            return;
        }
        let ready = !value.is_null() && (*value).ob_type.cast() == class;
        let value = match ready {
            true => {
                refcount::decref(class);
                value
            }
            false => restored(class, value),
        };
        if !traceback.is_null() {
            let refused = !value.is_null()
                && traceback != types::statics::none()
                && PyException_SetTraceback(value, traceback) < 0;
            refcount::decref(traceback);
            if refused {
                // Why it is no traceback is set instead.
                refcount::decref(value);
                return;
            }
        }
        if !value.is_null() {
            error::replace(value);
        }
    }
}

/// The exception that `PyErr_Restore` sets when it is given parts. Steals both. Where none can be made, the reason is
/// set and NULL returned.
#[cold]
unsafe fn restored(class: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: by the caller's contract.
    border(|vm| unsafe {
        let value = (!value.is_null()).then(|| vm_of_stolen(vm, value));
        let class = vm_of_stolen(vm, class);
        if let Some(e) = value
            .as_ref()
            .and_then(|v| v.downcast_ref::<PyBaseException>())
        {
            let class = class.downcast_ref::<PyType>();
            if class.is_some_and(|class| e.fast_isinstance(class)) {
                return Ok(c_of(vm, e.as_object()));
            }
        }
        let is_class = class
            .downcast_ref::<PyType>()
            .is_some_and(|c| c.fast_issubclass(vm.ctx.exceptions.base_exception_type));
        if !is_class {
            return Err(raised(vm, &class, value));
        }
        error::replace(ptr::null_mut());
        let e = create(vm, &class, value)?;
        Ok(c_of(vm, e.as_object()))
    })
}

/// Makes `*value` an instance of `*class`. Replaces the caller's references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_NormalizeException(
    class: *mut *mut PyObject,
    value: *mut *mut PyObject,
    traceback: *mut *mut PyObject,
) {
    // SAFETY: the caller's variables hold references or NULL.
    unsafe {
        if (*class).is_null() {
            return;
        }
        if !(*value).is_null() && (**value).ob_type.cast() == *class {
            return;
        }
        let made = border(|vm| {
            let class = object(vm, *class)?;
            let value = optional(vm, *value);
            let Some(wanted) = class
                .downcast_ref::<PyType>()
                .filter(|c| c.fast_issubclass(vm.ctx.exceptions.base_exception_type))
            else {
                return Ok(ptr::null_mut());
            };
            if let Some(e) = value
                .as_ref()
                .and_then(|v| v.downcast_ref::<PyBaseException>())
                && e.fast_isinstance(wanted)
            {
                return Ok(c_of(vm, e.as_object()));
            }
            Ok(c_of(vm, create(vm, &class, value)?.as_object()))
        });
        let made: *mut PyObject = if made.is_null() {
            error::take_raw()
        } else {
            made
        };
        if made.is_null() {
            return;
        }
        refcount::xdecref(std::mem::replace(&mut *value, made));
        let actual = (*made).ob_type.cast::<PyObject>();
        refcount::incref(actual);
        refcount::decref(std::mem::replace(&mut *class, actual));
        if !traceback.is_null() && !(*traceback).is_null() {
            PyException_SetTraceback(made, *traceback);
        }
    }
}

/// Whether an exception of class (or instance) `given` would be caught by `except expected:`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_GivenExceptionMatches(
    given: *mut PyObject,
    expected: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes NULLs or live objects.
    unsafe { matches(given, expected).into() }
}

unsafe fn matches(given: *mut PyObject, expected: *mut PyObject) -> bool {
    if given.is_null() || expected.is_null() {
        return false;
    }
    // SAFETY: by the callers' contract; a tuple's elements are live.
    unsafe {
        if PyType_HasFeature((*expected).ob_type, Py_TPFLAGS_TUPLE_SUBCLASS) {
            return tupleobject::items(expected)
                .iter()
                .any(|&item| matches(given, item));
        }
        let given = match is_exception(given) {
            true => (*given).ob_type.cast(),
            false => given,
        };
        if given == expected || !is_exception_class(given) || !is_exception_class(expected) {
            return given == expected;
        }
        is_subtype(given.cast(), expected.cast())
    }
}

/// Whether the exception that is set would be caught by `except expected:`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_ExceptionMatches(expected: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live object.
    unsafe { matches(error::peek(), expected).into() }
}

/// The exception being handled. New reference, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_GetHandledException() -> *mut PyObject {
    let handled = thread::state::topmost_handled();
    // SAFETY: the stack holds a reference.
    unsafe { refcount::xnew_ref(handled) }
}

/// Makes `exc` the exception being handled; `None` and NULL mean that there is none. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetHandledException(exc: *mut PyObject) {
    let exc = match exc == types::statics::none() {
        true => ptr::null_mut(),
        false => exc,
    };
    // SAFETY: the caller passes NULL or a live object; the stack is this thread's.
    unsafe {
        let item = thread::state::exc_info();
        let old = std::mem::replace(&mut (*item).exc_value, refcount::xnew_ref(exc));
        refcount::xdecref(old);
    }
}

/// The exception being handled. New references; class and traceback are `None` and the value NULL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_GetExcInfo(
    ptype: *mut *mut PyObject,
    pvalue: *mut *mut PyObject,
    ptraceback: *mut *mut PyObject,
) {
    let none = types::statics::none();
    // SAFETY: the caller's variables; `None` is immortal.
    unsafe {
        let value = PyErr_GetHandledException();
        *pvalue = value;
        if value.is_null() {
            *ptype = none;
            *ptraceback = none;
            return;
        }
        *ptype = refcount::xnew_ref((*value).ob_type.cast());
        let traceback = PyException_GetTraceback(value);
        *ptraceback = if traceback.is_null() { none } else { traceback };
    }
}

/// Makes `value` the exception being handled. Steals all three, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetExcInfo(
    class: *mut PyObject,
    value: *mut PyObject,
    traceback: *mut PyObject,
) {
    // SAFETY: the caller hands over its references.
    unsafe {
        PyErr_SetHandledException(value);
        refcount::xdecref(value);
        refcount::xdecref(class);
        refcount::xdecref(traceback);
    }
}

/// Raises `TypeError`; always 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_BadArgument() -> c_int {
    border::<Nothing>(|vm| Err(vm.new_type_error("bad argument type for built-in operation")));
    0
}

/// Raises `SystemError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_BadInternalCall() {
    border::<Nothing>(|vm| Err(bad_internal_call(vm)));
}

/// Raises `SystemError`, naming the place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyErr_BadInternalCall(filename: *const c_char, lineno: c_int) {
    border::<Nothing>(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let filename = unsafe { CStr::from_ptr(filename) }.to_string_lossy();
        Err(vm.new_system_error(format!(
            "{filename}:{lineno}: bad argument to internal function"
        )))
    });
}

/// Raises `MemoryError`; always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_NoMemory() -> *mut PyObject {
    border(|vm| Err::<*mut PyObject, _>(vm.no_memory_error()))
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Raises `class(errno, message[, filename[, None or 0, filename2]])`; always NULL.
unsafe fn set_from_errno(
    class: *mut PyObject,
    first: impl FnOnce(&VirtualMachine) -> PyResult<Option<PyObjectRef>>,
    second: *mut PyObject,
) -> *mut PyObject {
    let code = errno();
    // SAFETY: by the callers' contract.
    border(|vm| unsafe {
        if code == libc::EINTR {
            python(|| vm.check_signals())?;
        }
        let message = match code {
            0 => "Error".into(),
            // SAFETY: a NUL-terminated string, copied at once.
            _ => CStr::from_ptr(libc::strerror(code)).to_string_lossy(),
        };
        let message: PyObjectRef = vm.ctx.new_str(message.as_ref()).into();
        let mut args = vec![vm.ctx.new_int(code).into(), message];
        if let Some(filename) = first(vm)? {
            args.push(filename);
            if let Some(second) = optional(vm, second) {
                args.push(vm.ctx.new_int(0).into());
                args.push(second);
            }
        }
        let class = object(vm, class)?;
        error::replace(ptr::null_mut());
        let made = python(|| class.call(args, vm))?;
        let class = made.class().to_owned().into();
        Err::<*mut PyObject, _>(raised(vm, &class, Some(made)))
    })
}

/// Raises `class` for `errno`; always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetFromErrno(class: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live class.
    unsafe { set_from_errno(class, |_| Ok(None), ptr::null_mut()) }
}

/// Raises `class` for `errno` and a file; always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilenameObject(
    class: *mut PyObject,
    filename: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects; the filename may be NULL.
    unsafe { set_from_errno(class, |vm| Ok(optional(vm, filename)), ptr::null_mut()) }
}

/// Raises `class` for `errno` and two files; always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilenameObjects(
    class: *mut PyObject,
    filename: *mut PyObject,
    filename2: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects; the filenames may be NULL.
    unsafe { set_from_errno(class, |vm| Ok(optional(vm, filename)), filename2) }
}

/// Raises `class` for `errno` and a file; always NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilename(
    class: *mut PyObject,
    filename: *const c_char,
) -> *mut PyObject {
    // SAFETY: the caller passes a live class, and NULL or a NUL-terminated string.
    unsafe {
        set_from_errno(
            class,
            |vm| Ok((!filename.is_null()).then(|| fs_decode(vm, CStr::from_ptr(filename)).into())),
            ptr::null_mut(),
        )
    }
}

/// A file name of the system as a `str`.
pub fn fs_decode(vm: &VirtualMachine, name: &CStr) -> PyStrRef {
    use std::os::unix::ffi::OsStrExt;
    vm.fsdecode(std::ffi::OsStr::from_bytes(name.to_bytes()))
}

/// Raises a subclass of `ImportError` with `name` and `path`; always NULL. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetImportErrorSubclass(
    class: *mut PyObject,
    msg: *mut PyObject,
    name: *mut PyObject,
    path: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects or NULLs.
    border(|vm| unsafe {
        let class = object(vm, class)?;
        let is_import_error = class
            .downcast_ref::<PyType>()
            .is_some_and(|c| c.fast_issubclass(vm.ctx.exceptions.import_error));
        if !is_import_error {
            return Err(vm.new_type_error("expected a subclass of ImportError"));
        }
        let Some(msg) = optional(vm, msg) else {
            return Err(vm.new_type_error("expected a message argument"));
        };
        let keywords = [("name", name), ("path", path)].map(|(key, p)| {
            (
                key.to_owned(),
                optional(vm, p).unwrap_or_else(|| vm.ctx.none()),
            )
        });
        let args = FuncArgs::new(vec![msg], keywords.into_iter().collect::<KwArgs>());
        let made = python(|| class.call(args, vm))?;
        let class = made.class().to_owned().into();
        Err::<*mut PyObject, _>(raised(vm, &class, Some(made)))
    })
}

/// Raises `ImportError` with `name` and `path`; always NULL. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetImportError(
    msg: *mut PyObject,
    name: *mut PyObject,
    path: *mut PyObject,
) -> *mut PyObject {
    let class = thread::current_vm().ctx.exceptions.import_error;
    let class = types::c_type_of(thread::current_vm(), class);
    // SAFETY: the same contract; the class lives for ever.
    unsafe { PyErr_SetImportErrorSubclass(class.cast(), msg, name, path) }
}

/// Gives the exception that is set a place in a file, as `SyntaxError` has.
unsafe fn syntax_location(
    filename: impl FnOnce(&VirtualMachine) -> Option<PyObjectRef>,
    lineno: c_int,
    col_offset: c_int,
    end_lineno: c_int,
    end_col_offset: c_int,
) {
    border::<Nothing>(|vm| {
        let Some(e) = error::take(vm) else {
            return Ok(Nothing);
        };
        let filename = filename(vm);
        let column = |offset: c_int| match offset {
            0.. => vm.ctx.new_int(offset).into(),
            _ => vm.ctx.none(),
        };
        python(|| {
            let e: &rustpython_vm::PyObject = e.as_object();
            let mut fields: Vec<(&str, PyObjectRef)> = vec![
                ("lineno", vm.ctx.new_int(lineno).into()),
                ("offset", column(col_offset)),
                ("end_lineno", column(end_lineno)),
                ("end_offset", column(end_col_offset)),
            ];
            if let Some(filename) = filename {
                let line = program_text(vm, &filename, lineno);
                fields.push(("filename", filename));
                fields.push(("text", line.unwrap_or_else(|| vm.ctx.none())));
            }
            if !e.fast_isinstance(vm.ctx.exceptions.syntax_error) {
                for name in ["msg", "print_file_and_line"] {
                    if e.get_attr(name, vm).is_err() {
                        let value = match name {
                            "msg" => e.str(vm).map_or_else(|_| vm.ctx.none(), Into::into),
                            _ => vm.ctx.none(),
                        };
                        fields.push((name, value));
                    }
                }
            }
            for (name, value) in fields {
                // As in CPython, a field that cannot be set is left out.
                let _ = e.set_attr(name, value, vm);
            }
        });
        Err(e)
    });
}

/// As `PyErr_SyntaxLocationObject`, without a column and with the name as bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SyntaxLocation(filename: *const c_char, lineno: c_int) {
    // SAFETY: the same contract.
    unsafe { PyErr_SyntaxLocationEx(filename, lineno, -1) };
}

/// As `PyErr_SyntaxLocationObject`, with the name as bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SyntaxLocationEx(
    filename: *const c_char,
    lineno: c_int,
    col_offset: c_int,
) {
    let name = |vm: &VirtualMachine| {
        // SAFETY: the caller passes NULL or a NUL-terminated string.
        (!filename.is_null()).then(|| fs_decode(vm, unsafe { CStr::from_ptr(filename) }).into())
    };
    // SAFETY: as above.
    unsafe { syntax_location(name, lineno, col_offset, lineno, -1) };
}

/// Gives the exception that is set a place in a file. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SyntaxLocationObject(
    filename: *mut PyObject,
    lineno: c_int,
    col_offset: c_int,
) {
    // SAFETY: the same contract.
    unsafe { PyErr_RangedSyntaxLocationObject(filename, lineno, col_offset, lineno, -1) };
}

/// Gives the exception that is set a place in a file. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_RangedSyntaxLocationObject(
    filename: *mut PyObject,
    lineno: c_int,
    col_offset: c_int,
    end_lineno: c_int,
    end_col_offset: c_int,
) {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        syntax_location(
            |vm| optional(vm, filename),
            lineno,
            col_offset,
            end_lineno,
            end_col_offset,
        );
    }
}

/// The line of a source file, with its line end, decoded as the file says.
fn program_text(vm: &VirtualMachine, filename: &PyObjectRef, lineno: c_int) -> Option<PyObjectRef> {
    let wanted = usize::try_from(lineno).ok().filter(|&n| n > 0)?;
    let tokenize = vm.import("tokenize", 0).ok()?;
    let file = vm
        .call_method(&tokenize, "open", (filename.clone(),))
        .ok()?;
    let mut line = None;
    for _ in 0..wanted {
        let read = vm.call_method(&file, "readline", ()).ok();
        line = read.filter(|l| l.length(vm).is_ok_and(|len| len > 0));
        if line.is_none() {
            break;
        }
    }
    let _ = vm.call_method(&file, "close", ());
    line
}

/// A line of a source file. New reference; NULL without an exception if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_ProgramText(
    filename: *const c_char,
    lineno: c_int,
) -> *mut PyObject {
    border(|vm| {
        if filename.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller passes a NUL-terminated string.
        let name = fs_decode(vm, unsafe { CStr::from_ptr(filename) }).into();
        Ok(python(|| program_text(vm, &name, lineno)))
    })
}

/// As `PyErr_ProgramText`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_ProgramTextObject(
    filename: *mut PyObject,
    lineno: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes NULL or a live object.
        let name = unsafe { optional(vm, filename) };
        Ok(name.and_then(|name| python(|| program_text(vm, &name, lineno))))
    })
}

/// Reports an exception that nobody can catch. One without a traceback gets that of the code that runs.
pub fn report_unraisable(
    vm: &VirtualMachine,
    e: PyBaseExceptionRef,
    message: Option<String>,
    about: PyObjectRef,
) {
    if e.__traceback__().is_none()
        && let Some(frame) = vm.current_frame()
    {
        let add = || -> PyResult<()> {
            let frame: PyObjectRef = frame.into();
            let (lasti, line) = (
                frame.get_attr("f_lasti", vm)?,
                frame.get_attr("f_lineno", vm)?,
            );
            let class = vm.ctx.types.traceback_type.as_object();
            let traceback = class.call((vm.ctx.none(), frame, lasti, line), vm)?;
            e.set_traceback(traceback.downcast().ok());
            Ok(())
        };
        // Inside, so that the exception's mirror follows. Without a traceback it is reported all the same.
        let _ = python(add);
    }
    python(|| {
        let hook = |name| vm.sys_module.dict().get_item_opt(name, vm).ok().flatten();
        if hook("unraisablehook").is_some_and(|hook| !vm.is_none(&hook)) {
            return vm.run_unraisable(e, message, about);
        }
        // Without a hook, the report is the default one.
        let Some(default) = hook("__unraisablehook__") else {
            return;
        };
        let sys = vm.sys_module.as_object();
        let set = |hook| sys.set_attr("unraisablehook", hook, vm);
        if set(default).is_ok() {
            vm.run_unraisable(e, message, about);
            let _ = set(vm.ctx.none());
        }
    });
}

/// Reports the exception that is set, which nobody can catch, through `sys.unraisablehook`. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_WriteUnraisable(obj: *mut PyObject) {
    border::<Nothing>(|vm| {
        if let Some(e) = error::take(vm) {
            // SAFETY: the caller passes NULL or a live object.
            let about = unsafe { optional(vm, obj) }.unwrap_or_else(|| vm.ctx.none());
            report_unraisable(vm, e, None, about);
        }
        Ok(Nothing)
    });
}

/// Runs the Python handlers of signals that arrived. 0, or -1 with what a handler raised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_CheckSignals() -> c_int {
    border(|vm| python(|| vm.check_signals()))
}

/// As if `SIGINT` had arrived.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetInterrupt() {
    // SAFETY: any number will do.
    unsafe { PyErr_SetInterruptEx(libc::SIGINT) };
}

/// As if the signal had arrived. 0, or -1 without an exception if there is no such signal. Needs no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_SetInterruptEx(signum: c_int) -> c_int {
    let Ok(signum) = rustpython_vm::signal::SignalNum::try_from(signum) else {
        return -1;
    };
    match rustpython_vm::signal::set_interrupt_ex(signum) {
        Ok(()) => 0,
        Err(_) => -1,
    }
}

/// The descriptor that a byte is written to when a signal arrives; returns the one before, -1 if there was none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySignal_SetWakeupFd(fd: c_int) -> c_int {
    border(|vm| {
        let old = python(|| {
            let signal = vm.import("_signal", 0)?;
            vm.call_method(&signal, "set_wakeup_fd", (fd.max(-1),))
        })?;
        c_int::try_from_object(vm, old)
    })
}

/// `PyErr_NewException`, with the dict's other entries given.
unsafe fn new_exception(
    vm: &VirtualMachine,
    name: *const c_char,
    doc: *const c_char,
    base: *mut PyObject,
    dict: *mut PyObject,
) -> PyResult {
    // SAFETY: the callers pass NUL-terminated strings, and live objects or NULL.
    let (name, doc, base, dict) = unsafe {
        let doc = match doc.is_null() {
            true => None,
            false => Some(text(vm, doc)?),
        };
        (text(vm, name)?, doc, optional(vm, base), optional(vm, dict))
    };
    let Some((module, class)) = name.rsplit_once('.') else {
        return Err(vm.new_system_error("PyErr_NewException: name must be module.class"));
    };
    let dict = dict.unwrap_or_else(|| vm.ctx.new_dict().into());
    let base = base.unwrap_or_else(|| vm.ctx.exceptions.exception_type.to_owned().into());
    python(|| {
        if let Some(doc) = doc {
            dict.set_item("__doc__", vm.ctx.new_str(doc).into(), vm)?;
        }
        if !vm._contains(&dict, vm.ctx.new_str("__module__").as_object())? {
            dict.set_item("__module__", vm.ctx.new_str(module).into(), vm)?;
        }
        let bases = match base.downcast::<PyTuple>() {
            Ok(tuple) => tuple,
            Err(base) => vm.ctx.new_tuple(vec![base]),
        };
        let metaclass = vm.ctx.types.type_type.as_object();
        metaclass.call((vm.ctx.new_str(class), bases, dict), vm)
    })
}

/// A class of exceptions called `name`, "module.class". New reference; steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_NewException(
    name: *const c_char,
    base: *mut PyObject,
    dict: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the same contract.
    border(|vm| unsafe { new_exception(vm, name, ptr::null(), base, dict) })
}

/// As `PyErr_NewException`, with a docstring.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_NewExceptionWithDoc(
    name: *const c_char,
    doc: *const c_char,
    base: *mut PyObject,
    dict: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the same contract.
    border(|vm| unsafe { new_exception(vm, name, doc, base, dict) })
}

/// The traceback. New reference, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_GetTraceback(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live exception; the mirror's fields are current while C runs.
    unsafe {
        if mirror::kind_of_type((*exc).ob_type) == Kind::Exception {
            return refcount::xnew_ref((*exc.cast::<PyBaseExceptionObject>()).traceback);
        }
        border(|vm| Ok(exception(vm, exc)?.__traceback__().map(PyObjectRef::from)))
    }
}

/// Sets the traceback; `None` removes it. 0, or -1 with a `TypeError`. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_SetTraceback(exc: *mut PyObject, tb: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live exception and a live object.
    border(|vm| unsafe {
        let e = exception(vm, exc)?;
        let Some(tb) = optional(vm, tb) else {
            return Err(vm.new_type_error("__traceback__ may not be deleted"));
        };
        let tb = match vm.is_none(&tb) {
            true => None,
            false => Some(
                tb.downcast::<PyTraceback>()
                    .map_err(|_| vm.new_type_error("__traceback__ must be a traceback or None"))?,
            ),
        };
        e.set_traceback(tb);
        changed(vm, &e, exc);
        Ok(())
    })
}

/// The cause. New reference, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_GetCause(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live exception.
    border(|vm| unsafe { Ok(exception(vm, exc)?.__cause__().map(PyObjectRef::from)) })
}

/// An exception that the caller gives away; NULL and `None` are none.
unsafe fn stolen_exception(
    vm: &VirtualMachine,
    p: *mut PyObject,
) -> PyResult<Option<PyBaseExceptionRef>> {
    if p.is_null() {
        return Ok(None);
    }
    // SAFETY: by the callers' contract.
    let v = unsafe { vm_of_stolen(vm, p) };
    if vm.is_none(&v) {
        return Ok(None);
    }
    match v.downcast::<PyBaseException>() {
        Ok(e) => Ok(Some(e)),
        Err(_) => Err(bad_internal_call(vm)),
    }
}

/// Sets the cause. Steals `cause`, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_SetCause(exc: *mut PyObject, cause: *mut PyObject) {
    // SAFETY: the caller passes a live exception, and hands over the cause.
    border::<Nothing>(|vm| unsafe {
        let cause = stolen_exception(vm, cause)?;
        let e = exception(vm, exc)?;
        e.set_cause(cause);
        changed(vm, &e, exc);
        Ok(Nothing)
    });
}

/// The context. New reference, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_GetContext(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live exception.
    border(|vm| unsafe { Ok(exception(vm, exc)?.__context__().map(PyObjectRef::from)) })
}

/// Sets the context. Steals `context`, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_SetContext(exc: *mut PyObject, context: *mut PyObject) {
    // SAFETY: the caller passes a live exception, and hands over the context.
    border::<Nothing>(|vm| unsafe {
        let context = stolen_exception(vm, context)?;
        let e = exception(vm, exc)?;
        e.set_context(context);
        changed(vm, &e, exc);
        Ok(Nothing)
    });
}

/// The arguments, a tuple. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_GetArgs(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live exception.
    border(|vm| unsafe { Ok(exception(vm, exc)?.args()) })
}

/// Sets the arguments, a tuple. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyException_SetArgs(exc: *mut PyObject, args: *mut PyObject) {
    // SAFETY: the caller passes a live exception and a live tuple.
    border::<Nothing>(|vm| unsafe {
        let e = exception(vm, exc)?;
        let args = object(vm, args)?;
        let o: &rustpython_vm::PyObject = e.as_object();
        python(|| o.set_attr("args", args, vm))?;
        changed(vm, &e, exc);
        Ok(Nothing)
    });
}

/// The name of a class of exceptions; lives as long as the class.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyExceptionClass_Name(class: *mut PyObject) -> *const c_char {
    // SAFETY: the caller passes a live class.
    unsafe { (*class.cast::<PyTypeObject>()).tp_name }
}

/// `except*`: what is left to raise of the exceptions `excs` that the handlers of `orig` raised. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Exc_PrepReraiseStar(
    orig: *mut PyObject,
    excs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects.
    border(|vm| unsafe {
        let orig = object(vm, orig)?;
        let excs = object(vm, excs)?;
        let Some(e) = orig.downcast_ref::<PyBaseException>() else {
            return Err(vm.new_type_error("orig must be an exception"));
        };
        let Some(list) = excs.downcast_ref::<PyList>() else {
            return Err(vm.new_type_error("excs must be a list of exceptions"));
        };
        let all = list.borrow_vec().to_vec();
        for (i, item) in all.iter().enumerate() {
            if !vm.is_none(item) && item.downcast_ref::<PyBaseException>().is_none() {
                return Err(vm.new_type_error(format!("item {i} in excs is not an exception")));
            }
        }
        if e.__traceback__().is_none() {
            return Err(vm.new_value_error("orig must be a raised exception"));
        }
        python(|| rustpython_vm::exceptions::prep_reraise_star(&orig, &excs, vm))
    })
}

/// Makes the exception `exc` the context of the one that is set, or sets it. Steals `exc`, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyErr_ChainExceptions1(exc: *mut PyObject) {
    if exc.is_null() {
        return;
    }
    // SAFETY: the caller hands over its reference.
    unsafe {
        let set = error::take_raw();
        if set.is_null() {
            error::replace(exc);
        } else {
            PyException_SetContext(set, exc);
            error::replace(set);
        }
    }
}

/// A `UnicodeDecodeError`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeDecodeError_Create(
    encoding: *const c_char,
    object: *const c_char,
    length: Py_ssize_t,
    start: Py_ssize_t,
    end: Py_ssize_t,
    reason: *const c_char,
) -> *mut PyObject {
    // SAFETY: the caller passes NUL-terminated strings, and `length` bytes.
    border(|vm| unsafe {
        let encoding = text(vm, encoding)?;
        let reason = text(vm, reason)?;
        let bytes = match usize::try_from(length).unwrap_or(0) {
            0 => Vec::new(),
            n => std::slice::from_raw_parts(object.cast::<u8>(), n).to_vec(),
        };
        let class = vm.ctx.exceptions.unicode_decode_error.as_object();
        let args = (
            vm.ctx.new_str(encoding),
            vm.ctx.new_bytes(bytes),
            vm.ctx.new_int(start),
            vm.ctx.new_int(end),
            vm.ctx.new_str(reason),
        );
        python(|| class.call(args, vm))
    })
}

/// An attribute of a Unicode error.
unsafe fn unicode_error_attribute(exc: *mut PyObject, name: &'static str) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by the callers' contract.
        let e = unsafe { object(vm, exc) }?;
        python(|| e.get_attr(name, vm))
    })
}

/// `start` or `end` of a Unicode error, moved into the bounds of its object.
unsafe fn unicode_error_bound(
    exc: *mut PyObject,
    name: &'static str,
    bound: *mut Py_ssize_t,
) -> c_int {
    border(|vm| {
        // SAFETY: by the callers' contract.
        let e = unsafe { object(vm, exc) }?;
        let (len, value) = python(|| {
            let len = e.get_attr("object", vm)?.length(vm)? as Py_ssize_t;
            let value = Py_ssize_t::try_from_object(vm, e.get_attr(name, vm)?)?;
            PyResult::Ok((len, value))
        })?;
        let clamped = match name {
            "start" => value.clamp(0, (len - 1).max(0)),
            _ => value.max(1).min(len),
        };
        // SAFETY: the caller's variable.
        unsafe { *bound = clamped };
        Ok(())
    })
}

unsafe fn set_unicode_error(
    exc: *mut PyObject,
    name: &'static str,
    value: impl FnOnce(&VirtualMachine) -> PyResult<PyObjectRef>,
) -> c_int {
    border(|vm| {
        // SAFETY: by the callers' contract.
        let e = unsafe { object(vm, exc) }?;
        let value = value(vm)?;
        python(|| e.set_attr(name, value, vm))
    })
}

macro_rules! unicode_error_objects {
    ($($function:ident: $name:literal),* $(,)?) => {$(
        #[doc = concat!("The attribute `", $name, "`. New reference.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(exc: *mut PyObject) -> *mut PyObject {
            // SAFETY: the caller passes a live Unicode error.
            unsafe { unicode_error_attribute(exc, $name) }
        }
    )*};
}

macro_rules! unicode_error_bounds {
    ($($get:ident, $set:ident: $name:literal),* $(,)?) => {$(
        #[doc = concat!("The attribute `", $name, "`, moved into the bounds of the object. 0, or -1 with an exception.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $get(exc: *mut PyObject, bound: *mut Py_ssize_t) -> c_int {
            // SAFETY: the caller passes a live Unicode error, and its variable.
            unsafe { unicode_error_bound(exc, $name, bound) }
        }

        #[doc = concat!("Sets the attribute `", $name, "`. 0, or -1 with an exception.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $set(exc: *mut PyObject, bound: Py_ssize_t) -> c_int {
            // SAFETY: the caller passes a live Unicode error.
            unsafe { set_unicode_error(exc, $name, |vm| Ok(vm.ctx.new_int(bound).into())) }
        }
    )*};
}

macro_rules! unicode_error_reasons {
    ($($function:ident),* $(,)?) => {$(
        /// Sets the attribute `reason`, UTF-8. 0, or -1 with an exception.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(exc: *mut PyObject, reason: *const c_char) -> c_int {
            // SAFETY: the caller passes a live Unicode error, and a NUL-terminated string.
            unsafe {
                set_unicode_error(exc, "reason", |vm| Ok(vm.ctx.new_str(text(vm, reason)?).into()))
            }
        }
    )*};
}

unicode_error_objects! {
    PyUnicodeDecodeError_GetEncoding: "encoding",
    PyUnicodeDecodeError_GetObject: "object",
    PyUnicodeDecodeError_GetReason: "reason",
    PyUnicodeEncodeError_GetEncoding: "encoding",
    PyUnicodeEncodeError_GetObject: "object",
    PyUnicodeEncodeError_GetReason: "reason",
    PyUnicodeTranslateError_GetObject: "object",
    PyUnicodeTranslateError_GetReason: "reason",
}

unicode_error_bounds! {
    PyUnicodeDecodeError_GetStart, PyUnicodeDecodeError_SetStart: "start",
    PyUnicodeDecodeError_GetEnd, PyUnicodeDecodeError_SetEnd: "end",
    PyUnicodeEncodeError_GetStart, PyUnicodeEncodeError_SetStart: "start",
    PyUnicodeEncodeError_GetEnd, PyUnicodeEncodeError_SetEnd: "end",
    PyUnicodeTranslateError_GetStart, PyUnicodeTranslateError_SetStart: "start",
    PyUnicodeTranslateError_GetEnd, PyUnicodeTranslateError_SetEnd: "end",
}

unicode_error_reasons! {
    PyUnicodeDecodeError_SetReason,
    PyUnicodeEncodeError_SetReason,
    PyUnicodeTranslateError_SetReason,
}

/// Says why the process cannot go on, where its Python code is, and aborts it.
fn fatal(function: Option<&CStr>, message: &CStr) -> ! {
    let mut err = std::io::stderr().lock();
    let function = function.map_or_else(String::new, |f| format!("{}: ", f.to_string_lossy()));
    let _ = writeln!(
        err,
        "Fatal Python error: {function}{}",
        message.to_string_lossy()
    );
    let id: c_ulong = {
        // SAFETY: always succeeds.
        unsafe { libc::pthread_self() }
    };
    let _ = writeln!(
        err,
        "\nCurrent thread 0x{id:016x} (most recent call first):"
    );
    if rustpython_vm::vm::thread::current_vm_is_set() {
        rustpython_vm::frame::for_each_current_frame(|frame| {
            let code = frame.iframe().code();
            let _ = writeln!(
                err,
                "  File \"{}\", line {} in {}",
                code.source_path(),
                frame.current_location().line,
                code.obj_name
            );
        });
    }
    let _ = err.flush();
    std::process::abort()
}

/// Aborts the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_FatalError(message: *const c_char) -> ! {
    // SAFETY: the caller passes a NUL-terminated string.
    fatal(None, unsafe { CStr::from_ptr(message) })
}

/// Aborts the process, naming the C function that wants it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_FatalErrorFunc(func: *const c_char, message: *const c_char) -> ! {
    // SAFETY: the caller passes NUL-terminated strings; the function's name may be NULL.
    unsafe {
        fatal(
            (!func.is_null()).then(|| CStr::from_ptr(func)),
            CStr::from_ptr(message),
        )
    }
}
