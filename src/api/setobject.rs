//! `setobject.h`.

use std::cell::RefCell;
use std::ffi::c_int;

use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine};

use super::check::{allocated, is_plain_key, is_unshared};
use super::{bad_internal_call, border, object, optional, python};
use crate::layout::{Py_hash_t, Py_ssize_t, PyObject, PySetObject};
use crate::proxy::mirror::setobject::{build, changed, len, new_frozenset, under_construction};
use crate::proxy::{c_of, unlink, vm_of};
use crate::refcount;
use crate::refcount::anchors::borrow_from;
use crate::types::statics::{is_exact_frozenset, is_exact_set};

/// The set of the elements of an iterable, or an empty one when that is NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_New(iterable: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `iterable` is NULL or live.
        match unsafe { optional(vm, iterable) } {
            None => Ok(PySet::default().into_ref(&vm.ctx).into()),
            Some(v) => python(|| vm.ctx.types.set_type.as_object().call((v,), vm)),
        }
    })
}

/// The frozenset of the elements of an iterable, or an empty one when that is
/// NULL: new. C may add to it as long as nobody else has seen it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFrozenSet_New(iterable: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `iterable` is NULL or live.
        match unsafe { optional(vm, iterable) } {
            None => allocated(vm, new_frozenset(vm)),
            Some(v) => {
                let set = python(|| vm.ctx.types.frozenset_type.as_object().call((v,), vm))?;
                Ok(c_of(vm, &set))
            }
        }
    })
}

/// The set behind an argument.
enum AnySet {
    /// A set; also what a frozenset under construction keeps its elements in.
    Set(PyObjectRef),
    Frozen(PyObjectRef),
}

impl AnySet {
    /// # Safety
    /// `p` is NULL or live.
    unsafe fn new(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Self> {
        if p.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: by this function's contract.
        unsafe {
            if is_exact_frozenset((*p).ob_type)
                && let Some(set) = under_construction(p)
            {
                return Ok(Self::Set(set.as_object().to_owned()));
            }
            let v = vm_of(vm, p);
            if v.downcastable::<PySet>() {
                Ok(Self::Set(v))
            } else if v.downcastable::<PyFrozenSet>() {
                Ok(Self::Frozen(v))
            } else {
                Err(bad_internal_call(vm))
            }
        }
    }

    fn contains(&self, vm: &VirtualMachine, key: &PyObjectRef) -> PyResult<bool> {
        run(vm, key, || match self {
            Self::Set(v) => v
                .downcast_ref::<PySet>()
                .map(|s| PySet::contains(s, key, vm)),
            Self::Frozen(v) => v
                .downcast_ref::<PyFrozenSet>()
                .map(|s| PyFrozenSet::contains(s, key, vm)),
        })
        .unwrap_or_else(|| Err(bad_internal_call(vm)))
    }

    fn elements(&self) -> Vec<PyObjectRef> {
        match self {
            Self::Set(v) => v.downcast_ref::<PySet>().map(|s| s.elements()),
            Self::Frozen(v) => v.downcast_ref::<PyFrozenSet>().map(|s| s.elements()),
        }
        .unwrap_or_default()
    }

    fn len(&self, vm: &VirtualMachine) -> usize {
        let (Self::Set(v) | Self::Frozen(v)) = self;
        len(vm, v).unwrap_or(0)
    }
}

/// Refuses what cannot be hashed: a set as a key is no frozenset to C, as it is to `in` and `set.discard`.
fn hashable(vm: &VirtualMachine, key: &PyObjectRef) -> PyResult<()> {
    if key.downcastable::<PySet>() {
        python(|| key.hash(vm))?;
    }
    Ok(())
}

/// Runs what may hash and compare `key`, with the lock open when that may run
/// Python code.
fn run<R>(vm: &VirtualMachine, key: &PyObjectRef, f: impl FnOnce() -> R) -> R {
    if is_plain_key(vm, key) {
        f()
    } else {
        python(f)
    }
}

/// The set of an argument that must be no frozenset.
unsafe fn mutable(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    if p.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: `p` is live, by the callers' contract.
    let v = unsafe { vm_of(vm, p) };
    if v.downcastable::<PySet>() {
        Ok(v)
    } else {
        Err(bad_internal_call(vm))
    }
}

/// Runs `f` on the set of `p` and makes `used` true again.
unsafe fn change<R>(
    vm: &VirtualMachine,
    p: *mut PyObject,
    v: &PyObjectRef,
    f: impl FnOnce(&Py<PySet>) -> PyResult<R>,
) -> PyResult<R> {
    let set = v
        .downcast_ref::<PySet>()
        .ok_or_else(|| bad_internal_call(vm))?;
    let result = f(set);
    // SAFETY: `p` is live, by the callers' contract.
    unsafe { changed(p, len(vm, v).unwrap_or(0)) };
    result
}

/// The number of elements; `SystemError` and -1 for what is no set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Size(anyset: *mut PyObject) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: `anyset` is NULL or live; exact sets keep `used` true.
        unsafe {
            if !anyset.is_null() {
                let ty = (*anyset).ob_type;
                if is_exact_set(ty) || is_exact_frozenset(ty) {
                    return Ok((*anyset.cast::<PySetObject>()).used);
                }
            }
            Ok(AnySet::new(vm, anyset)?.len(vm) as Py_ssize_t)
        }
    })
}

