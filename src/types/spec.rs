//! Types from specs: `PyType_FromSpec` and its relatives.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::{ready, statics, vm_type_of};
use crate::api;
use crate::layout::*;
use crate::proxy::mirror::tupleobject;
use crate::proxy::{arena, c_of};
use crate::refcount;

/// Rounds up to the strictest alignment, as `_Py_ALIGN_UP` does for type data.
pub const fn align(size: Py_ssize_t) -> Py_ssize_t {
    (size + 15) & !15
}

/// Where a slot id leads in a `PyHeapTypeObject`.
const fn offset_of_slot(id: c_int) -> Option<usize> {
    macro_rules! table {
        ($($id:ident => $($field:ident).+;)*) => {
            match id {
                $($id => Some(std::mem::offset_of!(PyHeapTypeObject, $($field).+)),)*
                _ => None,
            }
        };
    }
    table! {
        Py_bf_getbuffer => as_buffer.bf_getbuffer;
        Py_bf_releasebuffer => as_buffer.bf_releasebuffer;
        Py_mp_ass_subscript => as_mapping.mp_ass_subscript;
        Py_mp_length => as_mapping.mp_length;
        Py_mp_subscript => as_mapping.mp_subscript;
        Py_nb_absolute => as_number.nb_absolute;
        Py_nb_add => as_number.nb_add;
        Py_nb_and => as_number.nb_and;
        Py_nb_bool => as_number.nb_bool;
        Py_nb_divmod => as_number.nb_divmod;
        Py_nb_float => as_number.nb_float;
        Py_nb_floor_divide => as_number.nb_floor_divide;
        Py_nb_index => as_number.nb_index;
        Py_nb_inplace_add => as_number.nb_inplace_add;
        Py_nb_inplace_and => as_number.nb_inplace_and;
        Py_nb_inplace_floor_divide => as_number.nb_inplace_floor_divide;
        Py_nb_inplace_lshift => as_number.nb_inplace_lshift;
        Py_nb_inplace_multiply => as_number.nb_inplace_multiply;
        Py_nb_inplace_or => as_number.nb_inplace_or;
        Py_nb_inplace_power => as_number.nb_inplace_power;
        Py_nb_inplace_remainder => as_number.nb_inplace_remainder;
        Py_nb_inplace_rshift => as_number.nb_inplace_rshift;
        Py_nb_inplace_subtract => as_number.nb_inplace_subtract;
        Py_nb_inplace_true_divide => as_number.nb_inplace_true_divide;
        Py_nb_inplace_xor => as_number.nb_inplace_xor;
        Py_nb_int => as_number.nb_int;
        Py_nb_invert => as_number.nb_invert;
        Py_nb_lshift => as_number.nb_lshift;
        Py_nb_multiply => as_number.nb_multiply;
        Py_nb_negative => as_number.nb_negative;
        Py_nb_or => as_number.nb_or;
        Py_nb_positive => as_number.nb_positive;
        Py_nb_power => as_number.nb_power;
        Py_nb_remainder => as_number.nb_remainder;
        Py_nb_rshift => as_number.nb_rshift;
        Py_nb_subtract => as_number.nb_subtract;
        Py_nb_true_divide => as_number.nb_true_divide;
        Py_nb_xor => as_number.nb_xor;
        Py_nb_matrix_multiply => as_number.nb_matrix_multiply;
        Py_nb_inplace_matrix_multiply => as_number.nb_inplace_matrix_multiply;
        Py_sq_ass_item => as_sequence.sq_ass_item;
        Py_sq_concat => as_sequence.sq_concat;
        Py_sq_contains => as_sequence.sq_contains;
        Py_sq_inplace_concat => as_sequence.sq_inplace_concat;
        Py_sq_inplace_repeat => as_sequence.sq_inplace_repeat;
        Py_sq_item => as_sequence.sq_item;
        Py_sq_length => as_sequence.sq_length;
        Py_sq_repeat => as_sequence.sq_repeat;
        Py_am_await => as_async.am_await;
        Py_am_aiter => as_async.am_aiter;
        Py_am_anext => as_async.am_anext;
        Py_am_send => as_async.am_send;
        Py_tp_alloc => ht_type.tp_alloc;
        Py_tp_base => ht_type.tp_base;
        Py_tp_bases => ht_type.tp_bases;
        Py_tp_call => ht_type.tp_call;
        Py_tp_clear => ht_type.tp_clear;
        Py_tp_dealloc => ht_type.tp_dealloc;
        Py_tp_del => ht_type.tp_del;
        Py_tp_descr_get => ht_type.tp_descr_get;
        Py_tp_descr_set => ht_type.tp_descr_set;
        Py_tp_doc => ht_type.tp_doc;
        Py_tp_getattr => ht_type.tp_getattr;
        Py_tp_getattro => ht_type.tp_getattro;
        Py_tp_hash => ht_type.tp_hash;
        Py_tp_init => ht_type.tp_init;
        Py_tp_is_gc => ht_type.tp_is_gc;
        Py_tp_iter => ht_type.tp_iter;
        Py_tp_iternext => ht_type.tp_iternext;
        Py_tp_methods => ht_type.tp_methods;
        Py_tp_new => ht_type.tp_new;
        Py_tp_repr => ht_type.tp_repr;
        Py_tp_richcompare => ht_type.tp_richcompare;
        Py_tp_setattr => ht_type.tp_setattr;
        Py_tp_setattro => ht_type.tp_setattro;
        Py_tp_str => ht_type.tp_str;
        Py_tp_traverse => ht_type.tp_traverse;
        Py_tp_members => ht_type.tp_members;
        Py_tp_getset => ht_type.tp_getset;
        Py_tp_free => ht_type.tp_free;
        Py_tp_finalize => ht_type.tp_finalize;
        Py_tp_vectorcall => ht_type.tp_vectorcall;
        Py_tp_token => ht_token;
    }
}

