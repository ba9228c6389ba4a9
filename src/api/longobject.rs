//! `longobject.h`, `cpython/longobject.h` and `cpython/longintrepr.h`.
//!
//! Making and reading an `int` touches C memory only. Other objects are asked for `__index__` where CPython does.

use std::borrow::Cow;
use std::ffi::{
    CStr, c_char, c_double, c_int, c_long, c_longlong, c_uchar, c_ulong, c_ulonglong, c_void,
};
use std::ptr;

use malachite_bigint::BigInt;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::{bad_internal_call, border, null_argument, object, python};
use crate::layout::{
    Py_ASNATIVEBYTES_ALLOW_INDEX, Py_ASNATIVEBYTES_LITTLE_ENDIAN, Py_ASNATIVEBYTES_REJECT_NEGATIVE,
    Py_ASNATIVEBYTES_UNSIGNED_BUFFER, Py_TPFLAGS_LONG_SUBCLASS, Py_ssize_t, PyLongExport,
    PyLongLayout, PyLongObject, PyLongWriter, PyObject, PyType_HasFeature, TAG_FROM_SIGN_AND_SIZE,
    digit,
};
use crate::proxy::mirror::longobject as mirror;
use crate::{refcount, types};

const DIGITS_OFFSET: usize = std::mem::offset_of!(PyLongObject, long_value.ob_digit);

/// A number as digits, least significant first, without leading zeros.
struct Number<'a> {
    negative: bool,
    digits: Cow<'a, [digit]>,
}

impl Number<'_> {
    fn of(value: &BigInt) -> Number<'static> {
        Number {
            negative: value.sign() == malachite_bigint::Sign::Minus,
            digits: Cow::Owned(mirror::digits_of(value)),
        }
    }

    fn to_i64(&self) -> Option<i64> {
        let magnitude = mirror::magnitude(&self.digits)?;
        match self.negative {
            true => 0i64.checked_sub_unsigned(magnitude),
            false => i64::try_from(magnitude).ok(),
        }
    }

    /// The magnitude, if it fits; the sign is the caller's business.
    fn magnitude(&self) -> Option<u64> {
        mirror::magnitude(&self.digits)
    }

    /// The low 64 bits in two's complement.
    fn low_bits(&self) -> u64 {
        let mut bits = 0u64;
        for (&d, shift) in self.digits.iter().zip([0, 30, 60]) {
            bits |= u64::from(d) << shift;
        }
        if self.negative {
            bits.wrapping_neg()
        } else {
            bits
        }
    }

    fn bit_length(&self) -> u64 {
        self.digits.last().map_or(0, |&top| {
            (self.digits.len() as u64 - 1) * u64::from(mirror::SHIFT)
                + u64::from(u32::BITS - top.leading_zeros())
        })
    }

    /// Whether the magnitude is a power of two.
    fn is_power_of_two(&self) -> bool {
        match self.digits.split_last() {
            Some((top, rest)) => top.is_power_of_two() && rest.iter().all(|&d| d == 0),
            None => false,
        }
    }

    /// Whether the value fits into `n` bytes.
    fn fits(&self, n: usize, signed: bool) -> bool {
        let (bits, room) = (self.bit_length(), n as u64 * 8);
        match (signed, self.negative) {
            (false, true) => false,
            (false, false) => bits <= room,
            (true, false) => bits < room || bits == 0,
            (true, true) => bits < room || bits == room && self.is_power_of_two(),
        }
    }

    /// Writes the low bytes in two's complement.
    fn write(&self, out: &mut [u8], little_endian: bool) {
        let (mut bits, mut have) = (0u64, 0u32);
        let mut digits = self.digits.iter();
        let mut carry = true;
        for i in 0..out.len() {
            if have < 8 {
                bits |= u64::from(*digits.next().unwrap_or(&0)) << have;
                have += mirror::SHIFT;
            }
            let mut byte = bits as u8;
            bits >>= 8;
            have -= 8;
            if self.negative {
                byte = !byte;
                if carry {
                    (byte, carry) = byte.overflowing_add(1);
                }
            }
            let at = if little_endian { i } else { out.len() - 1 - i };
            out[at] = byte;
        }
    }

    /// The nearest double, ties to even; `None` when it is out of range.
    fn to_f64(&self) -> Option<f64> {
        let bits = self.bit_length();
        // The top 64 bits, the last of which also says whether anything below is not zero.
        let mut top = 0u64;
        let mut left = 64u32;
        let mut sticky = false;
        for (i, &d) in self.digits.iter().rev().enumerate() {
            let width = if i == 0 {
                u32::BITS - d.leading_zeros()
            } else {
                mirror::SHIFT
            };
            let take = width.min(left);
            let kept = u64::from(d) >> (width - take);
            top = top.checked_shl(take).unwrap_or(0) | kept;
            sticky |= u64::from(d) != kept << (width - take);
            left -= take;
        }
        let value = if left > 0 {
            top as f64
        } else {
            let exponent = i32::try_from(bits - 64).ok().filter(|&e| e <= 1024)?;
            let rounded = (top | u64::from(sticky)) as f64;
            rounded * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
        };
        let value = if self.negative { -value } else { value };
        value.is_finite().then_some(value)
    }
}

