//! `moduleobject.h`, the parts of `modsupport.h` about modules, and `PyState_*` of `pystate.h`.
//!
//! A module that C made has its definition and its state in its mirror.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::ptr;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyDictRef, PyStr, PyStrRef};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};
use slab::Slab;

use super::{bad_internal_call, border, object, optional, python, text};
use crate::layout::{
    METH_CLASS, METH_STATIC, Py_TPFLAGS_BASETYPE, Py_mod_create, Py_mod_exec, Py_mod_gil,
    Py_mod_multiple_interpreters, PyASCIIObject, PyMethodDef, PyModuleDef, PyModuleDef_Slot,
    PyObject, PyTypeObject,
};
use crate::proxy::mirror::moduleobject::PyModuleObject;
use crate::proxy::mirror::{self, Kind, unicodeobject};
use crate::proxy::{c_of, linger};
use crate::thread::{self, error};
use crate::{refcount, types};

/// The type of module definitions.
#[unsafe(no_mangle)]
pub static mut PyModuleDef_Type: PyTypeObject = PyTypeObject::ZERO;

/// What belongs to modules as a whole; only the holder of the lock reaches it.
#[derive(Default)]
struct Modules {
    /// Where `PyState_FindModule` looks: owned references or NULL. A definition's `m_index` is the key plus 1.
    by_index: Slab<*mut PyObject>,
    /// The full name of the single-phase module whose init function runs.
    package_context: Option<String>,
}

struct Global(RefCell<Option<Modules>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static MODULES: Global = Global(RefCell::new(None));

fn modules<R>(f: impl FnOnce(&mut Modules) -> R) -> R {
    f(MODULES.0.borrow_mut().get_or_insert_default())
}

/// Runs `f`, an init function, with `name` as the full name of the module that it makes.
pub fn with_package_context<R>(name: &str, f: impl FnOnce() -> R) -> R {
    let outer = modules(|m| m.package_context.replace(name.to_owned()));
    let result = f();
    modules(|m| m.package_context = outer);
    result
}

/// The full name of a module that calls itself `name`. The name of the module that is being imported is given once.
fn resolve(name: String) -> String {
    modules(|m| {
        m.package_context
            .take_if(|full| full.rsplit('.').next() == Some(&name))
            .unwrap_or(name)
    })
}

/// Whether `p` is a module.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn is_module(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { mirror::base_kind_of_type((*p).ob_type) == Kind::Module }
}

