//! C objects that mirror VM objects, and the ways between the two.
//!
//! [`c_of`] goes from the VM to C, [`vm_of`] from C to the VM. Both need the
//! extension lock. A *pair* is a VM object and a C object that are one Python
//! object; while it lives, both ways lead to the same partner.

pub mod arena;
pub mod foreign;
pub mod instance;
pub mod invariants;
pub mod linger;
pub mod mirror;
pub mod prefix;
pub mod table;

use std::ptr::{self, NonNull};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyFloat;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use crate::layout::{Py_TPFLAGS_HEAPTYPE, PyObject, PyType_HasFeature, PyTypeObject};
use crate::refcount;
use crate::thread::state;
use crate::types;
use mirror::{floatobject, longobject};
use prefix::{Prefix, flag, prefix_of, prefix_of_or_new, prefix_of_ours};
use table::LinkTable;

/// From VM objects to C objects, for all pairs whose VM object does not hold
/// the address itself.
static LINKS: LazyLock<LinkTable> = LazyLock::new(LinkTable::new);
/// Pairs alive: C objects with a link. Only the holder of the lock changes it.
static PAIRS: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn count_pairs(change: isize) {
    let n = PAIRS.load(Ordering::Relaxed);
    PAIRS.store(n.wrapping_add_signed(change), Ordering::Relaxed);
}

/// Number of pairs alive, as a debugging aid: a balanced program leaves none
/// behind but those of types, modules and other things that live for ever.
pub fn live_pairs() -> usize {
    PAIRS.load(Ordering::Relaxed)
}

/// The C object that is linked to `v` in the table.
#[inline]
pub fn linked(v: &VmObject) -> Option<*mut PyObject> {
    LINKS
        .get(v.as_raw() as usize)
        .map(|address| address as *mut PyObject)
}

/// Whether `v` has a C object in the table right now, for a thread that does
/// not hold the extension lock.
pub fn is_linked_unlocked(v: &VmObject) -> bool {
    LINKS.get_unlocked(v.as_raw() as usize).is_some()
}

/// The C object for `v`: a new reference.
///
/// The caller holds the extension lock. Fields that C reads inline are
/// current when this returns.
///
/// # Panics
/// When memory is out; the border turns that into an exception.
#[inline]
pub fn c_of(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    if let Some(p) = instance::of(v) {
        // SAFETY: a live VM object's C object is live.
        unsafe {
            look_below(vm, p);
            return instance::new_reference(v, p);
        }
    }
    if let Some(p) = mirror::immortal(vm, v) {
        return p;
    }
    if let Some(p) = linked(v) {
        // SAFETY: what the table names is live.
        return unsafe { again(vm, v, p) };
    }
    make(vm, v, true)
}

/// Like [`c_of`] for an argument that C most likely only looks at: a fresh
/// mirror does not own `v` until [`drop_argument`] finds that C kept it, and
/// numbers, whose identity is not observable, stay out of the table until then.
///
/// The caller keeps `v` alive until it drops the argument.
#[inline]
pub fn c_argument(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    if let Some(p) = instance::of(v) {
        // The VM may go on owning the pair: it is looked at again afterwards.
        // SAFETY: a live VM object's C object is live.
        unsafe {
            refcount::incref(p);
            look_below(vm, p);
            if (*(*p).ob_type).tp_dictoffset != 0 {
                types::dict::publish_argument(vm, v, p);
            }
        }
        return p;
    }
    let class = v.class();
    if class.is(vm.ctx.types.int_type) {
        return int_argument(vm, v);
    }
    if let Some(p) = mirror::immortal(vm, v) {
        return p;
    }
    if let Some(p) = linked(v) {
        // SAFETY: what the table names is live.
        return unsafe { again(vm, v, p) };
    }
    if class.is(vm.ctx.types.float_type) {
        return lend(floatobject::argument(v), v, false);
    }
    make_argument(vm, v)
}

#[inline]
fn int_argument(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    let word = longobject::word(v);
    if let Some(p) = word.and_then(longobject::small_value) {
        return p;
    }
    if let Some(p) = linked(v) {
        // SAFETY: what the table names is live.
        return unsafe { again(vm, v, p) };
    }
    match word {
        Some(word) => lend(longobject::fresh(word), v, false),
        None => make_argument(vm, v),
    }
}

