//! `object.h` and `cpython/object.h`, except the functions on types; and the
//! recursion guard of `ceval.h`.
//!
//! An object whose type C defined is asked through its own slots; any other
//! is asked in the VM. What C memory alone can answer (the truth of `None`,
//! the order of two small integers) never enters the VM.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use rustpython_vm::builtins::{PyDict, PyStr, PyStrRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine,
};

use super::call::{c_type, is_subtype, type_name};
use super::check::{interned, is_str};
use super::structmember::{PyMember_GetOne, PyMember_SetOne};
use super::{Nothing, bad_internal_call, border, null_argument, object, python, text};
use crate::layout::{
    _Py_Identifier, Py_CONSTANT_ELLIPSIS, Py_CONSTANT_EMPTY_BYTES, Py_CONSTANT_EMPTY_STR,
    Py_CONSTANT_EMPTY_TUPLE, Py_CONSTANT_FALSE, Py_CONSTANT_NONE, Py_CONSTANT_NOT_IMPLEMENTED,
    Py_CONSTANT_ONE, Py_CONSTANT_TRUE, Py_CONSTANT_ZERO, Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE,
    Py_PRINT_RAW, Py_READONLY, Py_TPFLAGS_ITEMS_AT_END, Py_TPFLAGS_MANAGED_WEAKREF,
    Py_TPFLAGS_UNICODE_SUBCLASS, Py_hash_t, Py_ssize_t, PyFloatObject, PyObject, PyRefTracer,
    PyType_HasFeature, PyTypeObject, PyVarObject, visitproc,
};
use crate::proxy;
use crate::proxy::mirror::{self, Kind, bytesobject, longobject, tupleobject, unicodeobject};
use crate::proxy::prefix::{flag, prefix_of, prefix_of_or_new};
use crate::refcount::{self, dealloc};
use crate::thread::error;
use crate::types::attributes::{self, Meaning};
use crate::types::{dict, statics};

/// NULL with an exception.
#[cold]
pub(super) fn fail(
    f: impl FnOnce(&VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef,
) -> *mut PyObject {
    border(|vm| Err::<*mut PyObject, _>(f(vm)))
}

/// A new reference to `p`.
#[inline]
unsafe fn again(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: the callers have a live object.
    unsafe { refcount::incref(p) };
    p
}

// --- Attributes -----------------------------------------------------------

/// The error for an attribute name that is no string.
pub(super) fn not_a_name(
    vm: &VirtualMachine,
    name: &VmObject,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_type_error(format!(
        "attribute name must be string, not '{}'",
        name.class().name()
    ))
}

/// An attribute's name.
unsafe fn attribute_name(vm: &VirtualMachine, name: *mut PyObject) -> PyResult<PyStrRef> {
    // SAFETY: the callers have NULL or a live object.
    let name = unsafe { object(vm, name) }?;
    name.downcast::<PyStr>()
        .map_err(|name| not_a_name(vm, &name))
}

/// The VM string of an attribute's name given as a C string: interned, as
/// the same few come again and again.
unsafe fn attribute_text(vm: &VirtualMachine, name: *const c_char) -> PyResult<PyStrRef> {
    // SAFETY: the callers have a NUL-terminated string.
    unsafe {
        if !name.is_null()
            && let Some(known) = interned(vm, CStr::from_ptr(name).to_bytes())
        {
            return Ok(known.to_owned());
        }
        Ok(vm.ctx.new_str(text(vm, name)?))
    }
}

/// A string object as a C string, for the old slots; `None` with an exception
/// if it cannot be one.
unsafe fn c_text(name: *mut PyObject) -> Option<CString> {
    let mut result = None;
    border(|vm| {
        // SAFETY: the callers have a live string.
        let name = unsafe { unicodeobject::to_pystr(name) };
        let bytes = name
            .to_str()
            .and_then(|text| CString::new(text).ok())
            .ok_or_else(|| vm.new_value_error("attribute name is no valid C string"))?;
        result = Some(bytes);
        Ok(())
    });
    result
}

/// A type's `tp_getattro` that looks neither at the type nor at the VM, but
/// does what everybody does.
fn is_generic_get(ty: &PyTypeObject) -> bool {
    let generic: unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject =
        PyObject_GenericGetAttr;
    ty.tp_getattro.is_some_and(|f| ptr::fn_addr_eq(f, generic))
}

/// The attribute of an object, or `None` when it has no such attribute.
unsafe fn get_optional(
    vm: &VirtualMachine,
    p: *mut PyObject,
    name: &Py<PyStr>,
) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: the callers have a live object.
    unsafe {
        match c_type(p) {
            Some(ty) if is_generic_get(ty) => generic_get(vm, p, name, None),
            Some(_) => {
                let name = proxy::c_of(vm, name.as_object());
                let result = PyObject_GetAttr(p, name);
                refcount::decref(name);
                if result.is_null() {
                    let e = error::failure(vm, &|| String::from("tp_getattro"));
                    return if e.fast_isinstance(vm.ctx.exceptions.attribute_error) {
                        Ok(None)
                    } else {
                        Err(e)
                    };
                }
                Ok(Some(proxy::vm_of_stolen(vm, result)))
            }
            None => {
                let v = object(vm, p)?;
                python(|| vm.get_attribute_opt(&v, name))
            }
        }
    }
}

/// `getattr(p, name)`. New reference.
///
/// # Safety
/// All objects are live, and the caller holds the lock. This goes for every
/// function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetAttr(p: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null()
            && !name.is_null()
            && PyType_HasFeature((*name).ob_type, Py_TPFLAGS_UNICODE_SUBCLASS)
            && let Some(ty) = c_type(p)
        {
            if let Some(getattro) = ty.tp_getattro {
                return getattro(p, name);
            }
            if let Some(getattr) = ty.tp_getattr {
                return match c_text(name) {
                    Some(name) => getattr(p, name.as_ptr().cast_mut()),
                    None => ptr::null_mut(),
                };
            }
        }
        border(|vm| {
            let v = object(vm, p)?;
            let name = attribute_name(vm, name)?;
            python(|| v.get_attr(&*name, vm))
        })
    }
}

