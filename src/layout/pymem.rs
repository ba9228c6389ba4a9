//! `cpython/pymem.h`: the allocator hooks.

use core::ffi::{c_uint, c_void};

pub type PyMemAllocatorDomain = c_uint;
pub const PYMEM_DOMAIN_RAW: PyMemAllocatorDomain = 0;
pub const PYMEM_DOMAIN_MEM: PyMemAllocatorDomain = 1;
pub const PYMEM_DOMAIN_OBJ: PyMemAllocatorDomain = 2;

pub type PyMemAllocatorName = c_uint;
pub const PYMEM_ALLOCATOR_NOT_SET: PyMemAllocatorName = 0;
pub const PYMEM_ALLOCATOR_DEFAULT: PyMemAllocatorName = 1;
pub const PYMEM_ALLOCATOR_DEBUG: PyMemAllocatorName = 2;
pub const PYMEM_ALLOCATOR_MALLOC: PyMemAllocatorName = 3;
pub const PYMEM_ALLOCATOR_MALLOC_DEBUG: PyMemAllocatorName = 4;
pub const PYMEM_ALLOCATOR_PYMALLOC: PyMemAllocatorName = 5;
pub const PYMEM_ALLOCATOR_PYMALLOC_DEBUG: PyMemAllocatorName = 6;
pub const PYMEM_ALLOCATOR_MIMALLOC: PyMemAllocatorName = 7;
pub const PYMEM_ALLOCATOR_MIMALLOC_DEBUG: PyMemAllocatorName = 8;

/// One domain's allocator, as `PyMem_SetAllocator` takes and `PyMem_GetAllocator` fills it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PyMemAllocatorEx {
    pub ctx: *mut c_void,
    pub malloc: Option<unsafe extern "C" fn(ctx: *mut c_void, size: usize) -> *mut c_void>,
    pub calloc:
        Option<unsafe extern "C" fn(ctx: *mut c_void, nelem: usize, elsize: usize) -> *mut c_void>,
    pub realloc: Option<
        unsafe extern "C" fn(ctx: *mut c_void, ptr: *mut c_void, new_size: usize) -> *mut c_void,
    >,
    pub free: Option<unsafe extern "C" fn(ctx: *mut c_void, ptr: *mut c_void)>,
}
assert_layout!(PyMemAllocatorEx, 40, { ctx: 0, malloc: 8, calloc: 16, realloc: 24, free: 32 });
