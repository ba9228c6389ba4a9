//! The format language of `PyArg_Parse*`: converting one argument.
//!
//! What is stored through a pointer of the caller's is borrowed from the
//! argument. Results that need undoing when a later argument is wrong are
//! recorded, see [`Converter::finish`].

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::ptr;

use crate::api::abstract_::{
    PyIndex_Check, PyNumber_Index, PySequence_Check, PySequence_Size, PySequence_Tuple,
};
use crate::api::complexobject::PyComplex_AsCComplex;
use crate::api::floatobject::PyFloat_AsDouble;
use crate::api::format::type_name;
use crate::api::longobject::{
    PyLong_AsLong, PyLong_AsLongLong, PyLong_AsSsize_t, PyLong_AsUnsignedLongMask,
};
use crate::api::object::PyObject_IsTrue;
use crate::api::pybuffer::{PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer};
use crate::api::pymem::{PyMem_Free, PyMem_Malloc};
use crate::api::typeobject::PyType_IsSubtype;
use crate::api::unicodeobject::{PyUnicode_AsEncodedString, PyUnicode_AsUTF8AndSize};
use crate::api::varargs::errors::warn_deprecated;
use crate::api::varargs::*;
use crate::layout::*;
use crate::proxy::mirror::{bytesobject, longobject, tupleobject, unicodeobject};
use crate::thread::error;
use crate::{refcount, types};

type ConvertFunction = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;

/// Why an argument does not fit.
pub enum Mismatch {
    /// The error indicator says it.
    Raised,
    Unfit {
        /// What follows "argument 1" in the message.
        what: String,
        /// Indices into nested tuples that lead to the culprit, innermost first.
        path: Vec<usize>,
        /// The format or a converter is to blame, not the argument.
        internal: bool,
    },
}

impl From<Raised> for Mismatch {
    fn from(_: Raised) -> Self {
        Self::Raised
    }
}

impl Mismatch {
    /// Takes the outermost index off the path, counted from 1; 0 when there is none.
    pub fn outermost(&mut self) -> usize {
        match self {
            Self::Unfit { path, .. } => path.pop().map_or(0, |i| i + 1),
            Self::Raised => 0,
        }
    }
}

type Fit<T = ()> = Result<T, Mismatch>;

#[cold]
fn unfit(what: String) -> Mismatch {
    Mismatch::Unfit {
        what,
        path: Vec::new(),
        internal: false,
    }
}

#[cold]
fn internal(what: &str) -> Mismatch {
    Mismatch::Unfit {
        what: what.to_owned(),
        path: Vec::new(),
        internal: true,
    }
}

/// The name for messages of what `arg` is: `None` or that of its type.
///
/// # Safety
/// `arg` is a live object.
pub unsafe fn kind_of(arg: *mut PyObject) -> String {
    if arg == types::statics::none() {
        return "None".to_owned();
    }
    // SAFETY: every type has a name.
    unsafe {
        clip(
            std::ffi::CStr::from_ptr((*(*arg).ob_type).tp_name).to_bytes(),
            50,
        )
    }
}

/// # Safety
/// `arg` is a live object.
#[cold]
unsafe fn wrong(expected: &str, arg: *mut PyObject) -> Mismatch {
    // SAFETY: by this function's contract.
    let actual = unsafe { kind_of(arg) };
    unfit(format!(
        "must be {}, not {actual}",
        clip(expected.as_bytes(), 50)
    ))
}

#[cold]
fn wrong_length(expected: &str, what: &str, length: usize) -> Mismatch {
    unfit(format!("must be {expected}, not {what} of length {length}"))
}

/// Whether `p`'s type has `feature`, one of the `Py_TPFLAGS_*_SUBCLASS`.
///
/// # Safety
/// `p` is a live object.
#[inline]
pub unsafe fn is_a(p: *mut PyObject, feature: c_ulong) -> bool {
    // SAFETY: by this function's contract.
    unsafe { PyType_HasFeature((*p).ob_type, feature) }
}

