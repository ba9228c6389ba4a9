//! `import.h` and `cpython/import.h`.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::ptr;

use rustpython_vm::builtins::{PyBytes, PyCode, PyDict, PyModule, PyStr, PyStrRef};
use rustpython_vm::function::IntoFuncArgs;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::pyerrors::fs_decode;
use super::{border, object, optional, python, text};
use crate::layout::{_frozen, _inittab, PyObject};
use crate::proxy::c_of;
use crate::refcount;

/// The table of built-in modules that C may extend before the interpreter runs: the VM has its own.
#[unsafe(no_mangle)]
pub static mut PyImport_Inittab: *mut _inittab = &raw mut NO_BUILTINS;
static mut NO_BUILTINS: _inittab = _inittab::ZERO;

/// Further frozen modules of an embedding program: none.
#[unsafe(no_mangle)]
pub static mut PyImport_FrozenModules: *const _frozen = ptr::null();

/// Calls a function of a module, inside a border.
///
/// # Errors
/// What importing the module and calling the function raises.
pub fn call(
    vm: &VirtualMachine,
    module: &'static str,
    function: &'static str,
    args: impl IntoFuncArgs,
) -> PyResult {
    python(|| {
        let module = import_module(vm, module)?;
        module.get_attr(function, vm)?.call(args, vm)
    })
}

fn modules(vm: &VirtualMachine) -> PyResult {
    vm.sys_module
        .get_attr("modules", vm)
        .map_err(|_| vm.new_runtime_error("unable to get sys.modules"))
}

/// The module called `name` in `sys.modules`.
fn present(vm: &VirtualMachine, name: &PyObjectRef) -> PyResult<Option<PyObjectRef>> {
    match modules(vm)?.get_item(&**name, vm) {
        Ok(module) => Ok(Some(module)),
        Err(e) if e.fast_isinstance(vm.ctx.exceptions.key_error) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The module called `name`, by way of the `__import__` in force. Python code runs.
fn import_object(vm: &VirtualMachine, name: &PyStrRef) -> PyResult {
    let names = vm.ctx.new_list(vec![vm.ctx.new_str("__doc__").into()]);
    vm.import_from(&**name, names, 0)?;
    let key: PyObjectRef = name.clone().into();
    match present(vm, &key)? {
        Some(module) => Ok(module),
        None => Err(vm.new_key_error(key)),
    }
}

fn import_module(vm: &VirtualMachine, name: &str) -> PyResult {
    import_object(vm, &vm.ctx.new_str(name))
}

/// A module's name as C gives it.
fn as_name(vm: &VirtualMachine, name: PyObjectRef) -> PyResult<PyStrRef> {
    name.downcast::<PyStr>()
        .map_err(|_| vm.new_type_error("module name must be a string"))
}

/// New reference. `name` is UTF-8, with dots.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModule(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let name = vm.ctx.new_str(unsafe { text(vm, name) }?);
        python(|| import_object(vm, &name))
    })
}

/// As `PyImport_ImportModule`, with a `DeprecationWarning`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModuleNoBlock(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        let text = "PyImport_ImportModuleNoBlock() is deprecated and scheduled for removal in Python 3.15. \
                    Use PyImport_ImportModule() instead.";
        let category = vm.ctx.exceptions.deprecation_warning.to_owned();
        let text = vm.ctx.new_str(text).into();
        python(|| rustpython_vm::warn::warn(text, Some(category), 1, None, vm))?;
        // SAFETY: the caller passes a NUL-terminated string.
        let name = vm.ctx.new_str(unsafe { super::text(vm, name) }?);
        python(|| import_object(vm, &name))
    })
}

/// New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_Import(name: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let name = as_name(vm, unsafe { object(vm, name) }?)?;
        python(|| import_object(vm, &name))
    })
}

