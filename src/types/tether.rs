//! What ties a type that C made to its class, so that both die together.
//!
//! The two own each other: the class has one count of the type, the type a
//! reference of the class. The tuple of the class's bases is one of ours, and
//! reports to the collector what the type holds and the class does not, its
//! module. When the collector clears the class, that tuple goes, and with it the
//! class's count of the type.

use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::{PyTuple, PyType};
use rustpython_vm::object::{Traverse, TraverseFn};
use rustpython_vm::{Py, PyObjectRef, PyPayload as _, PyRef, PyResult, VirtualMachine};

use super::function::Extended;
use crate::layout::{PyObject, PyTypeObject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::refcount::{self, cycles, deferred};
use crate::thread;

/// See the module's docs.
#[derive(Debug)]
struct Tether {
    t: AtomicPtr<PyObject>,
}

// SAFETY: the C object's edges are all there is.
unsafe impl Traverse for Tether {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        cycles::traverse(self.t.load(Ordering::Relaxed), visit);
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        let t = *self.t.get_mut();
        match thread::try_enter() {
            // SAFETY: the lock is held, and the class's count keeps `t` alive.
            Some(_held) => unsafe { untie(t) },
            // SAFETY: as above, for the next holder.
            None => deferred::push_call(|t| unsafe { untie(t.cast()) }, t.cast()),
        }
    }
}

/// The bases of the class of `t` are gone.
unsafe fn untie(t: *mut PyObject) {
    // SAFETY: by the callers' contract; a type's link is its class.
    unsafe {
        let prefix = prefix_of(t);
        (*prefix).flags &= !flag::TETHERED;
        let link = (*prefix).link;
        // One that got other bases lives on, for ever.
        let class = (!link.is_null()).then(|| &*link.cast::<Py<PyType>>());
        if class.is_none_or(|class| class.base.deref().is_none()) {
            refcount::decref(t);
        }
    }
}

/// Ties the type `t`, of which one count is `class`'s from now on, to it.
///
/// # Safety
/// The two are a fresh pair in our memory; the lock is held.
pub unsafe fn tie(vm: &VirtualMachine, class: &Py<PyType>, t: *mut PyTypeObject) -> PyResult<()> {
    let bases: Vec<PyObjectRef> = {
        let bases = class.bases.read();
        let bases = bases.as_slice().iter();
        bases.map(|base| base.clone().into()).collect()
    };
    let tether = Tether {
        t: AtomicPtr::new(t.cast()),
    };
    let tuple = PyRef::new_ref(
        Extended {
            base: PyTuple::new_unchecked(bases.into_boxed_slice()),
            ours: tether,
        },
        PyTuple::class(&vm.ctx).to_owned(),
        None,
    );
    // SAFETY: by this function's contract.
    unsafe {
        refcount::incref(t.cast());
        (*prefix_of(t.cast())).flags |= flag::TETHERED;
    }
    let tuple = PyObjectRef::from(tuple)
        .downcast::<PyTuple>()
        .map_err(|_| vm.new_system_error("a tuple of ours is none"))?;
    let old = std::mem::replace(
        &mut *class.bases.write(),
        tuple.try_into_typed::<PyType>(vm)?,
    );
    drop(old);
    Ok(())
}
