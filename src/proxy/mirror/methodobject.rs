//! Bound methods and the VM's own built-in functions.

use std::ffi::{CString, c_int};

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{
    METH_KEYWORDS, METH_VARARGS, PyCFunctionObject, PyMethodDef, PyMethodObject, PyObject,
    PyTypeObject,
};
use crate::proxy::c_of;
use crate::refcount;

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
            for (field, name) in [
                (&raw mut (*c).im_func, "__func__"),
                (&raw mut (*c).im_self, "__self__"),
            ] {
                *field = v
                    .get_attr(name, vm)
                    .map_or(std::ptr::null_mut(), |value| c_of(vm, &value));
            }
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

/// The VM's own built-in functions and methods.
///
/// C may call `m_ml->ml_meth(m_self, …)` without asking us. All of them share
/// one C function, so `m_self` is the function object itself, borrowed.
pub static BUILTIN: Mirror = Mirror {
    make: make_builtin,
    realize: super::header::realize,
    clear: clear_builtin,
    refresh: None,
};

unsafe extern "C" fn call_builtin(
    function: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C passes `m_self` and a tuple and a dict or NULL.
    unsafe { crate::api::call::PyObject_Call(function, args, kwargs) }
}

unsafe fn make_builtin(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyCFunctionObject>());
        if p.is_null() {
            return p;
        }
        let name = v
            .get_attr("__name__", vm)
            .ok()
            .and_then(|name| Some(name.str_utf8(vm).ok()?.as_str().to_owned()))
            .unwrap_or_default();
        let function: unsafe extern "C" fn(
            *mut PyObject,
            *mut PyObject,
            *mut PyObject,
        ) -> *mut PyObject = call_builtin;
        let def = Box::new(PyMethodDef {
            ml_name: CString::new(name).unwrap_or_default().into_raw(),
            ml_meth: Some(std::mem::transmute::<
                unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject,
                crate::layout::PyCFunction,
            >(function)),
            ml_flags: (METH_VARARGS | METH_KEYWORDS) as c_int,
            ml_doc: std::ptr::null(),
        });
        let c = p.cast::<PyCFunctionObject>();
        (*c).m_ml = Box::into_raw(def);
        (*c).m_self = p;
        p
    }
}

unsafe fn clear_builtin(p: *mut PyObject) {
    // SAFETY: `p` is at the end of its life; its definition was made for it.
    unsafe {
        let def = Box::from_raw((*p.cast::<PyCFunctionObject>()).m_ml);
        drop(CString::from_raw(def.ml_name.cast_mut()));
    }
}
