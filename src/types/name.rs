//! The two names of a type that C defined: error messages use `tp_name`, with
//! the module; `type.__name__` is what follows its last dot.
//!
//! The VM keeps one name per class, and takes a class of C's for one made in
//! Python, whose name may have dots. So that name is `tp_name`, and
//! `type.__name__` is replaced, and `type.__qualname__` and `type.__module__` with it.

use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine,
};

use super::{hook, is_c_class};
use crate::api::unicodeobject::PyUnicode_AsUTF8;
use crate::layout::{
    Py_TPFLAGS_HEAPTYPE, PyHeapTypeObject, PyObject, PyType_HasFeature, PyTypeObject,
};
use crate::proxy::arena;
use crate::proxy::mirror::unicodeobject;
use crate::{refcount, thread};

/// The VM's own `type.__name__`, `type.__qualname__` and `type.__module__`.
static VM_NAMES: OnceLock<[PyObjectRef; 3]> = OnceLock::new();

/// Replaces `type.__name__`, `type.__qualname__` and `type.__module__`, once.
pub fn init(vm: &VirtualMachine) {
    let class = vm.ctx.types.type_type;
    let name = vm.ctx.intern_str("__name__");
    let qualname = vm.ctx.intern_str("__qualname__");
    let module_name = vm.ctx.intern_str("__module__");
    if let Some(own) = class.attributes.get(name)
        && let Some(own_qualname) = class.attributes.get(qualname)
        && let Some(own_module) = class.attributes.get(module_name)
        && VM_NAMES.set([own, own_qualname, own_module]).is_ok()
    {
        let getset = vm.ctx.new_getset("__name__", class, get, set);
        class.set_attr(name, getset.into());
        let getset = vm
            .ctx
            .new_getset("__qualname__", class, get_qualname, set_qualname);
        class.set_attr(qualname, getset.into());
        let getset = vm
            .ctx
            .new_getset("__module__", class, get_module, set_module);
        class.set_attr(module_name, getset.into());
        let functions = vm.ctx.types.builtin_function_or_method_type;
        hook::getter(vm, functions, "__qualname__", method_qualname);
    }
}

/// `__qualname__` of a built-in method that is bound to an instance of a
/// class of C's, whose name the VM would take for it.
fn method_qualname(vm: &VirtualMachine, method: &VmObject) -> Option<PyResult> {
    let receiver = method.get_attr("__self__", vm).ok()?;
    let class = receiver.class();
    if !class.name().contains('.') || receiver.downcast_ref::<PyType>().is_some() {
        return None;
    }
    let join = || {
        let class = class.__qualname__(vm).str(vm)?;
        let name = method.get_attr("__name__", vm)?.str(vm)?;
        let qualname = format!("{}.{}", class.as_wtf8(), name.as_wtf8());
        Ok(vm.ctx.new_str(qualname).into())
    };
    Some(join())
}

fn get(class: PyTypeRef, vm: &VirtualMachine) -> PyRef<PyStr> {
    short(vm, &class)
}

fn set(class: PyTypeRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let [own, _, _] = VM_NAMES.get().expect("set before this is installed");
    set_own(vm, own, class, value)
}

fn get_qualname(class: PyTypeRef, vm: &VirtualMachine) -> PyObjectRef {
    class.__qualname__(vm)
}

fn set_qualname(class: PyTypeRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let [_, own, _] = VM_NAMES.get().expect("set before this is installed");
    set_own(vm, own, class, value)
}

/// `type.__module__`: a static type's is in its name, whatever its dict has for its instances.
fn get_module(class: PyTypeRef, vm: &VirtualMachine) -> PyResult {
    if thread::lock::is_set_up() {
        let _held = thread::enter(vm);
        if let Some(t) = super::bound(&class) {
            // SAFETY: what is bound is live, and the lock held.
            unsafe {
                if super::is_c_type(t)
                    && !PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE)
                    && let Some(module) = module(t)
                {
                    return Ok(vm.ctx.new_str(module).into());
                }
            }
        }
    }
    class.__module__(vm)
}

fn set_module(class: PyTypeRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let [_, _, own] = VM_NAMES.get().expect("set before this is installed");
    set_own(vm, own, class, value)
}

/// The module in a type's name; that of a static type without one is `builtins`.
///
/// # Safety
/// `t` is a live type object.
pub unsafe fn module(t: *mut PyTypeObject) -> Option<String> {
    // SAFETY: by this function's contract.
    unsafe {
        let name = CStr::from_ptr((*t).tp_name).to_string_lossy();
        match name.rsplit_once('.') {
            Some((module, _)) => Some(module.to_owned()),
            None => (!PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE)).then(|| "builtins".to_owned()),
        }
    }
}

/// Sets one of the names as the VM does, and tells C.
fn set_own(
    vm: &VirtualMachine,
    own: &VmObject,
    class: PyTypeRef,
    value: PySetterValue,
) -> PyResult<()> {
    let descr_set = own.class().slots.descr_set.load().expect("a getset's");
    descr_set(own, class.clone().into(), value, vm)?;
    if thread::lock::is_set_up() {
        let _held = thread::enter(vm);
        if let Some(t) = super::bound(&class) {
            // SAFETY: a bound type's struct is live, and the lock is held.
            unsafe {
                if PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE) {
                    write(vm, &class, t);
                }
            }
        }
    }
    Ok(())
}

/// Writes the names of a class into its struct. `tp_name` is the text of `ht_name`, as in CPython: both live until the
/// class gets another name, or dies.
///
/// # Safety
/// `t` is the struct of `class` and a heap type; the lock is held.
pub unsafe fn write(vm: &VirtualMachine, class: &Py<PyType>, t: *mut PyTypeObject) {
    let name = class.slot_name().to_owned();
    let short_name = short(vm, class);
    let qualname = class.__qualname__(vm);
    // SAFETY: by this function's contract; the struct's fields are NULL or own a reference.
    unsafe {
        let heap = t.cast::<PyHeapTypeObject>();
        let own_name = string(&short_name);
        let own_qualname = qualname
            .downcast_ref::<PyStr>()
            .map_or(ptr::null_mut(), |text| string(text));
        (*t).tp_name = match short_name.to_str() == Some(&name) {
            true => PyUnicode_AsUTF8(own_name),
            false => arena::immortal_c_string(&name),
        };
        let old_name = ptr::replace(&raw mut (*heap).ht_name, own_name);
        let old_qualname = ptr::replace(&raw mut (*heap).ht_qualname, own_qualname);
        refcount::xdecref(old_name);
        refcount::xdecref(old_qualname);
    }
}

/// A C string object of its own.
fn string(text: &PyStr) -> *mut PyObject {
    let points = text.as_wtf8().code_points().map(|c| c.to_u32());
    let p = unicodeobject::from_points(points);
    assert!(!p.is_null(), "out of memory");
    p
}

/// `type.__name__`.
pub fn short(vm: &VirtualMachine, class: &Py<PyType>) -> PyRef<PyStr> {
    let name = class.__name__(vm);
    if !name.as_bytes().contains(&b'.') || !thread::lock::is_set_up() {
        return name;
    }
    let _held = thread::enter(vm);
    match name.to_str().and_then(|name| name.rsplit_once('.')) {
        Some((_, name)) if is_c_class(class) => vm.ctx.new_str(name),
        _ => name,
    }
}

/// Has error messages use `full`, the `tp_name` of the class's type.
pub fn set_full(vm: &VirtualMachine, class: &Py<PyType>, full: &str) {
    if let Some(extension) = class.heaptype_ext() {
        *extension.name.write() = vm.ctx.new_utf8_str(full);
    }
}
