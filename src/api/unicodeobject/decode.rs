//! From bytes to strings.
//!
//! Valid UTF-8, ASCII and latin-1 are decoded in C memory; the VM's codecs
//! do the rest, errors included.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use rustpython_vm::builtins::PyStr;
use rustpython_vm::function::{ArgBytesLike, IntoFuncArgs};
use rustpython_vm::{PyObjectRef, PyResult, TryFromBorrowedObject, VirtualMachine};

use super::chars::Chars;
use super::{encode, from_chars};
use crate::api::check::{allocated, is_bytes, is_str, type_name};
use crate::api::codecs::{self, slice};
use crate::api::{bad_internal_call, border, optional, python, text};
use crate::layout::{Py_ssize_t, PyObject};
use crate::proxy::mirror::bytesobject::contents;
use crate::proxy::mirror::unicodeobject::{empty, from_ascii, from_str};
use crate::proxy::{c_of_owned, vm_of};
use crate::refcount::{decref, xdecref};

/// The encodings that need no codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Utf8,
    Ascii,
    Latin1,
}

/// The encoding of that name, if it is a plain one.
pub(super) fn plain(encoding: &[u8]) -> Option<Plain> {
    if encoding.len() > 16 {
        return None;
    }
    let normal: Vec<u8> = encoding
        .iter()
        .map(|c| match c {
            b'-' | b' ' => b'_',
            c => c.to_ascii_lowercase(),
        })
        .collect();
    match &*normal {
        b"utf_8" | b"utf8" => Some(Plain::Utf8),
        b"ascii" | b"us_ascii" => Some(Plain::Ascii),
        b"latin_1" | b"latin1" | b"iso_8859_1" | b"iso8859_1" => Some(Plain::Latin1),
        _ => None,
    }
}

/// Calls a decoding function of the `_codecs` module.
fn by_codec(
    vm: &VirtualMachine,
    function: &'static str,
    args: impl IntoFuncArgs,
) -> PyResult<*mut PyObject> {
    let (text, _) = python(|| codecs::call(vm, function, args))?;
    Ok(c_of_owned(vm, text))
}

/// Decodes UTF-8.
///
/// # Safety
/// `errors` is NULL or a C string.
pub(super) unsafe fn utf8(
    vm: &VirtualMachine,
    bytes: &[u8],
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    if bytes.is_ascii() {
        return allocated(vm, from_ascii(bytes));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => allocated(vm, from_str(text)),
        Err(_) => {
            // SAFETY: by this function's contract.
            let errors = unsafe { codecs::errors_or_strict(vm, errors)? };
            let bytes = codecs::copied(vm, bytes)?;
            by_codec(vm, "utf_8_decode", (bytes, errors, true))
        }
    }
}

/// Decodes ASCII.
unsafe fn ascii(
    vm: &VirtualMachine,
    bytes: &[u8],
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    if bytes.is_ascii() {
        return allocated(vm, from_ascii(bytes));
    }
    // SAFETY: `errors` is NULL or a C string, by the callers' contract.
    let errors = unsafe { codecs::errors_or_strict(vm, errors)? };
    by_codec(vm, "ascii_decode", (codecs::copied(vm, bytes)?, errors))
}

/// Decodes with the named encoding, UTF-8 for NULL.
///
/// # Safety
/// `encoding` and `errors` are NULL or C strings.
unsafe fn named(
    vm: &VirtualMachine,
    bytes: &[u8],
    encoding: *const c_char,
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    if bytes.is_empty() {
        // Not even the encoding is looked at.
        return Ok(empty());
    }
    // SAFETY: by this function's contract.
    unsafe {
        let plain = if encoding.is_null() {
            Some(Plain::Utf8)
        } else {
            plain(CStr::from_ptr(encoding).to_bytes())
        };
        match plain {
            Some(Plain::Utf8) => utf8(vm, bytes, errors),
            Some(Plain::Ascii) => ascii(vm, bytes, errors),
            Some(Plain::Latin1) => from_chars(vm, Chars::One(bytes)),
            None => {
                let (encoding, errors) = (text(vm, encoding)?, codecs::errors(vm, errors)?);
                let bytes = codecs::copied(vm, bytes)?;
                let codecs = &vm.state.codec_registry;
                let text = python(|| codecs.decode_text(bytes, encoding, errors, vm))?;
                Ok(c_of_owned(vm, text.into()))
            }
        }
    }
}

