//! `unicodeobject.h` and `cpython/unicodeobject.h`.
//!
//! Four shapes of `str` share the first fields; `state` tells them apart:
//!
//! | shape | struct | data |
//! |---|---|---|
//! | compact ASCII | `PyASCIIObject` | behind the struct |
//! | compact | `PyCompactUnicodeObject` | behind the struct |
//! | not compact | `PyUnicodeObject` | where `data.any` points |
//!
//! A compact ASCII string is its own UTF-8; the others cache theirs in `utf8`.

use super::{Py_hash_t, Py_ssize_t, PyObject};
use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

pub type Py_UCS4 = u32;
pub type Py_UCS2 = u16;
pub type Py_UCS1 = u8;

/// The bit-field `state` of a string, in the bit order of the x86-64 System V ABI:
///
/// | bits | field |
/// |---|---|
/// | 0-1 | `interned`, one of `SSTATE_*` |
/// | 2-4 | `kind`, one of `PyUnicode_*_KIND` |
/// | 5 | `compact` |
/// | 6 | `ascii` |
/// | 7 | `statically_allocated` |
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct _PyUnicodeObject_state {
    pub bits: u32,
}
assert_layout!(_PyUnicodeObject_state, 4, { bits: 0 });

impl _PyUnicodeObject_state {
    pub const INTERNED_SHIFT: u32 = 0;
    pub const INTERNED_MASK: u32 = 0b11;
    pub const KIND_SHIFT: u32 = 2;
    pub const KIND_MASK: u32 = 0b111 << Self::KIND_SHIFT;
    pub const COMPACT: u32 = 1 << 5;
    pub const ASCII: u32 = 1 << 6;
    pub const STATICALLY_ALLOCATED: u32 = 1 << 7;

    /// The state of a fresh, not interned, heap-allocated string.
    pub const fn new(kind: c_uint, compact: bool, ascii: bool) -> Self {
        Self {
            bits: ((kind << Self::KIND_SHIFT) & Self::KIND_MASK)
                | if compact { Self::COMPACT } else { 0 }
                | if ascii { Self::ASCII } else { 0 },
        }
    }

    /// The same state with another `SSTATE_*`.
    pub const fn with_interned(self, interned: c_uint) -> Self {
        Self {
            bits: (self.bits & !Self::INTERNED_MASK) | (interned & Self::INTERNED_MASK),
        }
    }

    /// The same state, for a string that is never freed.
    pub const fn with_statically_allocated(self) -> Self {
        Self {
            bits: self.bits | Self::STATICALLY_ALLOCATED,
        }
    }

    pub const fn interned(self) -> c_uint {
        self.bits & Self::INTERNED_MASK
    }

    pub const fn kind(self) -> c_uint {
        (self.bits & Self::KIND_MASK) >> Self::KIND_SHIFT
    }

    pub const fn compact(self) -> bool {
        self.bits & Self::COMPACT != 0
    }

    pub const fn ascii(self) -> bool {
        self.bits & Self::ASCII != 0
    }

    pub const fn statically_allocated(self) -> bool {
        self.bits & Self::STATICALLY_ALLOCATED != 0
    }
}

/// The start of every string, and all of the head of a compact ASCII one. `length` counts code
/// points; `hash` is -1 until computed.
#[repr(C)]
pub struct PyASCIIObject {
    pub ob_base: PyObject,
    pub length: Py_ssize_t,
    pub hash: Py_hash_t,
    pub state: _PyUnicodeObject_state,
}
assert_layout!(PyASCIIObject, 40, { ob_base: 0, length: 16, hash: 24, state: 32 });

/// The head of a compact string with non-ASCII characters. `utf8` is the cached, NUL-terminated
/// UTF-8 form, owned by the string, or NULL.
#[repr(C)]
pub struct PyCompactUnicodeObject {
    pub _base: PyASCIIObject,
    pub utf8_length: Py_ssize_t,
    pub utf8: *mut c_char,
}
assert_layout!(PyCompactUnicodeObject, 56, { _base: 0, utf8_length: 40, utf8: 48 });