/// The struct of the module `p`. Anything else is a `SystemError`.
///
/// # Safety
/// `p` is NULL or a live object; the lock is held.
unsafe fn module_struct(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyModuleObject> {
    // SAFETY: by this function's contract.
    if p.is_null() || !unsafe { is_module(p) } {
        return Err(bad_internal_call(vm));
    }
    Ok(p.cast())
}

/// The dict of the module `v`.
fn dict_of(vm: &VirtualMachine, v: &PyObjectRef) -> PyResult<PyDictRef> {
    v.dict().ok_or_else(|| bad_internal_call(vm))
}

/// The text of a C string that a definition holds.
///
/// # Safety
/// `s` is NUL-terminated.
unsafe fn shown(s: *const c_char) -> String {
    // SAFETY: by this function's contract.
    unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned()
}

/// Gives the module `p` its definition.
///
/// # Safety
/// `p` is a live module and `def` outlives it; the lock is held.
unsafe fn set_def(p: *mut PyObject, def: *mut PyModuleDef) {
    // SAFETY: by this function's contract.
    unsafe {
        (*p.cast::<PyModuleObject>()).md_def = def;
        if !mirror::moduleobject::is_owned(p) {
            // A module that the VM made: its C object, with the state, has to stay.
            refcount::incref(p);
        }
    }
}

/// Zeroed memory for a module's state, if its definition wants any.
unsafe fn allocate_state(
    vm: &VirtualMachine,
    p: *mut PyObject,
    def: *mut PyModuleDef,
) -> PyResult<()> {
    // SAFETY: by the callers' contract both are live, and `p` is a module.
    unsafe {
        let module = p.cast::<PyModuleObject>();
        if (*def).m_size < 0 || !(*module).md_state.is_null() {
            return Ok(());
        }
        let state = libc::calloc(((*def).m_size as usize).max(1), 1);
        if state.is_null() {
            return Err(vm.no_memory_error());
        }
        (*module).md_state = state;
    }
    Ok(())
}

/// Adds the functions of a method table to `v`, whose C object is `p`.
unsafe fn add_functions(
    vm: &VirtualMachine,
    p: *mut PyObject,
    v: &PyObjectRef,
    name: &PyStrRef,
    methods: *mut PyMethodDef,
) -> PyResult<()> {
    if methods.is_null() {
        return Ok(());
    }
    let name_p = c_of(vm, name.as_object());
    let mut at = methods;
    let mut result = Ok(());
    // SAFETY: by the callers' contract; a NULL name ends the table.
    unsafe {
        while !(*at).ml_name.is_null() {
            result = add_function(vm, p, v, name_p, at);
            if result.is_err() {
                break;
            }
            at = at.add(1);
        }
        refcount::decref(name_p);
    }
    result
}

unsafe fn add_function(
    vm: &VirtualMachine,
    p: *mut PyObject,
    v: &PyObjectRef,
    name_p: *mut PyObject,
    ml: *mut PyMethodDef,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    let function = unsafe {
        if (*ml).ml_flags & (METH_CLASS | METH_STATIC) as c_int != 0 {
            return Err(vm.new_value_error("module functions cannot set METH_CLASS or METH_STATIC"));
        }
        types::function::new_function(vm, ml, p, name_p, ptr::null_mut())?
    };
    // SAFETY: as above.
    let name = vm.ctx.intern_str(unsafe { shown((*ml).ml_name) });
    python(|| v.set_attr(name, function, vm))
}

/// Sets the docstring of a module.
unsafe fn set_doc(vm: &VirtualMachine, v: &PyObjectRef, doc: *const c_char) -> PyResult<()> {
    if doc.is_null() {
        return Ok(());
    }
    // SAFETY: by the callers' contract.
    let doc = vm.ctx.new_str(unsafe { text(vm, doc) }?);
    python(|| v.set_attr("__doc__", doc, vm))
}

/// Makes a definition an object. Returns `def`, borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModuleDef_Init(def: *mut PyModuleDef) -> *mut PyObject {
    border(|_| {
        // SAFETY: the caller passes a definition; the type is ours, and the lock is held.
        unsafe {
            let ty = &raw mut PyModuleDef_Type;
            if (*ty).tp_name.is_null() {
                refcount::make_static_immortal(ty.cast());
                (*ty.cast::<PyObject>()).ob_type = types::statics::type_type();
                (*ty).tp_name = c"moduledef".as_ptr();
                (*ty).tp_basicsize = size_of::<PyModuleDef>() as isize;
                (*ty).tp_flags = Py_TPFLAGS_BASETYPE;
                (*ty).tp_base = types::statics::object_type();
            }
            let base = &mut (*def).m_base;
            if base.m_index == 0 {
                refcount::make_static_immortal(def.cast());
                base.ob_base.ob_type = ty;
                base.m_index = modules(|m| m.by_index.insert(ptr::null_mut())) as isize + 1;
            }
            Ok(def.cast::<PyObject>())
        }
    })
}

/// Whether `p` is a definition that [`PyModuleDef_Init`] made an object.
///
/// # Safety
/// `p` is a live object.
pub unsafe fn is_def(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_type == &raw mut PyModuleDef_Type }
}

