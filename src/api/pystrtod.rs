//! `pystrtod.h`, `pystrcmp.h`, and `PyOS_strtol` of `longobject.h`: numbers and text without the locale.

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_long, c_ulong};
use std::ptr;

use super::pyerrors::raised_from_c;
use super::pymem::PyMem_Malloc;
use super::{bad_internal_call, border, python};
use crate::layout::{
    Py_DTSF_ADD_DOT_0, Py_DTSF_ALT, Py_DTSF_NO_NEG_0, Py_DTSF_SIGN, Py_DTST_FINITE,
    Py_DTST_INFINITE, Py_DTST_NAN, Py_ssize_t, PyObject,
};

/// The length of the number that `text` starts with, 0 if there is none.
fn number_length(text: &[u8]) -> usize {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let word = |word: &[u8]| {
        text.len() >= sign + word.len() && text[sign..sign + word.len()].eq_ignore_ascii_case(word)
    };
    for name in [&b"infinity"[..], b"inf", b"nan"] {
        if word(name) {
            return sign + name.len();
        }
    }
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let whole = digits(sign);
    let mut at = sign + whole;
    let mut fraction = 0;
    if text.get(at) == Some(&b'.') {
        fraction = digits(at + 1);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits((at + 1 + sign).min(text.len()));
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    at
}

/// The number that the string starts with; `*endptr`, if not NULL, is where it ends, and else nothing may follow. -1.0
/// with an exception on failure: `ValueError`, or `overflow_exception` if it is too large and that is not NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_string_to_double(
    s: *const c_char,
    endptr: *mut *mut c_char,
    overflow_exception: *mut PyObject,
) -> c_double {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let bytes = unsafe { CStr::from_ptr(s) }.to_bytes();
        let len = number_length(bytes);
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let set_end = |len: usize| {
            if !endptr.is_null() {
                // SAFETY: the caller's variable; the end lies within the string.
                unsafe { *endptr = s.add(len).cast_mut() };
            }
        };
        if len == 0 || endptr.is_null() && len != bytes.len() {
            set_end(0);
            return Err(
                vm.new_value_error(format!("could not convert string to float: '{}'", shown()))
            );
        }
        set_end(len);
        let text = std::str::from_utf8(&bytes[..len]).unwrap_or_default();
        let value: f64 = text
            .parse()
            .map_err(|_| vm.new_system_error("a number that was scanned cannot be read"))?;
        let named = text.bytes().any(|c| matches!(c, b'n' | b'N'));
        if value.is_infinite() && !named && !overflow_exception.is_null() {
            let message = format!("value too large to convert to float: '{}'", shown());
            let message = vm.ctx.new_str(message).into();
            // SAFETY: the caller passes a live class.
            return Err(unsafe { raised_from_c(vm, overflow_exception, Some(message)) });
        }
        Ok(value)
    })
}

/// A number in one of C's formats: `spec` is the flags, `code` one of "efgEFG".
fn format_c(value: f64, code: u8, precision: c_int, alternate: bool) -> String {
    let code = char::from(code);
    let spec = format!("%{}.*{code}", if alternate { "#" } else { "" });
    let spec = CString::new(spec).unwrap_or_default();
    let mut buffer = vec![0u8; 400 + usize::try_from(precision).unwrap_or(0)];
    // SAFETY: the buffer has room for any double with that precision, and the format takes an int and a double.
    let len = unsafe {
        libc::snprintf(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            spec.as_ptr(),
            precision,
            value,
        )
    };
    buffer.truncate(usize::try_from(len).unwrap_or(0));
    let text = String::from_utf8(buffer).unwrap_or_default();
    // The C library writes the locale's decimal point.
    text.replace(',', ".")
}

/// The text of a finite number for `PyOS_double_to_string`; `repr` is its shortest text.
fn format_finite(value: f64, code: u8, precision: c_int, flags: c_int, repr: &str) -> String {
    let mut text = match code {
        b'r' => repr.strip_suffix(".0").unwrap_or(repr).to_owned(),
        _ => format_c(value, code, precision, flags & Py_DTSF_ALT != 0),
    };
    if flags & Py_DTSF_ADD_DOT_0 != 0 && text.bytes().all(|c| c.is_ascii_digit() || c == b'-') {
        text.push_str(".0");
    }
    if flags & Py_DTSF_NO_NEG_0 != 0 && text.starts_with('-') {
        let digits = text.split(['e', 'E']).next().unwrap_or_default();
        if !digits.bytes().any(|c| matches!(c, b'1'..=b'9')) {
            text.remove(0);
        }
    }
    if flags & Py_DTSF_SIGN != 0 && !text.starts_with('-') {
        text.insert(0, '+');
    }
    text
}

