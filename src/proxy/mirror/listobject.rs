//! `list`: pure C until it escapes. In a pair the VM is the authority:
//! `ob_item` is checked against a shadow copy at every entry to C, and what C
//! itself wrote into it is taken over at every entry to the VM.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ptr;
use std::sync::LazyLock;

use rustpython_vm::builtins::PyList;
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact, null, pending, watch};
use crate::layout::{PyListObject, PyObject, PyTypeObject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::table::AddressHash;
use crate::proxy::{arena, c_element, c_value, is_value, link_strong, vm_of};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: Some(refresh),
};

/// What a paired list looked like when both sides were last equal.
#[derive(Default)]
struct Shadow {
    /// The elements as the VM has them; owned by the list itself.
    vm: Vec<*const VmObject>,
    /// The elements as `ob_item` has them.
    c: Vec<*mut PyObject>,
}

#[derive(Default)]
struct Shadows(RefCell<Option<HashMap<usize, Shadow, AddressHash>>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Shadows {}
static SHADOWS: Shadows = Shadows(RefCell::new(None));

/// Lists that the VM got to know while C still had to fill them in. However many lists are alive, these are looked at
/// whenever C is left, until they are full.
#[derive(Default)]
struct Unfinished(RefCell<HashSet<usize, AddressHash>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Unfinished {}
static UNFINISHED: LazyLock<Unfinished> = LazyLock::new(Unfinished::default);

/// Takes over into the VM the lists that C has filled in since.
///
/// # Safety
/// The lock is held.
pub unsafe fn take_over_finished(vm: &VirtualMachine) {
    if UNFINISHED.0.borrow().is_empty() {
        return;
    }
    let is_full = |address: &usize| {
        // SAFETY: a list leaves the set before it goes.
        let items = unsafe { items(*address as *mut PyObject) };
        // From the end, where C most likely is not yet.
        items.iter().rev().all(|item| !item.is_null())
    };
    let full: Vec<usize> = UNFINISHED.0.borrow_mut().extract_if(is_full).collect();
    for address in full {
        // SAFETY: its elements are the list's own, and taking it over ends no life but that of `None`.
        unsafe { take_over(vm, address as *mut PyObject) };
    }
}

fn with_shadow<R>(p: *mut PyObject, f: impl FnOnce(&mut Shadow) -> R) -> R {
    let mut shadows = SHADOWS.0.borrow_mut();
    f(shadows
        .get_or_insert_default()
        .entry(p as usize)
        .or_default())
}

/// A fresh list of `len` NULLs, with room for as many; NULL when memory is out.
///
/// # Safety
/// `ty` is `list` or a subclass; the lock is held.
pub unsafe fn new(ty: *mut PyTypeObject, len: usize) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = if types::statics::is_exact_list(ty) {
            allocate_exact(ty, size_of::<PyListObject>())
        } else {
            allocate(ty, size_of::<PyListObject>())
        };
        if p.is_null() {
            return p;
        }
        let list = p.cast::<PyListObject>();
        (*list).ob_base.ob_size = 0;
        (*list).ob_item = ptr::null_mut();
        (*list).allocated = 0;
        if len != 0 {
            if !reserve_exact(p, len) {
                refcount::decref(p);
                return ptr::null_mut();
            }
            std::slice::from_raw_parts_mut((*list).ob_item, len).fill(ptr::null_mut());
            (*list).ob_base.ob_size = len as isize;
        }
        p
    }
}

/// Makes room for `capacity` elements in `ob_item`. `false` when memory is out.
///
/// # Safety
/// `p` is a live list; the lock is held.
pub unsafe fn reserve_exact(p: *mut PyObject, capacity: usize) -> bool {
    // SAFETY: `ob_item` came from here.
    unsafe {
        let list = p.cast::<PyListObject>();
        if capacity == 0 {
            arena::free_raw((*list).ob_item.cast());
            (*list).ob_item = ptr::null_mut();
            (*list).allocated = 0;
            return true;
        }
        let Some(size) = capacity.checked_mul(size_of::<*mut PyObject>()) else {
            return false;
        };
        let items = arena::reallocate_raw((*list).ob_item.cast(), size);
        if items.is_null() {
            return false;
        }
        (*list).ob_item = items.cast();
        (*list).allocated = capacity as isize;
        true
    }
}