#[inline]
unsafe fn is_str(p: *mut PyObject) -> bool {
    // SAFETY: `p` is a live object, by the callers' contract.
    unsafe { is_a(p, Py_TPFLAGS_UNICODE_SUBCLASS) }
}

#[inline]
unsafe fn is_bytes(p: *mut PyObject) -> bool {
    // SAFETY: `p` is a live object, by the callers' contract.
    unsafe { is_a(p, Py_TPFLAGS_BYTES_SUBCLASS) }
}

unsafe fn is_bytearray(p: *mut PyObject) -> bool {
    // SAFETY: `p` is a live object, by the callers' contract.
    unsafe {
        let ty = (*p).ob_type;
        types::statics::is_exact_bytearray(ty)
            || PyType_IsSubtype(ty, types::statics::bytearray_type()) != 0
    }
}

/// The bytes of a `bytearray`.
///
/// # Safety
/// `p` is a live `bytearray`, and not resized while the slice is used.
unsafe fn bytearray_contents<'a>(p: *mut PyObject) -> &'a [u8] {
    // SAFETY: by this function's contract; the data of an empty one may be NULL.
    unsafe {
        let array = p.cast::<PyByteArrayObject>();
        match (*array).ob_base.ob_size as usize {
            0 => &[],
            len => std::slice::from_raw_parts((*array).ob_start.cast(), len),
        }
    }
}

/// The value of an argument as a C `long`.
unsafe fn long(arg: *mut PyObject) -> Raising<c_long> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if is_a(arg, Py_TPFLAGS_LONG_SUBCLASS)
            && let Some(value) = longobject::to_i64(arg)
        {
            return Ok(value);
        }
        unless_raised(PyLong_AsLong(arg))
    }
}

/// The value of an argument modulo the range of a C `unsigned long`.
unsafe fn mask(arg: *mut PyObject) -> Raising<c_ulong> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if is_a(arg, Py_TPFLAGS_LONG_SUBCLASS)
            && let Some(value) = longobject::to_i64(arg)
        {
            return Ok(value as c_ulong);
        }
        let value = PyLong_AsUnsignedLongMask(arg);
        if value == c_ulong::MAX && error::occurred() {
            return Err(Raised);
        }
        Ok(value)
    }
}

/// As [`mask`], for the formats that take only integers.
unsafe fn index_mask(arg: *mut PyObject) -> Fit<c_ulong> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if !is_a(arg, Py_TPFLAGS_LONG_SUBCLASS) && PyIndex_Check(arg) == 0 {
            return Err(wrong("int", arg));
        }
        Ok(mask(arg)?)
    }
}

unsafe fn ssize(arg: *mut PyObject) -> Raising<Py_ssize_t> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if is_a(arg, Py_TPFLAGS_LONG_SUBCLASS)
            && let Some(value) = longobject::to_i64(arg)
        {
            return Ok(value as Py_ssize_t);
        }
        let index = non_null(PyNumber_Index(arg))?;
        let value = PyLong_AsSsize_t(index);
        refcount::decref(index);
        unless_raised(value)
    }
}

unsafe fn double(arg: *mut PyObject) -> Raising<f64> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if types::statics::is_exact_float((*arg).ob_type) {
            return Ok((*arg.cast::<PyFloatObject>()).ob_fval);
        }
        unless_raised(PyFloat_AsDouble(arg))
    }
}

unsafe fn complex(arg: *mut PyObject) -> Raising<Py_complex> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if types::statics::is_exact_complex((*arg).ob_type) {
            return Ok((*arg.cast::<PyComplexObject>()).cval);
        }
        let value = PyComplex_AsCComplex(arg);
        if error::occurred() {
            Err(Raised)
        } else {
            Ok(value)
        }
    }
}

