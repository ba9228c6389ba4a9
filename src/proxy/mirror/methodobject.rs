//! Bound methods and the VM's own built-in functions.

use std::ffi::c_int;

use rustpython_vm::builtins::PyBoundMethod;
use rustpython_vm::{AsObject, PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{
    METH_KEYWORDS, METH_VARARGS, PyCFunctionObject, PyMethodDef, PyMethodObject, PyObject,
    PyTypeObject,
};
use crate::proxy::{arena, c_of};
use crate::refcount;

/// `types.MethodType`.
pub static METHOD: Mirror = Mirror {
    make: make_method,
    realize: super::header::realize,
    clear: clear_method,
    refresh: None,
};

unsafe fn make_method(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let method = v.downcast_ref::<PyBoundMethod>().expect("a method's payload");
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyMethodObject>());
        if !p.is_null() {
            let c = p.cast::<PyMethodObject>();
            (*c).im_func = c_of(vm, method.function_obj());
            (*c).im_self = c_of(vm, method.self_obj());
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
    clear: |_| {},
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
        // Built-in functions are few and live long.
        let def = arena::immortal(std::alloc::Layout::new::<PyMethodDef>()).cast::<PyMethodDef>();
        let function: unsafe extern "C" fn(
            *mut PyObject,
            *mut PyObject,
            *mut PyObject,
        ) -> *mut PyObject = call_builtin;
        def.write(PyMethodDef {
            ml_name: arena::immortal_c_string(&name),
            ml_meth: Some(std::mem::transmute::<
                unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject,
                crate::layout::PyCFunction,
            >(function)),
            ml_flags: (METH_VARARGS | METH_KEYWORDS) as c_int,
            ml_doc: std::ptr::null(),
        });
        let c = p.cast::<PyCFunctionObject>();
        (*c).m_ml = def.as_ptr();
        (*c).m_self = p;
        p
    }
}
