//! Watchers of types: C functions that are told when a type is about to change.
//!
//! A type has a version tag as long as somebody may rely on what he found in it. A change takes the tag away, from it and from its
//! subclasses; the watchers of those that had one are called, once, until something is looked up in the type again.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef, PyWeak};
use rustpython_vm::class::add_operators;
use rustpython_vm::function::PySetterValue;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyRef, PyResult, VirtualMachine};

use super::{c_type_of, call};
use crate::api::watch::Watchers;
use crate::layout::PyType_WatchCallback;
use crate::thread::error;

/// The first number is CPython's own.
static WATCHERS: Watchers<PyType_WatchCallback> = Watchers::new("type", 1);

type Setattro = fn(&VmObject, &Py<PyStr>, PySetterValue, &VirtualMachine) -> PyResult<()>;

/// What `type.__setattr__` did before.
static ORIGINAL: OnceLock<Setattro> = OnceLock::new();

/// A watched type and the numbers of its watchers, a bit each.
struct Watched {
    class: PyRef<PyWeak>,
    bits: u8,
}

/// By the classes' addresses.
static WATCHED: Mutex<BTreeMap<usize, Watched>> = Mutex::new(BTreeMap::new());

fn watched() -> MutexGuard<'static, BTreeMap<usize, Watched>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a watcher: its number.
///
/// # Errors
/// `RuntimeError` if no number is left.
pub fn add(vm: &VirtualMachine, callback: PyType_WatchCallback) -> PyResult<c_int> {
    let types = vm.ctx.types.type_type;
    if let Some(original) = types.slots.setattro.load()
        && ORIGINAL.set(original).is_ok()
    {
        hook(types, original);
        add_operators(types, &vm.ctx, &[]);
    }
    WATCHERS.add(vm, callback)
}

/// Metaclasses have the slot of the one that they were made of.
fn hook(class: &Py<PyType>, original: Setattro) {
    let inherited = class.slots.setattro.load();
    if inherited.is_some_and(|f| std::ptr::fn_addr_eq(f, original)) {
        class.slots.setattro.store(Some(setattro));
    }
    for subclass in class.subclasses.read().iter() {
        if let Some(subclass) = subclass.upgrade()
            && let Some(subclass) = subclass.downcast_ref::<PyType>()
        {
            hook(subclass, original);
        }
    }
}

/// Forgets a watcher.
///
/// # Errors
/// `ValueError` for a number that is not in use.
pub fn clear(vm: &VirtualMachine, id: c_int) -> PyResult<()> {
    WATCHERS.clear(vm, id)
}

/// Has a watcher called, or no longer, when a type changes.
///
/// # Errors
/// `ValueError` for a number that is not in use.
pub fn watch(vm: &VirtualMachine, id: c_int, class: &Py<PyType>, wanted: bool) -> PyResult<()> {
    let bit = 1 << WATCHERS.check(vm, id)?;
    let address = class.as_object().get_id();
    let mut watched = watched();
    watched.retain(|_, entry| entry.class.upgrade().is_some() && entry.bits != 0);
    match watched.get_mut(&address) {
        Some(entry) if wanted => entry.bits |= bit,
        Some(entry) => entry.bits &= !bit,
        None if wanted => {
            let fresh = Watched {
                class: class.as_object().downgrade(None, vm)?,
                bits: bit,
            };
            watched.insert(address, fresh);
        }
        None => {}
    }
    drop(watched);
    // A lookup gives the type a tag: the next change is told.
    class.get_attr(vm.ctx.intern_str("__class__"));
    Ok(())
}

fn setattro(
    v: &VmObject,
    name: &Py<PyStr>,
    value: PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    if WATCHERS.any()
        && let Some(class) = v.downcast_ref::<PyType>()
        && !class.slots.flags.has_feature(PyTypeFlags::IMMUTABLETYPE)
    {
        about_to_change(vm, class);
    }
    match ORIGINAL.get() {
        Some(original) => original(v, name, value, vm),
        None => Ok(()),
    }
}

/// Tells the watchers of a type and of its subclasses. The caller does not hold the lock.
pub fn about_to_change(vm: &VirtualMachine, class: &Py<PyType>) {
    if !WATCHERS.any() {
        return;
    }
    let mut found = Vec::new();
    collect(class, &mut found);
    for (class, bits) in found {
        for (id, callback) in WATCHERS.all() {
            if bits & 1 << id != 0 {
                tell(vm, id, callback, &class);
            }
        }
    }
}

/// The watched ones with a tag among a type and its subclasses; these come first.
fn collect(class: &Py<PyType>, found: &mut Vec<(PyTypeRef, u8)>) {
    if class.tp_version_tag.load(Ordering::Acquire) == 0 {
        return;
    }
    for subclass in class.subclasses.read().iter() {
        if let Some(subclass) = subclass.upgrade()
            && let Some(subclass) = subclass.downcast_ref::<PyType>()
        {
            collect(subclass, found);
        }
    }
    let bits = watched()
        .get(&class.as_object().get_id())
        .filter(|entry| entry.class.upgrade().is_some())
        .map_or(0, |entry| entry.bits);
    if bits != 0 && !found.iter().any(|(known, _)| known.is(class)) {
        found.push((class.to_owned(), bits));
    }
}

fn tell(vm: &VirtualMachine, id: usize, callback: PyType_WatchCallback, class: &PyTypeRef) {
    let raised = call::around_c(vm, || {
        let t = c_type_of(vm, class);
        // SAFETY: the class keeps its type object; who registered the watcher vouches for it.
        let status = call::call_c(|| unsafe { callback(t) });
        (status < 0).then(|| error::take(vm)).flatten()
    });
    if let Some(raised) = raised {
        let shown = match class.as_object().repr(vm) {
            Ok(shown) => shown.as_wtf8().to_string_lossy().into_owned(),
            Err(_) => "a type".to_owned(),
        };
        let message = format!("Exception ignored in type watcher callback #{id} for {shown}");
        vm.run_unraisable(raised, Some(message), vm.ctx.none());
    }
}
