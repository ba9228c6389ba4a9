//! `cpython/lock.h`: the one-byte mutex. Its uncontended paths are compiled into extensions.

/// A mutex that C code embeds in its own structs; all zero is unlocked.
#[repr(C)]
pub struct PyMutex {
    pub _bits: u8,
}
assert_layout!(PyMutex, 1, { _bits: 0 });

pub const _Py_UNLOCKED: u8 = 0;
pub const _Py_LOCKED: u8 = 1;
