//! `cpython/pyframe.h`: indices into `PyUnstable_ExecutableKinds`.

use core::ffi::c_int;

pub const PyUnstable_EXECUTABLE_KIND_SKIP: c_int = 0;
pub const PyUnstable_EXECUTABLE_KIND_PY_FUNCTION: c_int = 1;
pub const PyUnstable_EXECUTABLE_KIND_BUILTIN_FUNCTION: c_int = 3;
pub const PyUnstable_EXECUTABLE_KIND_METHOD_DESCRIPTOR: c_int = 4;
pub const PyUnstable_EXECUTABLE_KINDS: usize = 5;
