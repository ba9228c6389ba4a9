//! `unicodeobject.h` and `cpython/unicodeobject.h`.
//!
//! Strings live in C memory: what makes, reads, compares and searches them
//! never enters the VM. What Python has as methods of `str` the VM does.

pub(crate) mod chars;
pub mod ctype;
mod decode;
mod encode;
mod methods;
mod writer;

pub use decode::*;
pub use encode::*;
pub use writer::*;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rustpython_vm::builtins::{PyStr, PyStrRef};
use rustpython_vm::{PyResult, VirtualMachine};

use super::check::{Refs, allocated, bad_argument, is_paired, is_str, is_unshared, type_name};
use super::{Nothing, bad_internal_call, border};
use crate::layout::{
    _Py_Identifier, _PyUnicodeObject_state, Py_UCS4, Py_ssize_t, PyASCIIObject,
    PyCompactUnicodeObject, PyObject, PyUnicode_1BYTE_KIND, PyUnicode_2BYTE_KIND,
    PyUnicode_4BYTE_KIND, SSTATE_INTERNED_IMMORTAL, SSTATE_INTERNED_MORTAL, SSTATE_NOT_INTERNED,
};
use crate::proxy::mirror::unicodeobject::{
    data, empty, from_ascii, from_str, latin1, new_compact, to_pystr,
};
use crate::proxy::{arena, c_of, link_strong, linked, vm_of};
use crate::refcount::{decref, incref, xdecref};
use crate::thread::error;
use crate::types::statics::is_exact_str;
use chars::{Chars, max_of_kind, range, to_utf8, utf8_len};

const MAX_UNICODE: u32 = 0x10_ffff;
/// `wchar_t` here.
type WChar = libc::wchar_t;

/// A string of these characters, fresh or immortal.
fn from_chars(vm: &VirtualMachine, chars: Chars<'_>) -> PyResult<*mut PyObject> {
    match (chars.len(), chars.get(0)) {
        (0, _) => return Ok(empty()),
        (1, Some(c @ 0..=0xff)) => return Ok(latin1(c as u8)),
        _ => {}
    }
    let p = allocated(vm, new_compact(chars.len(), chars.max()))?;
    // SAFETY: the fresh string has room for the characters.
    unsafe {
        let (kind, to, _) = data(p);
        chars.copy_to(kind, to);
    }
    Ok(p)
}

/// The argument, which must be a `str`; else `TypeError` as of
/// `PyErr_BadArgument`.
unsafe fn checked(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' argument is NULL or live.
    if unsafe { is_str(p) } {
        Ok(p)
    } else {
        Err(bad_argument(vm))
    }
}

/// The argument, which must be a `str`; else a `TypeError` that names its type.
unsafe fn ensure(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' argument is NULL or live.
    unsafe {
        if p.is_null() {
            return Err(super::null_argument(vm));
        }
        if is_str(p) {
            Ok(p)
        } else {
            Err(vm.new_type_error(format!("must be str, not {}", type_name(p))))
        }
    }
}

/// The VM's string of the `str` `p`.
unsafe fn pystr(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyStrRef> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe { vm_of(vm, p) }
        .downcast::<PyStr>()
        .map_err(|_| bad_internal_call(vm))
}

unsafe fn state(p: *mut PyObject) -> _PyUnicodeObject_state {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe { (*p.cast::<PyASCIIObject>()).state }
}

/// Whether the string may be changed in place: only the caller has it, and
/// nobody has computed anything from it.
unsafe fn is_modifiable(p: *mut PyObject) -> bool {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        is_exact_str((*p).ob_type)
            && is_unshared(p)
            && (*p.cast::<PyASCIIObject>()).hash == -1
            && state(p).interned() == SSTATE_NOT_INTERNED
    }
}

unsafe fn check_modifiable(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<()> {
    // SAFETY: the callers' contract is the same.
    if unsafe { is_modifiable(p) } {
        Ok(())
    } else {
        Err(vm.new_system_error("Cannot modify a string currently used"))
    }
}

fn index_error(vm: &VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_index_error("string index out of range")
}

/// Turns an error into the result -2.
fn or_minus_two(vm: &VirtualMachine, result: PyResult<Py_ssize_t>) -> PyResult<Py_ssize_t> {
    Ok(result.unwrap_or_else(|e| {
        error::set(vm, &e);
        -2
    }))
}

// Making strings.

/// A string of `size` characters up to `maxchar`, to be filled: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_New(size: Py_ssize_t, maxchar: Py_UCS4) -> *mut PyObject {
    if size > 0 && maxchar <= MAX_UNICODE {
        let p = new_compact(size as usize, maxchar);
        if !p.is_null() {
            return p;
        }
    }
    border(|vm| {
        if size == 0 {
            return Ok(empty());
        }
        if maxchar > MAX_UNICODE {
            return Err(vm.new_system_error("invalid maximum character passed to PyUnicode_New"));
        }
        let len = usize::try_from(size)
            .map_err(|_| vm.new_system_error("Negative size passed to PyUnicode_New"))?;
        allocated(vm, new_compact(len, maxchar))
    })
}

