//! What border functions ask of their arguments before they use them.

use std::borrow::Cow;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_ulong};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrInterned, PyType};
use rustpython_vm::function::IntoFuncArgs;
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use crate::layout::{
    Py_TPFLAGS_BYTES_SUBCLASS, Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_LIST_SUBCLASS,
    Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_UNICODE_SUBCLASS, PyObject, PyType_HasFeature,
};
use crate::proxy::mirror::c_dict::hash_bytes;
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::{c_of_owned, vm_of};
use crate::refcount;

use super::python;

unsafe fn has(p: *mut PyObject, subclass: c_ulong) -> bool {
    // SAFETY: `p` is live by the callers' contract, and its type with it.
    !p.is_null() && unsafe { PyType_HasFeature((*p).ob_type, subclass) }
}

macro_rules! subclass_checks {
    ($($(#[$doc:meta])* $name:ident: $flag:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `p` is NULL or a live object.
        #[inline]
        pub unsafe fn $name(p: *mut PyObject) -> bool {
            // SAFETY: by this function's contract.
            unsafe { has(p, $flag) }
        }
    )*};
}

subclass_checks! {
    /// `PyUnicode_Check`; NULL is none.
    is_str: Py_TPFLAGS_UNICODE_SUBCLASS;
    /// `PyBytes_Check`; NULL is none.
    is_bytes: Py_TPFLAGS_BYTES_SUBCLASS;
    /// `PyTuple_Check`; NULL is none.
    is_tuple: Py_TPFLAGS_TUPLE_SUBCLASS;
    /// `PyList_Check`; NULL is none.
    is_list: Py_TPFLAGS_LIST_SUBCLASS;
    /// `PyDict_Check`; NULL is none.
    is_dict: Py_TPFLAGS_DICT_SUBCLASS;
}

/// The `tp_name` of the object's type, for messages.
///
/// # Safety
/// `p` is a live object, and outlives the result's use.
pub unsafe fn type_name<'a>(p: *mut PyObject) -> Cow<'a, str> {
    // SAFETY: by this function's contract; `tp_name` is a C string.
    unsafe { CStr::from_ptr((*(*p).ob_type).tp_name) }.to_string_lossy()
}

/// Whether the VM knows the object.
///
/// # Safety
/// `p` is a live object; the lock is held.
#[inline]
pub unsafe fn is_paired(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        !prefix.is_null() && !(*prefix).link.is_null()
    }
}

/// Whether the caller's reference is the only one, so that the object may be
/// changed in place. What is paired counts as shared.
///
/// # Safety
/// As for [`is_paired`].
#[inline]
pub unsafe fn is_unshared(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { refcount::count(p) == 1 && !is_paired(p) }
}

/// A fresh object, or `MemoryError` for NULL.
#[inline]
pub fn allocated(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    if p.is_null() {
        return Err(vm.no_memory_error());
    }
    Ok(p)
}

/// An argument that must not be NULL; else what is already set, or `SystemError`.
#[inline]
pub fn not_null(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    if p.is_null() {
        return Err(super::null_argument(vm));
    }
    Ok(p)
}

/// The VM object of an argument for the time of a call.
pub enum Held<'a> {
    /// The C object keeps it alive, and the caller of the function that.
    Lent(&'a VmObject),
    Owned(PyObjectRef),
}

impl std::ops::Deref for Held<'_> {
    type Target = VmObject;
    #[inline]
    fn deref(&self) -> &VmObject {
        match self {
            Self::Lent(v) => v,
            Self::Owned(v) => v,
        }
    }
}

/// The VM object of `p`, without a reference of its own where it can do
/// without.
///
/// # Safety
/// `p` is a live object that its owner keeps while the result is used; the
/// lock is held.
#[inline]
pub unsafe fn held<'a>(vm: &VirtualMachine, p: *mut PyObject) -> Held<'a> {
    // SAFETY: by this function's contract; an owning link is a reference.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null() && (*prefix).flags & (flag::OWNS_VM | flag::PARKED) == flag::OWNS_VM {
            return Held::Lent(&*(*prefix).link);
        }
        Held::Owned(vm_of(vm, p))
    }
}

/// `PyErr_BadArgument`'s error.
#[cold]
pub fn bad_argument(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_type_error("bad argument type for built-in operation")
}

