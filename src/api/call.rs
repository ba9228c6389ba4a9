//! The calling part of `abstract.h` and `cpython/abstract.h`.
//!
//! What C defined is called in C, by its vectorcall function or its `tp_call`;
//! everything else by one call of the VM. A call's result is a new reference,
//! or NULL with an exception; results that break this rule become a
//! `SystemError`.

use std::ffi::CStr;
use std::{ptr, slice};

use rustpython_vm::builtins::{PyDict, PyStr};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::{border, null_argument, object, python};
use crate::layout::{
    PY_VECTORCALL_ARGUMENTS_OFFSET, Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_HAVE_VECTORCALL,
    Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS, Py_ssize_t, PyObject, PyThreadState,
    PyType_HasFeature, PyTypeObject, ternaryfunc, vectorcallfunc,
};
use crate::proxy::mirror::tupleobject;
use crate::refcount;
use crate::thread::error;
use crate::types::{self, statics};

/// The type of `p` if C defined it: then its slots are C's own, and are called
/// directly.
///
/// # Safety
/// `p` is live and the caller holds the lock.
#[inline]
pub(super) unsafe fn c_type<'a>(p: *mut PyObject) -> Option<&'a PyTypeObject> {
    // SAFETY: by this function's contract; the type outlives its instance.
    unsafe {
        let ty = (*p).ob_type;
        if PyType_HasFeature(ty, crate::layout::_Py_TPFLAGS_STATIC_BUILTIN) {
            return None;
        }
        types::is_c_type(ty).then(|| &*ty)
    }
}