/// The number as text, in memory of `PyMem_Malloc`; `*ptype`, if not NULL, says of what kind it is. NULL with an
/// exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_double_to_string(
    val: c_double,
    format_code: c_char,
    precision: c_int,
    flags: c_int,
    ptype: *mut c_int,
) -> *mut c_char {
    let code = format_code as u8;
    border(|vm| {
        let good = match code {
            b'e' | b'f' | b'g' | b'E' | b'F' | b'G' => precision >= 0,
            b'r' => precision == 0,
            _ => false,
        };
        if !good {
            return Err(bad_internal_call(vm));
        }
        let (kind, text) = if val.is_finite() {
            let repr = match code {
                b'r' => {
                    let float: rustpython_vm::PyObjectRef = vm.ctx.new_float(val).into();
                    python(|| float.repr(vm))?.to_string()
                }
                _ => String::new(),
            };
            (
                Py_DTST_FINITE,
                format_finite(val, code, precision, flags, &repr),
            )
        } else {
            let (kind, name) = match val.is_nan() {
                true => (Py_DTST_NAN, "nan"),
                false => (Py_DTST_INFINITE, "inf"),
            };
            let sign = match val {
                f64::NEG_INFINITY => "-",
                _ if flags & Py_DTSF_SIGN != 0 => "+",
                _ => "",
            };
            let text = format!("{sign}{name}");
            (
                kind,
                if code.is_ascii_uppercase() {
                    text.to_uppercase()
                } else {
                    text
                },
            )
        };
        // SAFETY: the block has room for the text and a NUL; the caller's variable may be NULL.
        unsafe {
            let block = PyMem_Malloc(text.len() + 1).cast::<u8>();
            if block.is_null() {
                return Err(vm.no_memory_error());
            }
            ptr::copy_nonoverlapping(text.as_ptr(), block, text.len());
            *block.add(text.len()) = 0;
            if !ptype.is_null() {
                *ptype = kind;
            }
            Ok(block.cast::<c_char>())
        }
    })
}

/// Compares without regard to the case of ASCII letters, `limit` bytes at most.
unsafe fn compare(a: *const c_char, b: *const c_char, limit: usize) -> c_int {
    for i in 0..limit {
        // SAFETY: by the callers' contract; a NUL ends both.
        let (x, y) = unsafe { (*a.add(i) as u8, *b.add(i) as u8) };
        let order = c_int::from(x.to_ascii_lowercase()) - c_int::from(y.to_ascii_lowercase());
        if order != 0 || x == 0 {
            return order;
        }
    }
    0
}

/// Like `strcasecmp`, for ASCII letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_mystricmp(a: *const c_char, b: *const c_char) -> c_int {
    // SAFETY: the caller passes NUL-terminated strings.
    unsafe { compare(a, b, usize::MAX) }
}

/// Like `strncasecmp`, for ASCII letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_mystrnicmp(
    a: *const c_char,
    b: *const c_char,
    size: Py_ssize_t,
) -> c_int {
    // SAFETY: the caller passes strings that end with a NUL or after `size` bytes.
    unsafe { compare(a, b, usize::try_from(size).unwrap_or(0)) }
}

/// Reads an unsigned number; the value, `None` if it is too large, and where it ends.
fn unsigned(text: &[u8], base: u32) -> (Option<u64>, usize) {
    let start = text
        .iter()
        .take_while(|c| matches!(c, b' ' | b'\t'..=b'\r'))
        .count();
    let prefixed = |at: usize| match (text.get(at), text.get(at + 1).map(u8::to_ascii_lowercase)) {
        (Some(b'0'), Some(b'x')) => Some(16),
        (Some(b'0'), Some(b'o')) => Some(8),
        (Some(b'0'), Some(b'b')) => Some(2),
        _ => None,
    };
    let digit = |at: usize, radix: u32| text.get(at).and_then(|&c| char::from(c).to_digit(radix));
    let mut at = start;
    let radix = match (base, prefixed(start)) {
        (0, Some(radix)) => radix,
        (0, None) if text.get(start) == Some(&b'0') => {
            // "010" is no number of base 0, "000" is.
            let zeros = text[start..].iter().take_while(|&&c| c == b'0').count();
            return (Some(0), start + zeros);
        }
        (0, None) => 10,
        (2..=36, _) => base,
        _ => return (Some(0), 0),
    };
    if prefixed(start) == Some(radix) {
        if digit(start + 2, radix).is_none() {
            // The prefix alone: the zero is the number.
            return (Some(0), start + 1);
        }
        at += 2;
    }
    let mut value = Some(0u64);
    while let Some(d) = digit(at, radix) {
        value = value
            .and_then(|v| v.checked_mul(radix.into()))
            .and_then(|v| v.checked_add(d.into()));
        at += 1;
    }
    (value, at)
}

