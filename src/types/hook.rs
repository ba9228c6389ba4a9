//! Teaching the VM's own types about objects of ours.
//!
//! A function, method or attribute that C defines is an instance of the VM's
//! own type with a payload that says more. The type's slots are replaced by
//! ones that ask a [`Hook`] first and do what they did before otherwise. The
//! special methods in the type's dict, which wrap the old slots, follow.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrRef, PyType};
use rustpython_vm::class::add_operators;
use rustpython_vm::common::hash::PyHash;
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::function::flatten;

type Call = fn(&VmObject, FuncArgs, &VirtualMachine) -> PyResult;
type VectorCall =
    fn(&VmObject, Vec<PyObjectRef>, usize, Option<&[PyObjectRef]>, &VirtualMachine) -> PyResult;
type Get = fn(&VmObject, Option<&VmObject>, Option<&VmObject>, &VirtualMachine) -> PyResult;
type Repr = fn(&VmObject, &VirtualMachine) -> PyResult<PyStrRef>;
type Hash = fn(&VmObject, &VirtualMachine) -> PyResult<PyHash>;
type Set = fn(&VmObject, PyObjectRef, PySetterValue, &VirtualMachine) -> PyResult<()>;

/// What a type's slots did before.
pub struct Originals {
    call: OnceLock<Call>,
    vectorcall: OnceLock<VectorCall>,
    get: OnceLock<Get>,
    set: OnceLock<Set>,
    repr: OnceLock<Repr>,
    hash: OnceLock<Hash>,
}

impl Originals {
    pub const fn new() -> Self {
        Self {
            call: OnceLock::new(),
            vectorcall: OnceLock::new(),
            get: OnceLock::new(),
            set: OnceLock::new(),
            repr: OnceLock::new(),
            hash: OnceLock::new(),
        }
    }
}

/// Says whether a VM function's object is one of ours, and then does its work.
pub trait Hook: 'static {
    /// What we know of an object of ours.
    type Ours;

    fn originals() -> &'static Originals;

    /// What `v`, an instance of the hooked type, is if it is ours.
    fn ours(v: &VmObject) -> Option<&Self::Ours>;

    /// Calls one of ours. `args` ends with the values of the keywords.
    fn call(
        vm: &VirtualMachine,
        v: &VmObject,
        ours: &Self::Ours,
        args: &[PyObjectRef],
        kwnames: Option<&[PyObjectRef]>,
    ) -> PyResult {
        let _ = (v, ours, args, kwnames);
        Err(vm.new_type_error("object is not callable"))
    }

    /// `__get__` of one of ours.
    fn get(
        vm: &VirtualMachine,
        v: &VmObject,
        ours: &Self::Ours,
        instance: Option<&VmObject>,
        owner: Option<&VmObject>,
    ) -> PyResult {
        let _ = (vm, ours, instance, owner);
        Ok(v.to_owned())
    }

    /// `__set__` and `__delete__` (no value) of one of ours.
    fn set(
        vm: &VirtualMachine,
        ours: &Self::Ours,
        instance: PyObjectRef,
        value: Option<PyObjectRef>,
    ) -> PyResult<()> {
        let _ = (ours, instance, value);
        Err(vm.new_attribute_error("readonly attribute"))
    }

    /// `repr()` of one of ours.
    fn repr(vm: &VirtualMachine, ours: &Self::Ours) -> PyResult<PyStrRef>;

    /// `hash()` of one of ours.
    fn hash(ours: &Self::Ours) -> PyHash {
        (std::ptr::from_ref(ours).addr() >> 4) as PyHash
    }
}

fn slot_call<H: Hook>(v: &VmObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if let Some(ours) = H::ours(v) {
        if args.kwargs.is_empty() {
            return H::call(vm, v, ours, &args.args, Some(&[]));
        }
        let (values, names) = flatten(vm, args);
        return H::call(vm, v, ours, &values, Some(&names));
    }
    match H::originals().call.get() {
        Some(original) => original(v, args, vm),
        None => Err(vm.new_type_error(format!(
            "'{}' object is not callable",
            v.class().slot_name()
        ))),
    }
}

fn slot_vectorcall<H: Hook>(
    v: &VmObject,
    args: Vec<PyObjectRef>,
    nargs: usize,
    kwnames: Option<&[PyObjectRef]>,
    vm: &VirtualMachine,
) -> PyResult {
    if let Some(ours) = H::ours(v) {
        return H::call(vm, v, ours, &args, kwnames);
    }
    match H::originals().vectorcall.get() {
        Some(original) => original(v, args, nargs, kwnames, vm),
        None => slot_call::<H>(v, FuncArgs::from_vectorcall_owned(args, nargs, kwnames), vm),
    }
}

