//! Dicts that C made and the VM has not seen: a table in C memory.
//!
//! Such a dict becomes a pair, and the VM's, as soon as anything is asked of it
//! that the table cannot answer exactly: a key other than an exact `str` or
//! `int` (whose equality nothing can override), a view, the VM itself. Then the
//! table goes. So the table need not be good at everything.
//!
//! Keys are hashed by their contents, quickly and without a secret. Whoever
//! finds keys that collide gets the VM's table, which has one: a search that
//! takes too long gives up.

use std::ptr;

use rustpython_vm::builtins::PyDict;
use rustpython_vm::{Py, VirtualMachine};

use super::{longobject, unicodeobject};
use crate::layout::{PyDictObject, PyObject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::{linger, mirror, vm_of, vm_of_stolen};
use crate::refcount::{self, anchors};
use crate::types::statics;

/// An item; the table holds a reference of each.
#[derive(Clone, Copy)]
pub struct Item {
    hash: u64,
    pub key: *mut PyObject,
    pub value: *mut PyObject,
}

/// The items in their order, and for more than a few an index by hash.
#[derive(Default)]
pub struct Table {
    items: Vec<Item>,
    /// Numbers of items by hash, [`NONE`] for free places; a power of two of
    /// them, or none.
    index: Vec<u32>,
    /// C has borrowed values, and may use them as long as they are in here.
    lent: bool,
}

const NONE: u32 = u32::MAX;
/// Up to so many items are searched one by one.
const FEW: usize = 8;
/// A search passes over so many other items at most.
const FAR: usize = 64;
/// As many items as a table may have; more are the VM's.
const MOST: usize = 1 << 30;

/// A key that the table can hash and compare by itself.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// An exact `str` or `int`.
    Object(*mut PyObject),
    /// The text of an ASCII `str`.
    Ascii(&'a [u8]),
}

/// The table cannot do it: the VM has to.
#[derive(Debug)]
pub struct Escape;

impl Key<'_> {
    /// The key `p`, if it is one for the table.
    ///
    /// # Safety
    /// `p` is a live object.
    #[inline]
    pub unsafe fn new(p: *mut PyObject) -> Option<Self> {
        // SAFETY: by this function's contract.
        let ty = unsafe { (*p).ob_type };
        (statics::is_exact_str(ty) || statics::is_exact_int(ty)).then_some(Self::Object(p))
    }

    #[inline]
    unsafe fn hash(self) -> u64 {
        // SAFETY: a key is alive while it is used.
        unsafe {
            match self {
                Self::Ascii(text) => hash_bytes(1, text),
                Self::Object(p) if statics::is_exact_str((*p).ob_type) => {
                    let (kind, start, len) = unicodeobject::data(p);
                    let bytes = std::slice::from_raw_parts(start, len * kind as usize);
                    hash_bytes(kind.into(), bytes)
                }
                Self::Object(p) => {
                    let (negative, digits) = longobject::parts(p);
                    let start = if negative { 11 } else { 10 };
                    digits
                        .iter()
                        .fold(start, |hash, &digit| mix(hash, digit.into()))
                }
            }
        }
    }

    /// Whether the key of an item of the same hash is equal.
    #[inline]
    unsafe fn is(self, other: *mut PyObject) -> bool {
        // SAFETY: keys are alive while they are used.
        unsafe {
            let str_bytes = |p| {
                let (kind, start, len) = unicodeobject::data(p);
                (kind, std::slice::from_raw_parts(start, len * kind as usize))
            };
            match self {
                Self::Object(p) if p == other => true,
                Self::Object(p) if (*p).ob_type != (*other).ob_type => false,
                Self::Object(p) if statics::is_exact_str((*p).ob_type) => {
                    str_bytes(p) == str_bytes(other)
                }
                Self::Object(p) => longobject::parts(p) == longobject::parts(other),
                Self::Ascii(text) => {
                    statics::is_exact_str((*other).ob_type) && str_bytes(other) == (1, text)
                }
            }
        }
    }
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Hashes bytes quickly and without a secret.
#[inline]
pub fn hash_bytes(kind: u64, bytes: &[u8]) -> u64 {
    let mut hash = mix(kind, bytes.len() as u64);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        hash = mix(hash, u64::from_ne_bytes(word.try_into().expect("8 bytes")));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = mix(hash, u64::from_ne_bytes(word));
    }
    // The high bits are the good ones.
    hash ^ hash >> 32
}

