//! `bytes`: inline copies with a NUL behind them.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyBytes;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact};
use crate::layout::{PyBytesObject, PyObject, PyTypeObject, PyVarObject};
use crate::proxy::link_strong;
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear: |_| {},
    refresh: None,
};

const HEAD: usize = std::mem::offset_of!(PyBytesObject, ob_sval);

static EMPTY: AtomicUsize = AtomicUsize::new(0);

/// Makes the empty `bytes`, after `PyBytes_Type` is bound.
pub fn init() {
    // SAFETY: the type is bound and the lock held at init.
    unsafe {
        let p = new(types::statics::bytes_type(), 0);
        refcount::make_static_immortal(p);
        EMPTY.store(p as usize, Ordering::Release);
    }
}

/// The empty `bytes`.
pub fn empty() -> *mut PyObject {
    EMPTY.load(Ordering::Relaxed) as *mut PyObject
}

#[inline]
pub fn immortal(v: &VmObject) -> Option<*mut PyObject> {
    // SAFETY: the caller saw that the class is exactly `bytes`.
    let bytes = unsafe { v.downcast_unchecked_ref::<PyBytes>() };
    bytes.as_bytes().is_empty().then(empty)
}

/// A fresh `bytes` of `len` bytes, not filled but for the NUL; NULL when
/// memory is out.
///
/// # Safety
/// `ty` is `bytes` or a subclass; the lock is held.
#[inline]
pub unsafe fn new(ty: *mut PyTypeObject, len: usize) -> *mut PyObject {
    let Some(size) = len.checked_add(HEAD + 1) else {
        return ptr::null_mut();
    };
    // SAFETY: by this function's contract; the block has room for the head.
    unsafe {
        let p = if types::statics::is_exact_bytes(ty) {
            allocate_exact(ty, size)
        } else {
            allocate(ty, size)
        };
        if p.is_null() {
            return p;
        }
        (*p.cast::<PyVarObject>()).ob_size = len as isize;
        (*p.cast::<PyBytesObject>()).ob_shash = -1;
        *p.cast::<u8>().add(HEAD + len) = 0;
        p
    }
}

/// The contents of a `bytes`.
///
/// # Safety
/// `p` is a live `bytes`, and stays so while the slice is used.
#[inline]
pub unsafe fn contents<'a>(p: *mut PyObject) -> &'a mut [u8] {
    // SAFETY: by this function's contract.
    unsafe {
        let len = (*p.cast::<PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts_mut(p.cast::<u8>().add(HEAD), len)
    }
}

/// A `bytes` with these contents, fresh or the empty one; NULL when memory is
/// out. The lock is held.
pub fn from_slice(bytes: &[u8]) -> *mut PyObject {
    if bytes.is_empty() {
        return empty();
    }
    // SAFETY: exactly `bytes`, with room for the contents.
    unsafe {
        let p = new(types::statics::bytes_type(), bytes.len());
        if !p.is_null() {
            contents(p).copy_from_slice(bytes);
        }
        p
    }
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let bytes = v
        .downcast_ref::<PyBytes>()
        .expect("a bytes' payload")
        .as_bytes();
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = new(ty, bytes.len());
        if !p.is_null() {
            contents(p).copy_from_slice(bytes);
        }
        p
    }
}

/// A VM `bytes` with the same contents.
///
/// # Safety
/// `p` is a live `bytes`.
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    vm.ctx.new_bytes(unsafe { contents(p) }.to_vec()).into()
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let v = value(vm, p);
        if !refcount::is_immortal(p) {
            link_strong(p, v.clone(), true);
        }
        v
    }
}
