//! `bytesobject.h` and `cpython/bytesobject.h`.
//!
//! `bytes` live in C memory; the VM is asked only for other buffers,
//! iterables and escapes.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use rustpython_vm::function::ArgBytesLike;
use rustpython_vm::{PyResult, TryFromBorrowedObject, VirtualMachine};

use super::check::{allocated, call_builtin, is_bytes, is_unshared, type_name};
use super::{Nothing, bad_internal_call, border, codecs, python};
use crate::layout::{Py_ssize_t, PyBytesObject, PyObject, PyVarObject};
use crate::proxy::mirror::bytesobject::{contents, empty, from_slice, new};
use crate::proxy::{arena, vm_of};
use crate::refcount::{decref, incref, xdecref};
use crate::types::statics::{bytes_type, is_exact_bytes};

/// A `bytes` of `len` bytes, fresh and not filled, or the empty one.
pub(super) fn of_len(vm: &VirtualMachine, len: usize) -> PyResult<*mut PyObject> {
    if len == 0 {
        return Ok(empty());
    }
    // SAFETY: exactly `bytes`; border functions hold the lock.
    allocated(vm, unsafe { new(bytes_type(), len) })
}

unsafe fn checked(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' argument is NULL or live.
    unsafe {
        if p.is_null() {
            return Err(super::null_argument(vm));
        }
        if is_bytes(p) {
            Ok(p)
        } else {
            Err(vm.new_type_error(format!("expected bytes, {} found", type_name(p))))
        }
    }
}

/// A copy of `size` bytes, or as many to be filled when `bytes` is NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_FromStringAndSize(
    bytes: *const c_char,
    size: Py_ssize_t,
) -> *mut PyObject {
    if size > 0 {
        // SAFETY: the caller has the GIL; `bytes` has as many bytes, and `p`
        // room for them.
        unsafe {
            let p = new(bytes_type(), size as usize);
            if !p.is_null() {
                if !bytes.is_null() {
                    let to = contents(p).as_mut_ptr();
                    ptr::copy_nonoverlapping(bytes.cast(), to, size as usize);
                }
                return p;
            }
        }
    }
    border(|vm| {
        let len = usize::try_from(size).map_err(|_| {
            vm.new_system_error("Negative size passed to PyBytes_FromStringAndSize")
        })?;
        of_len(vm, len)
    })
}

/// A copy of the C string: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_FromString(bytes: *const c_char) -> *mut PyObject {
    // SAFETY: `bytes` is a C string.
    border(|vm| allocated(vm, from_slice(unsafe { CStr::from_ptr(bytes) }.to_bytes())))
}

/// The bytes of a buffer or an iterable of integers: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_FromObject(object: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        if object.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: `object` is live.
        unsafe {
            if is_exact_bytes((*object).ob_type) {
                incref(object);
                return Ok(object);
            }
            if super::check::is_str(object) {
                let name = type_name(object);
                return Err(vm.new_type_error(format!("cannot convert '{name}' object to bytes")));
            }
            let v = vm_of(vm, object);
            let bytes = python(|| rustpython_vm::byte::bytes_from_object(vm, &v))?;
            allocated(vm, from_slice(&bytes))
        }
    })
}

/// The number of bytes; `TypeError` and -1 for what is no `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_Size(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: `op` is NULL or live, and a `bytes` once checked.
    border(|vm| unsafe { Ok(contents(checked(vm, op)?).len() as Py_ssize_t) })
}

/// The bytes, with a NUL behind them, as long as the object lives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_AsString(op: *mut PyObject) -> *mut c_char {
    // SAFETY: `op` is NULL or live, and a `bytes` once checked.
    border(|vm| unsafe { Ok(contents(checked(vm, op)?).as_mut_ptr().cast::<c_char>()) })
}

