//! `cpython/code.h`: code objects.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustpython_vm::builtins::{PyCode, PyTuple, PyWeak};
use rustpython_vm::compiler::Mode;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::{bad_internal_call, border, object, optional, python, text, watch};
use crate::layout::*;
use crate::proxy::c_of;

/// The name under which code that hands its frame back finds whom to.
pub const CATCH: &str = "<frame>";

/// What all code that C makes does when it runs: calls [`CATCH`].
fn template(vm: &VirtualMachine) -> PyResult<PyRef<PyCode>> {
    static TEMPLATE: OnceLock<PyRef<PyCode>> = OnceLock::new();
    if let Some(code) = TEMPLATE.get() {
        return Ok(code.clone());
    }
    let code = vm
        .compile("catch()", Mode::Exec, "<C>".to_owned())
        .map_err(|e| vm.new_system_error(e.to_string()))?;
    let names = vm.ctx.new_tuple(vec![vm.ctx.new_str(CATCH).into()]);
    let code = replace(vm, &code, [("co_names", names.into())])?;
    Ok(TEMPLATE.get_or_init(|| code).clone())
}

fn replace<const N: usize>(
    vm: &VirtualMachine,
    code: &PyRef<PyCode>,
    changes: [(&str, PyObjectRef); N],
) -> PyResult<PyRef<PyCode>> {
    let mut args = FuncArgs::default();
    for (name, value) in changes {
        args.kwargs.insert(name.into(), value);
    }
    code.as_object()
        .get_attr("replace", vm)?
        .call(args, vm)?
        .try_into_value(vm)
}

/// Whether C made the code object.
pub fn is_of_c(vm: &VirtualMachine, code: &VmObject) -> PyResult<bool> {
    let names = code.get_attr("co_names", vm)?;
    Ok(
        match names.downcast_ref::<PyTuple>().map(|t| t.as_slice()) {
            Some([name]) => name.str(vm)?.as_bytes() == CATCH.as_bytes(),
            _ => false,
        },
    )
}

/// `code`, if C made it, else code of the same file, name and line, that
/// hands back its frame.
pub fn handing_back(vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyResult<PyRef<PyCode>> {
    let attribute = |name: &'static str| code.as_object().get_attr(name, vm);
    if is_of_c(vm, code.as_object())? {
        return Ok(code.clone());
    }
    named(
        vm,
        attribute("co_filename")?,
        attribute("co_name")?,
        attribute("co_qualname")?,
        attribute("co_firstlineno")?,
    )
}

fn named(
    vm: &VirtualMachine,
    filename: PyObjectRef,
    name: PyObjectRef,
    qualname: PyObjectRef,
    line: PyObjectRef,
) -> PyResult<PyRef<PyCode>> {
    replace(
        vm,
        &template(vm)?,
        [
            ("co_filename", filename),
            ("co_name", name),
            ("co_qualname", qualname),
            ("co_firstlineno", line),
        ],
    )
}

fn into_c(vm: &VirtualMachine, code: PyRef<PyCode>) -> *mut PyCodeObject {
    c_of(vm, code.as_object()).cast()
}

/// Code that does nothing, for tracebacks: new.
///
/// # Safety
/// Both are strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCode_NewEmpty(
    filename: *const c_char,
    funcname: *const c_char,
    firstlineno: c_int,
) -> *mut PyCodeObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (file, name) = unsafe { (CStr::from_ptr(filename), text(vm, funcname)?) };
        let file = vm.fsdecode(std::ffi::OsStr::from_bytes(file.to_bytes()).to_owned());
        let name: PyObjectRef = vm.ctx.new_str(name).into();
        let line = vm.ctx.new_int(firstlineno.max(1)).into();
        let code = named(vm, file.into(), name.clone(), name, line)?;
        Ok(into_c(vm, code))
    })
}

/// A code object as C describes it: new. Running it does nothing: `code` is
/// for CPython's own interpreter.
///
/// # Safety
/// All objects are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Code_NewWithPosOnlyArgs(
    argcount: c_int,
    posonlyargcount: c_int,
    kwonlyargcount: c_int,
    nlocals: c_int,
    _stacksize: c_int,
    flags: c_int,
    _code: *mut PyObject,
    _consts: *mut PyObject,
    _names: *mut PyObject,
    varnames: *mut PyObject,
    _freevars: *mut PyObject,
    _cellvars: *mut PyObject,
    filename: *mut PyObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    firstlineno: c_int,
    _linetable: *mut PyObject,
    _exceptiontable: *mut PyObject,
) -> *mut PyCodeObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (varnames, filename, name, qualname) = unsafe {
            (
                object(vm, varnames)?,
                object(vm, filename)?,
                object(vm, name)?,
                object(vm, qualname)?,
            )
        };
        let int = |n: c_int| -> PyObjectRef { vm.ctx.new_int(n).into() };
        let code = named(vm, filename, name, qualname, int(firstlineno.max(1)))?;
        let code = replace(
            vm,
            &code,
            [
                ("co_argcount", int(argcount)),
                ("co_posonlyargcount", int(posonlyargcount)),
                ("co_kwonlyargcount", int(kwonlyargcount)),
                ("co_nlocals", int(nlocals)),
                ("co_flags", int(flags)),
                ("co_varnames", varnames),
            ],
        )?;
        Ok(into_c(vm, code))
    })
}