/// A string's UTF-8, which lives as long as the string; a NUL follows it.
unsafe fn utf8<'a>(arg: *mut PyObject) -> Raising<&'a [u8]> {
    // SAFETY: `arg` is a live string, by the callers' contract.
    unsafe {
        let state = (*arg.cast::<PyASCIIObject>()).state;
        if state.ascii() && state.compact() {
            let (_, data, len) = unicodeobject::data(arg);
            return Ok(std::slice::from_raw_parts(data, len));
        }
        let mut len = 0;
        let text = PyUnicode_AsUTF8AndSize(arg, &mut len);
        if text.is_null() {
            return Err(Raised);
        }
        Ok(std::slice::from_raw_parts(text.cast(), len as usize))
    }
}

/// The memory of an object that does not change and needs no release.
unsafe fn read_only_bytes(arg: *mut PyObject) -> Fit<(*const c_char, Py_ssize_t)> {
    // SAFETY: `arg` is a live object, by the callers' contract.
    unsafe {
        if is_bytes(arg) {
            let bytes = bytesobject::contents(arg);
            return Ok((bytes.as_ptr().cast(), bytes.len() as Py_ssize_t));
        }
        let procs = (*(*arg).ob_type).tp_as_buffer;
        if !procs.is_null() && (*procs).bf_releasebuffer.is_some() {
            return Err(wrong("read-only bytes-like object", arg));
        }
        let mut view = Py_buffer::ZERO;
        get_buffer(arg, &mut view)?;
        let found = (view.buf.cast_const().cast(), view.len);
        PyBuffer_Release(&mut view);
        Ok(found)
    }
}

unsafe fn get_buffer(arg: *mut PyObject, view: *mut Py_buffer) -> Fit {
    // SAFETY: `arg` is a live object and `view` the caller's, by its contract.
    unsafe {
        if PyObject_GetBuffer(arg, view, PyBUF_SIMPLE) == 0 {
            Ok(())
        } else if error::occurred() {
            Err(Mismatch::Raised)
        } else {
            Err(wrong("bytes-like object", arg))
        }
    }
}

/// How to undo what was stored for an argument.
enum Undo {
    Memory(*mut *mut c_char),
    Buffer(*mut Py_buffer),
    Converted(ConvertFunction, *mut c_void),
}

/// Converts arguments one by one, taking from the `va_list` where to store
/// the results.
pub struct Converter {
    pub va: VaList,
    undo: Vec<Undo>,
}

impl Converter {
    pub fn new(va: VaList) -> Self {
        Self {
            va,
            undo: Vec::new(),
        }
    }

    /// Ends the parsing: undoes what needs undoing unless it went well.
    ///
    /// # Safety
    /// The pointers the converter stored through are still valid.
    pub unsafe fn finish(self, result: Raising<()>) -> Raising<()> {
        if result.is_err() {
            for undo in self.undo {
                // SAFETY: by this function's contract.
                unsafe {
                    match undo {
                        Undo::Memory(at) => {
                            PyMem_Free((*at).cast());
                            *at = ptr::null_mut();
                        }
                        Undo::Buffer(view) => PyBuffer_Release(view),
                        Undo::Converted(convert, to) => {
                            convert(ptr::null_mut(), to);
                        }
                    }
                }
            }
        }
        result
    }

    /// Converts `arg` by the format unit at `format`, and moves past that if
    /// it fits.
    ///
    /// # Safety
    /// `arg` is a live object, and the `va_list` has what the format asks for.
    pub unsafe fn item(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        let mut at = *format;
        // SAFETY: by this function's contract.
        unsafe {
            if at.take(b'(') {
                self.tuple(arg, &mut at)?;
            } else {
                self.simple(arg, &mut at)?;
            }
        }
        *format = at;
        Ok(())
    }

