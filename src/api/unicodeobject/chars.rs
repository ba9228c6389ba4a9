//! Code units of strings in C memory: no VM, no border.

use crate::layout::{
    Py_ssize_t, PyASCIIObject, PyObject, PyUnicode_1BYTE_KIND, PyUnicode_2BYTE_KIND,
};
use crate::proxy::mirror::unicodeobject::data;

/// The code units of a string, or a part of one.
#[derive(Clone, Copy, Debug)]
pub enum Chars<'a> {
    One(&'a [u8]),
    Two(&'a [u16]),
    Four(&'a [u32]),
}

/// Runs `$body` with `$s` being the slice, whatever its width.
macro_rules! each_width {
    ($chars:expr, $s:ident => $body:expr) => {
        match $chars {
            Chars::One($s) => $body,
            Chars::Two($s) => $body,
            Chars::Four($s) => $body,
        }
    };
}

/// A code unit.
trait Unit: Copy + PartialEq {
    fn wide(self) -> u32;
    fn narrow(c: u32) -> Option<Self>;
}

macro_rules! units {
    ($($t:ty),*) => {$(
        impl Unit for $t {
            fn wide(self) -> u32 {
                self as u32
            }
            fn narrow(c: u32) -> Option<Self> {
                c.try_into().ok()
            }
        }
    )*};
}

units!(u8, u16, u32);

impl<'a> Chars<'a> {
    /// # Safety
    /// `p` is a live string, and stays so while the result is used.
    #[inline]
    pub unsafe fn of(p: *mut PyObject) -> Self {
        // SAFETY: by this function's contract.
        unsafe {
            let (kind, start, len) = data(p);
            match kind {
                PyUnicode_1BYTE_KIND => Self::One(std::slice::from_raw_parts(start, len)),
                PyUnicode_2BYTE_KIND => Self::Two(std::slice::from_raw_parts(start.cast(), len)),
                _ => Self::Four(std::slice::from_raw_parts(start.cast(), len)),
            }
        }
    }

    pub fn len(self) -> usize {
        each_width!(self, s => s.len())
    }

    /// Bytes per character.
    pub fn width(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(_) => 2,
            Self::Four(_) => 4,
        }
    }

    pub fn part(self, start: usize, end: usize) -> Self {
        match self {
            Self::One(s) => Self::One(&s[start..end]),
            Self::Two(s) => Self::Two(&s[start..end]),
            Self::Four(s) => Self::Four(&s[start..end]),
        }
    }

    pub fn get(self, i: usize) -> Option<u32> {
        each_width!(self, s => s.get(i).map(|c| c.wide()))
    }

    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..self.len()).map(move |i| each_width!(self, s => s[i].wide()))
    }

    /// The greatest code unit, 0 for the empty string.
    pub fn max(self) -> u32 {
        fn max<T: Unit + Ord>(s: &[T]) -> u32 {
            s.iter().max().map_or(0, |c| c.wide())
        }
        match self {
            Self::One(s) if s.is_ascii() => 0x7f,
            _ => each_width!(self, s => max(s)),
        }
    }

    /// Copies the code units to `to`, which holds units of `kind` bytes.
    ///
    /// # Safety
    /// `to` has room for them, and `kind` is wide enough.
    pub unsafe fn copy_to(self, kind: u32, to: *mut u8) {
        unsafe fn widen<T: Unit, U: Unit>(from: &[T], to: *mut U) {
            for (i, &c) in from.iter().enumerate() {
                if let Some(c) = U::narrow(c.wide()) {
                    // SAFETY: the caller made room.
                    unsafe { to.add(i).write(c) };
                }
            }
        }
        // SAFETY: by this function's contract.
        unsafe {
            match (self, kind) {
                (Self::One(s), PyUnicode_1BYTE_KIND) => {
                    std::ptr::copy(s.as_ptr(), to, s.len());
                }
                (Self::Two(s), PyUnicode_2BYTE_KIND) => {
                    std::ptr::copy(s.as_ptr(), to.cast(), s.len());
                }
                (_, PyUnicode_1BYTE_KIND) => each_width!(self, s => widen(s, to)),
                (_, PyUnicode_2BYTE_KIND) => each_width!(self, s => widen(s, to.cast::<u16>())),
                (Self::Four(s), _) => std::ptr::copy(s.as_ptr(), to.cast(), s.len()),
                _ => each_width!(self, s => widen(s, to.cast::<u32>())),
            }
        }
    }

    pub fn equals(self, other: Chars<'_>) -> bool {
        match (self, other) {
            (Self::One(a), Chars::One(b)) => a == b,
            (Self::Two(a), Chars::Two(b)) => a == b,
            (Self::Four(a), Chars::Four(b)) => a == b,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }

    pub fn compare(self, other: Chars<'_>) -> std::cmp::Ordering {
        match (self, other) {
            (Self::One(a), Chars::One(b)) => a.cmp(b),
            (Self::Two(a), Chars::Two(b)) => a.cmp(b),
            (Self::Four(a), Chars::Four(b)) => a.cmp(b),
            _ => self.iter().cmp(other.iter()),
        }
    }

    /// Where `needle` is for the first or, backwards, for the last time.
    pub fn find(self, needle: Chars<'_>, backwards: bool) -> Option<usize> {
        each_width!(self, s => {
            let needle = narrowed(needle)?;
            find(s, &needle, backwards)
        })
    }

    /// How often `needle` is there without overlap.
    pub fn count(self, needle: Chars<'_>) -> usize {
        if needle.len() == 0 {
            return self.len() + 1;
        }
        each_width!(self, s => {
            let Some(needle) = narrowed(needle) else {
                return 0;
            };
            let (mut rest, mut n) = (s, 0);
            while let Some(at) = find(rest, &needle, false) {
                rest = &rest[at + needle.len()..];
                n += 1;
            }
            n
        })
    }

    /// Whether `part` is at the end or, unless `at_end`, at the start.
    pub fn has_at(self, part: Chars<'_>, at_end: bool) -> bool {
        let (len, n) = (self.len(), part.len());
        n <= len
            && if at_end {
                self.part(len - n, len).equals(part)
            } else {
                self.part(0, n).equals(part)
            }
    }
}