/// Sign and digits of the number that `bytes` are.
fn parse_bytes(bytes: &[u8], little_endian: bool, signed: bool) -> (bool, Vec<digit>) {
    let mut ordered = bytes.to_vec();
    if !little_endian {
        ordered.reverse();
    }
    let negative = signed && ordered.last().is_some_and(|&top| top & 0x80 != 0);
    if negative {
        let mut carry = true;
        for byte in &mut ordered {
            *byte = !*byte;
            if carry {
                (*byte, carry) = byte.overflowing_add(1);
            }
        }
        if carry {
            ordered.push(1);
        }
    }
    let mut digits = Vec::with_capacity(ordered.len() * 8 / 30 + 1);
    let (mut bits, mut have) = (0u64, 0u32);
    for byte in ordered {
        bits |= u64::from(byte) << have;
        have += 8;
        if have >= mirror::SHIFT {
            digits.push((bits & mirror::MASK) as digit);
            bits >>= mirror::SHIFT;
            have -= mirror::SHIFT;
        }
    }
    digits.push(bits as digit);
    while digits.last() == Some(&0) {
        digits.pop();
    }
    (negative, digits)
}

/// What stands in a string that `PyLong_FromString` reads.
struct Literal {
    /// Where reading ended.
    end: usize,
    /// The base, the prefix's where that was asked for.
    radix: u32,
    /// Sign and digits without underscores.
    number: Option<(bool, Vec<u8>)>,
}

/// A base that literals can have.
fn radix(vm: &VirtualMachine, base: c_int) -> PyResult<u32> {
    match base {
        0 | 2..=36 => Ok(base as u32),
        _ => Err(vm.new_value_error("int() arg 2 must be >= 2 and <= 36")),
    }
}