/// `getattr(p, name)`. New reference.
///
/// # Safety
/// `name` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetAttrString(
    p: *mut PyObject,
    name: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let name = attribute_text(vm, name)?;
            if !p.is_null() && c_type(p).is_some() {
                return Ok(with_name(vm, &name, |name| PyObject_GetAttr(p, name)));
            }
            let v = object(vm, p)?;
            python(|| v.get_attr(&*name, vm)).map(|v| proxy::c_of_owned(vm, v))
        }
    })
}

/// Runs `f` with the C string object of `name`.
unsafe fn with_name<R>(
    vm: &VirtualMachine,
    name: &Py<PyStr>,
    f: impl FnOnce(*mut PyObject) -> R,
) -> R {
    let name = proxy::c_of(vm, name.as_object());
    let result = f(name);
    // SAFETY: the reference is ours.
    unsafe { refcount::decref(name) };
    result
}

/// Stores an optional result for C: a new reference and 1, or NULL and 0.
unsafe fn store(
    vm: &VirtualMachine,
    found: Option<PyObjectRef>,
    result: *mut *mut PyObject,
) -> bool {
    let is_some = found.is_some();
    // SAFETY: the callers have a place for the result.
    unsafe { *result = found.map_or(ptr::null_mut(), |v| proxy::c_of_owned(vm, v)) };
    is_some
}

/// Stores the attribute in `*result` (new reference): 1. 0 and NULL if there
/// is none, -1 and NULL on error.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetOptionalAttr(
    p: *mut PyObject,
    name: *mut PyObject,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        *result = ptr::null_mut();
        border(|vm| {
            let name = attribute_name(vm, name)?;
            Ok(store(vm, get_optional(vm, p, &name)?, result))
        })
    }
}

/// [`PyObject_GetOptionalAttr`] with a C string.
///
/// # Safety
/// `name` is a NUL-terminated string, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetOptionalAttrString(
    p: *mut PyObject,
    name: *const c_char,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        *result = ptr::null_mut();
        border(|vm| {
            let name = attribute_text(vm, name)?;
            Ok(store(vm, get_optional(vm, p, &name)?, result))
        })
    }
}

/// Whether the object has the attribute; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_HasAttrWithError(p: *mut PyObject, name: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let name = attribute_name(vm, name)?;
            Ok(get_optional(vm, p, &name)?.is_some())
        }
    })
}

/// [`PyObject_HasAttrWithError`] with a C string.
///
/// # Safety
/// `name` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_HasAttrStringWithError(
    p: *mut PyObject,
    name: *const c_char,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let name = attribute_text(vm, name)?;
            Ok(get_optional(vm, p, &name)?.is_some())
        }
    })
}

/// The answer of a function that cannot fail: an error is reported as
/// unraisable and means no.
#[inline]
pub(super) fn or_unraisable(status: c_int) -> c_int {
    if status >= 0 {
        return status;
    }
    unraisable();
    0
}

#[cold]
fn unraisable() {
    border(|vm| {
        if let Some(e) = error::take(vm) {
            python(|| vm.run_unraisable(e, None, vm.ctx.none()));
        }
        Ok(Nothing)
    });
}

/// Whether the object has the attribute; an error is reported as unraisable
/// and means no.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_HasAttr(p: *mut PyObject, name: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    or_unraisable(unsafe { PyObject_HasAttrWithError(p, name) })
}

/// [`PyObject_HasAttr`] with a C string.
///
/// # Safety
/// `name` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_HasAttrString(p: *mut PyObject, name: *const c_char) -> c_int {
    // SAFETY: by this function's contract.
    or_unraisable(unsafe { PyObject_HasAttrStringWithError(p, name) })
}

/// What to set an attribute to: NULL deletes it.
unsafe fn setter(vm: &VirtualMachine, value: *mut PyObject) -> PySetterValue {
    // SAFETY: the callers have NULL or a live object.
    match unsafe { super::optional(vm, value) } {
        Some(v) => PySetterValue::Assign(v),
        None => PySetterValue::Delete,
    }
}

/// C stored `value`, which may be NULL, as an attribute of `p`.
unsafe fn remember_stored(p: *mut PyObject, value: *mut PyObject) {
    if !value.is_null() {
        // SAFETY: the callers have live objects.
        unsafe { proxy::linger::stored(p, value) };
    }
}

/// `setattr(p, name, value)`; deletes the attribute if `value` is NULL.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_SetAttr(
    p: *mut PyObject,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null()
            && !name.is_null()
            && PyType_HasFeature((*name).ob_type, Py_TPFLAGS_UNICODE_SUBCLASS)
            && let Some(ty) = c_type(p)
        {
            if let Some(setattro) = ty.tp_setattro {
                return setattro(p, name, value);
            }
            if let Some(setattr) = ty.tp_setattr {
                return match c_text(name) {
                    Some(name) => setattr(p, name.as_ptr().cast_mut(), value),
                    None => -1,
                };
            }
        }
        border(|vm| {
            let v = object(vm, p)?;
            let name = attribute_name(vm, name)?;
            let set = setter(vm, value);
            python(|| v.call_set_attr(vm, &name, set))?;
            remember_stored(p, value);
            Ok(())
        })
    }
}

/// [`PyObject_SetAttr`] with a C string.
///
/// # Safety
/// `name` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_SetAttrString(
    p: *mut PyObject,
    name: *const c_char,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let name = attribute_text(vm, name)?;
            if !p.is_null() && c_type(p).is_some() {
                return Ok(with_name(vm, &name, |name| {
                    PyObject_SetAttr(p, name, value)
                }));
            }
            let v = object(vm, p)?;
            let set = setter(vm, value);
            python(|| v.call_set_attr(vm, &name, set))?;
            remember_stored(p, value);
            Ok(0)
        }
    })
}

