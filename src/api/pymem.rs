//! `pymem.h` and `cpython/pymem.h`: raw memory.
//!
//! Unless somebody sets other allocators, both families are `malloc`'s. What an extension frees with the wrong
//! family (objects' memory with `PyMem_Free`, say) goes back to where it came
//! from, as it does with CPython's default allocators.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::objimpl::{self, MOST};
use crate::layout::{
    PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW, PyMemAllocatorDomain, PyMemAllocatorEx,
};
use crate::proxy::arena;

/// What a domain is allocated with until somebody sets something else.
mod default {
    use super::*;

    pub unsafe extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut c_void {
        if size > MOST {
            return ptr::null_mut();
        }
        // SAFETY: any size will do.
        unsafe { libc::malloc(size.max(1)) }
    }

    pub unsafe extern "C" fn calloc(_: *mut c_void, nelem: usize, elsize: usize) -> *mut c_void {
        match nelem.checked_mul(elsize) {
            // SAFETY: any size will do.
            Some(size) if size <= MOST => unsafe { libc::calloc(size.max(1), 1) },
            _ => ptr::null_mut(),
        }
    }

    pub unsafe extern "C" fn realloc(_: *mut c_void, p: *mut c_void, size: usize) -> *mut c_void {
        if size > MOST {
            return ptr::null_mut();
        }
        // SAFETY: the block is `malloc`'s, and the caller's.
        unsafe { libc::realloc(p, size.max(1)) }
    }

    pub unsafe extern "C" fn free(_: *mut c_void, p: *mut c_void) {
        // SAFETY: the block is `malloc`'s, and the caller's.
        unsafe { libc::free(p) };
    }

    pub unsafe extern "C" fn mem_realloc(
        ctx: *mut c_void,
        p: *mut c_void,
        size: usize,
    ) -> *mut c_void {
        // SAFETY: the block is the caller's.
        unsafe {
            if arena::contains(p as usize) {
                objimpl::default_realloc(ctx, p, size)
            } else {
                realloc(ctx, p, size)
            }
        }
    }

    pub unsafe extern "C" fn mem_free(ctx: *mut c_void, p: *mut c_void) {
        // SAFETY: the block is the caller's.
        unsafe {
            if arena::contains(p as usize) {
                objimpl::default_free(ctx, p);
            } else {
                libc::free(p);
            }
        }
    }
}

pub(super) const RAW: PyMemAllocatorEx = PyMemAllocatorEx {
    ctx: ptr::null_mut(),
    malloc: Some(default::malloc),
    calloc: Some(default::calloc),
    realloc: Some(default::realloc),
    free: Some(default::free),
};
const MEM: PyMemAllocatorEx = PyMemAllocatorEx {
    ctx: ptr::null_mut(),
    malloc: Some(default::malloc),
    calloc: Some(default::calloc),
    realloc: Some(default::mem_realloc),
    free: Some(default::mem_free),
};
const OBJ: PyMemAllocatorEx = PyMemAllocatorEx {
    ctx: ptr::null_mut(),
    malloc: Some(objimpl::default_malloc),
    calloc: Some(objimpl::default_calloc),
    realloc: Some(objimpl::default_realloc),
    free: Some(objimpl::default_free),
};

/// A domain's allocator.
pub(super) struct Domain {
    /// Whether it is not the default, which the functions then know without asking.
    replaced: AtomicBool,
    default: PyMemAllocatorEx,
    current: RwLock<PyMemAllocatorEx>,
}

// SAFETY: the pointer in an allocator is only handed to its functions, which are for any thread.
unsafe impl Sync for Domain {}

impl Domain {
    const fn new(default: PyMemAllocatorEx) -> Self {
        Self {
            replaced: AtomicBool::new(false),
            default,
            current: RwLock::new(default),
        }
    }

    #[cold]
    fn current(&self) -> PyMemAllocatorEx {
        *self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The allocator that somebody set, if anybody did.
    #[inline]
    pub fn replaced(&self) -> Option<PyMemAllocatorEx> {
        self.replaced
            .load(Ordering::Relaxed)
            .then(|| self.current())
    }

    fn set(&self, allocator: PyMemAllocatorEx) {
        let address = |allocator: &PyMemAllocatorEx| allocator.malloc.map(|f| f as usize);
        let is_default = address(&allocator) == address(&self.default) && allocator.ctx.is_null();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = allocator;
        self.replaced.store(!is_default, Ordering::Relaxed);
    }
}

static RAW_DOMAIN: Domain = Domain::new(RAW);
pub(super) static MEM_DOMAIN: Domain = Domain::new(MEM);
pub(super) static OBJ_DOMAIN: Domain = Domain::new(OBJ);

fn domain(domain: PyMemAllocatorDomain) -> Option<&'static Domain> {
    match domain {
        PYMEM_DOMAIN_RAW => Some(&RAW_DOMAIN),
        PYMEM_DOMAIN_MEM => Some(&MEM_DOMAIN),
        PYMEM_DOMAIN_OBJ => Some(&OBJ_DOMAIN),
        _ => None,
    }
}

