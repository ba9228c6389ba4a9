//! An open-addressed table from one address to another.
//!
//! Writers hold the extension lock. A reader with the lock takes no other;
//! one without it pins an epoch, and tables that growth has replaced are
//! freed only when no such reader can still see them.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned};

/// Hashes addresses for the standard collections.
pub type AddressHash = BuildHasherDefault<AddressHasher>;

/// See [`AddressHash`].
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    #[inline]
    fn write_usize(&mut self, address: usize) {
        let hash = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = hash ^ hash >> 32;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

const EMPTY: usize = 0;
const TOMBSTONE: usize = 1;
const FIRST_CAPACITY: usize = 1024;

struct Entry {
    key: AtomicUsize,
    value: AtomicUsize,
}

struct Slots {
    entries: Box<[Entry]>,
}

impl Slots {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: (0..capacity)
                .map(|_| Entry {
                    key: AtomicUsize::new(EMPTY),
                    value: AtomicUsize::new(0),
                })
                .collect(),
        }
    }

    #[inline]
    fn start(&self, key: usize) -> usize {
        // Fibonacci hashing: objects are at least 16 bytes apart.
        let shift = 64 - self.entries.len().trailing_zeros();
        (key >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift
    }

    #[inline]
    fn find(&self, key: usize) -> Option<usize> {
        let mask = self.entries.len() - 1;
        let mut i = self.start(key);
        loop {
            let entry = &self.entries[i];
            match entry.key.load(Ordering::Acquire) {
                k if k == key => return Some(i),
                EMPTY => return None,
                _ => i = (i + 1) & mask,
            }
        }
    }

    /// Fills the first free place; `true` when that was never used before.
    fn place(&self, key: usize, value: usize) -> bool {
        let mask = self.entries.len() - 1;
        let mut i = self.start(key);
        loop {
            let entry = &self.entries[i];
            let found = entry.key.load(Ordering::Relaxed);
            if found == EMPTY || found == TOMBSTONE {
                entry.value.store(value, Ordering::Relaxed);
                entry.key.store(key, Ordering::Release);
                return found == EMPTY;
            }
            i = (i + 1) & mask;
        }
    }
}

/// Counts, for the holder of the lock: nobody else writes.
#[inline]
fn add(number: &AtomicUsize, n: isize) {
    let now = number.load(Ordering::Relaxed).wrapping_add_signed(n);
    number.store(now, Ordering::Relaxed);
}

/// See the module docs. Keys and values are addresses, never 0 or 1.
pub struct LinkTable {
    slots: Atomic<Slots>,
    len: AtomicUsize,
    /// Places that are or were in use.
    used: AtomicUsize,
}

impl Default for LinkTable {
    fn default() -> Self {
        Self::new()
    }
}

impl LinkTable {
    pub fn new() -> Self {
        Self {
            slots: Atomic::new(Slots::with_capacity(FIRST_CAPACITY)),
            len: AtomicUsize::new(0),
            used: AtomicUsize::new(0),
        }
    }

