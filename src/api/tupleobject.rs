//! `tupleobject.h` and `cpython/tupleobject.h`.
//!
//! Tuples live in C memory. C may fill one until it is shared or the VM has
//! seen it.

use std::ffi::c_int;
use std::ptr;

use rustpython_vm::{PyResult, VirtualMachine};

use super::check::{allocated, is_tuple, is_unshared};
use super::{bad_internal_call, border};
use crate::layout::{Py_ssize_t, PyObject, PyVarObject};
use crate::proxy::arena;
use crate::proxy::mirror::tupleobject::{empty, items, new};
use crate::refcount::{self, decref, incref, xdecref};
use crate::types::statics::{is_exact_tuple, tuple_type};

/// A tuple of NULLs, fresh or the empty one.
pub(super) fn of_len(vm: &VirtualMachine, len: usize) -> PyResult<*mut PyObject> {
    if len == 0 {
        return Ok(empty());
    }
    // SAFETY: exactly `tuple`; border functions hold the lock.
    allocated(vm, unsafe { new(tuple_type(), len) })
}

/// A tuple of new references to `elements`.
///
/// # Safety
/// The elements are live objects; the lock is held.
pub(super) unsafe fn from_slice(
    vm: &VirtualMachine,
    elements: &[*mut PyObject],
) -> PyResult<*mut PyObject> {
    let p = of_len(vm, elements.len())?;
    // SAFETY: by this function's contract; `p` has as many places.
    unsafe {
        for (to, &from) in items(p).iter_mut().zip(elements) {
            *to = refcount::xnew_ref(from);
        }
    }
    Ok(p)
}

unsafe fn checked(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' argument is NULL or live.
    if unsafe { is_tuple(p) } {
        Ok(p)
    } else {
        Err(bad_internal_call(vm))
    }
}

/// A tuple of `size` NULLs, to be filled: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTuple_New(size: Py_ssize_t) -> *mut PyObject {
    if size > 0 {
        // SAFETY: exactly `tuple`; the caller has the GIL.
        let p = unsafe { new(tuple_type(), size as usize) };
        if !p.is_null() {
            return p;
        }
    }
    border(|vm| {
        let len = usize::try_from(size).map_err(|_| bad_internal_call(vm))?;
        of_len(vm, len)
    })
}

/// The number of elements; `SystemError` and -1 for what is no tuple.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTuple_Size(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: `op` is NULL or live, and a tuple once checked.
    unsafe {
        if is_tuple(op) {
            return items(op).len() as Py_ssize_t;
        }
    }
    border(|vm| Err::<Py_ssize_t, _>(bad_internal_call(vm)))
}

/// The element at `index`: borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTuple_GetItem(op: *mut PyObject, index: Py_ssize_t) -> *mut PyObject {
    // SAFETY: `op` is NULL or live, and a tuple once checked.
    unsafe {
        if is_tuple(op)
            && let Some(&item) = items(op).get(index as usize)
        {
            return item;
        }
    }
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a tuple once checked.
        let items = unsafe { items(checked(vm, op)?) };
        usize::try_from(index)
            .ok()
            .and_then(|i| items.get(i).copied())
            .ok_or_else(|| vm.new_index_error("tuple index out of range"))
    })
}

/// Puts `newitem` (stolen, also on failure) at `index`. Only a tuple that
/// nobody else has seen can be filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTuple_SetItem(
    op: *mut PyObject,
    index: Py_ssize_t,
    newitem: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live; `newitem` is the caller's reference.
        unsafe {
            if !is_tuple(op) || !is_unshared(op) {
                xdecref(newitem);
                return Err(bad_internal_call(vm));
            }
            let place = usize::try_from(index)
                .ok()
                .and_then(|i| items(op).get_mut(i));
            let Some(place) = place else {
                xdecref(newitem);
                return Err(vm.new_index_error("tuple assignment index out of range"));
            };
            xdecref(std::mem::replace(place, newitem));
        }
        Ok(())
    })
}

/// The elements from `low` up to `high`, both brought into range: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTuple_GetSlice(
    op: *mut PyObject,
    low: Py_ssize_t,
    high: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a tuple once checked.
        unsafe {
            let all = items(checked(vm, op)?);
            let low = (low.max(0) as usize).min(all.len());
            let high = (high.max(0) as usize).clamp(low, all.len());
            if high - low == all.len() && is_exact_tuple((*op).ob_type) {
                incref(op);
                return Ok(op);
            }
            from_slice(vm, &all[low..high])
        }
    })
}

/// Changes the length of a tuple that only the caller has: `*pv` is replaced,
/// or NULL on failure. Elements beyond the new length are dropped, new places
/// are NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyTuple_Resize(pv: *mut *mut PyObject, newsize: Py_ssize_t) -> c_int {
    // SAFETY: `pv` is the caller's variable.
    border(|vm| unsafe { resize(vm, &mut *pv, newsize) })
}

unsafe fn resize(
    vm: &VirtualMachine,
    variable: &mut *mut PyObject,
    newsize: Py_ssize_t,
) -> PyResult<()> {
    let p = *variable;
    // SAFETY: `p` is NULL or the caller's reference.
    unsafe {
        let usable =
            !p.is_null() && is_exact_tuple((*p).ob_type) && (items(p).is_empty() || is_unshared(p));
        let len = match usize::try_from(newsize) {
            Ok(len) if usable => len,
            _ => {
                *variable = ptr::null_mut();
                xdecref(p);
                return Err(bad_internal_call(vm));
            }
        };
        let old = items(p).len();
        if old == len {
            return Ok(());
        }
        if old == 0 || len == 0 {
            *variable = ptr::null_mut();
            decref(p);
            *variable = of_len(vm, len)?;
            return Ok(());
        }
        for item in items(p).iter_mut().skip(len) {
            xdecref(std::mem::replace(item, ptr::null_mut()));
        }
        // A length that cannot be does not fit, and is refused below.
        let head = std::mem::offset_of!(crate::layout::PyTupleObject, ob_item);
        let size = len.saturating_mul(8).saturating_add(head);
        if arena::contains(p as usize) && len > 0 && size <= arena::usable_size(p.cast()) {
            (*p.cast::<PyVarObject>()).ob_size = len as Py_ssize_t;
            if len > old {
                items(p)[old..].fill(ptr::null_mut());
            }
            return Ok(());
        }
        *variable = ptr::null_mut();
        let fresh = new(tuple_type(), len);
        if !fresh.is_null() {
            for (to, from) in items(fresh).iter_mut().zip(items(p).iter_mut()) {
                *to = std::mem::replace(from, ptr::null_mut());
            }
        }
        decref(p);
        *variable = allocated(vm, fresh)?;
        Ok(())
    }
}
