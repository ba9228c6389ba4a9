//! `listobject.h` and `cpython/listobject.h`.
//!
//! A list is pure C until the VM sees it. Then the VM is the authority: what
//! the functions here change, they change on both sides.

use std::ffi::c_int;
use std::ptr;

use rustpython_vm::builtins::PyList;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use super::check::{Refs, allocated, call_builtin, held, is_list};
use super::{bad_internal_call, border, python};
use crate::layout::{Py_ssize_t, PyListObject, PyObject};
use crate::proxy::mirror::listobject::{
    changed, is_paired, items, new, push, reserve_exact, store, take_over,
};
use crate::proxy::{c_of_owned, vm_of};
use crate::refcount::{self, xdecref};
use crate::types::statics::list_type;

unsafe fn checked(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' argument is NULL or live.
    if unsafe { is_list(p) } {
        Ok(p)
    } else {
        Err(bad_internal_call(vm))
    }
}

/// A fresh C list that takes over the references.
pub(super) fn from_refs(vm: &VirtualMachine, elements: Refs) -> PyResult<*mut PyObject> {
    // SAFETY: exactly `list`, with as many places; border functions hold the lock.
    unsafe {
        let p = allocated(vm, new(list_type(), elements.0.len()))?;
        items(p).copy_from_slice(&elements.into_inner());
        Ok(p)
    }
}

/// A fresh C list of VM objects.
pub(super) fn from_vm(
    vm: &VirtualMachine,
    elements: impl IntoIterator<Item = PyObjectRef>,
) -> PyResult<*mut PyObject> {
    let elements = elements.into_iter().map(|v| c_of_owned(vm, v)).collect();
    from_refs(vm, Refs(elements))
}

/// The VM's list of the paired list `p`, for `f`.
unsafe fn with_vm_list<R>(
    vm: &VirtualMachine,
    p: *mut PyObject,
    f: impl FnOnce(&Py<PyList>) -> R,
) -> PyResult<R> {
    // SAFETY: the callers' `p` is a live list.
    let v = unsafe { held(vm, p) };
    let list = v
        .downcast_ref::<PyList>()
        .ok_or_else(|| bad_internal_call(vm))?;
    Ok(f(list))
}

/// CPython's growth pattern.
const fn over_allocated(len: usize) -> usize {
    (len + (len >> 3) + 6) & !3
}

/// Makes room for `len` elements in a C list.
unsafe fn grow(vm: &VirtualMachine, p: *mut PyObject, len: usize) -> PyResult<()> {
    // SAFETY: `p` is a live list.
    unsafe {
        if (*p.cast::<PyListObject>()).allocated as usize >= len {
            return Ok(());
        }
        if !reserve_exact(p, over_allocated(len)) {
            return Err(vm.no_memory_error());
        }
    }
    Ok(())
}

/// Replaces the elements from `low` to `high` by `fresh`, on both sides.
unsafe fn splice(
    vm: &VirtualMachine,
    p: *mut PyObject,
    low: usize,
    high: usize,
    fresh: Refs,
) -> PyResult<()> {
    // SAFETY: `p` is a live list, and `low..high` within it.
    unsafe {
        if is_paired(p) {
            // What C wrote inline comes first.
            take_over(vm, p);
            let elements: Vec<PyObjectRef> = fresh.0.iter().map(|&item| vm_of(vm, item)).collect();
            return with_vm_list(vm, p, |list| {
                let removed: Vec<PyObjectRef> = {
                    let mut all = list.borrow_vec_mut();
                    let high = high.min(all.len());
                    all.splice(low.min(high)..high, elements).collect()
                };
                changed(vm, list, p);
                // After the list is whole again: it may run Python code.
                drop(removed);
            });
        }
        let old = items(p).len();
        let len = old - (high - low) + fresh.0.len();
        grow(vm, p, len)?;
        let removed = Refs(items(p)[low..high].to_vec());
        let list = p.cast::<PyListObject>();
        if len != 0 {
            let start = (*list).ob_item;
            ptr::copy(start.add(high), start.add(low + fresh.0.len()), old - high);
            let fresh = fresh.into_inner();
            ptr::copy_nonoverlapping(fresh.as_ptr(), start.add(low), fresh.len());
        }
        (*list).ob_base.ob_size = len as Py_ssize_t;
        drop(removed);
        Ok(())
    }
}

