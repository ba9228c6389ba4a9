//! Objects whose state C holds: instances of types that C defined, and of
//! Python classes that derive from such types.
//!
//! One of the two owns the other, and they swap (see `DESIGN`: the toggle):
//!
//! - *VM owns C*: the VM object holds one count of the C object. When it
//!   dies, that count is dropped and at zero `tp_dealloc` runs.
//! - *C owns VM*: C holds references of its own; the C object then owns the
//!   VM object, so its dict, its weak references and its identity live as
//!   long as C wants. When C's last reference goes, ownership flips back.

use std::any::TypeId;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{
    Context, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, VirtualMachine,
};

use super::prefix::{Prefix, flag, prefix_of, prefix_of_or_new};
use super::{link_strong, link_weak};
use crate::layout::{Py_TPFLAGS_HAVE_GC, PyObject, PyType_HasFeature, PyTypeObject};
use crate::refcount::{self, cycles, dealloc, deferred};
use crate::{thread, types, vm as vm_internals};

/// The payload of a VM object whose type's solid base is `object`: nothing
/// but the address of the C object.
///
/// NULL once the C object was taken away (its memory freed by an
/// over-decref, or the pair parted at shutdown).
#[derive(Debug)]
pub struct CInstance {
    p: AtomicPtr<PyObject>,
}

impl PyPayload for CInstance {
    fn class(ctx: &Context) -> &'static Py<PyType> {
        ctx.types.object_type
    }
}

impl MaybeTraverse for CInstance {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, visit: &mut TraverseFn<'_>) {
        cycles::traverse(self.p.load(Ordering::Relaxed), visit);
    }

    fn try_clear(&mut self, _out: &mut Vec<PyObjectRef>) {
        // Also called on the way to an ordinary deallocation, where C's
        // `tp_dealloc` must find the object whole.
        if vm_internals::object_of_payload(self).strong_count() != 0 {
            cycles::clear(self.p.load(Ordering::Relaxed));
        }
    }
}

impl Drop for CInstance {
    fn drop(&mut self) {
        drop_from_vm(*self.p.get_mut());
    }
}

/// [`CInstance`] of a type that C does not want to be collected, for objects
/// without a dict and slots: there is nothing that the VM's collector could find.
/// To the VM the two payloads are one.
#[derive(Debug)]
#[repr(transparent)]
struct Uncollected(CInstance);

impl PyPayload for Uncollected {
    const PAYLOAD_TYPE_ID: TypeId = CInstance::PAYLOAD_TYPE_ID;
    const NEW_REF_UNTRACKED: bool = true;

    fn class(ctx: &Context) -> &'static Py<PyType> {
        CInstance::class(ctx)
    }
}

impl MaybeTraverse for Uncollected {
    const HAS_TRAVERSE: bool = false;

    fn try_traverse(&self, _visit: &mut TraverseFn<'_>) {}
}

/// What ties the C object to a VM object that has a built-in's payload (a C
/// type deriving from `dict`, an exception, …): an object in a hidden slot
/// of it, which dies with it.
#[derive(Debug)]
pub struct Tether {
    p: AtomicPtr<PyObject>,
}

impl PyPayload for Tether {
    fn class(ctx: &Context) -> &'static Py<PyType> {
        ctx.types.object_type
    }
}

impl MaybeTraverse for Tether {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, visit: &mut TraverseFn<'_>) {
        cycles::traverse(self.p.load(Ordering::Relaxed), visit);
    }

    fn try_clear(&mut self, _out: &mut Vec<PyObjectRef>) {
        if vm_internals::object_of_payload(self).strong_count() != 0 {
            cycles::clear(self.p.load(Ordering::Relaxed));
        }
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        drop_from_vm(*self.p.get_mut());
    }
}

/// The VM object that held one count of `p` is dying.
pub fn drop_from_vm(p: *mut PyObject) {
    if p.is_null() {
        return;
    }
    match thread::try_enter() {
        // SAFETY: the lock is held, and the dying object's count is ours.
        Some(_held) => unsafe { dealloc::vm_object_died(p) },
        None => deferred::push(p),
    }
}

/// The C object of `v`, if `v` is a plain C-instance.
#[inline]
pub fn of(v: &VmObject) -> Option<*mut PyObject> {
    let instance = v.downcast_ref::<CInstance>()?;
    let p = instance.p.load(Ordering::Relaxed);
    (!p.is_null()).then_some(p)
}

/// A new reference to the C-instance `p` of the live VM object `v`: from now
/// on C owns the VM object.
///
/// # Safety
/// `p` and `v` are a pair and the caller holds the extension lock.
#[inline]
pub unsafe fn new_reference(v: &VmObject, p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = &mut *prefix_of(p);
        if prefix.has(flag::OWNS_VM) {
            refcount::incref(p);
        } else {
            // The count that the VM object had becomes C's.
            let _ = v.to_owned().into_raw();
            prefix.flags |= flag::OWNS_VM;
        }
    }
    p
}

