//! Instances of C types that derive from the VM's built-ins: they have the
//! built-in's payload, so that the VM's own methods work on them, and their C
//! struct, which starts with the built-in's fields.

use std::ffi::c_int;
use std::ptr;

use rustpython_vm::builtins::{PyBytes, PyDict, PyFloat, PyInt, PyStr, PyTuple, PyType, PyTypeRef};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::{builtin_base, vm_type_of};
use crate::api;
use crate::layout::*;
use crate::proxy::mirror::{self, Kind, longobject, tupleobject, unicodeobject};
use crate::proxy::{self, instance, vm_of};
use crate::types::statics;
use crate::{refcount, thread};

/// The arguments of a C call with a tuple and a dict as the VM has them.
///
/// # Safety
/// `args` is NULL or a tuple, `kwargs` NULL or a dict; the lock is held.
pub unsafe fn func_args(
    vm: &VirtualMachine,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> PyResult<FuncArgs> {
    // SAFETY: by this function's contract.
    unsafe {
        let positional = if args.is_null() {
            Vec::new()
        } else {
            tupleobject::elements(vm, args)
        };
        let mut keywords = KwArgs::default();
        if !kwargs.is_null() {
            let dict = vm_of(vm, kwargs);
            let dict = dict
                .downcast_ref::<PyDict>()
                .ok_or_else(|| api::bad_internal_call(vm))?;
            for (key, value) in dict {
                let key = key
                    .downcast_ref::<PyStr>()
                    .ok_or_else(|| vm.new_type_error("keywords must be strings"))?;
                keywords.insert(key.as_wtf8().to_owned(), value);
            }
        }
        Ok(FuncArgs::new(positional, keywords))
    }
}

/// `tp_new` of all the VM's own types.
pub unsafe extern "C" fn builtin_new(
    subtype: *mut PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract for `tp_new`.
    api::border(|vm| unsafe { new(vm, subtype, args, kwargs) })
}

unsafe fn new(
    vm: &VirtualMachine,
    subtype: *mut PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> PyResult<*mut PyObject> {
    // SAFETY: by the caller's contract.
    unsafe {
        let class = vm_type_of(vm, subtype);
        let base = builtin_base(&class);
        let args = func_args(vm, args, kwargs)?;
        if mirror::kind_of_type(subtype) != Kind::Instance {
            let slot_new = base
                .slots
                .new
                .load()
                .ok_or_else(|| cannot_create(vm, &class))?;
            let v = api::python(|| slot_new(class, args, vm))?;
            return Ok(proxy::c_of_owned(vm, v));
        }
        if base.is(vm.ctx.types.object_type) {
            check_object_arguments(vm, subtype, &class, &args)?;
            return allocate(vm, subtype, 0);
        }
        let slot_new = base
            .slots
            .new
            .load()
            .ok_or_else(|| cannot_create(vm, &class))?;
        super::ready::settle(&class, subtype);
        let v = api::python(|| slot_new(class, args, vm))?;
        attach(vm, subtype, &v)
    }
}

fn cannot_create(
    vm: &VirtualMachine,
    class: &Py<PyType>,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_type_error(format!("cannot create '{}' instances", class.name()))
}

/// `object.__new__` refuses arguments that nothing will look at.
unsafe fn check_object_arguments(
    vm: &VirtualMachine,
    subtype: *mut PyTypeObject,
    class: &Py<PyType>,
    args: &FuncArgs,
) -> PyResult<()> {
    if args.is_empty() {
        return Ok(());
    }
    // SAFETY: a live type.
    let (own_new, own_init) = unsafe {
        (
            (*subtype)
                .tp_new
                .is_none_or(|f| !ptr::fn_addr_eq(f, builtin_new as newfunc)),
            (*subtype)
                .tp_init
                .is_some_and(|f| !ptr::fn_addr_eq(f, builtin_init as initproc)),
        )
    };
    if own_new && !own_init {
        return Ok(());
    }
    if own_new {
        return Err(vm.new_type_error(
            "object.__new__() takes exactly one argument (the type to instantiate)",
        ));
    }
    if !own_init {
        return Err(vm.new_type_error(format!("{}() takes no arguments", class.name())));
    }
    Ok(())
}

unsafe fn allocate(
    vm: &VirtualMachine,
    subtype: *mut PyTypeObject,
    items: usize,
) -> PyResult<*mut PyObject> {
    // SAFETY: by the callers' contract.
    unsafe {
        let alloc = (*subtype)
            .tp_alloc
            .unwrap_or(crate::api::typeobject::PyType_GenericAlloc);
        let p = alloc(subtype, items as Py_ssize_t);
        if p.is_null() {
            return Err(thread::error::failure(vm, &|| "tp_alloc".to_owned()));
        }
        Ok(p)
    }
}

/// Makes the C object for the VM object `v` of a class that derives from a C
/// type and a built-in. A new reference.
unsafe fn attach(
    vm: &VirtualMachine,
    subtype: *mut PyTypeObject,
    v: &PyObjectRef,
) -> PyResult<*mut PyObject> {
    // SAFETY: by the callers' contract.
    unsafe {
        if let Some(known) = proxy::linked(v) {
            return Ok(instance::new_reference(v, known));
        }
        let base = mirror::base_kind_of_type(subtype);
        let p = allocate(vm, subtype, var_size(base, v))?;
        instance::tether(vm, p, v);
        fill(vm, base, v, p);
        Ok(p)
    }
}

/// Elements that the C struct has room for behind it.
fn var_size(base: Kind, v: &VmObject) -> usize {
    match base {
        Kind::Int => v
            .downcast_ref::<PyInt>()
            .map_or(1, |i| longobject::digits_of(i.as_bigint()).len().max(1)),
        Kind::Tuple => v
            .downcast_ref::<PyTuple>()
            .map_or(0, |t| t.as_slice().len()),
        Kind::Bytes => v
            .downcast_ref::<PyBytes>()
            .map_or(0, |b| b.as_bytes().len()),
        _ => 0,
    }
}

/// Fills the built-in's part of the C struct from the VM object.
unsafe fn fill(vm: &VirtualMachine, base: Kind, v: &PyObjectRef, p: *mut PyObject) {
    // SAFETY: by the callers' contract: `p` has the base's struct inside.
    unsafe {
        match base {
            Kind::Float => {
                if let Some(f) = v.downcast_ref::<PyFloat>() {
                    (*p.cast::<PyFloatObject>()).ob_fval = f.to_f64();
                }
            }
            Kind::Int => {
                if let Some(i) = v.downcast_ref::<PyInt>() {
                    longobject::write_value(p, i.as_bigint());
                }
            }
            Kind::Str => {
                if let Some(s) = v.downcast_ref::<PyStr>() {
                    unicodeobject::fill_subclass(p, s);
                }
            }
            Kind::Bytes => {
                if let Some(b) = v.downcast_ref::<PyBytes>() {
                    (*p.cast::<PyBytesObject>()).ob_shash = -1;
                    mirror::bytesobject::contents(p).copy_from_slice(b.as_bytes());
                }
            }
            Kind::Tuple => {
                if let Some(t) = v.downcast_ref::<PyTuple>() {
                    (*p.cast::<PyTupleObject>()).ob_hash = -1;
                    for (slot, item) in tupleobject::items(p).iter_mut().zip(t.as_slice()) {
                        *slot = proxy::c_of(vm, item);
                    }
                }
            }
            Kind::DateTime => mirror::datetime::fill(vm, v, p),
            _ => {}
        }
        let of_base = mirror::base_of_type((*p).ob_type);
        if let Some(refresh) = of_base.refresh {
            mirror::pending::run(vm, v, p, refresh);
            mirror::watch::add(p);
        }
    }
}

/// The C object for a VM object of such a class that was made without C's
/// `tp_new`: by `copy`, by unpickling, by the VM's own constructors.
///
/// # Safety
/// `ty` is the mirror of `v`'s class; the lock is held.
pub unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    match unsafe { attach(vm, ty, &v.to_owned()) } {
        Ok(p) => p,
        Err(_) => panic!("cannot make the C part of a '{}' object", v.class().name()),
    }
}

/// The VM object for a C-instance that has none yet.
///
/// # Safety
/// `p` is live, of a type that C defined or a Python subclass; the lock is held.
pub unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        let base = mirror::base_kind_of_type((*p).ob_type);
        if base == Kind::Header {
            return instance::realize(vm, p);
        }
        // C allocated it without the built-in's `tp_new`: the VM's part is
        // made from what C put into the struct.
        let class = vm_type_of(vm, (*p).ob_type);
        super::ready::settle(&class, (*p).ob_type);
        let builtin = builtin_base(&class);
        let args = match base {
            Kind::Float => FuncArgs::from(vec![mirror::floatobject::value(vm, p)]),
            Kind::Int => FuncArgs::from(vec![vm.ctx.new_bigint(&longobject::to_bigint(p)).into()]),
            Kind::Complex => FuncArgs::from(vec![mirror::complexobject::value(vm, p)]),
            Kind::Bytes => FuncArgs::from(vec![mirror::bytesobject::value(vm, p)]),
            Kind::Tuple => FuncArgs::from(vec![tupleobject::value(vm, p)]),
            Kind::Str if !(*p.cast::<PyUnicodeObject>()).data.any.is_null() => {
                FuncArgs::from(vec![vm.ctx.new_str(unicodeobject::to_pystr(p)).into()])
            }
            Kind::DateTime => mirror::datetime::arguments(vm, &class, p),
            _ => FuncArgs::default(),
        };
        let v = make_builtin(vm, &builtin, class, args).unwrap_or_else(|_| {
            panic!("cannot make the VM's part of a '{}' object", builtin.name())
        });
        refcount::incref(p);
        instance::tether(vm, p, &v);
        refcount::decref_no_dealloc(p);
        v
    }
}