/// Reads an integer literal in `base`, 0 meaning that its prefix says so.
fn parse_literal(text: &[u8], base: u32) -> Literal {
    let is_space = |at: usize| matches!(text.get(at), Some(b' ' | b'\t'..=b'\r'));
    let mut at = 0;
    while is_space(at) {
        at += 1;
    }
    let negative = text.get(at) == Some(&b'-');
    if matches!(text.get(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let prefix = |at: usize| match (text.get(at), text.get(at + 1)) {
        (Some(b'0'), Some(b'x' | b'X')) => Some(16),
        (Some(b'0'), Some(b'o' | b'O')) => Some(8),
        (Some(b'0'), Some(b'b' | b'B')) => Some(2),
        _ => None,
    };
    let mut zero_only = false;
    let radix = match (base, prefix(at)) {
        (0, Some(radix)) => radix,
        (0, None) => {
            // "010" is no literal any more.
            zero_only = text.get(at) == Some(&b'0');
            10
        }
        (base, _) => base,
    };
    if prefix(at) == Some(radix) {
        at += 2;
        if text.get(at) == Some(&b'_') {
            at += 1;
        }
    }
    let mut digits = Vec::new();
    let mut last = None;
    while let Some(&c) = text.get(at) {
        match c {
            b'_' if last.is_some_and(|l| l != b'_') => {}
            _ if char::from(c).is_digit(radix) => digits.push(c),
            _ => break,
        }
        last = Some(c);
        at += 1;
    }
    let bad = match last {
        None | Some(b'_') => true,
        Some(_) => zero_only && digits.iter().any(|&c| c != b'0'),
    };
    if bad {
        return Literal {
            end: at,
            radix,
            number: None,
        };
    }
    while is_space(at) {
        at += 1;
    }
    Literal {
        end: at,
        radix,
        number: (at == text.len()).then_some((negative, digits)),
    }
}

/// Whether `p` is an `int`.
///
/// # Safety
/// `p` is a live object.
#[inline]
pub unsafe fn is_int(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { PyType_HasFeature((*p).ob_type, Py_TPFLAGS_LONG_SUBCLASS) }
}

#[cold]
fn overflow(vm: &VirtualMachine, text: &str) -> PyBaseExceptionRef {
    vm.new_overflow_error(text.to_owned())
}

/// A new reference that `p` is, NULL being a `MemoryError`.
pub fn allocated(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    if p.is_null() {
        return Err(vm.no_memory_error());
    }
    Ok(p)
}

/// The name of the type of `p`, as error messages have it.
///
/// # Safety
/// `p` is a live object.
pub unsafe fn type_name<'a>(p: *mut PyObject) -> Cow<'a, str> {
    // SAFETY: by this function's contract; a type's name lives as long as the type.
    unsafe { CStr::from_ptr((*(*p).ob_type).tp_name).to_string_lossy() }
}

/// The number that the `int` `p` is.
///
/// # Safety
/// `p` is a live `int`, and stays so while the number is used.
unsafe fn digits<'a>(p: *mut PyObject) -> Number<'a> {
    // SAFETY: by this function's contract.
    let (negative, digits) = unsafe { mirror::parts(p) };
    Number {
        negative,
        digits: Cow::Borrowed(digits),
    }
}

/// The number that `p` is, or that its `__index__` returns.
///
/// # Safety
/// `p` is NULL or a live object, and stays so while the number is used; the lock is held.
unsafe fn index<'a>(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Number<'a>> {
    if p.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: by this function's contract.
    unsafe {
        if is_int(p) {
            return Ok(digits(p));
        }
        let v = object(vm, p)?;
        let int = python(|| v.try_index(vm))?;
        Ok(Number::of(int.as_bigint()))
    }
}

/// The number that `p` is; anything but an `int` is a `TypeError`.
///
/// # Safety
/// As for [`index`].
unsafe fn strict<'a>(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Number<'a>> {
    if p.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: by this function's contract.
    unsafe {
        if is_int(p) {
            return Ok(digits(p));
        }
    }
    Err(vm.new_type_error("an integer is required"))
}

/// The `int` `p`, for functions that say "expect int".
///
/// # Safety
/// As for [`index`].
unsafe fn expected<'a>(vm: &VirtualMachine, p: *mut PyObject, verb: &str) -> PyResult<Number<'a>> {
    if p.is_null() {
        return Err(null_argument(vm));
    }
    // SAFETY: by this function's contract.
    unsafe {
        if is_int(p) {
            return Ok(digits(p));
        }
        Err(vm.new_type_error(format!("{verb} int, got {}", type_name(p))))
    }
}

/// A new `int` of these digits, least significant first, without leading zeros.
fn from_digits(vm: &VirtualMachine, negative: bool, digits: &[digit]) -> PyResult<*mut PyObject> {
    let number = Number {
        negative,
        digits: Cow::Borrowed(digits),
    };
    let p = match number.to_i64() {
        Some(value) => mirror::from_i64(value),
        // SAFETY: exactly `int`; the lock is held inside the border.
        None => unsafe { mirror::from_digits(types::statics::int_type(), negative, digits) },
    };
    allocated(vm, p)
}

/// A new `int` for the VM's number.
fn from_bigint(vm: &VirtualMachine, value: &BigInt) -> PyResult<*mut PyObject> {
    let number = Number::of(value);
    from_digits(vm, number.negative, &number.digits)
}

#[cold]
#[inline(never)]
fn out_of_memory() -> *mut PyObject {
    border(|vm| Err::<*mut PyObject, _>(vm.no_memory_error()))
}

#[inline]
fn from_i64(value: i64) -> *mut PyObject {
    let p = mirror::from_i64(value);
    if p.is_null() { out_of_memory() } else { p }
}

#[inline]
fn from_u64(value: u64) -> *mut PyObject {
    let p = mirror::from_u64(value);
    if p.is_null() { out_of_memory() } else { p }
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromLong(value: c_long) -> *mut PyObject {
    from_i64(value)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUnsignedLong(value: c_ulong) -> *mut PyObject {
    from_u64(value)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromLongLong(value: c_longlong) -> *mut PyObject {
    from_i64(value)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUnsignedLongLong(value: c_ulonglong) -> *mut PyObject {
    from_u64(value)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromSsize_t(value: Py_ssize_t) -> *mut PyObject {
    from_i64(value as i64)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromSize_t(value: usize) -> *mut PyObject {
    from_u64(value as u64)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromInt32(value: i32) -> *mut PyObject {
    from_i64(value.into())
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUInt32(value: u32) -> *mut PyObject {
    from_i64(value.into())
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromInt64(value: i64) -> *mut PyObject {
    from_i64(value)
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUInt64(value: u64) -> *mut PyObject {
    from_u64(value)
}

/// The address as a number. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromVoidPtr(p: *mut c_void) -> *mut PyObject {
    from_u64(p as u64)
}

/// The integral part. New reference; `OverflowError` for an infinity, `ValueError` for a NaN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromDouble(value: c_double) -> *mut PyObject {
    if value.abs() < 9e18 {
        return from_i64(value as i64);
    }
    border(|vm| {
        if value.is_nan() {
            return Err(vm.new_value_error("cannot convert float NaN to integer"));
        }
        if value.is_infinite() {
            return Err(overflow(vm, "cannot convert float infinity to integer"));
        }
        // At this size all bits of the fraction are integral.
        let bits = value.to_bits();
        let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
        let exponent = (bits >> 52 & 0x7ff) as usize - 1075;
        let magnitude = BigInt::from(mantissa) << exponent;
        from_bigint(vm, &if value < 0.0 { -magnitude } else { magnitude })
    })
}

/// Reads a literal; `*pend`, if asked for, is where reading ended. New reference; `ValueError` if anything but
/// white space is left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromString(
    text: *const c_char,
    pend: *mut *mut c_char,
    base: c_int,
) -> *mut PyObject {
    border(|vm| {
        let radix = radix(vm, base)?;
        // SAFETY: the caller passes a NUL-terminated string.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
        let literal = parse_literal(bytes, radix);
        if !pend.is_null() {
            // SAFETY: the caller's variable; the end lies within the string.
            unsafe { *pend = text.add(literal.end).cast_mut() };
        }
        let radix = literal.radix;
        let Some((negative, digits)) = literal.number else {
            // A cut through a character is an error of its own, as in CPython.
            let shown = vm.ctx.new_bytes(bytes[..bytes.len().min(200)].to_vec());
            let decode = shown.as_object().get_attr("decode", vm)?;
            let shown = python(|| decode.call((), vm)?.repr(vm))?;
            let shown: String = shown.to_string_lossy().chars().take(200).collect();
            return Err(vm.new_value_error(format!(
                "invalid literal for int() with base {radix}: {shown}"
            )));
        };
        let limit = vm.state.int_max_str_digits.load();
        if !radix.is_power_of_two() && limit > 0 && digits.len() > limit {
            return Err(vm.new_value_error(format!(
                "Exceeds the limit ({limit} digits) for integer string conversion: value has {} digits; \
                 use sys.set_int_max_str_digits() to increase the limit",
                digits.len()
            )));
        }
        let magnitude = BigInt::parse_bytes(&digits, radix)
            .ok_or_else(|| vm.new_system_error("digits that were checked are none"))?;
        from_bigint(vm, &if negative { -magnitude } else { magnitude })
    })
}

/// `int(u, base)` of a `str`. New reference; `ValueError` if it is no literal in that base.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUnicodeObject(u: *mut PyObject, base: c_int) -> *mut PyObject {
    border(|vm| {
        radix(vm, base)?;
        // SAFETY: the caller passes a live object.
        let text = unsafe { object(vm, u) }?;
        let made = python(|| {
            vm.ctx
                .types
                .int_type
                .as_object()
                .call((text.clone(), base), vm)
        });
        made.or_else(|e| {
            let message = e.as_object().str(vm)?.to_string_lossy().into_owned();
            if !message.starts_with("invalid literal") {
                return Err(e);
            }
            // C names the beginning only.
            let shown = python(|| text.repr(vm))?;
            let shown: String = shown.to_string_lossy().chars().take(200).collect();
            Err(vm.new_value_error(format!(
                "invalid literal for int() with base {base}: {shown}"
            )))
        })
    })
}

/// Borrows nothing. -1 with an exception on failure, `OverflowError` if it does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsLong(p: *mut PyObject) -> c_long {
    // SAFETY: the caller passes NULL or a live object.
    unsafe { as_i64(p, "Python int too large to convert to C long") }
}

/// As `PyLong_AsLong`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsLongLong(p: *mut PyObject) -> c_longlong {
    // SAFETY: the caller passes NULL or a live object.
    unsafe { as_i64(p, "int too big to convert") }
}

#[inline]
unsafe fn as_i64(p: *mut PyObject, too_large: &str) -> i64 {
    // SAFETY: by the callers' contract.
    unsafe {
        if !p.is_null()
            && is_int(p)
            && let Some(value) = mirror::to_i64(p)
        {
            return value;
        }
        border(|vm| {
            index(vm, p)?
                .to_i64()
                .ok_or_else(|| overflow(vm, too_large))
        })
    }
}

/// As `PyLong_AsLong`, for `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsInt(p: *mut PyObject) -> c_int {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        if !p.is_null()
            && is_int(p)
            && let Some(value) = mirror::to_i64(p)
            && let Ok(value) = c_int::try_from(value)
        {
            return value;
        }
    }
    // SAFETY: the caller passes NULL or a live object.
    border(|vm| unsafe {
        index(vm, p)?
            .to_i64()
            .and_then(|value| c_int::try_from(value).ok())
            .ok_or_else(|| overflow(vm, "Python int too large to convert to C int"))
    })
}

/// -1 with `*overflow` set to 1 or -1, and no exception, if the value does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsLongAndOverflow(
    p: *mut PyObject,
    overflow: *mut c_int,
) -> c_long {
    // SAFETY: the caller passes NULL or a live object, and its variable.
    unsafe {
        *overflow = 0;
        if !p.is_null()
            && is_int(p)
            && let Some(value) = mirror::to_i64(p)
        {
            return value;
        }
        border(|vm| {
            let number = index(vm, p)?;
            Ok(number.to_i64().unwrap_or_else(|| {
                *overflow = if number.negative { -1 } else { 1 };
                -1
            }))
        })
    }
}

/// As `PyLong_AsLongAndOverflow`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsLongLongAndOverflow(
    p: *mut PyObject,
    overflow: *mut c_int,
) -> c_longlong {
    // SAFETY: the same contract.
    unsafe { PyLong_AsLongAndOverflow(p, overflow) }
}

/// Of an `int` only; -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsSsize_t(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        if !p.is_null()
            && is_int(p)
            && let Some(value) = mirror::to_i64(p)
        {
            return value as Py_ssize_t;
        }
        border(|vm| {
            strict(vm, p)?
                .to_i64()
                .map(|value| value as Py_ssize_t)
                .ok_or_else(|| overflow(vm, "Python int too large to convert to C ssize_t"))
        })
    }
}