/// A list of `size` NULLs, to be filled: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_New(size: Py_ssize_t) -> *mut PyObject {
    if size >= 0 {
        // SAFETY: exactly `list`; the caller has the GIL.
        let p = unsafe { new(list_type(), size as usize) };
        if !p.is_null() {
            return p;
        }
    }
    border(|vm| {
        let len = usize::try_from(size).map_err(|_| bad_internal_call(vm))?;
        // SAFETY: exactly `list`.
        allocated(vm, unsafe { new(list_type(), len) })
    })
}

/// The number of elements; `SystemError` and -1 for what is no list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Size(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: `op` is NULL or live, and a list once checked.
    unsafe {
        if is_list(op) {
            return items(op).len() as Py_ssize_t;
        }
    }
    border(|vm| Err::<Py_ssize_t, _>(bad_internal_call(vm)))
}

unsafe fn item(
    vm: &VirtualMachine,
    op: *mut PyObject,
    index: Py_ssize_t,
) -> PyResult<*mut PyObject> {
    // SAFETY: `op` is a live list.
    let items = unsafe { items(op) };
    usize::try_from(index)
        .ok()
        .and_then(|i| items.get(i).copied())
        .ok_or_else(|| vm.new_index_error("list index out of range"))
}

/// The element at `index`: borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_GetItem(op: *mut PyObject, index: Py_ssize_t) -> *mut PyObject {
    // SAFETY: `op` is NULL or live, and a list once checked.
    unsafe {
        if is_list(op)
            && let Some(&item) = items(op).get(index as usize)
        {
            return item;
        }
    }
    // SAFETY: as above.
    border(|vm| unsafe { item(vm, checked(vm, op)?, index) })
}

/// The element at `index`: new. `TypeError` for what is no list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_GetItemRef(op: *mut PyObject, index: Py_ssize_t) -> *mut PyObject {
    // SAFETY: `op` is NULL or live, and a list once checked.
    border(|vm| unsafe {
        if !is_list(op) {
            return Err(vm.new_type_error("expected a list"));
        }
        item(vm, op, index).map(|p| refcount::xnew_ref(p))
    })
}

/// Puts `newitem` (stolen, also on failure) at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_SetItem(
    op: *mut PyObject,
    index: Py_ssize_t,
    newitem: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live; `newitem` is the caller's reference.
        unsafe {
            if !is_list(op) {
                xdecref(newitem);
                return Err(bad_internal_call(vm));
            }
            let place = usize::try_from(index).ok().filter(|&i| i < items(op).len());
            let Some(index) = place else {
                xdecref(newitem);
                return Err(vm.new_index_error("list assignment index out of range"));
            };
            if is_paired(op) && !newitem.is_null() {
                return with_vm_list(vm, op, |list| store(vm, list, op, index, newitem));
            }
            xdecref(std::mem::replace(&mut items(op)[index], newitem));
        }
        Ok(())
    })
}

/// Appends `newitem`, which stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Append(op: *mut PyObject, newitem: *mut PyObject) -> c_int {
    // SAFETY: `op` is NULL or live, and a list once checked; there is room.
    unsafe {
        if is_list(op) && !newitem.is_null() && !is_paired(op) {
            let list = op.cast::<PyListObject>();
            let len = (*list).ob_base.ob_size;
            if len < (*list).allocated {
                refcount::incref(newitem);
                *(*list).ob_item.offset(len) = newitem;
                (*list).ob_base.ob_size = len + 1;
                return 0;
            }
        }
    }
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            if newitem.is_null() {
                return Err(bad_internal_call(vm));
            }
            if is_paired(op) {
                return with_vm_list(vm, op, |list| push(vm, list, op, newitem));
            }
            let list = op.cast::<PyListObject>();
            let len = (*list).ob_base.ob_size as usize;
            grow(vm, op, len + 1)?;
            refcount::incref(newitem);
            *(*list).ob_item.add(len) = newitem;
            (*list).ob_base.ob_size = len as Py_ssize_t + 1;
        }
        Ok(())
    })
}

