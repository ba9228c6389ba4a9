//! `floatobject.h` and `cpython/floatobject.h`.

use std::ffi::{c_char, c_double, c_int};

use rustpython_vm::AsObject;
use rustpython_vm::TryFromBorrowedObject;
use rustpython_vm::builtins::{PyByteArray, PyBytes, PyStr};
use rustpython_vm::protocol::PyBuffer;

use super::longobject::allocated;
use super::{border, object, python};
use crate::layout::{PyFloatObject, PyObject, PyType_HasFeature};
use crate::proxy::mirror::{self, Kind, floatobject};
use crate::types;

/// Whether `p` is a `float`.
///
/// # Safety
/// `p` is a live object; the lock is held.
pub unsafe fn is_float(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        types::statics::is_exact_float(ty)
            || !PyType_HasFeature(ty, crate::layout::Py_TPFLAGS_LONG_SUBCLASS)
                && mirror::base_kind_of_type(ty) == Kind::Float
    }
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_FromDouble(value: c_double) -> *mut PyObject {
    // SAFETY: exactly `float`; the caller has the GIL.
    let p = unsafe { floatobject::from_f64(value) };
    if p.is_null() {
        return border(|vm| allocated(vm, p));
    }
    p
}

/// The value, or that of `__float__` or `__index__`. -1.0 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_AsDouble(p: *mut PyObject) -> c_double {
    // SAFETY: the caller passes NULL or a live object.
    unsafe {
        if !p.is_null() && is_float(p) {
            return (*p.cast::<PyFloatObject>()).ob_fval;
        }
        border(|vm| {
            if p.is_null() {
                return Err(vm.new_type_error("bad argument type for built-in operation"));
            }
            let v = object(vm, p)?;
            match python(|| v.try_float_opt(vm)) {
                Some(value) => Ok(value?.to_f64()),
                None => {
                    Err(vm.new_type_error(format!("must be real number, not {}", v.class().name())))
                }
            }
        })
    }
}

/// `float(v)` for text. New reference; `ValueError` if it is no number, `TypeError` if it is no text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_FromString(v: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let v = unsafe { object(vm, v) }?;
        let is_text = v.downcast_ref::<PyStr>().is_some()
            || v.downcast_ref::<PyBytes>().is_some()
            || v.downcast_ref::<PyByteArray>().is_some()
            || python(|| PyBuffer::try_from_borrowed_object(vm, &v)).is_ok();
        if !is_text {
            return Err(vm.new_type_error(format!(
                "float() argument must be a string or a real number, not '{}'",
                v.class().name()
            )));
        }
        python(|| vm.ctx.types.float_type.as_object().call((v,), vm))
    })
}

/// The largest finite double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_GetMax() -> c_double {
    f64::MAX
}

/// The smallest positive normal double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_GetMin() -> c_double {
    f64::MIN_POSITIVE
}

/// `sys.float_info`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_GetInfo() -> *mut PyObject {
    border(|vm| python(|| vm.sys_module.get_attr("float_info", vm)))
}

/// The bits of the nearest half-precision number, ties to even; `None` if it would be infinite.
fn half_bits(value: f64) -> Option<u16> {
    let sign = (value.to_bits() >> 48 & 0x8000) as u16;
    let magnitude = value.abs();
    let bits = if value.is_nan() {
        // The top of the payload, and quiet if nothing is left of it.
        let payload = (value.to_bits() >> 42 & 0x3ff) as u16;
        0x7c00 | if payload == 0 { 0x200 } else { payload }
    } else if value.is_infinite() {
        0x7c00
    } else if magnitude >= 65520.0 {
        return None;
    } else if magnitude < 2f64.powi(-14) {
        (magnitude * 2f64.powi(24)).round_ties_even() as u16
    } else {
        let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
        let fraction = (magnitude * 2f64.powi(-exponent) - 1.0) * 1024.0;
        // A fraction that rounds up to 1 carries into the exponent.
        (((exponent + 15) as u16) << 10) + fraction.round_ties_even() as u16
    };
    Some(sign | bits)
}

/// The value of a half-precision number.
fn from_half_bits(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-24),
        0x1f if bits & 0x3ff == 0 => f64::INFINITY,
        0x1f => f64::from_bits(0x7ff0 << 48 | u64::from(bits & 0x3ff) << 42),
        exponent => (1.0 + fraction / 1024.0) * 2f64.powi(i32::from(exponent) - 15),
    };
    if bits & 0x8000 != 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// The bits of the nearest single-precision number; `None` if it would be infinite. A NaN keeps what fits of its payload, and