/// `tp_name` of a type.
///
/// # Safety
/// `ty` is a live type.
pub(super) unsafe fn type_name(ty: *mut PyTypeObject) -> String {
    // SAFETY: by this function's contract.
    unsafe {
        let name = (*ty).tp_name;
        if name.is_null() {
            return String::from("?");
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// Whether `ty` is `base` or derives from it.
///
/// # Safety
/// Both are live, ready types.
pub(super) unsafe fn is_subtype(ty: *mut PyTypeObject, base: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract; `tp_mro` is a tuple or NULL.
    unsafe {
        if ty == base || base == statics::object_type() {
            return true;
        }
        let mro = (*ty).tp_mro;
        if !mro.is_null() {
            return tupleobject::items(mro).contains(&base.cast());
        }
        let mut t = (*ty).tp_base;
        while !t.is_null() {
            if t == base {
                return true;
            }
            t = (*t).tp_base;
        }
        false
    }
}

/// The vectorcall function of `p`, if it has one.
///
/// # Safety
/// `p` is live and the caller holds the lock.
#[inline]
unsafe fn vectorcall_of(p: *mut PyObject) -> Option<vectorcallfunc> {
    // SAFETY: the callers have a live object.
    unsafe {
        if !PyType_HasFeature((*p).ob_type, Py_TPFLAGS_HAVE_VECTORCALL) {
            return None;
        }
        held_vectorcall(p)
    }
}

/// The vectorcall function that `p` holds, even if its type overrides `tp_call`.
unsafe fn held_vectorcall(p: *mut PyObject) -> Option<vectorcallfunc> {
    // SAFETY: the type's offset is that of the pointer.
    unsafe {
        let offset = (*(*p).ob_type).tp_vectorcall_offset;
        if offset <= 0 {
            return None;
        }
        p.cast::<u8>()
            .offset(offset)
            .cast::<Option<vectorcallfunc>>()
            .read_unaligned()
    }
}

/// How to call `p` without the VM by tuple and dict.
unsafe fn tp_call_of(p: *mut PyObject) -> Option<ternaryfunc> {
    // SAFETY: the callers have a live object.
    unsafe {
        if let Some(ty) = c_type(p) {
            return ty.tp_call;
        }
        let is_c_class = statics::is_exact_type((*p).ob_type) && types::is_c_type(p.cast());
        is_c_class.then_some(call_type as ternaryfunc)
    }
}

/// `type.__call__` for a class that C defined.
unsafe extern "C" fn call_type(
    class: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: `class` is a live type; the others are a tuple and a dict or NULL.
    unsafe {
        let ty = class.cast::<PyTypeObject>();
        let Some(new) = (*ty).tp_new else {
            return border(|vm| {
                let message = format!("cannot create '{}' instances", type_name(ty));
                Err::<*mut PyObject, _>(vm.new_type_error(message))
            });
        };
        let p = checked(class, new(ty, args, kwargs));
        if p.is_null() || !is_subtype((*p).ob_type, ty) {
            return p;
        }
        if let Some(init) = (*(*p).ob_type).tp_init
            && init(p, args, kwargs) < 0
        {
            refcount::decref(p);
            return ptr::null_mut();
        }
        p
    }
}

/// The result of a C call of `callable`, checked.
///
/// # Safety
/// `callable` is live; `result` is NULL or a reference that the caller owns.
#[inline]
pub(super) unsafe fn checked(callable: *mut PyObject, result: *mut PyObject) -> *mut PyObject {
    if result.is_null() == error::occurred() {
        return result;
    }
    // SAFETY: by this function's contract.
    unsafe { bad_result(callable, result) }
}

#[cold]
unsafe fn bad_result(callable: *mut PyObject, result: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        let cause = error::take(vm);
        // SAFETY: by the caller's contract.
        let function = unsafe {
            refcount::xdecref(result);
            object(vm, callable)?
        };
        let name = python(|| Ok(function.repr(vm)?.as_wtf8().to_string_lossy().into_owned()))?;
        let what = if result.is_null() {
            "returned NULL without setting an exception"
        } else {
            "returned a result with an exception set"
        };
        let e = vm.new_system_error(format!("{name} {what}"));
        if cause.is_some() {
            e.set_cause(cause.clone());
            e.set_context(cause);
        }
        Err::<*mut PyObject, _>(e)
    })
}

/// The arguments of a vectorcall.
///
/// # Safety
/// `args` points to `n` live objects.
#[inline]
unsafe fn arguments<'a>(args: *const *mut PyObject, n: usize) -> &'a [*mut PyObject] {
    if n == 0 {
        return &[];
    }
    // SAFETY: by this function's contract.
    unsafe { slice::from_raw_parts(args, n) }
}

const fn count(nargsf: usize) -> usize {
    nargsf & !PY_VECTORCALL_ARGUMENTS_OFFSET
}

/// The names of the keyword arguments.
///
/// # Safety
/// `kwnames` is NULL or a live tuple.
#[inline]
unsafe fn names<'a>(kwnames: *mut PyObject) -> &'a [*mut PyObject] {
    if kwnames.is_null() {
        return &[];
    }
    // SAFETY: by this function's contract.
    unsafe { tupleobject::items(kwnames) }
}

/// Calls a callable of the VM's.
unsafe fn call_vm(
    vm: &VirtualMachine,
    callable: *mut PyObject,
    args: &[*mut PyObject],
    kwnames: &[*mut PyObject],
) -> PyResult {
    // SAFETY: the callers have live objects.
    let (function, args, names) = unsafe {
        (
            object(vm, callable)?,
            objects(vm, args)?,
            objects(vm, kwnames)?,
        )
    };
    let positional = args.len() - names.len();
    let names = (!names.is_empty()).then_some(&*names);
    python(|| function.vectorcall(args, positional, names, vm))
}

/// The VM objects of C's.
unsafe fn objects(vm: &VirtualMachine, all: &[*mut PyObject]) -> PyResult<Vec<PyObjectRef>> {
    // SAFETY: the callers have live objects.
    all.iter().map(|&p| unsafe { object(vm, p) }).collect()
}

/// A vectorcall, however `callable` is called.
#[inline]
unsafe fn vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        if callable.is_null() {
            return border(|vm| Err::<*mut PyObject, _>(null_argument(vm)));
        }
        if let Some(f) = vectorcall_of(callable) {
            return checked(callable, f(callable, args, nargsf, kwnames));
        }
        let names = names(kwnames);
        let args = arguments(args, count(nargsf) + names.len());
        match tp_call_of(callable) {
            Some(f) => call_with_tuple(callable, f, args, names),
            None => border(|vm| call_vm(vm, callable, args, names)),
        }
    }
}

