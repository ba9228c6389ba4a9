//! `sliceobject.h`.

use std::ffi::c_int;

use malachite_bigint::Sign;
use rustpython_vm::{PyResult, VirtualMachine};

use super::check::{allocated, bad_argument};
use super::{border, python};
use crate::layout::{
    Py_TPFLAGS_LONG_SUBCLASS, Py_ssize_t, PyObject, PySliceObject, PyType_HasFeature,
};
use crate::proxy::mirror::{longobject, sliceobject};
use crate::proxy::vm_of;
use crate::refcount::{decref, incref};
use crate::types::statics::{is_exact_slice, none};

/// A reference to the part of a slice, `None` for NULL.
unsafe fn part(p: *mut PyObject) -> *mut PyObject {
    if p.is_null() {
        return none();
    }
    // SAFETY: `p` is live, by the caller's contract.
    unsafe { incref(p) };
    p
}

/// A slice; NULL stands for `None`: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySlice_New(
    start: *mut PyObject,
    stop: *mut PyObject,
    step: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    border(|vm| {
        allocated(vm, unsafe {
            sliceobject::new([start, stop, step].map(|p| part(p)))
        })
    })
}

/// The slice of these indices: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PySlice_FromIndices(
    start: Py_ssize_t,
    stop: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        let start = allocated(vm, longobject::from_i64(start as i64))?;
        let stop = allocated(vm, longobject::from_i64(stop as i64));
        // SAFETY: fresh integers, whose references the slice takes over.
        unsafe {
            let stop = stop.inspect_err(|_| decref(start))?;
            allocated(vm, sliceobject::new([start, stop, none()]))
        }
    })
}

/// An index of a slice, clipped to what fits.
unsafe fn index(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Py_ssize_t> {
    // SAFETY: `p` is live, by the caller's contract.
    unsafe {
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_LONG_SUBCLASS) {
            let (negative, _) = longobject::parts(p);
            let limit = if negative { i64::MIN } else { i64::MAX };
            return Ok(longobject::to_i64(p).unwrap_or(limit) as Py_ssize_t);
        }
        let v = vm_of(vm, p);
        if v.class().slots.as_number.index.load().is_none() {
            return Err(vm.new_type_error(
                "slice indices must be integers or None or have an __index__ method",
            ));
        }
        let index = python(|| v.try_index(vm))?;
        let index = index.as_bigint();
        Ok(Py_ssize_t::try_from(index).unwrap_or(match index.sign() {
            Sign::Minus => Py_ssize_t::MIN,
            _ => Py_ssize_t::MAX,
        }))
    }
}

struct Indices {
    start: Py_ssize_t,
    stop: Py_ssize_t,
    step: Py_ssize_t,
}

unsafe fn unpack(vm: &VirtualMachine, slice: *mut PyObject) -> PyResult<Indices> {
    // SAFETY: `slice` is NULL or live, by the caller's contract; the parts of
    // a slice are never NULL.
    unsafe {
        if slice.is_null() || !is_exact_slice((*slice).ob_type) {
            return Err(bad_argument(vm));
        }
        let s = slice.cast::<PySliceObject>();
        let given = |p: *mut PyObject| (p != none()).then_some(p);
        let step = match given((*s).step) {
            None => 1,
            Some(p) => match index(vm, p)? {
                0 => return Err(vm.new_value_error("slice step cannot be zero")),
                // So that it can be negated.
                step => step.max(-Py_ssize_t::MAX),
            },
        };
        let start = match given((*s).start) {
            None if step < 0 => Py_ssize_t::MAX,
            None => 0,
            Some(p) => index(vm, p)?,
        };
        let stop = match given((*s).stop) {
            None if step < 0 => Py_ssize_t::MIN,
            None => Py_ssize_t::MAX,
            Some(p) => index(vm, p)?,
        };
        Ok(Indices { start, stop, step })
    }
}

/// Brings the indices into a sequence of `length` elements; the number of
/// elements of the slice.
fn adjust(length: Py_ssize_t, indices: &mut Indices) -> Py_ssize_t {
    let Indices { start, stop, step } = indices;
    let last = if *step < 0 { -1 } else { 0 };
    for i in [&mut *start, &mut *stop] {
        if *i < 0 {
            *i = i.saturating_add(length).max(last);
        } else if *i >= length {
            *i = length + last;
        }
    }
    if *step < 0 {
        if *stop < *start {
            return (*start - *stop - 1) / -*step + 1;
        }
    } else if *start < *stop {
        return (*stop - *start - 1) / *step + 1;
    }
    0
}

