//! `PyUnicodeWriter`: builds a string piece by piece, in the narrowest width
//! that holds what was written so far.

use std::ffi::{CStr, c_char, c_int};

use rustpython_vm::{PyResult, VirtualMachine};

use super::chars::{Chars, range};
use super::{MAX_UNICODE, WChar, from_chars, wide};
use crate::api::check::{is_str, not_null, type_name};
use crate::api::{border, codecs, object, python};
use crate::layout::{Py_UCS4, Py_ssize_t, PyObject, PyUnicodeWriter};
use crate::refcount::decref;

/// The characters written so far.
#[derive(Debug)]
enum Buffer {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Buffer {
    fn chars(&self) -> Chars<'_> {
        match self {
            Self::One(s) => Chars::One(s),
            Self::Two(s) => Chars::Two(s),
            Self::Four(s) => Chars::Four(s),
        }
    }

    /// Makes the units wide enough for `max`.
    fn widen(&mut self, max: u32) {
        let wide = match (&*self, max) {
            (Self::One(_), 0..=0xff) | (Self::Two(_), 0..=0xffff) | (Self::Four(_), _) => return,
            (Self::One(s), 0..=0xffff) => Self::Two(s.iter().map(|&c| c.into()).collect()),
            (_, _) => Self::Four(self.chars().iter().collect()),
        };
        *self = wide;
    }

    fn push(&mut self, chars: Chars<'_>) {
        self.widen(chars.max());
        match (self, chars) {
            (Self::One(to), Chars::One(s)) => to.extend_from_slice(s),
            (Self::Two(to), Chars::Two(s)) => to.extend_from_slice(s),
            (Self::Four(to), Chars::Four(s)) => to.extend_from_slice(s),
            // `widen` made sure that nothing is cut off.
            (Self::One(to), s) => to.extend(s.iter().map(|c| c as u8)),
            (Self::Two(to), s) => to.extend(s.iter().map(|c| c as u16)),
            (Self::Four(to), s) => to.extend(s.iter()),
        }
    }

    fn push_str(&mut self, text: &str) {
        if text.is_ascii() {
            self.push(Chars::One(text.as_bytes()));
        } else {
            let points: Vec<u32> = text.chars().map(u32::from).collect();
            self.push(Chars::Four(&points));
        }
    }
}

unsafe fn buffer<'a>(writer: *mut PyUnicodeWriter) -> &'a mut Buffer {
    // SAFETY: the callers' `writer` came from `PyUnicodeWriter_Create` and is
    // not finished.
    unsafe { &mut *writer.cast::<Buffer>() }
}

/// A writer with room for `length` characters; it is freed by
/// `PyUnicodeWriter_Finish` or `PyUnicodeWriter_Discard`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_Create(length: Py_ssize_t) -> *mut PyUnicodeWriter {
    border(|vm| {
        let len =
            usize::try_from(length).map_err(|_| vm.new_value_error("length must be positive"))?;
        let mut buffer = Vec::new();
        buffer.try_reserve(len).map_err(|_| vm.no_memory_error())?;
        Ok(Box::into_raw(Box::new(Buffer::One(buffer))).cast::<PyUnicodeWriter>())
    })
}

/// Frees the writer, which may be NULL, with what was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_Discard(writer: *mut PyUnicodeWriter) {
    if !writer.is_null() {
        // SAFETY: `writer` came from `PyUnicodeWriter_Create` and goes now.
        drop(unsafe { Box::from_raw(writer.cast::<Buffer>()) });
    }
}

/// The string that was written: new. Frees the writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_Finish(writer: *mut PyUnicodeWriter) -> *mut PyObject {
    // SAFETY: `writer` came from `PyUnicodeWriter_Create` and goes now.
    border(|vm| {
        from_chars(
            vm,
            unsafe { Box::from_raw(writer.cast::<Buffer>()) }.chars(),
        )
    })
}

/// Writes one character.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteChar(
    writer: *mut PyUnicodeWriter,
    ch: Py_UCS4,
) -> c_int {
    border(|vm| {
        if ch > MAX_UNICODE {
            return Err(vm.new_value_error("character must be in range(0x110000)"));
        }
        // SAFETY: the writer is live.
        unsafe { buffer(writer) }.push(Chars::Four(&[ch]));
        Ok(())
    })
}

/// A text argument whose negative size means up to the NUL.
unsafe fn bytes<'a>(vm: &VirtualMachine, s: *const c_char, size: Py_ssize_t) -> PyResult<&'a [u8]> {
    // SAFETY: `s` has `size` bytes or is a C string, by the callers' contract.
    unsafe {
        if size < 0 {
            return Ok(CStr::from_ptr(s).to_bytes());
        }
        codecs::slice(vm, s, size)
    }
}

/// Writes UTF-8 text of `size` bytes, or up to the NUL when that is negative.
/// Nothing is written on an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteUTF8(
    writer: *mut PyUnicodeWriter,
    str: *const c_char,
    size: Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `str` has as many bytes.
    border(|vm| unsafe { write_utf8(vm, writer, bytes(vm, str, size)?) })
}

unsafe fn write_utf8(
    vm: &VirtualMachine,
    writer: *mut PyUnicodeWriter,
    bytes: &[u8],
) -> PyResult<()> {
    // SAFETY: the writer is live, by the callers' contract.
    unsafe {
        match std::str::from_utf8(bytes) {
            Ok(text) => buffer(writer).push_str(text),
            Err(_) => write(writer, super::decode::utf8(vm, bytes, std::ptr::null())?),
        }
    }
    Ok(())
}