fn make_builtin(
    vm: &VirtualMachine,
    builtin: &Py<PyType>,
    class: PyTypeRef,
    args: FuncArgs,
) -> PyResult {
    let slot_new = builtin
        .slots
        .new
        .load()
        .ok_or_else(|| cannot_create(vm, &class))?;
    slot_new(class, args, vm)
}

/// `tp_init` of all the VM's own types.
pub unsafe extern "C" fn builtin_init(
    p: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> c_int {
    // SAFETY: C's contract for `tp_init`.
    if unsafe { is_object_init(p, args, kwargs) } {
        return 0;
    }
    api::border(|vm| {
        // SAFETY: C's contract for `tp_init`.
        let (v, args) = unsafe { (api::object(vm, p)?, func_args(vm, args, kwargs)?) };
        let base = builtin_base(v.class());
        if base.is(vm.ctx.types.object_type) {
            // SAFETY: `p` is live.
            return unsafe { object_init(vm, p, &v, &args) };
        }
        match base.slots.init.load() {
            Some(init) => {
                api::python(|| init(&v, args, vm))?;
                // SAFETY: the pair is live.
                unsafe {
                    if let Some(refresh) = mirror::base_of_type((*p).ob_type).refresh {
                        mirror::pending::run(vm, &v, p, refresh);
                    }
                }
                Ok(())
            }
            None => Ok(()),
        }
    })
}

/// Whether this is `object.__init__` without arguments, or with some that a
/// `tp_new` of the type's own has looked at: it does nothing then.
unsafe fn is_object_init(p: *mut PyObject, args: *mut PyObject, kwargs: *mut PyObject) -> bool {
    // SAFETY: C's contract for `tp_init`; types outlive their instances.
    unsafe {
        let t = (*p).ob_type;
        let mut base = t;
        while !base.is_null() && !PyType_HasFeature(base, _Py_TPFLAGS_STATIC_BUILTIN) {
            base = (*base).tp_base;
        }
        if base != statics::object_type() {
            return false;
        }
        let none = (args.is_null() || tupleobject::items(args).is_empty())
            && (kwargs.is_null() || api::dictobject::PyDict_Size(kwargs) == 0);
        let (own_new, own_init) = owns(t);
        none || own_new && !own_init
    }
}

/// Whether the type has a `tp_new` and a `tp_init` of its own.
unsafe fn owns(t: *mut PyTypeObject) -> (bool, bool) {
    // SAFETY: the callers have a live type.
    unsafe {
        (
            (*t).tp_new
                .is_none_or(|f| !ptr::fn_addr_eq(f, builtin_new as newfunc)),
            (*t).tp_init
                .is_some_and(|f| !ptr::fn_addr_eq(f, builtin_init as initproc)),
        )
    }
}

/// `object.__init__` refuses arguments that nothing looked at.
unsafe fn object_init(
    vm: &VirtualMachine,
    p: *mut PyObject,
    v: &VmObject,
    args: &FuncArgs,
) -> PyResult<()> {
    if args.is_empty() {
        return Ok(());
    }
    // SAFETY: `p` is live.
    let (own_new, own_init) = unsafe { owns((*p).ob_type) };
    if own_init {
        return Err(vm.new_type_error(
            "object.__init__() takes exactly one argument (the instance to initialize)",
        ));
    }
    if !own_new {
        return Err(vm.new_type_error(format!(
            "{}.__init__() takes exactly one argument (the instance to initialize)",
            v.class().name()
        )));
    }
    Ok(())
}