/// Whether `key` is an element; `TypeError` when it cannot be hashed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Contains(anyset: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let set = AnySet::new(vm, anyset)?;
        let key = object(vm, key)?;
        hashable(vm, &key)?;
        set.contains(vm, &key)
    })
}

/// Adds `key`, which stays the caller's, to a set, or to a frozenset that
/// nobody else has seen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Add(set: *mut PyObject, key: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            let key = object(vm, key)?;
            let v = growing(vm, set)?;
            change(vm, set, &v, |s| {
                run(vm, &key, || PySet::add(s, key.clone(), vm))
            })
        }
    })
}

/// The VM set that holds the elements of what `PySet_Add` may add to.
unsafe fn growing(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    // SAFETY: `p` is NULL or live, by the caller's contract.
    unsafe {
        if p.is_null() || !is_exact_frozenset((*p).ob_type) {
            return mutable(vm, p);
        }
        if under_construction(p).is_none() {
            thaw(vm, p)?;
        }
        match under_construction(p) {
            Some(elements) if is_unshared(p) => Ok(elements.as_object().to_owned()),
            _ => Err(bad_internal_call(vm)),
        }
    }
}

/// Puts a frozenset that the VM made, and that only the caller has, back
/// under construction.
unsafe fn thaw(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<()> {
    // SAFETY: `p` is a live, paired frozenset, by the caller's contract.
    unsafe {
        let v = vm_of(vm, p);
        // Its own link and ours.
        if refcount::count(p) != 1 || v.strong_count() != 2 {
            return Err(bad_internal_call(vm));
        }
        let elements = python(|| vm.ctx.types.set_type.as_object().call((v,), vm))?;
        let elements = elements
            .downcast::<PySet>()
            .map_err(|_| bad_internal_call(vm))?;
        drop(unlink(p));
        build(p, elements);
    }
    Ok(())
}

/// Removes `key`: 1 when it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Discard(set: *mut PyObject, key: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            let v = mutable(vm, set)?;
            let key = object(vm, key)?;
            hashable(vm, &key)?;
            change(vm, set, &v, |s| {
                let before = len(vm, &v);
                run(vm, &key, || s.discard(key.clone(), vm))?;
                Ok(len(vm, &v) < before)
            })
        }
    })
}

/// Removes and gives back any element: new; `KeyError` for an empty set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Pop(set: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `set` is NULL or live.
        unsafe {
            let v = mutable(vm, set)?;
            change(vm, set, &v, |s| s.pop(vm))
        }
    })
}

/// Removes everything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySet_Clear(set: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: `set` is NULL or live.
        unsafe {
            let v = mutable(vm, set)?;
            change(vm, set, &v, |s| {
                python(|| s.clear());
                Ok(())
            })
        }
    })
}

/// The set that is being walked, and its elements when that began: the VM
/// does not number them.
#[derive(Default)]
struct Walk {
    set: usize,
    elements: Vec<PyObjectRef>,
}

struct Global(RefCell<Option<Walk>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static WALK: Global = Global(RefCell::new(None));

/// Walks the elements: stores the one at `*pos` (borrowed) with its hash and
/// moves on. 0 at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PySet_NextEntry(
    set: *mut PyObject,
    pos: *mut Py_ssize_t,
    key: *mut *mut PyObject,
    hash: *mut Py_hash_t,
) -> c_int {
    border(|vm| {
        // SAFETY: `set` is NULL or live, the others are variables of C's.
        unsafe {
            let any = AnySet::new(vm, set)?;
            let Ok(at) = usize::try_from(*pos) else {
                return Ok(0);
            };
            let Some(element) = element(&any, set, at) else {
                return Ok(0);
            };
            *pos += 1;
            *hash = run(vm, &element, || element.hash(vm))? as Py_hash_t;
            *key = borrow_from(set, c_of(vm, &element));
            Ok(1)
        }
    })
}

fn element(any: &AnySet, set: *mut PyObject, at: usize) -> Option<PyObjectRef> {
    let mut walk = WALK.0.borrow_mut();
    let fresh = at == 0 || walk.as_ref().is_none_or(|w| w.set != set as usize);
    if fresh {
        *walk = Some(Walk {
            set: set as usize,
            elements: any.elements(),
        });
    }
    let found = walk.as_ref().and_then(|w| w.elements.get(at).cloned());
    let done = if found.is_none() { walk.take() } else { None };
    drop(walk);
    // Last: it may run Python code.
    drop(done);
    found
}