/// A module of a single-phase definition. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_Create2(
    def: *mut PyModuleDef,
    _module_api_version: c_int,
) -> *mut PyObject {
    // SAFETY: the caller passes a definition that outlives the module.
    border(|vm| unsafe {
        PyModuleDef_Init(def);
        let name = shown((*def).m_name);
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error(format!(
                "module {name}: PyModule_Create is incompatible with m_slots"
            )));
        }
        let name = resolve(name);
        let p = mirror::moduleobject::new(vm, &name);
        let v = object(vm, p)?;
        let made = (|| {
            if (*def).m_size > 0 {
                allocate_state(vm, p, def)?;
            }
            let name = vm.ctx.new_str(name);
            add_functions(vm, p, &v, &name, (*def).m_methods)?;
            set_doc(vm, &v, (*def).m_doc)
        })();
        if let Err(e) = made {
            refcount::decref(p);
            return Err(e);
        }
        set_def(p, def);
        Ok(p)
    })
}

/// What a definition's slots say.
struct Slots {
    create: Option<unsafe extern "C" fn(*mut PyObject, *mut PyModuleDef) -> *mut PyObject>,
    execute: Vec<unsafe extern "C" fn(*mut PyObject) -> c_int>,
}

/// Reads and checks the slots of a definition.
unsafe fn read_slots(vm: &VirtualMachine, name: &str, def: *mut PyModuleDef) -> PyResult<Slots> {
    let mut slots = Slots {
        create: None,
        execute: Vec::new(),
    };
    let twice =
        |what: &str| vm.new_system_error(format!("module {name} has more than one '{what}' slots"));
    let (mut interpreters, mut gil) = (false, false);
    // SAFETY: by the callers' contract; slot 0 ends the array, and a slot's value is what its number says.
    unsafe {
        let mut at: *mut PyModuleDef_Slot = (*def).m_slots;
        while !at.is_null() && (*at).slot != 0 {
            let value = (*at).value;
            match (*at).slot {
                Py_mod_create => {
                    if slots.create.is_some() {
                        return Err(
                            vm.new_system_error(format!("module {name} has multiple create slots"))
                        );
                    }
                    slots.create = Some(std::mem::transmute::<
                        *mut c_void,
                        unsafe extern "C" fn(*mut PyObject, *mut PyModuleDef) -> *mut PyObject,
                    >(value));
                }
                Py_mod_exec => slots.execute.push(std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*mut PyObject) -> c_int,
                >(value)),
                Py_mod_multiple_interpreters if interpreters => {
                    return Err(twice("multiple interpreters"));
                }
                Py_mod_multiple_interpreters => interpreters = true,
                Py_mod_gil if gil => return Err(twice("gil")),
                Py_mod_gil => gil = true,
                unknown => {
                    return Err(vm.new_system_error(format!(
                        "module {name} uses unknown slot ID {unknown}"
                    )));
                }
            }
            at = at.add(1);
        }
    }
    Ok(slots)
}

/// A `SystemError` whose cause is what C left set.
fn from_cause(vm: &VirtualMachine, message: String) -> PyBaseExceptionRef {
    let cause = error::take(vm);
    let e = vm.new_system_error(message);
    if cause.is_some() {
        e.set_cause(cause.clone());
        e.set_context(cause);
    }
    e
}

/// The outcome of C code that makes a module: `p`, or why there is none.
///
/// # Safety
/// `p` is NULL or an owned reference; the lock is held.
pub unsafe fn made(
    vm: &VirtualMachine,
    p: *mut PyObject,
    what: &str,
    name: &str,
    without: &str,
) -> PyResult<*mut PyObject> {
    if p.is_null() {
        return Err(error::take(vm).unwrap_or_else(|| {
            vm.new_system_error(format!(
                "{what} of {without}{name} failed without {}",
                match without {
                    "" => "raising an exception",
                    _ => "setting an exception",
                }
            ))
        }));
    }
    if error::occurred() {
        // SAFETY: by this function's contract. What is no object is not looked at.
        unsafe {
            if !(*p).ob_type.is_null() {
                refcount::decref(p);
            }
        }
        return Err(from_cause(
            vm,
            format!("{what} of {without}{name} raised unreported exception"),
        ));
    }
    Ok(p)
}

