//! `abstract.h` and `cpython/abstract.h` but for calls and buffers: numbers,
//! sequences, mappings, iterators.
//!
//! As in `object.rs`: what C defined is asked through its own slots, what C
//! memory alone can answer stays there, and the rest is one call of the VM.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use malachite_bigint::{BigInt, Sign};
use rustpython_vm::builtins::{PyDict, PySlice};
use rustpython_vm::protocol::{PyIter, PyIterReturn, PyNumber};
use rustpython_vm::{
    AsObject, PyObject as VmObject, PyObjectRef, PyPayload, PyResult, VirtualMachine,
};

use super::call::{c_type, is_subtype, type_name};
use super::object::{fail, is_between_c, is_plain, or_unraisable};
use super::{bad_internal_call, border, null_argument, object, optional, python, text};
use crate::layout::{
    PYGEN_ERROR, PYGEN_NEXT, PYGEN_RETURN, Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_LIST_SUBCLASS,
    Py_TPFLAGS_LONG_SUBCLASS, Py_TPFLAGS_TUPLE_SUBCLASS, Py_ssize_t, PyFloatObject,
    PyMappingMethods, PyNumberMethods, PyObject, PySendResult, PySequenceMethods,
    PyType_HasFeature, PyTypeObject, PyVarObject, binaryfunc, iternextfunc, ternaryfunc, unaryfunc,
};
use crate::proxy::c_of_owned;
use crate::proxy::mirror::{self, floatobject, listobject, longobject, tupleobject, unicodeobject};
use crate::refcount;
use crate::thread::error;
use crate::types::{builtin_base, slots_vm, statics};

/// A new reference to `p`.
#[inline]
unsafe fn again(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: the callers have a live object.
    unsafe { refcount::incref(p) };
    p
}

fn number<T>(ty: &PyTypeObject, slot: impl FnOnce(&PyNumberMethods) -> Option<T>) -> Option<T> {
    // SAFETY: a type's suite is NULL or lives as long as the type.
    unsafe { ty.tp_as_number.as_ref() }.and_then(slot)
}

fn sequence<T>(ty: &PyTypeObject, slot: impl FnOnce(&PySequenceMethods) -> Option<T>) -> Option<T> {
    // SAFETY: a type's suite is NULL or lives as long as the type.
    unsafe { ty.tp_as_sequence.as_ref() }.and_then(slot)
}

fn mapping<T>(ty: &PyTypeObject, slot: impl FnOnce(&PyMappingMethods) -> Option<T>) -> Option<T> {
    // SAFETY: a type's suite is NULL or lives as long as the type.
    unsafe { ty.tp_as_mapping.as_ref() }.and_then(slot)
}

/// Whether any of the operands is NULL, for the error.
#[cold]
fn null_operand() -> *mut PyObject {
    fail(null_argument)
}

// --- Numbers --------------------------------------------------------------

/// A binary operator of two machine words, if the result is one too.
type OnWords = fn(i64, i64) -> Option<i64>;
/// A binary operator of two floats, if it cannot fail.
type OnFloats = fn(f64, f64) -> Option<f64>;

fn never<T>(_: T, _: T) -> Option<T> {
    None
}

/// `a // b`, rounded towards minus infinity.
fn floor_divide(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    let exact = a % b == 0;
    Some(if !exact && (a < 0) != (b < 0) {
        quotient - 1
    } else {
        quotient
    })
}

/// `a % b`, with the sign of `b`.
fn remainder(a: i64, b: i64) -> Option<i64> {
    let rest = a.checked_rem(b)?;
    Some(if rest != 0 && (rest < 0) != (b < 0) {
        rest + b
    } else {
        rest
    })
}

fn left_shift(a: i64, b: i64) -> Option<i64> {
    let shift = u32::try_from(b).ok().filter(|&n| n < 63)?;
    let result = a << shift;
    (result >> shift == a).then_some(result)
}

fn right_shift(a: i64, b: i64) -> Option<i64> {
    let shift = u32::try_from(b).ok()?;
    Some(a >> shift.min(63))
}

fn divide(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

/// A binary operator: what it is called, and its slots on both sides.
struct Operator {
    sign: &'static str,
    slot: fn(&PyNumberMethods) -> Option<binaryfunc>,
    in_place: Option<fn(&PyNumberMethods) -> Option<binaryfunc>>,
    vm: fn(&VirtualMachine, &VmObject, &VmObject) -> PyResult,
}

/// The result of an operator on two built-in numbers of C memory.
#[inline(always)]
unsafe fn on_values(
    a: *mut PyObject,
    b: *mut PyObject,
    words: OnWords,
    floats: OnFloats,
) -> Option<*mut PyObject> {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = (*a).ob_type;
        if ty != (*b).ob_type {
            return None;
        }
        if statics::is_exact_int(ty) {
            let result = words(longobject::to_i64(a)?, longobject::to_i64(b)?)?;
            return non_null(longobject::from_i64(result));
        }
        if statics::is_exact_float(ty) {
            let value = |p: *mut PyObject| (*p.cast::<PyFloatObject>()).ob_fval;
            let result = floats(value(a), value(b))?;
            return non_null(floatobject::from_f64(result));
        }
        None
    }
}

/// A result that memory was there for.
#[inline]
fn non_null(p: *mut PyObject) -> Option<*mut PyObject> {
    (!p.is_null()).then_some(p)
}

/// `binary_op1` with C's slots: a new reference, `NotImplemented`, or NULL
/// with an exception.
unsafe fn binary_in_c(
    a: *mut PyObject,
    b: *mut PyObject,
    slot: fn(&PyNumberMethods) -> Option<binaryfunc>,
) -> *mut PyObject {
    let not_implemented = statics::not_implemented();
    // SAFETY: the callers have live objects.
    unsafe {
        let slot_of = |p| c_type(p).and_then(|ty| number(ty, slot));
        let slot_a = slot_of(a);
        let mut slot_b = None;
        if (*a).ob_type != (*b).ob_type {
            slot_b = slot_of(b).filter(|&f| !slot_a.is_some_and(|g| ptr::fn_addr_eq(f, g)));
        }
        if let Some(f) = slot_a {
            if let Some(g) = slot_b
                && is_subtype((*b).ob_type, (*a).ob_type)
            {
                let result = g(a, b);
                if result != not_implemented {
                    return result;
                }
                slot_b = None;
            }
            let result = f(a, b);
            if result != not_implemented {
                return result;
            }
        }
        slot_b.map_or(not_implemented, |g| g(a, b))
    }
}

#[cold]
unsafe fn unsupported(a: *mut PyObject, b: *mut PyObject, sign: &str) -> *mut PyObject {
    // SAFETY: the callers have live objects.
    let (a, b) = unsafe { (type_name((*a).ob_type), type_name((*b).ob_type)) };
    fail(|vm| {
        vm.new_type_error(format!(
            "unsupported operand type(s) for {sign}: '{a}' and '{b}'"
        ))
    })
}

/// What a sequence makes of `+` and `*`, when numbers make nothing of it.
type Fallback = unsafe fn(*mut PyObject, *mut PyObject, bool) -> Option<*mut PyObject>;

unsafe fn no_fallback(_: *mut PyObject, _: *mut PyObject, _: bool) -> Option<*mut PyObject> {
    None
}

unsafe fn concatenate(a: *mut PyObject, b: *mut PyObject, in_place: bool) -> Option<*mut PyObject> {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = c_type(a)?;
        let f = in_place
            .then(|| sequence(ty, |m| m.sq_inplace_concat))
            .flatten()
            .or_else(|| sequence(ty, |m| m.sq_concat))?;
        Some(f(a, b))
    }
}

