//! `bytearrayobject.h` and `cpython/bytearrayobject.h`.
//!
//! C and the VM share the bytes: C's struct points into the VM's object.

use std::ffi::{c_char, c_int};

use rustpython_vm::builtins::PyByteArray;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::check::type_name;
use super::{border, bytesobject, object, python};
use crate::layout::{Py_ssize_t, PyByteArrayObject, PyObject, PyVarObject};
use crate::proxy::mirror::refresh;
use crate::proxy::vm_of;

/// What `PyByteArray_AS_STRING` gives for an empty bytearray.
#[unsafe(no_mangle)]
pub static mut _PyByteArray_empty_string: [c_char; 1] = [0];

/// The bytearray of a buffer, an iterable of integers, or a number of zero
/// bytes: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_FromObject(o: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `o` is NULL or live.
        let v = unsafe { object(vm, o)? };
        python(|| vm.ctx.types.bytearray_type.as_object().call((v,), vm))
    })
}

/// A copy of `len` bytes, or as many zeros when `bytes` is NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_FromStringAndSize(
    bytes: *const c_char,
    len: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        let len = usize::try_from(len).map_err(|_| {
            vm.new_system_error("Negative size passed to PyByteArray_FromStringAndSize")
        })?;
        let mut copy = Vec::new();
        copy.try_reserve_exact(len + 1)
            .map_err(|_| vm.no_memory_error())?;
        if bytes.is_null() {
            copy.resize(len, 0);
        } else {
            // SAFETY: `bytes` has as many bytes.
            copy.extend_from_slice(unsafe { std::slice::from_raw_parts(bytes.cast(), len) });
        }
        Ok(vm.ctx.new_bytearray(copy))
    })
}

/// The concatenation of two buffers: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_Concat(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        if a.is_null() || b.is_null() {
            return Err(super::null_argument(vm));
        }
        // SAFETY: both are live.
        let joined = unsafe {
            let message = format!("can't concat {} to {}", type_name(b), type_name(a));
            bytesobject::joined(vm, &message, a, b)?
        };
        Ok(vm.ctx.new_bytearray(joined))
    })
}

/// The VM's bytearray of an argument.
unsafe fn bytearray(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    if p.is_null() {
        return Err(super::null_argument(vm));
    }
    // SAFETY: `p` is live, by the callers' contract.
    unsafe {
        let v = vm_of(vm, p);
        if !v.downcastable::<PyByteArray>() {
            let name = type_name(p);
            return Err(vm.new_type_error(format!("expected bytearray, {name} found")));
        }
        refresh(vm, &v, p);
        Ok(v)
    }
}

/// The number of bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_Size(bytearray_: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the argument is NULL or live, and a bytearray once checked.
    border(|vm| unsafe {
        bytearray(vm, bytearray_)?;
        Ok((*bytearray_.cast::<PyVarObject>()).ob_size)
    })
}

/// The bytes, which C may change, until the next change of the length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_AsString(bytearray_: *mut PyObject) -> *mut c_char {
    // SAFETY: the argument is NULL or live, and a bytearray once checked.
    border(|vm| unsafe {
        bytearray(vm, bytearray_)?;
        let c = bytearray_.cast::<PyByteArrayObject>();
        if (*c).ob_base.ob_size == 0 {
            return Ok((&raw mut _PyByteArray_empty_string).cast());
        }
        Ok((*c).ob_start)
    })
}

/// Changes the length; new bytes are zero. `BufferError` while a buffer of
/// the bytes is exported.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyByteArray_Resize(bytearray_: *mut PyObject, len: Py_ssize_t) -> c_int {
    border(|vm| {
        // SAFETY: the argument is NULL or live.
        unsafe {
            let v = bytearray(vm, bytearray_)?;
            if len < 0 {
                return Err(
                    vm.new_value_error(format!("Can only resize to positive sizes, got {len}"))
                );
            }
            if let Some(bytes) = v.downcast_ref::<PyByteArray>() {
                bytes.resize(len, vm)?;
            }
            refresh(vm, &v, bytearray_);
        }
        Ok(())
    })
}