/// Decodes with the named encoding, UTF-8 for NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Decode(
    s: *const c_char,
    size: Py_ssize_t,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `s` has `size` bytes, the others are NULL or C strings.
    border(|vm| unsafe { named(vm, slice(vm, s, size)?, encoding, errors) })
}

/// Decodes a buffer with the named encoding, UTF-8 for NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromEncodedObject(
    obj: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        if obj.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: `obj` is live, the others are NULL or C strings.
        unsafe {
            if is_bytes(obj) {
                return named(vm, contents(obj), encoding, errors);
            }
            if is_str(obj) {
                return Err(vm.new_type_error("decoding str is not supported"));
            }
            let message = format!(
                "decoding to str: need a bytes-like object, {} found",
                type_name(obj)
            );
            let v = vm_of(vm, obj);
            if !v.check_buffer() {
                return Err(vm.new_type_error(message));
            }
            let bytes = python(|| {
                let buffer = ArgBytesLike::try_from_borrowed_object(vm, &v)?;
                PyResult::Ok(buffer.borrow_buf().to_vec())
            })?;
            named(vm, &bytes, encoding, errors)
        }
    })
}

/// Decodes UTF-8: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF8(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string.
    border(|vm| unsafe { utf8(vm, slice(vm, string, length)?, errors) })
}

/// Decodes ASCII: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeASCII(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string.
    border(|vm| unsafe { ascii(vm, slice(vm, string, length)?, errors) })
}

/// Decodes latin-1: new. There are no errors to handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeLatin1(
    string: *const c_char,
    length: Py_ssize_t,
    _errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `string` has `length` bytes.
    border(|vm| unsafe { from_chars(vm, Chars::One(slice(vm, string, length)?)) })
}

/// Decodes with a stateful function of the `_codecs` module; with `consumed`,
/// what is incomplete at the end is left for the next time.
unsafe fn stateful(
    vm: &VirtualMachine,
    function: &'static str,
    (string, length): (*const c_char, Py_ssize_t),
    errors: *const c_char,
    consumed: *mut Py_ssize_t,
) -> PyResult<*mut PyObject> {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string,
    // `consumed` is NULL or a variable of C's, by the callers' contract.
    unsafe {
        let bytes = codecs::bytes(vm, string, length)?;
        let errors = codecs::errors_or_strict(vm, errors)?;
        let is_final = consumed.is_null();
        let (text, used) = python(|| codecs::call(vm, function, (bytes, errors, is_final)))?;
        if !consumed.is_null() {
            *consumed = used.try_into_value(vm)?;
        }
        Ok(c_of_owned(vm, text))
    }
}

/// Decodes UTF-8: new. With `consumed`, an incomplete character at the end is
/// left for the next time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF8Stateful(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    consumed: *mut Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string,
    // `consumed` is NULL or a variable of C's.
    border(|vm| unsafe {
        let bytes = slice(vm, string, length)?;
        if consumed.is_null() {
            return utf8(vm, bytes, errors);
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            *consumed = length;
            return allocated(vm, from_str(text));
        }
        stateful(vm, "utf_8_decode", (string, length), errors, consumed)
    })
}

/// Decodes UTF-7: new. With `consumed`, what is incomplete at the end is left
/// for the next time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF7Stateful(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    consumed: *mut Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { stateful(vm, "utf_7_decode", (string, length), errors, consumed) })
}

/// Decodes UTF-7: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF7(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { PyUnicode_DecodeUTF7Stateful(string, length, errors, ptr::null_mut()) }
}

