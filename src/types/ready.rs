//! `PyType_Ready`: makes a class of the VM's for a type that C defined.

use std::ffi::{CStr, c_ulong};

use rustpython_vm::builtins::{PyDict, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::ItemDoc;
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};

use super::{
    bound, descr, doc, heap, hook, is_c_type, name, slots_c, slots_vm, statics, vm_type_of, wrapper,
};
use crate::layout::*;
use crate::proxy::arena;
use crate::proxy::mirror::{self, Kind};
use crate::proxy::prefix::{flag, prefix_of_or_new};
use crate::proxy::{c_of, linger, link_strong, vm_of};
use crate::{refcount, thread};

/// Shows the flags of C's types as C sees them: Python code tells static types
/// by them.
pub fn init(vm: &VirtualMachine) {
    hook::getter(vm, vm.ctx.types.type_type, "__flags__", |vm, v| {
        let _held = thread::enter(vm);
        let t = bound(v.downcast_ref::<PyType>()?)?;
        // SAFETY: what is bound is live, and the lock is held.
        let flags = unsafe { is_c_type(t).then(|| (*t).tp_flags) }?;
        Some(Ok(vm.ctx.new_int(flags).into()))
    });
}

/// Flags that a type has from its base when it has that base's layout.
const INHERITED_FLAGS: c_ulong = Py_TPFLAGS_LONG_SUBCLASS
    | Py_TPFLAGS_LIST_SUBCLASS
    | Py_TPFLAGS_TUPLE_SUBCLASS
    | Py_TPFLAGS_BYTES_SUBCLASS
    | Py_TPFLAGS_UNICODE_SUBCLASS
    | Py_TPFLAGS_DICT_SUBCLASS
    | Py_TPFLAGS_BASE_EXC_SUBCLASS
    | Py_TPFLAGS_TYPE_SUBCLASS
    | _Py_TPFLAGS_MATCH_SELF
    | Py_TPFLAGS_ITEMS_AT_END
    | Py_TPFLAGS_MANAGED_DICT
    | Py_TPFLAGS_MANAGED_WEAKREF;

/// Makes `t` ready: fills what it inherits and gives it a class.
///
/// # Safety
/// `t` is a type object as `PyType_Ready` takes it; the lock is held.
pub unsafe fn ready(vm: &VirtualMachine, t: *mut PyTypeObject) -> PyResult<()> {
    // SAFETY: by this function's contract.
    unsafe {
        if PyType_HasFeature(t, Py_TPFLAGS_READY) {
            return Ok(());
        }
        if (*t).tp_name.is_null() {
            return Err(vm.new_system_error("Type does not define the tp_name field."));
        }
        let bases = ready_bases(vm, t)?;
        let base = (*t).tp_base;
        if (*t).ob_base.ob_base.ob_type.is_null() {
            let metatype = (*base.cast::<PyObject>()).ob_type;
            (*t).ob_base.ob_base.ob_type = metatype;
            if PyType_HasFeature(metatype, Py_TPFLAGS_HEAPTYPE) {
                refcount::incref(metatype.cast());
            }
        }
        if !PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE) {
            refcount::make_immortal(t.cast());
            (*t).tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
        }
        if (*t).tp_flags & Py_TPFLAGS_HEAPTYPE == 0
            && (*t).tp_new.is_none()
            && statics::is_exact_object(base)
        {
            // As CPython: a static type without `tp_new` cannot be instantiated.
            (*t).tp_flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
        }
        inherit_layout(t, base);
        // A built-in may be any of the bases: `tp_base` is the one whose struct
        // is the longest.
        let base_kind = bases
            .iter()
            .map(|class| mirror::base_kind_of_type(super::c_type_of(vm, class)))
            .find(|&kind| kind != Kind::Header)
            .unwrap_or(mirror::base_kind_of_type(base));
        mirror::set_kind(
            t,
            if base_kind == Kind::Type {
                Kind::Type
            } else {
                Kind::Instance
            },
            base_kind,
        );
        (*prefix_of_or_new(t.cast())).flags |= flag::C_TYPE;
        let class = new_class(vm, t, &bases)?;
        link_strong(t.cast(), class.clone().into(), true);
        fill_dict(vm, t, &class)?;
        wrapper::add_operators(vm, &class, t)?;
        inherit_slots(vm, t, &class);
        slots_c::install(vm, &class, t);
        if let Some(dict) = class.attributes.as_dict() {
            refcount::xdecref((*t).tp_dict);
            (*t).tp_dict = c_of(vm, dict.as_object());
            // Nobody asks for a class's number of attributes inline, and classes live long:
            // their dicts are not looked at on each crossing.
            mirror::watch::remove((*t).tp_dict);
            linger::mark_namespace((*t).tp_dict);
        }
        refcount::xdecref((*t).tp_mro);
        let mro: Vec<_> = class.mro.read().iter().cloned().collect();
        (*t).tp_mro = heap::type_tuple(vm, mro.iter().map(|c| &**c), Some((&class, t)));
        (*t).tp_flags |= Py_TPFLAGS_READY | Py_TPFLAGS_VALID_VERSION_TAG;
        Ok(())
    }
}