unsafe fn repeat(a: *mut PyObject, b: *mut PyObject, in_place: bool) -> Option<*mut PyObject> {
    // SAFETY: the callers have live objects.
    unsafe {
        let of = |p, in_place: bool| {
            let ty = c_type(p)?;
            in_place
                .then(|| sequence(ty, |m| m.sq_inplace_repeat))
                .flatten()
                .or_else(|| sequence(ty, |m| m.sq_repeat))
        };
        let (f, items, times) = match of(a, in_place) {
            Some(f) => (f, a, b),
            None => (of(b, false)?, b, a),
        };
        if PyIndex_Check(times) == 0 {
            let name = type_name((*times).ob_type);
            return Some(fail(|vm| {
                vm.new_type_error(format!(
                    "can't multiply sequence by non-int of type '{name}'"
                ))
            }));
        }
        let n = PyNumber_AsSsize_t(times, statics::PyExc_OverflowError);
        if n == -1 && error::occurred() {
            return Some(ptr::null_mut());
        }
        Some(f(items, n))
    }
}

#[inline(never)]
unsafe fn binary(
    a: *mut PyObject,
    b: *mut PyObject,
    op: &Operator,
    fallback: Fallback,
) -> *mut PyObject {
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        if a.is_null() || b.is_null() {
            return null_operand();
        }
        if is_between_c(a, b) {
            return binary_between_c(a, b, op, fallback);
        }
        border(|vm| {
            let (a, b) = (object(vm, a)?, object(vm, b)?);
            python(|| (op.vm)(vm, &a, &b))
        })
    }
}

unsafe fn binary_between_c(
    a: *mut PyObject,
    b: *mut PyObject,
    op: &Operator,
    fallback: Fallback,
) -> *mut PyObject {
    let not_implemented = statics::not_implemented();
    // SAFETY: the callers have live objects.
    unsafe {
        if let Some(in_place) = op.in_place
            && let Some(f) = c_type(a).and_then(|ty| number(ty, in_place))
        {
            let result = f(a, b);
            if result != not_implemented {
                return result;
            }
        }
        let result = binary_in_c(a, b, op.slot);
        if result != not_implemented {
            return result;
        }
        if let Some(result) = fallback(a, b, op.in_place.is_some()) {
            return result;
        }
        if is_plain(a) && is_plain(b) {
            return unsupported(a, b, op.sign);
        }
        // A built-in sequence on one side may repeat or concatenate.
        border(|vm| {
            let (a, b) = (object(vm, a)?, object(vm, b)?);
            python(|| (op.vm)(vm, &a, &b))
        })
    }
}

macro_rules! operators {
    ($($name:ident, $in_place_name:ident, $sign:literal, $in_place_sign:literal, $slot:ident, $in_place_slot:ident,
       $vm:ident, $in_place_vm:ident, $words:expr, $floats:expr, $fallback:expr;)*) => {$(
        #[doc = concat!("`a ", $sign, " b`. New reference.")]
        ///
        /// # Safety
        /// The objects are live and the caller holds the lock.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
            const OP: Operator = Operator {
                sign: $sign,
                slot: |m| m.$slot,
                in_place: None,
                vm: VirtualMachine::$vm,
            };
            // SAFETY: by this function's contract.
            unsafe {
                if !a.is_null()
                    && !b.is_null()
                    && let Some(result) = on_values(a, b, $words, $floats)
                {
                    return result;
                }
                binary(a, b, &OP, $fallback)
            }
        }

        #[doc = concat!("`a ", $in_place_sign, " b`. New reference, to `a` itself if it is mutable.")]
        ///
        /// # Safety
        /// The objects are live and the caller holds the lock.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $in_place_name(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
            const OP: Operator = Operator {
                sign: $in_place_sign,
                slot: |m| m.$slot,
                in_place: Some(|m| m.$in_place_slot),
                vm: VirtualMachine::$in_place_vm,
            };
            // SAFETY: by this function's contract.
            unsafe {
                if !a.is_null()
                    && !b.is_null()
                    && let Some(result) = on_values(a, b, $words, $floats)
                {
                    return result;
                }
                binary(a, b, &OP, $fallback)
            }
        }
    )*};
}

operators! {
    PyNumber_Add, PyNumber_InPlaceAdd, "+", "+=", nb_add, nb_inplace_add, _add, _iadd,
        i64::checked_add, |a, b| Some(a + b), concatenate;
    PyNumber_Subtract, PyNumber_InPlaceSubtract, "-", "-=", nb_subtract, nb_inplace_subtract, _sub, _isub,
        i64::checked_sub, |a, b| Some(a - b), no_fallback;
    PyNumber_Multiply, PyNumber_InPlaceMultiply, "*", "*=", nb_multiply, nb_inplace_multiply, _mul, _imul,
        i64::checked_mul, |a, b| Some(a * b), repeat;
    PyNumber_MatrixMultiply, PyNumber_InPlaceMatrixMultiply, "@", "@=", nb_matrix_multiply,
        nb_inplace_matrix_multiply, _matmul, _imatmul, never, never, no_fallback;
    PyNumber_FloorDivide, PyNumber_InPlaceFloorDivide, "//", "//=", nb_floor_divide, nb_inplace_floor_divide,
        _floordiv, _ifloordiv, floor_divide, never, no_fallback;
    PyNumber_TrueDivide, PyNumber_InPlaceTrueDivide, "/", "/=", nb_true_divide, nb_inplace_true_divide,
        _truediv, _itruediv, never, divide, no_fallback;
    PyNumber_Remainder, PyNumber_InPlaceRemainder, "%", "%=", nb_remainder, nb_inplace_remainder, _mod, _imod,
        remainder, never, no_fallback;
    PyNumber_Lshift, PyNumber_InPlaceLshift, "<<", "<<=", nb_lshift, nb_inplace_lshift, _lshift, _ilshift,
        left_shift, never, no_fallback;
    PyNumber_Rshift, PyNumber_InPlaceRshift, ">>", ">>=", nb_rshift, nb_inplace_rshift, _rshift, _irshift,
        right_shift, never, no_fallback;
    PyNumber_And, PyNumber_InPlaceAnd, "&", "&=", nb_and, nb_inplace_and, _and, _iand,
        |a, b| Some(a & b), never, no_fallback;
    PyNumber_Xor, PyNumber_InPlaceXor, "^", "^=", nb_xor, nb_inplace_xor, _xor, _ixor,
        |a, b| Some(a ^ b), never, no_fallback;
    PyNumber_Or, PyNumber_InPlaceOr, "|", "|=", nb_or, nb_inplace_or, _or, _ior,
        |a, b| Some(a | b), never, no_fallback;
}

/// `divmod(a, b)`. New reference.
///
/// # Safety
/// All objects are live, and the caller holds the lock. This goes for every
/// function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Divmod(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    const OP: Operator = Operator {
        sign: "divmod()",
        slot: |m| m.nb_divmod,
        in_place: None,
        vm: VirtualMachine::_divmod,
    };
    // SAFETY: by this function's contract.
    unsafe { binary(a, b, &OP, no_fallback) }
}