/// whether it signals, which a conversion by the processor would not.
fn single_bits(value: f64) -> Option<u32> {
    if !value.is_nan() {
        let single = value as f32;
        return (single.is_finite() || value.is_infinite()).then(|| single.to_bits());
    }
    let bits = value.to_bits();
    let payload = (bits >> 29) as u32 & 0x7f_ffff;
    // A NaN that nothing is left of must not become an infinity.
    let payload = if payload == 0 { 1 << 22 } else { payload };
    Some((bits >> 32) as u32 & 1 << 31 | 0xff << 23 | payload)
}

/// The value of a single-precision number, whose NaNs signal if it does.
fn from_single_bits(bits: u32) -> f64 {
    let single = f32::from_bits(bits);
    if !single.is_nan() {
        return single.into();
    }
    let sign = u64::from(bits & 1 << 31) << 32;
    f64::from_bits(sign | 0x7ff << 52 | u64::from(bits & 0x7f_ffff) << 29)
}

/// Writes bytes in the order asked for.
unsafe fn store<const N: usize>(mut little: [u8; N], p: *mut c_char, le: c_int) {
    if le == 0 {
        little.reverse();
    }
    // SAFETY: the caller has room for the bytes.
    unsafe { p.cast::<[u8; N]>().write_unaligned(little) };
}

/// Reads bytes in the order asked for.
unsafe fn load<const N: usize>(p: *const c_char, le: c_int) -> [u8; N] {
    // SAFETY: the caller passes that many bytes.
    let mut little = unsafe { p.cast::<[u8; N]>().read_unaligned() };
    if le == 0 {
        little.reverse();
    }
    little
}

/// Writes a half-precision number. 0, or -1 with an `OverflowError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Pack2(x: c_double, p: *mut c_char, le: c_int) -> c_int {
    border(|vm| {
        let bits = half_bits(x)
            .ok_or_else(|| vm.new_overflow_error("float too large to pack with e format"))?;
        // SAFETY: the caller has room for 2 bytes.
        unsafe { store(bits.to_le_bytes(), p, le) };
        Ok(())
    })
}

/// Writes a single-precision number. 0, or -1 with an `OverflowError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Pack4(x: c_double, p: *mut c_char, le: c_int) -> c_int {
    border(|vm| {
        let bits = single_bits(x)
            .ok_or_else(|| vm.new_overflow_error("float too large to pack with f format"))?;
        // SAFETY: the caller has room for 4 bytes.
        unsafe { store(bits.to_le_bytes(), p, le) };
        Ok(())
    })
}

/// Writes a double-precision number. Always 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Pack8(x: c_double, p: *mut c_char, le: c_int) -> c_int {
    // SAFETY: the caller has room for 8 bytes.
    unsafe { store(x.to_le_bytes(), p, le) };
    0
}

/// Reads a half-precision number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Unpack2(p: *const c_char, le: c_int) -> c_double {
    // SAFETY: the caller passes 2 bytes.
    from_half_bits(u16::from_le_bytes(unsafe { load(p, le) }))
}

/// Reads a single-precision number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Unpack4(p: *const c_char, le: c_int) -> c_double {
    // SAFETY: the caller passes 4 bytes.
    from_single_bits(u32::from_le_bytes(unsafe { load(p, le) }))
}

/// Reads a double-precision number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFloat_Unpack8(p: *const c_char, le: c_int) -> c_double {
    // SAFETY: the caller passes 8 bytes.
    f64::from_le_bytes(unsafe { load(p, le) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_half_precision_numbers_round_trip() {
        for bits in 0..=u16::MAX {
            assert_eq!(half_bits(from_half_bits(bits)), Some(bits), "{bits:#x}");
        }
    }

    #[test]
    fn single_precision_nans_round_trip() {
        for bits in [
            0x7f80_0001,
            0x7fc0_0000,
            0xff80_4000,
            0xffff_ffff,
            0x7fa0_0000,
        ] {
            assert_eq!(single_bits(from_single_bits(bits)), Some(bits), "{bits:#x}");
        }
        assert_eq!(single_bits(1e39), None);
        assert_eq!(single_bits(f64::NEG_INFINITY), Some(0xff80_0000));
        assert_eq!(single_bits(1.5), Some(1.5f32.to_bits()));
    }

    #[test]
    fn halves_are_rounded_to_even() {
        assert_eq!(half_bits(65504.0), Some(0x7bff));
        assert_eq!(half_bits(65519.9), Some(0x7bff));
        assert_eq!(half_bits(65520.0), None);
        assert_eq!(half_bits(1.0 + 1.0 / 2048.0), half_bits(1.0));
        assert_eq!(half_bits(1.0 + 3.0 / 2048.0), half_bits(1.0 + 2.0 / 1024.0));
        assert_eq!(half_bits(2f64.powi(-25)), Some(0));
        assert_eq!(half_bits(2f64.powi(-25) * 1.1), Some(1));
    }
}