#[inline]
unsafe fn as_u64(p: *mut PyObject, negative: &str, too_large: &str) -> u64 {
    // SAFETY: by the callers' contract.
    unsafe {
        if !p.is_null()
            && is_int(p)
            && let (false, digits) = mirror::parts(p)
            && let Some(value) = mirror::magnitude(digits)
        {
            return value;
        }
    }
    // SAFETY: by the callers' contract.
    border(|vm| unsafe {
        let number = strict(vm, p)?;
        if number.negative {
            return Err(overflow(vm, negative));
        }
        number.magnitude().ok_or_else(|| overflow(vm, too_large))
    })
}

/// Of an `int` only; -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUnsignedLong(p: *mut PyObject) -> c_ulong {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        as_u64(
            p,
            "can't convert negative value to unsigned int",
            "Python int too large to convert to C unsigned long",
        )
    }
}

/// As `PyLong_AsUnsignedLong`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUnsignedLongLong(p: *mut PyObject) -> c_ulonglong {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        as_u64(
            p,
            "can't convert negative int to unsigned",
            "int too big to convert",
        )
    }
}

/// As `PyLong_AsUnsignedLong`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsSize_t(p: *mut PyObject) -> usize {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        as_u64(
            p,
            "can't convert negative value to size_t",
            "Python int too large to convert to C size_t",
        ) as usize
    }
}