/// The power slot of C's that alone decides: base and exponent are C's, the
/// modulus is `None`.
unsafe fn power_in_c(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
    in_place: bool,
) -> Option<*mut PyObject> {
    let not_implemented = statics::not_implemented();
    // SAFETY: the callers have live objects.
    unsafe {
        if c != statics::none() || !is_between_c(a, b) {
            return None;
        }
        let slot = |p, slot: fn(&PyNumberMethods) -> Option<ternaryfunc>| {
            c_type(p).and_then(|ty| number(ty, slot))
        };
        let mut candidates = [
            in_place.then(|| slot(a, |m| m.nb_inplace_power)).flatten(),
            slot(a, |m| m.nb_power),
            slot(b, |m| m.nb_power),
        ];
        if (*a).ob_type != (*b).ob_type && is_subtype((*b).ob_type, (*a).ob_type) {
            candidates.swap(1, 2);
        }
        let mut tried: Option<ternaryfunc> = None;
        for f in candidates.into_iter().flatten() {
            if tried.is_some_and(|g| ptr::fn_addr_eq(f, g)) {
                continue;
            }
            tried = Some(f);
            let result = f(a, b, c);
            if result != not_implemented {
                return Some(result);
            }
        }
        let sign = if in_place { "**=" } else { "** or pow()" };
        Some(unsupported(a, b, sign))
    }
}

unsafe fn power(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
    in_place: bool,
) -> *mut PyObject {
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        if a.is_null() || b.is_null() || c.is_null() {
            return null_operand();
        }
        if let Some(result) = power_in_c(a, b, c, in_place) {
            return result;
        }
        border(|vm| {
            let (a, b, c) = (object(vm, a)?, object(vm, b)?, object(vm, c)?);
            python(|| {
                if in_place {
                    vm._ipow(&a, &b, &c)
                } else {
                    vm._pow(&a, &b, &c)
                }
            })
        })
    }
}

/// `pow(a, b, c)`; `c` may be `None`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Power(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { power(a, b, c, false) }
}

/// `a **= b`, modulo `c` unless that is `None`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_InPlacePower(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { power(a, b, c, true) }
}

/// A unary operator: on words, floats, C's slot, or in the VM.
unsafe fn unary(
    p: *mut PyObject,
    words: fn(i64) -> Option<i64>,
    floats: fn(f64) -> Option<f64>,
    slot: fn(&PyNumberMethods) -> Option<unaryfunc>,
    in_vm: fn(&VirtualMachine, &VmObject) -> PyResult,
) -> *mut PyObject {
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        let ty = (*p).ob_type;
        if statics::is_exact_int(ty)
            && let Some(result) = longobject::to_i64(p).and_then(words)
        {
            return longobject::from_i64(result);
        }
        if statics::is_exact_float(ty)
            && let Some(result) = floats((*p.cast::<PyFloatObject>()).ob_fval)
        {
            return floatobject::from_f64(result);
        }
        if let Some(f) = c_type(p).and_then(|ty| number(ty, slot)) {
            return f(p);
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| in_vm(vm, &v))
        })
    }
}

/// `-p`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Negative(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        unary(
            p,
            i64::checked_neg,
            |a| Some(-a),
            |m| m.nb_negative,
            VirtualMachine::_neg,
        )
    }
}

/// `+p`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Positive(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { unary(p, Some, Some, |m| m.nb_positive, VirtualMachine::_pos) }
}

/// `~p`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Invert(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        unary(
            p,
            |a| Some(!a),
            |_| None,
            |m| m.nb_invert,
            VirtualMachine::_invert,
        )
    }
}

/// `abs(p)`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Absolute(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        unary(
            p,
            i64::checked_abs,
            |a| Some(a.abs()),
            |m| m.nb_absolute,
            VirtualMachine::_abs,
        )
    }
}

/// Whether `p` can be made an `int` or a `float`, or is a `complex`.
///
/// # Safety
/// As for [`PyNumber_Divmod`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Check(p: *mut PyObject) -> c_int {
    if p.is_null() {
        return 0;
    }
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(ty) = c_type(p) {
            return number(ty, |m| m.nb_index.or(m.nb_int).or(m.nb_float))
                .is_some()
                .into();
        }
        border(|vm| {
            let v = object(vm, p)?;
            let complex = v.class().fast_issubclass(vm.ctx.types.complex_type);
            Ok(complex || PyNumber::check(&v))
        })
    }
}

/// Whether `p` is an `int` or has `__index__`.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyIndex_Check(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_LONG_SUBCLASS) {
            return 1;
        }
        if let Some(ty) = c_type(p) {
            return number(ty, |m| m.nb_index).is_some().into();
        }
        border(|vm| Ok(object(vm, p)?.number().is_index()))
    }
}

/// An exact `int` with the value of the `int` `p`, whose reference is stolen.
unsafe fn exact_int(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: the callers have an `int`.
    unsafe {
        if p.is_null() || statics::is_exact_int((*p).ob_type) {
            return p;
        }
        let exact = match longobject::to_i64(p) {
            Some(value) => longobject::from_i64(value),
            None => {
                let (negative, digits) = longobject::parts(p);
                longobject::from_digits(statics::int_type(), negative, digits)
            }
        };
        refcount::decref(p);
        exact
    }
}

/// The result of `__index__` or `__int__`: an `int`, not of a subclass if C
/// can help it, which costs a `DeprecationWarning`.
unsafe fn int_result(result: *mut PyObject, method: &str) -> *mut PyObject {
    // SAFETY: `result` is NULL or the callers'.
    unsafe {
        if result.is_null() || statics::is_exact_int((*result).ob_type) {
            return result;
        }
        let name = type_name((*result).ob_type);
        let message = format!("{method} returned non-int (type {name})");
        if !PyType_HasFeature((*result).ob_type, Py_TPFLAGS_LONG_SUBCLASS) {
            refcount::decref(result);
            return fail(|vm| vm.new_type_error(message));
        }
        let message = format!(
            "{message}.  The ability to return an instance of a strict subclass of int is \
             deprecated, and may not be supported in a future version of Python."
        );
        let warned = border(|vm| {
            python(|| {
                let warn = vm.import("warnings", 0)?.get_attr("warn", vm)?;
                let category = vm.ctx.exceptions.deprecation_warning.to_owned();
                warn.call((vm.ctx.new_str(message), category), vm)
            })?;
            Ok(())
        });
        if warned < 0 {
            refcount::decref(result);
            return ptr::null_mut();
        }
        exact_int(result)
    }
}

/// `operator.index(p)`: an exact `int`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Index(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_LONG_SUBCLASS) {
            return exact_int(again(p));
        }
        if let Some(ty) = c_type(p)
            && let Some(index) = number(ty, |m| m.nb_index)
        {
            return int_result(index(p), "__index__");
        }
        let result = border(|vm| {
            let v = object(vm, p)?;
            python(|| v.try_index(vm))
        });
        exact_int(result)
    }
}

/// `int(p)`: an exact `int`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Long(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if statics::is_exact_int((*p).ob_type) {
            return again(p);
        }
        if let Some(ty) = c_type(p) {
            if let Some(int) = number(ty, |m| m.nb_int) {
                return int_result(int(p), "__int__");
            }
            if let Some(index) = number(ty, |m| m.nb_index) {
                return int_result(index(p), "__index__");
            }
        }
        in_vm_type(p, |vm| vm.ctx.types.int_type.as_object())
    }
}

/// Calls a built-in type with `p`.
unsafe fn in_vm_type(
    p: *mut PyObject,
    class: impl FnOnce(&VirtualMachine) -> &VmObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the callers have a live object.
        let v = unsafe { object(vm, p) }?;
        let class = class(vm);
        python(|| class.call((v,), vm))
    })
}

/// `float(p)`: an exact `float`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_Float(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if statics::is_exact_float((*p).ob_type) {
            return again(p);
        }
        if let Some(ty) = c_type(p)
            && let Some(float) = number(ty, |m| m.nb_float)
        {
            let result = float(p);
            if result.is_null() || statics::is_exact_float((*result).ob_type) {
                return result;
            }
            refcount::decref(result);
        }
        in_vm_type(p, |vm| vm.ctx.types.float_type.as_object())
    }
}