/// The string of UTF-8 text: new. NULL without an exception when it is no UTF-8
/// or memory is out.
#[inline]
fn from_utf8(bytes: &[u8]) -> *mut PyObject {
    if bytes.is_ascii() {
        return from_ascii(bytes);
    }
    std::str::from_utf8(bytes).map_or(ptr::null_mut(), from_str)
}

/// The string of UTF-8 text: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromString(u: *const c_char) -> *mut PyObject {
    if !u.is_null() {
        // SAFETY: `u` is a C string.
        let p = from_utf8(unsafe { CStr::from_ptr(u) }.to_bytes());
        if !p.is_null() {
            return p;
        }
    }
    // SAFETY: `u` is a C string.
    border(|vm| unsafe { decode::utf8(vm, CStr::from_ptr(u).to_bytes(), ptr::null()) })
}

/// The string of `size` bytes of UTF-8 text: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromStringAndSize(
    u: *const c_char,
    size: Py_ssize_t,
) -> *mut PyObject {
    if !u.is_null() && size > 0 {
        // SAFETY: `u` has `size` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(u.cast::<u8>(), size as usize) };
        let p = from_utf8(bytes);
        if !p.is_null() {
            return p;
        }
    }
    border(|vm| {
        if size < 0 {
            return Err(vm.new_system_error("Negative size passed to PyUnicode_FromStringAndSize"));
        }
        if u.is_null() && size > 0 {
            return Err(vm.new_system_error(
                "NULL string with positive size with NULL passed to PyUnicode_FromStringAndSize",
            ));
        }
        // SAFETY: `u` has `size` bytes.
        unsafe { decode::utf8(vm, super::codecs::slice(vm, u, size)?, ptr::null()) }
    })
}

/// The string of `size` code units of `kind` bytes each, which need not be
/// the narrowest: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromKindAndData(
    kind: c_int,
    buffer: *const c_void,
    size: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        let len = usize::try_from(size).map_err(|_| vm.new_value_error("size must be positive"))?;
        // SAFETY: `buffer` has `size` units of that width, aligned as such.
        let chars = unsafe {
            match kind as u32 {
                PyUnicode_1BYTE_KIND | PyUnicode_2BYTE_KIND | PyUnicode_4BYTE_KIND if len == 0 => {
                    return Ok(empty());
                }
                PyUnicode_1BYTE_KIND => Chars::One(std::slice::from_raw_parts(buffer.cast(), len)),
                PyUnicode_2BYTE_KIND => Chars::Two(std::slice::from_raw_parts(buffer.cast(), len)),
                PyUnicode_4BYTE_KIND => Chars::Four(std::slice::from_raw_parts(buffer.cast(), len)),
                _ => return Err(vm.new_system_error("invalid kind")),
            }
        };
        if chars.max() > MAX_UNICODE {
            return Err(vm.new_system_error("invalid maximum character passed to PyUnicode_New"));
        }
        from_chars(vm, chars)
    })
}

/// The string of one character: new; `ValueError` for what is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromOrdinal(ordinal: c_int) -> *mut PyObject {
    border(|vm| match u32::try_from(ordinal) {
        Ok(c @ 0..=MAX_UNICODE) => from_chars(vm, Chars::Four(&[c])),
        _ => Err(vm.new_value_error("chr() arg not in range(0x110000)")),
    })
}

/// The object itself when it is exactly a `str`, or a copy as one: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromObject(obj: *mut PyObject) -> *mut PyObject {
    // SAFETY: `obj` is NULL or live.
    border(|vm| unsafe {
        if !is_str(obj) {
            if obj.is_null() {
                return Err(super::null_argument(vm));
            }
            let name = type_name(obj);
            return Err(
                vm.new_type_error(format!("Can't convert '{name}' object to str implicitly"))
            );
        }
        exact(vm, obj)
    })
}

/// The string itself when it is exactly a `str`, or a copy as one: new.
unsafe fn exact(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        if is_exact_str((*p).ob_type) {
            incref(p);
            return Ok(p);
        }
        from_chars(vm, Chars::of(p))
    }
}

/// The string of `size` wide characters, or up to the NUL when that is -1: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromWideChar(
    w: *const WChar,
    size: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: `w` has as many characters.
    border(|vm| from_chars(vm, Chars::Four(unsafe { wide(vm, w, size)? })))
}

/// A wide character argument, whose `size` -1 means up to the NUL.
unsafe fn wide<'a>(vm: &VirtualMachine, w: *const WChar, size: Py_ssize_t) -> PyResult<&'a [u32]> {
    if size == 0 {
        return Ok(&[]);
    }
    if w.is_null() || size < -1 {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: `w` has as many characters, by the callers' contract.
    let all = unsafe {
        let len = usize::try_from(size).unwrap_or_else(|_| libc::wcslen(w));
        std::slice::from_raw_parts(w.cast::<u32>(), len)
    };
    match all.iter().find(|&&c| c > MAX_UNICODE) {
        Some(c) => Err(vm.new_value_error(format!(
            "character U+{c:x} is not in range [U+0000; U+10ffff]"
        ))),
        None => Ok(all),
    }
}

// Reading and filling strings.

/// Where the code units are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_DATA(op: *mut PyObject) -> *mut c_void {
    // SAFETY: `op` is a live `str`.
    unsafe { data(op).1.cast() }
}