/// The pointer in a slot of any type.
///
/// # Safety
/// `t` is a live type; the lock is held.
pub unsafe fn get_slot(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    id: c_int,
) -> PyResult<*mut c_void> {
    let Some(offset) = offset_of_slot(id) else {
        return Err(api::bad_internal_call(vm));
    };
    // SAFETY: by this function's contract; suites are reached through their
    // pointers, since static types keep them elsewhere.
    unsafe {
        use std::mem::offset_of;
        let within = |start: usize, size: usize, suite: *mut c_void| {
            (start..start + size).contains(&offset).then(|| {
                if suite.is_null() {
                    ptr::null_mut()
                } else {
                    *suite.cast::<u8>().add(offset - start).cast::<*mut c_void>()
                }
            })
        };
        let heap = PyType_HasFeature(t, Py_TPFLAGS_HEAPTYPE);
        if offset == offset_of!(PyHeapTypeObject, ht_token) {
            return Ok(if heap {
                (*t.cast::<PyHeapTypeObject>()).ht_token
            } else {
                ptr::null_mut()
            });
        }
        let suites = [
            within(
                offset_of!(PyHeapTypeObject, as_async),
                size_of::<PyAsyncMethods>(),
                (*t).tp_as_async.cast(),
            ),
            within(
                offset_of!(PyHeapTypeObject, as_number),
                size_of::<PyNumberMethods>(),
                (*t).tp_as_number.cast(),
            ),
            within(
                offset_of!(PyHeapTypeObject, as_mapping),
                size_of::<PyMappingMethods>(),
                (*t).tp_as_mapping.cast(),
            ),
            within(
                offset_of!(PyHeapTypeObject, as_sequence),
                size_of::<PySequenceMethods>(),
                (*t).tp_as_sequence.cast(),
            ),
            within(
                offset_of!(PyHeapTypeObject, as_buffer),
                size_of::<PyBufferProcs>(),
                (*t).tp_as_buffer.cast(),
            ),
        ];
        Ok(suites
            .into_iter()
            .flatten()
            .next()
            .unwrap_or_else(|| *t.cast::<u8>().add(offset).cast::<*mut c_void>()))
    }
}

