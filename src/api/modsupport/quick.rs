//! `PyArg_ParseTuple` for what most calls are: a few plain units, and arguments
//! of exactly the types they ask for. Everything else, every error among it, is
//! for [`arguments`](super::arguments), which then does the whole work again.

use std::ffi::{c_char, c_float, c_int, c_long};

use crate::api::call::is_subtype;
use crate::api::varargs::VaList;
use crate::layout::{Py_ssize_t, PyASCIIObject, PyFloatObject, PyObject, PyTypeObject};
use crate::proxy::mirror::{longobject, unicodeobject};
use crate::types::statics;

/// Units that [`convert`] knows, each with one argument of the call's.
const UNITS: &[u8] = b"OilnLdfpsUS";

/// The least and the greatest number of arguments that the format takes, if all
/// its units are [`UNITS`].
#[inline]
unsafe fn limits(format: *const u8) -> Option<(usize, usize)> {
    let (mut count, mut least) = (0, None);
    let mut at = format;
    loop {
        // SAFETY: the format is a C string, and the end not passed yet.
        unsafe {
            match *at {
                0 | b':' | b';' => return Some((least.unwrap_or(count), count)),
                b'|' if least.is_none() => least = Some(count),
                unit if UNITS.contains(&unit) => {
                    count += 1;
                    match (unit, *at.add(1)) {
                        (b'O', b'!') | (b's', b'#') => at = at.add(1),
                        (b'O', b'&') | (b's', b'*') => return None,
                        _ => {}
                    }
                }
                _ => return None,
            }
            at = at.add(1);
        }
    }
}

/// Converts the arguments of a call as the format says. `false`: this was not
/// for here, whatever has been stored.
///
/// # Safety
/// The arguments are live, `format` is a C string, and the list has what it asks
/// for; the lock is held.
#[inline]
pub unsafe fn parse(args: &[*mut PyObject], format: *const c_char, mut va: VaList) -> bool {
    let mut at = format.cast::<u8>();
    // SAFETY: by this function's contract.
    unsafe {
        match limits(at) {
            Some((least, most)) if (least..=most).contains(&args.len()) => {}
            _ => return false,
        }
        for &arg in args {
            if *at == b'|' {
                at = at.add(1);
            }
            let unit = *at;
            at = at.add(1);
            let modifier = matches!((unit, *at), (b'O', b'!') | (b's', b'#'));
            if modifier {
                at = at.add(1);
            }
            if !convert(unit, modifier, arg, &mut va) {
                return false;
            }
        }
    }
    true
}

#[inline]
unsafe fn convert(unit: u8, modifier: bool, arg: *mut PyObject, va: &mut VaList) -> bool {
    // SAFETY: by the contract of `parse`.
    unsafe {
        let ty = (*arg).ob_type;
        match unit {
            b'O' => {
                if modifier && !is_subtype(ty, va.pointer::<PyTypeObject>()) {
                    return false;
                }
                *va.pointer() = arg;
            }
            b'i' | b'l' | b'n' | b'L' => {
                if !statics::is_exact_int(ty) {
                    return false;
                }
                let Some(value) = longobject::to_i64(arg) else {
                    return false;
                };
                if unit == b'i' {
                    let Ok(value) = c_int::try_from(value) else {
                        return false;
                    };
                    *va.pointer() = value;
                } else {
                    *va.pointer::<c_long>() = value;
                }
            }
            b'd' | b'f' => {
                if !statics::is_exact_float(ty) {
                    return false;
                }
                let value = (*arg.cast::<PyFloatObject>()).ob_fval;
                if unit == b'd' {
                    *va.pointer() = value;
                } else {
                    *va.pointer() = value as c_float;
                }
            }
            b'p' => {
                if !statics::is_bool(arg) {
                    return false;
                }
                *va.pointer() = c_int::from(arg == statics::bool(true));
            }
            b's' => {
                if !statics::is_exact_str(ty) {
                    return false;
                }
                let state = (*arg.cast::<PyASCIIObject>()).state;
                if !state.compact() || !state.ascii() {
                    return false;
                }
                let (_, start, len) = unicodeobject::data(arg);
                if !modifier && std::slice::from_raw_parts(start, len).contains(&0) {
                    return false;
                }
                *va.pointer() = start.cast_const();
                if modifier {
                    *va.pointer() = len as Py_ssize_t;
                }
            }
            b'U' => {
                if !statics::is_exact_str(ty) {
                    return false;
                }
                *va.pointer() = arg;
            }
            _ => {
                debug_assert_eq!(unit, b'S');
                if !statics::is_exact_bytes(ty) {
                    return false;
                }
                *va.pointer() = arg;
            }
        }
    }
    true
}