/// The width of the code units in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_KIND(op: *mut PyObject) -> c_int {
    // SAFETY: `op` is a live `str`.
    unsafe { data(op).0 as c_int }
}

/// The number of characters; `TypeError` and -1 for what is no `str`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_GetLength(unicode: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the argument is NULL or live, and a `str` once checked.
    border(|vm| unsafe { Ok((*checked(vm, unicode)?.cast::<PyASCIIObject>()).length) })
}

/// The character at `index`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_ReadChar(unicode: *mut PyObject, index: Py_ssize_t) -> Py_UCS4 {
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked.
        let chars = unsafe { Chars::of(checked(vm, unicode)?) };
        usize::try_from(index)
            .ok()
            .and_then(|i| chars.get(i))
            .ok_or_else(|| index_error(vm))
    })
}

/// Writes a character into a string that only the caller has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_WriteChar(
    unicode: *mut PyObject,
    index: Py_ssize_t,
    character: Py_UCS4,
) -> c_int {
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked.
        unsafe {
            let p = checked(vm, unicode)?;
            if !state(p).compact() {
                return Err(bad_argument(vm));
            }
            let (kind, start, len) = data(p);
            let index = usize::try_from(index)
                .ok()
                .filter(|&i| i < len)
                .ok_or_else(|| index_error(vm))?;
            check_modifiable(vm, p)?;
            if character > max_of_kind(p) {
                return Err(vm.new_value_error("character out of range"));
            }
            Chars::Four(&[character]).copy_to(kind, start.add(index * kind as usize));
        }
        Ok(())
    })
}

/// Copies characters into a string that only the caller has: how many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_CopyCharacters(
    to: *mut PyObject,
    to_start: Py_ssize_t,
    from: *mut PyObject,
    from_start: Py_ssize_t,
    how_many: Py_ssize_t,
) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: the objects are NULL or live, and `str`s once checked.
        unsafe {
            if !is_str(to) || !is_str(from) {
                return Err(bad_internal_call(vm));
            }
            let (kind, start, to_len) = data(to);
            let chars = Chars::of(from);
            let place = |i: Py_ssize_t, len: usize| {
                usize::try_from(i)
                    .ok()
                    .filter(|&i| i <= len)
                    .ok_or_else(|| index_error(vm))
            };
            let from_start = place(from_start, chars.len())?;
            let to_start = place(to_start, to_len)?;
            let how_many = usize::try_from(how_many)
                .map_err(|_| vm.new_system_error("how_many cannot be negative"))?
                .min(chars.len() - from_start);
            if how_many > to_len - to_start {
                return Err(vm.new_system_error(format!(
                    "Cannot write {how_many} characters at {to_start} in a string of {to_len} \
                     characters"
                )));
            }
            if how_many == 0 {
                return Ok(0);
            }
            check_modifiable(vm, to)?;
            let part = chars.part(from_start, from_start + how_many);
            if max_of_kind(from) > max_of_kind(to) && part.max() > max_of_kind(to) {
                return Err(vm.new_system_error(format!(
                    "Cannot copy {} characters into a string of {} characters",
                    kind_name(from),
                    kind_name(to)
                )));
            }
            part.copy_to(kind, start.add(to_start * kind as usize));
            Ok(how_many as Py_ssize_t)
        }
    })
}

unsafe fn kind_name(p: *mut PyObject) -> &'static str {
    // SAFETY: the caller's `p` is a live `str`.
    match unsafe { max_of_kind(p) } {
        0x7f => "ASCII",
        0xff => "latin1",
        0xffff => "UCS2",
        _ => "UCS4",
    }
}

/// Fills a part of a string that only the caller has: how many characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Fill(
    unicode: *mut PyObject,
    start: Py_ssize_t,
    length: Py_ssize_t,
    fill_char: Py_UCS4,
) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked.
        unsafe {
            if !is_str(unicode) {
                return Err(bad_internal_call(vm));
            }
            check_modifiable(vm, unicode)?;
            let start = usize::try_from(start).map_err(|_| index_error(vm))?;
            if fill_char > max_of_kind(unicode) {
                return Err(vm.new_value_error(
                    "fill character is bigger than the string maximum character",
                ));
            }
            let (kind, to, len) = data(unicode);
            let count = (length.max(0) as usize).min(len.saturating_sub(start));
            for i in start..start + count {
                Chars::Four(&[fill_char]).copy_to(kind, to.add(i * kind as usize));
            }
            Ok(count as Py_ssize_t)
        }
    })
}