/// Fills `tp_base` and `tp_bases`, and says what classes those are.
unsafe fn ready_bases(vm: &VirtualMachine, t: *mut PyTypeObject) -> PyResult<Vec<PyTypeRef>> {
    // SAFETY: by the caller's contract.
    unsafe {
        if (*t).tp_base.is_null() {
            let first = (!(*t).tp_bases.is_null())
                .then(|| mirror::tupleobject::items((*t).tp_bases).first().copied())
                .flatten();
            (*t).tp_base = first.map_or(statics::object_type(), <*mut PyObject>::cast);
            refcount::incref((*t).tp_base.cast());
        }
        let base = (*t).tp_base;
        if !PyType_HasFeature(base, Py_TPFLAGS_READY) {
            ready(vm, base)?;
        }
        if (*t).tp_bases.is_null() {
            let tuple = mirror::tupleobject::new(statics::tuple_type(), 1);
            assert!(!tuple.is_null(), "out of memory");
            refcount::incref(base.cast());
            mirror::tupleobject::items(tuple)[0] = base.cast();
            (*t).tp_bases = tuple;
        }
        let mut classes = Vec::new();
        for &b in mirror::tupleobject::items((*t).tp_bases).iter() {
            classes.push(vm_type_of(vm, b.cast()));
        }
        Ok(classes)
    }
}

/// Sizes, offsets and flags, as `inherit_special` and `type_ready_inherit` have it.
unsafe fn inherit_layout(t: *mut PyTypeObject, base: *mut PyTypeObject) {
    // SAFETY: by the caller's contract.
    unsafe {
        if (*t).tp_flags & Py_TPFLAGS_HAVE_GC == 0
            && (*base).tp_flags & Py_TPFLAGS_HAVE_GC != 0
            && (*t).tp_traverse.is_none()
            && (*t).tp_clear.is_none()
        {
            (*t).tp_flags |= Py_TPFLAGS_HAVE_GC;
            (*t).tp_traverse = (*base).tp_traverse;
            (*t).tp_clear = (*base).tp_clear;
        }
        if (*t).tp_basicsize == 0 {
            (*t).tp_basicsize = (*base).tp_basicsize;
        }
        if (*t).tp_itemsize == 0 {
            (*t).tp_itemsize = (*base).tp_itemsize;
        }
        if (*t).tp_dictoffset == 0 {
            (*t).tp_dictoffset = (*base).tp_dictoffset;
        }
        if (*t).tp_weaklistoffset == 0 {
            (*t).tp_weaklistoffset = (*base).tp_weaklistoffset;
        }
        if (*t).tp_flags & Py_TPFLAGS_MANAGED_DICT != 0 && (*t).tp_dictoffset == 0 {
            (*t).tp_dictoffset = -1;
        }
        (*t).tp_flags |= (*base).tp_flags & INHERITED_FLAGS;
        if (*t).tp_flags & (Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING) == 0 {
            (*t).tp_flags |= (*base).tp_flags & (Py_TPFLAGS_SEQUENCE | Py_TPFLAGS_MAPPING);
        }
        if (*t).tp_flags & Py_TPFLAGS_HAVE_VECTORCALL == 0
            && (*t).tp_call.is_none()
            && (*base).tp_flags & Py_TPFLAGS_HAVE_VECTORCALL != 0
        {
            (*t).tp_vectorcall_offset = (*base).tp_vectorcall_offset;
            (*t).tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        }
        if (*t).tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR == 0
            && (*t).tp_descr_get.is_none()
            && (*base).tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR != 0
        {
            (*t).tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
        }
    }
}