/// `_PyObject_MakeTpCall`: packs the arguments for `tp_call`.
unsafe fn call_with_tuple(
    callable: *mut PyObject,
    f: ternaryfunc,
    args: &[*mut PyObject],
    names: &[*mut PyObject],
) -> *mut PyObject {
    // SAFETY: the callers have live objects.
    unsafe {
        let (positional, keywords) = args.split_at(args.len() - names.len());
        let tuple = pack(positional);
        if tuple.is_null() {
            return border(|vm| Err::<*mut PyObject, _>(vm.no_memory_error()));
        }
        let dict = if names.is_empty() {
            ptr::null_mut()
        } else {
            let dict = border(|vm| keyword_dict(vm, names, keywords));
            if dict.is_null() {
                refcount::decref(tuple);
                return dict;
            }
            dict
        };
        let result = checked(callable, f(callable, tuple, dict));
        refcount::decref(tuple);
        refcount::xdecref(dict);
        result
    }
}

/// A new tuple of these objects; NULL when memory is out.
///
/// # Safety
/// The objects are live.
pub(super) unsafe fn pack(items: &[*mut PyObject]) -> *mut PyObject {
    if items.is_empty() {
        return tupleobject::empty();
    }
    // SAFETY: by this function's contract; the tuple has room for the items.
    unsafe {
        let tuple = tupleobject::new(statics::tuple_type(), items.len());
        if !tuple.is_null() {
            for (to, &item) in tupleobject::items(tuple).iter_mut().zip(items) {
                *to = refcount::xnew_ref(item);
            }
        }
        tuple
    }
}

unsafe fn keyword_dict(
    vm: &VirtualMachine,
    names: &[*mut PyObject],
    values: &[*mut PyObject],
) -> PyResult {
    let dict = vm.ctx.new_dict();
    for (&name, &value) in names.iter().zip(values) {
        // SAFETY: the callers have live objects.
        let (name, value) = unsafe { (object(vm, name)?, object(vm, value)?) };
        dict.set_item(&*name, value, vm)?;
    }
    Ok(dict.into())
}

/// The items of a dict of keyword arguments, whose keys must be strings.
unsafe fn keywords(
    vm: &VirtualMachine,
    kwargs: *mut PyObject,
) -> PyResult<Vec<(PyObjectRef, PyObjectRef)>> {
    // SAFETY: the callers have a live object.
    let kwargs = unsafe { object(vm, kwargs) }?;
    let dict = kwargs
        .downcast_ref::<PyDict>()
        .ok_or_else(|| super::bad_internal_call(vm))?;
    let items: Vec<_> = dict.into_iter().collect();
    if items.iter().any(|(key, _)| !key.downcastable::<PyStr>()) {
        return Err(vm.new_type_error("keywords must be strings"));
    }
    Ok(items)
}

/// Whether `kwargs` holds no keyword arguments.
unsafe fn no_keywords(kwargs: *mut PyObject) -> bool {
    // SAFETY: the callers have NULL or a live dict.
    unsafe { kwargs.is_null() || (*kwargs.cast::<crate::layout::PyDictObject>()).ma_used == 0 }
}

/// Calls `callable` with a tuple and a dict or NULL. New reference.
///
/// # Safety
/// All are live; the caller holds the lock. This goes for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Call(
    callable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if callable.is_null()
            || args.is_null()
            || !PyType_HasFeature((*args).ob_type, Py_TPFLAGS_TUPLE_SUBCLASS)
            || !(kwargs.is_null() || PyType_HasFeature((*kwargs).ob_type, Py_TPFLAGS_DICT_SUBCLASS))
        {
            return border(|vm| {
                Err::<*mut PyObject, _>(if error::occurred() {
                    null_argument(vm)
                } else {
                    super::bad_internal_call(vm)
                })
            });
        }
        if let Some(f) = vectorcall_of(callable) {
            return call_vector(callable, f, args, kwargs);
        }
        if let Some(f) = tp_call_of(callable) {
            return checked(callable, f(callable, args, kwargs));
        }
        border(|vm| {
            let function = object(vm, callable)?;
            let positional = tupleobject::elements(vm, args);
            if no_keywords(kwargs) {
                let n = positional.len();
                return python(|| function.vectorcall(positional, n, None, vm));
            }
            let kwargs: KwArgs = keywords(vm, kwargs)?
                .into_iter()
                .filter_map(|(key, value)| {
                    Some((key.downcast_ref::<PyStr>()?.as_wtf8().to_owned(), value))
                })
                .collect();
            python(|| function.call(FuncArgs::new(positional, kwargs), vm))
        })
    }
}