/// `delattr(p, name)`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_DelAttr(p: *mut PyObject, name: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { PyObject_SetAttr(p, name, ptr::null_mut()) }
}

/// [`PyObject_DelAttr`] with a C string.
///
/// # Safety
/// `name` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_DelAttrString(p: *mut PyObject, name: *const c_char) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { PyObject_SetAttrString(p, name, ptr::null_mut()) }
}

/// The VM object of `p`, whose dict is the one that C keeps, if it keeps one.
unsafe fn with_c_dict(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    // SAFETY: the callers have a live object.
    unsafe {
        let v = object(vm, p)?;
        let slot = dict::slot(p);
        if !slot.is_null() && !(*slot).is_null() {
            let is_known = v
                .dict()
                .is_some_and(|d| proxy::linked(d.as_object()) == Some(*slot));
            if !is_known {
                dict::adopt(vm, p, &v);
            }
        }
        Ok(v)
    }
}

unsafe fn generic_get(
    vm: &VirtualMachine,
    p: *mut PyObject,
    name: &Py<PyStr>,
    attributes: Option<PyRef<PyDict>>,
) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: the callers have a live object.
    let v = unsafe { with_c_dict(vm, p) }?;
    let found = python(|| v.generic_getattr_opt(name, attributes, vm));
    match found {
        Err(e) if e.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(None),
        other => other,
    }
}

/// The `tp_getattro` of most types: looks at data descriptors of the type, the
/// instance's dict, and other attributes of the type. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GenericGetAttr(
    p: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if is_str(name) {
            match meaning_of(p, name) {
                Meaning::Member(def) => return PyMember_GetOne(p.cast(), def),
                Meaning::GetSet(def) => {
                    if let Some(getter) = (*def).get {
                        return getter(p, (*def).closure);
                    }
                }
                Meaning::Other => {}
            }
        }
    }
    border(|vm| {
        // SAFETY: by this function's contract.
        let (v, name) = unsafe { (with_c_dict(vm, p)?, attribute_name(vm, name)?) };
        python(|| v.generic_getattr(&name, vm))
    })
}

/// What the type of `p` says of the string `name`.
#[inline]
unsafe fn meaning_of(p: *mut PyObject, name: *mut PyObject) -> Meaning {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = (*p).ob_type;
        if let Some(meaning) = attributes::known(ty, name) {
            return meaning;
        }
        let mut meaning = Meaning::Other;
        border(|vm| {
            meaning = attributes::find(vm, ty, name);
            Ok(Nothing)
        });
        meaning
    }
}

/// [`PyObject_GenericGetAttr`] with the dict to look at (NULL: the
/// instance's). If `suppress` is not 0, a missing attribute is NULL without an
/// exception.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GenericGetAttrWithDict(
    p: *mut PyObject,
    name: *mut PyObject,
    attributes: *mut PyObject,
    suppress: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let name = attribute_name(vm, name)?;
            let attributes = super::optional(vm, attributes).and_then(|d| d.downcast().ok());
            if suppress != 0 {
                return generic_get(vm, p, &name, attributes);
            }
            let v = with_c_dict(vm, p)?;
            python(|| v.generic_getattr_opt(&name, attributes, vm))?
                .ok_or_else(|| vm.new_no_attribute_error(v, name))
                .map(Some)
        }
    })
}

/// The `tp_setattro` of most types; deletes if `value` is NULL.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GenericSetAttr(
    p: *mut PyObject,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if is_str(name) {
            match meaning_of(p, name) {
                Meaning::Member(def) if (*def).flags & Py_READONLY == 0 => {
                    return PyMember_SetOne(p.cast(), def, value);
                }
                Meaning::GetSet(def) => {
                    if let Some(setter) = (*def).set {
                        return setter(p, value, (*def).closure);
                    }
                }
                _ => {}
            }
        }
    }
    border(|vm| {
        // SAFETY: by this function's contract.
        let (v, name, value) = unsafe {
            (
                with_c_dict(vm, p)?,
                attribute_name(vm, name)?,
                setter(vm, value),
            )
        };
        python(|| v.generic_setattr(&name, value, vm))
    })
}

/// The getter of `__dict__`: makes the dict when there is none. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GenericGetDict(
    p: *mut PyObject,
    _context: *mut c_void,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let v = with_c_dict(vm, p)?;
            if let Some(d) = v.dict() {
                dict::publish(vm, p);
                return Ok(proxy::c_of(vm, d.as_object()));
            }
            let slot = dict::slot(p);
            if slot.is_null() {
                return Err(vm.new_attribute_error("This object has no __dict__"));
            }
            if (*slot).is_null() {
                *slot = proxy::c_of_owned(vm, vm.ctx.new_dict().into());
            }
            Ok(again(*slot))
        }
    })
}

/// The setter of `__dict__`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GenericSetDict(
    p: *mut PyObject,
    value: *mut PyObject,
    _context: *mut c_void,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let v = object(vm, p)?;
            let Some(value) = super::optional(vm, value) else {
                return Err(vm.new_type_error("cannot delete __dict__"));
            };
            let fresh = value.downcast::<PyDict>().map_err(|value| {
                vm.new_type_error(format!(
                    "__dict__ must be set to a dictionary, not a '{}'",
                    value.class().name()
                ))
            })?;
            let slot = dict::slot(p);
            if v.set_dict(Some(fresh.clone())).is_err() && slot.is_null() {
                return Err(vm.new_attribute_error("This object has no __dict__"));
            }
            if !slot.is_null() {
                let old = std::mem::replace(&mut *slot, proxy::c_of(vm, fresh.as_object()));
                refcount::xdecref(old);
            }
            Ok(())
        }
    })
}

/// Where the C struct keeps its dict, up to date; NULL if it keeps none.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GetDictPtr(p: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| Ok(unsafe { dict::publish(vm, p) }))
}