/// The same units in another width; `None` when one does not fit.
fn narrowed<T: Unit>(chars: Chars<'_>) -> Option<Vec<T>> {
    chars.iter().map(T::narrow).collect()
}

fn find<T: Unit>(hay: &[T], needle: &[T], backwards: bool) -> Option<usize> {
    let Some(&first) = needle.first() else {
        return Some(if backwards { hay.len() } else { 0 });
    };
    let places = hay.len().checked_sub(needle.len())? + 1;
    let is_at = |&i: &usize| hay[i] == first && hay[i..i + needle.len()] == *needle;
    if backwards {
        (0..places).rev().find(is_at)
    } else {
        (0..places).find(is_at)
    }
}

/// Python's way of bringing `start..end` into `len` elements. `None` when the
/// start is behind the end.
pub fn range(len: usize, start: Py_ssize_t, end: Py_ssize_t) -> Option<(usize, usize)> {
    let from_end = |i: Py_ssize_t| {
        if i < 0 {
            i.saturating_add(len as Py_ssize_t).max(0) as usize
        } else {
            i as usize
        }
    };
    let (start, end) = (from_end(start), from_end(end).min(len));
    (start <= end).then_some((start, end))
}

/// The widest character that a string of this state can hold.
///
/// # Safety
/// `p` is a live string.
pub unsafe fn max_of_kind(p: *mut PyObject) -> u32 {
    // SAFETY: by this function's contract.
    let state = unsafe { (*p.cast::<PyASCIIObject>()).state };
    match state.kind() {
        PyUnicode_1BYTE_KIND if state.ascii() => 0x7f,
        PyUnicode_1BYTE_KIND => 0xff,
        PyUnicode_2BYTE_KIND => 0xffff,
        _ => 0x10_ffff,
    }
}