/// The module of a multi-phase definition, not executed yet. New reference.
///
/// # Safety
/// `def` outlives the module and `spec` is live; the lock is held.
pub unsafe fn from_def_and_spec(
    vm: &VirtualMachine,
    def: *mut PyModuleDef,
    spec: &PyObjectRef,
) -> PyResult<*mut PyObject> {
    // SAFETY: by this function's contract.
    unsafe {
        PyModuleDef_Init(def);
        let name_v = python(|| spec.get_attr("name", vm))?;
        let Ok(name_v) = name_v.downcast::<PyStr>() else {
            return Err(vm.new_system_error("nameless module"));
        };
        let name = name_v.as_wtf8().to_string_lossy().into_owned();
        if (*def).m_size < 0 {
            return Err(vm.new_system_error(format!(
                "module {name}: m_size may not be negative for multi-phase initialization"
            )));
        }
        let slots = read_slots(vm, &name, def)?;
        let p = match slots.create {
            None => {
                let p = mirror::moduleobject::new(vm, &name);
                let dict = dict_of(vm, &object(vm, p)?)?;
                dict.set_item("__name__", name_v.clone().into(), vm)?;
                p
            }
            Some(create) => {
                let spec_p = c_of(vm, spec);
                let p = thread::state::call_c(|| create(spec_p, def));
                refcount::decref(spec_p);
                made(vm, p, "creation", &name, "module ")?
            }
        };
        let finished = finish(vm, p, def, &name, &name_v, &slots);
        if let Err(e) = finished {
            refcount::decref(p);
            return Err(e);
        }
        Ok(p)
    }
}

/// Gives the fresh module `p` its definition, functions and docstring.
unsafe fn finish(
    vm: &VirtualMachine,
    p: *mut PyObject,
    def: *mut PyModuleDef,
    name: &str,
    name_v: &PyStrRef,
    slots: &Slots,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        if is_module(p) {
            set_def(p, def);
        } else {
            let def = &*def;
            if def.m_size > 0
                || def.m_traverse.is_some()
                || def.m_clear.is_some()
                || def.m_free.is_some()
            {
                return Err(vm.new_system_error(format!(
                    "module {name} is not a module object, but requests module state"
                )));
            }
            if !slots.execute.is_empty() {
                return Err(vm.new_system_error(format!(
                    "module {name} specifies execution slots, but did not create a ModuleType instance"
                )));
            }
        }
        let v = object(vm, p)?;
        add_functions(vm, p, &v, name_v, (*def).m_methods)?;
        set_doc(vm, &v, (*def).m_doc)
    }
}

/// The module of a multi-phase definition, not executed yet. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_FromDefAndSpec2(
    def: *mut PyModuleDef,
    spec: *mut PyObject,
    _module_api_version: c_int,
) -> *mut PyObject {
    // SAFETY: the caller passes a definition that outlives the module, and a live object.
    border(|vm| unsafe {
        let spec = object(vm, spec)?;
        from_def_and_spec(vm, def, &spec)
    })
}

/// Runs the `Py_mod_exec` slots. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_ExecDef(module: *mut PyObject, def: *mut PyModuleDef) -> c_int {
    // SAFETY: the caller passes a live module and its definition.
    border(|vm| unsafe { execute(vm, module, def) })
}

/// [`PyModule_ExecDef`].
///
/// # Safety
/// `p` is live and `def` its definition; the lock is held.
pub unsafe fn execute(
    vm: &VirtualMachine,
    p: *mut PyObject,
    def: *mut PyModuleDef,
) -> PyResult<()> {
    // SAFETY: by this function's contract.
    unsafe {
        let name = match name_of(vm, p) {
            Ok(name) => name.as_wtf8().to_string_lossy().into_owned(),
            Err(e) => return Err(e),
        };
        module_struct(vm, p)?;
        allocate_state(vm, p, def)?;
        for run in read_slots(vm, &name, def)?.execute {
            let status = thread::state::call_c(|| run(p));
            if status != 0 {
                return Err(error::take(vm).unwrap_or_else(|| {
                    vm.new_system_error(format!(
                        "execution of module {name} failed without setting an exception"
                    ))
                }));
            }
            if error::occurred() {
                return Err(from_cause(
                    vm,
                    format!("execution of module {name} raised unreported exception"),
                ));
            }
        }
    }
    Ok(())
}