/// A type from a spec: a new reference.
///
/// # Safety
/// The arguments are as `PyType_FromMetaclass` takes them; the lock is held.
pub unsafe fn from_spec(
    vm: &VirtualMachine,
    metaclass: *mut PyTypeObject,
    module: *mut PyObject,
    spec: *mut PyType_Spec,
    bases: *mut PyObject,
) -> PyResult<*mut PyObject> {
    // SAFETY: by this function's contract.
    unsafe {
        let slots = slots_of(vm, spec)?;
        let bases = find_bases(vm, &slots, bases)?;
        let base = best_base(vm, bases)?;
        check_mutability(vm, &*spec, bases)?;
        let metaclass = if metaclass.is_null() {
            let t = best_metaclass(vm, bases)?;
            if t.is_null() { statics::type_type() } else { t }
        } else {
            metaclass
        };
        check_metaclass(vm, metaclass)?;
        let members = slots
            .iter()
            .find(|s| s.slot == Py_tp_members)
            .map_or(ptr::null_mut(), |s| s.pfunc.cast::<PyMemberDef>());
        let count = count_members(members);
        let relative = |i| (*members.add(i)).flags & Py_RELATIVE_OFFSET != 0;
        if (*spec).basicsize > 0 && (0..count).any(relative) {
            return Err(vm.new_system_error("With Py_RELATIVE_OFFSET, basicsize must be negative."));
        }
        let head = ((*metaclass).tp_basicsize as usize).max(size_of::<PyHeapTypeObject>());
        let size = head + (count + 1) * size_of::<PyMemberDef>();
        let heap = arena::allocate_zeroed(size).cast::<PyHeapTypeObject>();
        if heap.is_null() {
            return Err(vm.no_memory_error());
        }
        let t = heap.cast::<PyTypeObject>();
        refcount::set_count(t.cast(), 1);
        (*t).ob_base.ob_base.ob_type = metaclass;
        if PyType_HasFeature(metaclass, Py_TPFLAGS_HEAPTYPE) {
            refcount::incref(metaclass.cast());
        }
        (*t).ob_base.ob_size = count as Py_ssize_t;
        (*t).tp_as_async = &raw mut (*heap).as_async;
        (*t).tp_as_number = &raw mut (*heap).as_number;
        (*t).tp_as_mapping = &raw mut (*heap).as_mapping;
        (*t).tp_as_sequence = &raw mut (*heap).as_sequence;
        (*t).tp_as_buffer = &raw mut (*heap).as_buffer;
        (*t).tp_flags = u64::from((*spec).flags) | Py_TPFLAGS_HEAPTYPE;
        let name = CStr::from_ptr((*spec).name).to_string_lossy().into_owned();
        (*t).tp_name = arena::immortal_c_string(&name);
        refcount::incref(base.cast());
        (*t).tp_base = base;
        (*t).tp_bases = bases;
        set_sizes(vm, t, base, &*spec)?;
        for slot in &slots {
            set_slot(vm, heap, slot, &*spec)?;
        }
        if !members.is_null() {
            let own = heap.cast::<u8>().add(head).cast::<PyMemberDef>();
            ptr::copy_nonoverlapping(members, own, count);
            take_special_members(vm, t, base, own, &*spec)?;
            (*t).tp_members = own;
        }
        if (*t).tp_dealloc.is_none() {
            (*t).tp_dealloc = Some(super::heap::subtype_dealloc);
        }
        if !module.is_null() {
            refcount::incref(module);
            (*heap).ht_module = module;
        }
        ready::ready(vm, t)?;
        let class = vm_type_of(vm, t);
        super::tether::tie(vm, &class, t)?;
        finish(vm, &class, t, &name, module)?;
        Ok(t.cast())
    }
}

