//! C mirrors of the VM's classes: built-in ones, filled in place, and Python
//! classes, made when they first cross.

use std::ffi::c_ulong;
use std::ptr;

use rustpython_vm::builtins::PyType;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, VirtualMachine};

use super::{c_type_of, derived, name, slots_vm, statics};
use crate::api::objimpl::PyObject_Free;
use crate::layout::*;
use crate::proxy::mirror::{self, Kind, tupleobject};
use crate::proxy::{arena, linger, link_strong};
use crate::refcount::{self, dealloc};

/// `Py_TPFLAGS_*` that say of what a type is a subclass.
const SUBCLASS_FLAGS: c_ulong = Py_TPFLAGS_LONG_SUBCLASS
    | Py_TPFLAGS_LIST_SUBCLASS
    | Py_TPFLAGS_TUPLE_SUBCLASS
    | Py_TPFLAGS_BYTES_SUBCLASS
    | Py_TPFLAGS_UNICODE_SUBCLASS
    | Py_TPFLAGS_DICT_SUBCLASS
    | Py_TPFLAGS_BASE_EXC_SUBCLASS
    | Py_TPFLAGS_TYPE_SUBCLASS;

/// What 3.14 has for `tp_dictoffset` of a type with a managed dict.
const MANAGED_DICT_OFFSET: Py_ssize_t = -1;
/// What 3.14 has for `tp_weaklistoffset` of a type with managed weak references.
const MANAGED_WEAKREF_OFFSET: Py_ssize_t = -32;

/// Fills the struct of a built-in type, whose sizes and flags are set.
///
/// # Safety
/// `t` is bound to `class` and nobody uses it yet; the lock is held.
pub unsafe fn fill_builtin(vm: &VirtualMachine, t: *mut PyTypeObject, class: &Py<PyType>) {
    // SAFETY: by this function's contract.
    unsafe {
        let name = class.slot_name();
        (*t).tp_name = arena::immortal_c_string(&name);
        fill_common(vm, t, class);
        (*t).tp_flags |= Py_TPFLAGS_READY;
        (*t).tp_alloc = Some(crate::api::typeobject::PyType_GenericAlloc);
        (*t).tp_free = Some(PyObject_Free);
        (*t).tp_dealloc = Some(match mirror::kind_of_type(t) {
            Kind::Type => type_dealloc,
            _ if statics::is_exact_object(t) => object_dealloc,
            _ => mirror_dealloc,
        });
        slots_vm::fill(vm, class, t, false);
        if class.slots.new.load().is_some() {
            (*t).tp_new = Some(derived::builtin_new);
        }
        if class.slots.init.load().is_some() || statics::is_exact_object(t) {
            (*t).tp_init = Some(derived::builtin_init);
        }
    }
}

/// Base, bases, MRO and metatype.
unsafe fn fill_common(vm: &VirtualMachine, t: *mut PyTypeObject, class: &Py<PyType>) {
    // SAFETY: by the callers' contract.
    unsafe {
        let metatype = c_type_of(vm, class.class());
        refcount::incref(metatype.cast());
        (*t).ob_base.ob_base.ob_type = metatype;
        if let Some(base) = class.base.deref() {
            let base = c_type_of(vm, base);
            refcount::incref(base.cast());
            (*t).tp_base = base;
        }
        (*t).tp_bases = type_tuple(vm, class.bases.read().as_slice().iter().map(|b| &**b), None);
        let mro: Vec<_> = class.mro.read().iter().cloned().collect();
        (*t).tp_mro = type_tuple(vm, mro.iter().map(|b| &**b), Some((class, t)));
    }
}

/// A tuple of the C types of `classes`; `own` is the one being made.
pub(super) unsafe fn type_tuple<'a>(
    vm: &VirtualMachine,
    classes: impl ExactSizeIterator<Item = &'a Py<PyType>>,
    own: Option<(&Py<PyType>, *mut PyTypeObject)>,
) -> *mut PyObject {
    // SAFETY: a fresh tuple that is filled before anyone sees it.
    unsafe {
        let tuple = tupleobject::new(statics::tuple_type(), classes.len());
        assert!(!tuple.is_null(), "out of memory");
        for (slot, class) in tupleobject::items(tuple).iter_mut().zip(classes) {
            let t = match own {
                // The MRO's own entry is not counted: it would keep the type alive.
                Some((known, t)) if class.is(known) => {
                    *slot = t.cast();
                    continue;
                }
                _ => c_type_of(vm, class),
            };
            refcount::incref(t.cast());
            *slot = t.cast();
        }
        tuple
    }
}