#[inline(never)]
fn make_argument(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    let ty = types::c_type_of(vm, v.class());
    // SAFETY: `ty` is the mirror of `v`'s class.
    unsafe {
        if !mirror::can_be_lent(v, ty) {
            return make(vm, v, true);
        }
        let p = (mirror::of_type(ty).make)(vm, v, ty);
        // Making the mirror may have led back to `v`: then the first one counts.
        if !p.is_null()
            && let Some(first) = linked(v)
        {
            refcount::decref(p);
            return again(vm, v, first);
        }
        lend(p, v, true)
    }
}

/// Links the fresh `p` to `v`, which neither of the two owns: the caller keeps
/// `v` alive until [`drop_argument`] takes `p` back.
#[inline]
fn lend(p: *mut PyObject, v: &VmObject, in_table: bool) -> *mut PyObject {
    assert!(!p.is_null(), "out of memory");
    // SAFETY: what mirrors make comes from the arena.
    let prefix = unsafe { &mut *prefix_of_ours(p) };
    prefix.link = v.as_raw().cast_mut();
    prefix.flags |= flag::LENT;
    if in_table {
        prefix.flags |= flag::IN_TABLE;
        LINKS.insert(v.as_raw() as usize, p as usize);
    }
    p
}

/// Whether code can tell `v` from an equal number only by asking whether the two
/// are one object: not a NaN, which equals nothing but itself.
#[inline]
pub fn is_value(vm: &VirtualMachine, v: &VmObject) -> bool {
    let class = v.class();
    if class.is(vm.ctx.types.int_type) {
        return true;
    }
    // SAFETY: exactly `float`.
    class.is(vm.ctx.types.float_type)
        && unsafe { !v.downcast_unchecked_ref::<PyFloat>().to_f64().is_nan() }
}

/// [`c_of`] for an element of a list or a tuple, whose C struct keeps the
/// result: numbers stay out of the table, as in [`c_argument`]. A new reference, or NULL for [what stands for it](mirror::null).
#[inline]
pub fn c_element(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    if is_value(vm, v) {
        c_value(vm, v)
    } else if mirror::null::is(v) {
        ptr::null_mut()
    } else {
        c_of(vm, v)
    }
}

/// [`c_element`] for what [is a value](is_value).
#[inline]
pub fn c_value(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    debug_assert!(is_value(vm, v));
    let is_int = v.class().is(vm.ctx.types.int_type);
    let word = if is_int { longobject::word(v) } else { None };
    if let Some(p) = word.and_then(longobject::small_value) {
        return p;
    }
    // SAFETY: exactly `int` or `float`; what the table names is live, and a
    // fresh object is linked at once.
    unsafe {
        if let Some(p) = linked(v) {
            return again(vm, v, p);
        }
        let p = match word {
            Some(word) => longobject::fresh(word),
            None if is_int => {
                let ty = types::statics::int_type();
                (mirror::of_type(ty).make)(vm, v, ty)
            }
            None => floatobject::from_f64(v.downcast_unchecked_ref::<PyFloat>().to_f64()),
        };
        assert!(!p.is_null(), "out of memory");
        link_first(p, v.to_owned(), false);
        p
    }
}

/// Drops an argument's reference after the call; see [`c_argument`].
///
/// # Safety
/// `p` came from [`c_argument`] and the caller holds the extension lock.
#[inline]
pub unsafe fn drop_argument(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = if arena::contains(p as usize) {
            prefix_of_ours(p)
        } else if refcount::is_immortal(p) {
            return;
        } else {
            foreign::lookup(p as usize)
        };
        if prefix.is_null() {
            return refcount::decref(p);
        }
        let prefix = &mut *prefix;
        // Before all else: C may have made it immortal meanwhile.
        if prefix.has(flag::LENT) {
            if prefix.flags == flag::LENT && refcount::count(p) == 1 {
                // A number that C did not keep.
                return arena::release(p.cast());
            }
            return end_loan(p, prefix);
        }
        if refcount::is_immortal(p) {
            return;
        }
        if prefix.has(flag::INSTANCE) {
            if prefix.has(flag::OWNS_VM) || prefix.link.is_null() || refcount::count(p) == 1 {
                return refcount::decref(p);
            }
            refcount::decref_no_dealloc(p);
            return instance::after_call(&*prefix.link, p);
        }
        if linger::goes_on(p, prefix) {
            return refcount::decref_no_dealloc(p);
        }
        refcount::decref(p);
    }
}