/// Calls a function of a replaced allocator, or the default one.
macro_rules! through {
    ($domain:ident, $default:path, $function:ident, $($argument:expr),*) => {
        match $domain.replaced() {
            None => $default(ptr::null_mut(), $($argument),*),
            Some(allocator) => match allocator.$function {
                Some(function) => function(allocator.ctx, $($argument),*),
                None => $default(ptr::null_mut(), $($argument),*),
            },
        }
    };
}
pub(super) use through;

/// `size` bytes, at least one, or NULL without an exception. Needs no lock.
///
/// # Safety
/// None for the allocating functions of this file; those that take a block
/// need one that the caller owns, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawMalloc(size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    unsafe { through!(RAW_DOMAIN, default::malloc, malloc, size) }
}

/// `nelem * elsize` zeroed bytes, at least one, or NULL without an exception. Needs no lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawCalloc(nelem: usize, elsize: usize) -> *mut c_void {
    if nelem.checked_mul(elsize).is_none_or(|size| size > MOST) {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    unsafe { through!(RAW_DOMAIN, default::calloc, calloc, nelem, elsize) }
}

/// Resizes a block, which may move. NULL leaves the old one as it is. Needs no lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawRealloc(p: *mut c_void, size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    // SAFETY: by this function's contract.
    unsafe { through!(RAW_DOMAIN, default::realloc, realloc, p, size) }
}

/// Frees a block. Needs no lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawFree(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { through!(RAW_DOMAIN, default::free, free, p) }
}

/// `size` bytes, at least one, or NULL without an exception.
///
/// # Safety
/// None for the allocating functions of this file; those that take a block
/// need one that the caller owns, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Malloc(size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    unsafe { through!(MEM_DOMAIN, default::malloc, malloc, size) }
}

/// `nelem * elsize` zeroed bytes, at least one, or NULL without an exception.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Calloc(nelem: usize, elsize: usize) -> *mut c_void {
    if nelem.checked_mul(elsize).is_none_or(|size| size > MOST) {
        return ptr::null_mut();
    }
    // SAFETY: any size will do.
    unsafe { through!(MEM_DOMAIN, default::calloc, calloc, nelem, elsize) }
}

/// Resizes a block, which may move. NULL leaves the old one as it is.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Realloc(p: *mut c_void, size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    // SAFETY: by this function's contract.
    unsafe { through!(MEM_DOMAIN, default::mem_realloc, realloc, p, size) }
}

/// Frees a block.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Free(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { through!(MEM_DOMAIN, default::mem_free, free, p) }
}

/// A copy of a NUL-terminated string, to be freed with [`PyMem_Free`]; NULL
/// when memory is out.
///
/// # Safety
/// `text` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyMem_Strdup(text: *const std::ffi::c_char) -> *mut std::ffi::c_char {
    // SAFETY: by this function's contract.
    unsafe { libc::strdup(text) }
}

/// Fills `allocator` with the functions behind a domain; with NULL for a domain that does not exist.
///
/// # Safety
/// `allocator` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_GetAllocator(
    domain: PyMemAllocatorDomain,
    allocator: *mut PyMemAllocatorEx,
) {
    let current = match self::domain(domain) {
        Some(domain) => domain.current(),
        None => PyMemAllocatorEx {
            ctx: ptr::null_mut(),
            malloc: None,
            calloc: None,
            realloc: None,
            free: None,
        },
    };
    // SAFETY: by this function's contract.
    unsafe { allocator.write(current) };
}

/// Has a domain allocated by other functions. They serve what C asks for; the objects that the API itself makes keep their own
/// place. A block of before is handed to the new functions, which must pass it on.
///
/// # Safety
/// `allocator` is an allocator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_SetAllocator(
    domain: PyMemAllocatorDomain,
    allocator: *mut PyMemAllocatorEx,
) {
    if let Some(domain) = self::domain(domain) {
        // SAFETY: by this function's contract.
        domain.set(unsafe { allocator.read() });
    }
}
