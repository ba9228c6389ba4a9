//! The format languages of `PyUnicode_FromFormat` and `PyBytes_FromFormat`,
//! which the functions that make messages share.

use std::ffi::{CStr, c_char, c_int};

use super::border;
use super::varargs::*;
use crate::api::object::{PyObject_ASCII, PyObject_Repr, PyObject_Str};
use crate::api::typeobject::{PyType_GetModuleName, PyType_GetQualName};
use crate::api::unicodeobject::PyUnicodeWriter_WriteStr;
use crate::layout::*;
use crate::proxy::mirror::{bytesobject, unicodeobject};
use crate::refcount;

/// The width in bytes of an integer argument, as a length modifier gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Size {
    Int,
    /// `l`, which also makes `s` and `V` take wide strings.
    Long,
    /// `ll`, `z`, `t` or `j`, all as wide as `long` here.
    Wide,
}

/// What stands between `%` and the conversion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Spec {
    left: bool,
    zero: bool,
    alternate: bool,
    width: Option<usize>,
    precision: Option<usize>,
    size: Size,
    conversion: u8,
}

/// A number in a format: `None` without digits, an error if it is too large.
fn number(format: &mut Format, what: &str) -> Raising<Option<usize>> {
    let mut value: Option<usize> = None;
    while format.peek().is_ascii_digit() {
        let digit = usize::from(format.advance() - b'0');
        value = Some(
            value
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|n| n.checked_add(digit))
                .filter(|&n| isize::try_from(n).is_ok())
                .ok_or_else(|| value_error(format!("{what} too big")))?,
        );
    }
    Ok(value)
}

impl Spec {
    /// Reads what follows a `%`; `star` gives the argument for a `*`.
    fn read(format: &mut Format, mut star: impl FnMut() -> c_int) -> Raising<Self> {
        let (mut left, mut zero, mut alternate) = (false, false, false);
        loop {
            match format.peek() {
                b'-' => left = true,
                b'0' => zero = true,
                b'#' => alternate = true,
                _ => break,
            }
            format.advance();
        }
        let width = if format.take(b'*') {
            let width = star();
            left |= width < 0;
            Some(width.unsigned_abs() as usize)
        } else {
            number(format, "width")?
        };
        let precision = if !format.take(b'.') {
            None
        } else if format.take(b'*') {
            Some(usize::try_from(star()).unwrap_or(0))
        } else {
            number(format, "precision")?
        };
        let size = match format.peek() {
            b'l' => {
                format.advance();
                if format.take(b'l') {
                    Size::Wide
                } else {
                    Size::Long
                }
            }
            b'z' | b't' | b'j' => {
                format.advance();
                Size::Wide
            }
            _ => Size::Int,
        };
        Ok(Self {
            left,
            zero,
            alternate,
            width,
            precision,
            size,
            conversion: format.advance(),
        })
    }

    /// Whether the conversion exists and takes what it was given.
    fn is_valid(&self) -> bool {
        match self.conversion {
            b'd' | b'i' | b'o' | b'u' | b'x' | b'X' => true,
            b'c' | b'p' => {
                self.size == Size::Int && self.width.is_none() && self.precision.is_none()
            }
            b's' | b'V' => self.size != Size::Wide,
            b'U' | b'S' | b'R' | b'A' | b'T' | b'N' => self.size == Size::Int,
            _ => false,
        }
    }
}

/// A text under construction, as code points.
#[derive(Default)]
pub struct Text(Vec<u32>);

impl Text {
    fn fill(&mut self, c: u8, n: usize) {
        self.0.resize(self.0.len() + n, c.into());
    }

    fn ascii(&mut self, text: &[u8]) {
        self.0.extend(text.iter().copied().map(u32::from));
    }