/// Empties the dict that a type with managed dicts has; for `tp_clear`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_ClearManagedDict(p: *mut PyObject) {
    border(|_| {
        // The dict belongs to the VM object, which drops it when it dies; one
        // that never escaped has none.
        // SAFETY: by this function's contract; a link that is set is live.
        unsafe {
            let prefix = prefix_of(p);
            if !prefix.is_null()
                && !(*prefix).link.is_null()
                && let Some(d) = (*(*prefix).link).dict()
            {
                python(|| d.clear());
            }
        }
        Ok(Nothing)
    })
}

/// Visits what a managed dict holds: nothing, as the dict is the VM's and the
/// VM's collector sees it.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_VisitManagedDict(
    _p: *mut PyObject,
    _visit: Option<visitproc>,
    _arg: *mut c_void,
) -> c_int {
    0
}

// --- Comparison and hashing -----------------------------------------------

fn comparison(op: c_int) -> Option<PyComparisonOp> {
    Some(match op {
        Py_LT => PyComparisonOp::Lt,
        Py_LE => PyComparisonOp::Le,
        Py_EQ => PyComparisonOp::Eq,
        Py_NE => PyComparisonOp::Ne,
        Py_GT => PyComparisonOp::Gt,
        Py_GE => PyComparisonOp::Ge,
        _ => return None,
    })
}

/// The operator with its operands exchanged.
const fn swapped(op: c_int) -> c_int {
    match op {
        Py_LT => Py_GT,
        Py_LE => Py_GE,
        Py_GT => Py_LT,
        Py_GE => Py_LE,
        other => other,
    }
}

fn ordered<T: PartialOrd>(a: &T, b: &T, op: c_int) -> Option<bool> {
    Some(match op {
        Py_LT => a < b,
        Py_LE => a <= b,
        Py_EQ => a == b,
        Py_NE => a != b,
        Py_GT => a > b,
        Py_GE => a >= b,
        _ => return None,
    })
}

/// The order of two built-in values, where C memory tells it.
#[inline]
unsafe fn compare_values(a: *mut PyObject, b: *mut PyObject, op: c_int) -> Option<bool> {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = (*a).ob_type;
        if ty != (*b).ob_type {
            return None;
        }
        if statics::is_exact_int(ty) {
            return ordered(&longobject::to_i64(a)?, &longobject::to_i64(b)?, op);
        }
        if statics::is_exact_float(ty) {
            let value = |p: *mut PyObject| (*p.cast::<PyFloatObject>()).ob_fval;
            return ordered(&value(a), &value(b), op);
        }
        let unordered = op == Py_EQ || op == Py_NE;
        if unordered && statics::is_exact_str(ty) {
            return Some(same_text(a, b) == (op == Py_EQ));
        }
        if statics::is_exact_bytes(ty) {
            return ordered(&&*bytesobject::contents(a), &&*bytesobject::contents(b), op);
        }
        None
    }
}

/// Whether two strings are equal.
///
/// # Safety
/// Both are live strings.
pub(super) unsafe fn same_text(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: by this function's contract. Strings are in their smallest kind.
    unsafe {
        if a == b {
            return true;
        }
        let (kind, data, len) = unicodeobject::data(a);
        let (other_kind, other_data, other_len) = unicodeobject::data(b);
        if kind != other_kind || len != other_len {
            return false;
        }
        let size = len * kind as usize;
        std::slice::from_raw_parts(data, size) == std::slice::from_raw_parts(other_data, size)
    }
}

/// Whether `ty` is a type of C's without a built-in's payload.
pub(super) unsafe fn is_plain(p: *mut PyObject) -> bool {
    // SAFETY: the callers have a live object.
    unsafe { c_type(p).is_some() && mirror::base_kind_of_type((*p).ob_type) == Kind::Header }
}

/// Whether operations of `p` do not know what to do with a plain object of C's,
/// so that only the other operand is asked.
pub(super) unsafe fn is_incurious(p: *mut PyObject) -> bool {
    // SAFETY: the callers have a live object.
    let ty = unsafe { (*p).ob_type };
    statics::is_exact_int(ty)
        || statics::is_exact_float(ty)
        || statics::is_exact_str(ty)
        || statics::is_exact_tuple(ty)
        || statics::is_exact_list(ty)
        || statics::is_exact_dict(ty)
        || statics::is_exact_complex(ty)
        || p == statics::none()
        || p == statics::bool(true)
        || p == statics::bool(false)
}

/// Whether C's slots alone decide an operation on the two.
pub(super) unsafe fn is_between_c(a: *mut PyObject, b: *mut PyObject) -> bool {
    // SAFETY: the callers have live objects.
    unsafe { (is_plain(a) && (is_plain(b) || is_incurious(b))) || (is_plain(b) && is_incurious(a)) }
}

/// `do_richcompare` with C's slots. NULL with an exception, or a new reference.
unsafe fn compare_in_c(a: *mut PyObject, b: *mut PyObject, op: c_int) -> *mut PyObject {
    let not_implemented = statics::not_implemented();
    // SAFETY: the callers have live objects.
    unsafe {
        let slot = |p| c_type(p).and_then(|ty| ty.tp_richcompare);
        let mut checked_reverse = false;
        if (*a).ob_type != (*b).ob_type
            && is_subtype((*b).ob_type, (*a).ob_type)
            && let Some(compare) = slot(b)
        {
            checked_reverse = true;
            let result = compare(b, a, swapped(op));
            if result != not_implemented {
                return result;
            }
        }
        if let Some(compare) = slot(a) {
            let result = compare(a, b, op);
            if result != not_implemented {
                return result;
            }
        }
        if !checked_reverse && let Some(compare) = slot(b) {
            let result = compare(b, a, swapped(op));
            if result != not_implemented {
                return result;
            }
        }
        match op {
            Py_EQ => statics::bool(a == b),
            Py_NE => statics::bool(a != b),
            _ => {
                let token = ["<", "<=", "==", "!=", ">", ">="][op as usize];
                let (a, b) = (type_name((*a).ob_type), type_name((*b).ob_type));
                fail(|vm| {
                    vm.new_type_error(format!(
                        "'{token}' not supported between instances of '{a}' and '{b}'"
                    ))
                })
            }
        }
    }
}