/// Makes the mirror of a class that has none: borrowed, at count zero until
/// someone takes a reference, kept among the lingering ones.
#[inline(never)]
pub fn make(vm: &VirtualMachine, class: &Py<PyType>) -> *mut PyTypeObject {
    // SAFETY: a fresh object that is filled before C sees it; the caller
    // holds the lock.
    unsafe {
        let metatype = c_type_of(vm, class.class());
        // Bases first: they tell how the instances cross.
        let base = class.base.deref().map(|base| c_type_of(vm, base));
        if let Some(known) = super::bound(class) {
            return known;
        }
        let size = ((*metatype).tp_basicsize as usize).max(size_of::<PyHeapTypeObject>());
        let t = arena::allocate_zeroed(size).cast::<PyTypeObject>();
        assert!(!t.is_null(), "out of memory");
        refcount::set_count(t.cast(), 1);
        link_strong(t.cast(), class.to_owned().into(), true);
        fill_heap(vm, t, class, base);
        refcount::decref_no_dealloc(t.cast());
        linger::keep(t.cast());
        t
    }
}

unsafe fn fill_heap(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    class: &Py<PyType>,
    base: Option<*mut PyTypeObject>,
) {
    // SAFETY: by the caller's contract.
    unsafe {
        let heap = t.cast::<PyHeapTypeObject>();
        (*t).tp_as_async = &raw mut (*heap).as_async;
        (*t).tp_as_number = &raw mut (*heap).as_number;
        (*t).tp_as_mapping = &raw mut (*heap).as_mapping;
        (*t).tp_as_sequence = &raw mut (*heap).as_sequence;
        (*t).tp_as_buffer = &raw mut (*heap).as_buffer;
        name::write(vm, class, t);
        fill_common(vm, t, class);
        let base = base.unwrap_or(statics::object_type());
        mirror::set_kind(
            t,
            mirror::kind_of_type(base),
            mirror::base_kind_of_type(base),
        );
        let c_instance = mirror::kind_of_type(base) == Kind::Instance;
        (*t).tp_basicsize = (*base).tp_basicsize;
        (*t).tp_itemsize = (*base).tp_itemsize;
        (*t).tp_dictoffset = (*base).tp_dictoffset;
        (*t).tp_weaklistoffset = (*base).tp_weaklistoffset;
        (*t).tp_flags = flags(class, base);
        if (*t).tp_dictoffset == 0 && class.slots.flags.has_feature(PyTypeFlags::HAS_DICT) {
            (*t).tp_flags |= Py_TPFLAGS_MANAGED_DICT;
            (*t).tp_dictoffset = MANAGED_DICT_OFFSET;
        }
        if (*t).tp_weaklistoffset == 0 && class.slots.flags.has_feature(PyTypeFlags::HAS_WEAKREF) {
            (*t).tp_flags |= Py_TPFLAGS_MANAGED_WEAKREF;
            (*t).tp_weaklistoffset = MANAGED_WEAKREF_OFFSET;
        }
        (*t).tp_alloc = (*base).tp_alloc;
        (*t).tp_free = (*base).tp_free;
        (*t).tp_new = (*base).tp_new;
        (*t).tp_init = (*base).tp_init;
        (*t).tp_traverse = (*base).tp_traverse;
        (*t).tp_clear = (*base).tp_clear;
        (*t).tp_is_gc = (*base).tp_is_gc;
        (*t).tp_vectorcall_offset = (*base).tp_vectorcall_offset;
        (*t).tp_dealloc = Some(match mirror::kind_of_type(t) {
            Kind::Type => type_dealloc,
            _ if c_instance => subtype_dealloc,
            _ => mirror_dealloc,
        });
        slots_vm::fill(vm, class, t, true);
    }
}

