//! Struct sequences that C defines: tuples with more fields than elements.

use rustpython_vm::builtins::{PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Mirror, allocate_var};
use crate::layout::{PyObject, PyTupleObject, PyTypeObject};
use crate::proxy::{c_of, link_made, vm_of};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: None,
};

const HEAD: usize = std::mem::offset_of!(PyTupleObject, ob_item);

/// How many fields are elements, and how many there are.
pub fn sizes(vm: &VirtualMachine, class: &Py<PyType>) -> PyResult<(usize, usize)> {
    let size = |name: &'static str| -> PyResult<usize> {
        class.as_object().get_attr(name, vm)?.try_into_value(vm)
    };
    Ok((size("n_sequence_fields")?, size("n_fields")?))
}

/// All fields, elements first.
///
/// # Safety
/// `p` is a live struct sequence.
pub unsafe fn items(p: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { p.cast::<u8>().add(HEAD).cast() }
}

/// A fresh one, all fields NULL; NULL when memory is out.
///
/// # Safety
/// `ty` is a struct sequence type with so many fields; the lock is held.
pub unsafe fn new(ty: *mut PyTypeObject, visible: usize, total: usize) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let size = HEAD + total * size_of::<*mut PyObject>();
        let p = allocate_var(ty, size, visible as isize);
        if !p.is_null() {
            (*p.cast::<PyTupleObject>()).ob_hash = -1;
            // At the end, the type may be gone.
            (*crate::proxy::prefix::prefix_of_or_new(p)).aux = total as u16;
        }
        p
    }
}

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let (visible, total) = sizes(vm, v.class()).expect("a struct sequence's class");
    let tuple = v.downcast_ref::<PyTuple>().expect("a tuple's payload");
    let hidden = v
        .dict()
        .and_then(|dict| dict.get_item_opt("<hidden>", vm).ok().flatten());
    let hidden = hidden.as_ref().and_then(|h| h.downcast_ref::<PyTuple>());
    let hidden = hidden.map_or(&[][..], |h| h.as_slice());
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = new(ty, visible, total);
        if !p.is_null() {
            for (i, value) in tuple
                .as_slice()
                .iter()
                .chain(hidden)
                .take(total)
                .enumerate()
            {
                *items(p).add(i) = c_of(vm, value);
            }
        }
        p
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let class = types::vm_type_of(vm, (*p).ob_type);
        let total = (*crate::proxy::prefix::prefix_of_or_new(p)).aux;
        let values = (0..usize::from(total))
            .map(|i| match *items(p).add(i) {
                item if item.is_null() => vm.ctx.none(),
                item => vm_of(vm, item),
            })
            .collect();
        let v = class
            .as_object()
            .call((vm.ctx.new_tuple(values),), vm)
            .unwrap_or_else(|_| panic!("a '{}' object in C memory is not valid", class.name()));
        link_made(p, v)
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a struct sequence at the end of its life.
    unsafe {
        let total = (*crate::proxy::prefix::prefix_of_or_new(p)).aux;
        for i in 0..usize::from(total) {
            refcount::xdecref(std::ptr::replace(items(p).add(i), std::ptr::null_mut()));
        }
    }
}