fn text_of<'a>(s: *const std::ffi::c_char) -> std::borrow::Cow<'a, str> {
    // SAFETY: names in type objects are NUL-terminated and live long.
    unsafe { CStr::from_ptr(s) }.to_string_lossy()
}

/// The name with its module, for as long as the VM may want it.
fn full_name(name: &str) -> &'static str {
    let copy = arena::immortal_c_string(name);
    // SAFETY: a copy that lives for ever.
    let copy = unsafe { CStr::from_ptr(copy) };
    copy.to_str().expect("a copy of UTF-8")
}

/// The VM's class for `t`.
unsafe fn new_class(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    bases: &[PyTypeRef],
) -> PyResult<PyTypeRef> {
    // SAFETY: by the caller's contract.
    unsafe {
        let full = text_of((*t).tp_name);
        let name = full.rsplit_once('.').map_or(&*full, |(_, name)| name);
        let metaclass = vm_type_of(vm, (*t).ob_base.ob_base.ob_type);
        // The base whose payload instances have: a built-in may be any of them.
        let is_built_in =
            |base: &&PyTypeRef| !super::builtin_base(base).is(vm.ctx.types.object_type);
        let solid = bases.iter().find(is_built_in);
        let tethered = solid.is_some();
        let base = solid.unwrap_or(&bases[0]);
        let mut flags = PyTypeFlags::HEAP_TYPE;
        flags.remove(PyTypeFlags::BASETYPE);
        for (c, bit) in [
            (Py_TPFLAGS_BASETYPE, PyTypeFlags::BASETYPE),
            (Py_TPFLAGS_IMMUTABLETYPE, PyTypeFlags::IMMUTABLETYPE),
            (
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
                PyTypeFlags::DISALLOW_INSTANTIATION,
            ),
            (Py_TPFLAGS_SEQUENCE, PyTypeFlags::SEQUENCE),
            (Py_TPFLAGS_MAPPING, PyTypeFlags::MAPPING),
            (Py_TPFLAGS_METHOD_DESCRIPTOR, PyTypeFlags::METHOD_DESCRIPTOR),
            (_Py_TPFLAGS_MATCH_SELF, PyTypeFlags::_MATCH_SELF),
        ] {
            if (*t).tp_flags & c != 0 {
                flags.insert(bit);
            }
        }
        flags |= layout_flags(t);
        let mut slots = PyTypeSlots::new(full_name(&full), flags);
        // The VM sizes a built-in's payload by this; C's part is elsewhere.
        let extra = if tethered {
            0
        } else {
            (*t).tp_basicsize - (*(*t).tp_base).tp_basicsize
        };
        slots.basicsize = base.slots.basicsize + usize::try_from(extra).unwrap_or(0);
        slots.itemsize = (*t).tp_itemsize as usize;
        slots.doc = ItemDoc::default();
        // The hidden slot that ties the C object to a built-in's payload.
        let hidden = tethered && base.slots.member_count == 0 && !super::is_c_class(base);
        slots.member_count = base.slots.member_count + usize::from(hidden);
        let class = PyType::new_heap(
            name,
            bases.to_vec(),
            Default::default(),
            slots,
            metaclass,
            &vm.ctx,
        )
        .map_err(|e| vm.new_type_error(e))?;
        // The `repr` of a built-in uses the VM's one name for a class.
        if !tethered {
            name::set_full(vm, &class, &full);
        }
        Ok(class)
    }
}

/// What the VM puts before an instance of `t`.
unsafe fn layout_flags(t: *mut PyTypeObject) -> PyTypeFlags {
    let mut flags = PyTypeFlags::empty();
    // SAFETY: by the callers' contract.
    unsafe {
        if (*t).tp_dictoffset != 0 || (*t).tp_flags & Py_TPFLAGS_MANAGED_DICT != 0 {
            flags.insert(PyTypeFlags::HAS_DICT);
        }
        if (*t).tp_weaklistoffset != 0 || (*t).tp_flags & Py_TPFLAGS_MANAGED_WEAKREF != 0 {
            flags.insert(PyTypeFlags::HAS_WEAKREF);
        }
    }
    flags
}