fn slot_get<H: Hook>(
    v: &VmObject,
    instance: Option<&VmObject>,
    owner: Option<&VmObject>,
    vm: &VirtualMachine,
) -> PyResult {
    if let Some(ours) = H::ours(v) {
        return H::get(vm, v, ours, instance, owner);
    }
    match H::originals().get.get() {
        Some(original) => original(v, instance, owner, vm),
        None => Ok(v.to_owned()),
    }
}

fn slot_set<H: Hook>(
    v: &VmObject,
    instance: PyObjectRef,
    value: PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    if let Some(ours) = H::ours(v) {
        let value = match value {
            PySetterValue::Assign(value) => Some(value),
            PySetterValue::Delete => None,
        };
        return H::set(vm, ours, instance, value);
    }
    match H::originals().set.get() {
        Some(original) => original(v, instance, value, vm),
        None => Err(vm.new_attribute_error("readonly attribute")),
    }
}

fn slot_repr<H: Hook>(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
    if let Some(ours) = H::ours(v) {
        return H::repr(vm, ours);
    }
    match H::originals().repr.get() {
        Some(original) => original(v, vm),
        None => v.str(vm),
    }
}

fn slot_hash<H: Hook>(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyHash> {
    if let Some(ours) = H::ours(v) {
        return Ok(H::hash(ours));
    }
    match H::originals().hash.get() {
        Some(original) => original(v, vm),
        None => Ok((v.get_id() >> 4) as PyHash),
    }
}

/// Hooks into calls of instances of `class`.
pub fn call<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    let originals = H::originals();
    if let Some(original) = slots.call.load() {
        let _ = originals.call.set(original);
    }
    if let Some(original) = slots.vectorcall.load() {
        let _ = originals.vectorcall.set(original);
    }
    slots.call.store(Some(slot_call::<H>));
    slots.vectorcall.store(Some(slot_vectorcall::<H>));
    rewrap(vm, class, &["__call__"]);
}

/// Hooks into attribute access through descriptors of type `class`.
pub fn get<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.descr_get.load() {
        let _ = H::originals().get.set(original);
    }
    slots.descr_get.store(Some(slot_get::<H>));
    rewrap(vm, class, &["__get__"]);
}

/// Hooks into attribute assignment through descriptors of type `class`.
pub fn set<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.descr_set.load() {
        let _ = H::originals().set.set(original);
    }
    slots.descr_set.store(Some(slot_set::<H>));
    rewrap(vm, class, &["__set__", "__delete__"]);
}

/// Hooks into `repr()` of instances of `class`.
pub fn repr<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.repr.load() {
        let _ = H::originals().repr.set(original);
    }
    slots.repr.store(Some(slot_repr::<H>));
    rewrap(vm, class, &["__repr__"]);
}

/// Hooks into `hash()` of instances of `class`.
pub fn hash<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.hash.load() {
        let _ = H::originals().hash.set(original);
    }
    slots.hash.store(Some(slot_hash::<H>));
    rewrap(vm, class, &["__hash__"]);
}

/// Makes the special methods `names` of `class` wrap the slots as they are now.
pub fn rewrap(vm: &VirtualMachine, class: &'static Py<PyType>, names: &[&str]) {
    for name in names {
        class.attributes.remove(vm.ctx.intern_str(*name));
    }
    add_operators(class, &vm.ctx, &[]);
}

/// Puts a read-only attribute before the one that `class` has: `f` says its
/// value for objects of ours, and `None` for others.
pub fn getter(
    vm: &VirtualMachine,
    class: &'static Py<PyType>,
    name: &'static str,
    f: fn(&VirtualMachine, &VmObject) -> Option<PyResult>,
) {
    let original = class.get_direct_attr(vm.ctx.intern_str(name));
    let get = move |v: PyObjectRef, vm: &VirtualMachine| -> PyResult {
        if let Some(result) = f(vm, &v) {
            return result;
        }
        match &original {
            None => Err(vm.new_no_attribute_error(v, vm.ctx.new_str(name))),
            Some(original) => match original.class().slots().descr_get.load() {
                Some(get) => get(original, Some(&v), Some(v.class().as_object()), vm),
                None => Ok(original.clone()),
            },
        }
    };
    class.set_str_attr(name, vm.ctx.new_readonly_getset(name, class, get), &vm.ctx);
}

/// A string, or `None`.
pub fn string(vm: &VirtualMachine, text: Option<String>) -> PyResult {
    Ok(match text {
        Some(text) => vm.ctx.new_str(text).into(),
        None => vm.ctx.none(),
    })
}
