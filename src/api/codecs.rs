//! `codecs.h`: the VM's codec registry and its error handlers.

use std::ffi::{CStr, c_char, c_int};

use rustpython_vm::builtins::{PyStrRef, PyTuple, PyUtf8Str, PyUtf8StrRef};
use rustpython_vm::function::IntoFuncArgs;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::check::bad_argument;
use super::{border, object, python, text};
use crate::layout::{Py_ssize_t, PyObject};

/// An `errors` argument: `None` for NULL, which means strict.
///
/// # Safety
/// `errors` is NULL or a C string.
pub(super) unsafe fn errors(
    vm: &VirtualMachine,
    errors: *const c_char,
) -> PyResult<Option<PyUtf8StrRef>> {
    if errors.is_null() {
        return Ok(None);
    }
    // SAFETY: by this function's contract.
    Ok(Some(vm.ctx.new_utf8_str(unsafe { text(vm, errors)? })))
}

/// An `errors` argument as an object, `"strict"` for NULL.
///
/// # Safety
/// As for [`errors`].
pub(super) unsafe fn errors_or_strict(
    vm: &VirtualMachine,
    errors: *const c_char,
) -> PyResult<PyObjectRef> {
    if errors.is_null() {
        return Ok(vm.ctx.intern_str("strict").to_object());
    }
    // SAFETY: by this function's contract.
    Ok(vm.ctx.new_str(unsafe { text(vm, errors)? }).into())
}

/// The name of an encoding; `TypeError` for NULL.
///
/// # Safety
/// `encoding` is NULL or a C string that outlives the result's use.
unsafe fn named<'a>(vm: &VirtualMachine, encoding: *const c_char) -> PyResult<&'a str> {
    if encoding.is_null() {
        return Err(bad_argument(vm));
    }
    // SAFETY: by this function's contract.
    unsafe { text(vm, encoding) }
}

/// A buffer argument as `bytes`; a negative length is a `SystemError`.
///
/// # Safety
/// `s` has `len` bytes.
pub(super) unsafe fn bytes(
    vm: &VirtualMachine,
    s: *const c_char,
    len: Py_ssize_t,
) -> PyResult<PyObjectRef> {
    // SAFETY: by this function's contract.
    copied(vm, unsafe { slice(vm, s, len)? })
}

/// A `bytes` of the VM's with these contents.
pub(super) fn copied(vm: &VirtualMachine, bytes: &[u8]) -> PyResult<PyObjectRef> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| vm.no_memory_error())?;
    copy.extend_from_slice(bytes);
    Ok(vm.ctx.new_bytes(copy).into())
}

/// No buffer is longer: what a process can address.
const ADDRESSABLE: usize = 1 << 47;

/// A buffer argument; a negative length is a `SystemError`.
///
/// # Safety
/// `s` has `len` bytes, and outlives the result's use.
pub(super) unsafe fn slice<'a>(
    vm: &VirtualMachine,
    s: *const c_char,
    len: Py_ssize_t,
) -> PyResult<&'a [u8]> {
    match usize::try_from(len) {
        Ok(0) => Ok(&[]),
        Ok(ADDRESSABLE..) => Err(vm.no_memory_error()),
        // SAFETY: by this function's contract.
        Ok(len) if !s.is_null() => Ok(unsafe { std::slice::from_raw_parts(s.cast(), len) }),
        _ => Err(super::bad_internal_call(vm)),
    }
}

/// Calls one of the functions of the `_codecs` module: its result and how
/// much of the input it used. May run Python code.
pub(super) fn call(
    vm: &VirtualMachine,
    function: &'static str,
    args: impl IntoFuncArgs,
) -> PyResult<(PyObjectRef, PyObjectRef)> {
    let result = call_any(vm, function, args)?;
    match result.downcast_ref::<PyTuple>().map(|t| t.as_slice()) {
        Some([result, used, ..]) => Ok((result.clone(), used.clone())),
        _ => Err(vm.new_type_error(format!("{function} must return a tuple (object, integer)"))),
    }
}

/// Calls one of the functions of the `_codecs` module. May run Python code.
pub(super) fn call_any(
    vm: &VirtualMachine,
    function: &'static str,
    args: impl IntoFuncArgs,
) -> PyResult {
    vm.import("_codecs", 0)?
        .get_attr(function, vm)?
        .call(args, vm)
}

/// The codec's parts by their place in the tuple that codecs are.
mod part {
    pub const ENCODER: usize = 0;
    pub const DECODER: usize = 1;
    pub const STREAM_READER: usize = 2;
    pub const STREAM_WRITER: usize = 3;
}

fn lookup(vm: &VirtualMachine, encoding: &str) -> PyResult<PyRef<PyTuple>> {
    let codec = vm.state.codec_registry.lookup(encoding, vm)?;
    Ok(codec.into_tuple())
}

fn codec_part(vm: &VirtualMachine, encoding: &str, index: usize) -> PyResult {
    Ok(lookup(vm, encoding)?.as_slice()[index].clone())
}