/// `a op b`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_RichCompare(
    a: *mut PyObject,
    b: *mut PyObject,
    op: c_int,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let Some(operator) = comparison(op) else {
            return fail(bad_internal_call);
        };
        if a.is_null() || b.is_null() {
            return fail(|vm| {
                if error::occurred() {
                    null_argument(vm)
                } else {
                    bad_internal_call(vm)
                }
            });
        }
        if let Some(result) = compare_values(a, b, op) {
            return statics::bool(result);
        }
        if is_between_c(a, b) {
            return guarded(
                c" in comparison",
                || compare_in_c(a, b, op),
                ptr::null_mut(),
            );
        }
        border(|vm| {
            let (a, b) = (object(vm, a)?, object(vm, b)?);
            python(|| VmObject::rich_compare(&a, &b, operator, vm))
        })
    }
}

/// Whether the two are one Python object. A float may be here more than once,
/// for the same VM object; that shows when it is a NaN.
#[inline]
unsafe fn is_same(a: *mut PyObject, b: *mut PyObject) -> bool {
    if a.is_null() || b.is_null() {
        return false;
    }
    // SAFETY: the callers have live objects.
    unsafe {
        if a == b {
            return true;
        }
        if !statics::is_exact_float((*a).ob_type) || !statics::is_exact_float((*b).ob_type) {
            return false;
        }
        let (a, b) = (prefix_of(a), prefix_of(b));
        !a.is_null() && !b.is_null() && !(*a).link.is_null() && (*a).link == (*b).link
    }
}

/// Whether `a op b`; identical objects are equal. -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_RichCompareBool(
    a: *mut PyObject,
    b: *mut PyObject,
    op: c_int,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if is_same(a, b) {
            match op {
                Py_EQ => return 1,
                Py_NE => return 0,
                _ => {}
            }
        }
        let result = PyObject_RichCompare(a, b, op);
        if result.is_null() {
            return -1;
        }
        if result == statics::bool(true) {
            return 1;
        }
        if result == statics::bool(false) {
            return 0;
        }
        let truth = PyObject_IsTrue(result);
        refcount::decref(result);
        truth
    }
}

/// The hash of an `int` of C memory, if its value is a machine word.
fn hash_of_word(value: i64) -> Py_hash_t {
    rustpython_vm::common::hash::fix_sentinel(rustpython_vm::common::hash::mod_int(value))
        as Py_hash_t
}

/// `hash(p)`; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Hash(p: *mut PyObject) -> Py_hash_t {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() {
            if statics::is_exact_int((*p).ob_type)
                && let Some(value) = longobject::to_i64(p)
            {
                return hash_of_word(value);
            }
            if let Some(ty) = c_type(p)
                && let Some(hash) = ty.tp_hash
            {
                return hash(p);
            }
        }
        border(|vm| {
            let v = object(vm, p)?;
            let builtin = v.class().is(vm.ctx.types.str_type);
            let hash = if builtin {
                let hash = v.hash(vm)?;
                crate::types::slots_vm::remember_hash(p, hash as Py_hash_t);
                hash
            } else {
                python(|| v.hash(vm))?
            };
            Ok(hash as Py_hash_t)
        })
    }
}

/// The `tp_hash` of unhashable types: a `TypeError`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_HashNotImplemented(p: *mut PyObject) -> Py_hash_t {
    border(|vm| {
        // SAFETY: by this function's contract.
        let name = unsafe { type_name((*p).ob_type) };
        Err::<Py_hash_t, _>(vm.new_type_error(format!("unhashable type: '{name}'")))
    })
}

// --- Text -----------------------------------------------------------------

/// `"<NULL>"`, what the functions of this section say of NULL.
fn null_text() -> *mut PyObject {
    unicodeobject::from_ascii(b"<NULL>")
}

/// The result of a C slot that must be of a type with the `feature`.
unsafe fn must_be(
    result: *mut PyObject,
    feature: std::ffi::c_ulong,
    message: impl FnOnce(&str) -> String,
) -> *mut PyObject {
    // SAFETY: `result` is NULL or ours.
    unsafe {
        if result.is_null() || PyType_HasFeature((*result).ob_type, feature) {
            return result;
        }
        let name = type_name((*result).ob_type);
        refcount::decref(result);
        fail(|vm| vm.new_type_error(message(&name)))
    }
}

/// `repr(p)`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Repr(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_text();
        }
        if let Some(ty) = c_type(p)
            && let Some(repr) = ty.tp_repr
        {
            let place = c" while getting the repr of an object";
            let result = guarded(place, || repr(p), ptr::null_mut());
            return must_be(result, Py_TPFLAGS_UNICODE_SUBCLASS, |name| {
                format!("__repr__ returned non-string (type {name})")
            });
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| v.repr(vm))
        })
    }
}

/// `str(p)`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Str(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return null_text();
        }
        if statics::is_exact_str((*p).ob_type) {
            return again(p);
        }
        if let Some(ty) = c_type(p) {
            let Some(str) = ty.tp_str else {
                return PyObject_Repr(p);
            };
            let place = c" while getting the str of an object";
            let result = guarded(place, || str(p), ptr::null_mut());
            return must_be(result, Py_TPFLAGS_UNICODE_SUBCLASS, |name| {
                format!("__str__ returned non-string (type {name})")
            });
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| v.str(vm))
        })
    }
}

/// `ascii(p)`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_ASCII(p: *mut PyObject) -> *mut PyObject {
    if p.is_null() {
        return null_text();
    }
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        python(|| v.ascii(vm))
    })
}

