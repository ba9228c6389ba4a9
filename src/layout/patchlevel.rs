//! `patchlevel.h`: the CPython release whose ABI this is.

use core::ffi::{CStr, c_int};

pub const PY_RELEASE_LEVEL_ALPHA: c_int = 10;
pub const PY_RELEASE_LEVEL_BETA: c_int = 11;
pub const PY_RELEASE_LEVEL_GAMMA: c_int = 12;
pub const PY_RELEASE_LEVEL_FINAL: c_int = 15;
pub const PY_MAJOR_VERSION: c_int = 3;
pub const PY_MINOR_VERSION: c_int = 14;
pub const PY_MICRO_VERSION: c_int = 10;
pub const PY_RELEASE_LEVEL: c_int = PY_RELEASE_LEVEL_FINAL;
pub const PY_RELEASE_SERIAL: c_int = 0;
pub const PY_VERSION: &CStr = c"3.14.10";
/// The version packed as `0xMMmmuuLS`: major, minor, micro, level and serial.
pub const PY_VERSION_HEX: u32 = ((PY_MAJOR_VERSION as u32) << 24)
    | ((PY_MINOR_VERSION as u32) << 16)
    | ((PY_MICRO_VERSION as u32) << 8)
    | ((PY_RELEASE_LEVEL as u32) << 4)
    | PY_RELEASE_SERIAL as u32;