/// Stores where the bytes are, as long as the object lives, and their number.
/// Without a variable for that, NULs among them are a `ValueError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_AsStringAndSize(
    obj: *mut PyObject,
    s: *mut *mut c_char,
    len: *mut Py_ssize_t,
) -> c_int {
    border(|vm| {
        if s.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: `obj` is NULL or live, and a `bytes` once checked; the
        // others are variables of C's.
        unsafe {
            let bytes = contents(checked(vm, obj)?);
            *s = bytes.as_mut_ptr().cast();
            if !len.is_null() {
                *len = bytes.len() as Py_ssize_t;
            } else if bytes.contains(&0) {
                return Err(vm.new_value_error("embedded null byte"));
            }
        }
        Ok(())
    })
}

/// The concatenation of two buffers: new.
unsafe fn concatenated(
    vm: &VirtualMachine,
    left: *mut PyObject,
    right: *mut PyObject,
) -> PyResult<*mut PyObject> {
    // SAFETY: both are live, by the callers' contract.
    unsafe {
        if is_bytes(left) && is_bytes(right) {
            let (a, b) = (contents(left), contents(right));
            let len = a
                .len()
                .checked_add(b.len())
                .ok_or_else(|| vm.no_memory_error())?;
            let p = of_len(vm, len)?;
            let (to_a, to_b) = contents(p).split_at_mut(a.len());
            to_a.copy_from_slice(a);
            to_b.copy_from_slice(b);
            return Ok(p);
        }
        let message = format!("can't concat {} to {}", type_name(right), type_name(left));
        let joined = joined(vm, &message, left, right)?;
        allocated(vm, from_slice(&joined))
    }
}

/// The bytes of two buffers, one after the other; `message` is the
/// `TypeError` for what is no buffer.
///
/// # Safety
/// Both are live; the lock is held.
pub(super) unsafe fn joined(
    vm: &VirtualMachine,
    message: &str,
    left: *mut PyObject,
    right: *mut PyObject,
) -> PyResult<Vec<u8>> {
    // SAFETY: by this function's contract.
    let parts = unsafe { [vm_of(vm, left), vm_of(vm, right)] };
    python(|| {
        let mut bytes = Vec::new();
        for part in &parts {
            let buffer = ArgBytesLike::try_from_borrowed_object(vm, part)
                .map_err(|_| vm.new_type_error(message))?;
            buffer.with_ref(|b| bytes.extend_from_slice(b));
        }
        Ok(bytes)
    })
}

/// Replaces `*pv` (its reference is taken over) by its concatenation with
/// `w`, or by NULL on failure. Nothing happens when `*pv` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_Concat(pv: *mut *mut PyObject, w: *mut PyObject) {
    border(|vm| {
        // SAFETY: `pv` is a variable of C's, `w` is NULL or live.
        unsafe {
            let left = ptr::replace(pv, ptr::null_mut());
            if left.is_null() {
                return Ok(Nothing);
            }
            let result = if w.is_null() {
                Ok(ptr::null_mut())
            } else {
                concatenated(vm, left, w)
            };
            decref(left);
            *pv = result?;
        }
        Ok(Nothing)
    })
}

/// `PyBytes_Concat` that takes over the reference of `w`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_ConcatAndDel(pv: *mut *mut PyObject, w: *mut PyObject) {
    // SAFETY: the caller's contract is the same; `w` is NULL or its reference.
    unsafe {
        PyBytes_Concat(pv, w);
        xdecref(w);
    }
}

/// The representation as Python source: new. With `smartquotes`, in double
/// quotes when that saves escapes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_Repr(obj: *mut PyObject, smartquotes: c_int) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `obj` is NULL or live, and a `bytes` once checked.
        let text = repr(unsafe { contents(checked(vm, obj)?) }, smartquotes != 0);
        allocated(vm, crate::proxy::mirror::unicodeobject::from_ascii(&text))
    })
}

