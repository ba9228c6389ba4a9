//! `str`: compact copies, of the narrowest kind, with true state bits.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyStr;
use rustpython_vm::common::str::StrKind;
use rustpython_vm::common::wtf8::{CodePoint, Wtf8Buf};
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact};
use crate::layout::{
    _PyUnicodeObject_state, PyASCIIObject, PyCompactUnicodeObject, PyObject, PyTypeObject,
    PyUnicode_1BYTE_KIND, PyUnicode_2BYTE_KIND, PyUnicode_4BYTE_KIND, PyUnicodeObject,
};
use crate::proxy::link_strong;
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: None,
};

/// Address of the empty string; the 256 one-character strings are in [`LATIN1`].
static EMPTY: AtomicUsize = AtomicUsize::new(0);
static LATIN1: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

/// Makes the strings that are one object each for ever, after
/// `PyUnicode_Type` is bound.
pub fn init() {
    let immortal = |text: &[u32], max: u32| {
        let p = new_compact(text.len(), max);
        assert!(!p.is_null(), "out of memory");
        // SAFETY: a fresh string with room for `text`.
        unsafe {
            write_points(p, text.iter().copied());
            refcount::make_static_immortal(p);
            let state = &mut (*p.cast::<PyASCIIObject>()).state;
            *state = state.with_interned(3).with_statically_allocated();
        }
        p as usize
    };
    EMPTY.store(immortal(&[], 0), Ordering::Release);
    for (c, slot) in (0u32..).zip(&LATIN1) {
        slot.store(immortal(&[c], c), Ordering::Release);
    }
}

/// The empty string.
pub fn empty() -> *mut PyObject {
    EMPTY.load(Ordering::Relaxed) as *mut PyObject
}

/// The string of one latin-1 character.
pub fn latin1(c: u8) -> *mut PyObject {
    LATIN1[c as usize].load(Ordering::Relaxed) as *mut PyObject
}

#[inline]
pub fn immortal(v: &VmObject) -> Option<*mut PyObject> {
    // SAFETY: the caller saw that the class is exactly `str`.
    let s = unsafe { v.downcast_unchecked_ref::<PyStr>() };
    match *s.as_bytes() {
        [] => Some(empty()),
        [c] => Some(latin1(c)),
        [a @ 0xc2..=0xc3, b] => Some(latin1((a & 3) << 6 | b & 0x3f)),
        _ => None,
    }
}

const ASCII_HEAD: usize = size_of::<PyASCIIObject>();
const COMPACT_HEAD: usize = size_of::<PyCompactUnicodeObject>();

/// A fresh compact string with room for `len` characters up to `max`, not
/// filled but for the NUL behind it. NULL when memory is out. The lock is held.
#[inline]
pub fn new_compact(len: usize, max: u32) -> *mut PyObject {
    let (head, kind) = match max {
        0..=0x7f => (ASCII_HEAD, PyUnicode_1BYTE_KIND),
        0x80..=0xff => (COMPACT_HEAD, PyUnicode_1BYTE_KIND),
        0x100..=0xffff => (COMPACT_HEAD, PyUnicode_2BYTE_KIND),
        _ => (COMPACT_HEAD, PyUnicode_4BYTE_KIND),
    };
    let Some(size) = (len + 1)
        .checked_mul(kind as usize)
        .and_then(|n| n.checked_add(head))
    else {
        return ptr::null_mut();
    };
    // SAFETY: the block has room for the head, the characters and a NUL.
    unsafe {
        let p = allocate_exact(types::statics::str_type(), size);
        if p.is_null() {
            return p;
        }
        let ascii = p.cast::<PyASCIIObject>();
        (*ascii).length = len as isize;
        (*ascii).hash = -1;
        (*ascii).state = _PyUnicodeObject_state::new(kind, true, max <= 0x7f);
        if max > 0x7f {
            let compact = p.cast::<PyCompactUnicodeObject>();
            (*compact).utf8_length = 0;
            (*compact).utf8 = ptr::null_mut();
        }
        let nul = p.cast::<u8>().add(size - kind as usize);
        match kind {
            PyUnicode_1BYTE_KIND => *nul = 0,
            PyUnicode_2BYTE_KIND => *nul.cast::<u16>() = 0,
            _ => *nul.cast::<u32>() = 0,
        }
        p
    }
}

