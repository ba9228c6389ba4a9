//! Borrowed references that a container of the VM's keeps alive: anchored at
//! the container's mirror, so that they live as long as it holds the item.
//!
//! A borrowed C-instance needs no anchor: its VM object holds a count.

use std::cell::{RefCell, UnsafeCell};
use std::collections::{HashMap, HashSet};

use super::{count, decref, is_immortal};
use crate::layout::PyObject;
use crate::proxy::mirror::walk;
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::table::AddressHash;
use crate::thread::state;

#[derive(Default)]
struct Anchored {
    items: HashSet<usize, AddressHash>,
    /// The number of items at which to look for ones that the owner dropped.
    sweep_at: usize,
}

struct Global(RefCell<Option<HashMap<usize, Anchored, AddressHash>>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static ANCHORS: Global = Global(RefCell::new(None));

const FIRST_SWEEP: usize = 16;

const KNOWN: usize = 256;

/// Owners and items of which it is known that the one is the other's anchor,
/// so that lending an item again need not look for it.
struct Known(UnsafeCell<[(usize, usize); KNOWN]>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Known {}
static ANCHORED: Known = Known(UnsafeCell::new([(0, 0); KNOWN]));

#[inline]
fn known(owner: usize, item: usize) -> *mut (usize, usize) {
    // Objects are multiples of 16 apart.
    let place = (owner >> 4).wrapping_mul(31) ^ (item >> 4);
    // SAFETY: within the table; the callers hold the lock.
    unsafe { (&raw mut (*ANCHORED.0.get())[place % KNOWN]).cast() }
}

/// `item` is no longer anchored at `owner`.
fn forget(owner: usize, item: usize) {
    let place = known(owner, item);
    // SAFETY: within the table; the callers hold the lock.
    unsafe {
        if *place == (owner, item) {
            *place = (0, 0);
        }
    }
}

/// Turns the new reference `item` into one borrowed from `owner`, whose VM
/// object holds it.
///
/// # Safety
/// Both are live; the caller's reference of `item` is gone afterwards; the
/// lock is held.
pub unsafe fn borrow_from(owner: *mut PyObject, item: *mut PyObject) -> *mut PyObject {
    if item.is_null() || is_immortal(item) {
        return item;
    }
    // SAFETY: by this function's contract.
    unsafe {
        let place = known(owner as usize, item as usize);
        if *place == (owner as usize, item as usize) {
            decref(item);
            return item;
        }
        let prefix = prefix_of(item);
        if item == owner || (!prefix.is_null() && (*prefix).has(flag::INSTANCE)) {
            // The caller has the owner, the VM object that the owner holds keeps an instance alive.
            decref(item);
            return item;
        }
        let (fresh, sweep) = {
            let mut anchors = ANCHORS.0.borrow_mut();
            let a = anchors
                .get_or_insert_default()
                .entry(owner as usize)
                .or_default();
            let fresh = a.items.insert(item as usize);
            (fresh, a.items.len() >= a.sweep_at.max(FIRST_SWEEP))
        };
        let prefix = prefix_of(owner);
        if !prefix.is_null() {
            (*prefix).flags |= flag::ANCHORS;
        }
        if !fresh {
            decref(item);
        }
        if sweep {
            sweep_owner(owner, item);
        }
        *place = (owner as usize, item as usize);
    }
    item
}

/// Lets go of what only the anchor keeps alive: the owner dropped it. The
/// call under way may still use it, so it lives until that returns.
unsafe fn sweep_owner(owner: *mut PyObject, but: *mut PyObject) {
    let mut stale = Vec::new();
    {
        let mut anchors = ANCHORS.0.borrow_mut();
        let Some(a) = anchors.get_or_insert_default().get_mut(&(owner as usize)) else {
            return;
        };
        a.items.retain(|&item| {
            let p = item as *mut PyObject;
            // SAFETY: an anchored item is alive.
            let keep = p == but || unsafe { !only_anchored(p) };
            if !keep {
                forget(owner as usize, item);
                stale.push(p);
            }
            keep
        });
        a.sweep_at = a.items.len() * 2;
    }
    for p in stale {
        state::borrow_until_return(p);
    }
}

/// Whether the one reference of `p` that is left is an anchor, and nothing of
/// the VM's has its object.
///
/// # Safety
/// `p` is live; the lock is held.
pub unsafe fn only_anchored(p: *mut PyObject) -> bool {
    // SAFETY: `p` is alive, and so is what it is linked to.
    unsafe {
        let prefix = prefix_of(p);
        count(p) == 1
            && !prefix.is_null()
            && (*prefix).has(flag::OWNS_VM)
            && (*(*prefix).link).strong_count() == 1
    }
}

/// Adds what is borrowed from `owner` to `out`.
pub fn items(owner: *mut PyObject, out: &mut Vec<*mut PyObject>) {
    if let Some(anchors) = ANCHORS.0.borrow().as_ref()
        && let Some(a) = anchors.get(&(owner as usize))
    {
        out.extend(a.items.iter().map(|&item| item as *mut PyObject));
    }
}

/// Looks through all anchors; called when the VM collects.
///
/// # Safety
/// The lock is held, and C code is running or has run that may hold borrowed
/// references only from owners that hold the items.
pub unsafe fn sweep_all() {
    let owners: Vec<usize> = match ANCHORS.0.borrow().as_ref() {
        Some(anchors) => anchors.keys().copied().collect(),
        None => return,
    };
    for owner in owners {
        // SAFETY: an owner with anchors is alive.
        unsafe { sweep_owner(owner as *mut PyObject, std::ptr::null_mut()) };
    }
    // SAFETY: by this function's contract.
    unsafe { walk::sweep_all() };
}

/// The owner's mirror is about to go, and with it what was borrowed from it.
///
/// # Safety
/// `owner` is live; the lock is held.
pub unsafe fn drop_owner(owner: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(owner);
        if prefix.is_null() || !(*prefix).has(flag::ANCHORS) {
            return;
        }
        let items = ANCHORS
            .0
            .borrow_mut()
            .as_mut()
            .and_then(|anchors| anchors.remove(&(owner as usize)));
        if let Some(a) = items {
            for item in a.items {
                forget(owner as usize, item);
                decref(item as *mut PyObject);
            }
        }
    }
}