/// `bytes(p)`, but an `int` is a `TypeError`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`], or `p` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Bytes(p: *mut PyObject) -> *mut PyObject {
    if p.is_null() {
        return bytesobject::from_slice(b"<NULL>");
    }
    // SAFETY: by this function's contract.
    unsafe {
        if statics::is_exact_bytes((*p).ob_type) {
            return again(p);
        }
        border(|vm| {
            let v = object(vm, p)?;
            if v.class().has_attr(vm.ctx.intern_str("__bytes__")) {
                return python(|| {
                    let bytes = vm.ctx.types.bytes_type.as_object().call((v,), vm)?;
                    Ok(proxy::c_of_owned(vm, bytes))
                });
            }
            // A number is no length here, as it is for `bytes()`.
            Ok(super::bytesobject::PyBytes_FromObject(p))
        })
    }
}

/// `format(p, spec)`; a NULL `spec` is empty. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Format(p: *mut PyObject, spec: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (v, spec) = unsafe { (object(vm, p)?, super::optional(vm, spec)) };
        let spec = match spec {
            None => vm.ctx.empty_str.to_owned(),
            Some(spec) => spec.downcast::<PyStr>().map_err(|spec| {
                vm.new_system_error(format!(
                    "Format specifier must be a string, not {}",
                    spec.class().name()
                ))
            })?,
        };
        python(|| vm.format(&v, spec))
    })
}

/// Writes `repr(p)`, or with `Py_PRINT_RAW` `str(p)`, to a C file.
///
/// # Safety
/// As for [`PyObject_GetAttr`], or `p` is NULL; `file` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Print(
    p: *mut PyObject,
    file: *mut libc::FILE,
    flags: c_int,
) -> c_int {
    border(|vm| {
        let text = if p.is_null() {
            String::from("<nil>")
        // SAFETY: by this function's contract.
        } else if unsafe { crate::refcount::count(p) } == 0 {
            // Somebody who looks for a mistake: nobody may use the object.
            format!("<refcnt 0 at {p:p}>")
        } else {
            // SAFETY: by this function's contract.
            let v = unsafe { object(vm, p) }?;
            let text = python(|| {
                if flags & Py_PRINT_RAW != 0 {
                    v.str(vm)
                } else {
                    v.repr(vm)
                }
            })?;
            text.as_wtf8().to_string_lossy().into_owned()
        };
        // SAFETY: the file is open.
        let written = python(|| unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), file) });
        if written != text.len() {
            return Err(vm.new_last_errno_error());
        }
        Ok(())
    })
}

// --- Truth, type, classes -------------------------------------------------

/// The truth of a built-in value, where C memory tells it.
#[inline]
unsafe fn truth(p: *mut PyObject) -> Option<bool> {
    // SAFETY: the callers have a live object.
    unsafe {
        if p == statics::bool(true) {
            return Some(true);
        }
        if p == statics::bool(false) || p == statics::none() {
            return Some(false);
        }
        let ty = (*p).ob_type;
        if statics::is_exact_int(ty) {
            return Some(!longobject::parts(p).1.is_empty());
        }
        if statics::is_exact_float(ty) {
            return Some((*p.cast::<PyFloatObject>()).ob_fval != 0.0);
        }
        if statics::is_exact_str(ty) {
            return Some(unicodeobject::data(p).2 != 0);
        }
        let sized = statics::is_exact_tuple(ty)
            || statics::is_exact_list(ty)
            || statics::is_exact_bytes(ty);
        sized.then(|| (*p.cast::<PyVarObject>()).ob_size != 0)
    }
}

/// The truth of `p`; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_IsTrue(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if p.is_null() {
            return border(|vm| Err::<bool, _>(null_argument(vm)));
        }
        if let Some(truth) = truth(p) {
            return truth.into();
        }
        if let Some(ty) = c_type(p) {
            return truth_in_c(p, ty);
        }
        border(|vm| {
            let v = object(vm, p)?;
            python(|| v.is_true(vm))
        })
    }
}

unsafe fn truth_in_c(p: *mut PyObject, ty: &PyTypeObject) -> c_int {
    // SAFETY: the callers have a live object of this type.
    unsafe {
        let number = ty.tp_as_number.as_ref();
        if let Some(truth) = number.and_then(|m| m.nb_bool) {
            return truth(p).clamp(-1, 1);
        }
        let mapping = ty.tp_as_mapping.as_ref().and_then(|m| m.mp_length);
        let length = mapping.or(ty.tp_as_sequence.as_ref().and_then(|m| m.sq_length));
        length.map_or(1, |length| length(p).clamp(-1, 1) as c_int)
    }
}

/// `not p`; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Not(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    match unsafe { PyObject_IsTrue(p) } {
        0 => 1,
        1 => 0,
        error => error,
    }
}

/// `type(p)`. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Type(p: *mut PyObject) -> *mut PyObject {
    if p.is_null() {
        return fail(null_argument);
    }
    // SAFETY: by this function's contract.
    unsafe { again((*p).ob_type.cast()) }
}

/// `type(p)`. Borrowed.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_TYPE(p: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_type }
}

/// `isinstance(p, class)`; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_IsInstance(p: *mut PyObject, class: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if !p.is_null() && !class.is_null() {
            let ty = (*p).ob_type;
            if ty.cast() == class
                || (statics::is_exact_type((*class).ob_type) && is_subtype(ty, class.cast()))
            {
                return 1;
            }
        }
        border(|vm| {
            let (v, class) = (object(vm, p)?, object(vm, class)?);
            python(|| v.is_instance(&class, vm))
        })
    }
}

/// `issubclass(derived, class)`; -1 on error.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_IsSubclass(
    derived: *mut PyObject,
    class: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (derived, class) = unsafe { (object(vm, derived)?, object(vm, class)?) };
        python(|| derived.is_subclass(&class, vm))
    })
}

/// `dir(p)`, or the names of the current scope for NULL. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Dir(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { super::optional(vm, p) };
        let names = python(|| vm.dir(v))?;
        let names = names.borrow_vec().to_vec();
        Ok(vm.ctx.new_list(names))
    })
}