/// Where the characters of a string are, and how wide.
///
/// # Safety
/// `p` is a live string.
#[inline]
pub unsafe fn data(p: *mut PyObject) -> (u32, *mut u8, usize) {
    // SAFETY: by this function's contract.
    unsafe {
        let ascii = p.cast::<PyASCIIObject>();
        let state = (*ascii).state;
        let start = if !state.compact() {
            (*p.cast::<PyUnicodeObject>()).data.any.cast()
        } else if state.ascii() {
            p.cast::<u8>().add(ASCII_HEAD)
        } else {
            p.cast::<u8>().add(COMPACT_HEAD)
        };
        (state.kind(), start, (*ascii).length as usize)
    }
}

/// Fills a fresh string.
///
/// # Safety
/// `p` is a string under construction with room for all of `points`, each
/// within its kind.
pub unsafe fn write_points(p: *mut PyObject, points: impl Iterator<Item = u32>) {
    // SAFETY: by this function's contract.
    unsafe {
        let (kind, start, _) = data(p);
        match kind {
            PyUnicode_1BYTE_KIND => {
                for (i, c) in points.enumerate() {
                    *start.add(i) = c as u8;
                }
            }
            PyUnicode_2BYTE_KIND => {
                for (i, c) in points.enumerate() {
                    *start.cast::<u16>().add(i) = c as u16;
                }
            }
            _ => {
                for (i, c) in points.enumerate() {
                    *start.cast::<u32>().add(i) = c;
                }
            }
        }
    }
}

/// A fresh `str` of ASCII characters; NULL when memory is out. The lock is held.
pub fn from_ascii(bytes: &[u8]) -> *mut PyObject {
    debug_assert!(bytes.is_ascii());
    match *bytes {
        [] => return empty(),
        [c] => return latin1(c),
        _ => {}
    }
    let p = new_compact(bytes.len(), 0x7f);
    if !p.is_null() {
        // SAFETY: the fresh string has room for the bytes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data(p).1, bytes.len()) };
    }
    p
}

/// A `str` of UTF-8 text, fresh or immortal; NULL when memory is out. The
/// lock is held.
pub fn from_str(text: &str) -> *mut PyObject {
    if text.is_ascii() {
        return from_ascii(text.as_bytes());
    }
    from_points(text.chars().map(u32::from))
}

/// A `str` of these code points, fresh or immortal; NULL when memory is out.
/// The lock is held.
pub fn from_points(points: impl Iterator<Item = u32> + Clone) -> *mut PyObject {
    let (mut len, mut max, mut last) = (0, 0, 0);
    for c in points.clone() {
        len += 1;
        max = max.max(c);
        last = c;
    }
    match (len, last) {
        (0, _) => return empty(),
        (1, 0..=0xff) => return latin1(last as u8),
        _ => {}
    }
    let p = new_compact(len, max);
    if !p.is_null() {
        // SAFETY: the fresh string has room for the points.
        unsafe { write_points(p, points) };
    }
    p
}

unsafe fn make(_vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let s = v.downcast_ref::<PyStr>().expect("a str's payload");
    // SAFETY: the caller's contract is the same; the fresh strings have room.
    unsafe {
        if !types::statics::is_exact_str(ty) {
            return make_subclass(s, ty);
        }
        if s.kind() == StrKind::Ascii {
            let p = new_compact(s.byte_len(), 0x7f);
            if !p.is_null() {
                ptr::copy_nonoverlapping(s.as_bytes().as_ptr(), data(p).1, s.byte_len());
                if v.is_immortal() {
                    let state = &mut (*p.cast::<PyASCIIObject>()).state;
                    *state = state.with_interned(1);
                }
            }
            return p;
        }
        let max = s.as_wtf8().code_points().map(CodePoint::to_u32).max();
        let p = new_compact(s.char_len(), max.unwrap_or(0));
        if !p.is_null() {
            write_points(p, s.as_wtf8().code_points().map(CodePoint::to_u32));
        }
        p
    }
}

/// Instances of subclasses are never compact: their data lies outside.
unsafe fn make_subclass(s: &PyStr, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is that of `make`.
    unsafe {
        let p = allocate(ty, size_of::<PyUnicodeObject>());
        if p.is_null() {
            return p;
        }
        fill_subclass(p, s);
        p
    }
}

