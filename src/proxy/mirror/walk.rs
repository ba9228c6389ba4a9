//! Walks of C through dicts of the VM's, by `PyDict_Next`.
//!
//! What it lends must stay as long as the dict has it: so the walk holds a
//! reference of each key and value, one after the other, which costs less than
//! an [anchor](crate::refcount::anchors) for each. While nothing but C ran, the
//! dict is what it was, and going through it again needs no VM.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use crate::layout::{PyDictObject, PyObject};
use crate::proxy::mirror;
use crate::proxy::prefix::{flag, prefix_of};
use crate::refcount::{self, anchors};
use crate::thread::state;

/// What is lent, and whether the walk has a reference of it.
#[derive(Clone, Copy)]
struct Lent {
    p: *mut PyObject,
    held: bool,
}

impl Lent {
    /// Takes over a reference.
    unsafe fn new(p: *mut PyObject) -> Self {
        // SAFETY: by the callers' contract.
        unsafe {
            let prefix = prefix_of(p);
            let is_instance = !prefix.is_null() && (*prefix).has(flag::INSTANCE);
            if is_instance {
                // Its VM object, which the dict has, keeps it.
                refcount::decref(p);
            }
            let held = !is_instance && !refcount::is_immortal(p);
            Self { p, held }
        }
    }

    /// Gives the reference back. What it alone kept alive C may still use,
    /// until the call under way returns.
    unsafe fn release(self) {
        if !self.held {
            return;
        }
        // SAFETY: the reference is ours.
        unsafe {
            if refcount::count(self.p) == 1 {
                state::borrow_until_return(self.p);
            } else {
                refcount::decref(self.p);
            }
        }
    }
}

/// The items that C has come by, at their positions.
struct Walk {
    /// The walks before and after this one in the list of all.
    before: *mut Walk,
    after: *mut Walk,
    items: Vec<[Lent; 2]>,
    /// The positions whose items were the dict's in `epoch`.
    good: Range<usize>,
    /// See [`mirror::epoch`].
    epoch: u64,
    /// Whether no item comes after the good ones.
    whole: bool,
}

/// The first of the list of all walks. The lock guards it.
static FIRST: AtomicPtr<Walk> = AtomicPtr::new(ptr::null_mut());

/// A walk of no items yet, in the list of all, with room for so many.
unsafe fn start(len: usize) -> *mut Walk {
    let after = FIRST.load(Ordering::Relaxed);
    let walk = Box::into_raw(Box::new(Walk {
        before: ptr::null_mut(),
        after,
        items: Vec::with_capacity(len),
        good: 0..0,
        epoch: 0,
        whole: false,
    }));
    FIRST.store(walk, Ordering::Relaxed);
    if !after.is_null() {
        // SAFETY: what is in the list is alive.
        unsafe { (*after).before = walk };
    }
    walk
}

/// Takes a walk out of the list of all.
unsafe fn unlist(walk: &Walk) {
    // SAFETY: what is in the list is alive.
    unsafe {
        match walk.before.is_null() {
            true => FIRST.store(walk.after, Ordering::Relaxed),
            false => (*walk.before).after = walk.after,
        }
        if !walk.after.is_null() {
            (*walk.after).before = walk.before;
        }
    }
}

/// Where the walk of the dict `p` is kept: C does not know what it is for.
unsafe fn place(p: *mut PyObject) -> *mut *mut Walk {
    // SAFETY: the callers have the C object of a dict.
    unsafe { (&raw mut (*p.cast::<PyDictObject>()).ma_values).cast() }
}

/// What is at a position, borrowed.
pub enum Step {
    Item(*mut PyObject, *mut PyObject),
    End,
}

/// What the dict `p` has at `position`, if that is known.
///
/// # Safety
/// `p` is the live mirror of a dict; the lock is held.
#[inline]
pub unsafe fn known(p: *mut PyObject, position: usize) -> Option<Step> {
    // SAFETY: by this function's contract.
    unsafe {
        let walk = *place(p);
        if walk.is_null() || (*walk).epoch != mirror::epoch() {
            return None;
        }
        let walk = &*walk;
        if walk.good.contains(&position) {
            let [key, value] = walk.items[position];
            return Some(Step::Item(key.p, value.p));
        }
        (walk.whole && position == walk.good.end).then_some(Step::End)
    }
}

/// What the walk lent last time for `position` of the dict `p`, if the objects
/// `now` at it, before `next`, are the same.
///
/// # Safety
/// `p` is the live mirror of a dict, which has that item; the lock is held.
pub unsafe fn come_by_again(
    vm: &VirtualMachine,
    p: *mut PyObject,
    position: usize,
    next: usize,
    now: [&VmObject; 2],
    epoch: u64,
) -> Option<[*mut PyObject; 2]> {
    // SAFETY: by this function's contract; what is held is alive.
    unsafe {
        let walk = (*place(p)).as_mut()?;
        let lent = *walk.items.get(position)?;
        for (part, v) in lent.iter().zip(now) {
            let prefix = prefix_of(part.p);
            if !part.held || prefix.is_null() || !ptr::eq((*prefix).link, v) {
                return None;
            }
            mirror::refresh(vm, v, part.p);
        }
        walk.is_good(position, next, epoch);
        Some(lent.map(|part| part.p))
    }
}