/// The characters from `start` up to `end`: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Substring(
    unicode: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked.
        unsafe {
            let p = ensure(vm, unicode)?;
            let chars = Chars::of(p);
            let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
                return Err(index_error(vm));
            };
            let end = end.min(chars.len());
            if start == 0 && end == chars.len() {
                return exact(vm, p);
            }
            if start >= end {
                return Ok(empty());
            }
            from_chars(vm, chars.part(start, end))
        }
    })
}

// Other encodings in memory.

/// [`utf8`], if the string has it already.
#[inline]
unsafe fn utf8_at_hand(p: *mut PyObject) -> Option<(*const c_char, usize)> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        let state = state(p);
        if state.compact() && state.ascii() {
            let (_, start, len) = data(p);
            return Some((start.cast(), len));
        }
        let c = p.cast::<PyCompactUnicodeObject>();
        let known = (*c).utf8;
        (!known.is_null()).then_some((known.cast_const(), (*c).utf8_length as usize))
    }
}

/// The string as UTF-8, NUL-terminated, and its length without the NUL; it
/// lives as long as the string.
unsafe fn utf8(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<(*const c_char, usize)> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        if let Some(known) = utf8_at_hand(p) {
            return Ok(known);
        }
        let state = state(p);
        let (_, start, len) = data(p);
        let c = p.cast::<PyCompactUnicodeObject>();
        if (*c).utf8.is_null() {
            if state.ascii() {
                // Not compact: the data outside is UTF-8 already.
                (*c).utf8 = start.cast();
                (*c).utf8_length = len as Py_ssize_t;
            } else {
                cache_utf8(vm, p)?;
            }
        }
        Ok(((*c).utf8, (*c).utf8_length as usize))
    }
}

unsafe fn cache_utf8(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<()> {
    // SAFETY: `p` is a live `str` with room for the pointer; the memory is
    // freed with the string.
    unsafe {
        let chars = Chars::of(p);
        let mut bytes = Vec::with_capacity(utf8_len(chars));
        if let Err((start, end)) = to_utf8(chars, &mut bytes) {
            return Err(vm.new_unicode_encode_error(
                vm.ctx.new_str("utf-8"),
                pystr(vm, p)?,
                start,
                end,
                vm.ctx.new_str("surrogates not allowed"),
            ));
        }
        let copy = libc::malloc(bytes.len() + 1).cast::<u8>();
        if copy.is_null() {
            return Err(vm.no_memory_error());
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        *copy.add(bytes.len()) = 0;
        let c = p.cast::<PyCompactUnicodeObject>();
        (*c).utf8 = copy.cast();
        (*c).utf8_length = bytes.len() as Py_ssize_t;
    }
    Ok(())
}

/// The string as UTF-8, NUL-terminated, as long as it lives; `*size` (may be
/// NULL) is the number of bytes. `UnicodeEncodeError` for lone surrogates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsUTF8AndSize(
    unicode: *mut PyObject,
    size: *mut Py_ssize_t,
) -> *const c_char {
    // SAFETY: the argument is NULL or live, and a `str` once checked; `size` is
    // NULL or a variable of C's.
    unsafe {
        if is_str(unicode)
            && let Some((start, len)) = utf8_at_hand(unicode)
        {
            if !size.is_null() {
                *size = len as Py_ssize_t;
            }
            return start;
        }
    }
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked;
        // `size` is NULL or a variable of C's.
        unsafe {
            let result = checked(vm, unicode).and_then(|p| utf8(vm, p));
            if !size.is_null() {
                *size = result.as_ref().map_or(-1, |&(_, len)| len as Py_ssize_t);
            }
            result.map(|(start, _)| start)
        }
    })
}

/// The string as UTF-8, NUL-terminated, as long as it lives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsUTF8(unicode: *mut PyObject) -> *const c_char {
    // SAFETY: the caller's contract is the same.
    unsafe { PyUnicode_AsUTF8AndSize(unicode, ptr::null_mut()) }
}

/// Copies up to `size` characters, with a NUL behind them when there is room:
/// how many without it. Without a buffer, how many it must have room for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsWideChar(
    unicode: *mut PyObject,
    w: *mut WChar,
    size: Py_ssize_t,
) -> Py_ssize_t {
    border(|vm| {
        if unicode.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: the argument is live, and a `str` once checked; `w` is NULL
        // or has room for `size` characters.
        unsafe {
            let chars = Chars::of(checked(vm, unicode)?);
            let len = chars.len();
            if w.is_null() {
                return Ok(len as Py_ssize_t + 1);
            }
            let count = (size.max(0) as usize).min(len);
            chars.part(0, count).copy_to(PyUnicode_4BYTE_KIND, w.cast());
            if size.max(0) as usize > len {
                *w.add(len) = 0;
            }
            Ok(count as Py_ssize_t)
        }
    })
}

/// The characters and a NUL in memory from `PyMem_Malloc`.
unsafe fn wide_copy(vm: &VirtualMachine, chars: Chars<'_>) -> PyResult<*mut u32> {
    // SAFETY: the memory has room for the characters and the NUL.
    unsafe {
        let copy = libc::malloc((chars.len() + 1) * size_of::<u32>()).cast::<u32>();
        if copy.is_null() {
            return Err(vm.no_memory_error());
        }
        chars.copy_to(PyUnicode_4BYTE_KIND, copy.cast());
        *copy.add(chars.len()) = 0;
        Ok(copy)
    }
}