/// The call that `p` was lent for is over: `p` goes, or owns its VM object.
#[inline(never)]
unsafe fn end_loan(p: *mut PyObject, prefix: &mut Prefix) {
    const PLAIN: u32 = flag::LENT | flag::IN_TABLE | flag::MIRROR;
    // SAFETY: by the caller's contract; a lent object's VM object is alive.
    unsafe {
        let last = refcount::count(p) == 1 && prefix.flags & !PLAIN == 0;
        if last && (!prefix.has(flag::IN_TABLE) || !state::in_call()) {
            return discard(p, prefix);
        }
        prefix.flags &= !flag::LENT;
        prefix.flags |= flag::OWNS_VM;
        count_pairs(1);
        let _ = (*prefix.link).to_owned().into_raw();
        if !prefix.has(flag::IN_TABLE) && LINKS.get(prefix.link as usize).is_none() {
            prefix.flags |= flag::IN_TABLE;
            LINKS.insert(prefix.link as usize, p as usize);
        }
        refcount::decref(p);
    }
}

/// Frees a lent mirror that nobody else knows.
#[inline]
unsafe fn discard(p: *mut PyObject, prefix: &mut Prefix) {
    // SAFETY: by the caller's contract.
    unsafe {
        let ty = (*p).ob_type;
        if prefix.has(flag::IN_TABLE) {
            LINKS.remove(prefix.link as usize);
        }
        (mirror::of_type(ty).clear)(p);
        arena::release(p.cast());
        if PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            refcount::decref(ty.cast());
        }
    }
}

/// [`c_of`] for an object we own.
#[inline]
pub fn c_of_owned(vm: &VirtualMachine, v: PyObjectRef) -> *mut PyObject {
    c_of(vm, &v)
}

/// C gets the C-instance `p`: what it leads to must be current.
#[inline]
pub unsafe fn look_below(vm: &VirtualMachine, p: *mut PyObject) {
    // SAFETY: the callers' `p` is live; what is elsewhere leads to nothing parked.
    unsafe {
        if arena::contains(p as usize) && (*prefix_of_ours(p)).has(flag::LEADS) {
            refcount::census::unpark_below(vm, p);
        }
    }
}

/// The second and later crossings of a pair.
#[inline]
unsafe fn again(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) -> *mut PyObject {
    // SAFETY: `p` is live and linked to `v`.
    unsafe {
        let prefix = prefix_of(p);
        if (*prefix).has(flag::LEADS) {
            refcount::census::unpark_below(vm, p);
        }
        if (*prefix).has(flag::INSTANCE) {
            return instance::new_reference(v, p);
        }
        if (*prefix).has(flag::LINGERS) {
            linger::wake(p);
        }
        refcount::incref(p);
        mirror::refresh(vm, v, p);
        p
    }
}

#[inline(never)]
fn make(vm: &VirtualMachine, v: &VmObject, in_table: bool) -> *mut PyObject {
    if let Some(t) = v.downcast_ref::<rustpython_vm::builtins::PyType>() {
        let p = types::c_type_of(vm, t).cast::<PyObject>();
        // SAFETY: a type's mirror lives as long as the type.
        unsafe { refcount::incref(p) };
        return p;
    }
    let ty = types::c_type_of(vm, v.class());
    // SAFETY: `ty` is the mirror of `v`'s class and `make` gives a fresh object.
    unsafe {
        let p = (mirror::of_type(ty).make)(vm, v, ty);
        assert!(!p.is_null(), "out of memory");
        // Making the mirror may have led back to `v`: then the first one counts.
        if in_table
            && mirror::leads_on(ty)
            && let Some(first) = linked(v)
        {
            refcount::decref(p);
            return again(vm, v, first);
        }
        link_first(p, v.to_owned(), in_table);
        mirror::after_link(vm, v, p);
        p
    }
}

/// Links `p` to `v`, which `p` owns from now on.
///
/// # Safety
/// `p` is live and not linked; the caller holds the extension lock.
pub unsafe fn link_strong(p: *mut PyObject, v: PyObjectRef, in_table: bool) {
    let in_table = in_table && linked(&v).is_none();
    // SAFETY: by this function's contract.
    unsafe { link_first(p, v, in_table) };
}

/// [`link_strong`] of an object that is not in the table.
///
/// # Safety
/// As for [`link_strong`].
#[inline]
unsafe fn link_first(p: *mut PyObject, v: PyObjectRef, in_table: bool) {
    // SAFETY: by this function's contract.
    let prefix = unsafe { &mut *prefix_of_or_new(p) };
    debug_assert!(prefix.link.is_null());
    let raw = v.into_raw().as_ptr();
    prefix.link = raw;
    prefix.flags |= flag::OWNS_VM;
    if in_table {
        prefix.flags |= flag::IN_TABLE;
        LINKS.insert(raw as usize, p as usize);
    }
    count_pairs(1);
}

