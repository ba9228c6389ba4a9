//! Python classes that derive from C types: what the VM does not know of
//! them when it makes or changes one.

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef};
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::{Py, PyObject as VmObject, PyResult, VirtualMachine};
use std::sync::OnceLock;

use super::{bound, hook, is_c_class, is_c_type, slots_c, slots_vm};
use crate::thread;

type NewFunc = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;
type SetattroFunc = fn(&VmObject, &Py<PyStr>, PySetterValue, &VirtualMachine) -> PyResult<()>;

/// `type`'s own slots, which ours call first.
static TYPE_NEW: OnceLock<NewFunc> = OnceLock::new();
static TYPE_SETATTRO: OnceLock<SetattroFunc> = OnceLock::new();

/// Hooks into `type`, once, before any Python code has run: metaclasses take
/// the slots over as they are when they are made.
pub fn init(vm: &VirtualMachine) {
    let slots = &vm.ctx.types.type_type.slots;
    if let Some(new) = slots.new.load()
        && TYPE_NEW.set(new).is_ok()
    {
        slots.new.store(Some(type_new));
    }
    if let Some(setattro) = slots.setattro.load()
        && TYPE_SETATTRO.set(setattro).is_ok()
    {
        slots.setattro.store(Some(type_setattro));
        hook::rewrap(vm, vm.ctx.types.type_type, &["__setattr__", "__delattr__"]);
    }
}

fn type_new(metatype: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let new = TYPE_NEW.get().expect("set before this is installed");
    let result = new(metatype, args, vm)?;
    if let Some(class) = result.downcast_ref::<PyType>() {
        adjust(vm, class);
    }
    Ok(result)
}

/// Slots that lead to C directly, where the VM would look up a dunder each time.
fn adjust(vm: &VirtualMachine, class: &Py<PyType>) {
    if !thread::lock::is_set_up() {
        return;
    }
    let _held = thread::enter(vm);
    let derives_from_c = class.mro.read()[1..].iter().any(|c| is_c_class(c));
    if derives_from_c {
        slots_c::fix_python_subclass(vm, class);
    }
}

fn type_setattro(
    object: &VmObject,
    name: &Py<PyStr>,
    value: PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let setattro = TYPE_SETATTRO.get().expect("set before this is installed");
    setattro(object, name, value, vm)?;
    if thread::lock::is_set_up()
        && name.as_bytes().starts_with(b"__")
        && let Some(class) = object.downcast_ref::<PyType>()
    {
        changed(vm, class, name);
    }
    Ok(())
}

/// A special attribute of a class changed: its C mirror's slots follow, and
/// those of its subclasses.
fn changed(vm: &VirtualMachine, class: &Py<PyType>, name: &Py<PyStr>) {
    let _held = thread::enter(vm);
    if let Some(t) = bound(class) {
        // SAFETY: what is bound is live, and the lock is held.
        unsafe {
            if is_c_type(t) || class.heaptype_ext.is_some() {
                slots_vm::update(vm, class, t, name);
            }
        }
    }
    let subclasses: Vec<_> = class
        .subclasses
        .read()
        .iter()
        .filter_map(|weak| weak.upgrade())
        .collect();
    for subclass in subclasses {
        if let Some(subclass) = subclass.downcast_ref::<PyType>() {
            changed(vm, subclass, name);
        }
    }
}
