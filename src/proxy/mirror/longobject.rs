//! `int`: 30-bit digits and the real `lv_tag`. Values are copied once.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use malachite_bigint::{BigInt, Sign};
use rustpython_vm::builtins::PyInt;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact};
use crate::layout::{PyLongObject, PyObject, PyTypeObject, digit};
use crate::proxy::prefix::PREFIX_SIZE;
use crate::proxy::{arena, link_strong};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear: |_| {},
    refresh: None,
};

pub const SHIFT: u32 = 30;
pub const MASK: u64 = (1 << SHIFT) - 1;
/// Low bits of `lv_tag` that are not the number of digits.
const NON_SIZE_BITS: usize = 3;
const SIGN_MASK: usize = 3;
const SIGN_ZERO: usize = 1;
const SIGN_NEGATIVE: usize = 2;
/// Set in the small integers' tags.
const IMMORTAL_BIT: usize = 1 << 2;
const DIGITS_OFFSET: usize = std::mem::offset_of!(PyLongObject, long_value.ob_digit);

/// The integers that are one object each for ever, as CPython's.
pub const SMALLEST: i64 = -5;
pub const LARGEST: i64 = 256;
/// Each has a prefix of its own, as every object of the arena.
const SMALL_STRIDE: usize = size_of::<PyLongObject>() + PREFIX_SIZE;

/// Address of the first small integer.
static SMALL: AtomicUsize = AtomicUsize::new(0);

/// Makes the small integers, once, after `PyLong_Type` is bound.
pub fn init() {
    let count = (LARGEST - SMALLEST + 1) as usize;
    let base = arena::allocate_zeroed(count * SMALL_STRIDE);
    assert!(!base.is_null(), "out of memory");
    for i in 0..count {
        let value = SMALLEST + i as i64;
        // SAFETY: the block has room for `count` of them.
        unsafe {
            let p = base.add(i * SMALL_STRIDE).cast::<PyLongObject>();
            (*p).ob_base.ob_type = types::statics::int_type();
            refcount::make_static_immortal(p.cast());
            write(
                p,
                value < 0,
                &[value.unsigned_abs() as digit],
                usize::from(value != 0),
            );
            (*p).long_value.lv_tag |= IMMORTAL_BIT;
        }
    }
    SMALL.store(base as usize, Ordering::Release);
}

/// The one object for a small value.
#[inline]
pub fn small_value(value: i64) -> Option<*mut PyObject> {
    (SMALLEST..=LARGEST).contains(&value).then(|| {
        let index = (value - SMALLEST) as usize;
        (SMALL.load(Ordering::Relaxed) + index * SMALL_STRIDE) as *mut PyObject
    })
}

#[inline]
pub fn small(v: &VmObject) -> Option<*mut PyObject> {
    small_value(word(v)?)
}

/// The value of `v`, which is exactly an `int`, if it fits.
#[inline]
pub fn word(v: &VmObject) -> Option<i64> {
    // SAFETY: the caller saw that the class is exactly `int`.
    let value = unsafe { v.downcast_unchecked_ref::<PyInt>() };
    i64::try_from(value.as_bigint()).ok()
}

unsafe fn write(p: *mut PyLongObject, negative: bool, digits: &[digit], len: usize) {
    // SAFETY: the caller made room for `len` digits, and one at least.
    unsafe {
        (*p).long_value.lv_tag = tag(negative, len);
        let to = p.cast::<u8>().add(DIGITS_OFFSET).cast::<digit>();
        *to = 0;
        ptr::copy_nonoverlapping(digits.as_ptr(), to, len);
    }
}

/// A fresh object of type `ty` with the given digits, least significant
/// first, without leading zeros. NULL when memory is out.
///
/// # Safety
/// `ty` is `int` or a subclass; the lock is held.
pub unsafe fn from_digits(
    ty: *mut PyTypeObject,
    negative: bool,
    digits: &[digit],
) -> *mut PyObject {
    let size = DIGITS_OFFSET + digits.len().max(1) * size_of::<digit>();
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate(ty, size);
        if !p.is_null() {
            write(p.cast(), negative, digits, digits.len());
        }
        p
    }
}

