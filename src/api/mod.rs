//! The exported functions, one file per CPython header.
//!
//! Each is thin: it says what it owns and hands over to code that works in
//! [`PyResult`]s. [`border`] finds the VM, catches panics, and turns an `Err`
//! into the error indicator and the return type's error value.
//!
//! In the docs of the functions, *new* is a reference that the caller owns,
//! *borrowed* one that its owner keeps, *stolen* an argument whose reference
//! the function takes over.
//!
//! All exported functions share one contract, C's: an object argument is NULL
//! where its header allows it or a live object that the caller keeps during
//! the call, a pointer to a result is a variable of the caller's, a `char *`
//! is NUL-terminated unless a size comes with it, and the caller holds the
//! GIL. Where a function asks for more or for less, its docs say so.

#![allow(
    clippy::missing_safety_doc,
    reason = "the exported functions' contract is that of the module's docs"
)]

pub mod abstract_;
pub mod audit;
pub mod boolobject;
pub mod bytearrayobject;
pub mod bytesobject;
pub mod call;
pub mod cellobject;
pub mod ceval;
pub mod check;
pub mod classobject;
pub mod code;
pub mod codecs;
pub mod compile;
pub mod complexobject;
pub mod context;
pub mod critical_section;
pub mod datetime;
pub mod descrobject;
pub mod dictobject;
pub mod fileobject;
pub mod fileutils;
pub mod floatobject;
pub mod format;
pub mod frame;
pub mod funcobject;
pub mod genericaliasobject;
pub mod genobject;
pub mod import;
pub mod initconfig;
pub mod intrcheck;
pub mod iterobject;
pub mod listobject;
pub mod lock;
pub mod longobject;
pub mod marshal;
pub mod memoryobject;
pub mod methodobject;
pub mod modsupport;
pub mod moduleobject;
pub mod monitoring;
pub mod namespaceobject;
pub mod object;
pub mod objimpl;
pub mod odictobject;
pub mod osmodule;
pub mod pybuffer;
pub mod pycapsule;
pub mod pyctype;
pub mod pydebug;
pub mod pyerrors;
pub mod pyhash;
pub mod pylifecycle;
pub mod pymain;
pub mod pymem;
pub mod pymem_debug;
pub mod pystate;
pub mod pystrtod;
pub mod pythonrun;
pub mod pythread;
pub mod pytime;
pub mod refcount;
pub mod setobject;
pub mod sliceobject;
pub mod structmember;
pub mod structseq;
pub mod sysmodule;
pub mod traceback;
pub mod tracemalloc;
pub mod tupleobject;
pub mod typeobject;
pub mod unicodeobject;
pub mod varargs;
pub mod warnings;
pub mod watch;
pub mod weakrefobject;

