//! From strings to bytes.
//!
//! What is valid UTF-8, ASCII or latin-1 is encoded in C memory; the VM's
//! codecs do the rest, errors included.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rustpython_vm::builtins::{PyBytes, PyStr};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::chars::{Chars, to_utf8, utf8_len};
use super::decode::{self, Plain};
use super::{checked, pystr, state};
use crate::api::check::{allocated, bad_argument, is_bytes, is_str, type_name};
use crate::api::{border, codecs, object, optional, python, text};
use crate::layout::PyObject;
use crate::proxy::mirror::bytesobject::{contents, from_slice};
use crate::proxy::{c_of_owned, vm_of};
use crate::refcount::{decref, incref, xdecref};

/// What a converter of `O&` returns when it wants to be called again to clean up.
pub(super) const Py_CLEANUP_SUPPORTED: c_int = 0x20000;

/// Calls an encoding function of the `_codecs` module.
unsafe fn by_codec(
    vm: &VirtualMachine,
    function: &'static str,
    p: *mut PyObject,
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    // SAFETY: `p` is a live `str`, `errors` NULL or a C string, by the
    // callers' contract.
    let args = unsafe { (vm_of(vm, p), codecs::errors_or_strict(vm, errors)?) };
    let (bytes, _) = python(|| codecs::call(vm, function, args))?;
    Ok(c_of_owned(vm, bytes))
}

/// Encodes without a codec, if that is possible.
unsafe fn fast(
    vm: &VirtualMachine,
    encoding: Plain,
    p: *mut PyObject,
) -> PyResult<Option<*mut PyObject>> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        let chars = Chars::of(p);
        match (chars, encoding) {
            (Chars::One(s), _) if state(p).ascii() => allocated(vm, from_slice(s)).map(Some),
            (Chars::One(s), Plain::Latin1) => allocated(vm, from_slice(s)).map(Some),
            (_, Plain::Utf8) => {
                let mut utf8 = Vec::with_capacity(utf8_len(chars));
                match to_utf8(chars, &mut utf8) {
                    Ok(()) => allocated(vm, from_slice(&utf8)).map(Some),
                    Err(_) => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }
}

unsafe fn plainly(
    vm: &VirtualMachine,
    encoding: Plain,
    p: *mut PyObject,
    errors: *const c_char,
) -> PyResult<*mut PyObject> {
    // SAFETY: `p` is a live `str`, `errors` NULL or a C string, by the
    // callers' contract.
    unsafe {
        if let Some(bytes) = fast(vm, encoding, p)? {
            return Ok(bytes);
        }
        let function = match encoding {
            Plain::Utf8 => "utf_8_encode",
            Plain::Ascii => "ascii_encode",
            Plain::Latin1 => "latin_1_encode",
        };
        by_codec(vm, function, p, errors)
    }
}

/// Encodes with the named encoding, UTF-8 for NULL: new `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsEncodedString(
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the argument is NULL or live, and a `str` once checked; the
    // others are NULL or C strings.
    border(|vm| unsafe {
        let p = checked(vm, unicode)?;
        let plain = if encoding.is_null() {
            Some(Plain::Utf8)
        } else {
            decode::plain(CStr::from_ptr(encoding).to_bytes())
        };
        if let Some(plain) = plain {
            return plainly(vm, plain, p, errors);
        }
        let (encoding, errors) = (text(vm, encoding)?, codecs::errors(vm, errors)?);
        let text = pystr(vm, p)?;
        let codecs = &vm.state.codec_registry;
        let bytes = python(|| codecs.encode_text(text, encoding, errors, vm))?;
        Ok(c_of_owned(vm, bytes.into()))
    })
}

