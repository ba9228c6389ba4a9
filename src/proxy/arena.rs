//! The memory of C objects.
//!
//! Everything [`allocate`] hands out lies in one reserved range of addresses
//! and carries a hidden [`Prefix`] just before the object, so that "is this
//! ours?" is one comparison and "what is it linked to?" one load. Small
//! blocks come from size-class slabs with free lists, carved from a bump
//! pointer; large ones are whole pages that go back to the system when freed.
//!
//! What lives for ever (mirrors of static types, strings that C keeps
//! pointers to) comes from [`immortal`].
//!
//! Everything here requires the extension lock.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

use bumpalo::Bump;

use super::prefix::{PREFIX_SIZE, Prefix};
use crate::layout::PyObject;
use crate::refcount::check;

/// Largest block (prefix included) that a slab serves.
const SLAB_LIMIT: usize = 1024;
const GRANULE: usize = 16;
/// A list for each number that fits into a prefix, more than there are classes.
const LISTS: usize = 1 << u8::BITS;
const PAGE: usize = 4096;
/// How much a size class carves at a time.
const RUN: usize = 16 * 1024;
/// Freed page runs keep their memory, which takes the system long to give, as
/// long as they have no more than this; beyond that, they give it back.
const KEPT: usize = 64 << 20;
/// Class number of a block that is not in use; memory that was never used has it.
const UNUSED: u8 = 0;
/// Class number of a block that is [checked](check).
const CHECKED: u8 = 0xfe;
/// Class number of a block made of whole pages.
const LARGE: u8 = 0xff;

static START: AtomicUsize = AtomicUsize::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(0);

struct Arena {
    /// First byte not carved yet.
    top: usize,
    end: usize,
    /// Freed page runs by size.
    pages: BTreeMap<usize, Vec<Run>>,
    /// How much memory they have.
    kept: usize,
    /// What the size classes carved: the address of each run, and its class.
    runs: Vec<(usize, u8)>,
    /// Sizes of live page runs by address of the block.
    large: BTreeMap<usize, usize>,
    bump: Bump,
    /// Blocks carved for all size classes.
    carved: usize,
}

/// A freed run of pages.
struct Run {
    address: usize,
    /// Whether it has its memory still.
    kept: bool,
}

struct FreeBlock {
    next: *mut FreeBlock,
}

/// The free blocks by size class. Apart from [`Arena`], so that the ways that
/// are taken for every object need not ask whether that is set up: before, all
/// lists are empty.
struct FreeLists(UnsafeCell<[*mut FreeBlock; LISTS]>);
// SAFETY: only the holder of the extension lock reaches them.
unsafe impl Sync for FreeLists {}
static FREE: FreeLists = FreeLists(UnsafeCell::new([ptr::null_mut(); LISTS]));

struct Global(UnsafeCell<Option<Arena>>);
// SAFETY: only the holder of the extension lock reaches the arena.
unsafe impl Sync for Global {}
static ARENA: Global = Global(UnsafeCell::new(None));

/// Reserves the address range, once.
///
/// # Panics
/// When the system refuses to reserve even a gigabyte of addresses.
pub fn init() {
    // SAFETY: the caller holds the extension lock, see the module docs.
    let slot = unsafe { &mut *ARENA.0.get() };
    if slot.is_some() {
        return;
    }
    for shift in [38, 36, 34, 32, 30] {
        let size = 1usize << shift;
        // SAFETY: an anonymous private mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            continue;
        }
        START.store(base as usize, Ordering::Relaxed);
        SIZE.store(size, Ordering::Relaxed);
        *slot = Some(Arena {
            top: base as usize,
            end: base as usize + size,
            pages: BTreeMap::new(),
            kept: 0,
            runs: Vec::new(),
            large: BTreeMap::new(),
            bump: Bump::new(),
            carved: 0,
        });
        return;
    }
    panic!("cannot reserve an address range for C objects");
}

fn arena() -> &'static mut Arena {
    // SAFETY: the holder of the extension lock is alone here, and no function
    // of this module calls out while it holds the reference.
    unsafe { (*ARENA.0.get()).as_mut() }.expect("the arena is set up before the first object")
}

