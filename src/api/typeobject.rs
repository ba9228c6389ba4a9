//! `PyType_*` of `object.h` and `cpython/object.h`.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::{border, object, python};
use crate::layout::*;
use crate::proxy::mirror;
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::{arena, c_of};
use crate::refcount;
use crate::types::{self, ready, spec, statics, vm_type_of};

/// Fills what the type inherits and gives it a class of the VM's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_Ready(t: *mut PyTypeObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe { ready::ready(vm, t) })
}

/// Memory for an instance: zeroed, count 1, tracked if the type is collected.
/// A new reference, or NULL with `MemoryError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GenericAlloc(
    t: *mut PyTypeObject,
    nitems: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: C's contract: a ready type, under the lock.
    unsafe {
        // One more item than asked for, as CPython has it: a sentinel.
        let size = (*t)
            .tp_itemsize
            .checked_mul(nitems + 1)
            .and_then(|n| n.checked_add((*t).tp_basicsize))
            .and_then(|n| usize::try_from(n).ok());
        let p = match size {
            Some(size) => arena::allocate_zeroed(size).cast::<PyObject>(),
            None => ptr::null_mut(),
        };
        if p.is_null() {
            return border(|vm| Err::<*mut PyObject, _>(vm.no_memory_error()));
        }
        refcount::set_count(p, 1);
        (*p).ob_type = t;
        if PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE) {
            refcount::incref(t.cast());
        }
        if (*t).tp_itemsize != 0 {
            (*p.cast::<PyVarObject>()).ob_size = nitems;
        }
        let prefix = &mut *prefix_of(p);
        if PyType_HasFeature(t, Py_TPFLAGS_HAVE_GC) {
            prefix.flags |= flag::TRACKED;
            refcount::census::tracked();
        }
        p
    }
}

/// Allocates and nothing else; ignores the arguments. A new reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GenericNew(
    t: *mut PyTypeObject,
    _args: *mut PyObject,
    _kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { ((*t).tp_alloc.unwrap_or(PyType_GenericAlloc))(t, 0) }
}

/// Whether `a` is `b` or derives from it. Never fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_IsSubtype(a: *mut PyTypeObject, b: *mut PyTypeObject) -> c_int {
    if ptr::eq(a, b) {
        return 1;
    }
    // SAFETY: C's contract: live types.
    unsafe {
        let mro = (*a).tp_mro;
        if !mro.is_null() {
            let found = mirror::tupleobject::items(mro)
                .iter()
                .any(|&t| ptr::eq(t.cast(), b));
            return c_int::from(found);
        }
        // Not ready yet: follow the bases.
        let mut t = a;
        while !t.is_null() {
            if ptr::eq(t, b) {
                return 1;
            }
            t = (*t).tp_base;
        }
        c_int::from(statics::is_exact_object(b))
    }
}

/// The type's flags.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetFlags(t: *mut PyTypeObject) -> c_ulong {
    // SAFETY: C's contract.
    unsafe { (*t).tp_flags }
}

/// The type was changed behind the VM's back: slots are looked at anew.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_Modified(t: *mut PyTypeObject) {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            if types::is_c_type(t) && PyType_HasFeature(t, Py_TPFLAGS_READY) {
                let class = vm_type_of(vm, t);
                python(|| types::watch::about_to_change(vm, &class));
                class.modified();
                types::slots_c::install(vm, &class, t);
            }
        }
        Ok(super::Nothing)
    });
}

/// The type's dict: a new reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetDict(t: *mut PyTypeObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let class = unsafe { vm_type_of(vm, t) };
        Ok(match class.attributes.as_dict() {
            Some(dict) => c_of(vm, dict.as_object()),
            None => {
                // The VM keeps the attributes of its static types elsewhere.
                let dict = vm.ctx.new_dict();
                for (key, value) in class.attributes.entries() {
                    dict.set_item(&*key, value, vm)?;
                }
                c_of(vm, dict.as_object())
            }
        })
    })
}

/// `__name__`: a new reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetName(t: *mut PyTypeObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let class = unsafe { vm_type_of(vm, t) };
        Ok(types::name::short(vm, &class))
    })
}

/// `__qualname__`: a new reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetQualName(t: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: C's contract.
    border(|vm| Ok(unsafe { vm_type_of(vm, t) }.__qualname__(vm)))
}

/// `__module__`: a new reference, or NULL with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetModuleName(t: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: C's contract.
    border(|vm| unsafe { vm_type_of(vm, t) }.__module__(vm))
}

/// `module.qualname`: a new reference, or NULL with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetFullyQualifiedName(t: *mut PyTypeObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let class = unsafe { vm_type_of(vm, t) };
        Ok(vm.ctx.new_str(class.fully_qualified_name(vm)?))
    })
}