/// The low bits, whatever is above them; -1 with an exception for what is no integer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUnsignedLongMask(p: *mut PyObject) -> c_ulong {
    // SAFETY: the caller passes NULL or a live object.
    border(|vm| unsafe { Ok(index(vm, p)?.low_bits()) })
}

/// As `PyLong_AsUnsignedLongMask`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUnsignedLongLongMask(p: *mut PyObject) -> c_ulonglong {
    // SAFETY: the same contract.
    unsafe { PyLong_AsUnsignedLongMask(p) }
}

/// Reads a value of `size` bytes for `PyLong_AsInt32` and its like.
unsafe fn as_sized(
    vm: &VirtualMachine,
    p: *mut PyObject,
    size: usize,
    signed: bool,
    c_type: &str,
) -> PyResult<u64> {
    // SAFETY: by the callers' contract.
    let number = unsafe { index(vm, p) }?;
    if !signed && number.negative {
        return Err(vm.new_value_error("Cannot convert negative int"));
    }
    if !number.fits(size, signed) {
        return Err(vm.new_overflow_error(format!("Python int too large to convert to C {c_type}")));
    }
    Ok(number.low_bits())
}

/// 0 and `*value`, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsInt32(p: *mut PyObject, value: *mut i32) -> c_int {
    // SAFETY: the caller passes NULL or a live object, and its variable.
    border(|vm| unsafe {
        *value = as_sized(vm, p, 4, true, "int32_t")? as i32;
        Ok(())
    })
}

/// 0 and `*value`, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsInt64(p: *mut PyObject, value: *mut i64) -> c_int {
    // SAFETY: the caller passes NULL or a live object, and its variable.
    border(|vm| unsafe {
        *value = as_sized(vm, p, 8, true, "int64_t")? as i64;
        Ok(())
    })
}

/// 0 and `*value`, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUInt32(p: *mut PyObject, value: *mut u32) -> c_int {
    // SAFETY: the caller passes NULL or a live object, and its variable.
    border(|vm| unsafe {
        *value = as_sized(vm, p, 4, false, "uint32_t")? as u32;
        Ok(())
    })
}

/// 0 and `*value`, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsUInt64(p: *mut PyObject, value: *mut u64) -> c_int {
    // SAFETY: the caller passes NULL or a live object, and its variable.
    border(|vm| unsafe {
        *value = as_sized(vm, p, 8, false, "uint64_t")?;
        Ok(())
    })
}

/// The address that `PyLong_FromVoidPtr` made the number from; NULL with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsVoidPtr(p: *mut PyObject) -> *mut c_void {
    // SAFETY: the caller passes NULL or a live object.
    border(|vm| unsafe {
        let number = strict(vm, p)?;
        let address = match number.negative {
            true => number
                .to_i64()
                .map(|value| value as u64)
                .ok_or_else(|| overflow(vm, "Python int too large to convert to C long")),
            false => number
                .magnitude()
                .ok_or_else(|| overflow(vm, "Python int too large to convert to C unsigned long")),
        }?;
        Ok(address as usize as *mut c_void)
    })
}

/// -1.0 with an exception on failure, `OverflowError` if no double is that large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsDouble(p: *mut PyObject) -> c_double {
    // SAFETY: the caller passes NULL or a live object.
    border(|vm| unsafe {
        strict(vm, p)?
            .to_f64()
            .ok_or_else(|| overflow(vm, "int too large to convert to float"))
    })
}

/// Whether the bytes of `flags` are little-endian.
fn is_little_endian(flags: c_int) -> bool {
    flags == -1 || flags & 2 != 0 || flags & Py_ASNATIVEBYTES_LITTLE_ENDIAN != 0
}