/// After a call that `p` was lent to: if C kept references, C owns the VM
/// object from now on.
///
/// # Safety
/// `p` is the live C-instance of the live `v`; the lock is held.
#[inline]
pub unsafe fn after_call(v: &VmObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if refcount::count(p) > 1 {
            let prefix = &mut *prefix_of(p);
            if !prefix.has(flag::OWNS_VM) && !refcount::is_immortal(p) {
                let _ = v.to_owned().into_raw();
                prefix.flags |= flag::OWNS_VM;
                refcount::decref_no_dealloc(p);
            }
        }
    }
}

/// C's last reference to a C-instance that owns its VM object went: the VM
/// object owns the C object again, and lives or dies by its own count.
///
/// # Safety
/// `p` is at count zero, `prefix` is its prefix with an owning link; the lock
/// is held.
pub unsafe fn flip(p: *mut PyObject, prefix: *mut Prefix) {
    // SAFETY: an owning link is one strong reference.
    let v = unsafe {
        refcount::set_count(p, 1);
        (*prefix).flags &= !flag::OWNS_VM;
        PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked((*prefix).link))
    };
    drop(v);
}

/// The VM object that `prefix` links to is dying on another thread: the pair
/// is parted, and that thread's deferred drop finds it so.
pub fn forget_dying(prefix: &mut Prefix) {
    debug_assert!(!prefix.has(flag::OWNS_VM));
    // SAFETY: the link is not owning, so there is nothing to drop.
    let owned = unsafe { super::unlink_prefix(prefix) };
    debug_assert!(owned.is_none());
    std::mem::forget(owned);
}

/// Makes the VM object for the C-instance `p`, which C keeps its reference
/// of: C owns it.
///
/// # Safety
/// `p` is live, of a type that C defined or a subclass, without a link; the
/// lock is held.
pub unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        let v = new_vm_object(vm, p);
        link_strong(p, v.clone(), false);
        (*prefix_of_or_new(p)).flags |= flag::INSTANCE;
        v
    }
}

/// Makes the VM object for the C-instance `p` and gives it the caller's
/// reference, the only one: the VM owns the pair.
///
/// # Safety
/// As for [`realize`].
pub unsafe fn consume(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        let v = new_vm_object(vm, p);
        link_weak(p, &v, false);
        (*prefix_of_or_new(p)).flags |= flag::INSTANCE;
        v
    }
}

/// The VM object, not linked yet.
unsafe fn new_vm_object(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: `p` is live.
    let class = unsafe {
        let class = types::vm_type_of(vm, (*p).ob_type);
        types::ready::settle(&class, (*p).ob_type);
        class
    };
    let dict = class
        .slots
        .flags
        .has_feature(PyTypeFlags::HAS_DICT)
        .then(|| vm.ctx.new_dict());
    let payload = CInstance {
        p: AtomicPtr::new(p),
    };
    // SAFETY: as above.
    let collected = unsafe { PyType_HasFeature((*p).ob_type, Py_TPFLAGS_HAVE_GC) };
    let v: PyObjectRef = if collected || dict.is_some() || class.slots.member_count > 0 {
        PyRef::new_ref(payload, class, dict).into()
    } else {
        PyRef::new_ref(Uncollected(payload), class, None).into()
    };
    // SAFETY: as above.
    unsafe { crate::types::dict::adopt(vm, p, &v) };
    v
}

/// Ties the C object `p` to the fresh VM object `v`, whose class derives from
/// a C type and a built-in and has the hidden slot. C owns the pair: `p`'s
/// one count is the caller's.
///
/// # Safety
/// `p` is live, without a link, of a type whose VM class is `v`'s; the lock is
/// held.
pub unsafe fn tether(vm: &VirtualMachine, p: *mut PyObject, v: &PyObjectRef) {
    let tether: PyObjectRef = PyRef::new_ref(
        Tether {
            p: AtomicPtr::new(p),
        },
        vm.ctx.types.object_type.to_owned(),
        None,
    )
    .into();
    // SAFETY: by this function's contract.
    unsafe {
        vm_internals::set_hidden_slot(v, tether);
        link_strong(p, v.clone(), true);
        (*prefix_of_or_new(p)).flags |= flag::INSTANCE;
    }
}

/// Whether instances of `ty` are C-instances.
///
/// # Safety
/// `ty` is a live type object; the lock is held.
pub unsafe fn is_instance_type(ty: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { super::mirror::kind_of_type(ty) == super::mirror::Kind::Instance }
}

/// Takes the C object away from the VM object `v`.
pub fn orphan(v: &VmObject) {
    if let Some(instance) = v.downcast_ref::<CInstance>() {
        instance.p.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
}

/// Helper for tests and the debugging aid: whether C owns the pair.
///
/// # Safety
/// `p` is live; the lock is held.
pub unsafe fn c_owns(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        !prefix.is_null() && (*prefix).has(flag::OWNS_VM)
    }
}

const _: () = assert!(size_of::<AtomicPtr<PyObject>>() == size_of::<*mut PyObject>());
