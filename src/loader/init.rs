//! Opening an extension file and running its init function: single-phase and multi-phase, as CPython 3.14 does.

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustpython_vm::builtins::{PyDictRef, PyModule, PyStrRef};
use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::{explain_dlopen, import_error, inspect};
use crate::api::moduleobject::{self, PyModule_GetDef, PyModule_GetState};
use crate::api::pystate;
use crate::layout::{PyModuleDef, PyObject};
use crate::proxy::{c_of, mirror, vm_of, vm_of_stolen};
use crate::refcount::check;
use crate::thread;
use crate::types::slots_c;

type InitFunction = unsafe extern "C" fn() -> *mut PyObject;

/// A single-phase module that was loaded once, as importing it again wants it.
struct Known {
    /// Address of the definition; definitions live for ever.
    def: usize,
    /// Address of the init function.
    init: usize,
    /// The namespace after the first import, of a module that can be initialised only once.
    copy: Option<PyDictRef>,
}

#[derive(Default)]
struct Loaded {
    /// By file and full module name.
    single_phase: HashMap<(OsString, String), Known>,
    /// In the order of opening, each once.
    files: Vec<OsString>,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);
static DLOPEN_FLAGS: AtomicI32 = AtomicI32::new(libc::RTLD_NOW);

struct LoadedGuard(MutexGuard<'static, Option<Loaded>>);

impl LoadedGuard {
    fn lock() -> Self {
        Self(LOADED.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&mut self) -> &mut Loaded {
        self.0.get_or_insert_default()
    }
}

/// The extension files that were opened, in that order.
pub fn files() -> Vec<OsString> {
    LoadedGuard::lock().get().files.clone()
}

/// Gives `sys` the functions that say how files are opened.
///
/// # Errors
/// What setting attributes of `sys` raises.
pub fn install(vm: &VirtualMachine) -> PyResult<()> {
    let get = vm.new_function("getdlopenflags", || DLOPEN_FLAGS.load(Ordering::Relaxed));
    let set = vm.new_function("setdlopenflags", |flags: i32| {
        DLOPEN_FLAGS.store(flags, Ordering::Relaxed);
    });
    vm.sys_module.set_attr("getdlopenflags", get, vm)?;
    vm.sys_module.set_attr("setdlopenflags", set, vm)
}

/// Runs `f`, which works with C objects, from Python code: with the lock, and with mirrors that are true.
fn in_c<R>(vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    let _held = thread::enter(vm);
    let _checked = check::is_on().then(check::Call::import);
    mirror::before_c(vm);
    let result = f();
    mirror::before_vm(vm);
    result
}

/// Makes the module that `spec` names from its file, which [`inspect`] found good.
///
/// # Errors
/// `ImportError` if the file cannot be opened, and whatever its init function raises.
pub fn load(spec: &PyObjectRef, vm: &VirtualMachine) -> PyResult {
    pystate::remember(vm);
    let name: PyStrRef = spec.get_attr("name", vm)?.try_into_value(vm)?;
    let origin: PyStrRef = spec.get_attr("origin", vm)?.try_into_value(vm)?;
    let path = vm.fsencode(&origin)?.into_owned();
    let full_name = name.as_wtf8().to_string_lossy().into_owned();
    if let Some(module) = in_c(vm, || reload(vm, &path, &full_name))? {
        return Ok(module);
    }
    let symbol = inspect::init_symbol(&full_name);
    // Constructors of the file may call the API.
    let opened = in_c(vm, || open(&path, &symbol));
    let init = opened.map_err(|message| import_error(vm, &message, &name, &origin))?;
    in_c(vm, || {
        // SAFETY: the symbol names the file's init function.
        let result = unsafe { initialise(vm, spec, &path, &origin, &full_name, init) };
        slots_c::notice_writes(vm);
        result
    })
}

/// Opens the file and finds its init function.
fn open(path: &OsStr, symbol: &str) -> Result<InitFunction, String> {
    let mut file = path.as_bytes().to_vec();
    if !file.contains(&b'/') {
        // Without a slash, the linker would search its own directories.
        file.splice(..0, *b"./");
    }
    let file = CString::new(file).map_err(|_| "embedded null byte".to_owned())?;
    let symbol = CString::new(symbol).map_err(|_| "embedded null byte".to_owned())?;
    // SAFETY: opening runs the file's constructors, which importing it asks for. It is never closed.
    let init = unsafe {
        let handle = libc::dlopen(file.as_ptr(), DLOPEN_FLAGS.load(Ordering::Relaxed));
        if handle.is_null() {
            return Err(explain_dlopen(Path::new(path), &linker_error()));
        }
        libc::dlsym(handle, symbol.as_ptr())
    };
    if init.is_null() {
        return Err(format!(
            "dynamic module does not define module export function ({})",
            symbol.to_string_lossy()
        ));
    }
    let mut loaded = LoadedGuard::lock();
    let files = &mut loaded.get().files;
    if !files.iter().any(|known| known == path) {
        files.push(path.to_owned());
    }
    // SAFETY: functions of this name take nothing and return an object.
    Ok(unsafe { std::mem::transmute::<*mut libc::c_void, InitFunction>(init) })
}

fn linker_error() -> String {
    // SAFETY: the text is copied at once, and the lock is held.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            return "unknown dlopen() error".to_owned();
        }
        let bytes = CStr::from_ptr(text).to_bytes().to_vec();
        OsString::from_vec(bytes).to_string_lossy().into_owned()
    }
}

