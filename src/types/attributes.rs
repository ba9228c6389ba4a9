//! Attributes of C-instances that C itself asks for, without the VM.
//!
//! A member or a getter that C defined is a data descriptor: it comes before
//! the instance's dict, so that the type alone says what to do. A cache says
//! it for a type and a name, as CPython's method cache does. An entry is good
//! for one version of the class: the VM gives every class that changes, and
//! all that derive from it, a new number, and no number twice.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::Ordering;

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyType;

use super::descr;
use crate::layout::{
    Py_AUDIT_READ, PyASCIIObject, PyGetSetDef, PyMemberDef, PyObject, PyTypeObject,
};
use crate::proxy::mirror::unicodeobject;
use crate::proxy::prefix::prefix_of;
use crate::refcount;
use crate::types::statics;

/// What a name means for instances of a class.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Nothing that is known here: the VM has to be asked.
    Other,
    Member(*mut PyMemberDef),
    GetSet(*mut PyGetSetDef),
}

struct Entry {
    /// The version of the class; 0 for none.
    version: u32,
    /// A reference, so that no other string comes to its address.
    name: *mut PyObject,
    meaning: Meaning,
}

const ENTRIES: usize = 1 << 10;

struct Cache(UnsafeCell<[Entry; ENTRIES]>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Cache {}
static CACHE: Cache = Cache(UnsafeCell::new(
    [const {
        Entry {
            version: 0,
            name: ptr::null_mut(),
            meaning: Meaning::Other,
        }
    }; ENTRIES],
));

fn entry(version: u32, name: *mut PyObject) -> *mut Entry {
    // Strings are multiples of 16 apart.
    let place = (version as usize ^ (name as usize >> 4)) % ENTRIES;
    // SAFETY: within the table; the callers hold the lock.
    unsafe { (&raw mut (*CACHE.0.get())[place]).cast() }
}

/// The class of `ty`, if `ty` has one.
unsafe fn class<'a>(ty: *mut PyTypeObject) -> Option<&'a PyType> {
    // SAFETY: by the callers' contract; a type's link is its class.
    unsafe {
        let prefix = prefix_of(ty.cast());
        if prefix.is_null() || (*prefix).link.is_null() {
            return None;
        }
        Some((*(*prefix).link).downcast_unchecked_ref::<PyType>())
    }
}

/// Whether names like this one come again at the same address: interned ones do.
unsafe fn is_cacheable(name: *mut PyObject) -> bool {
    // SAFETY: by the callers' contract.
    unsafe {
        statics::is_exact_str((*name).ob_type)
            && (*name.cast::<PyASCIIObject>()).state.interned() != 0
    }
}

/// What is known of `name` in instances of the type `ty`; `None`: ask [`find`].
///
/// # Safety
/// Both are live; the lock is held.
#[inline]
pub unsafe fn known(ty: *mut PyTypeObject, name: *mut PyObject) -> Option<Meaning> {
    // SAFETY: by this function's contract.
    unsafe {
        let version = class(ty)?.tp_version_tag.load(Ordering::Acquire);
        let entry = entry(version, name);
        (version != 0 && (*entry).version == version && (*entry).name == name)
            .then_some((*entry).meaning)
    }
}

/// What `name` means in instances of the type `ty`, by looking it up; the next
/// time it may be [`known`].
///
/// # Safety
/// Both are live, `name` is a string; the lock is held.
#[cold]
pub unsafe fn find(vm: &VirtualMachine, ty: *mut PyTypeObject, name: *mut PyObject) -> Meaning {
    // SAFETY: by this function's contract.
    unsafe {
        let Some(class) = class(ty) else {
            return Meaning::Other;
        };
        if !is_cacheable(name) {
            return Meaning::Other;
        }
        let text = unicodeobject::to_pystr(name);
        let Some(interned) = text.to_str().and_then(|text| vm.ctx.interned_str(text)) else {
            return Meaning::Other;
        };
        let before = class.tp_version_tag.load(Ordering::Acquire);
        let found = class.get_attr(interned);
        let version = class.tp_version_tag.load(Ordering::Acquire);
        let applies = |defined: &PyType| {
            ptr::eq(defined, class) || class.mro.read().iter().any(|c| ptr::eq(&***c, defined))
        };
        let meaning = match &found {
            Some(v) => match (descr::member(v), descr::getset(v)) {
                (Some(m), _) if applies(&m.class) && (*m.def).flags & Py_AUDIT_READ == 0 => {
                    Meaning::Member(m.def)
                }
                (_, Some(g)) if applies(&g.class) => Meaning::GetSet(g.def),
                _ => Meaning::Other,
            },
            None => Meaning::Other,
        };
        if version != 0 && (before == version || before == 0) {
            let entry = entry(version, name);
            refcount::incref(name);
            let old = (*entry).name;
            *entry = Entry {
                version,
                name,
                meaning,
            };
            refcount::xdecref(old);
        }
        meaning
    }
}