/// The string as wide characters, NUL-terminated; the caller frees it with
/// `PyMem_Free`. Without a variable for their number, NULs among them are a
/// `ValueError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsWideCharString(
    unicode: *mut PyObject,
    size: *mut Py_ssize_t,
) -> *mut WChar {
    border(|vm| {
        if unicode.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: the argument is live, and a `str` once checked; `size` is
        // NULL or a variable of C's.
        unsafe {
            let chars = Chars::of(checked(vm, unicode)?);
            if !size.is_null() {
                *size = chars.len() as Py_ssize_t;
            } else if chars.iter().any(|c| c == 0) {
                return Err(vm.new_value_error("embedded null character"));
            }
            Ok(wide_copy(vm, chars)?.cast::<WChar>())
        }
    })
}

/// Copies the characters, with a NUL behind them when `copy_null`, into a
/// buffer that must have room for all: that buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsUCS4(
    unicode: *mut PyObject,
    buffer: *mut Py_UCS4,
    buflen: Py_ssize_t,
    copy_null: c_int,
) -> *mut Py_UCS4 {
    border(|vm| {
        let Some(room) = usize::try_from(buflen).ok().filter(|_| !buffer.is_null()) else {
            return Err(bad_internal_call(vm));
        };
        // SAFETY: the argument is NULL or live, and a `str` once checked;
        // `buffer` has room for `room` characters.
        unsafe {
            let chars = Chars::of(ensure(vm, unicode)?);
            let with_null = copy_null != 0;
            if room < chars.len() + usize::from(with_null) {
                if with_null && room > 0 {
                    *buffer = 0;
                }
                return Err(vm.new_system_error("string is longer than the buffer"));
            }
            chars.copy_to(PyUnicode_4BYTE_KIND, buffer.cast());
            if with_null {
                *buffer.add(chars.len()) = 0;
            }
        }
        Ok(buffer)
    })
}

/// The characters with a NUL behind them; the caller frees them with
/// `PyMem_Free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AsUCS4Copy(unicode: *mut PyObject) -> *mut Py_UCS4 {
    // SAFETY: the argument is NULL or live, and a `str` once checked.
    border(|vm| unsafe { wide_copy(vm, Chars::of(ensure(vm, unicode)?)) })
}

/// The name of the default encoding.
#[unsafe(no_mangle)]
pub extern "C" fn PyUnicode_GetDefaultEncoding() -> *const c_char {
    c"utf-8".as_ptr()
}

// Comparing and searching.

/// -1, 0 or 1; -1 with a `TypeError` for what is no `str`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Compare(left: *mut PyObject, right: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are live, and `str`s once checked.
        unsafe {
            if !is_str(left) || !is_str(right) {
                if left.is_null() || right.is_null() {
                    return Err(super::null_argument(vm));
                }
                let (left, right) = (type_name(left), type_name(right));
                return Err(vm.new_type_error(format!("Can't compare {left} and {right}")));
            }
            Ok(Chars::of(left).compare(Chars::of(right)) as c_int)
        }
    })
}

/// -1, 0 or 1, as the string compares with latin-1 characters. Cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_CompareWithASCIIString(
    left: *mut PyObject,
    right: *const c_char,
) -> c_int {
    // SAFETY: `left` is a live `str`, `right` a C string.
    unsafe { Chars::of(left).compare(Chars::One(CStr::from_ptr(right).to_bytes())) as c_int }
}

/// Whether two strings are equal; `TypeError` for what is no `str`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Equal(str1: *mut PyObject, str2: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are live, and `str`s once checked.
        unsafe {
            for (p, which) in [(str1, "first"), (str2, "second")] {
                if !is_str(super::check::not_null(vm, p)?) {
                    let name = type_name(p);
                    let message = format!("{which} argument must be str, not {name}");
                    return Err(vm.new_type_error(message));
                }
            }
            Ok(str1 == str2 || Chars::of(str1).equals(Chars::of(str2)))
        }
    })
}

/// 1 or 0: whether the string has this text. Cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_EqualToUTF8(unicode: *mut PyObject, s: *const c_char) -> c_int {
    // SAFETY: `unicode` is a live `str`, `s` a C string.
    unsafe { c_int::from(equals_utf8(unicode, CStr::from_ptr(s).to_bytes())) }
}

/// 1 or 0: whether the string has this text. Cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_EqualToUTF8AndSize(
    unicode: *mut PyObject,
    s: *const c_char,
    size: Py_ssize_t,
) -> c_int {
    // SAFETY: `unicode` is a live `str`, `s` has `size` bytes.
    unsafe {
        let utf8 = match usize::try_from(size) {
            Ok(len @ 1..) => std::slice::from_raw_parts(s.cast(), len),
            _ => &[],
        };
        c_int::from(equals_utf8(unicode, utf8))
    }
}

