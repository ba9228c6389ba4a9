//! The format language of `Py_BuildValue`.

use std::ffi::{c_char, c_void};
use std::ptr;

use crate::api::dictobject::{PyDict_New, PyDict_SetItem};
use crate::api::unicodeobject::{
    PyUnicode_FromOrdinal, PyUnicode_FromStringAndSize, PyUnicode_FromWideChar,
};
use crate::api::varargs::*;
use crate::layout::*;
use crate::proxy::mirror::{
    bytesobject, complexobject, floatobject, listobject, longobject, tupleobject, unicodeobject,
};
use crate::thread::error;
use crate::{refcount, types};

type Constructor = unsafe extern "C" fn(*mut c_void) -> *mut PyObject;

/// The number of values that a format describes up to `end`.
fn count(mut format: Format, end: u8) -> Raising<usize> {
    let (mut n, mut level) = (0, 0i32);
    loop {
        let c = format.peek();
        if level <= 0 && c == end {
            return Ok(n);
        }
        match format.advance() {
            0 => return Err(system_error("unmatched paren in format")),
            b'(' | b'[' | b'{' => {
                n += usize::from(level == 0);
                level += 1;
            }
            b')' | b']' | b'}' => level -= 1,
            b'#' | b'&' | b',' | b':' | b' ' | b'\t' => {}
            _ => n += usize::from(level == 0),
        }
    }
}

/// `Py_VaBuildValue`: a new reference.
///
/// # Safety
/// The list has what the format asks for.
pub unsafe fn build(format: Format, va: VaList) -> Raising<*mut PyObject> {
    let n = count(format, 0)?;
    let mut builder = Builder { format, va };
    // SAFETY: by this function's contract.
    unsafe {
        match n {
            0 => Ok(types::statics::none()),
            1 => builder.value(),
            _ => builder.tuple(0),
        }
    }
}

/// The values of a format as a C stack of new references.
///
/// # Safety
/// As for [`build`].
pub unsafe fn build_stack(format: Format, va: VaList) -> Raising<Vec<*mut PyObject>> {
    let n = count(format, 0)?;
    let mut builder = Builder { format, va };
    let mut stack = Vec::with_capacity(n);
    // SAFETY: by this function's contract.
    let result = unsafe {
        builder.values(0, n, |value| {
            stack.push(value);
            Ok(())
        })
    };
    if let Err(raised) = result {
        for value in stack {
            // SAFETY: the references are ours.
            unsafe { refcount::decref(value) };
        }
        return Err(raised);
    }
    Ok(stack)
}

struct Builder<'a> {
    format: Format<'a>,
    va: VaList,
}