fn flags(class: &Py<PyType>, base: *mut PyTypeObject) -> c_ulong {
    // SAFETY: a live type.
    let inherited = unsafe { (*base).tp_flags }
        & (SUBCLASS_FLAGS
            | Py_TPFLAGS_HAVE_GC
            | Py_TPFLAGS_ITEMS_AT_END
            | _Py_TPFLAGS_MATCH_SELF
            | Py_TPFLAGS_MANAGED_DICT
            | Py_TPFLAGS_MANAGED_WEAKREF);
    let mut flags = inherited | Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_READY;
    let vm_flags = &class.slots.flags;
    for (bit, flag) in [
        (PyTypeFlags::BASETYPE, Py_TPFLAGS_BASETYPE),
        (PyTypeFlags::IS_ABSTRACT, Py_TPFLAGS_IS_ABSTRACT),
        (PyTypeFlags::SEQUENCE, Py_TPFLAGS_SEQUENCE),
        (PyTypeFlags::MAPPING, Py_TPFLAGS_MAPPING),
        (PyTypeFlags::IMMUTABLETYPE, Py_TPFLAGS_IMMUTABLETYPE),
        (
            PyTypeFlags::DISALLOW_INSTANTIATION,
            Py_TPFLAGS_DISALLOW_INSTANTIATION,
        ),
    ] {
        if vm_flags.has_feature(bit) {
            flags |= flag;
        }
    }
    flags
}

/// `tp_dealloc` of the VM's own types and of Python classes deriving from them.
pub unsafe extern "C" fn mirror_dealloc(p: *mut PyObject) {
    // SAFETY: C hands over an object at count zero.
    unsafe { dealloc::free_mirror(p) };
}

/// `object`'s `tp_dealloc`: also what a C type without one inherits.
pub unsafe extern "C" fn object_dealloc(p: *mut PyObject) {
    // SAFETY: C hands over an object at count zero.
    unsafe { dealloc::free_mirror(p) };
}

/// `type`'s `tp_dealloc`: of mirrors of Python classes, and of types that C made.
unsafe extern "C" fn type_dealloc(p: *mut PyObject) {
    // SAFETY: C hands over an object at count zero.
    unsafe {
        let t = p.cast::<PyTypeObject>();
        let (base, bases, mro, dict) = ((*t).tp_base, (*t).tp_bases, (*t).tp_mro, (*t).tp_dict);
        if !mro.is_null() {
            // Its own entry is not counted.
            for slot in tupleobject::items(mro) {
                if *slot == p {
                    *slot = ptr::null_mut();
                }
            }
        }
        (*t).tp_mro = ptr::null_mut();
        (*t).tp_bases = ptr::null_mut();
        (*t).tp_base = ptr::null_mut();
        (*t).tp_dict = ptr::null_mut();
        let heap = t.cast::<PyHeapTypeObject>();
        let names = [(*heap).ht_name, (*heap).ht_qualname];
        let own = super::is_c_type(t).then(|| [(*heap).ht_slots, (*heap).ht_module]);
        dealloc::free_mirror(p);
        for object in own.into_iter().flatten() {
            refcount::xdecref(object);
        }
        refcount::xdecref(mro);
        refcount::xdecref(bases);
        refcount::xdecref(dict);
        refcount::xdecref(base.cast());
        for name in names {
            refcount::xdecref(name);
        }
    }
}

/// `tp_dealloc` of Python classes that derive from C types: hands over to the
/// nearest one that C defined.
pub unsafe extern "C" fn subtype_dealloc(p: *mut PyObject) {
    // SAFETY: C hands over an object at count zero.
    unsafe {
        let t = (*p).ob_type;
        let mut base = t;
        while (*base)
            .tp_dealloc
            .is_some_and(|f| ptr::fn_addr_eq(f, subtype_dealloc as destructor))
        {
            base = (*base).tp_base;
        }
        if (*t).tp_finalize.is_some()
            && crate::api::object::PyObject_CallFinalizerFromDealloc(p) < 0
        {
            return;
        }
        // A dict that this type added to its base's struct is its own to drop.
        if (*t).tp_dictoffset != 0 && (*base).tp_dictoffset == 0 {
            let slot = super::dict::slot(p);
            if !slot.is_null() {
                refcount::xdecref(ptr::replace(slot, ptr::null_mut()));
            }
        }
        let base_is_heap = PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE);
        match (*base).tp_dealloc {
            Some(dealloc) => dealloc(p),
            None => dealloc::free_mirror(p),
        }
        // Heap types' own `tp_dealloc` drops the count of the type.
        if !base_is_heap {
            refcount::decref(t.cast());
        }
    }
}
