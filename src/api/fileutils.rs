//! `fileutils.h` and `cpython/fileutils.h`: text as the C library has it, and files.
//!
//! The file system's encoding is UTF-8; bytes that are not UTF-8 become lone surrogates, and back.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use libc::{FILE, wchar_t};
use rustpython_vm::AsObject;
use rustpython_vm::builtins::PyBytes;

use super::pymem::{PyMem_Malloc, PyMem_RawMalloc};
use super::{border, object, python, text};
use crate::layout::PyObject;

/// Start of the surrogates that stand for undecodable bytes.
const ESCAPE: u32 = 0xdc00;

/// The code points of a wide string.
///
/// # Safety
/// `s` is NUL-terminated.
unsafe fn wide(s: *const wchar_t) -> Vec<u32> {
    // SAFETY: by this function's contract.
    unsafe {
        let len = libc::wcslen(s);
        std::slice::from_raw_parts(s.cast::<u32>(), len).to_vec()
    }
}

/// The text of a wide string; what is no character is replaced.
///
/// # Safety
/// `s` is NULL, which gives an empty text, or NUL-terminated.
pub unsafe fn wide_text(s: *const wchar_t) -> String {
    if s.is_null() {
        return String::new();
    }
    // SAFETY: by this function's contract.
    unsafe { wide(s) }
        .into_iter()
        .map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Decodes UTF-8; other bytes become surrogates.
pub fn decode(mut bytes: &[u8]) -> Vec<u32> {
    let mut points = Vec::with_capacity(bytes.len());
    loop {
        let (valid, bad) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, 0),
            Err(e) => {
                let valid = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
                (
                    valid,
                    e.error_len().unwrap_or(bytes.len() - e.valid_up_to()),
                )
            }
        };
        points.extend(valid.chars().map(u32::from));
        let rest = &bytes[valid.len()..];
        if bad == 0 {
            return points;
        }
        points.extend(rest[..bad].iter().map(|&byte| ESCAPE + u32::from(byte)));
        bytes = &rest[bad..];
    }
}

/// The inverse of [`decode`]; the place of the first code point that cannot be encoded otherwise.
fn encode(points: &[u32]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(points.len());
    for (i, &point) in points.iter().enumerate() {
        match (char::from_u32(point), point) {
            (Some(c), _) => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            (None, 0xdc80..=0xdcff) => bytes.push((point - ESCAPE) as u8),
            (None, _) => return Err(i),
        }
    }
    Ok(bytes)
}

/// A wide string in memory of `PyMem_RawMalloc`; NULL when memory is out.
pub fn new_wide(points: &[u32]) -> *mut wchar_t {
    // SAFETY: the block has room for the code points and a NUL.
    unsafe {
        let block = PyMem_RawMalloc((points.len() + 1) * size_of::<wchar_t>()).cast::<u32>();
        if !block.is_null() {
            ptr::copy_nonoverlapping(points.as_ptr(), block, points.len());
            *block.add(points.len()) = 0;
        }
        block.cast()
    }
}

/// Decodes bytes of the system. The result is the caller's, to be freed with `PyMem_RawFree`; NULL when memory is out,
/// with `*size` -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_DecodeLocale(arg: *const c_char, size: *mut usize) -> *mut wchar_t {
    // SAFETY: the caller passes a NUL-terminated string; the size's variable may be NULL.
    unsafe {
        let points = decode(CStr::from_ptr(arg).to_bytes());
        let result = new_wide(&points);
        if !size.is_null() {
            *size = if result.is_null() {
                usize::MAX
            } else {
                points.len()
            };
        }
        result
    }
}

/// Encodes text for the system. The result is the caller's, to be freed with `PyMem_Free`; NULL when memory is out, with
/// `*error_pos` -1, or for what cannot be encoded, with its place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_EncodeLocale(
    text: *const wchar_t,
    error_pos: *mut usize,
) -> *mut c_char {
    // SAFETY: the caller passes a NUL-terminated string; the position's variable may be NULL.
    unsafe {
        let place = |at: usize| {
            if !error_pos.is_null() {
                *error_pos = at;
            }
        };
        match encode(&wide(text)) {
            Err(at) => {
                place(at);
                ptr::null_mut()
            }
            Ok(bytes) => {
                let block = PyMem_Malloc(bytes.len() + 1).cast::<u8>();
                place(usize::MAX);
                if !block.is_null() {
                    ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
                    *block.add(bytes.len()) = 0;
                }
                block.cast()
            }
        }
    }
}

/// Opens a file that no child process inherits. NULL with an `OSError` on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_fopen(path: *mut PyObject, mode: *const c_char) -> *mut FILE {
    border(|vm| {
        // SAFETY: the caller passes a live object and a NUL-terminated string.
        let (path, mode) = unsafe { (object(vm, path)?, text(vm, mode)?) };
        let args = (path.clone(), vm.ctx.new_str(mode), 0);
        python(|| vm.audit("open", || args))?;
        let name = super::import::call(vm, "os", "fsencode", (path.clone(),))?;
        let name = name
            .downcast_ref::<PyBytes>()
            .map(|bytes| bytes.as_bytes().to_vec())
            .ok_or_else(|| vm.new_type_error("a path is required"))?;
        let name = CString::new(name).map_err(|_| vm.new_value_error("embedded null byte"))?;
        // The C library's own flag for close-on-exec.
        let mode = CString::new(format!("{mode}e"))
            .map_err(|_| vm.new_value_error("embedded null character"))?;
        // SAFETY: NUL-terminated strings.
        let file = python(|| unsafe { libc::fopen(name.as_ptr(), mode.as_ptr()) });
        if file.is_null() {
            let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
            let class = vm.ctx.exceptions.os_error.as_object();
            // SAFETY: a NUL-terminated string, copied at once.
            let message = unsafe { CStr::from_ptr(libc::strerror(code)) }.to_string_lossy();
            let args = (code, vm.ctx.new_str(message.as_ref()), path);
            let e = python(|| class.call(args, vm))?;
            return Err(e.downcast().map_err(|_| super::bad_internal_call(vm))?);
        }
        Ok(file)
    })
}

/// `fclose`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_fclose(file: *mut FILE) -> c_int {
    // SAFETY: the caller hands over its file.
    unsafe { libc::fclose(file) }
}

/// Whether `fd` is an open file descriptor. Needs no lock.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_IsValidFD(fd: c_int) -> c_int {
    // SAFETY: asking for the flags changes nothing.
    c_int::from(fd >= 0 && unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_round_trip() {
        for bytes in [
            &b""[..],
            b"plain",
            "caf\u{e9} \u{20ac} \u{1f600}".as_bytes(),
            b"\xff\x80a\xe2\x82",
            b"\xed\xb2\x80",
        ] {
            assert_eq!(encode(&decode(bytes)).as_deref(), Ok(bytes));
        }
        assert_eq!(encode(&[0x61, 0xd800]), Err(1));
    }
}