unsafe fn slots_of(vm: &VirtualMachine, spec: *mut PyType_Spec) -> PyResult<Vec<PyType_Slot>> {
    let mut slots: Vec<PyType_Slot> = Vec::new();
    // SAFETY: by the caller's contract the array ends with a zero.
    unsafe {
        let mut slot = (*spec).slots;
        while (*slot).slot != 0 {
            let id = (*slot).slot;
            if offset_of_slot(id).is_none() {
                return Err(vm.new_runtime_error("invalid slot offset"));
            }
            if matches!(id, Py_tp_members | Py_tp_doc) && slots.iter().any(|s| s.slot == id) {
                return Err(vm.new_system_error(format!(
                    "Multiple {} slots are not supported.",
                    if id == Py_tp_doc {
                        "Py_tp_doc"
                    } else {
                        "Py_tp_members"
                    }
                )));
            }
            slots.push(PyType_Slot {
                slot: id,
                pfunc: (*slot).pfunc,
            });
            slot = slot.add(1);
        }
    }
    Ok(slots)
}

/// The tuple of bases: a new reference.
unsafe fn find_bases(
    vm: &VirtualMachine,
    slots: &[PyType_Slot],
    given: *mut PyObject,
) -> PyResult<*mut PyObject> {
    let in_slot = |id| {
        slots
            .iter()
            .rev()
            .find(|s| s.slot == id && !s.pfunc.is_null())
            .map(|s| s.pfunc.cast::<PyObject>())
    };
    // SAFETY: by the caller's contract.
    unsafe {
        let is_tuple =
            |p: *mut PyObject| PyType_HasFeature((*p).ob_type, Py_TPFLAGS_TUPLE_SUBCLASS);
        let found = if given.is_null() {
            in_slot(Py_tp_bases).or_else(|| in_slot(Py_tp_base))
        } else {
            Some(given)
        };
        let found = found.unwrap_or(statics::object_type().cast());
        if is_tuple(found) {
            refcount::incref(found);
            return Ok(found);
        }
        if !PyType_HasFeature((*found).ob_type, Py_TPFLAGS_TYPE_SUBCLASS) {
            return Err(vm.new_system_error("Py_tp_bases is not a tuple"));
        }
        let tuple = tupleobject::new(statics::tuple_type(), 1);
        assert!(!tuple.is_null(), "out of memory");
        refcount::incref(found);
        tupleobject::items(tuple)[0] = found;
        Ok(tuple)
    }
}

/// The base whose layout the type extends.
unsafe fn best_base(vm: &VirtualMachine, bases: *mut PyObject) -> PyResult<*mut PyTypeObject> {
    // SAFETY: by the caller's contract.
    unsafe {
        let mut best: *mut PyTypeObject = ptr::null_mut();
        for &base in tupleobject::items(bases).iter() {
            if !PyType_HasFeature((*base).ob_type, Py_TPFLAGS_TYPE_SUBCLASS) {
                return Err(vm.new_type_error("bases must be types"));
            }
            let base = base.cast::<PyTypeObject>();
            if !PyType_HasFeature(base, Py_TPFLAGS_READY) {
                ready::ready(vm, base)?;
            }
            if !PyType_HasFeature(base, Py_TPFLAGS_BASETYPE) {
                return Err(vm.new_type_error(format!(
                    "type '{}' is not an acceptable base type",
                    CStr::from_ptr((*base).tp_name).to_string_lossy()
                )));
            }
            let extends = |best: *mut PyTypeObject| {
                (*base).tp_basicsize > (*best).tp_basicsize
                    && (api::typeobject::PyType_IsSubtype(base, best) != 0
                        || (*best).tp_basicsize == (*statics::object_type()).tp_basicsize)
            };
            if best.is_null() || extends(best) {
                best = base;
            }
        }
        Ok(if best.is_null() {
            statics::object_type()
        } else {
            best
        })
    }
}