macro_rules! encoders {
    ($($(#[$doc:meta])* $name:ident = $vm:ident, $p:ident => $body:expr;)*) => {$(
        $(#[$doc])*
        /// New `bytes`; strict.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(unicode: *mut PyObject) -> *mut PyObject {
            // SAFETY: the argument is NULL or live, and a `str` once checked.
            border(|$vm| unsafe {
                let $p = checked($vm, unicode)?;
                $body
            })
        }
    )*};
}

encoders! {
    /// As UTF-8.
    PyUnicode_AsUTF8String = vm, p => plainly(vm, Plain::Utf8, p, ptr::null());
    /// As latin-1.
    PyUnicode_AsLatin1String = vm, p => plainly(vm, Plain::Latin1, p, ptr::null());
    /// As ASCII.
    PyUnicode_AsASCIIString = vm, p => plainly(vm, Plain::Ascii, p, ptr::null());
    /// As UTF-16 in native order, with a mark.
    PyUnicode_AsUTF16String = vm, p => by_codec(vm, "utf_16_encode", p, ptr::null());
    /// As UTF-32 in native order, with a mark.
    PyUnicode_AsUTF32String = vm, p => by_codec(vm, "utf_32_encode", p, ptr::null());
    /// With the escapes of Python source text.
    PyUnicode_AsUnicodeEscapeString = vm, p => by_codec(vm, "unicode_escape_encode", p, ptr::null());
    /// With the escapes of raw Python source text.
    PyUnicode_AsRawUnicodeEscapeString = vm, p => by_codec(vm, "raw_unicode_escape_encode", p, ptr::null());
}

/// Encodes by a mapping from characters to bytes: new `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsCharmapString(
    unicode: *mut PyObject,
    mapping: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let mapping = optional(vm, mapping).ok_or_else(|| bad_argument(vm))?;
        let text = pystr(vm, checked(vm, unicode)?)?;
        let (bytes, _) = python(|| codecs::call(vm, "charmap_encode", (text, "strict", mapping)))?;
        Ok(bytes)
    })
}

/// The mapping that `PyUnicode_AsCharmapString` wants, from a string of 256
/// characters: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_BuildEncodingMap(string: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe {
        if !is_str(string) || Chars::of(string).len() == 0 {
            return Err(bad_argument(vm));
        }
        let text = pystr(vm, string)?;
        python(|| codecs::call_any(vm, "charmap_build", (text,)))
    })
}

// File names and the locale: UTF-8, where lone surrogates stand for other bytes.

unsafe fn fs_default(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe { plainly(vm, Plain::Utf8, p, c"surrogateescape".as_ptr()) }
}

/// Encodes a file name: new `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_EncodeFSDefault(unicode: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live, and a `str` once checked.
    border(|vm| unsafe { fs_default(vm, checked(vm, unicode)?) })
}

/// Encodes text for the locale, whose encoding is UTF-8: new `bytes`. NULs are
/// a `ValueError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_EncodeLocale(
    unicode: *mut PyObject,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the argument is NULL or live, and a `str` once checked; `errors`
    // is NULL or a C string.
    border(|vm| unsafe {
        let errors = decode::locale_errors(vm, errors)?;
        let p = checked(vm, unicode)?;
        if Chars::of(p).iter().any(|c| c == 0) {
            return Err(vm.new_value_error("embedded null character"));
        }
        plainly(vm, Plain::Utf8, p, errors)
    })
}

/// A path argument as a `str` or `bytes`: new.
///
/// # Safety
/// `p` is live; the lock is held.
pub(super) unsafe fn fspath(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: by this function's contract.
    unsafe {
        if is_str(p) || is_bytes(p) {
            incref(p);
            return Ok(p);
        }
        let name = type_name(p).into_owned();
        let v = vm_of(vm, p);
        let path = python(|| {
            let method = vm
                .get_attribute_opt(v.class().as_object(), "__fspath__")?
                .ok_or_else(|| {
                    vm.new_type_error(format!(
                        "expected str, bytes or os.PathLike object, not {name}"
                    ))
                })?;
            let path = method.call((v.clone(),), vm)?;
            if path.downcastable::<PyStr>() || path.downcastable::<PyBytes>() {
                return Ok(path);
            }
            Err(vm.new_type_error(format!(
                "expected {name}.__fspath__() to return str or bytes, not {}",
                path.class().name()
            )))
        })?;
        Ok(c_of_owned(vm, path))
    }
}