/// Decodes UTF-16 or UTF-32. `*byteorder` (may be NULL) is -1, 1, or 0 for the
/// order that a mark at the start says; it is set to what was found.
unsafe fn ordered(
    vm: &VirtualMachine,
    function: &'static str,
    (string, length): (*const c_char, Py_ssize_t),
    errors: *const c_char,
    byteorder: *mut c_int,
    consumed: *mut Py_ssize_t,
) -> PyResult<*mut PyObject> {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string, the
    // others are NULL or variables of C's, by the callers' contract.
    unsafe {
        let bytes = codecs::bytes(vm, string, length)?;
        let errors = codecs::errors_or_strict(vm, errors)?;
        let order = if byteorder.is_null() { 0 } else { *byteorder };
        let args = (bytes, errors, order, consumed.is_null());
        let result: (PyObjectRef, Py_ssize_t, c_int) = python(|| {
            let result = codecs::call_any(vm, function, args)?;
            let parts: Vec<PyObjectRef> = result.try_to_value(vm)?;
            match <[PyObjectRef; 3]>::try_from(parts) {
                Ok([text, used, order]) => {
                    Ok((text, used.try_into_value(vm)?, order.try_into_value(vm)?))
                }
                Err(_) => Err(bad_internal_call(vm)),
            }
        })?;
        let (text, used, order) = result;
        if !byteorder.is_null() {
            *byteorder = order;
        }
        if !consumed.is_null() {
            *consumed = used;
        }
        Ok(c_of_owned(vm, text))
    }
}

/// Decodes UTF-16: new. `*byteorder` (may be NULL) is -1, 1, or 0 for the order
/// that a mark at the start says; it is set to what was found. With
/// `consumed`, what is incomplete at the end is left for the next time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF16Stateful(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    byteorder: *mut c_int,
    consumed: *mut Py_ssize_t,
) -> *mut PyObject {
    let source = (string, length);
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { ordered(vm, "utf_16_ex_decode", source, errors, byteorder, consumed) })
}

/// Decodes UTF-16: new; see [`PyUnicode_DecodeUTF16Stateful`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF16(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    byteorder: *mut c_int,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { PyUnicode_DecodeUTF16Stateful(string, length, errors, byteorder, ptr::null_mut()) }
}

/// Decodes UTF-32: new; see [`PyUnicode_DecodeUTF16Stateful`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF32Stateful(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    byteorder: *mut c_int,
    consumed: *mut Py_ssize_t,
) -> *mut PyObject {
    let source = (string, length);
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { ordered(vm, "utf_32_ex_decode", source, errors, byteorder, consumed) })
}

/// Decodes UTF-32: new; see [`PyUnicode_DecodeUTF16Stateful`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUTF32(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    byteorder: *mut c_int,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { PyUnicode_DecodeUTF32Stateful(string, length, errors, byteorder, ptr::null_mut()) }
}

unsafe fn escaped(
    vm: &VirtualMachine,
    function: &'static str,
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    // SAFETY: `string` has `length` bytes, `errors` is NULL or a C string, by
    // the callers' contract.
    unsafe {
        let bytes = codecs::bytes(vm, string, length)?;
        by_codec(vm, function, (bytes, codecs::errors_or_strict(vm, errors)?))
    }
}

/// Decodes the escapes of Python source text: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeUnicodeEscape(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { escaped(vm, "unicode_escape_decode", string, length, errors) })
}

/// Decodes the escapes of raw Python source text: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeRawUnicodeEscape(
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { escaped(vm, "raw_unicode_escape_decode", string, length, errors) })
}

/// Decodes by a mapping from bytes to characters, latin-1 for NULL: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeCharmap(
    string: *const c_char,
    length: Py_ssize_t,
    mapping: *mut PyObject,
    errors: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `string` has `length` bytes, `mapping` is NULL or live,
        // `errors` is NULL or a C string.
        unsafe {
            if length == 0 {
                return Ok(empty());
            }
            let Some(mapping) = optional(vm, mapping) else {
                return from_chars(vm, Chars::One(slice(vm, string, length)?));
            };
            let bytes = codecs::bytes(vm, string, length)?;
            let errors = codecs::errors_or_strict(vm, errors)?;
            by_codec(vm, "charmap_decode", (bytes, errors, mapping))
        }
    })
}

