//! `cpython/pyctype.h`: the C locale's characters, whatever the locale is; and `Py_hexdigits`.

use std::ffi::{CStr, c_char, c_uint};

use crate::layout::{PY_CTF_DIGIT, PY_CTF_LOWER, PY_CTF_SPACE, PY_CTF_UPPER, PY_CTF_XDIGIT};

const fn class(c: u8) -> c_uint {
    let mut bits = match c {
        b'a'..=b'z' => PY_CTF_LOWER,
        b'A'..=b'Z' => PY_CTF_UPPER,
        b'0'..=b'9' => PY_CTF_DIGIT,
        b'\t'..=b'\r' | b' ' => PY_CTF_SPACE,
        _ => 0,
    };
    if c.is_ascii_hexdigit() {
        bits |= PY_CTF_XDIGIT;
    }
    bits
}

const fn classes() -> [c_uint; 256] {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 256 {
        table[c] = class(c as u8);
        c += 1;
    }
    table
}

const fn cases(upper: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 256 {
        table[c] = match upper {
            true => (c as u8).to_ascii_uppercase(),
            false => (c as u8).to_ascii_lowercase(),
        };
        c += 1;
    }
    table
}

/// `PY_CTF_*` bits of each byte.
#[unsafe(no_mangle)]
pub static _Py_ctype_table: [c_uint; 256] = classes();

/// Each byte in lower case.
#[unsafe(no_mangle)]
pub static _Py_ctype_tolower: [u8; 256] = cases(false);

/// Each byte in upper case.
#[unsafe(no_mangle)]
pub static _Py_ctype_toupper: [u8; 256] = cases(true);

/// An address of constant text.
#[repr(transparent)]
pub struct Text(*const c_char);
// SAFETY: the text is constant.
unsafe impl Sync for Text {}

impl Text {
    /// The address of `text`.
    pub const fn new(text: &'static CStr) -> Self {
        Self(text.as_ptr())
    }
}

/// The digits of base 16, in lower case.
#[unsafe(no_mangle)]
pub static Py_hexdigits: Text = Text::new(c"0123456789abcdef");