/// The elements of a list.
///
/// # Safety
/// `p` is a live list, and unchanged while the slice is used.
#[inline]
pub unsafe fn items<'a>(p: *mut PyObject) -> &'a mut [*mut PyObject] {
    // SAFETY: by this function's contract.
    unsafe {
        let list = p.cast::<PyListObject>();
        match (*list).ob_base.ob_size as usize {
            0 => &mut [],
            len => std::slice::from_raw_parts_mut((*list).ob_item, len),
        }
    }
}

/// Whether the list is known to the VM.
///
/// # Safety
/// `p` is a live list; the lock is held.
#[inline]
pub unsafe fn is_paired(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        !prefix.is_null() && !(*prefix).link.is_null()
    }
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    debug_assert!(v.downcastable::<PyList>());
    // Filled once it is linked: a list may contain itself.
    // SAFETY: the caller's contract is the same.
    unsafe { new(ty, 0) }
}

/// The elements of the VM's list, on both sides: the C objects are new
/// references. One that `old` has stays what it is, for C may have borrowed it,
/// and the table does not know numbers.
unsafe fn c_elements(
    vm: &VirtualMachine,
    list: &Py<PyList>,
    old: &[*mut PyObject],
) -> (Vec<*const VmObject>, Vec<*mut PyObject>) {
    let pointer = |v: &PyObjectRef| &raw const **v;
    if old.is_empty() {
        let elements = list.borrow_vec();
        if elements.iter().all(|v| is_value(vm, v)) {
            // Nothing that looks at the list again.
            let fresh = elements.iter().map(|v| c_value(vm, v)).collect();
            return (elements.iter().map(pointer).collect(), fresh);
        }
    }
    let elements: Vec<PyObjectRef> = list.borrow_vec().to_vec();
    let pointers: Vec<*const VmObject> = elements.iter().map(pointer).collect();
    // SAFETY: the list keeps the old elements meanwhile.
    let same = |p: *mut PyObject, v: &VmObject| unsafe {
        let prefix = if p.is_null() {
            ptr::null_mut()
        } else {
            prefix_of(p)
        };
        !prefix.is_null() && ptr::eq((*prefix).link, v)
    };
    // Most changes are at one place: what is before and after it stays.
    let before = old
        .iter()
        .zip(&elements)
        .take_while(|&(&p, v)| same(p, v))
        .count();
    let (old_rest, rest) = (&old[before..], &elements[before..]);
    let pairs = old_rest.iter().rev().zip(rest.iter().rev());
    let after = pairs.take_while(|&(&p, v)| same(p, v)).count();
    let moved: HashMap<usize, *mut PyObject, AddressHash> = old_rest[..old_rest.len() - after]
        .iter()
        .filter(|p| !p.is_null())
        // SAFETY: as above.
        .map(|&p| unsafe { (prefix_of(p), p) })
        .filter(|(prefix, _)| !prefix.is_null())
        // SAFETY: a live object's prefix.
        .map(|(prefix, p)| (unsafe { (*prefix).link } as usize, p))
        .collect();
    let (first_after, shift) = (
        elements.len() - after,
        old.len() as isize - elements.len() as isize,
    );
    let c_of_element = |(i, v): (usize, &PyObjectRef)| {
        let known = if i < before {
            Some(old[i])
        } else if i >= first_after {
            Some(old[i.wrapping_add_signed(shift)])
        } else {
            moved.get(&(pointers[i] as usize)).copied()
        };
        match known {
            // SAFETY: the two are a pair.
            Some(p) => unsafe {
                refcount::incref(p);
                super::refresh(vm, v, p);
                p
            },
            None => c_element(vm, v),
        }
    };
    let fresh = elements.iter().enumerate().map(c_of_element).collect();
    (pointers, fresh)
}