use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_longlong, c_uint, c_ulong, c_ulonglong};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use rustpython_vm::{PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::layout::PyObject;
use crate::proxy;
use crate::thread::{self, error};

/// What a border function returns to C.
pub trait Return {
    /// The C type.
    type C;
    /// The value that tells C of an error.
    fn failed() -> Self::C;
    /// Hands the result to C: an object becomes a new reference.
    fn into_c(self, vm: &VirtualMachine) -> Self::C;
}

impl Return for PyObjectRef {
    type C = *mut PyObject;
    fn failed() -> Self::C {
        ptr::null_mut()
    }
    #[inline]
    fn into_c(self, vm: &VirtualMachine) -> Self::C {
        proxy::c_of_owned(vm, self)
    }
}

/// `None` is NULL without an exception.
impl Return for Option<PyObjectRef> {
    type C = *mut PyObject;
    fn failed() -> Self::C {
        ptr::null_mut()
    }
    #[inline]
    fn into_c(self, vm: &VirtualMachine) -> Self::C {
        self.map_or(ptr::null_mut(), |v| proxy::c_of_owned(vm, v))
    }
}

impl<T> Return for PyRef<T> {
    type C = *mut PyObject;
    fn failed() -> Self::C {
        ptr::null_mut()
    }
    #[inline]
    fn into_c(self, vm: &VirtualMachine) -> Self::C {
        proxy::c_of_owned(vm, self.into())
    }
}

/// A C object, already a new (or, where the function says so, borrowed) reference.
impl<T> Return for *mut T {
    type C = *mut T;
    fn failed() -> Self::C {
        ptr::null_mut()
    }
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> Self::C {
        self
    }
}

impl<T> Return for *const T {
    type C = *const T;
    fn failed() -> Self::C {
        ptr::null()
    }
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> Self::C {
        self
    }
}

/// Success is 0, an error -1.
impl Return for () {
    type C = c_int;
    fn failed() -> Self::C {
        -1
    }
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> Self::C {
        0
    }
}

/// 1 or 0, an error is -1.
impl Return for bool {
    type C = c_int;
    fn failed() -> Self::C {
        -1
    }
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> Self::C {
        self.into()
    }
}

/// A function without a result; an error is reported as unraisable.
pub struct Nothing;

impl Return for Nothing {
    type C = ();
    fn failed() -> Self::C {}
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> Self::C {}
}

macro_rules! numbers {
    ($($t:ty => $failed:expr),* $(,)?) => {$(
        /// Returned as it is.
        impl Return for $t {
            type C = $t;
            fn failed() -> Self::C {
                $failed
            }
            #[inline]
            fn into_c(self, _vm: &VirtualMachine) -> Self::C {
                self
            }
        }
    )*};
}

numbers! {
    c_int => -1,
    c_long => -1,
    isize => -1,
    c_uint => c_uint::MAX,
    c_ulong => c_ulong::MAX,
    usize => usize::MAX,
    c_double => -1.0,
}

const _: () = assert!(size_of::<c_longlong>() == size_of::<c_long>());
const _: () = assert!(size_of::<c_ulonglong>() == size_of::<c_ulong>());

#[cold]
fn panicked(payload: &(dyn std::any::Any + Send)) {
    let vm = thread::current_vm();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    error::set(vm, &vm.new_system_error(format!("internal error: {text}")));
}

/// The border of an exported function: finds the VM, catches panics, and
/// turns an `Err` into the error indicator and the error value.
///
/// The extension lock stays held; what may block or run Python code goes
/// through [`python`].
#[inline]
pub fn border<R: Return>(f: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> R::C {
    proxy::mirror::vm_ran();
    border_to_read(f)
}

/// [`border`] for what changes nothing in the VM, so that what C
/// [knows of it](proxy::mirror::epoch) stays true, unless it goes through
/// [`python`].
#[inline]
pub fn border_to_read<R: Return>(f: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> R::C {
    let vm = thread::current_vm();
    match catch_unwind(AssertUnwindSafe(|| f(vm).map(|r| r.into_c(vm)))) {
        Ok(Ok(c)) => c,
        Ok(Err(exception)) => {
            error::set(vm, &exception);
            R::failed()
        }
        Err(payload) => {
            panicked(&*payload);
            R::failed()
        }
    }
}

/// Runs `f`, which may run Python code or block, inside a [`border`]: other
/// threads may take the extension lock meanwhile, and what C wrote into
/// mirrors before, or the VM changed, is carried over.
///
/// `f` must not touch C objects.
#[inline]
pub fn python<R>(f: impl FnOnce() -> R) -> R {
    let vm = thread::current_vm();
    proxy::mirror::before_vm(vm);
    let handled = thread::state::share_handled(vm);
    let result = thread::leave_for(f);
    thread::state::unshare_handled(vm, handled);
    proxy::mirror::before_c(vm);
    result
}

/// The VM object of an argument, which stays the caller's. NULL is a
/// `SystemError`, or the exception that is already set.
///
/// # Safety
/// `p` is NULL or a live object; the caller, a border function, holds the lock.
#[inline]
pub unsafe fn object<T>(vm: &VirtualMachine, p: *mut T) -> PyResult<PyObjectRef> {
    if p.is_null() {
        return Err(null_argument(vm));
    }
    // SAFETY: by this function's contract; all object structs start with `PyObject`.
    Ok(unsafe { proxy::vm_of(vm, p.cast()) })
}

/// Like [`object`], with `None` for NULL.
///
/// # Safety
/// As for [`object`].
#[inline]
pub unsafe fn optional<T>(vm: &VirtualMachine, p: *mut T) -> Option<PyObjectRef> {
    // SAFETY: by this function's contract.
    unsafe { proxy::vm_of_opt(vm, p.cast()) }
}

/// The error for a NULL argument: what is already set, if anything is.
#[cold]
pub fn null_argument(vm: &VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef {
    error::take(vm).unwrap_or_else(|| vm.new_system_error("null argument to internal routine"))
}

/// `PyErr_BadInternalCall`'s error.
#[cold]
pub fn bad_internal_call(vm: &VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_system_error("bad argument to internal function")
}

/// A C string argument as text; invalid UTF-8 is a `UnicodeDecodeError`.
///
/// # Safety
/// `s` is NULL or a NUL-terminated string that outlives the result's use.
pub unsafe fn text<'a>(vm: &VirtualMachine, s: *const c_char) -> PyResult<&'a str> {
    if s.is_null() {
        return Err(null_argument(vm));
    }
    // SAFETY: by this function's contract.
    decode_utf8(vm, unsafe { CStr::from_ptr(s) }.to_bytes())
}

/// Bytes as text; invalid UTF-8 is a `UnicodeDecodeError`.
pub fn decode_utf8<'a>(vm: &VirtualMachine, bytes: &'a [u8]) -> PyResult<&'a str> {
    std::str::from_utf8(bytes).map_err(|e| {
        vm.new_unicode_decode_error(
            vm.ctx.new_str("utf-8"),
            vm.ctx.new_bytes(bytes.to_vec()),
            e.valid_up_to(),
            e.valid_up_to() + e.error_len().unwrap_or(1),
            vm.ctx.new_str("invalid start byte"),
        )
    })
}

/// Gives `v` to C as a borrowed reference that nothing else keeps alive: it
/// lives until the C call that fetched it returns.
pub fn lend(vm: &VirtualMachine, v: &VmObject) -> *mut PyObject {
    thread::state::borrow_until_return(proxy::c_of(vm, v))
}
