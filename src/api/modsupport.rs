//! `modsupport.h`: argument parsing and value building.
//!
//! The variadic functions themselves are in `varargs.c`. The names that end
//! in `_SizeT` are what the same functions were called where `#` took either
//! of two integer types; it takes a `Py_ssize_t` under both names.

mod arguments;
mod build_value;
mod getargs;
mod quick;

use std::ffi::{CStr, c_char, c_int};

use rustpython_vm::builtins::{PyDict, PyStr};
use rustpython_vm::{PyResult, VirtualMachine};

use super::check::is_tuple;
use super::varargs::*;
use super::{Nothing, bad_internal_call, border};
use crate::layout::{
    __va_list_tag, _PyArg_Parser, Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_TUPLE_SUBCLASS, Py_ssize_t,
    PyObject,
};
use crate::proxy::mirror::tupleobject;
use crate::proxy::vm_of;
use arguments::{Names, Unpack};
pub use build_value::{build, build_stack};
pub use getargs::is_a;

/// The work of `PyArg_Parse`: one object against a format of one unit. 1, or
/// 0 with an exception set. Results are borrowed from `args`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyArg_Parse(
    args: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(Parsed(unsafe {
            Format::of(vm, format)
                .and_then(|format| arguments::parse_one(args, format, VaList::copy_of(va)))
        }))
    })
}

/// The arguments of a call, a tuple, by a format. 1, or 0 with an exception
/// set; then nothing that was stored needs releasing. Results are borrowed
/// from the tuple.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyArg_VaParse(
    args: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    // SAFETY: the caller of the variadic function answers for its arguments.
    unsafe {
        if is_tuple(args)
            && !format.is_null()
            && quick::parse(tupleobject::items(args), format, VaList::copy_of(va))
        {
            return 1;
        }
    }
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(Parsed(unsafe {
            positional(vm, args, format, VaList::copy_of(va))
        }))
    })
}

/// [`PyArg_VaParse`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyArg_VaParse_SizeT(
    args: *mut PyObject,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    // SAFETY: the contract is the same.
    unsafe { PyArg_VaParse(args, format, va) }
}

unsafe fn positional(
    vm: &VirtualMachine,
    args: *mut PyObject,
    format: *const c_char,
    va: VaList,
) -> Raising<()> {
    // SAFETY: by the callers' contract.
    unsafe {
        if args.is_null() || !is_a(args, Py_TPFLAGS_TUPLE_SUBCLASS) {
            return Err(system_error(
                "new style getargs format but argument is not a tuple",
            ));
        }
        let format = Format::of(vm, format)?;
        arguments::parse_positional(tupleobject::items(args), format, va)
    }
}

/// The arguments of a call, a tuple and a dictionary or NULL, by a format and
/// the parameters' names, where an empty one makes a parameter positional
/// only. 1, or 0 with an exception set; then nothing that was stored needs
/// releasing. Results are borrowed from the tuple and the dictionary.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyArg_VaParseTupleAndKeywords(
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: *const c_char,
    names: *const *mut c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(Parsed(unsafe {
            by_name(vm, args, kwargs, format, names.cast(), VaList::copy_of(va))
        }))
    })
}

/// [`PyArg_VaParseTupleAndKeywords`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyArg_VaParseTupleAndKeywords_SizeT(
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: *const c_char,
    names: *const *mut c_char,
    va: *mut __va_list_tag,
) -> c_int {
    // SAFETY: the contract is the same.
    unsafe { PyArg_VaParseTupleAndKeywords(args, kwargs, format, names, va) }
}

unsafe fn by_name(
    vm: &VirtualMachine,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: *const c_char,
    names: *const *const c_char,
    va: VaList,
) -> Raising<()> {
    // SAFETY: by the callers' contract.
    unsafe {
        let fits = !args.is_null()
            && is_a(args, Py_TPFLAGS_TUPLE_SUBCLASS)
            && (kwargs.is_null() || is_a(kwargs, Py_TPFLAGS_DICT_SUBCLASS));
        if !fits || format.is_null() || names.is_null() {
            return Err(raise(bad_internal_call(vm)));
        }
        let format = Format::of(vm, format)?;
        let names = Names::of(names)?;
        arguments::parse_keywords(vm, args, kwargs, format, &names, va)
    }
}

/// The work of `PyArg_UnpackTuple`: between `min` and `max` items of a tuple,
/// borrowed from it. 1, or 0 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyArg_UnpackTuple(
    args: *mut PyObject,
    name: *const c_char,
    min: Py_ssize_t,
    max: Py_ssize_t,
    va: *mut __va_list_tag,
) -> c_int {
    border(|_| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(Parsed(unsafe {
            unpack(args, name, min, max, VaList::copy_of(va))
        }))
    })
}

