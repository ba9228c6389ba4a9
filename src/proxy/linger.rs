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

/// A call that never returns keeps at most this many.
const MOST_IN_CALL: usize = 1 << 16;

/// Whether the mirror at count zero should stay until the C call under way
/// returns.
///
/// The VM still has the object: fetched again it must be at the same address,
/// and no other object may be there meanwhile, since C code remembers objects
/// by address.
///
/// # Safety
/// `p` is live; the lock is held.
#[inline]
pub unsafe fn wants_in_call(p: *mut PyObject, prefix: &Prefix) -> bool {
    if !prefix.has(flag::OWNS_VM) || !prefix.has(flag::IN_TABLE) {
        return false;
    }
    // SAFETY: by this function's contract; the link of a mirror is live.
    unsafe {
        (*crate::thread::current()).depth > 0
            && (*prefix.link).strong_count() > 1
            && super::mirror::has_identity(p)
    }
}

/// Keeps the mirror `p`, at count zero, until the outermost C call returns.
///
/// # Safety
/// `p` is a mirror at count zero; the lock is held.
pub unsafe fn keep_in_call(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    let prefix = unsafe { &mut *prefix_of(p) };
    if prefix.has(flag::IN_CALL) {
        return;
    }
    prefix.flags |= flag::IN_CALL;
    // SAFETY: this thread holds the lock, so the state is its own.
    let queue = unsafe { &mut (*crate::thread::current()).in_call };
    queue.push_back(p);
    let evicted = (queue.len() > MOST_IN_CALL)
        .then(|| queue.pop_front())
        .flatten();
    if let Some(old) = evicted {
        // SAFETY: what the queue holds is alive.
        unsafe { leave_call(old) };
    }
}

unsafe fn leave_call(p: *mut PyObject) {
    // SAFETY: `p` is alive: what the queue knows is not freed otherwise.
    unsafe {
        (*prefix_of(p)).flags &= !flag::IN_CALL;
        if refcount::count(p) == 0 {
            refcount::dealloc::dealloc(p);
        }
    }
}

/// The outermost C call of a thread returned and left `queue`. The caller
/// holds the lock.
#[cold]
pub fn call_returned(queue: VecDeque<*mut PyObject>) {
    // Freeing may run code that calls C: what that keeps waits for its own end.
    for p in queue {
        // SAFETY: what the queue holds is alive.
        unsafe { leave_call(p) };
    }
}

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
        if !lingers || refcount::count(p) != 0 || prefix.has(flag::IN_CALL) {
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