unsafe fn equals_utf8(p: *mut PyObject, utf8: &[u8]) -> bool {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    let chars = unsafe { Chars::of(p) };
    match chars {
        // SAFETY: as above.
        Chars::One(s) if unsafe { state(p) }.ascii() => s == utf8,
        _ if utf8_len(chars) != utf8.len() => false,
        _ => std::str::from_utf8(utf8).is_ok_and(|s| s.chars().map(u32::from).eq(chars.iter())),
    }
}

/// The part of the string that `start` and `end` say, as Python's `find`
/// takes them, and where it starts.
unsafe fn part<'a>(
    p: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
) -> Option<(Chars<'a>, usize)> {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    let chars = unsafe { Chars::of(p) };
    let (start, end) = range(chars.len(), start, end)?;
    Some((chars.part(start, end), start))
}

/// Where `substr` is within `start..end`, for the first time or, when
/// `direction` is negative, for the last: -1 when it is not there, -2 for an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Find(
    str: *mut PyObject,
    substr: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
    direction: c_int,
) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: the arguments are NULL or live, and `str`s once checked.
        let find = || unsafe {
            let (str, substr) = (ensure(vm, str)?, ensure(vm, substr)?);
            let found = part(str, start, end)
                .and_then(|(hay, at)| Some(at + hay.find(Chars::of(substr), direction < 0)?));
            Ok(found.map_or(-1, |at| at as Py_ssize_t))
        };
        or_minus_two(vm, find())
    })
}

/// Where the character is within `start..end`, for the first time or, when
/// `direction` is not positive, for the last: -1 when it is not there, -2 for
/// an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FindChar(
    str: *mut PyObject,
    ch: Py_UCS4,
    start: Py_ssize_t,
    end: Py_ssize_t,
    direction: c_int,
) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: the argument is NULL or live, and a `str` once checked.
        let find = || unsafe {
            let str = ensure(vm, str)?;
            let found = part(str, start, end)
                .and_then(|(hay, at)| Some(at + hay.find(Chars::Four(&[ch]), direction <= 0)?));
            Ok(found.map_or(-1, |at| at as Py_ssize_t))
        };
        or_minus_two(vm, find())
    })
}

/// How often `substr` is within `start..end`, without overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Count(
    str: *mut PyObject,
    substr: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
) -> Py_ssize_t {
    // SAFETY: the arguments are NULL or live, and `str`s once checked.
    border(|vm| unsafe {
        let (str, substr) = (ensure(vm, str)?, ensure(vm, substr)?);
        let count = part(str, start, end).map_or(0, |(hay, _)| hay.count(Chars::of(substr)));
        Ok(count as Py_ssize_t)
    })
}

/// 1 or 0: whether `substr` is at the end of `start..end` or, when
/// `direction` is not positive, at its start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Tailmatch(
    str: *mut PyObject,
    substr: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
    direction: c_int,
) -> Py_ssize_t {
    // SAFETY: the arguments are NULL or live, and `str`s once checked.
    border(|vm| unsafe {
        let (str, substr) = (ensure(vm, str)?, ensure(vm, substr)?);
        let matches = part(str, start, end)
            .is_some_and(|(hay, _)| hay.has_at(Chars::of(substr), direction > 0));
        Ok(Py_ssize_t::from(matches))
    })
}

/// Whether `element` is a part of the string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Contains(
    container: *mut PyObject,
    element: *mut PyObject,
) -> c_int {
    // SAFETY: the arguments are NULL or live, and `str`s once checked.
    border(|vm| unsafe {
        if !is_str(super::check::not_null(vm, element)?) {
            return Err(vm.new_type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                type_name(element)
            )));
        }
        let hay = Chars::of(ensure(vm, container)?);
        Ok(hay.find(Chars::of(element), false).is_some())
    })
}

// Putting strings together.

/// The strings one after the other: new.
unsafe fn concatenated(
    vm: &VirtualMachine,
    left: *mut PyObject,
    right: *mut PyObject,
) -> PyResult<*mut PyObject> {
    // SAFETY: both are live `str`s, by the callers' contract.
    unsafe {
        let (a, b) = (Chars::of(left), Chars::of(right));
        if a.len() == 0 {
            return exact(vm, right);
        }
        if b.len() == 0 {
            return exact(vm, left);
        }
        let max = max_of_kind(left).max(max_of_kind(right));
        let p = allocated(vm, new_compact(a.len() + b.len(), max))?;
        let (kind, to, _) = data(p);
        a.copy_to(kind, to);
        b.copy_to(kind, to.add(a.len() * kind as usize));
        Ok(p)
    }
}

/// The strings one after the other: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Concat(
    left: *mut PyObject,
    right: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live, and `str`s once checked.
    border(|vm| unsafe {
        let left = ensure(vm, left)?;
        if !is_str(super::check::not_null(vm, right)?) {
            let name = type_name(right);
            return Err(
                vm.new_type_error(format!("can only concatenate str (not \"{name}\") to str"))
            );
        }
        concatenated(vm, left, right)
    })
}