/// The digits of a number, with Python's prefix for the base; `None` for
/// bases that Python has no prefix for.
fn in_base(value: &BigInt, base: c_int) -> Option<String> {
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        10 => "",
        16 => "0x",
        _ => return None,
    };
    let sign = if value.sign() == Sign::Minus { "-" } else { "" };
    let digits = value.magnitude().to_str_radix(base as u32);
    Some(format!("{sign}{prefix}{digits}"))
}

/// `bin`, `oct`, `str` or `hex` of `operator.index(p)`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_ToBase(p: *mut PyObject, base: c_int) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if in_base(&BigInt::from(0), base).is_none() {
            return fail(|vm| vm.new_system_error("PyNumber_ToBase: base must be 2, 8, 10 or 16"));
        }
        let index = PyNumber_Index(p);
        if index.is_null() {
            return index;
        }
        let value = longobject::to_bigint(index);
        refcount::decref(index);
        let text = match base {
            // As `str` does it: there may be too many digits.
            10 => return border(|vm| python(|| vm.ctx.new_bigint(&value).as_object().str(vm))),
            _ => in_base(&value, base).unwrap_or_default(),
        };
        unicodeobject::from_ascii(text.as_bytes())
    }
}

/// `operator.index(p)` as a `Py_ssize_t`. What does not fit is an exception of
/// type `exc`, or clipped if that is NULL; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`]; `exc` is NULL or an exception class.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyNumber_AsSsize_t(p: *mut PyObject, exc: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe {
        let index = PyNumber_Index(p);
        if index.is_null() {
            return -1;
        }
        let value = longobject::to_i64(index);
        let negative = longobject::parts(index).0;
        refcount::decref(index);
        if let Some(value) = value {
            return value as Py_ssize_t;
        }
        if exc.is_null() {
            return if negative {
                Py_ssize_t::MIN
            } else {
                Py_ssize_t::MAX
            };
        }
        border(|vm| {
            let name = type_name((*p).ob_type);
            let message = format!("cannot fit '{name}' into an index-sized integer");
            let class = object(vm, exc)?
                .downcast::<rustpython_vm::builtins::PyType>()
                .ok()
                .filter(|class| class.fast_issubclass(vm.ctx.exceptions.base_exception_type))
                .ok_or_else(|| bad_internal_call(vm))?;
            Err::<Py_ssize_t, _>(vm.new_exception_msg(class, message.into()))
        })
    }
}

// --- Objects with items ---------------------------------------------------

/// The length of a built-in whose C memory tells it.
#[inline]
unsafe fn length_in_memory(p: *mut PyObject) -> Option<Py_ssize_t> {
    // SAFETY: the callers have a live object.
    unsafe {
        let ty = (*p).ob_type;
        if statics::is_exact_tuple(ty) || statics::is_exact_list(ty) || statics::is_exact_bytes(ty)
        {
            return Some((*p.cast::<PyVarObject>()).ob_size);
        }
        if statics::is_exact_str(ty) {
            return Some(unicodeobject::data(p).2 as Py_ssize_t);
        }
        None
    }
}

/// The length of a VM object.
unsafe fn length_in_vm(
    p: *mut PyObject,
    length: impl FnOnce(&VmObject, &VirtualMachine) -> PyResult<usize>,
) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: the callers have NULL or a live object.
        let v = unsafe { object(vm, p) }?;
        if let Some(d) = v.downcast_ref_if_exact::<PyDict>(vm) {
            return Ok(d.__len__() as Py_ssize_t);
        }
        Ok(python(|| length(&v, vm))? as Py_ssize_t)
    })
}

/// `len(p)`; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Size(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() {
            if let Some(length) = length_in_memory(p) {
                return length;
            }
            if let Some(ty) = c_type(p)
                && let Some(length) =
                    sequence(ty, |m| m.sq_length).or_else(|| mapping(ty, |m| m.mp_length))
            {
                return length(p);
            }
        }
        length_in_vm(p, VmObject::length)
    }
}

/// [`PyObject_Size`].
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Length(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe { PyObject_Size(p) }
}

/// `operator.length_hint(p, default)`; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_LengthHint(p: *mut PyObject, default: Py_ssize_t) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(length) = length_in_memory(p) {
            return length;
        }
        border(|vm| {
            let v = object(vm, p)?;
            let hint = python(|| vm.length_hint_opt(v))?;
            Ok(hint.map_or(default, |n| n as Py_ssize_t))
        })
    }
}

/// The place of an index in a sequence of `len` items.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok().filter(|&i| i < len)
}

/// The item of an exact tuple or list at an `int`: borrowed.
unsafe fn item_in_memory(p: *mut PyObject, key: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: the callers have live objects.
    unsafe {
        if !statics::is_exact_int((*key).ob_type) {
            return None;
        }
        let items = items_in_memory(p)?;
        items
            .get(place(longobject::to_i64(key)?, items.len())?)
            .copied()
    }
}

/// The items of an exact tuple or list.
#[inline]
unsafe fn items_in_memory<'a>(p: *mut PyObject) -> Option<&'a [*mut PyObject]> {
    // SAFETY: the callers have a live object.
    unsafe {
        if statics::is_exact_tuple((*p).ob_type) {
            Some(tupleobject::items(p))
        } else if statics::is_exact_list((*p).ob_type) {
            Some(listobject::items(p))
        } else {
            None
        }
    }
}

/// Converts the key of a sequence without a mapping's slots.
unsafe fn index_of_key(key: *mut PyObject) -> Option<Py_ssize_t> {
    // SAFETY: the callers have a live object.
    unsafe {
        if PyIndex_Check(key) == 0 {
            let name = type_name((*key).ob_type);
            fail(|vm| vm.new_type_error(format!("sequence index must be integer, not '{name}'")));
            return None;
        }
        let index = PyNumber_AsSsize_t(key, statics::PyExc_IndexError);
        (index != -1 || !error::occurred()).then_some(index)
    }
}

/// `p[key]`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetItem(p: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() || key.is_null() {
            return null_operand();
        }
        if let Some(item) = item_in_memory(p, key) {
            return again(item);
        }
        if let Some(ty) = c_type(p) {
            if let Some(subscript) = mapping(ty, |m| m.mp_subscript) {
                return subscript(p, key);
            }
            if sequence(ty, |m| m.sq_item).is_some() {
                return index_of_key(key).map_or(ptr::null_mut(), |i| PySequence_GetItem(p, i));
            }
        }
        border(|vm| {
            let (v, key) = (object(vm, p)?, object(vm, key)?);
            if let Some(found) = exact_dict_item(vm, &v, &key) {
                return found?.ok_or_else(|| vm.new_key_error(key));
            }
            python(|| v.get_item(&*key, vm))
        })
    }
}

/// The item of an exact dict with a key of a type whose hash and equality run
/// no Python code; `None` for other dicts and keys.
fn exact_dict_item(
    vm: &VirtualMachine,
    v: &VmObject,
    key: &VmObject,
) -> Option<PyResult<Option<PyObjectRef>>> {
    let d = v.downcast_ref_if_exact::<PyDict>(vm)?;
    let class = key.class();
    let simple = class.is(vm.ctx.types.str_type) || class.is(vm.ctx.types.int_type);
    simple.then(|| d.get_item_opt(key, vm))
}

