//! Reference cycles through C objects.
//!
//! The VM's collector asks a VM object for the edges it has; for a
//! C-instance that means its type's `tp_traverse`. An edge to a child is
//! reported only where this container is provably the child's only owner in
//! C, by count arithmetic; when in doubt it is not: a leak is better than a
//! dangling pointer.
//!
//! A full collection relies on a [census](super::census), which knows more.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::object::TraverseFn;
use rustpython_vm::vm::thread as vm_thread;
use rustpython_vm::{PyResult, VirtualMachine};

use super::census::{self, Report};
use super::edges;
use crate::layout::PyObject;
use crate::proxy::mirror;
use crate::proxy::mirror::moduleobject::{self, PyModuleObject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::refcount;
use crate::thread::state::ThreadState;
use crate::thread::{self, lock, state};

/// The thread that holds the lock from a census on, until the world stops.
static HOLDING: AtomicPtr<ThreadState> = AtomicPtr::new(ptr::null_mut());

/// The collector asks for edges: the world is stopped, so no C code runs, and
/// when it goes on others may have the lock.
pub(super) fn world_stopped() {
    let me = HOLDING.load(Ordering::Relaxed);
    if !me.is_null() && me == state::here() {
        HOLDING.store(ptr::null_mut(), Ordering::Relaxed);
        lock::release();
    }
}

/// Runs `collect`, a full collection by the VM, which says how many objects it
/// found, with a census. `exact` says that it runs no code before it stops the
/// world.
pub fn full_collection(
    vm: &VirtualMachine,
    exact: bool,
    collect: impl FnOnce() -> PyResult<i64>,
) -> PyResult<i64> {
    let held = thread::enter(vm);
    let Some(taken) = census::take(vm, exact) else {
        drop(held);
        return collect();
    };
    let me = lock::owner();
    HOLDING.store(me, Ordering::Relaxed);
    let result = collect();
    if HOLDING.swap(ptr::null_mut(), Ordering::Relaxed).is_null() {
        lock::acquire(me);
    }
    // What was cleared lets go of its elements on this side, too.
    mirror::watch::unpark_cleared(vm);
    mirror::before_c(vm);
    let more = taken.collected as i64 - taken.own() as i64;
    drop(taken);
    Ok(result? + more)
}

/// Runs `collect`, a full collection by the VM, when the interpreter ends: what
/// modules and types hold of each other goes now. Nothing is done if another
/// thread is in C: it may stay there for ever.
pub fn last_collection(vm: &VirtualMachine, collect: impl FnOnce()) {
    let Some(_held) = thread::try_enter() else {
        return;
    };
    // SAFETY: this thread holds the lock, so the state is its own.
    unsafe { (*lock::owner()).vm = vm };
    // The lock stays ours: who waits for it must not take it and then hang.
    if let Some(taken) = census::take(vm, true) {
        collect();
        mirror::watch::unpark_cleared(vm);
        mirror::before_c(vm);
        drop(taken);
    }
}

/// Reports to the VM's collector the VM objects that `p` keeps alive, as far
/// as that is certain.
pub fn traverse(p: *mut PyObject, visit: &mut TraverseFn<'_>) {
    if p.is_null() {
        return;
    }
    if is_world_stopped() {
        return report_edges(p, visit);
    }
    // Other threads run C code: the collector looks once more at garbage, or
    // somebody asks what an object refers to.
    vm_thread::with_current_vm(|vm| {
        let _held = lock::enter_quietly(vm);
        report_edges(p, visit);
    });
}

/// Whether the collector has stopped all other threads.
fn is_world_stopped() -> bool {
    // A thread without an interpreter is alone.
    !vm_thread::current_vm_is_set()
        || vm_thread::with_current_vm(|vm| vm.state.stop_the_world.stats_snapshot().world_stopped)
}

fn report_edges(p: *mut PyObject, visit: &mut TraverseFn<'_>) {
    // SAFETY: the VM object that is being traversed keeps `p` alive, and the
    // world is stopped or the lock is held.
    unsafe {
        // References of C's own make `p` a root; its children are then
        // reachable anyhow, and counting them would be wrong.
        if !crate::proxy::instance::c_owns(p) && refcount::count(p) != 1 {
            return;
        }
        if census::is_active_here() {
            world_stopped();
            report_counted(p, visit);
        } else {
            report(p, visit);
        }
    }
}

/// Reports what the census found.
unsafe fn report_counted(p: *mut PyObject, visit: &mut TraverseFn<'_>) {
    let mut pending = vec![p];
    let mut children = Vec::new();
    while let Some(p) = pending.pop() {
        // SAFETY: `p` is live, and children are kept alive by the container
        // that visits them.
        unsafe {
            edges::of(p, &mut children);
            for child in children.drain(..) {
                match census::verdict(child) {
                    Report::Nothing => {}
                    // Another object may be at the place by now.
                    Report::Edge if !(*prefix_of(child)).has(flag::OWNS_VM) => {}
                    Report::Edge => visit(&*(*prefix_of(child)).link),
                    Report::Through => pending.push(child),
                }
            }
        }
    }
}

/// Reports the objects that only `p` keeps alive.
unsafe fn report(p: *mut PyObject, visit: &mut TraverseFn<'_>) {
    let mut pending = vec![p];
    let mut children = Vec::new();
    while let Some(p) = pending.pop() {
        // SAFETY: `p` is live, and children are kept alive by the container
        // that visits them.
        unsafe {
            edges::of(p, &mut children);
            children.sort_unstable();
            for group in children.chunk_by(|a, b| a == b) {
                let child = group[0];
                if refcount::is_immortal(child) || refcount::count(child) as usize != group.len() {
                    continue;
                }
                let prefix = prefix_of(child);
                if prefix.is_null() {
                    continue;
                }
                if (*prefix).has(flag::OWNS_VM) {
                    visit(&*(*prefix).link);
                    if !(*prefix).has(flag::INSTANCE) {
                        // The mirror's own references, beside those that its
                        // VM object reports.
                        pending.push(child);
                    }
                } else if (*prefix).link.is_null() {
                    // Never escaped: only this container knows it, so what it
                    // alone keeps alive is ours to report.
                    pending.push(child);
                }
            }
            children.clear();
        }
    }
}

/// Runs `tp_clear` on a C-instance that the VM's collector found to be
/// garbage.
pub fn clear(p: *mut PyObject) {
    if p.is_null() {
        return;
    }
    if !vm_thread::current_vm_is_set() {
        return;
    }
    // Others may be in C: what the collector clears it does not find again.
    let _held = vm_thread::with_current_vm(lock::enter_quietly);
    // SAFETY: the VM object that is being cleared keeps `p` alive.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || !(*prefix).has(flag::TRACKED) {
            return;
        }
        if let Some(clear) = (*(*p).ob_type).tp_clear {
            refcount::incref(p);
            if (*prefix).has(flag::LEADS) {
                census::unpark_below(crate::thread::current_vm(), p);
            }
            crate::thread::error::undisturbed(|| {
                clear(p);
            });
            // It may have been the cycle's own reference that was left: then
            // the VM object owns the pair again.
            refcount::decref(p);
        }
    }
}

/// Runs `m_clear` on a module that the VM's collector found to be garbage.
pub fn clear_module(p: *mut PyObject) {
    if p.is_null() || !vm_thread::current_vm_is_set() {
        return;
    }
    let _held = vm_thread::with_current_vm(lock::enter_quietly);
    // SAFETY: the VM object that is being cleared keeps `p` alive.
    unsafe {
        let link = (*prefix_of(p)).link;
        // Also called on the way to an ordinary deallocation, which frees it.
        if link.is_null() || (*link).strong_count() == 0 {
            return;
        }
        let c = p.cast::<PyModuleObject>();
        if moduleobject::has_state(c)
            && let Some(clear) = (*(*c).md_def).m_clear
        {
            refcount::incref(p);
            thread::error::undisturbed(|| {
                clear(p);
            });
            refcount::decref(p);
        }
    }
}