/// Inserts `newitem`, which stays the caller's, before `place`, which is
/// taken as Python's indices are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Insert(
    op: *mut PyObject,
    place: Py_ssize_t,
    newitem: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            if newitem.is_null() {
                return Err(bad_internal_call(vm));
            }
            let at = insertion_index(place, items(op).len());
            splice(vm, op, at, at, Refs::to(&[newitem]))
        }
    })
}

/// Where `list.insert(place, …)` inserts.
fn insertion_index(place: Py_ssize_t, len: usize) -> usize {
    let place = if place < 0 {
        place + len as Py_ssize_t
    } else {
        place
    };
    (place.max(0) as usize).min(len)
}

/// Brings `low..high` into a list of `len` elements.
fn slice_bounds(low: Py_ssize_t, high: Py_ssize_t, len: usize) -> (usize, usize) {
    let low = (low.max(0) as usize).min(len);
    (low, (high.max(0) as usize).clamp(low, len))
}

/// The elements from `low` up to `high`, both brought into range: a new list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_GetSlice(
    op: *mut PyObject,
    low: Py_ssize_t,
    high: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let all = items(checked(vm, op)?);
            let (low, high) = slice_bounds(low, high, all.len());
            from_refs(vm, Refs::to(&all[low..high]))
        }
    })
}

/// Replaces the elements from `low` up to `high` by those of an iterable, or
/// deletes them when it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_SetSlice(
    op: *mut PyObject,
    low: Py_ssize_t,
    high: Py_ssize_t,
    itemlist: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            let fresh = if itemlist.is_null() {
                Refs::default()
            } else {
                Refs::of_iterable(vm, itemlist, "can only assign an iterable")?
            };
            let (low, high) = slice_bounds(low, high, items(op).len());
            splice(vm, op, low, high, fresh)
        }
    })
}

/// `list.extend`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Extend(op: *mut PyObject, iterable: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live, and `op` a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            if iterable.is_null() {
                return Err(super::null_argument(vm));
            }
            let message = format!(
                "'{}' object is not iterable",
                super::check::type_name(iterable)
            );
            let fresh = Refs::of_iterable(vm, iterable, &message)?;
            let end = items(op).len();
            splice(vm, op, end, end, fresh)
        }
    })
}

/// `list.clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Clear(op: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            splice(vm, op, 0, items(op).len(), Refs::default())
        }
    })
}

/// `list.sort`, which compares by Python's rules: the VM does it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Sort(op: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        let v = unsafe {
            let v = vm_of(vm, checked(vm, op)?);
            take_over(vm, op);
            v
        };
        let result = python(|| call_builtin(vm, vm.ctx.types.list_type, "sort", (v.clone(),)));
        // SAFETY: the caller keeps the list alive.
        unsafe { with_vm_list(vm, op, |list| changed(vm, list, op))? };
        result.map(drop)
    })
}

/// `list.reverse`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_Reverse(op: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: `op` is NULL or live, and a list once checked.
        unsafe {
            let op = checked(vm, op)?;
            if is_paired(op) {
                take_over(vm, op);
                return with_vm_list(vm, op, |list| {
                    list.borrow_vec_mut().reverse();
                    changed(vm, list, op);
                });
            }
            items(op).reverse();
        }
        Ok(())
    })
}

/// The elements as a tuple: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyList_AsTuple(op: *mut PyObject) -> *mut PyObject {
    // SAFETY: `op` is NULL or live, and a list once checked.
    border(|vm| unsafe { super::tupleobject::from_slice(vm, items(checked(vm, op)?)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_brought_into_range() {
        assert_eq!(insertion_index(-1, 3), 2);
        assert_eq!(insertion_index(-9, 3), 0);
        assert_eq!(insertion_index(9, 3), 3);
        assert_eq!(slice_bounds(-2, 2, 3), (0, 2));
        assert_eq!(slice_bounds(2, 1, 3), (2, 2));
        assert_eq!(slice_bounds(5, 9, 3), (3, 3));
    }

    #[test]
    fn growth_is_cpythons() {
        assert_eq!([1, 5, 9, 17].map(over_allocated), [4, 8, 16, 24]);
    }
}
