//! Work on C objects that a thread without the extension lock left for the
//! next holder.
//!
//! A VM thread that drops the last reference to a VM object may not touch the
//! C object linked to it; it pushes the object here, without waiting.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::layout::PyObject;

struct Node {
    run: unsafe fn(*mut c_void),
    data: *mut c_void,
    next: *mut Node,
}

/// A stack that is only ever taken whole, so it needs no protection against
/// reuse of nodes.
static PENDING: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());

/// Leaves the count that a dead VM object had of `p` to the next holder of
/// the extension lock.
pub fn push(p: *mut PyObject) {
    // SAFETY: the next holder has the lock, and the count that is handed to it.
    push_call(
        |p| unsafe { super::dealloc::vm_object_died(p.cast()) },
        p.cast(),
    );
}

/// Leaves a call of `run` to the next holder of the extension lock, which must
/// be safe then.
pub fn push_call(run: unsafe fn(*mut c_void), data: *mut c_void) {
    let node = Box::into_raw(Box::new(Node {
        run,
        data,
        next: ptr::null_mut(),
    }));
    let mut head = PENDING.load(Ordering::Relaxed);
    loop {
        // SAFETY: the node is ours until it is on the stack.
        unsafe { (*node).next = head };
        match PENDING.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(seen) => head = seen,
        }
    }
}

/// Drops what was left. The caller holds the extension lock.
#[inline]
pub fn drain() {
    if !PENDING.load(Ordering::Relaxed).is_null() {
        drain_slowly();
    }
}

#[cold]
fn drain_slowly() {
    let mut node = PENDING.swap(ptr::null_mut(), Ordering::Acquire);
    while !node.is_null() {
        // SAFETY: the whole stack is ours now; each node was a box.
        let taken = unsafe { Box::from_raw(node) };
        node = taken.next;
        // SAFETY: the lock is held; whoever left the call made it safe then.
        unsafe { (taken.run)(taken.data) };
    }
}