    /// Converts the items of a sequence; `format` is behind the parenthesis.
    unsafe fn tuple(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        let (n, borrows) = nested(*format);
        // SAFETY: `arg` is a live object, by the caller's contract.
        unsafe {
            if is_a(arg, Py_TPFLAGS_TUPLE_SUBCLASS) {
                return self.tuple_items(arg, n, format);
            }
            if PySequence_Check(arg) == 0 || is_str(arg) || is_bytes(arg) || is_bytearray(arg) {
                return Err(unfit(format!(
                    "must be {n}-item tuple, not {}",
                    kind_of(arg)
                )));
            }
            if borrows {
                let name = type_name((*arg).ob_type, ".")?;
                let message = format!("argument must be {n}-item tuple, not {name}");
                warn_deprecated(message, 0)?;
            }
            let len = PySequence_Size(arg);
            if len != n as Py_ssize_t {
                let what = if borrows { "tuple" } else { "sequence" };
                return Err(unfit(format!("must be {what} of length {n}, not {len}")));
            }
            let items = non_null(PySequence_Tuple(arg))?;
            let result = self.tuple_items(items, n, format);
            refcount::decref(items);
            result
        }
    }

    unsafe fn tuple_items(&mut self, arg: *mut PyObject, n: usize, format: &mut Format) -> Fit {
        // SAFETY: `arg` is a live tuple. Its items stay while it lives; a
        // converter that runs code cannot change it.
        let items = unsafe { tupleobject::items(arg) };
        if items.len() != n {
            return Err(unfit(format!(
                "must be tuple of length {n}, not {}",
                items.len()
            )));
        }
        for (i, &mut item) in items.iter_mut().enumerate() {
            // SAFETY: by the caller's contract.
            if let Err(mut mismatch) = unsafe { self.item(item, format) } {
                if let Mismatch::Unfit { path, .. } = &mut mismatch {
                    path.push(i);
                }
                return Err(mismatch);
            }
        }
        format.advance();
        Ok(())
    }

    /// Converts `arg` by a format unit that is no tuple.
    unsafe fn simple(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        let unit = format.advance();
        // SAFETY: by the caller's contract, each pointer taken is valid for a
        // value of the type that the format unit stores.
        unsafe {
            match unit {
                b'b' => {
                    let to = self.va.pointer::<u8>();
                    *to = within(long(arg)?, "unsigned byte integer")?;
                }
                b'B' => *self.va.pointer::<u8>() = mask(arg)? as u8,
                b'h' => {
                    let to = self.va.pointer::<i16>();
                    *to = within(long(arg)?, "signed short integer")?;
                }
                b'H' => *self.va.pointer::<u16>() = mask(arg)? as u16,
                b'i' => {
                    let to = self.va.pointer::<c_int>();
                    *to = within(long(arg)?, "signed integer")?;
                }
                b'I' => *self.va.pointer::<c_uint>() = mask(arg)? as c_uint,
                b'n' => *self.va.pointer::<Py_ssize_t>() = ssize(arg)?,
                b'l' | b'L' => *self.va.pointer::<c_long>() = self.signed(unit, arg)?,
                b'k' | b'K' => *self.va.pointer::<c_ulong>() = index_mask(arg)?,
                b'f' => *self.va.pointer::<f32>() = double(arg)? as f32,
                b'd' => *self.va.pointer::<f64>() = double(arg)?,
                b'D' => *self.va.pointer::<Py_complex>() = complex(arg)?,
                b'c' => *self.va.pointer::<u8>() = byte(arg)?,
                b'C' => *self.va.pointer::<c_int>() = character(arg)?,
                b'p' => {
                    let to = self.va.pointer::<c_int>();
                    *to = match PyObject_IsTrue(arg) {
                        truth if truth < 0 => return Err(Mismatch::Raised),
                        truth => (truth > 0).into(),
                    };
                }
                b'y' => return self.bytes(arg, format),
                b's' | b'z' => return self.text(arg, unit == b'z', format),
                b'e' => return self.encoded(arg, format),
                b'S' => {
                    let to = self.va.pointer();
                    if !is_bytes(arg) {
                        return Err(wrong("bytes", arg));
                    }
                    *to = arg;
                }
                b'Y' => {
                    let to = self.va.pointer();
                    if !is_bytearray(arg) {
                        return Err(wrong("bytearray", arg));
                    }
                    *to = arg;
                }
                b'U' => {
                    let to = self.va.pointer();
                    if !is_str(arg) {
                        return Err(wrong("str", arg));
                    }
                    *to = arg;
                }
                b'O' => return self.object(arg, format),
                b'w' => {
                    let view = self.va.pointer::<Py_buffer>();
                    if !format.take(b'*') {
                        return Err(internal("(invalid use of 'w' format character)"));
                    }
                    if PyObject_GetBuffer(arg, view, PyBUF_WRITABLE) < 0 {
                        error::replace(ptr::null_mut());
                        return Err(wrong("read-write bytes-like object", arg));
                    }
                    self.undo.push(Undo::Buffer(view));
                }
                _ => return Err(internal("(impossible<bad format char>)")),
            }
        }
        Ok(())
    }

