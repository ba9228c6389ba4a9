//! `_pyabi`: what the bridge can tell of itself, for tests and for people
//! who look for leaks.

pub(super) use _pyabi::module_def;

#[rustpython_vm::pymodule]
mod _pyabi {
    use rustpython_vm::{PyObjectRef, VirtualMachine};

    use crate::{proxy, thread};

    /// Number of objects that exist on both sides.
    #[pyfunction]
    fn live_pairs(vm: &VirtualMachine) -> usize {
        let _held = thread::enter(vm);
        proxy::live_pairs()
    }

    /// Number of blocks of C object memory in use.
    #[pyfunction]
    fn live_blocks(vm: &VirtualMachine) -> usize {
        let _held = thread::enter(vm);
        proxy::arena::live_blocks()
    }

    /// C's references to an object, its VM object's own included; `None` for
    /// one that C does not know.
    #[pyfunction]
    fn refcount(object: PyObjectRef, vm: &VirtualMachine) -> Option<u32> {
        let _held = thread::enter(vm);
        let p = proxy::instance::of(&object).or_else(|| proxy::linked(&object))?;
        // SAFETY: a live VM object's C object is live, and the lock is held.
        Some(unsafe { crate::refcount::count(p) })
    }

    /// Frees the mirrors that are kept for the next time, and what is
    /// borrowed from owners that dropped it.
    #[pyfunction]
    fn flush(vm: &VirtualMachine) {
        let _held = thread::enter(vm);
        // SAFETY: the lock is held and no C code runs below us on this thread
        // but what called Python, which holds references of its own.
        unsafe { crate::refcount::anchors::sweep_all() };
        proxy::linger::flush();
    }
}