/// [`PyUnstable_Code_NewWithPosOnlyArgs`] without positional-only arguments.
///
/// # Safety
/// All objects are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Code_New(
    argcount: c_int,
    kwonlyargcount: c_int,
    nlocals: c_int,
    stacksize: c_int,
    flags: c_int,
    code: *mut PyObject,
    consts: *mut PyObject,
    names: *mut PyObject,
    varnames: *mut PyObject,
    freevars: *mut PyObject,
    cellvars: *mut PyObject,
    filename: *mut PyObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    firstlineno: c_int,
    linetable: *mut PyObject,
    exceptiontable: *mut PyObject,
) -> *mut PyCodeObject {
    // SAFETY: by this function's contract.
    unsafe {
        PyUnstable_Code_NewWithPosOnlyArgs(
            argcount,
            0,
            kwonlyargcount,
            nlocals,
            stacksize,
            flags,
            code,
            consts,
            names,
            varnames,
            freevars,
            cellvars,
            filename,
            name,
            qualname,
            firstlineno,
            linetable,
            exceptiontable,
        )
    }
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $attribute:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `code` is a live code object.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(code: *mut PyCodeObject) -> *mut PyObject {
            border(|vm| {
                // SAFETY: by this function's contract.
                let code = unsafe { object(vm, code)? };
                code.get_attr($attribute, vm)
            })
        }
    )*};
}

attributes! {
    /// `co_code`: new.
    PyCode_GetCode = "co_code";
    /// `co_varnames`: new.
    PyCode_GetVarnames = "co_varnames";
    /// `co_cellvars`: new.
    PyCode_GetCellvars = "co_cellvars";
    /// `co_freevars`: new.
    PyCode_GetFreevars = "co_freevars";
}

/// The positions of the instruction at `offset`, or `None`.
unsafe fn position(
    vm: &VirtualMachine,
    code: *mut PyCodeObject,
    offset: c_int,
) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: by the callers' contract.
    let code = unsafe { object(vm, code)? };
    let Ok(index) = usize::try_from(offset / 2) else {
        return Ok(None);
    };
    python(|| {
        let positions = vm.call_method(&code, "co_positions", ())?;
        let positions: Vec<PyObjectRef> = vm.extract_elements_with(&positions, Ok)?;
        Ok(positions.get(index).cloned())
    })
}

fn number(vm: &VirtualMachine, position: &PyObjectRef, index: usize) -> c_int {
    position
        .downcast_ref::<PyTuple>()
        .and_then(|t| t.as_slice().get(index)?.clone().try_into_value(vm).ok())
        .unwrap_or(-1)
}

/// The line of the instruction at `offset`, -1 if it has none.
///
/// # Safety
/// `code` is a live code object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCode_Addr2Line(code: *mut PyCodeObject, offset: c_int) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            if offset < 0 {
                return object(vm, code)?
                    .get_attr("co_firstlineno", vm)?
                    .try_into_value(vm);
            }
            Ok(position(vm, code, offset)?.map_or(-1, |p| number(vm, &p, 0)))
        }
    })
}

/// Where the instruction at `offset` is in the source, -1 for what is not
/// known: 1, or 0 if `offset` is no instruction's.
///
/// # Safety
/// `code` is a live code object; the rest can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCode_Addr2Location(
    code: *mut PyCodeObject,
    offset: c_int,
    start_line: *mut c_int,
    start_column: *mut c_int,
    end_line: *mut c_int,
    end_column: *mut c_int,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let position = position(vm, code, offset)?;
            let n = |i| position.as_ref().map_or(-1, |p| number(vm, p, i));
            *start_line = n(0);
            *end_line = n(1);
            *start_column = n(2);
            *end_column = n(3);
            Ok(position.is_some())
        }
    })
}

/// `code`, as it is: new. Nothing is optimized since 3.10.
///
/// # Safety
/// `code` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCode_Optimize(
    code: *mut PyObject,
    _consts: *mut PyObject,
    _names: *mut PyObject,
    _lnotab: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { crate::refcount::xnew_ref(code) }
}

