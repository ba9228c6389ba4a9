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

/// Largest block (prefix included) that a slab serves.
const SLAB_LIMIT: usize = 1024;
const GRANULE: usize = 16;
const CLASSES: usize = SLAB_LIMIT / GRANULE;
const PAGE: usize = 4096;
/// How much a size class carves at a time.
const RUN: usize = 16 * 1024;
/// Freed page runs from this size on give their memory back to the system;
/// smaller ones are soon used again.
const GIVEN_BACK: usize = 256 * 1024;
/// Class number of a block made of whole pages.
const LARGE: u8 = 0xff;

static START: AtomicUsize = AtomicUsize::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(0);

struct Arena {
    /// First byte not carved yet.
    top: usize,
    end: usize,
    free: [*mut FreeBlock; CLASSES + 1],
    /// Freed page runs by size.
    pages: BTreeMap<usize, Vec<usize>>,
    /// Sizes of live page runs by address of the block.
    large: BTreeMap<usize, usize>,
    bump: Bump,
    live: usize,
}

struct FreeBlock {
    next: *mut FreeBlock,
}

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
            free: [ptr::null_mut(); CLASSES + 1],
            pages: BTreeMap::new(),
            large: BTreeMap::new(),
            bump: Bump::new(),
            live: 0,
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

/// Number of blocks in use.
pub fn live_blocks() -> usize {
    arena().live
}

#[inline]
fn round_up(n: usize, to: usize) -> usize {
    (n + to - 1) & !(to - 1)
}

/// A block of `size` bytes, aligned to 16, with a cleared prefix before it.
/// The block itself is not cleared. NULL when memory is out.
#[inline]
pub fn allocate(size: usize) -> *mut u8 {
    let Some(total) = size.checked_add(PREFIX_SIZE) else {
        return ptr::null_mut();
    };
    let a = arena();
    let (block, class) = if total <= SLAB_LIMIT {
        let class = total.div_ceil(GRANULE);
        let head = a.free[class];
        let block = if head.is_null() {
            a.refill(class)
        } else {
            // SAFETY: blocks on a free list are ours, unused, and hold a link.
            a.free[class] = unsafe { (*head).next };
            head.cast::<u8>()
        };
        (block, class as u8)
    } else {
        (a.allocate_pages(total), LARGE)
    };
    if block.is_null() {
        return block;
    }
    a.live += 1;
    // SAFETY: the block is at least as long as a prefix and aligned to 16.
    unsafe {
        block.cast::<Prefix>().write(Prefix::new(class));
        block.add(PREFIX_SIZE)
    }
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
    let a = arena();
    // SAFETY: the caller says that this is a block of ours.
    unsafe {
        let block = p.sub(PREFIX_SIZE);
        let class = (*block.cast::<Prefix>()).class();
        a.live -= 1;
        if class == LARGE {
            a.release_pages(block as usize);
            return;
        }
        if cfg!(debug_assertions) {
            ptr::write_bytes(block, 0xdd, class as usize * GRANULE);
        }
        let free = block.cast::<FreeBlock>();
        (*free).next = a.free[class as usize];
        a.free[class as usize] = free;
    }
}

/// Whether `p` is a block of a slab: there will never be anything but blocks of
/// the same size at its place.
pub fn in_slab(p: *mut u8) -> bool {
    // SAFETY: a block of ours has a prefix before it.
    contains(p as usize) && unsafe { (*p.sub(PREFIX_SIZE).cast::<Prefix>()).class() } != LARGE
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
    let total = if class == LARGE {
        arena().large[&(block as usize)]
    } else {
        class as usize * GRANULE
    };
    total - PREFIX_SIZE
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

    #[cold]
    fn refill(&mut self, class: usize) -> *mut u8 {
        let size = class * GRANULE;
        let run = self.carve(round_up(RUN, PAGE));
        if run.is_null() {
            return run;
        }
        let count = RUN / size;
        for i in (1..count).rev() {
            // SAFETY: the run was just carved and `count` blocks fit into it.
            unsafe {
                let block = run.add(i * size).cast::<FreeBlock>();
                (*block).next = self.free[class];
                self.free[class] = block;
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
                let address = runs.pop().expect("no empty lists are kept");
                if runs.is_empty() {
                    self.pages.remove(&size);
                }
                (address, size)
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
        if size >= GIVEN_BACK {
            // SAFETY: the run is ours and unused; its contents may go.
            unsafe { libc::madvise(address as *mut _, size, libc::MADV_DONTNEED) };
        }
        self.pages.entry(size).or_default().push(address);
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
            assert_eq!(allocate(24), small, "a freed block is used again");
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