/// An empty module. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_New(name: *const c_char) -> *mut PyObject {
    // SAFETY: the caller passes a NUL-terminated string.
    border(|vm| unsafe { Ok(mirror::moduleobject::new(vm, text(vm, name)?)) })
}

/// An empty module. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_NewObject(name: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let name = unsafe { object(vm, name) }?;
        let module = match name.downcast_ref::<PyStr>() {
            Some(text) => mirror::moduleobject::new(vm, &text.as_wtf8().to_string_lossy()),
            None => mirror::moduleobject::new(vm, ""),
        };
        // SAFETY: freshly made.
        dict_of(vm, &unsafe { object(vm, module) }?)?.set_item("__name__", name, vm)?;
        Ok(module)
    })
}

/// The namespace. Borrowed; lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetDict(module: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live module; its struct owns the dict.
    border(|vm| unsafe {
        let c = module_struct(vm, module)?;
        if (*c).md_dict.is_null() {
            let v = object(vm, module)?;
            (*c).md_dict = c_of(vm, dict_of(vm, &v)?.as_object());
            linger::mark_namespace((*c).md_dict);
        }
        Ok((*c).md_dict)
    })
}

/// A `str` in the namespace of the module `p`.
unsafe fn string_in(
    vm: &VirtualMachine,
    p: *mut PyObject,
    key: &'static str,
    missing: &'static str,
) -> PyResult<PyStrRef> {
    // SAFETY: by the callers' contract.
    let v = unsafe {
        if p.is_null() || !is_module(p) {
            return Err(vm.new_type_error("bad argument type for built-in operation"));
        }
        object(vm, p)?
    };
    dict_of(vm, &v)?
        .get_item_opt(key, vm)?
        .and_then(|value| value.downcast::<PyStr>().ok())
        .ok_or_else(|| vm.new_system_error(missing))
}

unsafe fn name_of(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyStrRef> {
    // SAFETY: by the callers' contract.
    unsafe { string_in(vm, p, "__name__", "nameless module") }
}

/// `__name__`, a `str`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetNameObject(module: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live object.
    border(|vm| unsafe { name_of(vm, module) })
}

/// `__file__`, a `str`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetFilenameObject(module: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes a live object.
    border(|vm| unsafe { string_in(vm, module, "__file__", "module filename missing") })
}

/// The UTF-8 of `s`, as long as the thing called `key` of the module does not change.
unsafe fn held_utf8(
    vm: &VirtualMachine,
    holder: &mut *mut PyObject,
    s: &PyStrRef,
) -> PyResult<*const c_char> {
    let p = c_of(vm, s.as_object());
    // SAFETY: the holder keeps the string alive; ASCII data ends with a NUL.
    unsafe {
        refcount::xdecref(std::mem::replace(holder, p));
        if (*p.cast::<PyASCIIObject>()).state.ascii() {
            return Ok(unicodeobject::data(p).1.cast_const().cast());
        }
    }
    let bytes = s.as_wtf8().as_bytes();
    let copy =
        std::ffi::CString::new(bytes).map_err(|_| vm.new_value_error("embedded null character"))?;
    Ok(crate::proxy::arena::immortal_c_string(
        &copy.to_string_lossy(),
    ))
}

/// `__name__`, UTF-8; lives as long as the module has that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetName(module: *mut PyObject) -> *const c_char {
    // SAFETY: the caller passes a live module; its struct owns the name.
    border(|vm| unsafe {
        let name = name_of(vm, module)?;
        held_utf8(vm, &mut (*module.cast::<PyModuleObject>()).md_name, &name)
    })
}

