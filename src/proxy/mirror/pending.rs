//! Refreshing mirrors of things that hold each other.
//!
//! Bringing a container up to date makes its elements cross, and those may be
//! containers that have changed as well, the same one again, or a chain of any
//! depth. So only the outermost refresh of a thread works at once: what turns
//! up meanwhile waits in a queue, and is done before C gets to see any of it.
//! What a mirror gives up is dropped after that, since dropping may run code.

use std::cell::{Cell, RefCell};

use rustpython_vm::{PyObject as VmObject, PyObjectRef, VirtualMachine};

use crate::layout::PyObject;
use crate::refcount;

/// Brings a mirror up to date: `mirror::Mirror::refresh`.
pub type Refresh = unsafe fn(&VirtualMachine, &VmObject, *mut PyObject);

struct Waiting {
    v: PyObjectRef,
    /// Holds a reference.
    p: *mut PyObject,
    refresh: Refresh,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// References to drop when all are done.
    dropped: Vec<*mut PyObject>,
}

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    static QUEUE: RefCell<Queue> = const {
        RefCell::new(Queue { waiting: Vec::new(), dropped: Vec::new() })
    };
}

/// While it lives, this thread's refreshes wait.
struct Turn;

impl Turn {
    fn begin() -> Option<Self> {
        (!ACTIVE.replace(true)).then_some(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        ACTIVE.set(false);
        if std::thread::panicking() {
            // Their references stay: nothing more may run now.
            std::mem::forget(QUEUE.take());
        }
    }
}

/// Runs `f`, which refreshes mirrors, and then what came up meanwhile.
///
/// # Safety
/// The lock is held.
#[inline]
pub unsafe fn together(vm: &VirtualMachine, f: impl FnOnce()) {
    let Some(turn) = Turn::begin() else {
        return f();
    };
    f();
    if QUEUE.with_borrow(|queue| !queue.waiting.is_empty() || !queue.dropped.is_empty()) {
        // SAFETY: by this function's contract.
        unsafe { finish(vm, turn) }
    }
}

#[cold]
unsafe fn finish(vm: &VirtualMachine, turn: Turn) {
    // SAFETY: the queue holds both sides of each pair; the lock is held.
    unsafe {
        while let Some(next) = QUEUE.with_borrow_mut(|queue| queue.waiting.pop()) {
            (next.refresh)(vm, &next.v, next.p);
            QUEUE.with_borrow_mut(|queue| queue.dropped.push(next.p));
        }
        let dropped = QUEUE.with_borrow_mut(|queue| std::mem::take(&mut queue.dropped));
        drop(turn);
        for p in dropped {
            refcount::xdecref(p);
        }
    }
}

/// Brings `p` up to date with `refresh`, now or before C runs.
///
/// # Safety
/// `p` and `v` are a pair, and `refresh` is for its kind; the lock is held.
#[inline]
pub unsafe fn run(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject, refresh: Refresh) {
    // SAFETY: by this function's contract.
    unsafe {
        if ACTIVE.get() {
            refcount::incref(p);
            let v = v.to_owned();
            QUEUE.with_borrow_mut(|queue| queue.waiting.push(Waiting { v, p, refresh }));
        } else {
            together(vm, || refresh(vm, v, p));
        }
    }
}

/// Drops a reference that a mirror held.
///
/// # Safety
/// `p` is NULL or the caller's reference; the lock is held.
pub unsafe fn drop_later(p: *mut PyObject) {
    if ACTIVE.get() {
        QUEUE.with_borrow_mut(|queue| queue.dropped.push(p));
    } else {
        // SAFETY: by this function's contract.
        unsafe { refcount::xdecref(p) };
    }
}