impl Builder<'_> {
    /// Makes the next value: a new reference.
    unsafe fn value(&mut self) -> Raising<*mut PyObject> {
        // SAFETY: by the contract of `build`.
        unsafe {
            loop {
                let made = match self.format.advance() {
                    b'(' => return self.tuple(b')'),
                    b'[' => return self.list(),
                    b'{' => return self.dict(),
                    b'b' | b'B' | b'h' | b'i' => longobject::from_i64(self.va.int().into()),
                    b'H' | b'I' => longobject::from_i64(self.va.uint().into()),
                    b'n' | b'l' | b'L' => longobject::from_i64(self.va.long()),
                    b'k' | b'K' => longobject::from_u64(self.va.ulong()),
                    b'p' => types::statics::bool(self.va.int() != 0),
                    b'f' | b'd' => floatobject::from_f64(self.va.double()),
                    b'D' => {
                        let value = *self.va.pointer::<Py_complex>();
                        complexobject::new(types::statics::complex_type(), value)
                    }
                    b'c' => bytesobject::from_slice(&[self.va.int() as u8]),
                    b'C' => return non_null(PyUnicode_FromOrdinal(self.va.int())),
                    b'u' => return self.wide_text(),
                    b's' | b'z' | b'U' => match self.sized_text() {
                        None => types::statics::none(),
                        Some(text) if text.is_ascii() => unicodeobject::from_ascii(text),
                        Some(text) => {
                            let data = text.as_ptr().cast();
                            let len = text.len() as Py_ssize_t;
                            return non_null(PyUnicode_FromStringAndSize(data, len));
                        }
                    },
                    b'y' => match self.sized_text() {
                        None => types::statics::none(),
                        Some(bytes) => bytesobject::from_slice(bytes),
                    },
                    unit @ (b'N' | b'S' | b'O') => return self.object(unit),
                    b':' | b',' | b' ' | b'\t' => continue,
                    _ => return Err(system_error("bad format char passed to Py_BuildValue")),
                };
                return allocated(made);
            }
        }
    }

    /// `O`, `S`, `N`, and any of them with `&`.
    unsafe fn object(&mut self, unit: u8) -> Raising<*mut PyObject> {
        // SAFETY: by the contract of `build`.
        unsafe {
            if self.format.take(b'&') {
                let construct = self.va.function::<Constructor>();
                return non_null(construct(self.va.pointer()));
            }
            let object = self.va.pointer::<PyObject>();
            if object.is_null() {
                // A call that should have made it failed and said why.
                return Err(if error::occurred() {
                    Raised
                } else {
                    system_error("NULL object passed to Py_BuildValue")
                });
            }
            if unit != b'N' {
                refcount::incref(object);
            }
            Ok(object)
        }
    }

    /// A string argument, and its length after `#`; without, or if that is
    /// negative, a NUL ends it. `None` for NULL.
    unsafe fn sized_text<'a>(&mut self) -> Option<&'a [u8]> {
        // SAFETY: by the contract of `build`.
        unsafe {
            let text = self.va.pointer::<c_char>();
            let size = self.size();
            if text.is_null() {
                return None;
            }
            let size = size.unwrap_or_else(|| libc::strlen(text));
            Some(std::slice::from_raw_parts(text.cast(), size))
        }
    }

    unsafe fn wide_text(&mut self) -> Raising<*mut PyObject> {
        // SAFETY: by the contract of `build`.
        unsafe {
            let text = self.va.pointer::<libc::wchar_t>();
            let size = self.size();
            if text.is_null() {
                return Ok(types::statics::none());
            }
            let size = size.unwrap_or_else(|| libc::wcslen(text));
            non_null(PyUnicode_FromWideChar(text, size as Py_ssize_t))
        }
    }

    /// The length that goes with a `#`.
    unsafe fn size(&mut self) -> Option<usize> {
        if !self.format.take(b'#') {
            return None;
        }
        // SAFETY: by the contract of `build`.
        usize::try_from(unsafe { self.va.ssize() }).ok()
    }

    /// Makes the values up to `end`, `n` of them, and moves past `end`. All
    /// arguments are taken even after an error: some bring references along.
    unsafe fn values(
        &mut self,
        end: u8,
        n: usize,
        mut put: impl FnMut(*mut PyObject) -> Raising<()>,
    ) -> Raising<()> {
        for i in 0..n {
            // SAFETY: by the contract of `build`.
            unsafe {
                if let Err(raised) = self.value().and_then(&mut put) {
                    self.ignore(end, n - i - 1);
                    return Err(raised);
                }
            }
        }
        self.end(end)
    }

    fn end(&mut self, end: u8) -> Raising<()> {
        while matches!(self.format.peek(), b' ' | b'\t' | b',' | b':') {
            self.format.advance();
        }
        if self.format.peek() != end {
            return Err(system_error("Unmatched paren in format"));
        }
        self.format.advance();
        Ok(())
    }

    /// Makes and drops the rest of the values, keeping the error that is set.
    unsafe fn ignore(&mut self, end: u8, n: usize) {
        for _ in 0..n {
            let saved = error::take_raw();
            // SAFETY: by the contract of `build`; the value is ours.
            unsafe {
                if let Ok(value) = self.value() {
                    refcount::decref(value);
                }
            }
            error::replace(saved);
        }
        // Sets an error itself, in place of the first, as CPython does.
        let _ = self.end(end);
    }

    unsafe fn tuple(&mut self, end: u8) -> Raising<*mut PyObject> {
        let n = count(self.format, end)?;
        // SAFETY: by the contract of `build`; the tuple has room for `n`.
        unsafe {
            let tuple = match n {
                0 => tupleobject::empty(),
                n => tupleobject::new(types::statics::tuple_type(), n),
            };
            let items = allocated(tuple)?;
            self.fill(end, tuple, tupleobject::items(items))
        }
    }

    unsafe fn list(&mut self) -> Raising<*mut PyObject> {
        let n = count(self.format, b']')?;
        // SAFETY: by the contract of `build`; the list has room for `n`.
        unsafe {
            let list = allocated(listobject::new(types::statics::list_type(), n))?;
            self.fill(b']', list, listobject::items(list))
        }
    }

    /// Fills the items of `owner`, which is fresh; gives it back or drops it.
    unsafe fn fill(
        &mut self,
        end: u8,
        owner: *mut PyObject,
        items: &mut [*mut PyObject],
    ) -> Raising<*mut PyObject> {
        let n = items.len();
        let mut free = items.iter_mut();
        // SAFETY: by the contract of `build`; the owner is ours.
        unsafe {
            let result = self.values(end, n, |value| {
                *free.next().expect("as many as values") = value;
                Ok(())
            });
            if let Err(raised) = result {
                refcount::decref(owner);
                return Err(raised);
            }
        }
        Ok(owner)
    }

    unsafe fn dict(&mut self) -> Raising<*mut PyObject> {
        let n = count(self.format, b'}')?;
        // SAFETY: by the contract of `build`; the references are ours.
        unsafe {
            if n % 2 != 0 {
                let raised = system_error("Bad dict format");
                self.ignore(b'}', n);
                return Err(raised);
            }
            let dict = non_null(PyDict_New())?;
            let mut key: *mut PyObject = ptr::null_mut();
            let result = self.values(b'}', n, |value| {
                if key.is_null() {
                    key = value;
                    return Ok(());
                }
                let status = PyDict_SetItem(dict, key, value);
                refcount::decref(std::mem::replace(&mut key, ptr::null_mut()));
                refcount::decref(value);
                if status < 0 { Err(Raised) } else { Ok(()) }
            });
            if let Err(raised) = result {
                refcount::xdecref(key);
                refcount::decref(dict);
                return Err(raised);
            }
            Ok(dict)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted() {
        let counted = |text: &str, end| count(Format::new(text.as_bytes()), end).ok();
        assert_eq!(counted("", 0), Some(0));
        assert_eq!(counted("i", 0), Some(1));
        assert_eq!(counted("s#i, y#:O&", 0), Some(4));
        assert_eq!(counted("(ii)[i]{s:i}", 0), Some(3));
        assert_eq!(counted("i(i)]", b']'), Some(2));
        assert_eq!(counted("i)", 0), Some(1));
    }
}