    #[inline]
    fn current<'g>(&self, guard: &'g Guard) -> &'g Slots {
        // SAFETY: the slots are replaced, never taken away, and freed only
        // when no guard can still see them.
        unsafe { self.slots.load(Ordering::Acquire, guard).deref() }
    }

    /// What `key` maps to. The caller holds the extension lock.
    #[inline]
    pub fn get(&self, key: usize) -> Option<usize> {
        // SAFETY: writers need the lock that the caller holds.
        let guard = unsafe { epoch::unprotected() };
        let slots = self.current(guard);
        let i = slots.find(key)?;
        Some(slots.entries[i].value.load(Ordering::Relaxed))
    }

    /// What `key` maps to, for a thread that does not hold the lock: the
    /// answer may be out of date as soon as it is given.
    pub fn get_unlocked(&self, key: usize) -> Option<usize> {
        let guard = epoch::pin();
        let slots = self.current(&guard);
        let i = slots.find(key)?;
        Some(slots.entries[i].value.load(Ordering::Acquire))
    }

    /// Maps `key` to `value`. The key must be new; the caller holds the lock.
    #[inline]
    pub fn insert(&self, key: usize, value: usize) {
        debug_assert!(key > TOMBSTONE && self.get(key).is_none());
        // SAFETY: the caller holds the lock, so nobody else writes.
        let slots = self.current(unsafe { epoch::unprotected() });
        if (self.used.load(Ordering::Relaxed) + 1) * 4 > slots.entries.len() * 3 {
            self.rebuild();
        }
        // SAFETY: as above.
        if self
            .current(unsafe { epoch::unprotected() })
            .place(key, value)
        {
            add(&self.used, 1);
        }
        add(&self.len, 1);
    }

    /// Forgets `key` and says what it mapped to. The caller holds the lock.
    #[inline]
    pub fn remove(&self, key: usize) -> Option<usize> {
        // SAFETY: the caller holds the lock, so nobody else writes.
        let slots = self.current(unsafe { epoch::unprotected() });
        let mut i = slots.find(key)?;
        let value = slots.entries[i].value.load(Ordering::Relaxed);
        add(&self.len, -1);
        let mask = slots.entries.len() - 1;
        let at = |i: usize| &slots.entries[i & mask].key;
        if at(i + 1).load(Ordering::Relaxed) != EMPTY {
            at(i).store(TOMBSTONE, Ordering::Release);
            return Some(value);
        }
        // Whoever comes by here finds nothing behind: so no mark is needed, nor
        // were those just before.
        loop {
            at(i).store(EMPTY, Ordering::Release);
            add(&self.used, -1);
            i = i.wrapping_sub(1) & mask;
            if at(i).load(Ordering::Relaxed) != TOMBSTONE {
                return Some(value);
            }
        }
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    #[cold]
    fn rebuild(&self) {
        let guard = epoch::pin();
        let old = self.slots.load(Ordering::Acquire, &guard);
        // SAFETY: only writers replace the slots, and the caller is the writer.
        let old_slots = unsafe { old.deref() };
        let capacity = (self.len() * 2).next_power_of_two().max(FIRST_CAPACITY);
        let new = Slots::with_capacity(capacity.max(self.len() * 2));
        let mut used = 0;
        for entry in &old_slots.entries {
            let key = entry.key.load(Ordering::Relaxed);
            if key > TOMBSTONE {
                new.place(key, entry.value.load(Ordering::Relaxed));
                used += 1;
            }
        }
        self.slots.store(Owned::new(new), Ordering::Release);
        self.used.store(used, Ordering::Relaxed);
        // SAFETY: the old slots are unlinked; readers that still see them are pinned.
        unsafe { guard.defer_destroy(old) };
        drop(guard);
        // A large table is not to wait for others that may never come: each
        // round lets the epoch go on by one, and two are needed.
        for _ in 0..3 {
            epoch::pin().flush();
        }
    }
}

impl Drop for LinkTable {
    fn drop(&mut self) {
        // SAFETY: nobody else can have a reference to a table being dropped.
        unsafe {
            let slots = self.slots.load(Ordering::Relaxed, epoch::unprotected());
            drop(slots.into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_inserted_through_growth_and_removal() {
        let table = LinkTable::new();
        let key = |i: usize| 0x1000 + i * 16;
        for i in 0..100_000 {
            table.insert(key(i), i + 2);
        }
        for i in (0..100_000).step_by(2) {
            assert_eq!(table.remove(key(i)), Some(i + 2));
        }
        assert_eq!(table.len(), 50_000);
        for i in 0..100_000 {
            let expected = (i % 2 == 1).then_some(i + 2);
            assert_eq!(table.get(key(i)), expected);
            assert_eq!(table.get_unlocked(key(i)), expected);
        }
    }

    #[test]
    fn churn_does_not_grow_the_table() {
        let table = LinkTable::new();
        for i in 0..1_000_000usize {
            table.insert(0x1000 + i * 16, 2);
            table.remove(0x1000 + i * 16);
        }
        // SAFETY: this thread is alone.
        let slots = table.current(unsafe { epoch::unprotected() });
        assert_eq!(slots.entries.len(), FIRST_CAPACITY);
    }

    #[test]
    fn readers_without_the_lock_survive_growth() {
        let table = LinkTable::new();
        table.insert(0x10, 2);
        std::thread::scope(|s| {
            s.spawn(|| {
                for _ in 0..100_000 {
                    assert_eq!(table.get_unlocked(0x10), Some(2));
                }
            });
            for i in 2..200_000usize {
                table.insert(i * 16, i);
            }
        });
    }
}
