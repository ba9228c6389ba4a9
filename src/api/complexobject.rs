//! `complexobject.h` and `cpython/complexobject.h`.

use std::ffi::{c_double, c_int};

use rustpython_vm::builtins::PyComplex;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::longobject::allocated;
use super::{border, object, python};
use crate::layout::{Py_complex, PyComplexObject, PyObject};
use crate::proxy::mirror::{self, Kind, complexobject};
use crate::types;

const FAILED: Py_complex = Py_complex {
    real: -1.0,
    imag: 0.0,
};

/// Whether `p` is a `complex`.
///
/// # Safety
/// `p` is a live object; the lock is held.
unsafe fn is_complex(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { mirror::base_kind_of_type((*p).ob_type) == Kind::Complex }
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyComplex_FromCComplex(value: Py_complex) -> *mut PyObject {
    // SAFETY: exactly `complex`; the caller has the GIL.
    let p = unsafe { complexobject::new(types::statics::complex_type(), value) };
    if p.is_null() {
        return border(|vm| allocated(vm, p));
    }
    p
}

/// New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyComplex_FromDoubles(real: c_double, imag: c_double) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyComplex_FromCComplex(Py_complex { real, imag }) }
}

/// What `__complex__` of `v` returns, if its class has that method.
fn special(vm: &VirtualMachine, v: &PyObjectRef) -> PyResult<Option<Py_complex>> {
    let Some(method) = v.class().get_attr(vm.ctx.intern_str("__complex__")) else {
        return Ok(None);
    };
    let method = vm.call_if_get_descriptor(&method, v.clone())?;
    let result = method.call((), vm)?;
    match result.downcast_ref::<PyComplex>() {
        Some(c) => {
            if !result.class().is(vm.ctx.types.complex_type) {
                let text = format!(
                    "{}.__complex__() must return a complex, not {}.  The ability to return an instance of a strict \
                     subclass of complex is deprecated, and may not be supported in a future version of Python.",
                    v.class().name(),
                    result.class().name()
                );
                let category = vm.ctx.exceptions.deprecation_warning.to_owned();
                rustpython_vm::warn::warn(
                    vm.ctx.new_str(text).into(),
                    Some(category),
                    1,
                    None,
                    vm,
                )?;
            }
            let c = c.to_complex();
            Ok(Some(Py_complex {
                real: c.re,
                imag: c.im,
            }))
        }
        None => Err(vm.new_type_error(format!(
            "{}.__complex__() must return a complex, not {}",
            v.class().name(),
            result.class().name()
        ))),
    }
}

/// The value of `p`: itself, or what `__complex__`, `__float__` or `__index__` returns.
unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Py_complex> {
    // SAFETY: by the callers' contract.
    unsafe {
        if p.is_null() {
            return Err(super::bad_internal_call(vm));
        }
        if is_complex(p) {
            return Ok((*p.cast::<PyComplexObject>()).cval);
        }
        let v = object(vm, p)?;
        python(|| {
            if let Some(value) = special(vm, &v)? {
                return Ok(value);
            }
            match v.try_float_opt(vm) {
                Some(real) => Ok(Py_complex {
                    real: real?.to_f64(),
                    imag: 0.0,
                }),
                None => {
                    Err(vm.new_type_error(format!("must be real number, not {}", v.class().name())))
                }
            }
        })
    }
}

/// [`value`], at the border.
unsafe fn value_or_error(p: *mut PyObject) -> Py_complex {
    let mut result = FAILED;
    border(|vm| {
        // SAFETY: by the callers' contract.
        result = unsafe { value(vm, p) }?;
        Ok(())
    });
    result
}

/// The value, also by way of `__complex__`, `__float__` or `__index__`. A real part of -1.0 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyComplex_AsCComplex(op: *mut PyObject) -> Py_complex {
    // SAFETY: the caller passes NULL or a live object.
    unsafe { value_or_error(op) }
}

/// The real part. -1.0 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyComplex_RealAsDouble(op: *mut PyObject) -> c_double {
    // SAFETY: the caller passes NULL or a live object.
    unsafe { value_or_error(op).real }
}