/// A C `int` for a machine word: immortal or fresh. NULL when memory is out.
/// The lock is held.
#[inline]
pub fn from_i64(value: i64) -> *mut PyObject {
    match small_value(value) {
        Some(p) => p,
        None => from_magnitude(value < 0, value.unsigned_abs()),
    }
}

/// Like [`from_i64`], unsigned.
#[inline]
pub fn from_u64(value: u64) -> *mut PyObject {
    match i64::try_from(value) {
        Ok(value) => from_i64(value),
        Err(_) => from_magnitude(false, value),
    }
}

/// A fresh C `int` for a machine word that is not one of the small ones; NULL
/// when memory is out. The lock is held.
#[inline]
pub fn fresh(value: i64) -> *mut PyObject {
    from_magnitude(value < 0, value.unsigned_abs())
}

#[inline]
fn from_magnitude(negative: bool, magnitude: u64) -> *mut PyObject {
    let low = (magnitude & MASK) as digit;
    let middle = (magnitude >> SHIFT & MASK) as digit;
    let high = (magnitude >> (2 * SHIFT)) as digit;
    match (high, middle) {
        (0, 0) => from_array(negative, &[low], usize::from(low != 0)),
        (0, _) => from_array(negative, &[low, middle], 2),
        _ => from_array(negative, &[low, middle, high], 3),
    }
}

/// A fresh `int` of so many digits; NULL when memory is out.
#[inline]
fn from_array<const N: usize>(negative: bool, digits: &[digit; N], len: usize) -> *mut PyObject {
    // SAFETY: exactly `int`, with room for the digits; the callers hold the lock.
    unsafe {
        let size = DIGITS_OFFSET + N * size_of::<digit>();
        let p = allocate_exact(types::statics::int_type(), size);
        if !p.is_null() {
            (*p.cast::<PyLongObject>()).long_value.lv_tag = tag(negative, len);
            let to = p.cast::<u8>().add(DIGITS_OFFSET);
            to.cast::<[digit; N]>().write(*digits);
        }
        p
    }
}

/// `lv_tag` of a number of so many digits.
#[inline]
const fn tag(negative: bool, len: usize) -> usize {
    let sign = match (len, negative) {
        (0, _) => SIGN_ZERO,
        (_, true) => SIGN_NEGATIVE,
        (_, false) => 0,
    };
    len << NON_SIZE_BITS | sign
}

/// The digits of a number, least significant first.
pub fn digits_of(value: &BigInt) -> Vec<digit> {
    let mut digits = Vec::with_capacity((value.bits() / u64::from(SHIFT)) as usize + 1);
    let (mut bits, mut have) = (0u64, 0u32);
    for word in value.iter_u32_digits() {
        bits |= u64::from(word) << have;
        have += 32;
        while have >= SHIFT {
            digits.push((bits & MASK) as digit);
            bits >>= SHIFT;
            have -= SHIFT;
        }
    }
    if bits != 0 {
        digits.push(bits as digit);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits
}

/// The number with these digits, least significant first.
pub fn from_digit_slice(negative: bool, digits: &[digit]) -> BigInt {
    let mut words = Vec::with_capacity(digits.len());
    let (mut bits, mut have) = (0u64, 0u32);
    for &d in digits {
        bits |= u64::from(d) << have;
        have += SHIFT;
        if have >= 32 {
            words.push(bits as u32);
            bits >>= 32;
            have -= 32;
        }
    }
    if bits != 0 {
        words.push(bits as u32);
    }
    BigInt::new(if negative { Sign::Minus } else { Sign::Plus }, words)
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let big = v
        .downcast_ref::<PyInt>()
        .expect("an int's payload")
        .as_bigint();
    // SAFETY: the caller's contract is the same.
    unsafe {
        match i64::try_from(big) {
            Ok(n) if types::statics::is_exact_int(ty) => from_magnitude(n < 0, n.unsigned_abs()),
            _ => from_digits(ty, big.sign() == Sign::Minus, &digits_of(big)),
        }
    }
}

/// Writes a value into an instance of a subclass.
///
/// # Safety
/// `p` has room for the value's digits; the lock is held.
pub unsafe fn write_value(p: *mut PyObject, value: &BigInt) {
    let digits = digits_of(value);
    // SAFETY: by this function's contract.
    unsafe { write(p.cast(), value.sign() == Sign::Minus, &digits, digits.len()) };
}

/// The digits and the sign of the C `int` at `p`.
///
/// # Safety
/// `p` is a live `int`, and stays so while the digits are used.
pub unsafe fn parts<'a>(p: *mut PyObject) -> (bool, &'a [digit]) {
    // SAFETY: by this function's contract.
    unsafe {
        let long = p.cast::<PyLongObject>();
        let tag = (*long).long_value.lv_tag;
        let digits = p.cast::<u8>().add(DIGITS_OFFSET).cast::<digit>();
        (
            tag & SIGN_MASK == SIGN_NEGATIVE,
            std::slice::from_raw_parts(digits, tag >> NON_SIZE_BITS),
        )
    }
}