impl Walk {
    /// The item at `position`, before `next`, is the dict's now, and was when C
    /// asked in `epoch`.
    fn is_good(&mut self, position: usize, next: usize, epoch: u64) {
        if self.epoch != epoch || self.good.end != position {
            self.good = position..position;
            self.whole = false;
        }
        self.epoch = mirror::epoch();
        if next == position + 1 {
            self.good.end = next;
        } else {
            self.good = 0..0;
        }
    }
}

/// C comes by the item at `position` of the dict `p`, before `next`, and asked
/// for it in `epoch`. The references are taken over; what is returned is
/// borrowed.
///
/// # Safety
/// `p` is the live mirror of a dict, which has that item; the lock is held.
pub unsafe fn came_by(
    p: *mut PyObject,
    position: usize,
    next: usize,
    item: [*mut PyObject; 2],
    epoch: u64,
) -> [*mut PyObject; 2] {
    // SAFETY: by this function's contract.
    unsafe {
        let place = place(p);
        if (*place).is_null() {
            *place = start((*p.cast::<PyDictObject>()).ma_used.max(0) as usize);
        }
        let walk = &mut **place;
        if position > walk.items.len() {
            // After holes: one by one.
            return item.map(|part| anchors::borrow_from(p, part));
        }
        let lent = item.map(|part| Lent::new(part));
        let mut old = None;
        match walk.items.get_mut(position) {
            Some(known) => old = Some(std::mem::replace(known, lent)),
            None => walk.items.push(lent),
        }
        walk.is_good(position, next, epoch);
        // Last: it may run code that looks at the dict.
        for part in old.into_iter().flatten() {
            part.release();
        }
        item
    }
}

/// C came to the end of the dict `p`, at `position`, and asked in `epoch`.
///
/// # Safety
/// `p` is the live mirror of a dict; the lock is held.
pub unsafe fn came_to_end(p: *mut PyObject, position: usize, epoch: u64) {
    // SAFETY: by this function's contract.
    unsafe {
        let walk = *place(p);
        if walk.is_null() {
            return;
        }
        let walk = &mut *walk;
        if walk.epoch == epoch && walk.good.end == position {
            walk.whole = true;
            walk.epoch = mirror::epoch();
        }
        let len = walk.items.len();
        let gone = walk.items.split_off(position.min(len));
        for part in gone.into_iter().flatten() {
            part.release();
        }
    }
}

/// What the walk of the dict `p` holds, if it has one.
///
/// # Safety
/// `p` is the live mirror of a dict; the lock is held.
pub unsafe fn items(p: *mut PyObject, out: &mut Vec<*mut PyObject>) {
    // SAFETY: by this function's contract.
    if let Some(walk) = unsafe { (*place(p)).as_ref() } {
        let held = walk.items.iter().flatten().filter(|part| part.held);
        out.extend(held.map(|part| part.p));
    }
}

/// Lets go of what only walks keep alive: their dicts dropped it. Called when
/// the VM collects.
///
/// # Safety
/// As for [`anchors::sweep_all`].
pub unsafe fn sweep_all() {
    let mut stale = Vec::new();
    let mut next = FIRST.load(Ordering::Relaxed);
    while !next.is_null() {
        // SAFETY: what is in the list is alive, and what it holds.
        unsafe {
            let walk = &mut *next;
            next = walk.after;
            for part in walk.items.iter_mut().flatten() {
                if part.held && anchors::only_anchored(part.p) {
                    stale.push(*part);
                    let p = ptr::null_mut();
                    *part = Lent { p, held: false };
                    walk.good = 0..0;
                    walk.whole = false;
                }
            }
        }
    }
    for part in stale {
        // SAFETY: the reference is ours now.
        unsafe { part.release() };
    }
}

/// The dict's mirror `p` goes, and with it what was borrowed from it.
///
/// # Safety
/// `p` is the mirror of a dict at the end of its life; the lock is held.
pub unsafe fn clear(p: *mut PyObject) {
    // SAFETY: by this function's contract; the references are the walk's.
    unsafe {
        let walk = ptr::replace(place(p), ptr::null_mut());
        if walk.is_null() {
            return;
        }
        let walk = Box::from_raw(walk);
        unlist(&walk);
        for part in walk.items.into_iter().flatten() {
            if part.held {
                refcount::decref(part.p);
            }
        }
    }
}