/// `p[key] = value`, or `del p[key]` for NULL, where C's slots do it.
unsafe fn store_in_c(p: *mut PyObject, key: *mut PyObject, value: *mut PyObject) -> Option<c_int> {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = c_type(p)?;
        if let Some(store) = mapping(ty, |m| m.mp_ass_subscript) {
            return Some(store(p, key, value));
        }
        sequence(ty, |m| m.sq_ass_item)?;
        Some(index_of_key(key).map_or(-1, |i| store_at(p, i, value)))
    }
}

/// `p[key] = value`.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_SetItem(
    p: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() || key.is_null() || value.is_null() {
            null_operand();
            return -1;
        }
        if let Some(status) = store_in_c(p, key, value) {
            return status;
        }
        border(|vm| {
            let (v, key, value) = (object(vm, p)?, object(vm, key)?, object(vm, value)?);
            python(|| v.set_item(&*key, value, vm))
        })
    }
}

/// `del p[key]`.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_DelItem(p: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() || key.is_null() {
            null_operand();
            return -1;
        }
        if let Some(status) = store_in_c(p, key, ptr::null_mut()) {
            return status;
        }
        border(|vm| {
            let (v, key) = (object(vm, p)?, object(vm, key)?);
            python(|| v.del_item(&*key, vm))
        })
    }
}

/// `del p[key]` with a C string.
///
/// # Safety
/// `key` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_DelItemString(p: *mut PyObject, key: *const c_char) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { with_key(key, -1, |key| PyObject_DelItem(p, key)) }
}

/// Runs `f` with the string object of a C string.
unsafe fn with_key<R>(key: *const c_char, failed: R, f: impl FnOnce(*mut PyObject) -> R) -> R {
    let key = border(|vm| {
        // SAFETY: the callers have a NUL-terminated string.
        let text = unsafe { text(vm, key) }?;
        Ok(unicodeobject::from_str(text))
    });
    if key.is_null() {
        return failed;
    }
    let result = f(key);
    // SAFETY: the reference is ours.
    unsafe { refcount::decref(key) };
    result
}

// --- Sequences ------------------------------------------------------------

/// Whether `p` can be indexed as a sequence; `dict`s are none.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Check(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_DICT_SUBCLASS) {
            return 0;
        }
        if PyType_HasFeature(
            (*p).ob_type,
            Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS,
        ) {
            return 1;
        }
        if let Some(ty) = c_type(p) {
            return sequence(ty, |m| m.sq_item).is_some().into();
        }
        border(|vm| Ok(object(vm, p)?.sequence_unchecked().check()))
    }
}

/// The length of a sequence; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Size(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() {
            if let Some(length) = length_in_memory(p) {
                return length;
            }
            if let Some(length) = c_type(p).and_then(|ty| sequence(ty, |m| m.sq_length)) {
                return length(p);
            }
            if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_DICT_SUBCLASS) {
                let name = type_name((*p).ob_type);
                fail(|vm| vm.new_type_error(format!("{name} is not a sequence")));
                return -1;
            }
        }
        length_in_vm(p, |v, vm| v.sequence_unchecked().length(vm))
    }
}

/// [`PySequence_Size`].
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Length(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe { PySequence_Size(p) }
}

/// `a + b` of two sequences. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Concat(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if a.is_null() || b.is_null() {
            return null_operand();
        }
        if let Some(f) = c_type(a).and_then(|ty| sequence(ty, |m| m.sq_concat)) {
            return f(a, b);
        }
        border(|vm| {
            let (a, b) = (object(vm, a)?, object(vm, b)?);
            python(|| a.sequence_unchecked().concat(&b, vm))
        })
    }
}

/// `a += b` of two sequences. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_InPlaceConcat(
    a: *mut PyObject,
    b: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if a.is_null() || b.is_null() {
            return null_operand();
        }
        if let Some(f) =
            c_type(a).and_then(|ty| sequence(ty, |m| m.sq_inplace_concat.or(m.sq_concat)))
        {
            return f(a, b);
        }
        border(|vm| {
            let (a, b) = (object(vm, a)?, object(vm, b)?);
            python(|| a.sequence_unchecked().inplace_concat(&b, vm))
        })
    }
}

/// `p * count` of a sequence. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Repeat(p: *mut PyObject, count: Py_ssize_t) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if let Some(f) = c_type(p).and_then(|ty| sequence(ty, |m| m.sq_repeat)) {
            return f(p, count);
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| v.sequence_unchecked().repeat(count, vm))
        })
    }
}

/// `p *= count` of a sequence. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_InPlaceRepeat(
    p: *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if let Some(f) =
            c_type(p).and_then(|ty| sequence(ty, |m| m.sq_inplace_repeat.or(m.sq_repeat)))
        {
            return f(p, count);
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| v.sequence_unchecked().inplace_repeat(count, vm))
        })
    }
}

/// An index as sequences' slots want it: counted from the start, if the
/// sequence has a length. `None` with an exception.
unsafe fn from_start(p: *mut PyObject, index: Py_ssize_t, ty: &PyTypeObject) -> Option<Py_ssize_t> {
    // SAFETY: the callers have a live object of this type.
    unsafe {
        if index < 0
            && let Some(length) = sequence(ty, |m| m.sq_length)
        {
            let length = length(p);
            return (length >= 0).then(|| index + length);
        }
        Some(index)
    }
}

/// Whether items of `v` are looked up by its built-in base's own slot, which
/// counts from the end itself, so that what is still negative is out of range.
fn counts_from_end(v: &VmObject) -> bool {
    let base = builtin_base(v.class());
    let own = v.sequence_unchecked().slots().item.load();
    match (own, base.slots.as_sequence.item.load()) {
        (Some(own), Some(builtin)) => ptr::fn_addr_eq(own, builtin),
        _ => false,
    }
}

/// [`from_start`] for a VM object.
fn from_start_in_vm(vm: &VirtualMachine, v: &VmObject, index: isize) -> PyResult<isize> {
    if index >= 0 {
        return Ok(index);
    }
    let Some(length) = v.sequence_unchecked().length_opt(vm) else {
        return Ok(index);
    };
    let index = index + length? as isize;
    // Alone among the built-ins, a range counts from the end twice in CPython.
    if index < 0 && !v.class().is(vm.ctx.types.range_type) && counts_from_end(v) {
        let name = builtin_base(v.class()).name().to_string();
        let name = if name == "str" { "string" } else { &name };
        return Err(vm.new_index_error(format!("{name} index out of range")));
    }
    Ok(index)
}

/// `p[index]` of a sequence. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_GetItem(p: *mut PyObject, index: Py_ssize_t) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if let Some(items) = items_in_memory(p) {
            return match place(index as i64, items.len()) {
                Some(i) => again(items[i]),
                None => {
                    let name = type_name((*p).ob_type);
                    fail(|vm| vm.new_index_error(format!("{name} index out of range")))
                }
            };
        }
        if let Some(ty) = c_type(p)
            && let Some(item) = sequence(ty, |m| m.sq_item)
        {
            return from_start(p, index, ty).map_or(ptr::null_mut(), |i| item(p, i));
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| {
                let index = from_start_in_vm(vm, &v, index)?;
                // The VM's own slot gives a `bytes`.
                let base = builtin_base(v.class());
                let bytes =
                    base.is(vm.ctx.types.bytes_type) || base.is(vm.ctx.types.bytearray_type);
                if bytes && counts_from_end(&v) {
                    return v.get_item(vm.ctx.new_int(index).as_object(), vm);
                }
                v.sequence_unchecked().get_item(index, vm)
            })
        })
    }
}