/// Gives the string `p`, an instance of a subclass of `str`, its text.
///
/// # Safety
/// `p` is zeroed behind its head, with room for a `PyUnicodeObject`.
pub unsafe fn fill_subclass(p: *mut PyObject, s: &PyStr) {
    let max = s
        .as_wtf8()
        .code_points()
        .map(CodePoint::to_u32)
        .max()
        .unwrap_or(0);
    let kind = match max {
        0..=0xff => PyUnicode_1BYTE_KIND,
        0x100..=0xffff => PyUnicode_2BYTE_KIND,
        _ => PyUnicode_4BYTE_KIND,
    };
    // SAFETY: by this function's contract; the data is allocated for the text
    // and a NUL.
    unsafe {
        let unicode = p.cast::<PyUnicodeObject>();
        let head = p.cast::<PyASCIIObject>();
        let data = libc::calloc(s.char_len() + 1, kind as usize);
        assert!(!data.is_null(), "out of memory");
        (*unicode).data.any = data.cast();
        (*head).length = s.char_len() as isize;
        (*head).hash = -1;
        (*head).state = _PyUnicodeObject_state::new(kind, false, max <= 0x7f);
        write_points(p, s.as_wtf8().code_points().map(CodePoint::to_u32));
        if max <= 0x7f {
            // Shared with the data, as CPython has it.
            (*unicode)._base.utf8 = data.cast();
            (*unicode)._base.utf8_length = s.byte_len() as isize;
        }
    }
}

/// Whether nothing hangs off the string: it is compact, and without UTF-8 of
/// its own.
///
/// # Safety
/// `p` is a live string.
#[inline]
pub unsafe fn is_one_block(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let state = (*p.cast::<PyASCIIObject>()).state;
        state.compact() && (state.ascii() || (*p.cast::<PyCompactUnicodeObject>()).utf8.is_null())
    }
}

/// Frees what hangs off the string: cached UTF-8, data outside the struct.
unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a string at the end of its life.
    unsafe {
        let state = (*p.cast::<PyASCIIObject>()).state;
        if state.compact() && state.ascii() {
            return;
        }
        let compact = p.cast::<PyCompactUnicodeObject>();
        let outside = if state.compact() {
            ptr::null_mut()
        } else {
            (*p.cast::<PyUnicodeObject>()).data.any
        };
        if !(*compact).utf8.is_null() && (*compact).utf8.cast() != outside {
            libc::free((*compact).utf8.cast());
        }
        if !outside.is_null() {
            libc::free(outside.cast());
        }
    }
}

/// The code points of a string.
///
/// # Safety
/// `p` is a live string, and stays so while the iterator is used.
pub unsafe fn points(p: *mut PyObject) -> impl Iterator<Item = u32> + Clone {
    // SAFETY: by this function's contract.
    let (kind, start, len) = unsafe { data(p) };
    (0..len).map(move |i| {
        // SAFETY: by this function's contract, `i` is within the string.
        unsafe {
            match kind {
                PyUnicode_1BYTE_KIND => u32::from(*start.add(i)),
                PyUnicode_2BYTE_KIND => u32::from(*start.cast::<u16>().add(i)),
                _ => *start.cast::<u32>().add(i),
            }
        }
    })
}

/// The text of a string, as the VM has it.
///
/// # Safety
/// `p` is a live string.
pub unsafe fn to_pystr(p: *mut PyObject) -> PyStr {
    // SAFETY: by this function's contract.
    unsafe {
        if (*p.cast::<PyASCIIObject>()).state.ascii() {
            let (_, start, len) = data(p);
            let bytes = std::slice::from_raw_parts(start, len).to_vec();
            return PyStr::new_ascii_unchecked(bytes);
        }
        let mut text = Wtf8Buf::with_capacity((*p.cast::<PyASCIIObject>()).length as usize);
        for c in points(p) {
            text.push(CodePoint::from_u32(c).expect("a code point"));
        }
        PyStr::from(text)
    }
}

/// A VM `str` of the same text.
///
/// # Safety
/// `p` is a live string.
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract.
    unsafe {
        let (kind, start, len) = data(p);
        if len == 0 {
            return vm.ctx.empty_str.to_owned().into();
        }
        if len == 1 && kind == PyUnicode_1BYTE_KIND {
            return vm.ctx.latin1_char(*start).into();
        }
        vm.ctx.new_str(to_pystr(p)).into()
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let v = value(vm, p);
        if !refcount::is_immortal(p) && !v.as_object().is_immortal() {
            link_strong(p, v.clone(), true);
        }
        v
    }
}