/// An immutable type cannot have bases that may change.
unsafe fn check_mutability(
    vm: &VirtualMachine,
    spec: &PyType_Spec,
    bases: *mut PyObject,
) -> PyResult<()> {
    if u64::from(spec.flags) & Py_TPFLAGS_IMMUTABLETYPE == 0 {
        return Ok(());
    }
    // SAFETY: a tuple of live types, by the caller's contract.
    unsafe {
        for &base in tupleobject::items(bases).iter() {
            let flags = (*base.cast::<PyTypeObject>()).tp_flags;
            if flags & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE) == Py_TPFLAGS_HEAPTYPE {
                let name = CStr::from_ptr(spec.name).to_string_lossy();
                let base = CStr::from_ptr((*base.cast::<PyTypeObject>()).tp_name);
                return Err(vm.new_type_error(format!(
                    "Creating immutable type {name} from mutable base {}",
                    base.to_string_lossy()
                )));
            }
        }
    }
    Ok(())
}

/// The most derived metaclass of the bases.
unsafe fn best_metaclass(vm: &VirtualMachine, bases: *mut PyObject) -> PyResult<*mut PyTypeObject> {
    // SAFETY: by the caller's contract.
    unsafe {
        let mut best = statics::type_type();
        for &base in tupleobject::items(bases).iter() {
            let meta = (*base).ob_type;
            if api::typeobject::PyType_IsSubtype(best, meta) != 0 {
                continue;
            }
            if api::typeobject::PyType_IsSubtype(meta, best) == 0 {
                return Err(vm.new_type_error(
                    "metaclass conflict: the metaclass of a derived class must be a (non-strict) \
                     subclass of the metaclasses of all its bases",
                ));
            }
            best = meta;
        }
        Ok(best)
    }
}

/// A type from a spec is made without its metaclass's `tp_new`: that must be `type`'s.
unsafe fn check_metaclass(vm: &VirtualMachine, metaclass: *mut PyTypeObject) -> PyResult<()> {
    // SAFETY: a live type, by the caller's contract.
    let custom = unsafe {
        if super::is_c_type(metaclass) {
            let address = |t: *mut PyTypeObject| (*t).tp_new.map(|f| f as usize);
            address(metaclass).is_some() && address(metaclass) != address(statics::type_type())
        } else {
            let new = vm.ctx.intern_str("__new__");
            let class = vm_type_of(vm, metaclass);
            match (class.get_attr(new), vm.ctx.types.type_type.get_attr(new)) {
                (Some(own), Some(plain)) => !own.is(&plain),
                (own, _) => own.is_some(),
            }
        }
    };
    if custom {
        return Err(vm.new_type_error("Metaclasses with custom tp_new are not supported."));
    }
    Ok(())
}

unsafe fn count_members(members: *mut PyMemberDef) -> usize {
    if members.is_null() {
        return 0;
    }
    // SAFETY: the array ends with a NULL name.
    (0..)
        .take_while(|&i| unsafe { !(*members.add(i)).name.is_null() })
        .count()
}

unsafe fn set_sizes(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    base: *mut PyTypeObject,
    spec: &PyType_Spec,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        let basicsize = spec.basicsize as Py_ssize_t;
        (*t).tp_basicsize = match basicsize {
            0 => (*base).tp_basicsize,
            n if n > 0 => n,
            n => align((*base).tp_basicsize) + align(-n),
        };
        (*t).tp_itemsize = spec.itemsize as Py_ssize_t;
        let flags = (*base).tp_flags | u64::from(spec.flags);
        if basicsize < 0 && (*base).tp_itemsize != 0 && flags & Py_TPFLAGS_ITEMS_AT_END == 0 {
            return Err(vm.new_system_error(
                "Cannot extend variable-size class without Py_TPFLAGS_ITEMS_AT_END.",
            ));
        }
        if basicsize > 0 && basicsize < (*base).tp_basicsize {
            return Err(vm.new_type_error(format!(
                "tp_basicsize for type '{}' ({basicsize}) is too small for base '{}' ({})",
                CStr::from_ptr(spec.name).to_string_lossy(),
                CStr::from_ptr((*base).tp_name).to_string_lossy(),
                (*base).tp_basicsize,
            )));
        }
        Ok(())
    }
}