/// Where a string's code units are, by kind.
#[repr(C)]
#[derive(Clone, Copy)]
pub union PyUnicodeObject_data {
    pub any: *mut c_void,
    pub latin1: *mut Py_UCS1,
    pub ucs2: *mut Py_UCS2,
    pub ucs4: *mut Py_UCS4,
}

/// A string whose code units lie outside the struct: what a subclass of `str` is made of.
#[repr(C)]
pub struct PyUnicodeObject {
    pub _base: PyCompactUnicodeObject,
    pub data: PyUnicodeObject_data,
}
assert_layout!(PyUnicodeObject, 64, { _base: 0, data: 56 });

/// Width of a string's code units, in bytes.
pub type PyUnicode_Kind = c_uint;
pub const PyUnicode_1BYTE_KIND: PyUnicode_Kind = 1;
pub const PyUnicode_2BYTE_KIND: PyUnicode_Kind = 2;
pub const PyUnicode_4BYTE_KIND: PyUnicode_Kind = 4;

// Values of `state.interned`.
pub const SSTATE_NOT_INTERNED: c_uint = 0;
pub const SSTATE_INTERNED_MORTAL: c_uint = 1;
pub const SSTATE_INTERNED_IMMORTAL: c_uint = 2;
pub const SSTATE_INTERNED_IMMORTAL_STATIC: c_uint = 3;

pub const Py_UNICODE_SIZE: c_int = 4;
pub const Py_UNICODE_REPLACEMENT_CHARACTER: Py_UCS4 = 0xFFFD;

opaque!(
    /// The public string builder; only its functions know its inside.
    PyUnicodeWriter
);
/// The private string builder that extensions embed on their stack and write to inline.
#[repr(C)]
pub struct _PyUnicodeWriter {
    pub buffer: *mut PyObject,
    pub data: *mut c_void,
    pub kind: c_int,
    pub maxchar: Py_UCS4,
    pub size: Py_ssize_t,
    pub pos: Py_ssize_t,
    pub min_length: Py_ssize_t,
    pub min_char: Py_UCS4,
    pub overallocate: c_uchar,
    pub readonly: c_uchar,
}
assert_layout!(_PyUnicodeWriter, 56, {
    buffer: 0, data: 8, kind: 16, maxchar: 20, size: 24, pos: 32, min_length: 40, min_char: 48,
    overallocate: 52, readonly: 53,
});

/// The first code unit of a string of any shape.
///
/// # Safety
/// `op` points to a live `str`.
#[inline]
pub unsafe fn PyUnicode_DATA(op: *mut PyObject) -> *mut c_void {
    // SAFETY: `state` tells which of the structs `op` starts, and the data follows from that.
    unsafe {
        let state = (*op.cast::<PyASCIIObject>()).state;
        if !state.compact() {
            (*op.cast::<PyUnicodeObject>()).data.any
        } else if state.ascii() {
            op.cast::<PyASCIIObject>().add(1).cast()
        } else {
            op.cast::<PyCompactUnicodeObject>().add(1).cast()
        }
    }
}

/// The width of a string's code units: one of `PyUnicode_*_KIND`.
///
/// # Safety
/// `op` points to a live `str`.
#[inline]
pub unsafe fn PyUnicode_KIND(op: *mut PyObject) -> c_uint {
    // SAFETY: every `str` starts with a `PyASCIIObject`.
    unsafe { (*op.cast::<PyASCIIObject>()).state.kind() }
}

/// The number of code points.
///
/// # Safety
/// `op` points to a live `str`.
#[inline]
pub unsafe fn PyUnicode_GET_LENGTH(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: every `str` starts with a `PyASCIIObject`.
    unsafe { (*op.cast::<PyASCIIObject>()).length }
}