/// Whether `address` is a block of ours, with a [`Prefix`] before it.
#[inline]
pub fn contains(address: usize) -> bool {
    address.wrapping_sub(START.load(Ordering::Relaxed)) < SIZE.load(Ordering::Relaxed)
}

/// Number of blocks in use, for debugging: it counts the free ones.
pub fn live_blocks() -> usize {
    let a = arena();
    let mut free = 0;
    // SAFETY: the caller holds the lock; what is on a free list is ours.
    unsafe {
        for &head in &*FREE.0.get() {
            let mut block = head;
            while !block.is_null() {
                free += 1;
                block = (*block).next;
            }
        }
    }
    a.carved + a.large.len() + check::blocks_if_on().len() - free
}

#[inline]
fn round_up(n: usize, to: usize) -> usize {
    (n + to - 1) & !(to - 1)
}

/// A block of `size` bytes, aligned to 16, with a cleared prefix before it.
/// The block itself is not cleared. NULL when memory is out.
#[inline]
pub fn allocate(size: usize) -> *mut u8 {
    if size > SLAB_LIMIT - PREFIX_SIZE {
        return allocate_large(size);
    }
    let class = (size + PREFIX_SIZE).div_ceil(GRANULE);
    // SAFETY: the caller holds the lock; a block on a free list is ours,
    // unused, at least as long as a prefix, and holds the link to the next.
    unsafe {
        let list = &raw mut (*FREE.0.get())[class];
        let block = *list;
        if block.is_null() {
            return allocate_slowly(class);
        }
        *list = (*block).next;
        start(block.cast(), class as u8)
    }
}

/// Writes the prefix of a fresh block; the address behind it.
#[inline]
unsafe fn start(block: *mut u8, class: u8) -> *mut u8 {
    // SAFETY: the callers' block is unused, and longer than a prefix.
    unsafe {
        block.cast::<Prefix>().write(Prefix::new(class));
        block.add(PREFIX_SIZE)
    }
}

#[cold]
fn allocate_slowly(class: usize) -> *mut u8 {
    if check::is_on() {
        return arena().allocate_checked(class * GRANULE);
    }
    let block = arena().refill(class);
    if block.is_null() {
        return block;
    }
    // SAFETY: a block of this class.
    unsafe { start(block, class as u8) }
}

#[cold]
fn allocate_large(size: usize) -> *mut u8 {
    let Some(total) = size.checked_add(PREFIX_SIZE) else {
        return ptr::null_mut();
    };
    if check::is_on() {
        return arena().allocate_checked(total);
    }
    let block = arena().allocate_pages(total);
    if block.is_null() {
        return block;
    }
    // SAFETY: whole pages.
    unsafe { start(block, LARGE) }
}

/// Like [`allocate`], zeroed.
#[inline]
pub fn allocate_zeroed(size: usize) -> *mut u8 {
    let p = allocate(size);
    if !p.is_null() {
        // SAFETY: the block has `size` bytes.
        unsafe { ptr::write_bytes(p, 0, size) };
    }
    p
}

/// Gives a block back.
///
/// # Safety
/// `p` came from [`allocate`] and nobody uses it any more.
#[inline]
pub unsafe fn release(p: *mut u8) {
    // SAFETY: the caller says that this is a block of ours.
    unsafe {
        let block = p.sub(PREFIX_SIZE);
        let class = (*block.cast::<Prefix>()).class();
        if class >= CHECKED {
            if class == CHECKED {
                check::released(p.cast());
            } else {
                arena().release_pages(block as usize);
            }
            return;
        }
        if cfg!(debug_assertions) {
            ptr::write_bytes(block, 0xdd, class as usize * GRANULE);
        }
        (*block.cast::<Prefix>()).set_class(UNUSED);
        let list = (&raw mut (*FREE.0.get())[class as usize]);
        let free = block.cast::<FreeBlock>();
        (*free).next = *list;
        *list = free;
    }
}