/// Writes the string `p` and drops it.
unsafe fn write(writer: *mut PyUnicodeWriter, p: *mut PyObject) {
    // SAFETY: the writer is live and `p` a `str` of ours, by the callers' contract.
    unsafe {
        buffer(writer).push(Chars::of(p));
        decref(p);
    }
}

/// Writes `size` ASCII characters, or up to the NUL when that is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteASCII(
    writer: *mut PyUnicodeWriter,
    str: *const c_char,
    size: Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `str` has as many bytes.
    border(|vm| unsafe {
        buffer(writer).push(Chars::One(bytes(vm, str, size)?));
        Ok(())
    })
}

/// Writes `size` wide characters, or up to the NUL when that is negative.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteWideChar(
    writer: *mut PyUnicodeWriter,
    str: *const WChar,
    size: Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `str` has as many characters.
    border(|vm| unsafe {
        buffer(writer).push(Chars::Four(wide(vm, str, size.max(-1))?));
        Ok(())
    })
}

/// Writes `size` characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteUCS4(
    writer: *mut PyUnicodeWriter,
    str: *mut Py_UCS4,
    size: Py_ssize_t,
) -> c_int {
    border(|vm| {
        let len = usize::try_from(size).map_err(|_| vm.new_value_error("size must be positive"))?;
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the writer is live, `str` has as many characters.
        unsafe {
            let chars = Chars::Four(std::slice::from_raw_parts(str, len));
            if chars.max() > MAX_UNICODE {
                return Err(vm.new_value_error("invalid UCS4 character"));
            }
            buffer(writer).push(chars);
        }
        Ok(())
    })
}

/// Writes `str(obj)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteStr(
    writer: *mut PyUnicodeWriter,
    obj: *mut PyObject,
) -> c_int {
    // SAFETY: the writer is live, `obj` is NULL or live.
    border(|vm| unsafe {
        if is_str(obj) && crate::types::statics::is_exact_str((*obj).ob_type) {
            buffer(writer).push(Chars::of(obj));
            return Ok(());
        }
        let v = object(vm, obj)?;
        let text = python(|| v.str(vm))?;
        write(writer, crate::proxy::c_of_owned(vm, text.into()));
        Ok(())
    })
}

/// Writes `repr(obj)`, or `<NULL>`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteRepr(
    writer: *mut PyUnicodeWriter,
    obj: *mut PyObject,
) -> c_int {
    // SAFETY: the writer is live, `obj` is NULL or live.
    border(|vm| unsafe {
        if obj.is_null() {
            buffer(writer).push(Chars::One(b"<NULL>"));
            return Ok(());
        }
        let v = object(vm, obj)?;
        let text = python(|| v.repr(vm))?;
        write(writer, crate::proxy::c_of_owned(vm, text.into()));
        Ok(())
    })
}

/// Writes the characters from `start` up to `end` of a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_WriteSubstring(
    writer: *mut PyUnicodeWriter,
    str: *mut PyObject,
    start: Py_ssize_t,
    end: Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `str` is NULL or live.
    border(|vm| unsafe {
        if !is_str(not_null(vm, str)?) {
            let name = type_name(str);
            return Err(vm.new_type_error(format!("expect str, not {name}")));
        }
        if start < 0 {
            return Err(vm.new_value_error("start must be positive"));
        }
        if end < start {
            return Err(vm.new_value_error("end must be greater than start"));
        }
        let chars = Chars::of(str);
        if let Some((start, end)) = range(chars.len(), start, end) {
            buffer(writer).push(chars.part(start, end));
        }
        Ok(())
    })
}

/// Writes UTF-8 text; with `consumed`, an incomplete character at the end is
/// left for the next time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicodeWriter_DecodeUTF8Stateful(
    writer: *mut PyUnicodeWriter,
    string: *const c_char,
    length: Py_ssize_t,
    errors: *const c_char,
    consumed: *mut Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `string` has `length` bytes or is a C
    // string, `errors` is NULL or a C string, `consumed` NULL or a variable of C's.
    border(|vm| unsafe {
        if !consumed.is_null() {
            *consumed = 0;
        }
        let bytes = bytes(vm, string, length)?;
        let text = super::PyUnicode_DecodeUTF8Stateful(
            bytes.as_ptr().cast(),
            bytes.len() as Py_ssize_t,
            errors,
            consumed,
        );
        if text.is_null() {
            return Err(crate::api::null_argument(vm));
        }
        write(writer, text);
        Ok(())
    })
}

/// Writes `len` Latin-1 characters. The writer is one of [`PyUnicodeWriter_Create`]: there is no other way to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyUnicodeWriter_WriteLatin1String(
    writer: *mut PyUnicodeWriter,
    str: *const c_char,
    len: Py_ssize_t,
) -> c_int {
    // SAFETY: the writer is live, `str` has as many bytes.
    border(|vm| unsafe {
        buffer(writer).push(Chars::One(codecs::slice(vm, str, len)?));
        Ok(())
    })
}

// skipped: other _PyUnicodeWriter_*: private, and no known extension imports them

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_widens_as_needed() {
        let mut b = Buffer::One(Vec::new());
        b.push_str("aé");
        assert!(matches!(b, Buffer::One(_)));
        b.push(Chars::Four(&[0x20ac]));
        assert!(matches!(b, Buffer::Two(_)));
        b.push(Chars::One(b"z"));
        b.push_str("😀");
        b.push(Chars::Two(&[0x62]));
        assert!(
            b.chars()
                .equals(Chars::Four(&[0x61, 0xe9, 0x20ac, 0x7a, 0x1f600, 0x62]))
        );
    }
}