/// The pointer in a slot: NULL when the type has none, `SystemError` for an
/// id that is no slot's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetSlot(t: *mut PyTypeObject, slot: c_int) -> *mut c_void {
    // SAFETY: C's contract.
    border(|vm| unsafe { spec::get_slot(vm, t, slot) })
}

/// A type from a spec: a new reference, or NULL with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_FromSpec(s: *mut PyType_Spec) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { PyType_FromMetaclass(ptr::null_mut(), ptr::null_mut(), s, ptr::null_mut()) }
}

/// As [`PyType_FromSpec`], with bases: a type, a tuple of types, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_FromSpecWithBases(
    s: *mut PyType_Spec,
    bases: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { PyType_FromMetaclass(ptr::null_mut(), ptr::null_mut(), s, bases) }
}

/// As [`PyType_FromSpecWithBases`], with the module that defines the type,
/// which the type keeps alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_FromModuleAndSpec(
    module: *mut PyObject,
    s: *mut PyType_Spec,
    bases: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { PyType_FromMetaclass(ptr::null_mut(), module, s, bases) }
}

/// As [`PyType_FromModuleAndSpec`], with a metaclass.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_FromMetaclass(
    metaclass: *mut PyTypeObject,
    module: *mut PyObject,
    s: *mut PyType_Spec,
    bases: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    border(|vm| unsafe { spec::from_spec(vm, metaclass, module, s, bases) })
}

/// The module a heap type was made with: borrowed; `TypeError` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetModule(t: *mut PyTypeObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            if !PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE) {
                return Err(vm.new_type_error(format!(
                    "PyType_GetModule: Type '{}' is not a heap type",
                    vm_type_of(vm, t).name()
                )));
            }
            let module = (*t.cast::<PyHeapTypeObject>()).ht_module;
            if module.is_null() {
                return Err(vm.new_type_error(format!(
                    "PyType_GetModule: Type '{}' has no associated module",
                    vm_type_of(vm, t).name()
                )));
            }
            Ok(module)
        }
    })
}

/// The state of the module a heap type was made with; NULL with `TypeError`
/// when there is no module, without when it has no state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetModuleState(t: *mut PyTypeObject) -> *mut c_void {
    // SAFETY: C's contract.
    unsafe {
        let module = PyType_GetModule(t);
        if module.is_null() {
            return ptr::null_mut();
        }
        (*module.cast::<mirror::moduleobject::PyModuleObject>()).md_state
    }
}

/// The module with definition `def` among those of the type's MRO: borrowed;
/// `TypeError` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetModuleByDef(
    t: *mut PyTypeObject,
    def: *mut PyModuleDef,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            for &base in mirror::tupleobject::items((*t).tp_mro).iter() {
                if !PyType_HasFeature(base.cast(), Py_TPFLAGS_HEAPTYPE) {
                    continue;
                }
                let base = base.cast::<PyTypeObject>();
                if !types::is_c_type(base) {
                    continue;
                }
                let module = (*base.cast::<PyHeapTypeObject>()).ht_module;
                if !module.is_null()
                    && ptr::eq(
                        (*module.cast::<mirror::moduleobject::PyModuleObject>()).md_def,
                        def,
                    )
                {
                    return Ok(module);
                }
            }
            Err(vm.new_type_error(format!(
                "PyType_GetModuleByDef: No superclass of '{}' has the given module",
                vm_type_of(vm, t).name()
            )))
        }
    })
}

/// What the MRO has under `name`: borrowed, NULL without an exception when
/// there is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyType_Lookup(
    t: *mut PyTypeObject,
    name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            let class = vm_type_of(vm, t);
            let name = object(vm, name)?;
            let Some(name) = name.downcast_ref::<rustpython_vm::builtins::PyStr>() else {
                return Ok(ptr::null_mut());
            };
            Ok(match class.lookup_ref(name, vm) {
                Some(v) => refcount::anchors::borrow_from(t.cast(), c_of(vm, &v)),
                None => ptr::null_mut(),
            })
        }
    })
}

/// As [`_PyType_Lookup`]: a new reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyType_LookupRef(
    t: *mut PyTypeObject,
    name: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { refcount::xnew_ref(_PyType_Lookup(t, name)) }
}