/// Appends the code points as UTF-8. On a lone surrogate: where the run of
/// them is.
pub fn to_utf8(chars: Chars<'_>, utf8: &mut Vec<u8>) -> Result<(), (usize, usize)> {
    for (i, c) in chars.iter().enumerate() {
        let Some(c) = char::from_u32(c) else {
            let run = chars
                .iter()
                .skip(i)
                .take_while(|c| matches!(c, 0xd800..=0xdfff));
            return Err((i, i + run.count()));
        };
        utf8.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(())
}

/// The number of bytes that the code points take in UTF-8, surrogates as
/// three.
pub fn utf8_len(chars: Chars<'_>) -> usize {
    chars
        .iter()
        .map(|c| match c {
            0..=0x7f => 1,
            0x80..=0x7ff => 2,
            0x800..=0xffff => 3,
            _ => 4,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAY: Chars<'static> = Chars::One(b"abcabc");

    #[test]
    fn found_in_both_directions() {
        let needle = Chars::Two(&[0x62, 0x63]);
        assert_eq!(HAY.find(needle, false), Some(1));
        assert_eq!(HAY.find(needle, true), Some(4));
        assert_eq!(HAY.find(Chars::Four(&[0x162]), false), None);
        assert_eq!(HAY.find(Chars::One(b""), true), Some(6));
        assert_eq!(HAY.find(Chars::One(b"abcabcd"), false), None);
        assert_eq!(HAY.count(needle), 2);
        assert_eq!(HAY.count(Chars::One(b"")), 7);
        assert_eq!(Chars::One(b"aaaa").count(Chars::One(b"aa")), 2);
        assert!(HAY.has_at(needle, true) && !HAY.has_at(needle, false));
        assert!(!HAY.has_at(Chars::One(b"xabcabc"), true));
    }

    #[test]
    fn ranges_are_pythons() {
        assert_eq!(range(5, 0, Py_ssize_t::MAX), Some((0, 5)));
        assert_eq!(range(5, -2, 4), Some((3, 4)));
        assert_eq!(range(5, -9, -1), Some((0, 4)));
        assert_eq!(range(5, 6, 9), None);
        assert_eq!(range(5, 5, 9), Some((5, 5)));
    }

    #[test]
    fn units_are_widened_and_narrowed() {
        let mut wide = [0u32; 3];
        // SAFETY: there is room for three units of four bytes.
        unsafe { Chars::One(b"a\xe9z").copy_to(4, wide.as_mut_ptr().cast()) };
        assert_eq!(wide, [0x61, 0xe9, 0x7a]);
        let mut narrow = [0u8; 3];
        // SAFETY: there is room for three units of one byte.
        unsafe { Chars::Four(&wide).copy_to(1, narrow.as_mut_ptr()) };
        assert_eq!(&narrow, b"a\xe9z");
        assert!(Chars::Four(&wide).equals(Chars::One(&narrow)));
        assert_eq!(Chars::Two(&[0x20ac, 1]).max(), 0x20ac);
    }

    #[test]
    fn utf8_is_counted_and_written() {
        let chars = Chars::Four(&[0x61, 0xe9, 0x20ac, 0x1f600]);
        let mut utf8 = Vec::new();
        assert_eq!(to_utf8(chars, &mut utf8), Ok(()));
        assert_eq!(utf8, "aé€😀".as_bytes());
        assert_eq!(utf8_len(chars), utf8.len());
        let lone = Chars::Two(&[0x61, 0xd800, 0xdc00, 0x62]);
        assert_eq!(to_utf8(lone, &mut utf8), Err((1, 3)));
        assert_eq!(utf8_len(lone), 8);
    }

    #[test]
    fn strings_compare_by_code_point() {
        use std::cmp::Ordering::*;
        assert_eq!(Chars::One(b"a").compare(Chars::Two(&[0x20ac])), Less);
        assert_eq!(Chars::Two(&[0xffff]).compare(Chars::Four(&[0x10000])), Less);
        assert_eq!(Chars::One(b"ab").compare(Chars::Two(&[0x61])), Greater);
        assert_eq!(Chars::One(b"ab").compare(Chars::One(b"ab")), Equal);
    }
}
