//! `sysmodule.h`, without what takes a format, and the functions of it that are deprecated but still exported.

use std::ffi::{c_char, c_int};

use libc::wchar_t;
use rustpython_vm::builtins::PyListRef;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::fileutils::wide_text;
use super::{Nothing, border, object, optional, python, text};
use crate::layout::PyObject;
use crate::proxy::c_of;
use crate::refcount;

/// Gives `v`, which an attribute of `sys` holds, to C as a reference borrowed from `sys`.
///
/// # Errors
/// None so far.
pub fn borrow_from_sys(vm: &VirtualMachine, v: &VmObject) -> PyResult<*mut PyObject> {
    let sys = c_of(vm, vm.sys_module.as_object());
    // SAFETY: both are live, and the reference to the object is ours.
    unsafe {
        let borrowed = refcount::anchors::borrow_from(sys, c_of(vm, v));
        refcount::decref(sys);
        Ok(borrowed)
    }
}

fn get(vm: &VirtualMachine, name: &str) -> PyResult<Option<PyObjectRef>> {
    vm.sys_module.dict().get_item_opt(name, vm)
}

/// The list that `sys` has under `name`.
fn list(vm: &VirtualMachine, name: &'static str) -> PyResult<PyListRef> {
    if let Some(found) = get(vm, name)?
        && let Ok(list) = found.downcast()
    {
        return Ok(list);
    }
    let fresh = vm.ctx.new_list(Vec::new());
    vm.sys_module
        .dict()
        .set_item(name, fresh.clone().into(), vm)?;
    Ok(fresh)
}

/// `sys.name`. Borrowed; NULL without an exception if there is none. Errors are reported as unraisable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_GetObject(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let found = unsafe { text(vm, name) }.and_then(|name| get(vm, name));
        match found {
            Ok(Some(v)) => borrow_from_sys(vm, &v),
            Ok(None) => Ok(std::ptr::null_mut()),
            Err(e) => {
                let message = "Exception ignored in PySys_GetObject()".to_owned();
                python(|| vm.run_unraisable(e, Some(message), vm.ctx.none()));
                Ok(std::ptr::null_mut())
            }
        }
    })
}

/// Sets `sys.name`; NULL deletes it. 0, or -1 with an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_SetObject(name: *const c_char, v: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string, and NULL or a live object.
        let (name, v) = unsafe { (text(vm, name)?, optional(vm, v)) };
        let dict = vm.sys_module.dict();
        match v {
            Some(v) => dict.set_item(name, v, vm),
            None if dict.contains_key(name, vm) => dict.del_item(name, vm),
            None => Ok(()),
        }
    })
}

fn x_options(vm: &VirtualMachine) -> PyResult {
    if let Some(options) = get(vm, "_xoptions")?
        && options.fast_isinstance(vm.ctx.types.dict_type)
    {
        return Ok(options);
    }
    let fresh: PyObjectRef = vm.ctx.new_dict().into();
    vm.sys_module
        .dict()
        .set_item("_xoptions", fresh.clone(), vm)?;
    Ok(fresh)
}

/// `sys._xoptions`. Borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_GetXOptions() -> *mut PyObject {
    border(|vm| {
        let options = x_options(vm)?;
        borrow_from_sys(vm, &options)
    })
}

/// Adds `name=value`, or `name` for `True`, to `sys._xoptions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_AddXOption(option: *const wchar_t) {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let option = unsafe { wide_text(option) };
        let (name, value): (&str, PyObjectRef) = match option.split_once('=') {
            Some((name, value)) => (name, vm.ctx.new_str(value).into()),
            None => (&option, vm.ctx.new_bool(true).into()),
        };
        let options = x_options(vm)?;
        python(|| options.set_item(name, value, vm))?;
        Ok(Nothing)
    });
}

/// Empties `sys.warnoptions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_ResetWarnOptions() {
    border(|vm| {
        let list = list(vm, "warnoptions")?;
        python(|| vm.call_method(list.as_object(), "clear", ()))?;
        Ok(Nothing)
    });
}

/// Adds to `sys.warnoptions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_AddWarnOption(option: *const wchar_t) {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let option = vm.ctx.new_str(unsafe { wide_text(option) });
        let list = list(vm, "warnoptions")?;
        python(|| vm.call_method(list.as_object(), "append", (option,)))?;
        Ok(Nothing)
    });
}

/// Adds to `sys.warnoptions`. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_AddWarnOptionUnicode(option: *mut PyObject) {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let option = unsafe { object(vm, option) }?;
        let list = list(vm, "warnoptions")?;
        python(|| vm.call_method(list.as_object(), "append", (option,)))?;
        Ok(Nothing)
    });
}

/// Whether `sys.warnoptions` has any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_HasWarnOptions() -> c_int {
    border(|vm| Ok(!list(vm, "warnoptions")?.borrow_vec().is_empty()))
}

/// Sets `sys.argv`; with `updatepath`, also puts the script's directory in front of `sys.path`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_SetArgvEx(argc: c_int, argv: *mut *mut wchar_t, updatepath: c_int) {
    border(|vm| {
        let n = usize::try_from(argc).unwrap_or(0);
        // SAFETY: the caller passes `argc` NUL-terminated strings.
        let mut args: Vec<String> = (0..n).map(|i| unsafe { wide_text(*argv.add(i)) }).collect();
        if args.is_empty() {
            args.push(String::new());
        }
        let script = args[0].clone();
        let args = args
            .into_iter()
            .map(|arg| vm.ctx.new_str(arg).into())
            .collect();
        let args = vm.ctx.new_list(args);
        vm.sys_module.dict().set_item("argv", args.into(), vm)?;
        if updatepath != 0 {
            let directory = script_directory(&script);
            python(|| vm.insert_sys_path(vm.ctx.new_str(directory).into()))?;
        }
        Ok(Nothing)
    });
}

/// What CPython puts in front of `sys.path` for this `argv[0]`.
fn script_directory(script: &str) -> String {
    match script {
        "-c" | "-m" | "" => String::new(),
        _ => {
            let path = std::fs::canonicalize(script).unwrap_or_else(|_| script.into());
            let parent = path.parent().unwrap_or_else(|| std::path::Path::new(""));
            parent.to_string_lossy().into_owned()
        }
    }
}

/// As `PySys_SetArgvEx` with `updatepath`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_SetArgv(argc: c_int, argv: *mut *mut wchar_t) {
    // SAFETY: the same contract.
    unsafe { PySys_SetArgvEx(argc, argv, 1) };
}

/// Sets `sys.path` to the parts of a list with colons.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySys_SetPath(path: *const wchar_t) {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let path = unsafe { wide_text(path) };
        let parts = path
            .split(':')
            .map(|part| vm.ctx.new_str(part).into())
            .collect();
        let parts = vm.ctx.new_list(parts);
        vm.sys_module.dict().set_item("path", parts.into(), vm)?;
        Ok(Nothing)
    });
}
