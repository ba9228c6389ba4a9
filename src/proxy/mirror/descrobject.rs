//! Descriptors: `d_type`, the names, and the definition they are made from.

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate, thunk};
use crate::layout::{
    Py_TPFLAGS_HEAPTYPE, PyDescrObject, PyGetSetDescrObject, PyMemberDescrObject,
    PyMethodDescrObject, PyObject, PyType_HasFeature, PyTypeObject, PyWrapperDescrObject,
};
use crate::proxy::c_of;
use crate::refcount;
use crate::types::{self, descr, function};

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyWrapperDescrObject>());
        if p.is_null() {
            return p;
        }
        fill_names(vm, v, p.cast());
        if let Some(m) = descr::method(v) {
            let d = p.cast::<PyMethodDescrObject>();
            (*d).d_method = m.def.ml;
            (*d).vectorcall = Some(function::method_vectorcall);
        } else if let Some(m) = descr::class_method(v) {
            (*p.cast::<PyMethodDescrObject>()).d_method = m.def.ml;
        } else if v.class().is(vm.ctx.types.method_descriptor_type) {
            let name = attribute_text(vm, v, "__name__");
            let def = thunk::def_of(vm, v, &name, true)
                .unwrap_or_else(|| thunk::def_without_function(&name));
            let d = p.cast::<PyMethodDescrObject>();
            (*d).d_method = def;
            (*d).vectorcall = Some(function::vm_vectorcall);
        } else if let Some(m) = descr::member(v) {
            (*p.cast::<PyMemberDescrObject>()).d_member = m.def;
        } else if let Some(g) = descr::getset(v) {
            (*p.cast::<PyGetSetDescrObject>()).d_getset = g.def;
        }
        p
    }
}

unsafe fn fill_names(vm: &VirtualMachine, v: &VmObject, d: *mut PyDescrObject) {
    // Attributes of built-in descriptors: no Python code runs.
    let attribute = |name: &'static str| v.get_attr(name, vm).ok();
    // SAFETY: a fresh descriptor.
    unsafe {
        if let Some(class) = attribute("__objclass__")
            && let Some(class) = class.downcast_ref::<PyType>()
        {
            (*d).d_type = types::c_type_of(vm, class);
            refcount::incref((*d).d_type.cast());
        }
        if let Some(name) = attribute("__name__") {
            (*d).d_name = c_of(vm, &name);
        }
        if let Some(qualname) = attribute("__qualname__") {
            (*d).d_qualname = c_of(vm, &qualname);
        }
    }
}

fn attribute_text(vm: &VirtualMachine, v: &VmObject, name: &'static str) -> String {
    v.get_attr(name, vm)
        .ok()
        .and_then(|name| Some(name.str_utf8(vm).ok()?.as_str().to_owned()))
        .unwrap_or_default()
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a descriptor at the end of its life.
    unsafe {
        let d = p.cast::<PyDescrObject>();
        refcount::xdecref((*d).d_type.cast());
        refcount::xdecref((*d).d_name);
        refcount::xdecref((*d).d_qualname);
    }
}

/// Whether the death of a descriptor at count zero goes unnoticed: it belongs
/// to a type that lives for ever.
///
/// # Safety
/// `p` is a descriptor; the lock is held.
pub unsafe fn lingers(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let t = (*p.cast::<PyDescrObject>()).d_type;
        t.is_null() || !PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE)
    }
}
