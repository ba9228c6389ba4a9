//! The character properties of `cpython/unicodeobject.h`.
//!
//! Extensions ask for them without the GIL, so nothing here needs the VM.

use std::ffi::{c_double, c_int, c_uchar};

use rustpython_unicode::{case, classify, data::Ucd};
use rustpython_vm::common::wtf8::CodePoint;

use crate::layout::Py_UCS4;

/// For each ASCII character, whether it is white space.
#[unsafe(no_mangle)]
pub static _Py_ascii_whitespace: [c_uchar; 128] = {
    let mut table = [0; 128];
    let mut c = 0;
    while c < 128 {
        table[c as usize] = matches!(c, 0x09..=0x0d | 0x1c..=0x20) as c_uchar;
        c += 1;
    }
    table
};

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident = $test:expr;)*) => {$(
        $(#[$doc])*
        /// 1 or 0.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(ch: Py_UCS4) -> c_int {
            // Surrogates and what is no character have no property.
            c_int::from(char::from_u32(ch).is_some_and($test))
        }
    )*};
}

properties! {
    /// Whether it is a letter.
    _PyUnicode_IsAlpha = classify::is_alpha;
    /// Whether it is a decimal digit.
    _PyUnicode_IsDecimalDigit = classify::is_decimal;
    /// Whether it has a digit's value.
    _PyUnicode_IsDigit = classify::is_digit;
    /// Whether it has a numeric value.
    _PyUnicode_IsNumeric = classify::is_numeric;
    /// Whether it ends a line.
    _PyUnicode_IsLinebreak = is_linebreak;
    /// Whether it is in lower case.
    _PyUnicode_IsLowercase = case::is_lowercase;
    /// Whether it is in upper case.
    _PyUnicode_IsUppercase = case::is_uppercase;
    /// Whether it is in title case.
    _PyUnicode_IsTitlecase = case::is_titlecase;
    /// Whether `repr` shows it as it is.
    _PyUnicode_IsPrintable = classify::is_printable;
    /// Whether it is white space.
    _PyUnicode_IsWhitespace = classify::is_space;
}

fn is_linebreak(c: char) -> bool {
    matches!(
        c,
        '\n' | '\x0b' | '\x0c' | '\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

macro_rules! mappings {
    ($($(#[$doc:meta])* $name:ident = $map:expr;)*) => {$(
        $(#[$doc])*
        /// Other characters stay as they are.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(ch: Py_UCS4) -> Py_UCS4 {
            char::from_u32(ch).map_or(ch, |c| $map(c) as Py_UCS4)
        }
    )*};
}

mappings! {
    /// The first character of the lower case form.
    _PyUnicode_ToLowercase = |c: char| c.to_lowercase().next().unwrap_or(c);
    /// The first character of the upper case form.
    _PyUnicode_ToUppercase = |c: char| c.to_uppercase().next().unwrap_or(c);
    /// The title case form.
    _PyUnicode_ToTitlecase = case::simple_titlecase;
}

fn value<T>(ch: Py_UCS4, f: impl FnOnce(Ucd, CodePoint) -> Option<T>) -> Option<T> {
    f(Ucd::new(true), CodePoint::from_u32(ch)?)
}

/// The value of a decimal digit, -1 for other characters.
#[unsafe(no_mangle)]
pub extern "C" fn _PyUnicode_ToDecimalDigit(ch: Py_UCS4) -> c_int {
    value(ch, |ucd, c| ucd.decimal(c)).map_or(-1, |n| n as c_int)
}

/// The value of a digit, -1 for other characters.
#[unsafe(no_mangle)]
pub extern "C" fn _PyUnicode_ToDigit(ch: Py_UCS4) -> c_int {
    value(ch, |ucd, c| ucd.digit(c)).map_or(-1, |n| n as c_int)
}

/// The numeric value, -1.0 for characters without one.
#[unsafe(no_mangle)]
pub extern "C" fn _PyUnicode_ToNumeric(ch: Py_UCS4) -> c_double {
    value(ch, |ucd, c| ucd.numeric(c)).unwrap_or(-1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_cpythons_properties() {
        let all = |f: extern "C" fn(Py_UCS4) -> c_int, s: &str| s.chars().all(|c| f(c as u32) == 1);
        assert!(all(_PyUnicode_IsAlpha, "aZé中ª"));
        assert!(all(
            _PyUnicode_IsWhitespace,
            "\t\n\x1c\x1f \u{85}\u{a0}\u{3000}"
        ));
        assert!(all(_PyUnicode_IsNumeric, "3²½四"));
        assert!(all(_PyUnicode_IsDigit, "3²"));
        assert_eq!(_PyUnicode_IsDecimalDigit('²' as u32), 0);
        assert_eq!(_PyUnicode_IsAlpha(0xd800), 0);
        assert_eq!(_PyUnicode_IsAlpha(u32::MAX), 0);
        assert_eq!(_PyUnicode_ToLowercase('É' as u32), 'é' as u32);
        assert_eq!(_PyUnicode_ToUppercase('ß' as u32), 'S' as u32);
        assert_eq!(_PyUnicode_ToTitlecase('ǆ' as u32), 'ǅ' as u32);
        assert_eq!(_PyUnicode_ToLowercase(0xdfff), 0xdfff);
        assert_eq!(_PyUnicode_ToDigit('²' as u32), 2);
        assert_eq!(_PyUnicode_ToDecimalDigit('a' as u32), -1);
        assert_eq!(_PyUnicode_ToNumeric('½' as u32), 0.5);
    }

    #[test]
    fn ascii_white_space_agrees() {
        for (c, &is_space) in (0..).zip(&_Py_ascii_whitespace) {
            assert_eq!(c_int::from(is_space), _PyUnicode_IsWhitespace(c));
        }
    }
}
