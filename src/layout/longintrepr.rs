//! `cpython/longintrepr.h`: the digits of an `int`.
//!
//! An `int` is a sequence of 30-bit digits, least significant first. `lv_tag` packs, from the low
//! bits up, the sign (0 for positive, 1 for zero, 2 for negative), the small-int bit, and from bit
//! 3 the number of digits. Values of at most one digit are compact, which C code tests as
//! `lv_tag < 2 << 3`.

use super::{Py_ssize_t, Py_uintptr_t, PyObject};
use core::ffi::{c_int, c_void};

/// One digit: 30 bits of a magnitude.
pub type digit = u32;
pub type sdigit = i32;
pub type twodigits = u64;
pub type stwodigits = i64;

pub const PyLong_SHIFT: c_int = 30;
pub const PyLong_BASE: digit = 1 << PyLong_SHIFT;
pub const PyLong_MASK: digit = PyLong_BASE - 1;
pub const _PyLong_DECIMAL_SHIFT: c_int = 9;
pub const _PyLong_DECIMAL_BASE: digit = 1000000000;
/// Bits of `lv_tag` that hold the sign.
pub const _PyLong_SIGN_MASK: usize = 3;
/// Bits of `lv_tag` below the digit count.
pub const _PyLong_NON_SIZE_BITS: usize = 3;

/// Tag and digits of an `int`. One digit is always allocated, so that it can be read for zero.
#[repr(C)]
pub struct _PyLongValue {
    pub lv_tag: usize,
    pub ob_digit: [digit; 1],
}
assert_layout!(_PyLongValue, 16, { lv_tag: 0, ob_digit: 8 });

/// `struct _longobject`: an `int`. It has no `ob_size`.
#[repr(C)]
pub struct PyLongObject {
    pub ob_base: PyObject,
    pub long_value: _PyLongValue,
}
assert_layout!(PyLongObject, 32, { ob_base: 0, long_value: 16 });

/// The digit format, what `PyLong_GetNativeLayout` points to.
#[repr(C)]
pub struct PyLongLayout {
    pub bits_per_digit: u8,
    pub digit_size: u8,
    pub digits_order: i8,
    pub digit_endianness: i8,
}
assert_layout!(PyLongLayout, 4, {
    bits_per_digit: 0, digit_size: 1, digits_order: 2, digit_endianness: 3,
});

/// What `PyLong_Export` fills: `value` when `digits` is NULL, else a borrowed view of the digits
/// that `_reserved` keeps alive.
#[repr(C)]
pub struct PyLongExport {
    pub value: i64,
    pub negative: u8,
    pub ndigits: Py_ssize_t,
    pub digits: *const c_void,
    pub _reserved: Py_uintptr_t,
}
assert_layout!(PyLongExport, 40, { value: 0, negative: 8, ndigits: 16, digits: 24, _reserved: 32 });

opaque!(
    /// An `int` under construction; only its functions know its inside.
    PyLongWriter
);

/// Bit of `lv_tag`: one of the preallocated small ints, -5 to 256. `True` and `False` lack it.
pub const IMMORTALITY_BIT_MASK: usize = 1 << 2;

/// The tag of an `int` with this sign (-1, 0 or 1) and number of digits.
pub const fn TAG_FROM_SIGN_AND_SIZE(sign: c_int, size: usize) -> usize {
    (1 - sign) as usize | (size << _PyLong_NON_SIZE_BITS)
}

/// The number of digits.
///
/// # Safety
/// `op` points to a live `int`.
#[inline]
pub unsafe fn _PyLong_DigitCount(op: *const PyLongObject) -> usize {
    // SAFETY: the caller vouches for `op`.
    unsafe { (*op).long_value.lv_tag >> _PyLong_NON_SIZE_BITS }
}

/// Whether the value is a single digit.
///
/// # Safety
/// `op` points to a live `int`.
#[inline]
pub unsafe fn _PyLong_IsCompact(op: *const PyLongObject) -> bool {
    // SAFETY: the caller vouches for `op`.
    unsafe { (*op).long_value.lv_tag < (2 << _PyLong_NON_SIZE_BITS) }
}

/// The value of a compact `int`.
///
/// # Safety
/// `op` points to a live `int` for which `_PyLong_IsCompact` holds.
#[inline]
pub unsafe fn _PyLong_CompactValue(op: *const PyLongObject) -> Py_ssize_t {
    // SAFETY: a compact `int` has its one digit allocated, even when it is zero.
    unsafe {
        let sign = 1 - ((*op).long_value.lv_tag & _PyLong_SIGN_MASK) as Py_ssize_t;
        sign * (*op).long_value.ob_digit[0] as Py_ssize_t
    }
}