/// Changes the length of a string that may be modified; `None` when memory is
/// out. The caller's reference goes to the result. New characters are not
/// filled.
unsafe fn resized(p: *mut PyObject, len: usize, spare: usize) -> Option<*mut PyObject> {
    // SAFETY: `p` is a modifiable, compact string, by the callers' contract,
    // so that nothing but its memory is to be moved.
    unsafe {
        let (kind, start, old) = data(p);
        let head = start as usize - p as usize;
        let size = (len.checked_add(1)?)
            .checked_mul(kind as usize)?
            .checked_add(head)?;
        if !state(p).ascii() {
            // It does not fit the text any more.
            let c = p.cast::<PyCompactUnicodeObject>();
            libc::free(ptr::replace(&raw mut (*c).utf8, ptr::null_mut()).cast());
            (*c).utf8_length = 0;
        }
        let fits = arena::contains(p as usize) && size <= arena::usable_size(p.cast());
        let q = if fits {
            p
        } else {
            let q = arena::allocate(size.checked_add(spare)?).cast::<PyObject>();
            if q.is_null() {
                return None;
            }
            let used = head + old.min(len) * kind as usize;
            ptr::copy_nonoverlapping(p.cast::<u8>(), q.cast(), used);
            super::objimpl::PyObject_Free(p.cast());
            q
        };
        (*q.cast::<PyASCIIObject>()).length = len as Py_ssize_t;
        let end = q.cast::<u8>().add(head + len * kind as usize);
        ptr::write_bytes(end, 0, kind as usize);
        Some(q)
    }
}

/// Replaces `*pleft` (its reference is taken over) by its concatenation with
/// `right`, or by NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Append(pleft: *mut *mut PyObject, right: *mut PyObject) {
    border(|vm| {
        if pleft.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: `pleft` is a variable of C's, `right` is NULL or live.
        unsafe {
            let left = ptr::replace(pleft, ptr::null_mut());
            if !is_str(left) || !is_str(right) {
                xdecref(left);
                // What made an argument NULL may have said why.
                return Err(error::take(vm).unwrap_or_else(|| bad_internal_call(vm)));
            }
            *pleft = appended(vm, left, right)?;
        }
        Ok(Nothing)
    })
}

/// `left` with `right` behind it; takes the reference of `left`.
unsafe fn appended(
    vm: &VirtualMachine,
    left: *mut PyObject,
    right: *mut PyObject,
) -> PyResult<*mut PyObject> {
    // SAFETY: both are live `str`s, by the callers' contract.
    unsafe {
        let (old, more) = (Chars::of(left).len(), Chars::of(right).len());
        let in_place = is_modifiable(left)
            && left != right
            && old != 0
            && more != 0
            && max_of_kind(right) <= max_of_kind(left);
        if !in_place {
            let result = concatenated(vm, left, right);
            decref(left);
            return result;
        }
        let Some(p) = resized(left, old + more, (old + more) / 8) else {
            decref(left);
            return Err(vm.no_memory_error());
        };
        let (kind, to, _) = data(p);
        Chars::of(right).copy_to(kind, to.add(old * kind as usize));
        Ok(p)
    }
}

/// `PyUnicode_Append` that takes over the reference of `right`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_AppendAndDel(pleft: *mut *mut PyObject, right: *mut PyObject) {
    // SAFETY: the caller's contract is the same; `right` is NULL or its reference.
    unsafe {
        PyUnicode_Append(pleft, right);
        xdecref(right);
    }
}

/// Changes the length: in place when only the caller has the string. `*unicode`
/// is replaced, and stays as it is on failure. New characters are not filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Resize(
    unicode: *mut *mut PyObject,
    length: Py_ssize_t,
) -> c_int {
    border(|vm| {
        // SAFETY: `unicode` is NULL or a variable of C's.
        unsafe {
            let p = if unicode.is_null() {
                ptr::null_mut()
            } else {
                *unicode
            };
            let Some(len) = usize::try_from(length).ok().filter(|_| is_str(p)) else {
                return Err(bad_internal_call(vm));
            };
            let chars = Chars::of(p);
            if chars.len() == len {
                return Ok(());
            }
            *unicode = if len == 0 {
                decref(p);
                empty()
            } else if is_modifiable(p) && state(p).compact() {
                resized(p, len, 0).ok_or_else(|| vm.no_memory_error())?
            } else {
                let fresh = allocated(vm, new_compact(len, max_of_kind(p)))?;
                let (kind, to, _) = data(fresh);
                chars.part(0, len.min(chars.len())).copy_to(kind, to);
                decref(p);
                fresh
            };
        }
        Ok(())
    })
}

/// The strings of an iterable, with `separator` (NULL is a space) between
/// them: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Join(
    separator: *mut PyObject,
    seq: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let seq = super::check::not_null(vm, seq)?;
        let items = Refs::of_iterable(vm, seq, "can only join an iterable")?;
        joined(vm, separator, &items.0)
    })
}