    /// `l` and `L`, which differ in the words of their `OverflowError`.
    unsafe fn signed(&self, unit: u8, arg: *mut PyObject) -> Raising<c_long> {
        // SAFETY: `arg` is a live object, by the caller's contract.
        unsafe {
            if unit == b'l' {
                return long(arg);
            }
            if is_a(arg, Py_TPFLAGS_LONG_SUBCLASS)
                && let Some(value) = longobject::to_i64(arg)
            {
                return Ok(value);
            }
            unless_raised(PyLong_AsLongLong(arg))
        }
    }

    /// `y`, `y*` and `y#`.
    unsafe fn bytes(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        // SAFETY: by the caller's contract.
        unsafe {
            let to = self.va.pointer::<c_void>();
            if format.take(b'*') {
                get_buffer(arg, to.cast())?;
                self.undo.push(Undo::Buffer(to.cast()));
                return Ok(());
            }
            let to = to.cast::<*const c_char>();
            if format.take(b'#') {
                let size = self.va.pointer::<Py_ssize_t>();
                *to = ptr::null();
                (*to, *size) = read_only_bytes(arg)?;
                return Ok(());
            }
            *to = ptr::null();
            let (data, len) = read_only_bytes(arg)?;
            *to = data;
            if libc::strlen(data) != len as usize {
                return Err(value_error("embedded null byte").into());
            }
            Ok(())
        }
    }

    /// `s` and `z`, with `*` and `#`.
    unsafe fn text(&mut self, arg: *mut PyObject, optional: bool, format: &mut Format) -> Fit {
        let none = optional && arg == types::statics::none();
        // SAFETY: by the caller's contract.
        unsafe {
            let to = self.va.pointer::<c_void>();
            if format.take(b'*') {
                let view = to.cast::<Py_buffer>();
                if none {
                    PyBuffer_FillInfo(view, ptr::null_mut(), ptr::null_mut(), 0, 1, 0);
                } else if is_str(arg) {
                    let text = utf8(arg)?;
                    let data = text.as_ptr().cast_mut().cast();
                    PyBuffer_FillInfo(view, arg, data, text.len() as Py_ssize_t, 1, 0);
                } else {
                    get_buffer(arg, view)?;
                }
                self.undo.push(Undo::Buffer(view));
                return Ok(());
            }
            let to = to.cast::<*const c_char>();
            if format.take(b'#') {
                let size = self.va.pointer::<Py_ssize_t>();
                (*to, *size) = if none {
                    (ptr::null(), 0)
                } else if is_str(arg) {
                    let text = utf8(arg)?;
                    (text.as_ptr().cast(), text.len() as Py_ssize_t)
                } else {
                    *to = ptr::null();
                    read_only_bytes(arg)?
                };
                return Ok(());
            }
            if none {
                *to = ptr::null();
                return Ok(());
            }
            if !is_str(arg) {
                return Err(wrong(if optional { "str or None" } else { "str" }, arg));
            }
            let text = utf8(arg)?;
            if libc::strlen(text.as_ptr().cast()) != text.len() {
                return Err(value_error("embedded null character").into());
            }
            *to = text.as_ptr().cast();
            Ok(())
        }
    }

