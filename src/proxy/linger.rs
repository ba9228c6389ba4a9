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

/// The mirrors of large strings and `bytes` that were used last, and how much
/// memory they take: the same ones tend to come again, and copying them takes
/// long. What comes only once must not use up memory for this, so it is little.
#[derive(Default)]
struct Large {
    mirrors: VecDeque<*mut PyObject>,
    size: usize,
}

const MOST_LARGE: usize = 8 << 20;

struct AllLarge(RefCell<Option<Large>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for AllLarge {}
static LARGE: AllLarge = AllLarge(RefCell::new(None));

impl Large {
    fn add(&mut self, p: *mut PyObject) {
        // SAFETY: what is kept is alive, and comes from the arena.
        self.size += unsafe { super::arena::usable_size(p.cast()) };
        self.mirrors.push_back(p);
    }

    /// One that is too much.
    fn evict(&mut self, most: usize) -> Option<*mut PyObject> {
        if self.size <= most {
            return None;
        }
        let p = self.mirrors.pop_front()?;
        // SAFETY: as above.
        self.size -= unsafe { super::arena::usable_size(p.cast()) };
        Some(p)
    }
}

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
    if queue.len() >= FIRST_SWEEP && queue.len().is_power_of_two() {
        // SAFETY: the lock is held.
        unsafe { sweep_in_call() };
    }
    // SAFETY: as above.
    let queue = unsafe { &mut (*crate::thread::current()).in_call };
    let evicted = (queue.len() > MOST_IN_CALL)
        .then(|| queue.pop_front())
        .flatten();
    if let Some(old) = evicted {
        // SAFETY: what the queue holds is alive.
        unsafe { leave_call(old, refcount::dealloc::dealloc_evicted) };
    }
}

/// Frees what the VM has no more: nobody can fetch it again.
#[cold]
unsafe fn sweep_in_call() {
    // SAFETY: the caller holds the lock, so the state is its own; what the
    // queue holds is alive, and so is what it owns.
    unsafe {
        let me = crate::thread::current();
        let is_stale = |p: *mut PyObject| {
            let prefix = &*prefix_of(p);
            refcount::count(p) == 0
                && prefix.has(flag::OWNS_VM)
                && (*prefix.link).strong_count() == 1
        };
        let (stale, kept): (VecDeque<_>, _) = std::mem::take(&mut (*me).in_call)
            .into_iter()
            .partition(|&p| is_stale(p));
        (*me).in_call = kept;
        // Last: it may run code that keeps more.
        for p in stale {
            leave_call(p, refcount::dealloc::dealloc_evicted);
        }
    }
}

unsafe fn leave_call(p: *mut PyObject, dealloc: unsafe fn(*mut PyObject)) {
    // SAFETY: `p` is alive: what the queue knows is not freed otherwise.
    unsafe {
        (*prefix_of(p)).flags &= !flag::IN_CALL;
        if refcount::count(p) == 0 {
            dealloc(p);
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
        unsafe { leave_call(p, refcount::dealloc::dealloc) };
    }
}

/// Mirrors at count zero of objects that C stored in containers of the VM's.
#[derive(Default)]
struct Stored {
    kept: Vec<*mut PyObject>,
    /// The number at which to look for objects that nobody has any more.
    sweep_at: usize,
}

struct AllStored(RefCell<Stored>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for AllStored {}
static STORED: AllStored = AllStored(RefCell::new(Stored {
    kept: Vec::new(),
    sweep_at: 0,
}));

const FIRST_SWEEP: usize = 256;

/// C put `p` into the container `owner`, an object of the VM's. Code such as
/// `PyModule_AddObject(m, "error", error)` gives its reference away and goes
/// on using the pointer: so the mirror stays while the container has the object.
///
/// In other containers than namespaces, which hold many objects for long, only
/// other containers are worth that.
///
/// # Safety
/// Both are live; the lock is held.
pub unsafe fn stored(owner: *mut PyObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || (*prefix).has(flag::INSTANCE | flag::C_TYPE) {
            return;
        }
        if is_namespace(owner) || super::mirror::is_container(p) {
            (*prefix).flags |= flag::STORED;
        }
    }
}

unsafe fn is_namespace(owner: *mut PyObject) -> bool {
    use super::mirror::{Kind, kind_of_type};
    use crate::layout::{Py_TPFLAGS_TYPE_SUBCLASS, PyType_HasFeature};
    // SAFETY: by the caller's contract.
    unsafe {
        let ty = (*owner).ob_type;
        let prefix = prefix_of(owner);
        kind_of_type(ty) == Kind::Module
            || PyType_HasFeature(ty, Py_TPFLAGS_TYPE_SUBCLASS)
            || (!prefix.is_null() && (*prefix).has(flag::NAMESPACE))
    }
}

/// The dict `p` is the namespace of a module or a type.
///
/// # Safety
/// `p` is live; the lock is held.
pub unsafe fn mark_namespace(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null() {
            (*prefix).flags |= flag::NAMESPACE;
        }
    }
}