/// `p[index] = value`, or `del p[index]` for NULL.
unsafe fn store_at(p: *mut PyObject, index: Py_ssize_t, value: *mut PyObject) -> c_int {
    // SAFETY: the callers have live objects.
    unsafe {
        if p.is_null() {
            null_operand();
            return -1;
        }
        if let Some(ty) = c_type(p)
            && let Some(store) = sequence(ty, |m| m.sq_ass_item)
        {
            return from_start(p, index, ty).map_or(-1, |i| store(p, i, value));
        }
        border(|vm| {
            let v = object(vm, p)?;
            let value = optional(vm, value);
            python(|| {
                let sequence = v.sequence_unchecked();
                if sequence.slots().ass_item.load().is_none() {
                    let what = if value.is_some() {
                        "assignment"
                    } else {
                        "deletion"
                    };
                    let name = v.class().name().to_string();
                    return Err(vm.new_type_error(
                        if v.mapping_unchecked().slots().ass_subscript.load().is_some() {
                            format!("{name} is not a sequence")
                        } else if value.is_some() {
                            format!("'{name}' object does not support item {what}")
                        } else {
                            format!("'{name}' object doesn't support item {what}")
                        },
                    ));
                }
                let index = from_start_in_vm(vm, &v, index)?;
                match value {
                    Some(value) => sequence.set_item(index, value, vm),
                    None => sequence.del_item(index, vm),
                }
            })
        })
    }
}

/// `p[index] = value` of a sequence.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_SetItem(
    p: *mut PyObject,
    index: Py_ssize_t,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { store_at(p, index, value) }
}

/// `del p[index]` of a sequence.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_DelItem(p: *mut PyObject, index: Py_ssize_t) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { store_at(p, index, ptr::null_mut()) }
}

fn slice(vm: &VirtualMachine, from: Py_ssize_t, to: Py_ssize_t) -> PyObjectRef {
    PySlice {
        start: Some(vm.ctx.new_int(from).into()),
        stop: vm.ctx.new_int(to).into(),
        step: None,
    }
    .into_pyobject(vm)
}

/// `p[from:to]`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_GetSlice(
    p: *mut PyObject,
    from: Py_ssize_t,
    to: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() && c_type(p).is_some_and(|ty| mapping(ty, |m| m.mp_subscript).is_none()) {
            let name = type_name((*p).ob_type);
            return fail(|vm| vm.new_type_error(format!("'{name}' object is unsliceable")));
        }
    }
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        python(|| {
            let Some(subscript) = v.mapping_unchecked().slots().subscript.load() else {
                let name = v.class().name().to_string();
                return Err(vm.new_type_error(format!("'{name}' object is unsliceable")));
            };
            subscript(v.mapping_unchecked(), &slice(vm, from, to), vm)
        })
    })
}

unsafe fn store_slice(
    p: *mut PyObject,
    from: Py_ssize_t,
    to: Py_ssize_t,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: the callers have NULL or a live object.
    unsafe {
        if !p.is_null() && c_type(p).is_some_and(|ty| mapping(ty, |m| m.mp_ass_subscript).is_none())
        {
            let name = type_name((*p).ob_type);
            let what = if value.is_null() {
                "deletion"
            } else {
                "assignment"
            };
            fail(|vm| vm.new_type_error(format!("'{name}' object doesn't support slice {what}")));
            return -1;
        }
    }
    border(|vm| {
        // SAFETY: the callers have live objects.
        let (v, value) = unsafe { (object(vm, p)?, optional(vm, value)) };
        python(|| {
            let Some(store) = v.mapping_unchecked().slots().ass_subscript.load() else {
                let what = if value.is_some() {
                    "assignment"
                } else {
                    "deletion"
                };
                let name = v.class().name().to_string();
                let message = format!("'{name}' object doesn't support slice {what}");
                return Err(vm.new_type_error(message));
            };
            store(v.mapping_unchecked(), &slice(vm, from, to), value, vm)
        })
    })
}

/// `p[from:to] = value`; deletes the slice if `value` is NULL.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_SetSlice(
    p: *mut PyObject,
    from: Py_ssize_t,
    to: Py_ssize_t,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { store_slice(p, from, to, value) }
}

/// `del p[from:to]`.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_DelSlice(
    p: *mut PyObject,
    from: Py_ssize_t,
    to: Py_ssize_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { store_slice(p, from, to, ptr::null_mut()) }
}

/// `item in p`; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Contains(p: *mut PyObject, item: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null()
            && let Some(contains) = c_type(p).and_then(|ty| sequence(ty, |m| m.sq_contains))
        {
            return contains(p, item);
        }
        border(|vm| {
            let (v, item) = (object(vm, p)?, object(vm, item)?);
            if let Some(found) = exact_dict_item(vm, &v, &item) {
                return Ok(found?.is_some());
            }
            python(|| vm._contains(&v, &item))
        })
    }
}

/// [`PySequence_Contains`], for old code.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_In(p: *mut PyObject, item: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { PySequence_Contains(p, item) }
}

/// The iterator of what is searched.
fn searched(vm: &VirtualMachine, v: &VmObject) -> PyResult {
    let iter = v.get_iter(vm).map_err(|e| {
        if !e.fast_isinstance(vm.ctx.exceptions.type_error) {
            return e;
        }
        let name = v.class().name().to_string();
        vm.new_type_error(format!("argument of type '{name}' is not iterable"))
    })?;
    Ok(iter.into())
}

/// How often `item` occurs in `p`; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Count(p: *mut PyObject, item: *mut PyObject) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (v, item) = unsafe { (object(vm, p)?, object(vm, item)?) };
        let count = python(|| {
            let iter = searched(vm, &v)?;
            iter.sequence_unchecked().count(&item, vm)
        })?;
        Ok(count as Py_ssize_t)
    })
}

/// Where `item` first occurs in `p`; -1 on error, a `ValueError` if nowhere.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Index(p: *mut PyObject, item: *mut PyObject) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (v, item) = unsafe { (object(vm, p)?, object(vm, item)?) };
        let index = python(|| {
            let iter = searched(vm, &v)?;
            iter.sequence_unchecked().index(&item, vm)
        })?;
        Ok(index as Py_ssize_t)
    })
}

/// New references to everything that `p` iterates over; `None` with an
/// exception.
unsafe fn collect(p: *mut PyObject) -> Option<Vec<*mut PyObject>> {
    // SAFETY: the callers have NULL or a live object.
    unsafe {
        if p.is_null() {
            null_operand();
            return None;
        }
        if let Some(items) = items_in_memory(p) {
            return Some(items.iter().map(|&item| refcount::xnew_ref(item)).collect());
        }
        if c_type(p).is_some_and(|ty| ty.tp_iter.is_some()) {
            return collect_in_c(p);
        }
        let mut items = Vec::new();
        let status = border(|vm| {
            let v = object(vm, p)?;
            let all = python(|| vm.extract_elements_with(&v, Ok))?;
            items = all.into_iter().map(|v| c_of_owned(vm, v)).collect();
            Ok(())
        });
        (status == 0).then_some(items)
    }
}

unsafe fn collect_in_c(p: *mut PyObject) -> Option<Vec<*mut PyObject>> {
    // SAFETY: the callers have a live object.
    unsafe {
        let iter = PyObject_GetIter(p);
        if iter.is_null() {
            return None;
        }
        let mut items = Vec::new();
        loop {
            let item = PyIter_Next(iter);
            if item.is_null() {
                break;
            }
            items.push(item);
        }
        refcount::decref(iter);
        if error::occurred() {
            drop_all(&items);
            return None;
        }
        Some(items)
    }
}

unsafe fn drop_all(items: &[*mut PyObject]) {
    for &item in items {
        // SAFETY: the callers own the references.
        unsafe { refcount::xdecref(item) };
    }
}