/// The table of `p`, if `p` is a dict in C memory alone; NULL inside for one
/// without items.
///
/// # Safety
/// `p` is a live object; the lock is held.
#[inline]
unsafe fn place(p: *mut PyObject) -> Option<*mut *mut Table> {
    // SAFETY: by this function's contract; only `new` makes exact dicts
    // without a link, whose `ma_keys` is a table or NULL.
    unsafe {
        if !statics::is_exact_dict((*p).ob_type) {
            return None;
        }
        let prefix = prefix_of(p);
        if prefix.is_null() || !(*prefix).link.is_null() || (*prefix).has(flag::DYING) {
            return None;
        }
        Some((&raw mut (*p.cast::<PyDictObject>()).ma_keys).cast())
    }
}

/// Whether `p` is a dict in C memory alone.
///
/// # Safety
/// `p` is a live object; the lock is held.
#[inline]
pub unsafe fn is_c_dict(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { place(p).is_some() }
}

/// An empty dict in C memory; NULL when memory is out.
///
/// # Safety
/// The lock is held.
#[inline]
pub unsafe fn new() -> *mut PyObject {
    // SAFETY: exactly `dict`; all fields are set.
    unsafe {
        let p = super::allocate_exact(statics::dict_type(), size_of::<PyDictObject>());
        if !p.is_null() {
            let ob_base = ptr::read(p);
            p.cast::<PyDictObject>().write(PyDictObject {
                ob_base,
                ma_used: 0,
                _ma_watcher_tag: 0,
                ma_keys: ptr::null_mut(),
                ma_values: ptr::null_mut(),
            });
        }
        p
    }
}

impl Table {
    /// The number of the item with this key.
    #[inline]
    unsafe fn find(&self, key: Key<'_>) -> Result<Option<usize>, Escape> {
        // SAFETY: the keys of the items are alive, and `key` is.
        unsafe {
            if self.index.is_empty() {
                if let Key::Object(p) = key
                    && let Some(i) = self.items.iter().position(|item| item.key == p)
                {
                    return Ok(Some(i));
                }
                if self.items.is_empty() {
                    return Ok(None);
                }
                let hash = key.hash();
                let is_it = |item: &Item| item.hash == hash && key.is(item.key);
                return Ok(self.items.iter().position(is_it));
            }
            self.find_hashed(key, key.hash()).map(Result::ok)
        }
    }

    /// The number of the item with this key, or the place in the index where
    /// its number would be.
    unsafe fn find_hashed(&self, key: Key<'_>, hash: u64) -> Result<Result<usize, usize>, Escape> {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        for _ in 0..FAR {
            let number = self.index[at];
            if number == NONE {
                return Ok(Err(at));
            }
            let item = &self.items[number as usize];
            // SAFETY: the keys of the items are alive, and `key` is.
            if item.hash == hash && unsafe { key.is(item.key) } {
                return Ok(Ok(number as usize));
            }
            at = (at + 1) & mask;
        }
        Err(Escape)
    }

    fn build_index(&mut self) {
        let len = (self.items.len() * 4).next_power_of_two();
        let mask = len - 1;
        self.index.clear();
        self.index.resize(len, NONE);
        for (number, item) in (0u32..).zip(&self.items) {
            let mut at = item.hash as usize & mask;
            while self.index[at] != NONE {
                at = (at + 1) & mask;
            }
            self.index[at] = number;
        }
    }

    /// Adds an item whose key is not there. Takes over the references.
    fn push(&mut self, item: Item) {
        self.items.push(item);
        let len = self.items.len();
        if len <= FEW {
            return;
        }
        if self.index.len() < len * 2 {
            self.build_index();
            return;
        }
        let mask = self.index.len() - 1;
        let mut at = item.hash as usize & mask;
        while self.index[at] != NONE {
            at = (at + 1) & mask;
        }
        self.index[at] = (len - 1) as u32;
    }

    /// Removes an item: its references are the caller's.
    fn remove(&mut self, number: usize) -> Item {
        let item = self.items.remove(number);
        // Not many, or it would not be done here.
        if self.items.len() <= FEW {
            self.index.clear();
        } else {
            self.build_index();
        }
        item
    }
}