/// Whether `p` is a block of a slab: there will never be anything but blocks of
/// the same size at its place.
pub fn in_slab(p: *mut u8) -> bool {
    // SAFETY: a block of ours has a prefix before it.
    contains(p as usize) && unsafe { (*p.sub(PREFIX_SIZE).cast::<Prefix>()).class() } != LARGE
}

/// Calls `f` with every block in use, objects and other memory. `f` must not
/// allocate or release blocks.
pub fn each_live(mut f: impl FnMut(*mut PyObject)) {
    let a = arena();
    for block in check::blocks_if_on() {
        f(block as *mut PyObject);
    }
    for &(run, class) in &a.runs {
        let size = usize::from(class) * GRANULE;
        for block in (run..run + RUN / size * size).step_by(size) {
            // SAFETY: the run was carved into blocks of this size, each of
            // which starts with a prefix, or with what is left of one.
            if unsafe { (*(block as *const Prefix)).class() } == class {
                f((block + PREFIX_SIZE) as *mut PyObject);
            }
        }
    }
    for &block in a.large.keys() {
        f((block + PREFIX_SIZE) as *mut PyObject);
    }
}

/// The number of bytes that fit into the block at `p`.
///
/// # Safety
/// `p` came from [`allocate`] and is live.
pub unsafe fn usable_size(p: *mut u8) -> usize {
    // SAFETY: the caller says that this is a block of ours.
    let (block, class) = unsafe {
        let block = p.sub(PREFIX_SIZE);
        (block, (*block.cast::<Prefix>()).class())
    };
    if class == CHECKED {
        return check::size_of_block(p as usize);
    }
    let total = if class == LARGE {
        arena().large[&(block as usize)]
    } else {
        class as usize * GRANULE
    };
    total - PREFIX_SIZE
}

/// Memory that hangs off an object, as much of the old block at `p` (NULL for
/// none) as fits copied: small blocks are ours, large ones `malloc`'s, which
/// can grow without copying. NULL when memory is out; the old block stays then.
///
/// # Safety
/// `p` is NULL or came from here, and is gone if the result is not NULL.
pub unsafe fn reallocate_raw(p: *mut u8, size: usize) -> *mut u8 {
    let small = size <= SLAB_LIMIT - PREFIX_SIZE;
    if p.is_null() && small {
        return allocate(size);
    }
    // SAFETY: by this function's contract.
    unsafe {
        if !contains(p as usize) && !small {
            return libc::realloc(p.cast(), size).cast();
        }
        let have = if contains(p as usize) {
            usable_size(p)
        } else {
            libc::malloc_usable_size(p.cast())
        };
        let fresh = if small {
            allocate(size)
        } else {
            libc::malloc(size).cast()
        };
        if !fresh.is_null() {
            ptr::copy_nonoverlapping(p, fresh, have.min(size));
            free_raw(p);
        }
        fresh
    }
}

/// Gives back memory of [`reallocate_raw`]; NULL is allowed.
///
/// # Safety
/// `p` is NULL or came from there, and nobody uses it any more.
#[inline]
pub unsafe fn free_raw(p: *mut u8) {
    // SAFETY: by this function's contract.
    unsafe {
        if contains(p as usize) {
            release(p);
        } else {
            libc::free(p.cast());
        }
    }
}

/// Memory that lives for ever.
pub fn immortal(layout: Layout) -> NonNull<u8> {
    let p = arena().bump.alloc_layout(layout);
    // SAFETY: the bump allocator gave us `layout.size()` bytes.
    unsafe { ptr::write_bytes(p.as_ptr(), 0, layout.size()) };
    p
}

/// A NUL-terminated copy of `text` that lives for ever.
pub fn immortal_c_string(text: &str) -> *const std::ffi::c_char {
    let bytes = arena().bump.alloc_slice_fill_copy(text.len() + 1, 0u8);
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes.as_ptr().cast()
}

impl Arena {
    fn carve(&mut self, size: usize) -> *mut u8 {
        if self.end - self.top < size {
            return ptr::null_mut();
        }
        let p = self.top;
        self.top += size;
        p as *mut u8
    }

