//! `pyhash.h`: hashes of numbers, pointers and memory, equal to the VM's.

use std::ffi::{c_int, c_void};
use std::slice;

use rustpython_vm::{AsObject, VirtualMachine};

use super::{border, object};
use crate::layout::{Py_hash_t, Py_ssize_t, PyHash_FuncDef, PyObject};

/// Hash of a pointer: the low bits, which alignment makes equal, go to the top.
fn pointer(address: usize) -> Py_hash_t {
    match address.rotate_right(4) as Py_hash_t {
        -1 => -2,
        hash => hash,
    }
}

/// The VM's hash of `bytes` with this content.
fn buffer(vm: &VirtualMachine, bytes: &[u8]) -> rustpython_vm::PyResult<Py_hash_t> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let v = vm.ctx.new_bytes(bytes.to_vec());
    Ok(v.as_object().hash(vm)? as Py_hash_t)
}

/// The hash of `object` by identity, what `object.__hash__` gives.
///
/// # Safety
/// `p` is a live object; the caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GenericHash(p: *mut PyObject) -> Py_hash_t {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        Ok(v.get_id() as Py_hash_t)
    })
}

/// The hash of a float; that of a NaN is the identity hash of `inst`.
///
/// # Safety
/// `inst` is a live object; the caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Py_HashDouble(inst: *mut PyObject, value: f64) -> Py_hash_t {
    match rustpython_vm::common::hash::hash_float(value) {
        Some(hash) => hash as Py_hash_t,
        // SAFETY: by this function's contract.
        None => unsafe { PyObject_GenericHash(inst) },
    }
}

/// The hash of a pointer.
///
/// # Safety
/// None: the pointer is not followed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_HashPointer(p: *const c_void) -> Py_hash_t {
    pointer(p as usize)
}

/// The hash of memory, equal to that of `bytes` with this content.
///
/// # Safety
/// `p` points to `len` bytes; the caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_HashBuffer(p: *const c_void, len: Py_ssize_t) -> Py_hash_t {
    border(|vm| {
        if len <= 0 {
            return Ok(0);
        }
        // SAFETY: by this function's contract.
        buffer(vm, unsafe { slice::from_raw_parts(p.cast(), len as usize) })
    })
}

static FUNCTION: PyHash_FuncDef = PyHash_FuncDef {
    hash: Some(Py_HashBuffer),
    name: c"siphash24".as_ptr(),
    hash_bits: 64,
    seed_bits: 128 as c_int,
};

/// The description of the hash of `str` and `bytes`; static.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyHash_GetFuncDef() -> *mut PyHash_FuncDef {
    // The C signature lacks the const that the data has.
    (&raw const FUNCTION).cast_mut()
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn pointers_hash_as_in_cpython() {
        assert_eq!(pointer(0x7f00_0000_1230), 0x7f0_0000_0123);
        assert_eq!(pointer(usize::MAX), -2);
        assert_eq!(pointer(0), 0);
    }
}