/// Moves references into a fresh container.
unsafe fn filled<'a>(
    container: *mut PyObject,
    items: &[*mut PyObject],
    place: unsafe fn(*mut PyObject) -> &'a mut [*mut PyObject],
) -> *mut PyObject {
    // SAFETY: the container has as many places; the callers own the references.
    unsafe {
        if container.is_null() {
            drop_all(items);
            return fail(VirtualMachine::no_memory_error);
        }
        place(container).copy_from_slice(items);
    }
    container
}

/// `list(p)`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_List(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let Some(items) = collect(p) else {
            return ptr::null_mut();
        };
        let list = listobject::new(statics::list_type(), items.len());
        filled(list, &items, listobject::items)
    }
}

/// `tuple(p)`. New reference, to `p` itself if it is a tuple.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Tuple(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() && statics::is_exact_tuple((*p).ob_type) {
            return again(p);
        }
        let Some(items) = collect(p) else {
            return ptr::null_mut();
        };
        if items.is_empty() {
            return tupleobject::empty();
        }
        let tuple = tupleobject::new(statics::tuple_type(), items.len());
        filled(tuple, &items, tupleobject::items)
    }
}

/// `p` itself if it is a list or tuple, otherwise `list(p)`. What is not
/// iterable is a `TypeError` with `message`. New reference.
///
/// # Safety
/// `message` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySequence_Fast(
    p: *mut PyObject,
    message: *const c_char,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_operand();
        }
        if statics::is_exact_list((*p).ob_type) || statics::is_exact_tuple((*p).ob_type) {
            return again(p);
        }
        let iter = PyObject_GetIter(p);
        if iter.is_null() {
            return border(|vm| {
                let e = error::failure(vm, &|| String::from("iter()"));
                if !e.fast_isinstance(vm.ctx.exceptions.type_error) {
                    return Err(e);
                }
                let message = CStr::from_ptr(message).to_string_lossy().into_owned();
                Err::<*mut PyObject, _>(vm.new_type_error(message))
            });
        }
        let list = PySequence_List(iter);
        refcount::decref(iter);
        list
    }
}

// --- Mappings -------------------------------------------------------------

/// Whether `p` can be subscribed.
///
/// # Safety
/// As for [`PyNumber_Divmod`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Check(p: *mut PyObject) -> c_int {
    if p.is_null() {
        return 0;
    }
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(ty) = c_type(p) {
            return mapping(ty, |m| m.mp_subscript).is_some().into();
        }
        border(|vm| Ok(object(vm, p)?.mapping_unchecked().check()))
    }
}

/// The length of a mapping; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Size(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() {
            if let Some(length) = length_in_memory(p) {
                return length;
            }
            if let Some(length) = c_type(p).and_then(|ty| mapping(ty, |m| m.mp_length)) {
                return length(p);
            }
        }
        length_in_vm(p, |v, vm| v.mapping_unchecked().length(vm))
    }
}

/// [`PyMapping_Size`].
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Length(p: *mut PyObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe { PyMapping_Size(p) }
}

/// What `list(p.method())` gives; `of_dict` is the short way of exact dicts.
unsafe fn listed(
    p: *mut PyObject,
    method: &'static str,
    of_dict: fn(&VirtualMachine, PyObjectRef, PyObjectRef) -> PyObjectRef,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the callers have NULL or a live object.
        let v = unsafe { object(vm, p) }?;
        if let Some(d) = v.downcast_ref_if_exact::<PyDict>(vm) {
            let items = d.into_iter().map(|(key, value)| of_dict(vm, key, value));
            return Ok(vm.ctx.new_list(items.collect()));
        }
        let items = python(|| {
            let view = vm.call_method(&v, method, ())?;
            vm.extract_elements_with(&view, Ok).map_err(|e| {
                if !e.fast_isinstance(vm.ctx.exceptions.type_error) {
                    return e;
                }
                vm.new_type_error(format!(
                    "{}.{method}() returned a non-iterable (type {})",
                    v.class().name(),
                    view.class().name()
                ))
            })
        })?;
        Ok(vm.ctx.new_list(items))
    })
}

/// The keys of a mapping, as a list. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Keys(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { listed(p, "keys", |_, key, _| key) }
}

/// The values of a mapping, as a list. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Values(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { listed(p, "values", |_, _, value| value) }
}

/// The items of a mapping, as a list of pairs. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_Items(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        listed(p, "items", |vm, key, value| {
            vm.ctx.new_tuple(vec![key, value]).into()
        })
    }
}

/// `p[key]` with a C string. New reference.
///
/// # Safety
/// `key` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_GetItemString(
    p: *mut PyObject,
    key: *const c_char,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { with_key(key, ptr::null_mut(), |key| PyObject_GetItem(p, key)) }
}

/// `p[key] = value` with a C string.
///
/// # Safety
/// `key` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_SetItemString(
    p: *mut PyObject,
    key: *const c_char,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { with_key(key, -1, |key| PyObject_SetItem(p, key, value)) }
}

/// Stores `p[key]` in `*result` (new reference): 1. 0 and NULL if there is no
/// such key, -1 and NULL on error.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_GetOptionalItem(
    p: *mut PyObject,
    key: *mut PyObject,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        *result = ptr::null_mut();
        if p.is_null() || key.is_null() {
            null_operand();
            return -1;
        }
        if !statics::is_exact_dict((*p).ob_type) {
            *result = PyObject_GetItem(p, key);
            return if (*result).is_null() {
                without_key_error()
            } else {
                1
            };
        }
        border(|vm| {
            let (v, key) = (object(vm, p)?, object(vm, key)?);
            let found = match exact_dict_item(vm, &v, &key) {
                Some(found) => found?,
                None => python(|| match v.downcast_ref::<PyDict>() {
                    Some(d) => d.get_item_opt(&*key, vm),
                    None => Ok(None),
                })?,
            };
            *result = found.map_or(ptr::null_mut(), |v| c_of_owned(vm, v));
            Ok(!(*result).is_null())
        })
    }
}

/// Drops a `KeyError`: 0. Any other error stays: -1.
fn without_key_error() -> c_int {
    border(|vm| {
        let e = error::failure(vm, &|| String::from("a mapping"));
        if e.fast_isinstance(vm.ctx.exceptions.key_error) {
            Ok(false)
        } else {
            Err(e)
        }
    })
}

/// [`PyMapping_GetOptionalItem`] with a C string.
///
/// # Safety
/// `key` is a NUL-terminated string, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_GetOptionalItemString(
    p: *mut PyObject,
    key: *const c_char,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        *result = ptr::null_mut();
        with_key(key, -1, |key| PyMapping_GetOptionalItem(p, key, result))
    }
}

/// Whether the mapping has the key; -1 on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_HasKeyWithError(p: *mut PyObject, key: *mut PyObject) -> c_int {
    let mut found = ptr::null_mut();
    // SAFETY: by this function's contract.
    unsafe {
        let status = PyMapping_GetOptionalItem(p, key, &mut found);
        refcount::xdecref(found);
        status
    }
}

/// [`PyMapping_HasKeyWithError`] with a C string.
///
/// # Safety
/// `key` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_HasKeyStringWithError(
    p: *mut PyObject,
    key: *const c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { with_key(key, -1, |key| PyMapping_HasKeyWithError(p, key)) }
}

/// Whether the mapping has the key; an error is reported as unraisable and
/// means no.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_HasKey(p: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    or_unraisable(unsafe { PyMapping_HasKeyWithError(p, key) })
}

