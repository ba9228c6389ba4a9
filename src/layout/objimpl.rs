//! `objimpl.h` and `cpython/objimpl.h`: allocation and garbage collection.

use super::PyObject;
use core::ffi::{c_int, c_void};

/// Source of the arenas that CPython's small-object allocator carves.
#[repr(C)]
pub struct PyObjectArenaAllocator {
    pub ctx: *mut c_void,
    pub alloc: Option<unsafe extern "C" fn(ctx: *mut c_void, size: usize) -> *mut c_void>,
    pub free: Option<unsafe extern "C" fn(ctx: *mut c_void, ptr: *mut c_void, size: usize)>,
}
assert_layout!(PyObjectArenaAllocator, 24, { ctx: 0, alloc: 8, free: 16 });

/// Called by `PyUnstable_GC_VisitObjects`; 0 ends the walk.
pub type gcvisitobjects_t = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;

/// The two words CPython puts before every collected object. No extension reads them; they
/// count in `sys.getsizeof` and in the offset of the managed pre-header.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PyGC_Head {
    pub _gc_next: usize,
    pub _gc_prev: usize,
}
assert_layout!(PyGC_Head, 16, { _gc_next: 0, _gc_prev: 8 });