unsafe fn joined(
    vm: &VirtualMachine,
    separator: *mut PyObject,
    items: &[*mut PyObject],
) -> PyResult<*mut PyObject> {
    // SAFETY: the objects are NULL or live, by the caller's contract, and
    // `str`s once checked.
    unsafe {
        match *items {
            [] => return Ok(empty()),
            [one] if !one.is_null() && is_exact_str((*one).ob_type) => return exact(vm, one),
            _ => {}
        }
        // A single element is not separated from anything, whatever the separator is.
        let separator = if separator.is_null() || items.len() == 1 {
            latin1(b' ')
        } else {
            separator
        };
        if !is_str(separator) {
            let name = type_name(separator);
            return Err(
                vm.new_type_error(format!("separator: expected str instance, {name} found"))
            );
        }
        let between = Chars::of(separator);
        let mut len = between.len().checked_mul(items.len() - 1);
        let mut max = if items.len() > 1 {
            max_of_kind(separator)
        } else {
            0
        };
        for (i, &item) in items.iter().enumerate() {
            if !is_str(super::check::not_null(vm, item)?) {
                return Err(vm.new_type_error(format!(
                    "sequence item {i}: expected str instance, {} found",
                    type_name(item)
                )));
            }
            len = len.and_then(|n| n.checked_add(Chars::of(item).len()));
            max = max.max(max_of_kind(item));
        }
        let len = len.ok_or_else(|| {
            vm.new_overflow_error("join() result is too long for a Python string")
        })?;
        if len == 0 {
            return Ok(empty());
        }
        let p = allocated(vm, new_compact(len, max))?;
        let (kind, mut to, _) = data(p);
        let mut put = |chars: Chars<'_>| {
            chars.copy_to(kind, to);
            to = to.add(chars.len() * kind as usize);
        };
        for (i, &item) in items.iter().enumerate() {
            if i != 0 {
                put(between);
            }
            put(Chars::of(item));
        }
        Ok(p)
    }
}

// Interning.

/// The one string of that text; takes and gives a reference.
///
/// The VM's pool says which that is, so that names that come from the VM are
/// the same objects.
unsafe fn interned(vm: &VirtualMachine, p: *mut PyObject) -> *mut PyObject {
    // SAFETY: `p` is a live `str`, by the callers' contract.
    unsafe {
        if !is_exact_str((*p).ob_type) || state(p).interned() != SSTATE_NOT_INTERNED {
            return p;
        }
        let v = vm.ctx.intern_str(to_pystr(p).as_wtf8()).to_object();
        let known = linked(&v).is_some()
            || is_paired(p)
            || crate::proxy::mirror::immortal(vm, &v).is_some();
        let one = if known {
            let one = c_of(vm, &v);
            decref(p);
            one
        } else {
            link_strong(p, v, true);
            p
        };
        let head = one.cast::<PyASCIIObject>();
        if (*head).state.interned() == SSTATE_NOT_INTERNED {
            (*head).state = (*head).state.with_interned(SSTATE_INTERNED_MORTAL);
        }
        one
    }
}

/// Replaces `*p` (its reference is taken over) by the one string of that text.
/// Nothing happens to what is not exactly a `str`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_InternInPlace(p: *mut *mut PyObject) {
    border(|vm| {
        // SAFETY: `p` is a variable of C's.
        unsafe {
            if is_str(*p) {
                *p = interned(vm, *p);
            }
        }
        Ok(Nothing)
    })
}

/// [`PyUnicode_InternInPlace`], of a string that then lives for ever. A name of the stable ABI that no header declares.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_InternImmortal(p: *mut *mut PyObject) {
    border(|vm| {
        // SAFETY: `p` is a variable of C's.
        unsafe {
            if is_str(*p) {
                *p = interned(vm, *p);
                let head = (*p).cast::<PyASCIIObject>();
                if (*head).state.interned() == SSTATE_INTERNED_MORTAL {
                    (*head).state = (*head).state.with_interned(SSTATE_INTERNED_IMMORTAL);
                    crate::refcount::make_immortal(*p);
                }
            }
        }
        Ok(Nothing)
    })
}

/// -1 with `RuntimeError`, as in CPython: a name of the stable ABI whose function was removed.
#[unsafe(no_mangle)]
pub extern "C" fn PyUnicode_GetSize(_unicode: *mut PyObject) -> Py_ssize_t {
    border(|vm| -> PyResult<Py_ssize_t> {
        Err(vm.new_runtime_error("PyUnicode_GetSize has been removed."))
    })
}

/// The interned string of an identifier: borrowed, and never freed. NULL with an exception if the text is not UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyUnicode_FromId(id: *mut _Py_Identifier) -> *mut PyObject {
    // SAFETY: the caller passes a static identifier, and holds the GIL.
    unsafe {
        let mut p = PyUnicode_InternFromString((*id).string);
        if !p.is_null() {
            // The same string each time: only the first time counts.
            PyUnicode_InternImmortal(&raw mut p);
        }
        p
    }
}

/// The one string of this UTF-8 text: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_InternFromString(u: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: `u` is a C string; the fresh string is ours.
        unsafe {
            let text = super::text(vm, u)?;
            let p = allocated(vm, from_str(text))?;
            Ok(interned(vm, p))
        }
    })
}