/// An instance of `class` is about to be made: offsets that C wrote into its type object after it was ready count from now
/// on. Cython writes them before there are instances; later nobody can, for where they lie is then settled.
///
/// # Safety
/// `class` has the type object `t`; the lock is held.
#[inline]
pub unsafe fn settle(class: &Py<PyType>, t: *mut PyTypeObject) {
    // SAFETY: by this function's contract.
    let late = unsafe { layout_flags(t) };
    if late.bits() & !class.slots.flags.load().bits() != 0 {
        class.slots.flags.replace_masked(late, late);
    }
}

/// Methods, members, getsets, what C itself had put into `tp_dict`, the doc and the module.
unsafe fn fill_dict(vm: &VirtualMachine, t: *mut PyTypeObject, class: &Py<PyType>) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        if !(*t).tp_dict.is_null()
            && let Ok(own) = vm_of(vm, (*t).tp_dict).downcast::<PyDict>()
        {
            for (key, value) in &own {
                if let Some(key) = key.downcast_ref::<PyStr>() {
                    class.set_attr(vm.ctx.intern_str(key.as_wtf8()), value);
                }
            }
        }
        if !(*t).tp_methods.is_null() {
            descr::add_methods(vm, class, t, (*t).tp_methods)?;
        }
        if !(*t).tp_members.is_null() {
            descr::add_members(vm, class, t, (*t).tp_members)?;
        }
        if !(*t).tp_getset.is_null() {
            descr::add_getset(vm, class, t, (*t).tp_getset)?;
        }
        let doc_name = vm.ctx.intern_str("__doc__");
        if class.get_direct_attr(doc_name).is_none() {
            let value: PyObjectRef = if (*t).tp_doc.is_null() {
                vm.ctx.none()
            } else {
                let text = text_of((*t).tp_doc);
                let name = name::short(vm, class).to_string();
                vm.ctx.new_str(doc::without_signature(&name, &text)).into()
            };
            class.set_attr(doc_name, value);
        }
        // A type may have a `__module__` for its instances, as functions do.
        let module_name = vm.ctx.intern_str("__module__");
        if class.get_direct_attr(module_name).is_none()
            && let Some(module) = name::module(t)
        {
            class.set_attr(module_name, vm.ctx.new_str(module).into());
        }
        Ok(())
    }
}

/// Fills the NULL slots of `t` from its MRO.
unsafe fn inherit_slots(vm: &VirtualMachine, t: *mut PyTypeObject, class: &Py<PyType>) {
    // SAFETY: by the caller's contract.
    unsafe {
        let mro: Vec<_> = class.mro.read()[1..].to_vec();
        for ancestor in &mro {
            let a = super::c_type_of(vm, ancestor);
            slots_vm::inherit(t, a);
        }
        let base = (*t).tp_base;
        macro_rules! inherit {
            ($($slot:ident),*) => {$(
                if (*t).$slot.is_none() {
                    (*t).$slot = (*base).$slot;
                }
            )*};
        }
        inherit!(tp_alloc, tp_init, tp_is_gc, tp_finalize, tp_del);
        if (*t).tp_dealloc.is_none() {
            (*t).tp_dealloc = Some(if PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE) {
                heap::subtype_dealloc
            } else {
                (*base).tp_dealloc.unwrap_or(heap::object_dealloc)
            });
        }
        if (*t).tp_free.is_none() {
            (*t).tp_free = if PyType_HasFeature(t, Py_TPFLAGS_HAVE_GC) {
                Some(crate::api::objimpl::PyObject_GC_Del)
            } else {
                (*base).tp_free
            };
        }
        if (*t).tp_flags & Py_TPFLAGS_DISALLOW_INSTANTIATION == 0 {
            if (*t).tp_new.is_none() {
                (*t).tp_new = (*base).tp_new;
            }
        } else {
            (*t).tp_new = None;
        }
    }
}
