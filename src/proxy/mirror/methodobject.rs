//! Bound methods and built-in functions: those that C defines, and the VM's own.

use rustpython_vm::builtins::PyModule;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, thunk};
use crate::layout::{
    PyCFunctionObject, PyCMethodObject, PyMethodDef, PyMethodObject, PyObject, PyTypeObject,
};
use crate::proxy::c_of;
use crate::types::function::{self, Function};
use crate::{refcount, types};

/// `types.MethodType`.
pub static METHOD: Mirror = Mirror {
    make: make_method,
    realize: super::header::realize,
    clear: clear_method,
    refresh: None,
};

unsafe fn make_method(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyMethodObject>());
        if !p.is_null() {
            let c = p.cast::<PyMethodObject>();
            // Both are plain members: looking them up cannot fail or run code.
            (*c).im_func = c_of_opt(vm, v.get_attr("__func__", vm).ok().as_deref());
            (*c).im_self = c_of_opt(vm, v.get_attr("__self__", vm).ok().as_deref());
            (*c).vectorcall = Some(function::vm_vectorcall);
        }
        p
    }
}

unsafe fn clear_method(p: *mut PyObject) {
    // SAFETY: `p` is a method at the end of its life.
    unsafe {
        let c = p.cast::<PyMethodObject>();
        refcount::xdecref((*c).im_func);
        refcount::xdecref((*c).im_self);
    }
}

/// Built-in functions. `m_self` and `m_module` are strong, `m_ml` lives as
/// long as what it is from.
pub static BUILTIN: Mirror = Mirror {
    make: make_builtin,
    realize: super::header::realize,
    clear: clear_builtin,
    refresh: None,
};

unsafe fn make_builtin(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        match function::of(v) {
            Some(function) => make_function(vm, v, ty, function),
            None => make_native(vm, v, ty),
        }
    }
}

unsafe fn make_function(
    vm: &VirtualMachine,
    v: &VmObject,
    ty: *mut PyTypeObject,
    function: &Function,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let class = function.c_class(vm);
        let (ty, size) = match class.is_null() {
            true => (ty, size_of::<PyCFunctionObject>()),
            false => (
                &raw mut function::PyCMethod_Type,
                size_of::<PyCMethodObject>(),
            ),
        };
        let p = allocate(ty, size);
        if p.is_null() {
            return p;
        }
        let c = p.cast::<PyCFunctionObject>();
        (*c).m_ml = function.def.ml;
        (*c).m_self = c_of_opt(vm, function.zelf.as_deref());
        (*c).m_module = c_of_opt(vm, attribute(vm, v, "__module__").as_deref());
        (*c).vectorcall = Some(function::vectorcall);
        if !class.is_null() {
            refcount::incref(class.cast());
            (*p.cast::<PyCMethodObject>()).mm_class = class;
        }
        p
    }
}

/// The VM's own function.
unsafe fn make_native(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyCFunctionObject>());
        if p.is_null() {
            return p;
        }
        let c = p.cast::<PyCFunctionObject>();
        let zelf = attribute(vm, v, "__self__");
        (*c).m_ml = native_def(vm, v, zelf.as_deref());
        (*c).m_self = c_of_opt(vm, zelf.as_deref());
        (*c).m_module = c_of_opt(vm, attribute(vm, v, "__module__").as_deref());
        (*c).vectorcall = Some(function::vm_vectorcall);
        p
    }
}

fn native_def(vm: &VirtualMachine, v: &VmObject, zelf: Option<&VmObject>) -> *mut PyMethodDef {
    let name = attribute(vm, v, "__name__")
        .and_then(|name| Some(name.str_utf8(vm).ok()?.as_str().to_owned()))
        .unwrap_or_default();
    // A bound method is one of many: what it is bound from lives on.
    let method = zelf
        .filter(|zelf| zelf.downcast_ref::<PyModule>().is_none())
        .and_then(|zelf| zelf.class().get_attr(vm.ctx.intern_str(name.as_str())))
        .filter(|method| method.class().is(vm.ctx.types.method_descriptor_type));
    match method {
        Some(method) => thunk::def_of(vm, &method, &name, true),
        None => thunk::def_of(vm, v, &name, false),
    }
    .unwrap_or_else(|| thunk::def_without_function(&name))
}

fn attribute(vm: &VirtualMachine, v: &VmObject, name: &'static str) -> Option<PyObjectRef> {
    // Attributes of built-in functions: no Python code runs.
    v.get_attr(name, vm).ok().filter(|value| !vm.is_none(value))
}

fn c_of_opt(vm: &VirtualMachine, v: Option<&VmObject>) -> *mut PyObject {
    v.map_or(std::ptr::null_mut(), |v| c_of(vm, v))
}

unsafe fn clear_builtin(p: *mut PyObject) {
    // SAFETY: `p` is a function at the end of its life.
    unsafe {
        let c = p.cast::<PyCFunctionObject>();
        if std::ptr::eq((*p).ob_type, &raw const function::PyCMethod_Type) {
            let class = (*p.cast::<PyCMethodObject>()).mm_class;
            refcount::xdecref(class.cast());
        }
        refcount::xdecref((*c).m_self);
        refcount::xdecref((*c).m_module);
    }
}

/// Whether the death of a function at count zero goes unnoticed: it is bound
/// to nothing but a module or a type.
///
/// # Safety
/// `p` is a function; the lock is held.
pub unsafe fn lingers(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let zelf = (*p.cast::<PyCFunctionObject>()).m_self;
        zelf.is_null() || types::statics::is_exact_module((*zelf).ob_type)
    }
}