/// `__file__`, UTF-8; lives as long as the module has that file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetFilename(module: *mut PyObject) -> *const c_char {
    // SAFETY: the caller passes a live object. The namespace keeps the string, and the anchor its C object.
    border(|vm| unsafe {
        let name = string_in(vm, module, "__file__", "module filename missing")?;
        let mut held = ptr::null_mut();
        let utf8 = held_utf8(vm, &mut held, &name)?;
        refcount::anchors::borrow_from(module, held);
        Ok(utf8)
    })
}

/// The definition, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetDef(module: *mut PyObject) -> *mut PyModuleDef {
    // SAFETY: the caller passes a live object.
    unsafe {
        if !module.is_null() && is_module(module) {
            return (*module.cast::<PyModuleObject>()).md_def;
        }
        border(|vm| {
            Err::<*mut PyModuleDef, _>(
                vm.new_type_error("bad argument type for built-in operation"),
            )
        })
    }
}

/// The memory for the module's state, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_GetState(module: *mut PyObject) -> *mut c_void {
    // SAFETY: the caller passes a live object.
    unsafe {
        if !module.is_null() && is_module(module) {
            return (*module.cast::<PyModuleObject>()).md_state;
        }
        border(|vm| {
            Err::<*mut c_void, _>(vm.new_type_error("bad argument type for built-in operation"))
        })
    }
}

/// Sets `__doc__`, UTF-8. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_SetDocString(module: *mut PyObject, doc: *const c_char) -> c_int {
    // SAFETY: the caller passes a live object and a NUL-terminated string.
    border(|vm| unsafe {
        let v = object(vm, module)?;
        set_doc(vm, &v, doc)
    })
}

/// Adds the functions of a table that outlives the module. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddFunctions(
    module: *mut PyObject,
    functions: *mut PyMethodDef,
) -> c_int {
    // SAFETY: the caller passes a live module and a table.
    border(|vm| unsafe {
        let name = name_of(vm, module)?;
        let v = object(vm, module)?;
        add_functions(vm, module, &v, &name, functions)
    })
}

/// Sets `module.name`. Steals nothing.
unsafe fn add(
    vm: &VirtualMachine,
    module: *mut PyObject,
    name: *const c_char,
    value: Option<PyObjectRef>,
) -> PyResult<()> {
    // SAFETY: by the callers' contract.
    unsafe {
        if module.is_null() || !is_module(module) {
            return Err(
                vm.new_type_error("PyModule_AddObjectRef() first argument must be a module")
            );
        }
        let Some(value) = value else {
            return Err(error::take(vm).unwrap_or_else(|| {
                vm.new_system_error(
                    "PyModule_AddObjectRef() must be called with an exception raised if value is NULL",
                )
            }));
        };
        let v = object(vm, module)?;
        let name = vm.ctx.intern_str(text(vm, name)?);
        dict_of(vm, &v)?.set_item(name, value, vm)
    }
}

/// Sets `module.name`. 0, or -1 with an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddObjectRef(
    module: *mut PyObject,
    name: *const c_char,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: the caller passes a live module, a NUL-terminated string, and NULL or a live object.
    border(|vm| unsafe {
        add(vm, module, name, optional(vm, value))?;
        linger::stored(module, value);
        Ok(())
    })
}

/// Sets `module.name`. 0, or -1 with an exception. Steals `value` in either case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_Add(
    module: *mut PyObject,
    name: *const c_char,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: as for `PyModule_AddObjectRef`, and the caller hands over its reference.
    unsafe {
        let status = PyModule_AddObjectRef(module, name, value);
        refcount::xdecref(value);
        status
    }
}

/// Sets `module.name`. 0, or -1 with an exception. Steals `value` on success only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddObject(
    module: *mut PyObject,
    name: *const c_char,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: as for `PyModule_AddObjectRef`, and the caller hands over its reference.
    unsafe {
        let status = PyModule_AddObjectRef(module, name, value);
        if status == 0 {
            refcount::xdecref(value);
        }
        status
    }
}