    /// An integer's digits, with its sign, padded.
    fn integer(&mut self, digits: &str, spec: &Spec) {
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => (1, digits),
            None => (0, digits),
        };
        let mut precision = spec.precision.unwrap_or(0).max(digits.len());
        let width = spec.width.unwrap_or(0).max(precision + sign);
        if spec.zero && !spec.left {
            precision = width - sign;
        }
        let spaces = width - precision - sign;
        if !spec.left {
            self.fill(b' ', spaces);
        }
        self.fill(b'-', sign);
        self.fill(b'0', precision - digits.len());
        self.ascii(digits.as_bytes());
        if spec.left {
            self.fill(b' ', spaces);
        }
    }

    /// Characters, cut to `precision` and padded.
    fn string(&mut self, points: impl Iterator<Item = u32>, precision: Option<usize>, spec: &Spec) {
        let start = self.0.len();
        self.0.extend(points.take(precision.unwrap_or(usize::MAX)));
        let len = self.0.len() - start;
        let padding = spec.width.unwrap_or(0).saturating_sub(len);
        self.fill(b' ', padding);
        if !spec.left {
            self.0[start..].rotate_right(padding);
        }
    }

    /// UTF-8; with `cut`, that may have gone through a character, whose rest is left out.
    fn utf8(&mut self, text: &[u8], cut: bool, spec: &Spec) {
        let text = if cut {
            without_incomplete_end(text)
        } else {
            text
        };
        let text = String::from_utf8_lossy(text);
        self.string(text.chars().map(u32::from), None, spec);
    }

    /// The text as a `str`: new.
    fn into_str(self) -> Raising<*mut PyObject> {
        allocated(unicodeobject::from_points(self.0.into_iter()))
    }
}

/// `text` up to a character at its end of which bytes are missing.
fn without_incomplete_end(text: &[u8]) -> &[u8] {
    let missing =
        text.utf8_chunks()
            .last()
            .map_or(0, |chunk| match std::str::from_utf8(chunk.invalid()) {
                Err(e) if e.error_len().is_none() => chunk.invalid().len(),
                _ => 0,
            });
    &text[..text.len() - missing]
}

/// A C string, of which at most `max` bytes are looked at, and whether it is
/// as long as that.
unsafe fn bounded<'a>(text: *const c_char, max: Option<usize>) -> (&'a [u8], bool) {
    // SAFETY: by the caller's contract, `text` has `max` bytes or a NUL before.
    unsafe {
        let len = match max {
            None => libc::strlen(text),
            Some(max) => libc::strnlen(text, max),
        };
        let bytes = std::slice::from_raw_parts(text.cast(), len);
        (bytes, max == Some(len))
    }
}

struct Formatter {
    text: Text,
    va: VaList,
}

impl Formatter {
    unsafe fn run(&mut self, mut format: Format) -> Raising<()> {
        loop {
            let start = format;
            match format.advance() {
                0 => return Ok(()),
                b'%' if format.take(b'%') => self.text.ascii(b"%"),
                // SAFETY: by the contract of `text_from_format`.
                b'%' => unsafe { self.conversion(start, &mut format)? },
                c if c.is_ascii() => self.text.ascii(&[c]),
                c => {
                    return Err(value_error(format!(
                        "PyUnicode_FromFormatV() expects an ASCII-encoded format string, \
                         got a non-ASCII byte: 0x{c:02x}"
                    )));
                }
            }
        }
    }