/// `__import__(name, globals, locals, fromlist, level)`. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModuleLevelObject(
    name: *mut PyObject,
    globals: *mut PyObject,
    locals: *mut PyObject,
    fromlist: *mut PyObject,
    level: c_int,
) -> *mut PyObject {
    border(|vm| {
        if name.is_null() {
            return Err(vm.new_value_error("Empty module name"));
        }
        // SAFETY: the caller passes live objects or NULLs.
        let (name, rest) = unsafe {
            let name = as_name(vm, object(vm, name)?)?;
            (name, [globals, locals, fromlist].map(|p| optional(vm, p)))
        };
        if level < 0 {
            return Err(vm.new_value_error("level must be >= 0"));
        }
        let [globals, locals, fromlist] = rest;
        let globals = match (globals, level) {
            // Only a relative import looks at them.
            (_, 0) => vm.ctx.none(),
            (None, _) => {
                let text = vm.ctx.new_str("'__name__' not in globals").into();
                return Err(vm.new_key_error(text));
            }
            (Some(globals), _) if globals.downcast_ref::<PyDict>().is_none() => {
                return Err(vm.new_type_error("globals must be a dict"));
            }
            (Some(globals), _) => globals,
        };
        let [locals, fromlist] = [locals, fromlist].map(|v| v.unwrap_or_else(|| vm.ctx.none()));
        python(|| {
            // The VM's own, whatever `builtins.__import__` is now: an override may well call us.
            let bootstrap = vm.import("_frozen_importlib", 0)?;
            let import = bootstrap.get_attr("__import__", vm)?;
            import.call((name, globals, locals, fromlist, level), vm)
        })
    })
}

/// As `PyImport_ImportModuleLevelObject`, with a name in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModuleLevel(
    name: *const c_char,
    globals: *mut PyObject,
    locals: *mut PyObject,
    fromlist: *mut PyObject,
    level: c_int,
) -> *mut PyObject {
    // SAFETY: the same contract; the name is ours.
    unsafe {
        let name = named(name);
        if name.is_null() {
            return name;
        }
        let module = PyImport_ImportModuleLevelObject(name, globals, locals, fromlist, level);
        refcount::decref(name);
        module
    }
}

/// A new `str` for UTF-8 of C's, NULL with an exception if it is none.
unsafe fn named(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the callers pass a NUL-terminated string.
        let name = unsafe { text(vm, name) }?;
        Ok(vm.ctx.new_str(name))
    })
}

/// The module called `name`, made if there is none. Python code runs.
fn add(vm: &VirtualMachine, name: &PyObjectRef) -> PyResult {
    if let Some(module) = present(vm, name)?
        && module.fast_isinstance(vm.ctx.types.module_type)
    {
        return Ok(module);
    }
    let text = name.downcast_ref::<PyStr>();
    let text = text.map_or_else(String::new, |text| {
        text.as_wtf8().to_string_lossy().into_owned()
    });
    let module = vm.new_module(&text, vm.ctx.new_dict(), None);
    module.dict().set_item("__name__", name.clone(), vm)?;
    modules(vm)?.set_item(&**name, module.clone().into(), vm)?;
    Ok(module.into())
}

/// The module called `name` in `sys.modules`, made empty if there is none. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_AddModuleRef(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let name = vm.ctx.new_str(unsafe { text(vm, name) }?).into();
        python(|| add(vm, &name))
    })
}

/// As `PyImport_AddModuleRef`. Borrowed from `sys.modules`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_AddModuleObject(name: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object; `sys.modules` holds the module.
        unsafe {
            let name = object(vm, name)?;
            let module = python(|| add(vm, &name))?;
            let owner = PyImport_GetModuleDict();
            Ok(refcount::anchors::borrow_from(owner, c_of(vm, &module)))
        }
    })
}

/// As `PyImport_AddModuleObject`, with a name in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_AddModule(name: *const c_char) -> *mut PyObject {
    // SAFETY: the same contract; the name is ours.
    unsafe {
        let name = named(name);
        if name.is_null() {
            return name;
        }
        let module = PyImport_AddModuleObject(name);
        refcount::decref(name);
        module
    }
}

/// The module called `name`, if it was imported. New reference; NULL without an exception if not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_GetModule(name: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let name = unsafe { object(vm, name) }?;
        python(|| present(vm, &name))
    })
}

/// `sys.modules`. Borrowed from `sys`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_GetModuleDict() -> *mut PyObject {
    border(|vm| {
        let modules = modules(vm)?;
        super::sysmodule::borrow_from_sys(vm, &modules)
    })
}