/// The `tp_iter` of iterators: `p` itself. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_SelfIter(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { again(p) }
}

/// The `tp_iternext` of types whose instances only claim to be iterators: a
/// `TypeError`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
pub unsafe extern "C" fn _PyObject_NextNotImplemented(p: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    let name = unsafe { type_name((*p).ob_type) };
    fail(|vm| vm.new_type_error(format!("'{name}' object is not iterable")))
}

// --- Singletons and identity ----------------------------------------------

/// A constant by its id: immortal, so new or borrowed are the same. A
/// `SystemError` for an unknown id.
fn constant(id: c_uint) -> *mut PyObject {
    match id {
        Py_CONSTANT_NONE => statics::none(),
        Py_CONSTANT_FALSE => statics::bool(false),
        Py_CONSTANT_TRUE => statics::bool(true),
        Py_CONSTANT_ELLIPSIS => statics::ellipsis(),
        Py_CONSTANT_NOT_IMPLEMENTED => statics::not_implemented(),
        Py_CONSTANT_ZERO => longobject::from_i64(0),
        Py_CONSTANT_ONE => longobject::from_i64(1),
        Py_CONSTANT_EMPTY_STR => unicodeobject::empty(),
        Py_CONSTANT_EMPTY_BYTES => bytesobject::empty(),
        Py_CONSTANT_EMPTY_TUPLE => tupleobject::empty(),
        _ => fail(bad_internal_call),
    }
}

/// A constant. New reference.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetConstant(id: c_uint) -> *mut PyObject {
    constant(id)
}

/// A constant. Borrowed.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetConstantBorrowed(id: c_uint) -> *mut PyObject {
    constant(id)
}

/// Whether the two are the same object.
///
/// # Safety
/// None: the pointers are compared only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_Is(a: *mut PyObject, b: *mut PyObject) -> c_int {
    (a == b).into()
}

/// Whether `p` is `None`.
///
/// # Safety
/// As for [`Py_Is`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsNone(p: *mut PyObject) -> c_int {
    (p == statics::none()).into()
}

/// The comparison operators with their operands exchanged.
#[unsafe(no_mangle)]
pub static _Py_SwappedOp: [c_int; 6] = [Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE];

// --- Life and death -------------------------------------------------------

/// Runs `tp_finalize`, once in the life of a collected object.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallFinalizer(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let Some(finalize) = (*ty).tp_finalize else {
            return;
        };
        if PyType_HasFeature(ty, crate::layout::Py_TPFLAGS_HAVE_GC) {
            let prefix = prefix_of_or_new(p);
            if (*prefix).has(flag::FINALIZED) {
                return;
            }
            (*prefix).flags |= flag::FINALIZED;
        }
        finalize(p);
    }
}

/// Runs the finalizer of an object at count zero, from its `tp_dealloc`. -1 if
/// that resurrected the object, which must not be freed then.
///
/// # Safety
/// `p` is at count zero and whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CallFinalizerFromDealloc(p: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            if refcount::count(p) != 0 {
                return Err(vm.new_system_error(
                    "PyObject_CallFinalizerFromDealloc called on object with a non-zero refcount",
                ));
            }
            let resurrected = dealloc::finalize_at_zero(p, || PyObject_CallFinalizer(p));
            Ok(if resurrected { -1 } else { 0 })
        }
    })
}

/// Clears the weak references to an object that is being deallocated. The VM
/// keeps them with its object, and clears them when that dies, which it did
/// before `tp_dealloc` runs.
///
/// # Safety
/// `p` is at count zero, in its `tp_dealloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_ClearWeakRefs(p: *mut PyObject) {
    border(|vm| {
        // SAFETY: by this function's contract.
        let is_dying_referent = !p.is_null()
            && unsafe {
                let ty = (*p).ob_type;
                refcount::count(p) == 0
                    && ((*ty).tp_weaklistoffset != 0
                        || PyType_HasFeature(ty, Py_TPFLAGS_MANAGED_WEAKREF))
            };
        if is_dying_referent {
            mirror::weakrefobject::referent_dies(p);
            Ok(Nothing)
        } else {
            Err(bad_internal_call(vm))
        }
    })
}

/// Like [`PyObject_ClearWeakRefs`], without calling back. Those to a dying object are dead already.
///
/// # Safety
/// As for [`PyObject_ClearWeakRefs`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_ClearWeakRefsNoCallbacks(p: *mut PyObject) {
    border(|vm| {
        // SAFETY: C's contract.
        unsafe {
            if refcount::count(p) != 0 {
                let v = object(vm, p)?;
                python(|| drop(v.gc_clear_weakrefs_collect_callbacks()));
                mirror::weakrefobject::referent_dies(p);
            }
        }
        Ok(Nothing)
    });
}

/// Whether nobody but the caller knows `p`.
unsafe fn is_unique(p: *mut PyObject) -> bool {
    // SAFETY: the callers have a live object; a link that is set is live.
    unsafe {
        if refcount::count(p) != 1 {
            return false;
        }
        let prefix = prefix_of(p);
        if prefix.is_null() || (*prefix).link.is_null() {
            return true;
        }
        // An owning link is the pair's own; anything above it is the VM's.
        if !(*prefix).has(flag::OWNS_VM) || (*(*prefix).link).strong_count() != 1 {
            return false;
        }
        // Who hears that changes the object in place. The VM's half of a tuple is fixed, so there will be another.
        if statics::is_exact_tuple((*p).ob_type) {
            drop(proxy::unlink(p));
        }
        true
    }
}

/// Whether the caller has the only reference to `p`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_IsUniquelyReferenced(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { is_unique(p).into() }
}

/// Whether `p` is a temporary that the interpreter alone holds: never so here,
/// since the VM's stack is not C's.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_IsUniqueReferencedTemporary(_p: *mut PyObject) -> c_int {
    0
}