    /// `es` and `et`, with `#`.
    unsafe fn encoded(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        // SAFETY: by the caller's contract.
        unsafe {
            let encoding = match self.va.pointer::<c_char>() {
                encoding if encoding.is_null() => c"utf-8".as_ptr(),
                encoding => encoding.cast_const(),
            };
            let recode = match format.advance() {
                b's' => true,
                b't' => false,
                _ => return Err(internal("(unknown parser marker combination)")),
            };
            let to = self.va.pointer::<*mut c_char>();
            if to.is_null() {
                return Err(internal("(buffer is NULL)"));
            }
            let size = if format.take(b'#') {
                let size = self.va.pointer::<Py_ssize_t>();
                if size.is_null() {
                    return Err(internal("(buffer_len is NULL)"));
                }
                Some(size)
            } else {
                None
            };
            if !recode && is_bytes(arg) {
                return self.store(bytesobject::contents(arg), to, size, arg);
            }
            if !recode && is_bytearray(arg) {
                return self.store(bytearray_contents(arg), to, size, arg);
            }
            if !is_str(arg) {
                let expected = if recode {
                    "str"
                } else {
                    "str, bytes or bytearray"
                };
                return Err(wrong(expected, arg));
            }
            let bytes = non_null(PyUnicode_AsEncodedString(arg, encoding, ptr::null()))?;
            let result = self.store(bytesobject::contents(bytes), to, size, arg);
            refcount::decref(bytes);
            result
        }
    }

    /// Copies an encoded string and a NUL into memory of the caller's, or
    /// into fresh memory that becomes the caller's.
    unsafe fn store(
        &mut self,
        text: &[u8],
        to: *mut *mut c_char,
        size: Option<*mut Py_ssize_t>,
        arg: *mut PyObject,
    ) -> Fit {
        // SAFETY: by the caller's contract, `to` is valid, and with a size,
        // `*to` is NULL or memory of `*size` bytes.
        unsafe {
            match size {
                Some(size) if !(*to).is_null() => {
                    if text.len() as Py_ssize_t + 1 > *size {
                        return Err(value_error(format!(
                            "encoded string too long ({}, maximum length {})",
                            text.len(),
                            *size - 1
                        ))
                        .into());
                    }
                }
                _ => {
                    if size.is_none() && text.contains(&0) {
                        return Err(wrong("encoded string without null bytes", arg));
                    }
                    let memory = PyMem_Malloc(text.len() + 1).cast::<c_char>();
                    if memory.is_null() {
                        return Err(no_memory().into());
                    }
                    *to = memory;
                    self.undo.push(Undo::Memory(to));
                }
            }
            ptr::copy_nonoverlapping(text.as_ptr(), (*to).cast(), text.len());
            *(*to).add(text.len()) = 0;
            if let Some(size) = size {
                *size = text.len() as Py_ssize_t;
            }
        }
        Ok(())
    }

    /// `O`, `O!` and `O&`.
    unsafe fn object(&mut self, arg: *mut PyObject, format: &mut Format) -> Fit {
        // SAFETY: by the caller's contract.
        unsafe {
            if format.take(b'!') {
                let ty = self.va.pointer::<PyTypeObject>();
                let to = self.va.pointer();
                if (*arg).ob_type != ty && PyType_IsSubtype((*arg).ob_type, ty) == 0 {
                    let name = std::ffi::CStr::from_ptr((*ty).tp_name).to_string_lossy();
                    return Err(wrong(&name, arg));
                }
                *to = arg;
            } else if format.take(b'&') {
                let convert = self.va.function::<ConvertFunction>();
                let to = self.va.pointer::<c_void>();
                match convert(arg, to) {
                    0 if error::occurred() => return Err(Mismatch::Raised),
                    0 => return Err(internal("(unspecified)")),
                    Py_CLEANUP_SUPPORTED => self.undo.push(Undo::Converted(convert, to)),
                    _ => {}
                }
            } else {
                *self.va.pointer() = arg;
            }
        }
        Ok(())
    }
}