/// The value of `key`, borrowed, or NULL. The dict keeps it for C.
///
/// # Safety
/// `p` is a live object, and `key` alive; the lock is held.
#[inline]
pub unsafe fn get(p: *mut PyObject, key: Key<'_>) -> Result<*mut PyObject, Escape> {
    // SAFETY: by this function's contract.
    unsafe {
        let table = *place(p).ok_or(Escape)?;
        if table.is_null() {
            return Ok(ptr::null_mut());
        }
        let table = &mut *table;
        Ok(match table.find(key)? {
            Some(i) => {
                table.lent = true;
                table.items[i].value
            }
            None => ptr::null_mut(),
        })
    }
}

/// Sets the value of `key`; both stay the caller's.
///
/// # Safety
/// All are live; the lock is held.
#[inline]
pub unsafe fn set(
    p: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> Result<(), Escape> {
    // SAFETY: by this function's contract.
    unsafe {
        let place = place(p).ok_or(Escape)?;
        let wanted = Key::new(key).ok_or(Escape)?;
        if (*place).is_null() {
            *place = Box::into_raw(Box::default());
        }
        let table = &mut **place;
        if let Some(i) = table.find(wanted)? {
            refcount::incref(value);
            let old = std::mem::replace(&mut table.items[i].value, value);
            // Last: it may run code that looks at the dict.
            refcount::decref(old);
            return Ok(());
        }
        if table.items.len() >= MOST {
            return Err(Escape);
        }
        refcount::incref(key);
        refcount::incref(value);
        let hash = wanted.hash();
        table.push(Item { hash, key, value });
        (*p.cast::<PyDictObject>()).ma_used += 1;
        Ok(())
    }
}

/// Removes `key`; says whether it was there.
///
/// # Safety
/// `p` is a live object, and `key` alive; the lock is held.
pub unsafe fn remove(p: *mut PyObject, key: Key<'_>) -> Result<bool, Escape> {
    // SAFETY: by this function's contract.
    unsafe {
        let table = *place(p).ok_or(Escape)?;
        if table.is_null() {
            return Ok(false);
        }
        let table = &mut *table;
        let Some(i) = table.find(key)? else {
            return Ok(false);
        };
        if table.items.len() > FEW * 4 {
            // All that follow would have to move.
            return Err(Escape);
        }
        let item = table.remove(i);
        (*p.cast::<PyDictObject>()).ma_used -= 1;
        refcount::decref(item.key);
        refcount::decref(item.value);
        Ok(true)
    }
}

/// The item at `position`, borrowed; `None` at the end. Positions are those
/// that the VM's dict will have.
///
/// # Safety
/// `p` is a live object; the lock is held.
#[inline]
pub unsafe fn item(p: *mut PyObject, position: usize) -> Result<Option<Item>, Escape> {
    // SAFETY: by this function's contract.
    unsafe {
        let table = *place(p).ok_or(Escape)?;
        if table.is_null() {
            return Ok(None);
        }
        let table = &mut *table;
        table.lent = true;
        Ok(table.items.get(position).copied())
    }
}

/// The keys and values that `p` holds, if it is a dict in C memory alone.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn children(p: *mut PyObject) -> Vec<*mut PyObject> {
    // SAFETY: by this function's contract.
    unsafe {
        match place(p) {
            Some(table) if !(*table).is_null() => (**table)
                .items
                .iter()
                .flat_map(|item| [item.key, item.value])
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Takes the table out of the dict `p`, whatever else the dict is.
unsafe fn take(p: *mut PyObject) -> Option<Box<Table>> {
    // SAFETY: the callers' `p` is a dict, whose `ma_keys` is a table or NULL.
    unsafe {
        let place = (&raw mut (*p.cast::<PyDictObject>()).ma_keys).cast::<*mut Table>();
        let table = ptr::replace(place, ptr::null_mut());
        (!table.is_null()).then(|| Box::from_raw(table))
    }
}

/// Drops the items of the dict `p`.
///
/// # Safety
/// `p` is a dict at the end of its life; the lock is held.
pub unsafe fn clear(p: *mut PyObject) {
    // SAFETY: by this function's contract; the table holds the references.
    unsafe {
        if let Some(table) = take(p) {
            for item in table.items {
                refcount::decref(item.key);
                refcount::decref(item.value);
            }
        }
    }
}

/// Hands the items of `p` over to the VM's dict of it, which is linked by now
/// and lends C what it has borrowed before.
///
/// # Safety
/// `p` and `dict` are a pair; the lock is held.
pub unsafe fn hand_over(vm: &VirtualMachine, p: *mut PyObject, dict: &Py<PyDict>) {
    // SAFETY: by this function's contract; the table holds the references.
    unsafe {
        let Some(table) = take(p) else {
            return;
        };
        for item in table.items {
            if !table.lent && !mirror::is_container(item.value) {
                let key = vm_of_stolen(vm, item.key);
                insert(vm, dict, &key, vm_of_stolen(vm, item.value));
                continue;
            }
            let key = vm_of(vm, item.key);
            insert(vm, dict, &key, vm_of(vm, item.value));
            linger::stored(p, item.value);
            for part in [item.key, item.value] {
                if table.lent {
                    anchors::borrow_from(p, part);
                } else {
                    refcount::decref(part);
                }
            }
        }
    }
}

/// The VM's dict for `p`, whose only reference the caller gives away: nobody
/// else knows what is in it. `None` where C may still know it; nothing
/// happened then.
///
/// # Safety
/// `p` is live, at count 1, and not linked; the lock is held.
pub unsafe fn consume(vm: &VirtualMachine, p: *mut PyObject) -> Option<rustpython_vm::PyObjectRef> {
    // SAFETY: by this function's contract; the table holds the references.
    unsafe {
        let table = *place(p)?;
        if !table.is_null() && (*table).lent {
            return None;
        }
        let dict = vm.ctx.new_dict();
        if let Some(table) = take(p) {
            for item in table.items {
                let key = vm_of_stolen(vm, item.key);
                let value = vm_of_stolen(vm, item.value);
                insert(vm, &dict, &key, value);
            }
        }
        Some(dict.into())
    }
}

fn insert(
    vm: &VirtualMachine,
    dict: &Py<PyDict>,
    key: &rustpython_vm::PyObject,
    value: rustpython_vm::PyObjectRef,
) {
    dict.inner_setitem(key, value, vm)
        .expect("an exact str or int is a key");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_tell_kinds_lengths_and_contents_apart() {
        let texts: [&[u8]; 6] = [b"", b"a", b"a\0", b"abcdefgh", b"abcdefgi", b"abcdefgha"];
        for (i, a) in texts.iter().enumerate() {
            assert_eq!(hash_bytes(1, a), hash_bytes(1, a));
            assert_ne!(hash_bytes(1, a), hash_bytes(2, a));
            for b in &texts[i + 1..] {
                assert_ne!(hash_bytes(1, a), hash_bytes(1, b));
            }
        }
    }
}