    unsafe fn conversion(&mut self, start: Format, format: &mut Format) -> Raising<()> {
        // SAFETY: the list has what the format asks for, pointers to strings
        // and objects that are live, by the contract of `text_from_format`.
        unsafe {
            let spec = Spec::read(format, || self.va.int())?;
            if !spec.is_valid() {
                return Err(system_error(format!(
                    "invalid format string: {}",
                    String::from_utf8_lossy(start.rest())
                )));
            }
            match spec.conversion {
                b'c' => self.character(),
                b's' if spec.size == Size::Long => {
                    let text = self.va.pointer();
                    self.wide(text, &spec);
                    Ok(())
                }
                b's' => {
                    let text = self.va.pointer();
                    self.narrow(text, &spec);
                    Ok(())
                }
                b'p' => {
                    let text = match self.va.pointer::<u8>() as usize {
                        0 => "0x(nil)".to_owned(),
                        address => format!("{address:#x}"),
                    };
                    self.text.ascii(text.as_bytes());
                    Ok(())
                }
                b'U' => {
                    let object = self.va.pointer();
                    self.object(object, &spec);
                    Ok(())
                }
                b'V' => {
                    let object = self.va.pointer::<PyObject>();
                    let otherwise = self.va.pointer::<u8>();
                    if !object.is_null() {
                        self.object(object, &spec);
                    } else if spec.size == Size::Long {
                        self.wide(otherwise.cast(), &spec);
                    } else {
                        self.narrow(otherwise.cast(), &spec);
                    }
                    Ok(())
                }
                b'S' => {
                    let object = self.va.pointer();
                    self.owned(PyObject_Str(object), &spec)
                }
                b'R' => {
                    let object = self.va.pointer();
                    self.owned(PyObject_Repr(object), &spec)
                }
                b'A' => {
                    let object = self.va.pointer();
                    self.owned(PyObject_ASCII(object), &spec)
                }
                b'T' => {
                    let object = self.va.pointer::<PyObject>();
                    self.type_name((*object).ob_type, &spec)
                }
                b'N' => {
                    let ty = self.va.pointer::<PyObject>();
                    if !PyType_HasFeature((*ty).ob_type, Py_TPFLAGS_TYPE_SUBCLASS) {
                        return Err(type_error("%N argument must be a type"));
                    }
                    self.type_name(ty.cast(), &spec)
                }
                _ => {
                    let digits = self.digits(&spec);
                    self.text.integer(&digits, &spec);
                    Ok(())
                }
            }
        }
    }

    unsafe fn digits(&mut self, spec: &Spec) -> String {
        // SAFETY: as in `conversion`.
        unsafe {
            if matches!(spec.conversion, b'd' | b'i') {
                return match spec.size {
                    Size::Int => self.va.int().to_string(),
                    _ => self.va.long().to_string(),
                };
            }
            let value = match spec.size {
                Size::Int => self.va.uint().into(),
                _ => self.va.ulong(),
            };
            match spec.conversion {
                b'o' => format!("{value:o}"),
                b'x' => format!("{value:x}"),
                b'X' => format!("{value:X}"),
                _ => value.to_string(),
            }
        }
    }

    unsafe fn character(&mut self) -> Raising<()> {
        // SAFETY: as in `conversion`.
        match u32::try_from(unsafe { self.va.int() }) {
            Ok(point @ 0..=0x10ffff) => {
                self.text.0.push(point);
                Ok(())
            }
            _ => Err(overflow_error("character argument not in range(0x110000)")),
        }
    }

    unsafe fn narrow(&mut self, text: *const c_char, spec: &Spec) {
        // SAFETY: as in `conversion`.
        let (text, cut) = unsafe { bounded(text, spec.precision) };
        self.text.utf8(text, cut, spec);
    }

    unsafe fn wide(&mut self, text: *const libc::wchar_t, spec: &Spec) {
        let max = spec.precision.unwrap_or(usize::MAX);
        // SAFETY: as in `conversion`: a NUL ends the text, or the precision.
        let points = (0..max)
            .map(|i| unsafe { *text.add(i) } as u32)
            .take_while(|&point| point != 0);
        self.text.string(points, None, spec);
    }

    /// The text of a `str`.
    unsafe fn object(&mut self, object: *mut PyObject, spec: &Spec) {
        // SAFETY: as in `conversion`.
        let points = unsafe { unicodeobject::points(object) };
        self.text.string(points, spec.precision, spec);
    }

    /// The text of a `str` that an API function made, which is dropped.
    unsafe fn owned(&mut self, object: *mut PyObject, spec: &Spec) -> Raising<()> {
        let object = non_null(object)?;
        // SAFETY: the reference is ours.
        unsafe {
            self.object(object, spec);
            refcount::decref(object);
        }
        Ok(())
    }

    unsafe fn type_name(&mut self, ty: *mut PyTypeObject, spec: &Spec) -> Raising<()> {
        let separator = if spec.alternate { ":" } else { "." };
        // SAFETY: as in `conversion`.
        let name = unsafe { type_name(ty, separator)? };
        self.text
            .string(name.chars().map(u32::from), spec.precision, spec);
        Ok(())
    }
}