/// Links `p` to `v`, which was made of it, and gives back its VM object: the first one where making `v` of what `p`
/// holds has led back to `p`.
///
/// # Safety
/// `p` is live; the caller holds the extension lock.
pub unsafe fn link_made(p: *mut PyObject, v: PyObjectRef) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null()
            && !(*prefix).link.is_null()
            && let Some(first) = (*(*prefix).link).try_to_owned()
        {
            return first;
        }
        link_strong(p, v.clone(), true);
        v
    }
}

/// Links `p` to `v`, which owns one count of `p` from now on.
///
/// # Safety
/// As for [`link_strong`].
pub unsafe fn link_weak(p: *mut PyObject, v: &VmObject, in_table: bool) {
    // SAFETY: by this function's contract.
    let prefix = unsafe { &mut *prefix_of_or_new(p) };
    debug_assert!(prefix.link.is_null());
    prefix.link = v.as_raw().cast_mut();
    if in_table {
        prefix.flags |= flag::IN_TABLE;
        LINKS.insert(v.as_raw() as usize, p as usize);
    }
    count_pairs(1);
}

/// Parts the pair; returns what `p` owned.
///
/// # Safety
/// `p` is live; the caller holds the extension lock.
pub unsafe fn unlink(p: *mut PyObject) -> Option<PyObjectRef> {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || (*prefix).link.is_null() {
            return None;
        }
        unlink_prefix(&mut *prefix)
    }
}

unsafe fn unlink_prefix(prefix: &mut Prefix) -> Option<PyObjectRef> {
    let link = std::mem::replace(&mut prefix.link, ptr::null_mut());
    if prefix.has(flag::IN_TABLE) {
        LINKS.remove(link as usize);
    }
    let owned = prefix.has(flag::OWNS_VM);
    if !prefix.has(flag::LENT) {
        count_pairs(-1);
    }
    prefix.flags &= !(flag::IN_TABLE | flag::OWNS_VM | flag::LENT);
    // SAFETY: an owning link is one strong reference.
    owned.then(|| unsafe { PyObjectRef::from_raw(NonNull::new_unchecked(link)) })
}

/// The VM object for `p`, which the caller keeps its reference of.
///
/// # Safety
/// `p` is a live C object and the caller holds the extension lock.
#[inline]
pub unsafe fn vm_of(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    if !arena::contains(p as usize)
        && let Some(v) = mirror::constant(vm, p)
    {
        return v;
    }
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null() && !(*prefix).link.is_null() {
            if let Some(v) = (*(*prefix).link).try_to_owned() {
                if (*prefix).has(flag::PARKED) {
                    mirror::watch::unpark(vm, &v, p);
                }
                return v;
            }
            instance::forget_dying(&mut *prefix);
        }
        realize(vm, p)
    }
}

/// The VM object for `p`, NULL giving `None`.
///
/// # Safety
/// As for [`vm_of`], or `p` is NULL.
#[inline]
pub unsafe fn vm_of_opt(vm: &VirtualMachine, p: *mut PyObject) -> Option<PyObjectRef> {
    // SAFETY: by this function's contract.
    (!p.is_null()).then(|| unsafe { vm_of(vm, p) })
}

/// The VM object for `p`, taking the caller's reference.
///
/// # Safety
/// As for [`vm_of`]; the caller's reference is gone afterwards.
#[inline]
pub unsafe fn vm_of_stolen(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    if !arena::contains(p as usize)
        && let Some(v) = mirror::constant(vm, p)
    {
        return v;
    }
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if (prefix.is_null() || (*prefix).link.is_null())
            && refcount::count(p) == 1
            && let Some(v) = mirror::consume(vm, p)
        {
            return v;
        }
        let v = vm_of(vm, p);
        refcount::decref(p);
        v
    }
}

/// Makes the VM object for a C object that has none.
#[inline(never)]
unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: `p` is live, by the callers' contract.
    unsafe {
        let ty = (*p).ob_type;
        if crate::layout::PyType_HasFeature(ty, crate::layout::Py_TPFLAGS_TYPE_SUBCLASS) {
            return types::vm_type_of(vm, p.cast::<PyTypeObject>()).into();
        }
        (mirror::of_type(ty).realize)(vm, p)
    }
}
