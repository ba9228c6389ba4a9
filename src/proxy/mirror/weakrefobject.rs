//! Weak references: `wr_object` is not counted.

use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate, watch};
use crate::layout::{PyObject, PyTypeObject, PyWeakReference};
use crate::proxy::{c_of, instance, linked};
use crate::types::statics;
use crate::{api, refcount};

pub static MIRROR: Mirror = Mirror {
    make,
    realize: super::header::realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let p = allocate(ty, size_of::<PyWeakReference>());
        if !p.is_null() {
            (*p.cast::<PyWeakReference>()).wr_object = statics::none();
            (*p.cast::<PyWeakReference>()).hash = -1;
        }
        p
    }
}

unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let c = p.cast::<PyWeakReference>();
        (*c).wr_object = match v.downcast_ref::<PyWeak>().and_then(|weak| weak.upgrade()) {
            None => statics::none(),
            // The mirror of an object of the VM's lives until the call under
            // way returns; at the next one, this is filled again.
            Some(referent) => match instance::of(&referent) {
                Some(instance) => {
                    crate::proxy::look_below(vm, instance);
                    instance
                }
                None if linked(&referent) == Some((*c).wr_object) => (*c).wr_object,
                None => api::lend(vm, &referent),
            },
        };
        let callback = v
            .get_attr("__callback__", vm)
            .ok()
            .filter(|callback| !vm.is_none(callback));
        let callback = callback.map_or(std::ptr::null_mut(), |callback| c_of(vm, &callback));
        let old = std::mem::replace(&mut (*c).wr_callback, callback);
        refcount::xdecref(old);
    }
}

/// The C object `referent` is about to go: no weak reference names it any more.
/// The caller holds the lock.
pub fn referent_dies(referent: *mut PyObject) {
    watch::each_weak_reference(|p| {
        // SAFETY: what is watched is alive.
        unsafe {
            if (*p.cast::<PyWeakReference>()).wr_object == referent {
                (*p.cast::<PyWeakReference>()).wr_object = statics::none();
            }
        }
    });
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a weak reference at the end of its life.
    unsafe {
        watch::remove(p);
        refcount::xdecref((*p.cast::<PyWeakReference>()).wr_callback);
    }
}