/// A type's module and qualified name; the module of built-in and main
/// program's types is left out.
///
/// # Safety
/// `ty` is a live type.
pub unsafe fn type_name(ty: *mut PyTypeObject, separator: &str) -> Raising<String> {
    // SAFETY: by this function's contract; the references are ours.
    unsafe {
        if !PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            return Ok(CStr::from_ptr((*ty).tp_name).to_string_lossy().into_owned());
        }
        let take = |object: *mut PyObject| -> Raising<Option<String>> {
            let object = non_null(object)?;
            let text = PyType_HasFeature((*object).ob_type, Py_TPFLAGS_UNICODE_SUBCLASS)
                .then(|| unicodeobject::to_pystr(object).to_string());
            refcount::decref(object);
            Ok(text)
        };
        let name = take(PyType_GetQualName(ty))?.unwrap_or_default();
        Ok(match take(PyType_GetModuleName(ty))? {
            Some(module) if module != "builtins" && module != "__main__" => {
                format!("{module}{separator}{name}")
            }
            _ => name,
        })
    }
}

/// The text that a format of `PyUnicode_FromFormat` gives, as a `str`: new.
///
/// # Safety
/// `format` is NULL or a string; the list has what it asks for, and the
/// objects and strings in it are live.
pub unsafe fn text_from_format(
    vm: &rustpython_vm::VirtualMachine,
    format: *const c_char,
    va: *const __va_list_tag,
) -> Raising<*mut PyObject> {
    // SAFETY: by this function's contract.
    unsafe {
        let mut formatter = Formatter {
            text: Text::default(),
            va: VaList::copy_of(va),
        };
        formatter.run(Format::of(vm, format)?)?;
        formatter.text.into_str()
    }
}

/// A `str` by a format: new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_FromFormatV(
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    // SAFETY: the caller of the variadic function answers for its arguments.
    border(|vm| Ok(or_null(unsafe { text_from_format(vm, format, va) })))
}

/// The work of `PyUnicodeWriter_Format`: appends a text by a format. -1 with
/// an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pyabi_PyUnicodeWriter_Format(
    writer: *mut PyUnicodeWriter,
    format: *const c_char,
    va: *mut __va_list_tag,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its
        // arguments; the text is ours.
        Ok(unsafe {
            match text_from_format(vm, format, va) {
                Ok(text) => {
                    let status = PyUnicodeWriter_WriteStr(writer, text);
                    refcount::decref(text);
                    status
                }
                Err(Raised) => -1,
            }
        })
    })
}

/// The bytes that a format of `PyBytes_FromFormat` gives.
///
/// # Safety
/// As for [`text_from_format`].
unsafe fn bytes_from_format(mut format: Format, mut va: VaList) -> Raising<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let start = format;
        let c = format.advance();
        if c != b'%' {
            if c == 0 {
                return Ok(bytes);
            }
            bytes.push(c);
            continue;
        }
        // A width is read and ignored.
        while format.peek().is_ascii_digit() {
            format.advance();
        }
        let mut precision = None;
        if format.take(b'.') {
            precision = number(&mut format, "precision")?.filter(|&n| n > 0);
        }
        while !matches!(format.peek(), 0 | b'%') && !format.peek().is_ascii_alphabetic() {
            format.advance();
        }
        let long = match (format.peek(), format.rest().get(1)) {
            (b'l' | b'z', Some(b'd' | b'u')) => {
                format.advance();
                true
            }
            _ => false,
        };
        // SAFETY: by this function's contract.
        unsafe {
            match format.advance() {
                b'c' => match u8::try_from(va.int()) {
                    Ok(byte) => bytes.push(byte),
                    Err(_) => {
                        return Err(overflow_error(
                            "PyBytes_FromFormatV(): %c format expects an integer in range [0; 255]",
                        ));
                    }
                },
                b'd' if long => bytes.extend(va.long().to_string().bytes()),
                b'u' if long => bytes.extend(va.ulong().to_string().bytes()),
                b'd' | b'i' => bytes.extend(va.int().to_string().bytes()),
                b'u' => bytes.extend(va.uint().to_string().bytes()),
                b'x' => bytes.extend(format!("{:x}", va.uint()).bytes()),
                b's' => bytes.extend(bounded(va.pointer(), precision).0),
                b'p' => match va.pointer::<u8>() as usize {
                    0 => bytes.extend(b"0x(nil)"),
                    address => bytes.extend(format!("{address:#x}").bytes()),
                },
                b'%' => bytes.push(b'%'),
                // Not a format: the rest is taken as it is.
                _ => {
                    bytes.extend(start.rest());
                    return Ok(bytes);
                }
            }
        }
    }
}