/// Writes all `n` bytes; returns how many the value needs, -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_AsNativeBytes(
    p: *mut PyObject,
    buffer: *mut c_void,
    n: Py_ssize_t,
    flags: c_int,
) -> Py_ssize_t {
    let has = |flag: c_int| flags != -1 && flags & flag != 0;
    // SAFETY: the caller passes NULL or a live object, and room for `n` bytes.
    border(|vm| unsafe {
        let Ok(len) = usize::try_from(n) else {
            return Err(bad_internal_call(vm));
        };
        let number = if has(Py_ASNATIVEBYTES_ALLOW_INDEX) || p.is_null() {
            index(vm, p)?
        } else {
            expected(vm, p, "expect")?
        };
        if number.negative && has(Py_ASNATIVEBYTES_REJECT_NEGATIVE) {
            return Err(vm.new_value_error("Cannot convert negative int"));
        }
        if len > 0 {
            let out = std::slice::from_raw_parts_mut(buffer.cast(), len);
            number.write(out, is_little_endian(flags));
        }
        let unsigned = flags == -1 || has(Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
        Ok(native_size(&number, len, unsigned))
    })
}

/// How many bytes `PyLong_AsNativeBytes` says that the value needs.
fn native_size(number: &Number<'_>, len: usize, unsigned: bool) -> Py_ssize_t {
    let fits = len > 0
        && (number.fits(len, true) || unsigned && !number.negative && number.fits(len, false));
    let needed = if number.digits.len() <= 1 {
        match len {
            1..=8 if fits => len,
            1..=8 if !number.negative && number.fits(len, false) => len + 1,
            _ => size_of::<usize>(),
        }
    } else {
        let exact = (number.bit_length() / 8) as usize + 1;
        if fits { exact.min(len) } else { exact }
    };
    needed as Py_ssize_t
}

unsafe fn from_bytes(
    vm: &VirtualMachine,
    buffer: *const u8,
    len: usize,
    little_endian: bool,
    signed: bool,
) -> PyResult<*mut PyObject> {
    if len == 0 {
        return allocated(vm, mirror::from_i64(0));
    }
    // SAFETY: the caller passes `len` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buffer, len) };
    let (negative, digits) = parse_bytes(bytes, little_endian, signed);
    from_digits(vm, negative, &digits)
}

/// The signed number that the bytes are. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromNativeBytes(
    buffer: *const c_void,
    n: usize,
    flags: c_int,
) -> *mut PyObject {
    border(|vm| {
        if buffer.is_null() {
            return Err(bad_internal_call(vm));
        }
        let signed = flags == -1 || flags & Py_ASNATIVEBYTES_UNSIGNED_BUFFER == 0;
        // SAFETY: the caller passes `n` bytes.
        unsafe { from_bytes(vm, buffer.cast(), n, is_little_endian(flags), signed) }
    })
}

/// The unsigned number that the bytes are. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FromUnsignedNativeBytes(
    buffer: *const c_void,
    n: usize,
    flags: c_int,
) -> *mut PyObject {
    border(|vm| {
        if buffer.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: the caller passes `n` bytes.
        unsafe { from_bytes(vm, buffer.cast(), n, is_little_endian(flags), false) }
    })
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_FromByteArray(
    bytes: *const c_uchar,
    n: usize,
    little_endian: c_int,
    is_signed: c_int,
) -> *mut PyObject {
    // SAFETY: the caller passes `n` bytes.
    border(|vm| unsafe { from_bytes(vm, bytes, n, little_endian != 0, is_signed != 0) })
}

/// Writes all `n` bytes. 0, or -1 if the value does not fit, with an `OverflowError` if asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_AsByteArray(
    v: *mut PyLongObject,
    bytes: *mut c_uchar,
    n: usize,
    little_endian: c_int,
    is_signed: c_int,
    with_exceptions: c_int,
) -> c_int {
    let (signed, raise) = (is_signed != 0, with_exceptions != 0);
    // SAFETY: the caller passes a live `int` and room for `n` bytes.
    border(|vm| unsafe {
        let number = digits(v.cast());
        if number.negative && !signed {
            return match raise {
                true => Err(overflow(vm, "can't convert negative int to unsigned")),
                false => Ok(-1),
            };
        }
        if n > 0 {
            number.write(std::slice::from_raw_parts_mut(bytes, n), little_endian != 0);
        }
        match (number.fits(n, signed), raise) {
            (true, _) => Ok(0),
            (false, true) => Err(overflow(vm, "int too big to convert")),
            (false, false) => Ok(-1),
        }
    })
}

/// `sys.int_info`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_GetInfo() -> *mut PyObject {
    border(|vm| python(|| vm.sys_module.get_attr("int_info", vm)))
}

/// -1, 0 or 1 in `*sign`; `TypeError` for what is no `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_GetSign(p: *mut PyObject, sign: *mut c_int) -> c_int {
    // SAFETY: the caller passes a live object, and its variable.
    border(|vm| unsafe {
        *sign = signum(&expected(vm, p, "expect")?);
        Ok(())
    })
}

fn signum(number: &Number<'_>) -> c_int {
    match (number.digits.is_empty(), number.negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    }
}

/// 1 or 0, -1 with a `TypeError` for what is no `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_IsPositive(p: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live object.
    border(|vm| unsafe { Ok(signum(&expected(vm, p, "expected")?) > 0) })
}

/// As `PyLong_IsPositive`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_IsNegative(p: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live object.
    border(|vm| unsafe { Ok(signum(&expected(vm, p, "expected")?) < 0) })
}

