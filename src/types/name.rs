//! The two names of a type that C defined: error messages use `tp_name`, with
//! the module; `type.__name__` is what follows its last dot.
//!
//! The VM keeps one name per class, and takes a class of C's for one made in
//! Python, whose name may have dots. So that name is `tp_name`, and
//! `type.__name__` is replaced.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine,
};

use super::{hook, is_c_class};
use crate::thread;

/// The VM's own `type.__name__`.
static VM_NAME: OnceLock<PyObjectRef> = OnceLock::new();

/// Replaces `type.__name__`, once.
pub fn init(vm: &VirtualMachine) {
    let class = vm.ctx.types.type_type;
    let name = vm.ctx.intern_str("__name__");
    if let Some(own) = class.attributes.get(name)
        && VM_NAME.set(own).is_ok()
    {
        let getset = vm.ctx.new_getset("__name__", class, get, set);
        class.set_attr(name, getset.into());
        let functions = vm.ctx.types.builtin_function_or_method_type;
        hook::getter(vm, functions, "__qualname__", method_qualname);
    }
}

/// `__qualname__` of a built-in method that is bound to an instance of a
/// class of C's, whose name the VM would take for it.
fn method_qualname(vm: &VirtualMachine, method: &VmObject) -> Option<PyResult> {
    let receiver = method.get_attr("__self__", vm).ok()?;
    let class = receiver.class();
    if !class.name().contains('.') || receiver.downcast_ref::<PyType>().is_some() {
        return None;
    }
    let join = || {
        let class = class.__qualname__(vm).str(vm)?;
        let name = method.get_attr("__name__", vm)?.str(vm)?;
        let qualname = format!("{}.{}", class.as_wtf8(), name.as_wtf8());
        Ok(vm.ctx.new_str(qualname).into())
    };
    Some(join())
}

fn get(class: PyTypeRef, vm: &VirtualMachine) -> PyRef<PyStr> {
    short(vm, &class)
}

fn set(class: PyTypeRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let own = VM_NAME.get().expect("set before this is installed");
    let descr_set = own.class().slots.descr_set.load().expect("a getset's");
    descr_set(own, class.into(), value, vm)
}

/// `type.__name__`.
pub fn short(vm: &VirtualMachine, class: &Py<PyType>) -> PyRef<PyStr> {
    let name = class.__name__(vm);
    if !name.as_bytes().contains(&b'.') || !thread::lock::is_set_up() {
        return name;
    }
    let _held = thread::enter(vm);
    match name.to_str().and_then(|name| name.rsplit_once('.')) {
        Some((_, name)) if is_c_class(class) => vm.ctx.new_str(name),
        _ => name,
    }
}

/// Has error messages use `full`, the `tp_name` of the class's type.
pub fn set_full(vm: &VirtualMachine, class: &Py<PyType>, full: &str) {
    if let Some(extension) = class.heaptype_ext() {
        *extension.name.write() = vm.ctx.new_utf8_str(full);
    }
}