fn out_of_range() {
    // SAFETY: the address of this thread's own variable.
    unsafe { *libc::__errno_location() = libc::ERANGE };
}

/// Like `strtoul`, without signs and octal numbers. `errno` is `ERANGE` if the number is too large.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_strtoul(
    str: *const c_char,
    end: *mut *mut c_char,
    base: c_int,
) -> c_ulong {
    // SAFETY: the caller passes a NUL-terminated string; the end's variable may be NULL.
    unsafe {
        let (value, len) = unsigned(CStr::from_ptr(str).to_bytes(), base as u32);
        if !end.is_null() {
            *end = str.add(len).cast_mut();
        }
        value.unwrap_or_else(|| {
            out_of_range();
            c_ulong::MAX
        })
    }
}

/// Like `strtol`, without octal numbers. `errno` is `ERANGE` if the number does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_strtol(
    str: *const c_char,
    end: *mut *mut c_char,
    base: c_int,
) -> c_long {
    // SAFETY: the caller passes a NUL-terminated string; the end's variable may be NULL.
    unsafe {
        let text = CStr::from_ptr(str).to_bytes();
        let spaces = text
            .iter()
            .take_while(|c| matches!(c, b' ' | b'\t'..=b'\r'))
            .count();
        let signed = matches!(text.get(spaces), Some(b'+' | b'-'));
        let negative = text.get(spaces) == Some(&b'-');
        let from = spaces + usize::from(signed);
        let (value, len) = unsigned(&text[from..], base as u32);
        if !end.is_null() {
            *end = str.add(from + len).cast_mut();
        }
        let value = value.and_then(|v| match negative {
            true => 0i64.checked_sub_unsigned(v),
            false => i64::try_from(v).ok(),
        });
        value.unwrap_or_else(|| {
            out_of_range();
            if negative { c_long::MIN } else { c_long::MAX }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_they_end() {
        for (text, len) in [
            ("1.5", 3),
            ("-.5e3x", 5),
            ("+1e", 2),
            ("1e+", 1),
            ("inf", 3),
            ("-Infinity", 9),
            ("infin", 3),
            ("nan", 3),
            ("0x10", 1),
            (".", 0),
            ("", 0),
            ("e5", 0),
            (" 1", 0),
        ] {
            assert_eq!(number_length(text.as_bytes()), len, "{text}");
        }
    }

    #[test]
    fn finite_numbers_in_all_formats() {
        let f = format_finite;
        assert_eq!(f(1.0, b'r', 0, Py_DTSF_ADD_DOT_0, "1.0"), "1.0");
        assert_eq!(f(1.0, b'r', 0, 0, "1.0"), "1");
        assert_eq!(f(1e16, b'r', 0, Py_DTSF_ADD_DOT_0, "1e+16"), "1e+16");
        assert_eq!(f(1.5, b'f', 3, Py_DTSF_SIGN, ""), "+1.500");
        assert_eq!(f(-0.001, b'f', 1, Py_DTSF_NO_NEG_0, ""), "0.0");
        assert_eq!(f(1e10, b'E', 2, 0, ""), "1.00E+10");
        assert_eq!(f(3.0, b'g', 6, Py_DTSF_ALT, ""), "3.00000");
    }

    #[test]
    fn integers_of_all_bases() {
        assert_eq!(unsigned(b" 0x1F!", 0), (Some(31), 5));
        assert_eq!(unsigned(b"0b12", 0), (Some(1), 3));
        assert_eq!(unsigned(b"012", 0), (Some(0), 1));
        assert_eq!(unsigned(b"0x", 16), (Some(0), 1));
        assert_eq!(unsigned(b"zz", 36), (Some(35 * 36 + 35), 2));
        assert_eq!(unsigned(b"99999999999999999999", 10), (None, 20));
    }
}