/// `value` in a narrower type, or an `OverflowError`.
fn within<T: TryFrom<c_long>>(value: c_long, what: &str) -> Raising<T> {
    T::try_from(value).map_err(|_| {
        let which = if value < 0 {
            "less than minimum"
        } else {
            "greater than maximum"
        };
        overflow_error(format!("{what} is {which}"))
    })
}

/// `c`: the one byte of a `bytes` or `bytearray`.
unsafe fn byte(arg: *mut PyObject) -> Fit<u8> {
    const EXPECTED: &str = "a byte string of length 1";
    // SAFETY: `arg` is a live object, by the caller's contract.
    unsafe {
        let (what, bytes) = if is_bytes(arg) {
            ("a bytes object", &*bytesobject::contents(arg))
        } else if is_bytearray(arg) {
            ("a bytearray object", bytearray_contents(arg))
        } else {
            return Err(wrong(EXPECTED, arg));
        };
        match *bytes {
            [byte] => Ok(byte),
            _ => Err(wrong_length(EXPECTED, what, bytes.len())),
        }
    }
}

/// `C`: the one character of a `str`.
unsafe fn character(arg: *mut PyObject) -> Fit<c_int> {
    const EXPECTED: &str = "a unicode character";
    // SAFETY: `arg` is a live object, by the caller's contract.
    unsafe {
        if !is_str(arg) {
            return Err(wrong(EXPECTED, arg));
        }
        let mut points = unicodeobject::points(arg);
        match (points.next(), points.next()) {
            (Some(point), None) => Ok(point as c_int),
            _ => {
                let length = (*arg.cast::<PyASCIIObject>()).length as usize;
                Err(wrong_length(EXPECTED, "a string", length))
            }
        }
    }
}

/// The number of format units up to the closing parenthesis, and whether one
/// of them borrows from the argument, which a sequence made on the fly would
/// leave dangling.
fn nested(mut format: Format) -> (usize, bool) {
    let (mut n, mut level, mut borrows) = (0, 0, false);
    loop {
        match format.advance() {
            b'(' => {
                n += usize::from(level == 0);
                level += 1;
            }
            b')' if level == 0 => break,
            b')' => level -= 1,
            b':' | b';' | 0 => break,
            c => {
                n += usize::from(level == 0 && c.is_ascii_alphabetic());
                match c {
                    b'e' if matches!(format.peek(), b's' | b't') => {
                        format.advance();
                    }
                    b'y' | b's' | b'z' => borrows |= format.peek() != b'*',
                    b'O' => borrows |= format.peek() != b'&',
                    b'S' | b'Y' | b'U' => borrows = true,
                    _ => {}
                }
            }
        }
    }
    (n, borrows)
}