/// A vectorcall with arguments from a tuple and a dict or NULL.
unsafe fn call_vector(
    callable: *mut PyObject,
    f: vectorcallfunc,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the callers have live objects.
    unsafe {
        let positional = tupleobject::items(args);
        if no_keywords(kwargs) {
            let result = f(
                callable,
                positional.as_ptr(),
                positional.len(),
                ptr::null_mut(),
            );
            return checked(callable, result);
        }
        call_vector_dict(callable, positional, kwargs, |args, n, names| {
            checked(callable, f(callable, args, n, names))
        })
    }
}

/// Unpacks the dict `kwargs` into a vector behind `positional`, for `call`.
unsafe fn call_vector_dict(
    callable: *mut PyObject,
    positional: &[*mut PyObject],
    kwargs: *mut PyObject,
    call: impl FnOnce(*const *mut PyObject, usize, *mut PyObject) -> *mut PyObject,
) -> *mut PyObject {
    debug_assert!(!callable.is_null());
    let mut args = positional.to_vec();
    let names = border(|vm| {
        // SAFETY: the callers have a live dict.
        let items = unsafe { keywords(vm, kwargs) }?;
        let mut names = Vec::with_capacity(items.len());
        for (name, value) in items {
            names.push(name);
            args.push(crate::proxy::c_of_owned(vm, value));
        }
        Ok(vm.ctx.new_tuple(names))
    });
    let result = if names.is_null() {
        names
    } else {
        call(args.as_ptr(), positional.len(), names)
    };
    // SAFETY: the values of the keywords and the names are ours.
    unsafe {
        for &value in &args[positional.len()..] {
            refcount::decref(value);
        }
        refcount::xdecref(names);
    }
    result
}

/// Calls `callable` with a vector of arguments, the values of keyword
/// arguments last, their names in the tuple `kwnames` or NULL. New reference.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { vectorcall(callable, args, nargsf, kwnames) }
}

/// Like [`PyObject_Vectorcall`], with keyword arguments in a dict or NULL.
/// New reference.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_VectorcallDict(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if no_keywords(kwargs) {
            return vectorcall(callable, args, nargsf, ptr::null_mut());
        }
        if callable.is_null() {
            return border(|vm| Err::<*mut PyObject, _>(null_argument(vm)));
        }
        let args = arguments(args, count(nargsf));
        call_vector_dict(callable, args, kwargs, |args, n, names| {
            vectorcall(callable, args, n, names)
        })
    }
}

/// What CPython's inline call functions fall back to for an object without a
/// vectorcall function: called as [`PyObject_Vectorcall`] calls it. `keywords`
/// is a tuple of names, whose values follow the positional arguments, a dict,
/// or NULL. New.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_MakeTpCall(
    _tstate: *mut PyThreadState,
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargs: Py_ssize_t,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract: live arguments.
    unsafe {
        if !keywords.is_null() && PyType_HasFeature((*keywords).ob_type, Py_TPFLAGS_DICT_SUBCLASS) {
            PyObject_VectorcallDict(callable, args, nargs as usize, keywords)
        } else {
            PyObject_Vectorcall(callable, args, nargs as usize, keywords)
        }
    }
}

/// Calls the method `name` of `args[0]` with the rest of `args`; see
/// [`PyObject_Vectorcall`]. New reference.
///
/// # Safety
/// As for [`PyObject_Call`]; there is at least one argument.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_VectorcallMethod(
    name: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (this, name, args, names) = unsafe {
            let names = names(kwnames);
            let args = arguments(args, count(nargsf) + names.len());
            let Some((&this, rest)) = args.split_first() else {
                return Err(super::bad_internal_call(vm));
            };
            (
                object(vm, this)?,
                object(vm, name)?,
                objects(vm, rest)?,
                objects(vm, names)?,
            )
        };
        let name = name
            .downcast::<PyStr>()
            .map_err(|name| super::object::not_a_name(vm, &name))?;
        call_method(vm, &this, &name, args, &names)
    })
}

