//! Proxies of things that live long anyway (types, modules, functions,
//! interned strings) cross again and again. A bounded number of them stays
//! at count zero instead of being freed and built anew.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::prefix::{Prefix, flag, prefix_of};
use crate::layout::PyObject;
use crate::refcount;

const MOST: usize = 512;

struct Lingering(RefCell<VecDeque<*mut PyObject>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Lingering {}
static LINGERING: Lingering = Lingering(RefCell::new(VecDeque::new()));

/// Whether the mirror at count zero should be kept for a while.
///
/// # Safety
/// `p` is live; the lock is held.
#[inline]
pub unsafe fn wants(p: *mut PyObject, prefix: &Prefix) -> bool {
    if prefix.has(flag::QUEUED) {
        // The queue's pointer must not dangle.
        return true;
    }
    if !prefix.has(flag::OWNS_VM) || !prefix.has(flag::IN_TABLE) {
        return false;
    }
    // SAFETY: by this function's contract.
    unsafe { super::mirror::lingers(p) }
}

/// Keeps the mirror `p`, at count zero; the one that waited longest goes.
///
/// # Safety
/// `p` is a mirror at count zero; the lock is held.
pub unsafe fn keep(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    let prefix = unsafe { &mut *prefix_of(p) };
    prefix.flags |= flag::LINGERS;
    if prefix.has(flag::QUEUED) {
        return;
    }
    prefix.flags |= flag::QUEUED;
    let evicted = {
        let mut queue = LINGERING.0.borrow_mut();
        queue.push_back(p);
        if queue.len() > MOST { queue.pop_front() } else { None }
    };
    if let Some(old) = evicted {
        // SAFETY: what the queue holds is alive.
        unsafe { leave_queue(old) };
    }
}

/// `p` is in use again.
///
/// # Safety
/// `p` lingers; the lock is held.
#[inline]
pub unsafe fn wake(p: *mut PyObject) {
    // It keeps its place in the queue, which passes over it if it is in use
    // when its turn comes.
    // SAFETY: by this function's contract.
    unsafe { (*prefix_of(p)).flags &= !flag::LINGERS };
}

unsafe fn leave_queue(p: *mut PyObject) {
    // SAFETY: `p` is alive: whatever the queue knows is kept again, not
    // freed, whenever its count reaches zero.
    unsafe {
        let prefix = &mut *prefix_of(p);
        prefix.flags &= !flag::QUEUED;
        let lingers = prefix.has(flag::LINGERS);
        prefix.flags &= !flag::LINGERS;
        // References taken without a crossing do not clear the flag.
        if !lingers || refcount::count(p) != 0 {
            return;
        }
        match (*(*p).ob_type).tp_dealloc {
            Some(dealloc) => dealloc(p),
            None => refcount::dealloc::free_mirror(p),
        }
    }
}

/// Frees all lingering mirrors. The caller holds the lock.
pub fn flush() {
    loop {
        let Some(p) = LINGERING.0.borrow_mut().pop_front() else {
            return;
        };
        // SAFETY: what the queue holds is alive.
        unsafe { leave_queue(p) };
    }
}