/// For `PyArg_Parse`'s `O&`: a path as `bytes`, new, in the variable at
/// `addr`. With NULL for the path, drops what is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FSConverter(arg: *mut PyObject, addr: *mut c_void) -> c_int {
    // SAFETY: `arg` is NULL or live, `addr` is a variable of C's.
    border(|vm| unsafe {
        let result = addr.cast::<*mut PyObject>();
        if arg.is_null() {
            xdecref(ptr::replace(result, ptr::null_mut()));
            return Ok(1);
        }
        let path = fspath(vm, arg)?;
        let bytes = if is_bytes(path) {
            path
        } else {
            let bytes = fs_default(vm, path);
            decref(path);
            bytes?
        };
        if contents(bytes).contains(&0) {
            decref(bytes);
            return Err(vm.new_value_error("embedded null byte"));
        }
        *result = bytes;
        Ok(Py_CLEANUP_SUPPORTED)
    })
    .max(0)
}

// What is deprecated since 3.6, and still in the stable ABI.

/// Warns that `old` is deprecated and encodes or decodes with the registry.
unsafe fn deprecated(
    vm: &VirtualMachine,
    old: &str,
    new: &str,
    decode: bool,
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> PyResult<PyObjectRef> {
    // SAFETY: the argument is NULL or live, the others are NULL or C strings,
    // by the callers' contract.
    let (v, encoding, errors) = unsafe {
        let encoding = if encoding.is_null() {
            c"utf-8".as_ptr()
        } else {
            encoding
        };
        (
            object(vm, checked(vm, unicode)?)?,
            text(vm, encoding)?,
            codecs::errors(vm, errors)?,
        )
    };
    let message = vm.ctx.new_str(format!("{old}() is deprecated; use {new}"));
    let category = vm.ctx.exceptions.deprecation_warning.to_owned();
    let codecs = &vm.state.codec_registry;
    python(|| {
        rustpython_vm::warn::warn(message.into(), Some(category), 1, None, vm)?;
        if decode {
            codecs.decode(v, encoding, errors, vm)
        } else {
            codecs.encode(v, encoding, errors, vm)
        }
    })
}

const INSTEAD_OF_ENCODE: &str = "PyUnicode_AsEncodedString() to encode from str to bytes or \
                                 PyCodec_Encode() for generic encoding";
const INSTEAD_OF_DECODE: &str = "PyCodec_Decode() to decode from str";

/// Encodes with whatever codec: new. Deprecated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsEncodedObject(
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    let name = "PyUnicode_AsEncodedObject";
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe {
        deprecated(
            vm,
            name,
            INSTEAD_OF_ENCODE,
            false,
            unicode,
            encoding,
            errors,
        )
    })
}

/// Encodes from `str` to `str`: new. Deprecated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsEncodedUnicode(
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    let name = "PyUnicode_AsEncodedUnicode";
    let instead = "PyCodec_Encode() to encode from str to str";
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe {
        let v = deprecated(vm, name, instead, false, unicode, encoding, errors)?;
        decode::expect_str(vm, v, "encoder")
    })
}

/// Decodes with whatever codec: new. Deprecated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsDecodedObject(
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    let name = "PyUnicode_AsDecodedObject";
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe { deprecated(vm, name, INSTEAD_OF_DECODE, true, unicode, encoding, errors) })
}

/// Decodes from `str` to `str`: new. Deprecated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsDecodedUnicode(
    unicode: *mut PyObject,
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    let name = "PyUnicode_AsDecodedUnicode";
    let instead = "PyCodec_Decode() to decode from str to str";
    // SAFETY: the caller's contract is the same.
    border(|vm| unsafe {
        let v = deprecated(vm, name, instead, true, unicode, encoding, errors)?;
        decode::expect_str(vm, v, "decoder")
    })
}