/// Makes `ob_item` equal to the VM's list.
unsafe fn fill(vm: &VirtualMachine, list: &Py<PyList>, p: *mut PyObject) {
    // First: the elements may lead back to the list, which is up to date then.
    let pointers = list.borrow_vec().iter().map(|v| &raw const **v).collect();
    with_shadow(p, |shadow| shadow.vm = pointers);
    // SAFETY: `p` is a live list and nobody else looks at it meanwhile.
    unsafe {
        let c = p.cast::<PyListObject>();
        let old = items(p).to_vec();
        let (elements, fresh) = c_elements(vm, list, &old);
        assert!(reserve_exact(p, fresh.len()), "out of memory");
        (*c).ob_base.ob_size = fresh.len() as isize;
        items(p).copy_from_slice(&fresh);
        with_shadow(p, |shadow| {
            shadow.vm = elements;
            shadow.c = fresh;
        });
        // Last: it may run code that looks at the list.
        for item in old {
            pending::drop_later(item);
        }
    }
}

/// Whether the VM's list is what it was when both sides were last equal.
fn is_in_step(list: &Py<PyList>, p: *mut PyObject) -> bool {
    let elements = list.borrow_vec();
    // A reference of the VM's is a pointer to the object.
    with_shadow(p, |shadow| same_block(&elements, &shadow.vm))
}

/// Whether the mirror `p` has the elements of the VM's list `v`.
///
/// # Safety
/// `p` is a live paired list; the lock is held.
pub unsafe fn is_current(v: &VmObject, p: *mut PyObject) -> bool {
    let Some(list) = v.downcast_ref::<PyList>() else {
        return true;
    };
    let elements = list.borrow_vec();
    // SAFETY: by this function's contract.
    let items = unsafe { items(p) };
    with_shadow(p, |shadow| {
        same_block(&elements, &shadow.vm) && same_block(items, &shadow.c)
    })
}

/// Whether two blocks of pointers are equal.
fn same_block<A, B>(a: &[A], b: &[B]) -> bool {
    const { assert!(size_of::<A>() == size_of::<usize>() && size_of::<B>() == size_of::<usize>()) };
    // SAFETY: both blocks are words, as long as their slices say.
    a.len() == b.len()
        && unsafe { libc::memcmp(a.as_ptr().cast(), b.as_ptr().cast(), size_of_val(a)) } == 0
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    let Some(list) = v.downcast_ref::<PyList>() else {
        return;
    };
    if !is_in_step(list, p) {
        // SAFETY: the caller's contract is the same.
        unsafe { fill(vm, list, p) };
    }
}

/// Takes over into the VM what C wrote into `ob_item`.
///
/// # Safety
/// `p` is a live paired list; the lock is held.
pub unsafe fn take_over(vm: &VirtualMachine, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let now = items(p);
        let same = with_shadow(p, |shadow| same_block(&shadow.c, now));
        if same {
            return;
        }
        let v = vm_of(vm, p);
        let Some(list) = v.downcast_ref::<PyList>() else {
            return;
        };
        if now.iter().any(|item| item.is_null()) {
            // Under construction: C fills it before it lets anyone look.
            return;
        }
        let elements: Vec<PyObjectRef> = now.iter().map(|&item| vm_of(vm, item)).collect();
        with_shadow(p, |shadow| {
            shadow.c = now.to_vec();
            shadow.vm.clear();
            shadow.vm.extend(elements.iter().map(|v| &raw const **v));
        });
        let old = std::mem::replace(&mut *list.borrow_vec_mut(), elements);
        drop(old);
    }
}

/// Appends to a paired list on both sides.
///
/// # Safety
/// `p` is a live paired list, equal to `list`; the lock is held.
pub unsafe fn push(vm: &VirtualMachine, list: &Py<PyList>, p: *mut PyObject, item: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        take_over_length(vm, p);
        let v = vm_of(vm, item);
        let c = p.cast::<PyListObject>();
        let len = (*c).ob_base.ob_size as usize;
        let mut elements = list.borrow_vec_mut();
        let in_step = with_shadow(p, |shadow| {
            let in_step = shadow.vm.len() == len && shadow.c.len() == len && elements.len() == len;
            if in_step {
                if (*c).allocated as usize <= len {
                    assert!(reserve_exact(p, (len + len / 8 + 6) & !3), "out of memory");
                }
                refcount::incref(item);
                *(*c).ob_item.add(len) = item;
                (*c).ob_base.ob_size = len as isize + 1;
                shadow.vm.push(&raw const *v);
                shadow.c.push(item);
            }
            in_step
        });
        elements.push(v);
        drop(elements);
        if !in_step {
            fill(vm, list, p);
        }
    }
}