/// Runs the init function and finishes what it returns.
///
/// # Safety
/// `init` is a module's init function; the lock is held.
unsafe fn initialise(
    vm: &VirtualMachine,
    spec: &PyObjectRef,
    path: &OsStr,
    origin: &PyStrRef,
    name: &str,
    init: InitFunction,
) -> PyResult {
    // SAFETY: by this function's contract; what init functions return is a new reference, or a definition.
    unsafe {
        let p = run(vm, name, init)?;
        if moduleobject::is_def(p) {
            let def = p.cast::<PyModuleDef>();
            let p = moduleobject::from_def_and_spec(vm, def, spec)?;
            return Ok(vm_of_stolen(vm, p));
        }
        let v = vm_of(vm, p);
        let def = match moduleobject::is_module(p) {
            true => PyModule_GetDef(p),
            false => std::ptr::null_mut(),
        };
        let module = vm_of_stolen(vm, p);
        let refused = |what: &str| {
            vm.new_system_error(format!("initialization of {name} did not return {what}"))
        };
        if !name.is_ascii() {
            return Err(refused("PyModuleDef"));
        }
        let Ok(module) = module.downcast::<PyModule>() else {
            return Err(vm.new_type_error(format!(
                "initialization of {name} did not return an extension module"
            )));
        };
        if def.is_null() {
            return Err(refused("a valid extension module"));
        }
        (*def).m_base.m_init = Some(init);
        module.set_attr("__file__", origin.clone(), vm)?;
        let copy = match (*def).m_size {
            -1 => {
                let copy = vm.ctx.new_dict();
                vm.call_method(copy.as_object(), "update", (module.dict(),))?;
                Some(copy)
            }
            _ => None,
        };
        LoadedGuard::lock().get().single_phase.insert(
            (path.to_owned(), name.to_owned()),
            Known {
                def: def as usize,
                init: init as usize,
                copy,
            },
        );
        finish(vm, name, &module, def)?;
        Ok(v)
    }
}

/// Calls the init function.
unsafe fn run(vm: &VirtualMachine, name: &str, init: InitFunction) -> PyResult<*mut PyObject> {
    // SAFETY: by the callers' contract.
    unsafe {
        let p = moduleobject::with_package_context(name, || thread::state::call_c(|| init()));
        let p = moduleobject::made(vm, p, "initialization", name, "")?;
        if (*p).ob_type.is_null() {
            return Err(vm.new_system_error(format!(
                "init function of {name} returned uninitialized object"
            )));
        }
        Ok(p)
    }
}

/// Makes a single-phase module known to `PyState_FindModule` and `sys.modules`.
unsafe fn finish(
    vm: &VirtualMachine,
    name: &str,
    module: &PyRef<PyModule>,
    def: *mut PyModuleDef,
) -> PyResult<()> {
    // SAFETY: by the callers' contract; the mirror of a module is live while the reference is.
    unsafe {
        let p = c_of(vm, module.as_object());
        moduleobject::remember(p, def);
        crate::refcount::decref(p);
    }
    let modules = vm.sys_module.get_attr("modules", vm)?;
    modules.set_item(name, module.clone().into(), vm)
}

/// The single-phase module of a file that was loaded before, `None` for any other.
fn reload(vm: &VirtualMachine, path: &OsStr, name: &str) -> PyResult<Option<PyObjectRef>> {
    let key = (path.to_owned(), name.to_owned());
    let found = LoadedGuard::lock()
        .get()
        .single_phase
        .get(&key)
        .map(|known| (known.def, known.init, known.copy.clone()));
    let Some((def, init, copy)) = found else {
        return Ok(None);
    };
    let def = def as *mut PyModuleDef;
    let module: PyRef<PyModule> = match copy {
        Some(copy) => {
            let modules = vm.sys_module.get_attr("modules", vm)?;
            let present = modules.get_item(name, vm).ok();
            let module = match present.and_then(|m| m.downcast::<PyModule>().ok()) {
                Some(module) => module,
                None => vm.new_module(name, vm.ctx.new_dict(), None),
            };
            vm.call_method(module.dict().as_object(), "update", (copy,))?;
            module
        }
        None => {
            // SAFETY: the address was that of the file's init function, and files stay open.
            let v = unsafe {
                let init = std::mem::transmute::<usize, InitFunction>(init);
                let p = run(vm, name, init)?;
                vm_of_stolen(vm, p)
            };
            v.downcast::<PyModule>().map_err(|_| {
                vm.new_type_error(format!(
                    "initialization of {name} did not return an extension module"
                ))
            })?
        }
    };
    // SAFETY: definitions live for ever.
    unsafe { finish(vm, name, &module, def)? };
    Ok(Some(module.into()))
}

/// Runs the `Py_mod_exec` slots of a module that [`load`] made, unless they ran before.
///
/// # Errors
/// What a slot raises.
pub fn execute(module: &PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    if module.downcast_ref::<PyModule>().is_none() {
        return Ok(());
    }
    in_c(vm, || {
        let p = c_of(vm, module);
        // SAFETY: a live module; its definition lives for ever.
        unsafe {
            let def = PyModule_GetDef(p);
            let result = match def.is_null() || !PyModule_GetState(p).is_null() {
                true => Ok(()),
                false => moduleobject::execute(vm, p, def),
            };
            slots_c::notice_writes(vm);
            crate::refcount::decref(p);
            result
        }
    })
}