/// [`PyMapping_HasKey`] with a C string.
///
/// # Safety
/// `key` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMapping_HasKeyString(p: *mut PyObject, key: *const c_char) -> c_int {
    // SAFETY: by this function's contract.
    or_unraisable(unsafe { PyMapping_HasKeyStringWithError(p, key) })
}

// --- Iterators ------------------------------------------------------------

/// `tp_iternext` of a type of C's that has a real one.
fn iternext(ty: &PyTypeObject) -> Option<iternextfunc> {
    let none: iternextfunc = super::object::_PyObject_NextNotImplemented;
    ty.tp_iternext.filter(|&f| !ptr::fn_addr_eq(f, none))
}

/// `iter(p)`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetIter(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null()
            && let Some(iter) = c_type(p).and_then(|ty| ty.tp_iter)
        {
            let result = iter(p);
            if result.is_null() || PyIter_Check(result) != 0 {
                return result;
            }
            let (of, is) = (type_name((*p).ob_type), type_name((*result).ob_type));
            refcount::decref(result);
            return fail(|vm| {
                vm.new_type_error(format!("{of}.__iter__() must return an iterator, not {is}"))
            });
        }
        border(|vm| {
            let v = object(vm, p)?;
            let iter = python(|| v.get_iter(vm))?;
            Ok(PyObjectRef::from(iter))
        })
    }
}

/// `aiter(p)`. New reference.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetAIter(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        python(|| v.get_aiter(vm))
    })
}

/// Whether `p` is an iterator.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyIter_Check(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(ty) = c_type(p) {
            return iternext(ty).is_some().into();
        }
        border(|vm| Ok(PyIter::check(&*object(vm, p)?)))
    }
}

/// Whether `p` is an asynchronous iterator.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyAIter_Check(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(ty) = c_type(p) {
            let suite = ty.tp_as_async.as_ref();
            return suite.is_some_and(|m| m.am_anext.is_some()).into();
        }
        border(|vm| {
            let v = object(vm, p)?;
            Ok(v.class().has_attr(vm.ctx.intern_str("__anext__")))
        })
    }
}

/// Drops a `StopIteration` that ended an iteration.
fn end_iteration() {
    border(|vm| match error::take(vm) {
        Some(e) if !e.fast_isinstance(vm.ctx.exceptions.stop_iteration) => Err(e),
        _ => Ok(()),
    });
}

/// The next item of an iterator: a new reference, or NULL, with an exception
/// only on error.
unsafe fn next(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        if let Some(next) = c_type(p).and_then(iternext) {
            let item = next(p);
            if item.is_null() && error::occurred() {
                end_iteration();
            }
            return item;
        }
        border(|vm| {
            let v = object(vm, p)?;
            let quiet = slots_vm::is_quiet_iterator(vm, &v);
            let next = || PyIter::new(&*v).next(vm);
            Ok(match if quiet { next() } else { python(next) }? {
                PyIterReturn::Return(item) => Some(item),
                PyIterReturn::StopIteration(_) => {
                    if quiet {
                        // It let go of what it iterated over, which may have died.
                        mirror::before_c(vm);
                    }
                    None
                }
            })
        })
    }
}

/// The next item of an iterator. New reference; NULL at the end, and NULL with
/// an exception on error.
///
/// # Safety
/// As for [`PyNumber_Divmod`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyIter_Next(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { next(p) }
}

/// Stores the next item in `*item` (new reference): 1. 0 and NULL at the end,
/// -1 and NULL on error.
///
/// # Safety
/// `item` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyIter_NextItem(p: *mut PyObject, item: *mut *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        *item = ptr::null_mut();
        if PyIter_Check(p) == 0 {
            let name = type_name((*p).ob_type);
            fail(|vm| vm.new_type_error(format!("expected an iterator, got '{name}'")));
            return -1;
        }
        *item = next(p);
        if !(*item).is_null() {
            1
        } else if error::occurred() {
            -1
        } else {
            0
        }
    }
}

/// `StopIteration.value` of the exception that ended an iteration, or `None`
/// if there is none; NULL if it is another exception, which stays.
unsafe fn returned_value() -> *mut PyObject {
    border(|vm| match error::take(vm) {
        None => Ok(vm.ctx.none()),
        Some(e) if e.fast_isinstance(vm.ctx.exceptions.stop_iteration) => stop_value(vm, &e),
        Some(e) => Err(e),
    })
}

fn stop_value(vm: &VirtualMachine, e: &rustpython_vm::builtins::PyBaseExceptionRef) -> PyResult {
    python(|| e.as_object().get_attr("value", vm))
}

/// Sends `value` into an iterator. Stores what it yields, or returns at its
/// end, in `*result` (new reference), NULL on error.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyIter_Send(
    p: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    // SAFETY: by this function's contract.
    unsafe {
        *result = ptr::null_mut();
        if let Some(ty) = c_type(p) {
            if let Some(send) = ty.tp_as_async.as_ref().and_then(|m| m.am_send) {
                return send(p, value, result);
            }
            if value == statics::none()
                && let Some(next) = iternext(ty)
            {
                *result = next(p);
                return sent(result);
            }
        }
        *result = border(|vm| {
            let (v, value) = (object(vm, p)?, object(vm, value)?);
            python(|| {
                if vm.is_none(&value) && PyIter::check(&v) {
                    return PyIter::new(&*v).next(vm);
                }
                PyIterReturn::from_pyresult(vm.call_method(&v, "send", (value,)), vm)
            })
            .and_then(|outcome| match outcome {
                PyIterReturn::Return(item) => Ok(item),
                PyIterReturn::StopIteration(value) => Err(vm.new_stop_iteration(value)),
            })
        });
        sent(result)
    }
}

/// The outcome of a send, from what was yielded and the error indicator.
unsafe fn sent(result: *mut *mut PyObject) -> PySendResult {
    // SAFETY: the callers have a writable place.
    unsafe {
        if !(*result).is_null() {
            return PYGEN_NEXT;
        }
        *result = returned_value();
        if (*result).is_null() {
            PYGEN_ERROR
        } else {
            PYGEN_RETURN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_divide_as_in_python() {
        for (a, b, quotient, rest) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, -2, -3, 0),
        ] {
            assert_eq!(floor_divide(a, b), Some(quotient));
            assert_eq!(remainder(a, b), Some(rest));
        }
        assert_eq!(floor_divide(1, 0), None);
        assert_eq!(remainder(i64::MIN, -1), None);
        assert_eq!(floor_divide(i64::MIN, -1), None);
    }

    #[test]
    fn shifts_that_overflow_are_left_to_the_vm() {
        assert_eq!(left_shift(1, 61), Some(1 << 61));
        assert_eq!(left_shift(2, 62), None);
        assert_eq!(left_shift(1, -1), None);
        assert_eq!(right_shift(-5, 1000), Some(-1));
        assert_eq!(right_shift(-5, 1), Some(-3));
    }

    #[test]
    fn indices_count_from_both_ends() {
        assert_eq!(place(0, 3), Some(0));
        assert_eq!(place(-1, 3), Some(2));
        assert_eq!(place(3, 3), None);
        assert_eq!(place(-4, 3), None);
    }

    #[test]
    fn bases_have_prefixes() {
        assert_eq!(in_base(&BigInt::from(-10), 16).as_deref(), Some("-0xa"));
        assert_eq!(in_base(&BigInt::from(5), 2).as_deref(), Some("0b101"));
        assert_eq!(in_base(&BigInt::from(0), 8).as_deref(), Some("0o0"));
        assert_eq!(in_base(&BigInt::from(12), 10).as_deref(), Some("12"));
        assert_eq!(in_base(&BigInt::from(12), 3), None);
    }
}