/// Decodes a file name: UTF-8, with bytes that are none as lone surrogates.
///
/// # Safety
/// The lock is held.
unsafe fn fs_default(vm: &VirtualMachine, bytes: &[u8]) -> PyResult<*mut PyObject> {
    // SAFETY: a C string.
    unsafe { utf8(vm, bytes, c"surrogateescape".as_ptr()) }
}

/// Decodes a file name: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeFSDefault(s: *const c_char) -> *mut PyObject {
    // SAFETY: `s` is a C string.
    border(|vm| unsafe { fs_default(vm, CStr::from_ptr(s).to_bytes()) })
}

/// Decodes a file name: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeFSDefaultAndSize(
    s: *const c_char,
    size: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: `s` has `size` bytes.
    border(|vm| unsafe { fs_default(vm, slice(vm, s, size)?) })
}

/// An `errors` argument of the locale functions, which know two handlers.
///
/// # Safety
/// `errors` is NULL or a C string.
pub(super) unsafe fn locale_errors(
    vm: &VirtualMachine,
    errors: *const c_char,
) -> PyResult<*const c_char> {
    // SAFETY: by this function's contract.
    let known = errors.is_null()
        || matches!(
            unsafe { CStr::from_ptr(errors) }.to_bytes(),
            b"strict" | b"surrogateescape"
        );
    if known {
        Ok(errors)
    } else {
        Err(vm.new_value_error("unsupported error handler"))
    }
}

/// Decodes text of the locale, whose encoding is UTF-8: new. NULs within the
/// `len` bytes are a `ValueError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeLocaleAndSize(
    str: *const c_char,
    len: Py_ssize_t,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `str` has `len` bytes and a NUL behind them, `errors` is NULL or
    // a C string.
    border(|vm| unsafe {
        let errors = locale_errors(vm, errors)?;
        let bytes = slice(vm, str, len)?;
        if bytes.contains(&0) || *str.offset(len) != 0 {
            return Err(vm.new_value_error("embedded null byte"));
        }
        utf8(vm, bytes, errors)
    })
}

/// Decodes text of the locale, whose encoding is UTF-8: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DecodeLocale(
    str: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `str` is a C string, `errors` is NULL or one.
    border(|vm| unsafe {
        utf8(
            vm,
            CStr::from_ptr(str).to_bytes(),
            locale_errors(vm, errors)?,
        )
    })
}

/// For `PyArg_Parse`'s `O&`: a path as a `str`, new, in the variable at
/// `addr`. With NULL for the path, drops what is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FSDecoder(
    arg: *mut PyObject,
    addr: *mut std::ffi::c_void,
) -> c_int {
    // SAFETY: `arg` is NULL or live, `addr` is a variable of C's.
    border(|vm| unsafe {
        let result = addr.cast::<*mut PyObject>();
        if arg.is_null() {
            xdecref(ptr::replace(result, ptr::null_mut()));
            return Ok(1);
        }
        let path = encode::fspath(vm, arg)?;
        let text = if is_str(path) {
            path
        } else {
            let text = fs_default(vm, contents(path));
            decref(path);
            text?
        };
        if Chars::of(text).iter().any(|c| c == 0) {
            decref(text);
            return Err(vm.new_value_error("embedded null character"));
        }
        *result = text;
        Ok(encode::Py_CLEANUP_SUPPORTED)
    })
    .max(0)
}

/// The VM's string that something decoded to.
pub(super) fn expect_str(vm: &VirtualMachine, v: PyObjectRef, what: &str) -> PyResult {
    if v.downcastable::<PyStr>() {
        return Ok(v);
    }
    let name = v.class().name().to_string();
    Err(vm.new_type_error(format!("{what} returned '{name}' instead of 'str'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_encodings_are_known_by_their_names() {
        assert_eq!(plain(b"UTF-8"), Some(Plain::Utf8));
        assert_eq!(plain(b"utf8"), Some(Plain::Utf8));
        assert_eq!(plain(b"US-ASCII"), Some(Plain::Ascii));
        assert_eq!(plain(b"ISO-8859-1"), Some(Plain::Latin1));
        assert_eq!(plain(b"utf-8-sig"), None);
        assert_eq!(plain(b"a name longer than any of them"), None);
    }
}