fn arguments(first: Option<PyObjectRef>, errors: Option<PyUtf8StrRef>) -> Vec<PyObjectRef> {
    first
        .into_iter()
        .chain(
            errors
                .map(PyRef::<PyUtf8Str>::into_wtf8)
                .map(PyStrRef::into),
        )
        .collect()
}

/// Registers a search function, which stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Register(search_function: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the argument is NULL or live.
        let function = unsafe { super::optional(vm, search_function) };
        let function = function.ok_or_else(|| bad_argument(vm))?;
        vm.state.codec_registry.register(function, vm)
    })
}

/// Takes a search function out again; nothing happens when it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Unregister(search_function: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the argument is NULL or live.
        let function = unsafe { object(vm, search_function)? };
        vm.state.codec_registry.unregister(&function);
        Ok(())
    })
}

/// 1 or 0: whether there is a codec. Never an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_KnownEncoding(encoding: *const c_char) -> c_int {
    border(|vm| {
        // SAFETY: `encoding` is a C string.
        let Ok(encoding) = (unsafe { named(vm, encoding) }) else {
            return Ok(0);
        };
        Ok(c_int::from(python(|| lookup(vm, encoding)).is_ok()))
    })
}

/// Encodes with whatever codec: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Encode(
    object_: *mut PyObject,
    encoding: *const c_char,
    errors_: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `object_` is NULL or live, the others are NULL or C strings.
        let (v, encoding, errors) = unsafe {
            (
                object_or_bad(vm, object_)?,
                named(vm, encoding)?,
                errors(vm, errors_)?,
            )
        };
        python(|| vm.state.codec_registry.encode(v, encoding, errors, vm))
    })
}

/// Decodes with whatever codec: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Decode(
    object_: *mut PyObject,
    encoding: *const c_char,
    errors_: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `object_` is NULL or live, the others are NULL or C strings.
        let (v, encoding, errors) = unsafe {
            (
                object_or_bad(vm, object_)?,
                named(vm, encoding)?,
                errors(vm, errors_)?,
            )
        };
        python(|| vm.state.codec_registry.decode(v, encoding, errors, vm))
    })
}

/// The codec's encoding function: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Encoder(encoding: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `encoding` is a C string.
        let encoding = unsafe { named(vm, encoding)? };
        python(|| codec_part(vm, encoding, part::ENCODER))
    })
}

/// The codec's decoding function: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_Decoder(encoding: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `encoding` is a C string.
        let encoding = unsafe { named(vm, encoding)? };
        python(|| codec_part(vm, encoding, part::DECODER))
    })
}

unsafe fn incremental(
    vm: &VirtualMachine,
    attribute: &'static str,
    encoding: *const c_char,
    errors_: *const c_char,
) -> PyResult {
    // SAFETY: the callers' arguments are NULL or C strings.
    let (encoding, errors) = unsafe { (named(vm, encoding)?, errors(vm, errors_)?) };
    python(|| {
        let codec: PyObjectRef = lookup(vm, encoding)?.into();
        codec
            .get_attr(attribute, vm)?
            .call(arguments(None, errors), vm)
    })
}

/// An incremental encoder: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_IncrementalEncoder(
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or C strings.
    border(|vm| unsafe { incremental(vm, "incrementalencoder", encoding, errors) })
}

/// An incremental decoder: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_IncrementalDecoder(
    encoding: *const c_char,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or C strings.
    border(|vm| unsafe { incremental(vm, "incrementaldecoder", encoding, errors) })
}

unsafe fn stream_codec(
    vm: &VirtualMachine,
    index: usize,
    encoding: *const c_char,
    stream: *mut PyObject,
    errors_: *const c_char,
) -> PyResult {
    // SAFETY: `stream` is NULL or live, the others are NULL or C strings.
    let (encoding, stream, errors) = unsafe {
        (
            named(vm, encoding)?,
            object(vm, stream)?,
            errors(vm, errors_)?,
        )
    };
    python(|| codec_part(vm, encoding, index)?.call(arguments(Some(stream), errors), vm))
}

/// A reader of the encoded stream: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_StreamReader(
    encoding: *const c_char,
    stream: *mut PyObject,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `stream` is NULL or live, the others are NULL or C strings.
    border(|vm| unsafe { stream_codec(vm, part::STREAM_READER, encoding, stream, errors) })
}

/// A writer to the encoded stream: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_StreamWriter(
    encoding: *const c_char,
    stream: *mut PyObject,
    errors: *const c_char,
) -> *mut PyObject {
    // SAFETY: `stream` is NULL or live, the others are NULL or C strings.
    border(|vm| unsafe { stream_codec(vm, part::STREAM_WRITER, encoding, stream, errors) })
}

/// Registers an error handler, which stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_RegisterError(name: *const c_char, error: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: `name` is a C string, `error` is NULL or live.
        let (name, handler) = unsafe { (text(vm, name)?, object(vm, error)?) };
        if !handler.is_callable() {
            return Err(vm.new_type_error("handler must be callable"));
        }
        vm.state
            .codec_registry
            .register_error(name.to_owned(), handler);
        Ok(())
    })
}