/// The imaginary part, 0.0 for what is only a real number. -1.0 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyComplex_ImagAsDouble(op: *mut PyObject) -> c_double {
    // SAFETY: the caller passes NULL or a live object.
    border(|vm| Ok(unsafe { value(vm, op) }?.imag))
}

const fn complex(real: f64, imag: f64) -> Py_complex {
    Py_complex { real, imag }
}

fn set_errno(code: c_int) {
    // SAFETY: the address of this thread's own variable.
    unsafe { *libc::__errno_location() = code };
}

/// `a + b`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_sum(a: Py_complex, b: Py_complex) -> Py_complex {
    complex(a.real + b.real, a.imag + b.imag)
}

/// `a - b`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_diff(a: Py_complex, b: Py_complex) -> Py_complex {
    complex(a.real - b.real, a.imag - b.imag)
}

/// `-a`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_neg(a: Py_complex) -> Py_complex {
    complex(-a.real, -a.imag)
}

/// `a * b`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_prod(a: Py_complex, b: Py_complex) -> Py_complex {
    complex(
        a.real * b.real - a.imag * b.imag,
        a.real * b.imag + a.imag * b.real,
    )
}

/// `a / b`; `errno` is `EDOM` for a division by zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_quot(a: Py_complex, b: Py_complex) -> Py_complex {
    quotient(a, b)
}

/// Smith's method: the larger part of the divisor is divided by, so that nothing overflows early.
fn quotient(a: Py_complex, b: Py_complex) -> Py_complex {
    if b.real == 0.0 && b.imag == 0.0 {
        set_errno(libc::EDOM);
        return complex(0.0, 0.0);
    }
    if b.real.abs() >= b.imag.abs() {
        let ratio = b.imag / b.real;
        let denominator = b.real + b.imag * ratio;
        complex(
            (a.real + a.imag * ratio) / denominator,
            (a.imag - a.real * ratio) / denominator,
        )
    } else if b.imag.abs() >= b.real.abs() {
        let ratio = b.real / b.imag;
        let denominator = b.real * ratio + b.imag;
        complex(
            (a.real * ratio + a.imag) / denominator,
            (a.imag * ratio - a.real) / denominator,
        )
    } else {
        // A part is a NaN.
        complex(f64::NAN, f64::NAN)
    }
}

/// `a ** b`; `errno` is `EDOM` for zero to a negative or complex power, `ERANGE` for an overflow.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_pow(a: Py_complex, b: Py_complex) -> Py_complex {
    if b.real == 0.0 && b.imag == 0.0 {
        return complex(1.0, 0.0);
    }
    if a.real == 0.0 && a.imag == 0.0 {
        if b.imag != 0.0 || b.real < 0.0 {
            set_errno(libc::EDOM);
        }
        return complex(0.0, 0.0);
    }
    let size = a.real.hypot(a.imag);
    let angle = a.imag.atan2(a.real);
    let mut len = size.powf(b.real);
    let mut phase = angle * b.real;
    if b.imag != 0.0 {
        len *= (-angle * b.imag).exp();
        phase += b.imag * size.ln();
    }
    let result = complex(len * phase.cos(), len * phase.sin());
    if result.real.is_infinite() || result.imag.is_infinite() {
        set_errno(libc::ERANGE);
    }
    result
}

/// `abs(a)`; `errno` is `ERANGE` for an overflow, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_c_abs(a: Py_complex) -> c_double {
    let size = a.real.hypot(a.imag);
    let overflows = size.is_infinite() && a.real.is_finite() && a.imag.is_finite();
    set_errno(if overflows { libc::ERANGE } else { 0 });
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients() {
        assert_eq!(
            quotient(complex(4.0, 2.0), complex(2.0, 0.0)),
            complex(2.0, 1.0)
        );
        assert_eq!(
            quotient(complex(1.0, 0.0), complex(0.0, 1.0)),
            complex(0.0, -1.0)
        );
        assert_eq!(
            quotient(complex(1.0, 1.0), complex(0.0, 0.0)),
            complex(0.0, 0.0)
        );
    }
}
