//! `pymem.h` and `cpython/pymem.h`: raw memory.
//!
//! Both families are `malloc`'s. What an extension frees with the wrong
//! family (objects' memory with `PyMem_Free`, say) goes back to where it came
//! from, as it does with CPython's default allocators.

use std::ffi::c_void;
use std::ptr;

use super::objimpl::{self, MOST};
use crate::layout::{PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW, PyMemAllocatorDomain, PyMemAllocatorEx};
use crate::proxy::arena;

/// `size` bytes, at least one, or NULL. Needs no lock.
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
    unsafe { libc::malloc(size.max(1)) }
}

/// `nelem * elsize` zeroed bytes, at least one, or NULL. Needs no lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawCalloc(nelem: usize, elsize: usize) -> *mut c_void {
    match nelem.checked_mul(elsize) {
        // SAFETY: any size will do.
        Some(size) if size <= MOST => unsafe { libc::calloc(size.max(1), 1) },
        _ => ptr::null_mut(),
    }
}

/// Resizes a block, which may move. NULL leaves the old one as it is. Needs no
/// lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawRealloc(p: *mut c_void, size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    // SAFETY: the block is `malloc`'s.
    unsafe { libc::realloc(p, size.max(1)) }
}

/// Frees a block. Needs no lock.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_RawFree(p: *mut c_void) {
    // SAFETY: the block is `malloc`'s.
    unsafe { libc::free(p) };
}

/// `size` bytes, at least one, or NULL without an exception.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Malloc(size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyMem_RawMalloc(size) }
}

/// `nelem * elsize` zeroed bytes, at least one, or NULL without an exception.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Calloc(nelem: usize, elsize: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyMem_RawCalloc(nelem, elsize) }
}

/// Resizes a block, which may move. NULL leaves the old one as it is.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe {
        if arena::contains(p as usize) {
            objimpl::PyObject_Realloc(p, size)
        } else {
            PyMem_RawRealloc(p, size)
        }
    }
}

/// Frees a block.
///
/// # Safety
/// As for [`PyMem_RawMalloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_Free(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe {
        if arena::contains(p as usize) {
            objimpl::PyObject_Free(p);
        } else {
            libc::free(p);
        }
    }
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

unsafe extern "C" fn mem_malloc(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyMem_Malloc(size) }
}
unsafe extern "C" fn mem_calloc(_: *mut c_void, nelem: usize, elsize: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { PyMem_Calloc(nelem, elsize) }
}
unsafe extern "C" fn mem_realloc(_: *mut c_void, p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller owns the block.
    unsafe { PyMem_Realloc(p, size) }
}
unsafe extern "C" fn mem_free(_: *mut c_void, p: *mut c_void) {
    // SAFETY: the caller owns the block.
    unsafe { PyMem_Free(p) }
}
unsafe extern "C" fn raw_realloc(_: *mut c_void, p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller owns the block.
    unsafe { PyMem_RawRealloc(p, size) }
}
unsafe extern "C" fn raw_free(_: *mut c_void, p: *mut c_void) {
    // SAFETY: the caller owns the block.
    unsafe { PyMem_RawFree(p) }
}
unsafe extern "C" fn object_malloc(_: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { objimpl::PyObject_Malloc(size) }
}
unsafe extern "C" fn object_calloc(_: *mut c_void, nelem: usize, elsize: usize) -> *mut c_void {
    // SAFETY: any size will do.
    unsafe { objimpl::PyObject_Calloc(nelem, elsize) }
}
unsafe extern "C" fn object_realloc(_: *mut c_void, p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller owns the block.
    unsafe { objimpl::PyObject_Realloc(p, size) }
}
unsafe extern "C" fn object_free(_: *mut c_void, p: *mut c_void) {
    // SAFETY: the caller owns the block.
    unsafe { objimpl::PyObject_Free(p) }
}

/// Fills `allocator` with the functions behind a domain.
///
/// # Safety
/// `allocator` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_GetAllocator(
    domain: PyMemAllocatorDomain,
    allocator: *mut PyMemAllocatorEx,
) {
    let functions = match domain {
        PYMEM_DOMAIN_OBJ => PyMemAllocatorEx {
            ctx: ptr::null_mut(),
            malloc: Some(object_malloc),
            calloc: Some(object_calloc),
            realloc: Some(object_realloc),
            free: Some(object_free),
        },
        PYMEM_DOMAIN_RAW => PyMemAllocatorEx {
            ctx: ptr::null_mut(),
            malloc: Some(mem_malloc),
            calloc: Some(mem_calloc),
            realloc: Some(raw_realloc),
            free: Some(raw_free),
        },
        _ => PyMemAllocatorEx {
            ctx: ptr::null_mut(),
            malloc: Some(mem_malloc),
            calloc: Some(mem_calloc),
            realloc: Some(mem_realloc),
            free: Some(mem_free),
        },
    };
    // SAFETY: by this function's contract.
    unsafe { allocator.write(functions) };
}

// skipped: PyMem_SetAllocator: the allocators are not replaceable
// skipped: PyMem_SetupDebugHooks: likewise
