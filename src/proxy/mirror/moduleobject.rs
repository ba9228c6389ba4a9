//! Modules: the state that C keeps for one lies in its mirror. The two live
//! and die together where C made the module.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::PyModule;
use rustpython_vm::object::{Traverse, TraverseFn};
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyRef, VirtualMachine};

use super::{Mirror, allocate};
use crate::layout::{PyModuleDef, PyObject, PyTypeObject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::{c_of, instance};
use crate::refcount::{self, cycles};
use crate::thread::state::call_c;
use crate::types::function::Extended;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: None,
};

/// `PyModuleObject`, whose fields are private to CPython but for their order.
#[repr(C)]
pub struct PyModuleObject {
    pub ob_base: PyObject,
    /// Owned, made when C first asks.
    pub md_dict: *mut PyObject,
    pub md_def: *mut PyModuleDef,
    pub md_state: *mut c_void,
    pub md_weaklist: *mut PyObject,
    pub md_name: *mut PyObject,
}

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyModuleObject>()) }
}

/// What a module that C made has besides the VM's payload: the C object with
/// its state, which dies with it.
#[derive(Debug)]
pub struct Owned {
    p: AtomicPtr<PyObject>,
}

// SAFETY: the C object's edges are all there is.
unsafe impl Traverse for Owned {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        cycles::traverse(self.p.load(Ordering::Relaxed), visit);
    }

    fn clear(&mut self, _out: &mut Vec<PyObjectRef>) {
        cycles::clear_module(*self.p.get_mut());
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        instance::drop_from_vm(*self.p.get_mut());
    }
}

/// An empty module that owns its C object, or is owned by it while C holds
/// references: a new one.
///
/// The caller holds the lock.
pub fn new(vm: &VirtualMachine, name: &str) -> *mut PyObject {
    let dict = vm.ctx.new_dict();
    let module = PyRef::new_ref(
        Extended {
            base: PyModule::new(),
            ours: Owned {
                p: AtomicPtr::new(ptr::null_mut()),
            },
        },
        vm.ctx.types.module_type.to_owned(),
        Some(dict.clone()),
    );
    for key in [
        "__name__",
        "__doc__",
        "__package__",
        "__loader__",
        "__spec__",
    ] {
        let value = match key {
            "__name__" => vm.ctx.new_str(name).into(),
            _ => vm.ctx.none(),
        };
        dict.set_item(key, value, vm)
            .expect("a dict takes interned names");
    }
    let p = c_of(vm, module.as_object());
    module.ours.p.store(p, Ordering::Relaxed);
    // SAFETY: freshly made, in our memory; the lock is held.
    unsafe { (*prefix_of(p)).flags |= flag::INSTANCE };
    p
}

/// Whether the module `p` lives as long as its VM object.
///
/// # Safety
/// `p` is a live module; the lock is held.
pub unsafe fn is_owned(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        !prefix.is_null() && (*prefix).has(flag::INSTANCE)
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a module at the end of its life; its definition lives
    // for ever.
    unsafe {
        let c = p.cast::<PyModuleObject>();
        let def = (*c).md_def;
        if has_state(c)
            && let Some(free) = (*def).m_free
        {
            call_c(|| free(p.cast()));
        }
        libc::free((*c).md_state);
        refcount::xdecref((*c).md_dict);
        refcount::xdecref((*c).md_name);
    }
}

/// Whether the functions of the definition of `c` may look at its state.
///
/// # Safety
/// `c` is a live module.
pub unsafe fn has_state(c: *mut PyModuleObject) -> bool {
    // SAFETY: by this function's contract; definitions live for ever.
    unsafe {
        let def = (*c).md_def;
        !def.is_null() && ((*def).m_size <= 0 || !(*c).md_state.is_null())
    }
}