/// Whether the mirror at count zero stands for an object that C stored and
/// that somebody still has.
///
/// # Safety
/// `p` is live; the lock is held.
#[inline]
pub unsafe fn wants_stored(prefix: &Prefix) -> bool {
    // SAFETY: an owning link is live.
    prefix.has(flag::STORED)
        && prefix.has(flag::OWNS_VM)
        && (prefix.has(flag::KEPT) || unsafe { (*prefix.link).strong_count() > 1 })
}

/// Keeps the mirror `p`, at count zero, while the VM has its object.
///
/// # Safety
/// `p` is a mirror at count zero; the lock is held.
pub unsafe fn keep_stored(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    let prefix = unsafe { &mut *prefix_of(p) };
    if prefix.has(flag::KEPT) {
        return;
    }
    prefix.flags |= flag::KEPT;
    let sweep = {
        let mut stored = STORED.0.borrow_mut();
        stored.kept.push(p);
        stored.kept.len() >= stored.sweep_at.max(FIRST_SWEEP)
    };
    if sweep {
        // SAFETY: the lock is held.
        unsafe { sweep_stored() };
    }
}

/// Frees the stored mirrors whose objects nobody has any more.
///
/// # Safety
/// The lock is held.
pub unsafe fn sweep_stored() {
    let all = std::mem::take(&mut STORED.0.borrow_mut().kept);
    let mut stale = Vec::new();
    let mut kept = Vec::with_capacity(all.len());
    for p in all {
        // SAFETY: what is kept is alive, and so is what it owns.
        unsafe {
            let prefix = &mut *prefix_of(p);
            if refcount::count(p) == 0 && (*prefix.link).strong_count() == 1 {
                prefix.flags &= !(flag::KEPT | flag::STORED);
                stale.push(p);
            } else {
                kept.push(p);
            }
        }
    }
    {
        let mut stored = STORED.0.borrow_mut();
        stored.sweep_at = kept.len() * 2;
        stored.kept.append(&mut kept);
    }
    // Last: it may run code that stores more.
    for p in stale {
        // SAFETY: the mirror is at count zero and nobody else knows it.
        unsafe { refcount::dealloc::dealloc(p) };
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

/// Whether the mirror `p`, whose last reference is about to go, just stays at
/// count zero as it did before: it is in the queue, and nothing else is to be
/// decided. It lingers again from now on.
///
/// # Safety
/// `p` is live; the lock is held.
#[inline]
pub unsafe fn goes_on(p: *mut PyObject, prefix: &mut Prefix) -> bool {
    const OTHERS: u32 = flag::DYING | flag::IN_CALL | flag::LATER | flag::STORED;
    // SAFETY: by this function's contract.
    let goes_on = unsafe { refcount::count(p) } == 1
        && prefix.has(flag::QUEUED)
        && prefix.flags & OTHERS == 0
        && !crate::thread::state::in_call();
    if goes_on {
        prefix.flags |= flag::LINGERS;
    }
    goes_on
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
    // SAFETY: by this function's contract.
    if unsafe { super::mirror::is_large(p) } {
        LARGE.0.borrow_mut().get_or_insert_default().add(p);
        evict_large(MOST_LARGE);
        return;
    }
    let evicted = {
        let mut queue = LINGERING.0.borrow_mut();
        queue.push_back(p);
        if queue.len() > MOST {
            queue.pop_front()
        } else {
            None
        }
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

/// Lets go of large mirrors until no more than so many bytes are left.
fn evict_large(most: usize) {
    loop {
        let evicted = {
            let mut large = LARGE.0.borrow_mut();
            large.as_mut().and_then(|large| large.evict(most))
        };
        let Some(p) = evicted else {
            return;
        };
        // SAFETY: what is kept is alive.
        unsafe { leave_queue(p) };
    }
}

/// Frees all lingering mirrors. The caller holds the lock.
pub fn flush() {
    evict_large(0);
    loop {
        let Some(p) = LINGERING.0.borrow_mut().pop_front() else {
            return;
        };
        // SAFETY: what the queue holds is alive.
        unsafe { leave_queue(p) };
    }
}