/// Whether hashing and comparing `key` runs no Python code.
pub fn is_plain_key(vm: &VirtualMachine, key: &VmObject) -> bool {
    let class = key.class();
    let types = &vm.ctx.types;
    class.is(types.str_type)
        || class.is(types.int_type)
        || class.is(types.bytes_type)
        || class.is(types.float_type)
        || class.is(types.bool_type)
        || class.is(types.none_type)
}

const NAMES: usize = 512;

/// Interned strings that C has named by their text, by its hash.
struct Names(UnsafeCell<[Option<&'static PyStrInterned>; NAMES]>);
// SAFETY: only the holder of the extension lock reaches them.
unsafe impl Sync for Names {}
static KNOWN: Names = Names(UnsafeCell::new([None; NAMES]));

/// The interned string of this text, if there is one: C asks for the same few
/// names again and again.
///
/// The caller holds the lock.
#[inline]
pub fn interned(vm: &VirtualMachine, text: &[u8]) -> Option<&'static PyStrInterned> {
    let hash = hash_bytes(0, text);
    // SAFETY: within the table; the caller holds the lock.
    let place = unsafe { &mut (*KNOWN.0.get())[hash as usize % NAMES] };
    if let Some(known) = place
        && known.as_bytes() == text
    {
        return Some(known);
    }
    let found = vm.ctx.interned_str(std::str::from_utf8(text).ok()?)?;
    *place = Some(found);
    Some(found)
}

/// Calls the method that the built-in type `ty` itself defines, whatever the
/// receiver's class overrides. May run Python code.
pub fn call_builtin(
    vm: &VirtualMachine,
    ty: &Py<PyType>,
    method: &'static str,
    args: impl IntoFuncArgs,
) -> PyResult {
    ty.as_object().get_attr(method, vm)?.call(args, vm)
}

/// Owned references of C objects, dropped with the vector.
#[derive(Default)]
pub struct Refs(pub Vec<*mut PyObject>);

impl Refs {
    /// Gives the references away.
    pub fn into_inner(mut self) -> Vec<*mut PyObject> {
        std::mem::take(&mut self.0)
    }

    /// New references to `items`.
    ///
    /// # Safety
    /// The items are live objects; the lock is held until the result is gone.
    pub unsafe fn to(items: &[*mut PyObject]) -> Self {
        for &item in items {
            // SAFETY: by this function's contract.
            unsafe { refcount::xnew_ref(item) };
        }
        Self(items.to_vec())
    }

    /// The elements of a sequence or another iterable: `PySequence_Fast`.
    /// `message` is the `TypeError` for what cannot be iterated.
    ///
    /// # Safety
    /// `p` is a live object; the lock is held until the result is gone.
    pub unsafe fn of_iterable(
        vm: &VirtualMachine,
        p: *mut PyObject,
        message: &str,
    ) -> PyResult<Self> {
        use crate::proxy::mirror::{listobject, tupleobject};
        use crate::types::statics::{is_exact_list, is_exact_tuple};
        // SAFETY: by this function's contract.
        unsafe {
            if is_exact_list((*p).ob_type) {
                return Ok(Self::to(listobject::items(p)));
            }
            if is_exact_tuple((*p).ob_type) {
                return Ok(Self::to(tupleobject::items(p)));
            }
            let v = vm_of(vm, p);
            let elements = python(|| elements(vm, &v, message))?;
            Ok(Self(
                elements.into_iter().map(|v| c_of_owned(vm, v)).collect(),
            ))
        }
    }
}

fn elements(vm: &VirtualMachine, v: &VmObject, message: &str) -> PyResult<Vec<PyObjectRef>> {
    let iterator = v.get_iter(vm).map_err(|e| {
        if e.fast_isinstance(vm.ctx.exceptions.type_error) {
            vm.new_type_error(message)
        } else {
            e
        }
    })?;
    iterator.iter::<PyObjectRef>(vm)?.collect()
}

impl Drop for Refs {
    fn drop(&mut self) {
        for p in self.0.drain(..) {
            // SAFETY: the references are ours; the lock is held, by the
            // constructors' contract.
            unsafe { refcount::xdecref(p) };
        }
    }
}