/// The value, if it fits: for the hot conversions, which stay in C memory.
///
/// # Safety
/// As for [`parts`].
#[inline]
pub unsafe fn to_i64(p: *mut PyObject) -> Option<i64> {
    // SAFETY: by this function's contract; there is room for one digit at least,
    // which is 0 when the number is.
    unsafe {
        let long = &(*p.cast::<PyLongObject>()).long_value;
        if long.lv_tag < 2 << NON_SIZE_BITS {
            let sign = 1 - (long.lv_tag & SIGN_MASK) as i64;
            return Some(sign * i64::from(long.ob_digit[0]));
        }
    }
    // SAFETY: by this function's contract.
    let (negative, digits) = unsafe { parts(p) };
    let magnitude = magnitude(digits)?;
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// The magnitude, if it fits into 64 bits.
#[inline]
pub fn magnitude(digits: &[digit]) -> Option<u64> {
    match *digits {
        [] => Some(0),
        [a] => Some(u64::from(a)),
        [a, b] => Some(u64::from(a) | u64::from(b) << SHIFT),
        [a, b, c] if c < 16 => {
            Some(u64::from(a) | u64::from(b) << SHIFT | u64::from(c) << (2 * SHIFT))
        }
        _ => None,
    }
}

/// The value as the VM's number.
///
/// # Safety
/// As for [`parts`].
pub unsafe fn to_bigint(p: *mut PyObject) -> BigInt {
    // SAFETY: by this function's contract.
    unsafe {
        match to_i64(p) {
            Some(n) => BigInt::from(n),
            None => {
                let (negative, digits) = parts(p);
                from_digit_slice(negative, digits)
            }
        }
    }
}

/// A VM `int` of the same value.
///
/// # Safety
/// As for [`parts`].
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        if types::statics::is_bool(p) {
            return vm.ctx.new_bool(to_i64(p) == Some(1)).into();
        }
        match to_i64(p) {
            Some(n) => vm.ctx.new_int(n).into(),
            None => vm.ctx.new_bigint(&to_bigint(p)).into(),
        }
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let v = value(vm, p);
        if !refcount::is_immortal(p) && !v.as_object().is_immortal() {
            link_strong(p, v.clone(), true);
        }
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_round_trip() {
        for bits in [
            0u32, 1, 29, 30, 31, 32, 59, 60, 61, 63, 64, 90, 1000, 33_000,
        ] {
            for delta in [-1, 0, 1] {
                let n: BigInt = (BigInt::from(1) << bits) + delta;
                for n in [n.clone(), -n] {
                    let digits = digits_of(&n);
                    assert_ne!(digits.last(), Some(&0));
                    assert!(digits.iter().all(|&d| u64::from(d) <= MASK));
                    assert_eq!(from_digit_slice(n.sign() == Sign::Minus, &digits), n);
                }
            }
        }
    }
}