/// Asks for deferred reference counting, which only builds without a GIL have:
/// 0, as CPython's with one answers.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_EnableDeferredRefcount(_p: *mut PyObject) -> c_int {
    0
}

// --- Data of a class in its instances -------------------------------------

/// Rounds up to what every C type may need.
fn aligned(size: Py_ssize_t) -> Py_ssize_t {
    (size + 15) & !15
}

/// The part of `p` that `class` added to its base with a negative
/// `basicsize`.
///
/// # Safety
/// `p` is an instance of `class`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetTypeData(
    p: *mut PyObject,
    class: *mut PyTypeObject,
) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe {
        let offset = aligned((*(*class).tp_base).tp_basicsize);
        p.cast::<u8>().offset(offset).cast()
    }
}

/// The size of what [`PyObject_GetTypeData`] gives; 0 if there is nothing.
///
/// # Safety
/// `class` is a live type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_GetTypeDataSize(class: *mut PyTypeObject) -> Py_ssize_t {
    // SAFETY: by this function's contract.
    unsafe { ((*class).tp_basicsize - aligned((*(*class).tp_base).tp_basicsize)).max(0) }
}

/// The items of an instance of a type with `Py_TPFLAGS_ITEMS_AT_END`, a
/// `TypeError` for others.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetItemData(p: *mut PyObject) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        if !PyType_HasFeature(ty, Py_TPFLAGS_ITEMS_AT_END) {
            return border(|vm| {
                Err::<*mut c_void, _>(vm.new_type_error(format!(
                    "type '{}' does not have Py_TPFLAGS_ITEMS_AT_END",
                    type_name(ty)
                )))
            });
        }
        p.cast::<u8>().offset((*ty).tp_basicsize).cast()
    }
}

// --- Recursion ------------------------------------------------------------

/// Runs `f` if the stack has room for it; otherwise sets a `RecursionError`.
#[inline]
pub(super) fn guarded<R>(place: &CStr, f: impl FnOnce() -> R, failed: R) -> R {
    // SAFETY: `place` is a C string; the callers hold the lock.
    if unsafe { Py_EnterRecursiveCall(place.as_ptr()) } != 0 {
        return failed;
    }
    f()
}

/// A `RecursionError` that ends with `place`, and -1, when the stack is about
/// to overflow.
///
/// # Safety
/// `place` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_EnterRecursiveCall(place: *const c_char) -> c_int {
    border(|vm| {
        let checked = vm.with_recursion("", || Ok(()));
        checked.map_err(|_| {
            // SAFETY: by this function's contract.
            let place = unsafe { CStr::from_ptr(place) }.to_string_lossy();
            vm.new_recursion_error(format!("maximum recursion depth exceeded{place}"))
        })
    })
}

/// [`Py_EnterRecursiveCall`], for code compiled with old headers.
///
/// # Safety
/// `place` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_CheckRecursiveCall(
    _tstate: *mut crate::layout::PyThreadState,
    place: *const c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { Py_EnterRecursiveCall(place) }
}

/// Ends what [`Py_EnterRecursiveCall`] began: nothing is counted.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_LeaveRecursiveCall() {}

thread_local! {
    /// The objects whose `repr` is under way on this thread.
    static REPR: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Enters the `repr` of `p`: 1 if it is already under way, 0 if not.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_ReprEnter(p: *mut PyObject) -> c_int {
    REPR.with_borrow_mut(|active| {
        let entered = active.contains(&(p as usize));
        if !entered {
            active.push(p as usize);
        }
        entered.into()
    })
}

/// Leaves the `repr` of `p`.
///
/// # Safety
/// As for [`PyObject_GetAttr`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_ReprLeave(p: *mut PyObject) {
    REPR.with_borrow_mut(|active| {
        if let Some(i) = active.iter().rposition(|&known| known == p as usize) {
            active.swap_remove(i);
        }
    });
}

// skipped: _PyObject_FunctionStr: no extension imports it
// skipped: _PyObject_Dump, _PyObject_AssertFailed, _Py_BreakPoint: aids of debug builds

/// The attribute that an identifier names: new, or NULL with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GetAttrId(
    obj: *mut PyObject,
    name: *mut _Py_Identifier,
) -> *mut PyObject {
    // SAFETY: C's contract; the name is borrowed for ever.
    unsafe {
        let name = super::unicodeobject::_PyUnicode_FromId(name);
        if name.is_null() {
            return std::ptr::null_mut();
        }
        PyObject_GetAttr(obj, name)
    }
}

/// Has a function called for each object that is made or destroyed, or with NULL none any more: 0, or -1 with `RuntimeError`,
/// since most objects are the VM's, which tells nobody of them.
#[unsafe(no_mangle)]
pub extern "C" fn PyRefTracer_SetTracer(tracer: Option<PyRefTracer>, _data: *mut c_void) -> c_int {
    border(|vm| match tracer {
        None => Ok(()),
        Some(_) => Err(vm.new_runtime_error("the VM does not tell of objects made and destroyed")),
    })
}

/// The function that is called for each object, and its data: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRefTracer_GetTracer(data: *mut *mut c_void) -> Option<PyRefTracer> {
    if !data.is_null() {
        // SAFETY: the caller passes a variable.
        unsafe { *data = std::ptr::null_mut() };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_swap_as_cpythons() {
        for op in Py_LT..=Py_GE {
            assert_eq!(_Py_SwappedOp[op as usize], swapped(op));
            assert_eq!(ordered(&1, &2, op), ordered(&2, &1, swapped(op)));
            assert!(comparison(op).is_some());
        }
        assert!(comparison(6).is_none() && ordered(&1, &2, -1).is_none());
    }

    #[test]
    fn words_hash_modulo_a_mersenne_prime() {
        assert_eq!(hash_of_word(-1), -2);
        assert_eq!(hash_of_word((1 << 61) - 1), 0);
        assert_eq!(hash_of_word(-(1 << 61)), -2);
        assert_eq!(hash_of_word(5), 5);
    }
}
