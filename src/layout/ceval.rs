//! `ceval.h` and `cpython/ceval.h`.

use super::PyThread_type_lock;
use core::ffi::c_int;
use libc::FILE;

/// State of the perf map file.
#[repr(C)]
pub struct PerfMapState {
    pub perf_map: *mut FILE,
    pub map_lock: PyThread_type_lock,
}
assert_layout!(PerfMapState, 16, { perf_map: 0, map_lock: 8 });

// Conversions of `FORMAT_VALUE`.
pub const FVC_MASK: c_int = 3;
pub const FVC_NONE: c_int = 0;
pub const FVC_STR: c_int = 1;
pub const FVC_REPR: c_int = 2;
pub const FVC_ASCII: c_int = 3;
pub const FVS_MASK: c_int = 4;
pub const FVS_HAVE_SPEC: c_int = 4;