fn repr(bytes: &[u8], smartquotes: bool) -> Vec<u8> {
    let double = smartquotes && bytes.contains(&b'\'') && !bytes.contains(&b'"');
    let quote = if double { b'"' } else { b'\'' };
    let mut text = vec![b'b', quote];
    for &c in bytes {
        match c {
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\\' => text.extend(b"\\\\"),
            _ if c == quote => text.extend([b'\\', c]),
            b' '..=b'~' => text.push(c),
            _ => text.extend(format!("\\x{c:02x}").bytes()),
        }
    }
    text.push(quote);
    text
}

/// The bytes that source text with backslash escapes stands for: new. The
/// last two arguments have had no meaning for long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_DecodeEscape(
    s: *const c_char,
    len: Py_ssize_t,
    errors: *const c_char,
    _unicode: Py_ssize_t,
    _recode_encoding: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        if usize::try_from(len)
            .is_ok_and(|len| len > super::objimpl::MOST - size_of::<PyBytesObject>())
        {
            return Err(vm.new_overflow_error("byte string is too large"));
        }
        // SAFETY: `s` has `len` bytes, `errors` is NULL or a C string.
        let (bytes, errors) = unsafe {
            (
                codecs::bytes(vm, s, len)?,
                codecs::errors_or_strict(vm, errors)?,
            )
        };
        let (decoded, _) = python(|| codecs::call(vm, "escape_decode", (bytes, errors)))?;
        Ok(decoded)
    })
}

/// `sep.join(iterable)`: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_Join(
    sep: *mut PyObject,
    iterable: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        if sep.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: the arguments are NULL or live.
        let args = unsafe {
            if !is_bytes(sep) {
                let name = type_name(sep);
                return Err(vm.new_type_error(format!("sep: expected bytes, got {name}")));
            }
            (super::object(vm, sep)?, super::object(vm, iterable)?)
        };
        python(|| call_builtin(vm, vm.ctx.types.bytes_type, "join", args))
    })
}

/// Changes the length of a `bytes`: in place when only the caller has it.
/// `*pv` is replaced, or NULL on failure. New bytes are not filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyBytes_Resize(pv: *mut *mut PyObject, newsize: Py_ssize_t) -> c_int {
    // SAFETY: `pv` is a variable of C's with a reference.
    border(|vm| unsafe {
        let old = ptr::replace(pv, ptr::null_mut());
        let len = match usize::try_from(newsize) {
            Ok(len) if is_bytes(old) => len,
            _ => {
                xdecref(old);
                return Err(bad_internal_call(vm));
            }
        };
        if contents(old).len() == len || is_unshared(old) && resize_in_place(old, len) {
            *pv = old;
            return Ok(());
        }
        let fresh = of_len(vm, len).inspect_err(|_| decref(old))?;
        let common = len.min(contents(old).len());
        contents(fresh)[..common].copy_from_slice(&contents(old)[..common]);
        decref(old);
        *pv = fresh;
        Ok(())
    })
}

unsafe fn resize_in_place(p: *mut PyObject, len: usize) -> bool {
    const HEAD: usize = std::mem::offset_of!(PyBytesObject, ob_sval);
    // SAFETY: `p` is a live `bytes` that nobody else has.
    unsafe {
        let fits = len != 0
            && len < isize::MAX as usize - HEAD
            && arena::contains(p as usize)
            && HEAD + len < arena::usable_size(p.cast());
        if fits {
            (*p.cast::<PyVarObject>()).ob_size = len as Py_ssize_t;
            (*p.cast::<PyBytesObject>()).ob_shash = -1;
            *p.cast::<u8>().add(HEAD + len) = 0;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn repr_is_cpythons() {
        let text = |b: &[u8], smart| String::from_utf8(repr(b, smart)).expect("ASCII");
        assert_eq!(text(b"a\n\x00\xff\\", true), r"b'a\n\x00\xff\\'");
        assert_eq!(text(b"it's", true), r#"b"it's""#);
        assert_eq!(text(b"it's", false), r"b'it\'s'");
        assert_eq!(text(b"'\"", true), r#"b'\'"'"#);
    }
}