/// Stores the indices of the slice, clipped to what fits; `ValueError` for a
/// step of zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySlice_Unpack(
    slice: *mut PyObject,
    start: *mut Py_ssize_t,
    stop: *mut Py_ssize_t,
    step: *mut Py_ssize_t,
) -> c_int {
    border(|vm| {
        // SAFETY: `slice` is NULL or live, the others are variables of C's.
        unsafe {
            let indices = unpack(vm, slice)?;
            (*start, *stop, *step) = (indices.start, indices.stop, indices.step);
        }
        Ok(())
    })
}

/// Brings indices from `PySlice_Unpack` into a sequence of `length` elements;
/// the number of elements of the slice. Cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySlice_AdjustIndices(
    length: Py_ssize_t,
    start: *mut Py_ssize_t,
    stop: *mut Py_ssize_t,
    step: Py_ssize_t,
) -> Py_ssize_t {
    // SAFETY: the pointers are variables of C's.
    unsafe {
        let mut indices = Indices {
            start: *start,
            stop: *stop,
            step,
        };
        let count = adjust(length, &mut indices);
        (*start, *stop) = (indices.start, indices.stop);
        count
    }
}

/// `PySlice_Unpack` and `PySlice_AdjustIndices` in one; `*slicelength` is the
/// number of elements of the slice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySlice_GetIndicesEx(
    slice: *mut PyObject,
    length: Py_ssize_t,
    start: *mut Py_ssize_t,
    stop: *mut Py_ssize_t,
    step: *mut Py_ssize_t,
    slicelength: *mut Py_ssize_t,
) -> c_int {
    border(|vm| {
        // SAFETY: `slice` is NULL or live, the others are variables of C's.
        unsafe {
            let mut indices = unpack(vm, slice)?;
            *slicelength = adjust(length, &mut indices);
            (*start, *stop, *step) = (indices.start, indices.stop, indices.step);
        }
        Ok(())
    })
}

/// The old form: -1, mostly without an exception, for indices that are no
/// integers or out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySlice_GetIndices(
    slice: *mut PyObject,
    length: Py_ssize_t,
    start: *mut Py_ssize_t,
    stop: *mut Py_ssize_t,
    step: *mut Py_ssize_t,
) -> c_int {
    border(|vm| {
        // SAFETY: `slice` is NULL or live, the others are variables of C's.
        unsafe {
            if slice.is_null() || !is_exact_slice((*slice).ob_type) {
                return Err(bad_argument(vm));
            }
            let s = slice.cast::<PySliceObject>();
            let parts = [(*s).step, (*s).start, (*s).stop];
            let mut numbers = [None; 3];
            for (number, p) in numbers.iter_mut().zip(parts) {
                if p == none() {
                    continue;
                }
                if !PyType_HasFeature((*p).ob_type, Py_TPFLAGS_LONG_SUBCLASS) {
                    return Ok(-1);
                }
                let n = longobject::to_i64(p).ok_or_else(|| {
                    vm.new_overflow_error("Python int too large to convert to C ssize_t")
                })?;
                *number = Some(n as Py_ssize_t);
            }
            let [given_step, given_start, given_stop] = numbers;
            let from_end = |n: Py_ssize_t| if n < 0 { n + length } else { n };
            *step = given_step.unwrap_or(1);
            let backwards = *step < 0;
            *start = given_start.map_or(if backwards { length - 1 } else { 0 }, from_end);
            *stop = given_stop.map_or(if backwards { -1 } else { length }, from_end);
            let ok = *stop <= length && *start < length && *step != 0;
            Ok(if ok { 0 } else { -1 })
        }
    })
}

// skipped: _PySlice_GetLongIndices: private, and no known extension imports it

#[cfg(test)]
mod tests {
    use super::*;

    fn adjusted(
        length: Py_ssize_t,
        start: Py_ssize_t,
        stop: Py_ssize_t,
        step: Py_ssize_t,
    ) -> [Py_ssize_t; 3] {
        let mut indices = Indices { start, stop, step };
        let count = adjust(length, &mut indices);
        [indices.start, indices.stop, count]
    }

    #[test]
    fn indices_are_adjusted_as_python_does() {
        const MAX: Py_ssize_t = Py_ssize_t::MAX;
        const MIN: Py_ssize_t = Py_ssize_t::MIN;
        assert_eq!(adjusted(5, 0, MAX, 1), [0, 5, 5]);
        assert_eq!(adjusted(5, MAX, MIN, -1), [4, -1, 5]);
        assert_eq!(adjusted(5, -2, MAX, 1), [3, 5, 2]);
        assert_eq!(adjusted(5, 1, 4, 2), [1, 4, 2]);
        assert_eq!(adjusted(5, 4, 1, 1), [4, 1, 0]);
        assert_eq!(adjusted(0, MIN, MAX, 1), [0, 0, 0]);
        assert_eq!(adjusted(5, MIN, MAX, -MAX), [-1, 4, 0]);
        assert_eq!(adjusted(5, MAX, MIN, -MAX), [4, -1, 1]);
    }
}