/// Sets `module.name` to an `int`. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddIntConstant(
    module: *mut PyObject,
    name: *const c_char,
    value: c_long,
) -> c_int {
    // SAFETY: the caller passes a live module and a NUL-terminated string.
    border(|vm| unsafe { add(vm, module, name, Some(vm.ctx.new_int(value).into())) })
}

/// Sets `module.name` to a `str`, UTF-8. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddStringConstant(
    module: *mut PyObject,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    // SAFETY: the caller passes a live module and NUL-terminated strings.
    border(|vm| unsafe {
        let value = vm.ctx.new_str(text(vm, value)?);
        add(vm, module, name, Some(value.into()))
    })
}

/// Makes the type ready and adds it under its name. 0, or -1 with an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyModule_AddType(module: *mut PyObject, ty: *mut PyTypeObject) -> c_int {
    // SAFETY: the caller passes a live module and a type object.
    border(|vm| unsafe {
        types::ready::ready(vm, ty)?;
        let name = CStr::from_ptr((*ty).tp_name);
        let bytes = name.to_bytes_with_nul();
        let start = bytes
            .iter()
            .rposition(|&c| c == b'.')
            .map_or(0, |dot| dot + 1);
        let value = object(vm, ty)?;
        add(vm, module, bytes[start..].as_ptr().cast(), Some(value))
    })
}

/// Puts `module` (stolen) where `PyState_FindModule(def)` looks; returns what was there, owned or NULL.
fn replace_found(def: *mut PyModuleDef, module: *mut PyObject) -> *mut PyObject {
    // SAFETY: the callers pass a definition; an index of 0 is that of one that is no object yet.
    let index = unsafe { (*def).m_base.m_index };
    modules(|m| {
        usize::try_from(index - 1)
            .ok()
            .and_then(|key| m.by_index.get_mut(key))
            .map_or(ptr::null_mut(), |place| std::mem::replace(place, module))
    })
}

/// `PyState_AddModule` for a module that may be there already.
///
/// # Safety
/// `p` is a live module with the initialised definition `def`; the lock is held.
pub unsafe fn remember(p: *mut PyObject, def: *mut PyModuleDef) {
    // SAFETY: by this function's contract.
    unsafe {
        refcount::incref(p);
        refcount::xdecref(replace_found(def, p));
    }
}

/// The module of a definition. Borrowed, or NULL without an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyState_FindModule(def: *mut PyModuleDef) -> *mut PyObject {
    // SAFETY: the caller passes a definition.
    unsafe {
        if !(*def).m_slots.is_null() {
            return ptr::null_mut();
        }
        let index = (*def).m_base.m_index;
        modules(|m| {
            usize::try_from(index - 1)
                .ok()
                .and_then(|key| m.by_index.get(key).copied())
                .unwrap_or(ptr::null_mut())
        })
    }
}

/// Has `PyState_FindModule(def)` find `module`. 0, or -1 with an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyState_AddModule(module: *mut PyObject, def: *mut PyModuleDef) -> c_int {
    // SAFETY: the caller passes a live module and a definition.
    border(|vm| unsafe {
        if def.is_null() || module.is_null() {
            return Err(vm.new_system_error("module definition is NULL"));
        }
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error("PyState_AddModule called on module with slots"));
        }
        PyModuleDef_Init(def);
        remember(module, def);
        Ok(())
    })
}

/// Has `PyState_FindModule(def)` find nothing. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyState_RemoveModule(def: *mut PyModuleDef) -> c_int {
    // SAFETY: the caller passes a definition.
    border(|vm| unsafe {
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error("PyState_RemoveModule called on module with slots"));
        }
        let old = replace_found(def, ptr::null_mut());
        if old.is_null() {
            return Err(vm.new_system_error("Module index out of bounds."));
        }
        refcount::decref(old);
        Ok(())
    })
}

/// As `PyState_AddModule`, which it was before 3.5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyState_AddModule(module: *mut PyObject, def: *mut PyModuleDef) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyState_AddModule(module, def) }
}