    /// A block for [`check`], `total` bytes with its prefix; the address behind
    /// that.
    #[cold]
    fn allocate_checked(&mut self, total: usize) -> *mut u8 {
        let Some(total) = total.checked_next_multiple_of(GRANULE) else {
            return ptr::null_mut();
        };
        let size = total - PREFIX_SIZE;
        let block = match check::reusable(size) {
            Some(address) => (address - PREFIX_SIZE) as *mut u8,
            None => self.carve(total),
        };
        if block.is_null() {
            return block;
        }
        check::allocated(block as usize + PREFIX_SIZE, size);
        // SAFETY: the block is unused, longer than a prefix and aligned to 16.
        unsafe {
            block.cast::<Prefix>().write(Prefix::new(CHECKED));
            block.add(PREFIX_SIZE)
        }
    }

    #[cold]
    fn refill(&mut self, class: usize) -> *mut u8 {
        let size = class * GRANULE;
        let run = self.carve(round_up(RUN, PAGE));
        if run.is_null() {
            return run;
        }
        self.runs.push((run as usize, class as u8));
        let count = RUN / size;
        self.carved += count;
        for i in (1..count).rev() {
            // SAFETY: the run was just carved and `count` blocks fit into it;
            // the lock is held.
            unsafe {
                let list = &raw mut (*FREE.0.get())[class];
                let block = run.add(i * size).cast::<FreeBlock>();
                (*block).next = *list;
                *list = block;
            }
        }
        run
    }

    fn allocate_pages(&mut self, total: usize) -> *mut u8 {
        let Some(total) = total.checked_next_multiple_of(PAGE) else {
            return ptr::null_mut();
        };
        // A freed run of up to twice the size will do; the surplus stays with it.
        let found = self
            .pages
            .range(total..=total.saturating_mul(2))
            .next()
            .map(|(&size, _)| size);
        let (address, size) = match found {
            Some(size) => {
                let runs = self.pages.get_mut(&size).expect("just found");
                let run = runs.pop().expect("no empty lists are kept");
                if runs.is_empty() {
                    self.pages.remove(&size);
                }
                if run.kept {
                    self.kept -= size;
                }
                (run.address, size)
            }
            None => (self.carve(total) as usize, total),
        };
        if address != 0 {
            self.large.insert(address, size);
        }
        address as *mut u8
    }

    fn release_pages(&mut self, address: usize) {
        let size = self.large.remove(&address).expect("a live page run");
        let kept = self.kept + size <= KEPT;
        if kept {
            self.kept += size;
        } else {
            // SAFETY: the run is ours and unused; its contents may go.
            unsafe { libc::madvise(address as *mut _, size, libc::MADV_DONTNEED) };
        }
        let run = Run { address, kept };
        self.pages.entry(size).or_default().push(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: the arena belongs to the holder of the extension lock, and
    // the test harness runs tests on several threads.
    #[test]
    fn blocks_are_ours_aligned_and_reused() {
        init();
        let small = allocate(24);
        assert!(contains(small as usize) && (small as usize).is_multiple_of(16));
        assert!(!contains(&raw const small as usize));
        let before = live_blocks();
        // SAFETY: the blocks come from this arena.
        unsafe {
            assert!(usable_size(small) >= 24);
            release(small);
            assert_eq!(live_blocks(), before - 1);
            each_live(|p| assert_ne!(p.cast(), small));
            assert_eq!(allocate(24), small, "a freed block is used again");
            let mut seen = 0;
            each_live(|p| seen += usize::from(p.cast() == small));
            assert_eq!(seen, 1);
            let large = allocate(1 << 20);
            assert!(usable_size(large) >= 1 << 20);
            ptr::write_bytes(large, 7, 1 << 20);
            release(large);
            assert_eq!(allocate_zeroed(1 << 20), large);
            assert_eq!(*large, 0);
            release(large);
            release(small);
        }
        assert!(allocate(usize::MAX).is_null());
    }
}
