//! `marshal.h`, by way of the VM's own module.

use std::ffi::{c_char, c_int, c_long};

use libc::FILE;
use rustpython_vm::builtins::PyBytes;
use rustpython_vm::{PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::import::call;
use super::pythonrun::read_rest;
use super::{Nothing, border, object, python};
use crate::layout::{Py_ssize_t, PyObject};

fn dumps(vm: &VirtualMachine, value: PyObjectRef, version: c_int) -> PyResult {
    call(vm, "marshal", "dumps", (value, version))
}

fn loads(vm: &VirtualMachine, data: &[u8]) -> PyResult {
    call(vm, "marshal", "loads", (vm.ctx.new_bytes(data.to_vec()),))
}

/// `marshal.dumps(value, version)`. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_WriteObjectToString(
    value: *mut PyObject,
    version: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        dumps(vm, unsafe { object(vm, value) }?, version)
    })
}

/// `marshal.loads` of these bytes. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_ReadObjectFromString(
    data: *const c_char,
    len: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        let data = match usize::try_from(len) {
            // SAFETY: the caller passes that many bytes.
            Ok(len) if len > 0 => unsafe { std::slice::from_raw_parts(data.cast(), len) },
            _ => &[],
        };
        loads(vm, data)
    })
}

/// # Safety
/// `file` is an open file.
unsafe fn write(bytes: &[u8], file: *mut FILE) {
    // SAFETY: by this function's contract. As in CPython, who cares asks `ferror`.
    unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), file) };
}

/// Writes 4 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_WriteLongToFile(
    value: c_long,
    file: *mut FILE,
    _version: c_int,
) {
    // SAFETY: the caller passes an open file.
    unsafe { write(&(value as u32).to_le_bytes(), file) };
}

/// Writes what `marshal.dumps` gives; an exception is set on failure. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_WriteObjectToFile(
    value: *mut PyObject,
    file: *mut FILE,
    version: c_int,
) {
    border(|vm| {
        // SAFETY: the caller passes a live object and an open file.
        unsafe {
            let data = dumps(vm, object(vm, value)?, version)?;
            if let Some(bytes) = data.downcast_ref::<PyBytes>() {
                write(bytes.as_bytes(), file);
            }
        }
        Ok(Nothing)
    });
}

/// Exactly `N` bytes of a file.
///
/// # Safety
/// `file` is an open file.
unsafe fn read<const N: usize>(vm: &VirtualMachine, file: *mut FILE) -> PyResult<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: by this function's contract; the buffer is ours.
    if unsafe { libc::fread(bytes.as_mut_ptr().cast(), 1, N, file) } != N {
        return Err(vm.new_eof_error("EOF read where data expected"));
    }
    Ok(bytes)
}

/// Reads 2 bytes. -1 with an `EOFError` on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_ReadShortFromFile(file: *mut FILE) -> c_int {
    // SAFETY: the caller passes an open file.
    border(|vm| Ok(c_int::from(i16::from_le_bytes(unsafe { read(vm, file) }?))))
}

/// Reads 4 bytes. -1 with an `EOFError` on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_ReadLongFromFile(file: *mut FILE) -> c_long {
    // SAFETY: the caller passes an open file.
    border(|vm| Ok(c_long::from(i32::from_le_bytes(unsafe { read(vm, file) }?))))
}

/// Reads an object, and nothing behind it: the file can seek. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_ReadObjectFromFile(file: *mut FILE) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes an open file.
        let (start, data) = unsafe { (libc::ftell(file), read_rest(file)) };
        let (value, used) = python(|| {
            let io = vm.import("io", 0)?;
            let stream = vm.call_method(&io, "BytesIO", (vm.ctx.new_bytes(data),))?;
            let marshal = vm.import("marshal", 0)?;
            let value = vm.call_method(&marshal, "load", (stream.clone(),))?;
            let used = vm.call_method(&stream, "tell", ())?;
            PyResult::Ok((value, used))
        })?;
        let used = c_long::try_from_object(vm, used)?;
        if start >= 0 {
            // SAFETY: as above.
            unsafe { libc::fseek(file, start + used, libc::SEEK_SET) };
        }
        Ok(value)
    })
}

/// Reads the last object of a file. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMarshal_ReadLastObjectFromFile(file: *mut FILE) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes an open file.
        let data = unsafe { read_rest(file) };
        loads(vm, &data)
    })
}

// skipped: PyMarshal_Init: no header declares it