/// Takes over what C appended or cut off inline, before the API changes one
/// element. What C put elsewhere is found at the next entry to the VM.
unsafe fn take_over_length(vm: &VirtualMachine, p: *mut PyObject) {
    // SAFETY: `p` is a live paired list, by the callers' contract.
    unsafe {
        let len = items(p).len();
        if with_shadow(p, |shadow| shadow.c.len()) != len {
            take_over(vm, p);
        }
    }
}

/// Puts `item` (stolen) at `index` of a paired list, on both sides.
///
/// # Safety
/// As for [`push`]; `index` is within the list, `item` is the caller's reference.
pub unsafe fn store(
    vm: &VirtualMachine,
    list: &Py<PyList>,
    p: *mut PyObject,
    index: usize,
    item: *mut PyObject,
) {
    // SAFETY: by this function's contract.
    unsafe {
        take_over_length(vm, p);
        let v = vm_of(vm, item);
        let known = &raw const *v;
        let old = {
            let mut elements = list.borrow_vec_mut();
            elements
                .get_mut(index)
                .map(|place| std::mem::replace(place, v))
        };
        let old_item = std::mem::replace(&mut items(p)[index], item);
        with_shadow(p, |shadow| {
            if let (Some(v), Some(c)) = (shadow.vm.get_mut(index), shadow.c.get_mut(index)) {
                *v = known;
                *c = item;
            }
        });
        // Last: they may run code that looks at the list.
        refcount::xdecref(old_item);
        drop(old);
    }
}

/// Brings a paired list up to date after the API changed the VM's side.
///
/// # Safety
/// `p` and `list` are a pair; the lock is held.
pub unsafe fn changed(vm: &VirtualMachine, list: &Py<PyList>, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { pending::run(vm, list.as_object(), p, refresh) };
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a list at the end of its life.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null() && (*prefix).has(flag::OWNS_VM) {
            // What C wrote last must not get lost with its list.
            take_over(crate::thread::current_vm(), p);
        }
        watch::remove(p);
        UNFINISHED.0.borrow_mut().remove(&(p as usize));
        if let Some(shadows) = SHADOWS.0.borrow_mut().as_mut() {
            shadows.remove(&(p as usize));
        }
        clear_items(p);
    }
}

/// Lets go of the elements of a list that the VM does not know, or not any
/// more.
///
/// # Safety
/// `p` is a live list; the lock is held.
pub unsafe fn clear_items(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let old = items(p).to_vec();
        (*p.cast::<PyListObject>()).ob_base.ob_size = 0;
        reserve_exact(p, 0);
        for item in old {
            refcount::xdecref(item);
        }
    }
}

/// A VM list of the elements of a list that is about to go, which are taken
/// out; what C did not fill yet is `None` there.
///
/// # Safety
/// `p` is a live list that nobody else knows; the lock is held.
pub unsafe fn consume(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    let elements = unsafe { super::consume_elements(vm, items(p)) };
    vm.ctx.new_list(elements).into()
}

unsafe fn elements(vm: &VirtualMachine, items: &[*mut PyObject]) -> Vec<PyObjectRef> {
    items
        .iter()
        // SAFETY: by the callers' contract.
        .map(|&item| unsafe { null::element(vm, item) })
        .collect()
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        // Filled once it is linked: a list may contain itself.
        let v = vm.ctx.new_list(Vec::new());
        link_strong(p, v.clone().into(), true);
        let c = items(p).to_vec();
        let elements = elements(vm, &c);
        with_shadow(p, |shadow| {
            shadow.vm = elements.iter().map(|v| &raw const **v).collect();
            shadow.c = c;
        });
        *v.borrow_vec_mut() = elements;
        watch::add(p);
        if items(p).iter().any(|item| item.is_null()) {
            UNFINISHED.0.borrow_mut().insert(p as usize);
        }
        v.into()
    }
}