/// The error handler of that name, `strict` for NULL: new; `LookupError` when
/// there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_LookupError(name: *const c_char) -> *mut PyObject {
    border(|vm| {
        let name = if name.is_null() {
            c"strict"
        } else {
            // SAFETY: `name` is a C string.
            unsafe { CStr::from_ptr(name) }
        };
        // SAFETY: a C string.
        let name = unsafe { text(vm, name.as_ptr())? };
        vm.state.codec_registry.lookup_error(name, vm)
    })
}

/// An object argument; `TypeError` for NULL.
unsafe fn object_or_bad(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    // SAFETY: the callers' argument is NULL or live.
    unsafe { super::optional(vm, p) }.ok_or_else(|| bad_argument(vm))
}

/// What the built-in error handler makes of an exception.
unsafe fn handle(vm: &VirtualMachine, name: &str, exception: *mut PyObject) -> PyResult {
    // SAFETY: the callers' argument is NULL or live.
    let exception = unsafe { object(vm, exception)? };
    let handler = vm.state.codec_registry.lookup_error(name, vm)?;
    python(|| {
        if name == "strict" {
            return handler.call((exception,), vm);
        }
        match in_range(vm, name, &exception)? {
            InRange::Handle(exception) => handler.call((exception,), vm),
            InRange::Done(replacement, end) => Ok(vm
                .ctx
                .new_tuple(vec![replacement, vm.ctx.new_int(end).into()])
                .into()),
        }
    })
}

/// What there is to do about the part of the object that an exception names.
enum InRange {
    Handle(PyObjectRef),
    /// There is no such part: this is the answer.
    Done(PyObjectRef, isize),
}

/// Brings the part that a `UnicodeError` names into its object, which the
/// VM's handlers take for granted.
fn in_range(vm: &VirtualMachine, name: &str, exception: &VmObject) -> PyResult<InRange> {
    let types = &vm.ctx.exceptions;
    let decoding = exception.fast_isinstance(types.unicode_decode_error);
    let encoding = exception.fast_isinstance(types.unicode_encode_error);
    let same = || Ok(InRange::Handle(exception.to_owned()));
    let known = match name {
        "namereplace" | "xmlcharrefreplace" => encoding,
        _ => encoding || decoding || exception.fast_isinstance(types.unicode_translate_error),
    };
    if !known {
        return same();
    }
    let part = exception.get_attr("object", vm)?;
    let given_start: isize = exception.get_attr("start", vm)?.try_into_value(vm)?;
    let given_end: isize = exception.get_attr("end", vm)?.try_into_value(vm)?;
    let (start, end) = adjusted(part.length(vm)? as isize, given_start, given_end);
    if end <= start {
        let text = if decoding && name == "replace" {
            "\u{fffd}"
        } else {
            ""
        };
        return Ok(InRange::Done(vm.ctx.new_str(text).into(), end));
    }
    if (start, end) == (given_start, given_end) {
        return same();
    }
    let mut args = Vec::new();
    if decoding || encoding {
        args.push(exception.get_attr("encoding", vm)?);
    }
    args.push(part);
    args.push(vm.ctx.new_int(start).into());
    args.push(vm.ctx.new_int(end).into());
    args.push(exception.get_attr("reason", vm)?);
    let class = if decoding {
        types.unicode_decode_error
    } else if encoding {
        types.unicode_encode_error
    } else {
        types.unicode_translate_error
    };
    Ok(InRange::Handle(vm.invoke_exception(class, args)?.into()))
}

/// CPython's way of bringing `start..end` into an object of `len` units.
fn adjusted(len: isize, start: isize, end: isize) -> (isize, isize) {
    let start = start.min(len - 1).max(0);
    (start, end.max(1).min(len))
}

/// The error handler `strict`: always fails, with the exception given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_StrictErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "strict", exc) })
}

/// The error handler `ignore`: a tuple of replacement and position, new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_IgnoreErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "ignore", exc) })
}

/// The error handler `replace`: a tuple of replacement and position, new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_ReplaceErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "replace", exc) })
}

/// The error handler `xmlcharrefreplace`: a tuple of replacement and position, new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_XMLCharRefReplaceErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "xmlcharrefreplace", exc) })
}

/// The error handler `backslashreplace`: a tuple of replacement and position, new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_BackslashReplaceErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "backslashreplace", exc) })
}

/// The error handler `namereplace`: a tuple of replacement and position, new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCodec_NameReplaceErrors(exc: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is NULL or live.
    border(|vm| unsafe { handle(vm, "namereplace", exc) })
}

#[cfg(test)]
mod tests {
    use super::adjusted;

    #[test]
    fn positions_of_errors_are_adjusted() {
        assert_eq!(adjusted(3, -2, 9), (0, 3));
        assert_eq!(adjusted(3, 5, 0), (2, 1));
        assert_eq!(adjusted(0, 1, 1), (0, 0));
        assert_eq!(adjusted(3, 1, 2), (1, 2));
    }
}