/// As `PyLong_IsPositive`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_IsZero(p: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live object.
    border(|vm| unsafe { Ok(signum(&expected(vm, p, "expected")?) == 0) })
}

/// The sign of an `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_Sign(p: *mut PyObject) -> c_int {
    // SAFETY: the caller passes a live `int`.
    unsafe { signum(&digits(p)) }
}

/// The number of bits of an `int`'s magnitude.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_NumBits(p: *mut PyObject) -> i64 {
    // SAFETY: the caller passes a live `int`.
    unsafe { digits(p).bit_length() as i64 }
}

/// Whether the value is a single digit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Long_IsCompact(op: *const PyLongObject) -> c_int {
    // SAFETY: the caller passes a live `int`.
    unsafe { crate::layout::_PyLong_IsCompact(op).into() }
}

/// The value of a compact `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Long_CompactValue(op: *const PyLongObject) -> Py_ssize_t {
    // SAFETY: the caller passes a live compact `int`.
    unsafe { crate::layout::_PyLong_CompactValue(op) }
}

static NATIVE_LAYOUT: PyLongLayout = PyLongLayout {
    bits_per_digit: mirror::SHIFT as u8,
    digit_size: size_of::<digit>() as u8,
    digits_order: -1,
    digit_endianness: if cfg!(target_endian = "little") {
        -1
    } else {
        1
    },
};

/// The format of digits; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_GetNativeLayout() -> *const PyLongLayout {
    &raw const NATIVE_LAYOUT
}

/// The value, or a view of the digits that holds a reference until `PyLong_FreeExport`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_Export(p: *mut PyObject, export: *mut PyLongExport) -> c_int {
    // SAFETY: the caller passes a live object, and its struct.
    border(|vm| unsafe {
        export.write(PyLongExport {
            value: 0,
            negative: 0,
            ndigits: 0,
            digits: ptr::null(),
            _reserved: 0,
        });
        let number = expected(vm, p, "expected")?;
        let export = &mut *export;
        if let Some(value) = number.to_i64() {
            export.value = value;
            return Ok(());
        }
        refcount::incref(p);
        export.negative = number.negative.into();
        export.ndigits = number.digits.len() as Py_ssize_t;
        export.digits = number.digits.as_ptr().cast();
        export._reserved = p as usize;
        Ok(())
    })
}

/// Gives back what `PyLong_Export` took.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLong_FreeExport(export: *mut PyLongExport) {
    // SAFETY: the caller passes a struct that `PyLong_Export` filled.
    unsafe {
        let held = std::mem::replace(&mut (*export)._reserved, 0) as *mut PyObject;
        if !held.is_null() {
            (*export).ndigits = 0;
            (*export).digits = ptr::null();
            refcount::decref(held);
        }
    }
}

/// A fresh `int` of `n` zero digits.
fn unfinished(vm: &VirtualMachine, negative: bool, n: usize) -> PyResult<*mut PyLongObject> {
    let size = n
        .max(1)
        .checked_mul(size_of::<digit>())
        .and_then(|size| size.checked_add(DIGITS_OFFSET))
        .filter(|&size| isize::try_from(size).is_ok())
        .ok_or_else(|| overflow(vm, "too many digits in integer"))?;
    // SAFETY: exactly `int`; the lock is held inside the border.
    let p = unsafe { crate::proxy::mirror::allocate(types::statics::int_type(), size) };
    let p = allocated(vm, p)?.cast::<PyLongObject>();
    let sign = match (n, negative) {
        (0, _) => 0,
        (_, true) => -1,
        (_, false) => 1,
    };
    // SAFETY: freshly made.
    unsafe { (*p).long_value.lv_tag = TAG_FROM_SIGN_AND_SIZE(sign, n) };
    Ok(p)
}

/// An `int` to be filled by the caller: `*digits` are its digits. NULL with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLongWriter_Create(
    negative: c_int,
    ndigits: Py_ssize_t,
    digits: *mut *mut c_void,
) -> *mut PyLongWriter {
    border(|vm| {
        let n = usize::try_from(ndigits)
            .ok()
            .filter(|&n| n > 0)
            .ok_or_else(|| {
                // SAFETY: the caller's variable.
                unsafe { *digits = ptr::null_mut() };
                vm.new_value_error("ndigits must be positive")
            })?;
        let p = unfinished(vm, negative != 0, n)?;
        // SAFETY: the caller's variable; the object has room for the digits.
        unsafe { *digits = p.cast::<u8>().add(DIGITS_OFFSET).cast() };
        Ok(p.cast())
    })
}

/// The finished `int`; takes over the writer. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLongWriter_Finish(writer: *mut PyLongWriter) -> *mut PyObject {
    let p = writer.cast::<PyObject>();
    // SAFETY: the caller passes what `PyLongWriter_Create` returned, filled.
    border(|vm| unsafe {
        if refcount::count(p) != 1 {
            refcount::decref(p);
            return Err(bad_internal_call(vm));
        }
        let (negative, digits) = mirror::parts(p);
        let len = digits.iter().rposition(|&d| d != 0).map_or(0, |i| i + 1);
        let number = Number {
            negative,
            digits: Cow::Borrowed(&digits[..len]),
        };
        if let Some(small) = number.to_i64().and_then(mirror::small_value) {
            refcount::decref(p);
            return Ok(small);
        }
        let sign = if negative { -1 } else { 1 };
        (*p.cast::<PyLongObject>()).long_value.lv_tag = TAG_FROM_SIGN_AND_SIZE(sign, len);
        Ok(p)
    })
}

