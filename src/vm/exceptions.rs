//! `BaseException.__init__`, which in RustPython 0.6.0 ignores keyword arguments instead of refusing them.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::class::add_operators;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{Py, PyObject as VmObject, PyResult, VirtualMachine};

type InitFunc = fn(&VmObject, FuncArgs, &VirtualMachine) -> PyResult<()>;

/// `BaseException.__init__` of the VM.
static INIT: OnceLock<InitFunc> = OnceLock::new();

/// Has exceptions made from now on refuse keyword arguments, unless their class has an `__init__` of its own.
pub(super) fn install(vm: &VirtualMachine) {
    let base = vm.ctx.exceptions.base_exception_type;
    if let Some(original) = base.slots.init.load()
        && INIT.set(original).is_ok()
    {
        base.attributes.remove(vm.ctx.intern_str("__init__"));
        replace(base, original);
        add_operators(base, &vm.ctx, &[]);
    }
}

/// Replaces the slot in `class` and wherever it was inherited.
fn replace(class: &Py<PyType>, original: InitFunc) {
    class.slots.init.store(Some(init));
    let subclasses: Vec<PyTypeRef> = class
        .subclasses
        .read()
        .iter()
        .filter_map(|subclass| subclass.upgrade()?.downcast().ok())
        .collect();
    for subclass in subclasses {
        let inherited = subclass
            .slots
            .init
            .load()
            .is_some_and(|slot| std::ptr::fn_addr_eq(slot, original));
        if inherited {
            replace(&subclass, original);
        }
    }
}

/// `BaseException_init`
fn init(zelf: &VmObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult<()> {
    if !args.kwargs.is_empty() {
        let name = zelf.class().slot_name();
        return Err(vm.new_type_error(format!("{name}() takes no keyword arguments")));
    }
    let original = INIT.get().expect("this replaced it");
    original(zelf, args, vm)
}
