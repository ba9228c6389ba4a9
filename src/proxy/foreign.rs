//! C objects outside the arena: static types in an extension's data segment,
//! objects in memory that came from `malloc`.
//!
//! They have no hidden prefix, so theirs lies in a slab, found by address.
//! Everything here requires the extension lock.

use std::cell::UnsafeCell;

use slab::Slab;

use super::prefix::Prefix;
use super::table::LinkTable;

struct Foreign {
    by_address: LinkTable,
    // Boxed: a prefix must not move when the slab grows.
    prefixes: Slab<Box<Prefix>>,
}

struct Global(UnsafeCell<Option<Foreign>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static FOREIGN: Global = Global(UnsafeCell::new(None));

fn foreign() -> &'static mut Foreign {
    // SAFETY: the holder of the extension lock is alone here, and no function
    // of this module calls out while it holds the reference.
    unsafe { &mut *FOREIGN.0.get() }.get_or_insert_with(|| Foreign {
        by_address: LinkTable::new(),
        prefixes: Slab::new(),
    })
}

/// The prefix of the foreign object at `address`, NULL when it has none.
#[inline]
pub fn lookup(address: usize) -> *mut Prefix {
    let f = foreign();
    match f.by_address.get(address) {
        Some(index) => &raw mut *f.prefixes[index - 1],
        None => std::ptr::null_mut(),
    }
}

pub fn lookup_or_insert(address: usize) -> *mut Prefix {
    let found = lookup(address);
    if !found.is_null() {
        return found;
    }
    let f = foreign();
    let index = f.prefixes.insert(Box::new(Prefix::new(0)));
    // The table's values are never zero.
    f.by_address.insert(address, index + 1);
    &raw mut *f.prefixes[index]
}

/// Forgets the foreign object at `address`: its memory is about to go.
pub fn remove(address: usize) {
    let f = foreign();
    if let Some(index) = f.by_address.remove(address) {
        f.prefixes.remove(index - 1);
    }
}