/// The number that compiled files start with; -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_GetMagicNumber() -> c_long {
    border(|vm| {
        let number = python(|| {
            let external = vm.import("_frozen_importlib_external", 0)?;
            external.get_attr("MAGIC_NUMBER", vm)
        })?;
        let bytes = number
            .downcast_ref::<PyBytes>()
            .and_then(|bytes| bytes.as_bytes().try_into().ok())
            .ok_or_else(|| vm.new_type_error("the magic number is not 4 bytes"))?;
        Ok(c_long::from(u32::from_le_bytes(bytes)))
    })
}

/// `sys.implementation.cache_tag`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_GetMagicTag() -> *const c_char {
    static TAG: std::sync::OnceLock<std::ffi::CString> = std::sync::OnceLock::new();
    border(|vm| {
        if let Some(tag) = TAG.get() {
            return Ok(tag.as_ptr());
        }
        let tag = python(|| {
            let implementation = vm.sys_module.get_attr("implementation", vm)?;
            implementation.get_attr("cache_tag", vm)?.str_utf8(vm)
        })?;
        let tag = std::ffi::CString::new(tag.as_str()).unwrap_or_default();
        Ok(TAG.get_or_init(|| tag).as_ptr())
    })
}

/// `importlib.reload(m)`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ReloadModule(m: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let module = unsafe { object(vm, m) }?;
        call(vm, "importlib", "reload", (module,))
    })
}

/// The finder for an entry of `sys.path`, `None` if there is none. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_GetImporter(path: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let path = unsafe { object(vm, path) }?;
        call(vm, "pkgutil", "get_importer", (path,))
    })
}

/// Runs a code object as the module `name`. Python code runs.
fn execute(
    vm: &VirtualMachine,
    name: &PyObjectRef,
    code: &PyObjectRef,
    file: Option<PyObjectRef>,
    cached: Option<PyObjectRef>,
) -> PyResult {
    let module = add(vm, name)?;
    let run = || {
        let dict = module
            .downcast_ref::<PyModule>()
            .ok_or_else(|| vm.new_system_error("not a module"))?
            .dict();
        if !dict.contains_key("__builtins__", vm) {
            dict.set_item("__builtins__", vm.builtins.clone().into(), vm)?;
        }
        let file = match file {
            Some(file) => file,
            None => code.get_attr("co_filename", vm)?,
        };
        let cached = cached.unwrap_or_else(|| vm.ctx.none());
        let external = vm.import("_frozen_importlib_external", 0)?;
        let fix = external.get_attr("_fix_up_module", vm)?;
        fix.call((dict.clone(), name.clone(), file, cached), vm)?;
        let exec = vm.builtins.get_attr("exec", vm)?;
        exec.call((code.clone(), dict), vm)
    };
    if let Err(e) = run() {
        let _ = modules(vm)?.del_item(&**name, vm);
        return Err(e);
    }
    present(vm, name)?.ok_or_else(|| {
        let name = name
            .str_utf8(vm)
            .map_or_else(|_| String::new(), |s| s.to_string());
        let text = format!("Loaded module '{name}' not found in sys.modules");
        vm.new_import_error(text, vm.ctx.new_str(name))
    })
}

/// Runs a code object as the module `name`, from `pathname`, compiled to `cpathname`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ExecCodeModuleObject(
    name: *mut PyObject,
    co: *mut PyObject,
    pathname: *mut PyObject,
    cpathname: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes live objects; the paths may be NULL.
        let (name, code, file, cached) = unsafe {
            (
                object(vm, name)?,
                object(vm, co)?,
                optional(vm, pathname),
                optional(vm, cpathname),
            )
        };
        if code.downcast_ref::<PyCode>().is_none() {
            return Err(vm.new_type_error("a code object is required"));
        }
        python(|| execute(vm, &name, &code, file, cached))
    })
}