unsafe fn unpack(
    args: *mut PyObject,
    name: *const c_char,
    min: Py_ssize_t,
    max: Py_ssize_t,
    mut va: VaList,
) -> Raising<()> {
    // SAFETY: by the callers' contract.
    unsafe {
        if !is_a(args, Py_TPFLAGS_TUPLE_SUBCLASS) {
            return Err(system_error(
                "PyArg_UnpackTuple() argument list is not a tuple",
            ));
        }
        let items = tupleobject::items(args);
        arguments::check_count(name, items.len(), min, max)?;
        for &mut item in items {
            *va.pointer() = item;
        }
    }
    Ok(())
}

/// Whether a dictionary has only strings as keys. 1, or 0 with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyArg_ValidateKeywordArguments(kwargs: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let dict = unsafe { vm_of(vm, kwargs) }
            .downcast::<PyDict>()
            .map_err(|_| bad_internal_call(vm))?;
        let mut position = 0;
        while let Some((next, key, _)) = dict.next_entry(position) {
            if key.downcast_ref::<PyStr>().is_none() {
                return Err(vm.new_type_error("keywords must be strings"));
            }
            position = next;
        }
        Ok(Parsed(Ok(())))
    })
}

/// A value by a format: new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_VaBuildValue(
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(or_null(unsafe {
            Format::of(vm, format).and_then(|format| build(format, VaList::copy_of(va)))
        }))
    })
}

/// [`Py_VaBuildValue`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_VaBuildValue_SizeT(
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    // SAFETY: the contract is the same.
    unsafe { Py_VaBuildValue(format, va) }
}

/// The work of `_PyArg_ParseStack`: [`PyArg_VaParse`], of an array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyArg_ParseStack(
    args: *const *mut PyObject,
    nargs: Py_ssize_t,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        Ok(Parsed(unsafe {
            Format::of(vm, format).and_then(|format| {
                arguments::parse_positional(array(args, nargs), format, VaList::copy_of(va))
            })
        }))
    })
}

/// # Safety
/// `args` has `len` items, or `len` is 0.
unsafe fn array<'a>(args: *const *mut PyObject, len: Py_ssize_t) -> &'a [*mut PyObject] {
    match usize::try_from(len) {
        // SAFETY: by this function's contract.
        Ok(len) if len > 0 => unsafe { std::slice::from_raw_parts(args, len) },
        _ => &[],
    }
}

/// Whether a function was called with a permitted number of arguments: 1, or 0 with `TypeError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyArg_CheckPositional(
    name: *const c_char,
    nargs: Py_ssize_t,
    min: Py_ssize_t,
    max: Py_ssize_t,
) -> c_int {
    // SAFETY: the name is NULL or a string.
    border(|_| {
        Ok(Parsed(unsafe {
            arguments::check_count(name, nargs as usize, min, max)
        }))
    })
}

/// Sets the `TypeError` for an argument that does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyArg_BadArgument(
    fname: *const c_char,
    displayname: *const c_char,
    expected: *const c_char,
    arg: *mut PyObject,
) {
    border(|vm| -> PyResult<Nothing> {
        // SAFETY: the caller passes strings and a live object.
        let (fname, displayname, expected, kind) = unsafe {
            (
                clip(CStr::from_ptr(fname).to_bytes(), 200),
                clip(CStr::from_ptr(displayname).to_bytes(), 200),
                clip(CStr::from_ptr(expected).to_bytes(), 50),
                getargs::kind_of(arg),
            )
        };
        Err(vm.new_type_error(format!(
            "{fname}() {displayname} must be {expected}, not {kind}"
        )))
    });
}

/// Sorts the arguments of a call by the parameters of `parser`: `args` itself if all are there in order, else `buf`, filled;
/// NULL with `TypeError` for a call that does not fit. Everything is borrowed from the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyArg_UnpackKeywords(
    args: *const *mut PyObject,
    nargs: Py_ssize_t,
    kwargs: *mut PyObject,
    kwnames: *mut PyObject,
    parser: *mut _PyArg_Parser,
    minpos: c_int,
    maxpos: c_int,
    minkw: c_int,
    varpos: c_int,
    buf: *mut *mut PyObject,
) -> *const *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        Ok(or_null(unsafe {
            let call = Unpack {
                kwargs,
                kwnames,
                minpos: minpos as usize,
                maxpos: maxpos as usize,
                minkw: minkw as usize,
                varpos: varpos != 0,
            };
            arguments::unpack_keywords(vm, args, nargs as usize, parser, call, buf)
        }) as *const *mut PyObject)
    })
}

// skipped: _PyArg_ParseStackAndKeywords: private, imported by no known wheel
// skipped: _PyArg_ParseTupleAndKeywordsFast: private, imported by no known wheel