/// Registers a watcher of code objects: -1 with `RuntimeError`, as when no number is left; see [`watch`].
#[unsafe(no_mangle)]
pub extern "C" fn PyCode_AddWatcher(_callback: PyCode_WatchCallback) -> c_int {
    border(|vm| watch::add(vm, "code"))
}

/// Forgets a watcher: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyCode_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| watch::with(vm, "code", watcher_id))
}

/// What C attached to code objects, by their address. An entry goes with its code object, whose weak reference calls
/// [`drop_extras`].
static EXTRAS: Mutex<BTreeMap<usize, Extras>> = Mutex::new(BTreeMap::new());
/// What frees the values of each index.
static FREE: Mutex<Vec<Option<freefunc>>> = Mutex::new(Vec::new());
/// `MAX_CO_EXTRA_USERS`
const MOST_EXTRAS: usize = 255;

struct Extras {
    /// By index; addresses.
    values: Vec<usize>,
    _reference: PyRef<PyWeak>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An index for values attached to code objects, which `free` frees: -1 without an exception if none is left.
#[unsafe(no_mangle)]
pub extern "C" fn PyUnstable_Eval_RequestCodeExtraIndex(free: Option<freefunc>) -> Py_ssize_t {
    let mut known = hold(&FREE);
    if known.len() == MOST_EXTRAS {
        return -1;
    }
    known.push(free);
    known.len() as Py_ssize_t - 1
}

/// `code`, a code object, and `index`, one that was requested.
unsafe fn extra_of(
    vm: &VirtualMachine,
    code: *mut PyObject,
    index: Py_ssize_t,
) -> PyResult<(PyRef<PyCode>, usize)> {
    // SAFETY: the callers hand over NULL or a live object.
    let code = unsafe { optional(vm, code) }.and_then(|code| code.downcast::<PyCode>().ok());
    let index = usize::try_from(index)
        .ok()
        .filter(|&i| i < hold(&FREE).len());
    code.zip(index).ok_or_else(|| bad_internal_call(vm))
}

/// Stores the value that is attached to a code object at an index, or NULL: 0, or -1 with `SystemError` for what is no code object.
///
/// # Safety
/// `code` is NULL or a live object; `extra` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Code_GetExtra(
    code: *mut PyObject,
    index: Py_ssize_t,
    extra: *mut *mut c_void,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            *extra = std::ptr::null_mut();
            let code = optional(vm, code).and_then(|code| code.downcast::<PyCode>().ok());
            let code = code.ok_or_else(|| bad_internal_call(vm))?;
            if let Some(found) = hold(&EXTRAS).get(&code.as_object().get_id())
                && let Some(&value) = usize::try_from(index)
                    .ok()
                    .and_then(|i| found.values.get(i))
            {
                *extra = value as *mut c_void;
            }
        }
        Ok(())
    })
}

/// Attaches a value to a code object; the one that was there is freed. It is freed with the code object. 0, or -1 with
/// `SystemError` for what is no code object, or an index that was not requested.
///
/// # Safety
/// `code` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Code_SetExtra(
    code: *mut PyObject,
    index: Py_ssize_t,
    extra: *mut c_void,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (code, index) = unsafe { extra_of(vm, code, index)? };
        let address = code.as_object().get_id();
        let known = hold(&EXTRAS).contains_key(&address);
        if !known {
            let callback =
                vm.new_function("drop_extras", move |_: PyObjectRef, vm: &VirtualMachine| {
                    drop_extras(vm, address);
                });
            let reference = code.as_object().downgrade(Some(callback.into()), vm)?;
            let fresh = Extras {
                values: Vec::new(),
                _reference: reference,
            };
            hold(&EXTRAS).insert(address, fresh);
        }
        let mut all = hold(&EXTRAS);
        let values = &mut all
            .get_mut(&address)
            .ok_or_else(|| bad_internal_call(vm))?
            .values;
        if values.len() <= index {
            values.resize(index + 1, 0);
        }
        let old = std::mem::replace(&mut values[index], extra as usize);
        drop(all);
        free_extra(index, old);
        Ok(())
    })
}

/// Frees a value at an index. The caller holds the extension lock.
fn free_extra(index: usize, value: usize) {
    let free = hold(&FREE)[index];
    if let Some(free) = free.filter(|_| value != 0) {
        // SAFETY: the value is of who requested the index.
        unsafe { free(value as *mut c_void) };
    }
}

/// The code object at this address is gone: so are its values.
fn drop_extras(vm: &VirtualMachine, address: usize) {
    let Some(extras) = hold(&EXTRAS).remove(&address) else {
        return;
    };
    let _held = crate::thread::enter(vm);
    crate::thread::state::call_c(|| {
        for (index, &value) in extras.values.iter().enumerate() {
            free_extra(index, value);
        }
    });
}