/// As `PyImport_ExecCodeModuleObject`, with names in UTF-8 and paths as the system has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ExecCodeModuleWithPathnames(
    name: *const c_char,
    co: *mut PyObject,
    pathname: *const c_char,
    cpathname: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes NUL-terminated strings, NULLs for the paths, and a live object.
        let (name, code, paths) = unsafe {
            let path = |p: *const c_char| {
                (!p.is_null()).then(|| PyObjectRef::from(fs_decode(vm, CStr::from_ptr(p))))
            };
            (
                vm.ctx.new_str(text(vm, name)?).into(),
                object(vm, co)?,
                [pathname, cpathname].map(path),
            )
        };
        let [file, cached] = paths;
        python(|| {
            // As CPython does, the source's name is guessed from the compiled file's.
            let file = match (&file, &cached) {
                (None, Some(cached)) => {
                    let external = vm.import("_frozen_importlib_external", 0)?;
                    let guess = external.get_attr("_get_sourcefile", vm)?;
                    Some(guess.call((cached.clone(),), vm)?).filter(|f| !vm.is_none(f))
                }
                _ => file,
            };
            execute(vm, &name, &code, file, cached)
        })
    })
}

/// As `PyImport_ExecCodeModuleWithPathnames`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ExecCodeModuleEx(
    name: *const c_char,
    co: *mut PyObject,
    pathname: *const c_char,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyImport_ExecCodeModuleWithPathnames(name, co, pathname, ptr::null()) }
}

/// As `PyImport_ExecCodeModuleWithPathnames`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ExecCodeModule(
    name: *const c_char,
    co: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyImport_ExecCodeModuleWithPathnames(name, co, ptr::null(), ptr::null()) }
}

fn import_frozen(vm: &VirtualMachine, name: &PyStrRef) -> PyResult<bool> {
    let imp = vm.import("_imp", 0)?;
    let known = vm.call_method(&imp, "is_frozen", (name.clone(),))?;
    if !known.try_to_bool(vm)? {
        return Ok(false);
    }
    rustpython_vm::import::import_frozen(vm, &name.as_wtf8().to_string_lossy())?;
    Ok(true)
}

/// Loads a frozen module. 1, 0 if there is none of that name, -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportFrozenModuleObject(name: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes NULL or a live object.
        match unsafe { optional(vm, name) }.map(PyObjectRef::downcast::<PyStr>) {
            Some(Ok(name)) => python(|| import_frozen(vm, &name)),
            _ => Ok(false),
        }
    })
}

/// As `PyImport_ImportFrozenModuleObject`, with a name in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportFrozenModule(name: *const c_char) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let name = vm.ctx.new_str(unsafe { text(vm, name) }?);
        python(|| import_frozen(vm, &name))
    })
}

/// An attribute of a module. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModuleAttr(
    mod_name: *mut PyObject,
    attr_name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes live objects.
        let (module, name) = unsafe { (object(vm, mod_name)?, object(vm, attr_name)?) };
        let (module, name) = (as_name(vm, module)?, as_name(vm, name)?);
        python(|| import_object(vm, &module)?.get_attr(&*name, vm))
    })
}

/// As `PyImport_ImportModuleAttr`, with names in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ImportModuleAttrString(
    mod_name: *const c_char,
    attr_name: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes NUL-terminated strings.
        let (module, name) = unsafe { (text(vm, mod_name)?, text(vm, attr_name)?) };
        let (module, name) = (vm.ctx.new_str(module), vm.ctx.new_str(name));
        python(|| import_object(vm, &module)?.get_attr(&*name, vm))
    })
}

/// Aborts the process, as CPython does once the interpreter runs: and it does when C code can call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_AppendInittab(
    _name: *const c_char,
    _initfunc: Option<unsafe extern "C" fn() -> *mut PyObject>,
) -> c_int {
    // SAFETY: a NUL-terminated string.
    unsafe {
        super::pyerrors::Py_FatalError(
            c"PyImport_AppendInittab() may not be called after Py_Initialize()".as_ptr(),
        )
    }
}

/// Aborts the process, as CPython does once the interpreter runs: and it does when C code can call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyImport_ExtendInittab(_newtab: *mut _inittab) -> c_int {
    // SAFETY: a NUL-terminated string.
    unsafe {
        super::pyerrors::Py_FatalError(
            c"PyImport_ExtendInittab() may not be called after Py_Initialize()".as_ptr(),
        )
    }
}