/// Moves past a format unit, and the arguments it would take from `va`.
///
/// # Safety
/// `va` has what the format asks for.
pub unsafe fn skip(format: &mut Format, va: &mut Option<&mut VaList>) -> Result<(), &'static str> {
    const BAD: &str = "impossible<bad format char>";
    let mut at = *format;
    let mut pointers = 1;
    match at.advance() {
        b'b' | b'B' | b'h' | b'H' | b'i' | b'I' | b'l' | b'k' | b'L' | b'K' | b'n' | b'f'
        | b'd' | b'D' | b'c' | b'C' | b'p' | b'S' | b'Y' | b'U' => {}
        b'e' => {
            if !at.take(b's') && !at.take(b't') {
                return Err(BAD);
            }
            pointers = 2 + usize::from(at.take(b'#'));
        }
        b'w' => {
            if !at.take(b'*') {
                return Err(BAD);
            }
        }
        b's' | b'z' | b'y' => {
            if at.take(b'#') {
                pointers = 2;
            } else {
                at.take(b'*');
            }
        }
        b'O' => {
            if at.take(b'!') || at.take(b'&') {
                pointers = 2;
            }
        }
        b'(' => {
            pointers = 0;
            while !at.take(b')') {
                if matches!(at.peek(), 0 | b':' | b';') {
                    return Err("Unmatched left paren in format string");
                }
                // SAFETY: by this function's contract.
                unsafe { skip(&mut at, va)? };
            }
        }
        b')' => return Err("Unmatched right paren in format string"),
        _ => return Err(BAD),
    }
    if let Some(va) = va {
        for _ in 0..pointers {
            // SAFETY: by this function's contract; each is a pointer.
            unsafe { va.pointer::<c_void>() };
        }
    }
    *format = at;
    Ok(())
}

/// Sets the exception for an argument that does not fit, unless there is one.
///
/// `number` counts from 1, 0 is none; `message` replaces the message.
#[cold]
pub fn set_error(
    number: usize,
    mismatch: Mismatch,
    function: Option<&[u8]>,
    message: Option<&[u8]>,
) -> Raised {
    let Mismatch::Unfit {
        what,
        path,
        internal,
    } = mismatch
    else {
        return Raised;
    };
    if error::occurred() {
        return Raised;
    }
    let text = match message {
        Some(message) => String::from_utf8_lossy(message).into_owned(),
        None => describe(number, &what, &path, function),
    };
    if internal {
        system_error(text)
    } else {
        type_error(text)
    }
}

fn describe(number: usize, what: &str, path: &[usize], function: Option<&[u8]>) -> String {
    let mut text = match function {
        Some(name) => format!("{}() argument", clip(name, 200)),
        None => "argument".to_owned(),
    };
    if number != 0 {
        text += &format!(" {number}");
        for index in path.iter().rev() {
            if text.len() >= 220 {
                break;
            }
            text += &format!(", item {index}");
        }
    }
    text + " " + &clip(what.as_bytes(), 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_units_are_counted() {
        let count = |text: &str| nested(Format::new(text.as_bytes()));
        assert_eq!(count("ii)"), (2, false));
        assert_eq!(count("i(ii)d)i"), (3, false));
        assert_eq!(count("i(iO)d)i"), (3, true));
        assert_eq!(count("O&es#et)"), (3, false));
        assert_eq!(count("s*y*w*)"), (3, false));
        assert_eq!(count("s#)"), (1, true));
        assert_eq!(count(")"), (0, false));
    }

    #[test]
    fn units_are_skipped() {
        let skipped = |text: &'static str| {
            let mut format = Format::new(text.as_bytes());
            // SAFETY: there is no list.
            unsafe { skip(&mut format, &mut None) }.map(|()| format.rest())
        };
        assert_eq!(skipped("ix"), Ok(&b"x"[..]));
        assert_eq!(skipped("es#|"), Ok(&b"|"[..]));
        assert_eq!(skipped("s*s"), Ok(&b"s"[..]));
        assert_eq!(skipped("(i(O&))O!"), Ok(&b"O!"[..]));
        assert_eq!(skipped("w#"), Err("impossible<bad format char>"));
        assert_eq!(skipped("(ii"), Err("Unmatched left paren in format string"));
        assert_eq!(skipped(")"), Err("Unmatched right paren in format string"));
    }

    #[test]
    fn messages_name_the_place() {
        assert_eq!(
            describe(2, "must be int, not str", &[0, 1], Some(b"f")),
            "f() argument 2, item 1, item 0 must be int, not str"
        );
        assert_eq!(
            describe(0, "must be int", &[], None),
            "argument must be int"
        );
    }
}