/// Drops an unfinished `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyLongWriter_Discard(writer: *mut PyLongWriter) {
    // SAFETY: the caller passes NULL or what `PyLongWriter_Create` returned.
    unsafe { refcount::xdecref(writer.cast()) };
}

/// A fresh `int` with room for `size` digits, which the caller fills. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_New(size: Py_ssize_t) -> *mut PyLongObject {
    border(|vm| {
        let n = usize::try_from(size).map_err(|_| bad_internal_call(vm))?;
        unfinished(vm, false, n)
    })
}

/// An `int` of these digits. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_FromDigits(
    negative: c_int,
    digit_count: Py_ssize_t,
    digits: *mut digit,
) -> *mut PyLongObject {
    border(|vm| {
        let digits = match usize::try_from(digit_count) {
            Ok(0) | Err(_) => &[][..],
            // SAFETY: the caller passes that many digits.
            Ok(n) => unsafe { std::slice::from_raw_parts(digits, n) },
        };
        let len = digits.iter().rposition(|&d| d != 0).map_or(0, |i| i + 1);
        Ok(from_digits(vm, negative != 0, &digits[..len])?.cast::<PyLongObject>())
    })
}

/// An exact `int` of the same value. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_Copy(src: *mut PyLongObject) -> *mut PyObject {
    // SAFETY: the caller passes a live `int`.
    border(|vm| unsafe {
        let (negative, digits) = mirror::parts(src.cast());
        from_digits(vm, negative, digits)
    })
}

/// The greatest common divisor of two `int`s. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyLong_GCD(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller passes live `int`s.
    border(|vm| unsafe {
        let (mut x, mut y) = (mirror::to_bigint(a), mirror::to_bigint(b));
        let zero = BigInt::from(0);
        while y != zero {
            (x, y) = (y.clone(), x % y);
        }
        from_bigint(vm, &if x < zero { -x } else { x })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: &BigInt) -> Number<'static> {
        Number::of(value)
    }

    #[test]
    fn bytes_round_trip() {
        for bits in [0u32, 7, 8, 15, 29, 30, 31, 63, 64, 100] {
            for delta in [-1, 0, 1] {
                let value = (BigInt::from(1) << bits) + BigInt::from(delta);
                for value in [value.clone(), -value] {
                    let n = number(&value);
                    for len in 1..20 {
                        if !n.fits(len, true) {
                            continue;
                        }
                        for little in [false, true] {
                            let mut out = vec![0xaa; len];
                            n.write(&mut out, little);
                            let (negative, digits) = parse_bytes(&out, little, true);
                            assert_eq!(mirror::from_digit_slice(negative, &digits), value);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn limits_of_sizes() {
        let fits = |value: i64, len, signed| number(&BigInt::from(value)).fits(len, signed);
        assert!(fits(127, 1, true) && !fits(128, 1, true));
        assert!(fits(-128, 1, true) && !fits(-129, 1, true));
        assert!(fits(255, 1, false) && !fits(256, 1, false) && !fits(-1, 1, false));
    }

    #[test]
    fn doubles_are_rounded_to_even() {
        for value in [
            0i64,
            1,
            -1,
            1 << 53,
            (1 << 53) + 1,
            (1 << 53) + 3,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(number(&BigInt::from(value)).to_f64(), Some(value as f64));
        }
        let tie = (BigInt::from(1) << 200) + (BigInt::from(1) << 147);
        assert_eq!(number(&tie).to_f64(), Some(2f64.powi(200)));
        assert_eq!(
            number(&(tie + 1)).to_f64(),
            Some(2f64.powi(200) * (1.0 + f64::EPSILON))
        );
        assert_eq!(number(&(BigInt::from(1) << 1024)).to_f64(), None);
        assert_eq!(
            number(&((BigInt::from(1) << 1024) - (BigInt::from(1) << 970) - 1)).to_f64(),
            Some(f64::MAX)
        );
    }

    #[test]
    fn literals_are_read_as_in_source() {
        let read = |text: &str, base| {
            let literal = parse_literal(text.as_bytes(), base);
            literal.number.map(|(negative, digits)| {
                (negative, literal.radix, String::from_utf8(digits).unwrap())
            })
        };
        assert_eq!(read(" -0x_fF ", 0), Some((true, 16, "fF".into())));
        assert_eq!(read("0xff", 16), Some((false, 16, "ff".into())));
        assert_eq!(read("1_000", 10), Some((false, 10, "1000".into())));
        assert_eq!(read("000", 0), Some((false, 10, "000".into())));
        for bad in ["010", "", "-", "1__0", "1_", "_1", "12x", "0x"] {
            assert_eq!(read(bad, 0), None, "{bad}");
        }
    }
}

// skipped: _PyLong_Add, _PyLong_Multiply and other functions that no public header declares
