//! Teaching the VM's own types about objects of ours.
//!
//! A function, method or attribute that C defines is an instance of the VM's
//! own type with a payload that says more. The type's slots are replaced by
//! ones that ask a [`Hook`] first and do what they did before otherwise. The
//! special methods in the type's dict, which wrap the old slots, follow.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrRef, PyType};
use rustpython_vm::function::{FuncArgs, ItemDoc, OptionalArg, PyMethodFlags, PySetterValue};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::function::flatten;

type Call = fn(&VmObject, FuncArgs, &VirtualMachine) -> PyResult;
type VectorCall =
    fn(&VmObject, Vec<PyObjectRef>, usize, Option<&[PyObjectRef]>, &VirtualMachine) -> PyResult;
type Get = fn(&VmObject, Option<&VmObject>, Option<&VmObject>, &VirtualMachine) -> PyResult;
type Repr = fn(&VmObject, &VirtualMachine) -> PyResult<PyStrRef>;
type Set = fn(&VmObject, PyObjectRef, PySetterValue, &VirtualMachine) -> PyResult<()>;

/// What a type's slots did before.
pub struct Originals {
    call: OnceLock<Call>,
    vectorcall: OnceLock<VectorCall>,
    get: OnceLock<Get>,
    set: OnceLock<Set>,
    repr: OnceLock<Repr>,
}

impl Originals {
    pub const fn new() -> Self {
        Self {
            call: OnceLock::new(),
            vectorcall: OnceLock::new(),
            get: OnceLock::new(),
            set: OnceLock::new(),
            repr: OnceLock::new(),
        }
    }
}

/// Says whether a VM function's object is one of ours, and then does its work.
pub trait Hook: 'static {
    fn originals() -> &'static Originals;

    /// Whether `v`, an instance of the hooked type, is ours.
    fn is_ours(v: &VmObject) -> bool;

    /// Calls one of ours. `args` ends with the values of the keywords.
    fn call(
        vm: &VirtualMachine,
        v: &VmObject,
        args: &[PyObjectRef],
        kwnames: Option<&[PyObjectRef]>,
    ) -> PyResult {
        let _ = (v, args, kwnames);
        Err(vm.new_type_error("object is not callable"))
    }

    /// `__get__` of one of ours.
    fn get(
        vm: &VirtualMachine,
        v: &VmObject,
        instance: Option<&VmObject>,
        owner: Option<&VmObject>,
    ) -> PyResult {
        let _ = (vm, instance, owner);
        Ok(v.to_owned())
    }

    /// `__set__` and `__delete__` (no value) of one of ours.
    fn set(
        vm: &VirtualMachine,
        v: &VmObject,
        instance: PyObjectRef,
        value: Option<PyObjectRef>,
    ) -> PyResult<()> {
        let _ = (v, instance, value);
        Err(vm.new_attribute_error("readonly attribute"))
    }

    /// `repr()` of one of ours.
    fn repr(vm: &VirtualMachine, v: &VmObject) -> PyResult<PyStrRef> {
        Ok(vm.ctx.new_str(format!("<{} object at {:#x}>", v.class().name(), v.get_id())))
    }
}

fn slot_call<H: Hook>(v: &VmObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if H::is_ours(v) {
        if args.kwargs.is_empty() {
            return H::call(vm, v, &args.args, Some(&[]));
        }
        let (values, names) = flatten(vm, args);
        return H::call(vm, v, &values, Some(&names));
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
    if H::is_ours(v) {
        return H::call(vm, v, &args, kwnames);
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
    if H::is_ours(v) {
        return H::get(vm, v, instance, owner);
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
    if H::is_ours(v) {
        let value = match value {
            PySetterValue::Assign(value) => Some(value),
            PySetterValue::Delete => None,
        };
        return H::set(vm, v, instance, value);
    }
    match H::originals().set.get() {
        Some(original) => original(v, instance, value, vm),
        None => Err(vm.new_attribute_error("readonly attribute")),
    }
}

fn slot_repr<H: Hook>(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
    match H::originals().repr.get() {
        Some(original) if !H::is_ours(v) => original(v, vm),
        _ => H::repr(vm, v),
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
    let call = |v: PyObjectRef, args: FuncArgs, vm: &VirtualMachine| slot_call::<H>(&v, args, vm);
    method(vm, class, "__call__", vm.ctx.new_method_def(
        "__call__",
        call,
        PyMethodFlags::METHOD,
        ItemDoc::static_text("Call self as a function."),
    ));
}

/// Hooks into attribute access through descriptors of type `class`.
pub fn get<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.descr_get.load() {
        let _ = H::originals().get.set(original);
    }
    slots.descr_get.store(Some(slot_get::<H>));
    let get = |v: PyObjectRef,
               instance: PyObjectRef,
               owner: OptionalArg<PyObjectRef>,
               vm: &VirtualMachine| {
        let given = |v: &PyObjectRef| !vm.is_none(v);
        let owner = owner.into_option().filter(given);
        let instance = Some(instance).filter(given);
        if instance.is_none() && owner.is_none() {
            return Err(vm.new_type_error("__get__(None, None) is invalid"));
        }
        slot_get::<H>(&v, instance.as_deref(), owner.as_deref(), vm)
    };
    method(vm, class, "__get__", vm.ctx.new_method_def(
        "__get__",
        get,
        PyMethodFlags::METHOD,
        ItemDoc::static_text("Return an attribute of instance, which is of type owner."),
    ));
}

/// Hooks into attribute assignment through descriptors of type `class`.
pub fn set<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.descr_set.load() {
        let _ = H::originals().set.set(original);
    }
    slots.descr_set.store(Some(slot_set::<H>));
    let set = |v: PyObjectRef, instance: PyObjectRef, value: PyObjectRef, vm: &VirtualMachine| {
        slot_set::<H>(&v, instance, PySetterValue::Assign(value), vm)
    };
    method(vm, class, "__set__", vm.ctx.new_method_def(
        "__set__",
        set,
        PyMethodFlags::METHOD,
        ItemDoc::static_text("Set an attribute of instance to value."),
    ));
    let delete = |v: PyObjectRef, instance: PyObjectRef, vm: &VirtualMachine| {
        slot_set::<H>(&v, instance, PySetterValue::Delete, vm)
    };
    method(vm, class, "__delete__", vm.ctx.new_method_def(
        "__delete__",
        delete,
        PyMethodFlags::METHOD,
        ItemDoc::static_text("Delete an attribute of instance."),
    ));
}

/// Hooks into `repr()` of instances of `class`.
pub fn repr<H: Hook>(vm: &VirtualMachine, class: &'static Py<PyType>) {
    let slots = class.slots();
    if let Some(original) = slots.repr.load() {
        let _ = H::originals().repr.set(original);
    }
    slots.repr.store(Some(slot_repr::<H>));
    let repr = |v: PyObjectRef, vm: &VirtualMachine| slot_repr::<H>(&v, vm);
    method(vm, class, "__repr__", vm.ctx.new_method_def(
        "__repr__",
        repr,
        PyMethodFlags::METHOD,
        ItemDoc::static_text("Return repr(self)."),
    ));
}

fn method(
    vm: &VirtualMachine,
    class: &'static Py<PyType>,
    name: &str,
    def: rustpython_vm::PyRef<rustpython_vm::function::HeapMethodDef>,
) {
    class.set_str_attr(name, def.build_method(class, vm), &vm.ctx);
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