unsafe fn set_slot(
    vm: &VirtualMachine,
    heap: *mut PyHeapTypeObject,
    slot: &PyType_Slot,
    spec: &PyType_Spec,
) -> PyResult<()> {
    let Some(offset) = offset_of_slot(slot.slot) else {
        return Err(vm.new_runtime_error("invalid slot offset"));
    };
    // SAFETY: by the caller's contract; the offset lies in the struct.
    unsafe {
        match slot.slot {
            // Dealt with elsewhere.
            Py_tp_base | Py_tp_bases | Py_tp_members => {}
            Py_tp_doc => {
                (*heap).ht_type.tp_doc = if slot.pfunc.is_null() {
                    ptr::null()
                } else {
                    let text = CStr::from_ptr(slot.pfunc.cast::<c_char>()).to_string_lossy();
                    arena::immortal_c_string(&text)
                };
            }
            Py_tp_token => {
                // `Py_TP_USE_SPEC` stands for the spec's own address.
                (*heap).ht_token = if slot.pfunc.is_null() {
                    ptr::from_ref(spec).cast_mut().cast()
                } else {
                    slot.pfunc
                };
            }
            _ => *heap.cast::<u8>().add(offset).cast::<*mut c_void>() = slot.pfunc,
        }
    }
    Ok(())
}

/// `__dictoffset__`, `__weaklistoffset__`, `__vectorcalloffset__` and
/// relative offsets.
unsafe fn take_special_members(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    base: *mut PyTypeObject,
    members: *mut PyMemberDef,
    spec: &PyType_Spec,
) -> PyResult<()> {
    // SAFETY: by the caller's contract the array ends with a NULL name.
    unsafe {
        let data = align((*base).tp_basicsize);
        let mut member = members;
        while !(*member).name.is_null() {
            let flags = (*member).flags;
            if flags & Py_RELATIVE_OFFSET != 0 {
                if !(0..-spec.basicsize as Py_ssize_t).contains(&(*member).offset) {
                    return Err(vm.new_system_error("Member offset out of range (0..-basicsize)"));
                }
                (*member).flags &= !Py_RELATIVE_OFFSET;
                (*member).offset += data;
            }
            let offset = (*member).offset;
            let name = CStr::from_ptr((*member).name);
            match name.to_bytes() {
                b"__dictoffset__" => (*t).tp_dictoffset = offset,
                b"__weaklistoffset__" => (*t).tp_weaklistoffset = offset,
                b"__vectorcalloffset__" => (*t).tp_vectorcall_offset = offset,
                _ => {
                    member = member.add(1);
                    continue;
                }
            }
            let name = name.to_string_lossy();
            if (*member).type_ != Py_T_PYSSIZET {
                return Err(vm.new_system_error(format!("type of {name} must be Py_T_PYSSIZET")));
            }
            if flags & !Py_RELATIVE_OFFSET != Py_READONLY {
                return Err(vm.new_system_error(format!(
                    "flags for {name} must be Py_READONLY or (Py_READONLY | Py_RELATIVE_OFFSET)"
                )));
            }
            member = member.add(1);
        }
        Ok(())
    }
}

/// What heap types have beyond static ones: names in the struct, `__module__`.
unsafe fn finish(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    t: *mut PyTypeObject,
    name: &str,
    module: *mut PyObject,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        let heap = t.cast::<PyHeapTypeObject>();
        let short = vm.ctx.new_str(name.rsplit('.').next().unwrap_or(name));
        (*heap).ht_name = c_of(vm, short.as_object());
        (*heap).ht_qualname = c_of(vm, short.as_object());
        let key = vm.ctx.intern_str("__module__");
        if class.get_direct_attr(key).is_none() {
            if module.is_null() {
                // As CPython: a type without a module in its name says so.
                api::python(|| {
                    rustpython_vm::stdlib::_warnings::warn(
                        vm.ctx.exceptions.deprecation_warning,
                        format!("builtin type {name} has no __module__ attribute"),
                        1,
                        vm,
                    )
                })?;
            } else {
                let module = crate::proxy::vm_of(vm, module);
                let module_name = module.get_attr("__name__", vm)?;
                class.set_attr(key, module_name);
            }
        }
        Ok(())
    }
}