/// The first type with that token in the MRO of `t` or, while that has none
/// yet, among its bases.
unsafe fn base_by_token(t: *mut PyTypeObject, token: *mut c_void) -> Option<*mut PyTypeObject> {
    // SAFETY: `t` is a live type, by the callers' contract, and so are its bases.
    unsafe {
        let has_token = |t: *mut PyTypeObject| {
            PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE)
                && types::is_c_type(t)
                && ptr::eq((*t.cast::<PyHeapTypeObject>()).ht_token, token)
        };
        if has_token(t) {
            return Some(t);
        }
        let types = |tuple| mirror::tupleobject::items(tuple).iter().map(|&p| p.cast());
        if !(*t).tp_mro.is_null() {
            return types((*t).tp_mro).find(|&t| has_token(t));
        }
        if (*t).tp_bases.is_null() {
            return None;
        }
        types((*t).tp_bases).find_map(|base| base_by_token(base, token))
    }
}

/// The first base, in the order of the MRO, that has `token`: 1 and a new reference in
/// `*result` (unless `result` is NULL), 0 and NULL when there is none, -1 with
/// an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetBaseByToken(
    t: *mut PyTypeObject,
    token: *mut c_void,
    result: *mut *mut PyTypeObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            if !result.is_null() {
                *result = ptr::null_mut();
            }
            if token.is_null() {
                return Err(vm.new_system_error("PyType_GetBaseByToken called with token=NULL"));
            }
            if !PyType_HasFeature((*t).ob_base.ob_base.ob_type, Py_TPFLAGS_TYPE_SUBCLASS) {
                let name = super::check::type_name(t.cast());
                return Err(vm.new_type_error(format!("expected a type, got a '{name}' object")));
            }
            if let Some(base) = base_by_token(t, token) {
                if !result.is_null() {
                    refcount::incref(base.cast());
                    *result = base;
                }
                return Ok(true);
            }
            Ok(false)
        }
    })
}

/// Makes a type immutable, once nobody in its MRO is mutable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_Freeze(t: *mut PyTypeObject) -> c_int {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            for &base in mirror::tupleobject::items((*t).tp_mro).iter().skip(1) {
                let base = base.cast::<PyTypeObject>();
                if !PyType_HasFeature(base, Py_TPFLAGS_IMMUTABLETYPE) {
                    return Err(vm.new_type_error(format!(
                        "Creating immutable type {} from mutable base {}",
                        vm_type_of(vm, t).name(),
                        vm_type_of(vm, base).name()
                    )));
                }
            }
            (*t).tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
            let class = vm_type_of(vm, t);
            class
                .slots
                .flags
                .insert(rustpython_vm::types::PyTypeFlags::IMMUTABLETYPE);
            class.modified();
            Ok(())
        }
    })
}

/// There is no cache of our own to clear; the VM's is cleared. Returns a
/// version tag, as CPython does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_ClearCache() -> c_uint {
    1
}

/// The part of a type's name behind the last dot: lives as long as the type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyType_Name(t: *mut PyTypeObject) -> *const c_char {
    // SAFETY: C's contract.
    unsafe {
        let name = (*t).tp_name;
        match CStr::from_ptr(name)
            .to_bytes()
            .iter()
            .rposition(|&c| c == b'.')
        {
            Some(dot) => name.add(dot + 1),
            None => name,
        }
    }
}

/// Gives the type a version tag, if it has none: 1, or 0 when none is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Type_AssignVersionTag(t: *mut PyTypeObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe {
        let class = vm_type_of(vm, t);
        // Looking something up through the VM's cache gives the class a tag.
        class.get_attr(vm.ctx.intern_str("__class__"));
        let tag = class
            .tp_version_tag()
            .load(std::sync::atomic::Ordering::Acquire);
        (*t).tp_version_tag = tag;
        Ok(c_int::from(tag != 0))
    })
}

/// Registers a watcher of types: its number, or -1 with `RuntimeError` when none is left.
#[unsafe(no_mangle)]
pub extern "C" fn PyType_AddWatcher(callback: PyType_WatchCallback) -> c_int {
    border(|vm| types::watch::add(vm, callback))
}

/// Forgets a watcher: 0, or -1 with `ValueError` for a number that is not in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyType_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| types::watch::clear(vm, watcher_id))
}

unsafe fn watch(
    vm: &VirtualMachine,
    watcher_id: c_int,
    ty: *mut PyObject,
    wanted: bool,
) -> PyResult<()> {
    // SAFETY: the callers' contract is C's.
    let v = unsafe { object(vm, ty)? };
    let Some(class) = v.downcast_ref::<PyType>() else {
        return Err(vm.new_value_error("Cannot watch non-type"));
    };
    types::watch::watch(vm, watcher_id, class, wanted)
}

/// Has a watcher called when a type is about to change: 0, or -1 with `ValueError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_Watch(watcher_id: c_int, ty: *mut PyObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe { watch(vm, watcher_id, ty, true) })
}

/// The opposite of [`PyType_Watch`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_Unwatch(watcher_id: c_int, ty: *mut PyObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe { watch(vm, watcher_id, ty, false) })
}