/// Calls a method of the VM object `this`, without making a bound method where
/// that can be avoided.
fn call_method(
    vm: &VirtualMachine,
    this: &rustpython_vm::PyObject,
    name: &rustpython_vm::Py<PyStr>,
    args: Vec<PyObjectRef>,
    names: &[PyObjectRef],
) -> PyResult {
    let positional = args.len() - names.len();
    python(|| match name.to_str() {
        Some(text) if names.is_empty() => vm.call_method(this, text, FuncArgs::from(args)),
        _ => {
            let method = this.get_attr(name, vm)?;
            method.vectorcall(args, positional, (!names.is_empty()).then_some(names), vm)
        }
    })
}

/// Calls `callable` without arguments. New reference.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallNoArgs(callable: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { vectorcall(callable, ptr::null(), 0, ptr::null_mut()) }
}

/// Calls `callable` with one argument. New reference.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallOneArg(
    callable: *mut PyObject,
    arg: *mut PyObject,
) -> *mut PyObject {
    let args = [ptr::null_mut(), arg];
    // SAFETY: by this function's contract; the place before the argument is ours.
    unsafe {
        vectorcall(
            callable,
            args.as_ptr().add(1),
            1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
            ptr::null_mut(),
        )
    }
}

/// Calls `callable` with a tuple of arguments or NULL. New reference.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallObject(
    callable: *mut PyObject,
    args: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if args.is_null() {
            return PyObject_CallNoArgs(callable);
        }
        if !PyType_HasFeature((*args).ob_type, Py_TPFLAGS_TUPLE_SUBCLASS) {
            return border(|vm| {
                Err::<*mut PyObject, _>(vm.new_type_error("argument list must be a tuple"))
            });
        }
        PyObject_Call(callable, args, ptr::null_mut())
    }
}

/// The `tp_call` of types with a vectorcall function: calls that. New
/// reference; a `TypeError` if `callable` has none.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyVectorcall_Call(
    callable: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        match held_vectorcall(callable) {
            Some(f) => call_vector(callable, f, args, kwargs),
            None => border(|vm| {
                let name = type_name((*callable).ob_type);
                let message = format!("'{name}' object does not support vectorcall");
                Err::<*mut PyObject, _>(vm.new_type_error(message))
            }),
        }
    }
}

/// The vectorcall function of `callable`, NULL if it has none.
///
/// # Safety
/// As for [`PyObject_Call`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyVectorcall_Function(callable: *mut PyObject) -> Option<vectorcallfunc> {
    // SAFETY: by this function's contract.
    unsafe { vectorcall_of(callable) }
}

/// The number of positional arguments in a vectorcall's `nargsf`.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyVectorcall_NARGS(nargsf: usize) -> Py_ssize_t {
    count(nargsf) as Py_ssize_t
}

/// Whether `p` can be called.
///
/// # Safety
/// `p` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCallable_Check(p: *mut PyObject) -> std::ffi::c_int {
    if p.is_null() {
        return 0;
    }
    // SAFETY: by this function's contract.
    unsafe {
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_TYPE_SUBCLASS) {
            return 1;
        }
        if let Some(ty) = c_type(p) {
            return ty.tp_call.is_some().into();
        }
    }
    // SAFETY: by this function's contract.
    border(|vm| Ok(unsafe { object(vm, p) }?.is_callable()))
}

/// Makes a `SystemError` of a result that breaks the rule; otherwise returns
/// it as it is. Steals `result`.
///
/// # Safety
/// `result` is NULL or live; so is `callable`, and if it is NULL, `place` is a
/// NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_CheckFunctionResult(
    _tstate: *mut PyThreadState,
    callable: *mut PyObject,
    result: *mut PyObject,
    place: *const std::ffi::c_char,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if !callable.is_null() {
            return checked(callable, result);
        }
        if result.is_null() == error::occurred() {
            return result;
        }
        border(|vm| {
            let place = CStr::from_ptr(place).to_string_lossy().into_owned();
            error::object_result(vm, result, || place.clone())
        })
    }
}

// skipped: _PyObject_CallMethodId: no extension imports it
// skipped: _PyStack_AsDict: no extension imports it

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_bit_is_no_part_of_the_count() {
        assert_eq!(count(3), 3);
        assert_eq!(count(3 | PY_VECTORCALL_ARGUMENTS_OFFSET), 3);
    }
}
