//! Everything that leans on RustPython's internals; an upgrade touches this
//! folder.

mod accounting;
mod collector;
mod debug_module;
mod exceptions;
mod foreign;
pub mod importlib;
pub mod mro;
mod stdlib_data;
mod sysconfig;
pub mod tool;
pub mod version;

use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::PyByteArray;
use rustpython_vm::object::payload_offset;
use rustpython_vm::{PyObject as VmObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};

/// The object that `payload` is inside of.
pub fn object_of_payload<T: PyPayload>(payload: &T) -> &VmObject {
    let address = std::ptr::from_ref(payload).cast::<u8>();
    // SAFETY: payloads live inside objects, at an offset that the VM tells.
    unsafe { &*address.sub(payload_offset::<T>()).cast::<VmObject>() }
}

/// Bytes before an object that hold its dict: `ObjExt` of RustPython 0.6.0.
/// [`check_layout`] proves it on a live object.
const EXT_SIZE: usize = 16;

/// The first member slot of `v`, whose class has one at least.
fn first_slot(v: &VmObject) -> &AtomicPtr<VmObject> {
    let address = v.as_raw().cast::<u8>();
    // SAFETY: the slots lie right before the dict, the first one last. Each
    // is an atomic pointer that owns a reference or is NULL.
    unsafe {
        &*address
            .sub(EXT_SIZE + size_of::<AtomicPtr<VmObject>>())
            .cast::<AtomicPtr<VmObject>>()
    }
}

/// Puts `value` into the hidden slot of `v`, whose class has one.
///
/// # Safety
/// `v`'s class has a member slot that no descriptor names, and it is empty.
pub unsafe fn set_hidden_slot(v: &VmObject, value: PyObjectRef) {
    let old = first_slot(v).swap(value.into_raw().as_ptr(), Ordering::AcqRel);
    debug_assert!(old.is_null());
}

/// RustPython's `bytearray` gives `bytes` of length one to who asks for an item by the sequence protocol: iterators over
/// anything indexable do, and C.
pub fn mend_bytearray_items(vm: &VirtualMachine) {
    vm.ctx
        .types
        .bytearray_type
        .slots
        .as_sequence
        .item
        .store(Some(|seq, index, vm| {
            let bytes = seq.obj.downcast_ref::<PyByteArray>();
            let bytes = bytes.ok_or_else(|| vm.new_type_error("a bytearray is required"))?;
            let bytes = bytes.borrow_buf();
            let at = if index < 0 {
                index + bytes.len() as isize
            } else {
                index
            };
            let byte = usize::try_from(at).ok().and_then(|at| bytes.get(at));
            let byte = byte.ok_or_else(|| vm.new_index_error("bytearray index out of range"))?;
            Ok(vm.ctx.new_int(*byte).into())
        }));
}

/// Proves on a live object that member slots are where we think.
pub fn check_layout(vm: &VirtualMachine) -> PyResult<()> {
    let scope = vm.new_scope_with_builtins();
    let code = vm
        .compile(
            "class probe:\n    __slots__ = ('slot',)\nvalue = object()\nprobe = probe()\nprobe.slot = value\n",
            rustpython_vm::compiler::Mode::Exec,
            "<pyabi>".to_owned(),
        )
        .map_err(|_| vm.new_system_error("the layout probe does not compile"))?;
    vm.run_code_obj(code, scope.clone())?;
    let probe = scope.globals.get_item("probe", vm)?;
    let value = scope.globals.get_item("value", vm)?;
    if !std::ptr::eq(first_slot(&probe).load(Ordering::Acquire), value.as_raw()) {
        return Err(vm.new_system_error("this RustPython lays objects out in an unknown way"));
    }
    Ok(())
}