/// A `bytes` by a format: new, or NULL with an exception set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBytes_FromFormatV(
    format: *const c_char,
    va: *mut __va_list_tag,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller of the variadic function answers for its arguments.
        let bytes = unsafe {
            Format::of(vm, format).and_then(|format| bytes_from_format(format, VaList::copy_of(va)))
        };
        Ok(or_null(bytes.and_then(|bytes| {
            allocated(bytesobject::from_slice(&bytes))
        })))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str, stars: &[c_int]) -> Spec {
        let mut stars = stars.iter();
        let mut format = Format::new(text.as_bytes());
        Spec::read(&mut format, || *stars.next().expect("a star")).expect("no error")
    }

    fn integer(text: &str, digits: &str) -> String {
        let mut to = Text::default();
        to.integer(digits, &spec(text, &[]));
        shown(to)
    }

    fn string(text: &str, value: &[u8]) -> String {
        let spec = spec(text, &[]);
        let mut to = Text::default();
        let len = spec.precision.unwrap_or(usize::MAX).min(value.len());
        to.utf8(&value[..len], spec.precision == Some(len), &spec);
        shown(to)
    }

    fn shown(text: Text) -> String {
        text.0
            .into_iter()
            .map(|c| char::from_u32(c).expect("text"))
            .collect()
    }

    #[test]
    fn specs() {
        let plain = Spec {
            left: false,
            zero: false,
            alternate: false,
            width: None,
            precision: None,
            size: Size::Int,
            conversion: b'd',
        };
        assert_eq!(spec("d", &[]), plain);
        assert_eq!(
            spec("-05.3lld", &[]),
            Spec {
                left: true,
                zero: true,
                width: Some(5),
                precision: Some(3),
                size: Size::Wide,
                ..plain
            }
        );
        assert_eq!(
            spec("*.*ls", &[-7, -1]),
            Spec {
                left: true,
                width: Some(7),
                precision: Some(0),
                size: Size::Long,
                conversion: b's',
                ..plain
            }
        );
        assert_eq!(spec(".s", &[]).precision, None);
        assert!(spec("#N", &[]).is_valid() && spec("ld", &[]).is_valid());
        for bad in ["5c", "lc", ".3p", "lS", "zs", "y", "+d", "", "5%"] {
            assert!(!spec(bad, &[]).is_valid(), "{bad}");
        }
    }

    #[test]
    fn integers() {
        assert_eq!(integer("05d", "-12"), "-0012");
        assert_eq!(integer("-05d", "-12"), "-12  ");
        assert_eq!(integer("7.4d", "-12"), "  -0012");
        assert_eq!(integer("07.4d", "-12"), "-000012");
        assert_eq!(integer("d", "7"), "7");
    }

    #[test]
    fn strings() {
        let euros = "a\u{20ac}\u{20ac}".as_bytes();
        assert_eq!(string(".3s", euros), "a");
        assert_eq!(string(".5s", euros), "a\u{20ac}");
        assert_eq!(string("5.3s", euros), "    a");
        assert_eq!(string("-5s", b"abc"), "abc  ");
        assert_eq!(string("s", b"a\xff\xe2\x82b"), "a\u{fffd}\u{fffd}b");
        assert_eq!(string(".4s", b"\xffab\xe2\x82\xac"), "\u{fffd}ab");
    }
}
