//! The accessors that mirror header macros, on objects made by hand.

use pyabi::layout::*;
use std::ptr;

#[test]
fn static_objects_are_immortal() {
    let mut object = PyVarObject::HEAD_INIT(ptr::null_mut(), 7);
    let op = (&raw mut object).cast::<PyObject>();
    // SAFETY: `op` points to a complete head on this stack.
    unsafe {
        assert_eq!(Py_REFCNT(op), _Py_IMMORTAL_INITIAL_REFCNT);
        assert_ne!(_Py_IsImmortal(op), 0);
        assert_ne!(_Py_IsStaticImmortal(op), 0);
        assert_eq!(Py_SIZE(op), 7);
        assert!(Py_IS_TYPE(op, ptr::null_mut()));

        (*op).ob_refcnt.ob_refcnt_full = 1;
        assert_eq!(Py_REFCNT(op), 1);
        assert_eq!(_Py_IsImmortal(op), 0);
        assert_eq!(_Py_IsStaticImmortal(op), 0);
    }
}

#[test]
fn overflow_does_not_make_immortal() {
    let mut object = PyObject::HEAD_INIT(ptr::null_mut());
    object.ob_refcnt.parts = PyObject_RefcntParts {
        ob_refcnt: i32::MAX as u32,
        ob_overflow: u16::MAX,
        ob_flags: 0,
    };
    // SAFETY: the head is complete.
    unsafe {
        assert_eq!(Py_REFCNT(&raw mut object), _Py_IMMORTAL_MINIMUM_REFCNT - 1);
        assert_eq!(_Py_IsImmortal(&raw mut object), 0);
    }
}

#[test]
fn compact_ints() {
    for (sign, digit, value) in [(0, 0, 0), (1, 5, 5), (-1, PyLong_MASK, -1073741823)] {
        let size = usize::from(sign != 0);
        let int = PyLongObject {
            ob_base: PyObject::HEAD_INIT(ptr::null_mut()),
            long_value: _PyLongValue {
                lv_tag: TAG_FROM_SIGN_AND_SIZE(sign, size) | IMMORTALITY_BIT_MASK,
                ob_digit: [digit],
            },
        };
        // SAFETY: the struct is complete, with its one digit.
        unsafe {
            assert!(_PyLong_IsCompact(&int));
            assert_eq!(_PyLong_DigitCount(&int), size);
            assert_eq!(_PyLong_CompactValue(&int), value);
        }
    }
}

#[test]
fn string_states() {
    let state = _PyUnicodeObject_state::new(PyUnicode_4BYTE_KIND, true, false);
    assert_eq!(state.kind(), PyUnicode_4BYTE_KIND);
    assert!(state.compact() && !state.ascii() && !state.statically_allocated());
    assert_eq!(state.interned(), SSTATE_NOT_INTERNED);

    let state = state
        .with_interned(SSTATE_INTERNED_IMMORTAL_STATIC)
        .with_interned(SSTATE_INTERNED_MORTAL)
        .with_statically_allocated();
    assert_eq!(state.interned(), SSTATE_INTERNED_MORTAL);
    assert_eq!(state.kind(), PyUnicode_4BYTE_KIND);
    assert!(state.statically_allocated());
}

#[test]
fn string_data_follows_the_shape() {
    fn data_offset(state: _PyUnicodeObject_state) -> usize {
        let mut text = PyUnicodeObject {
            _base: PyCompactUnicodeObject {
                _base: PyASCIIObject {
                    ob_base: PyObject::HEAD_INIT(ptr::null_mut()),
                    length: 1,
                    hash: -1,
                    state,
                },
                utf8_length: 0,
                utf8: ptr::null_mut(),
            },
            data: PyUnicodeObject_data {
                any: ptr::without_provenance_mut(1),
            },
        };
        let op = (&raw mut text).cast::<PyObject>();
        // SAFETY: the largest of the three structs is behind `op`.
        unsafe {
            assert_eq!(PyUnicode_GET_LENGTH(op), 1);
            assert_eq!(PyUnicode_KIND(op), PyUnicode_1BYTE_KIND);
            PyUnicode_DATA(op).addr().wrapping_sub(op.addr())
        }
    }

    let shape = |compact, ascii| _PyUnicodeObject_state::new(PyUnicode_1BYTE_KIND, compact, ascii);
    assert_eq!(data_offset(shape(true, true)), size_of::<PyASCIIObject>());
    assert_eq!(
        data_offset(shape(true, false)),
        size_of::<PyCompactUnicodeObject>()
    );
    assert!(data_offset(shape(false, true)) > size_of::<PyUnicodeObject>());
}

#[test]
fn vectorcall_argument_counts() {
    assert_eq!(PyVectorcall_NARGS(3 | PY_VECTORCALL_ARGUMENTS_OFFSET), 3);
    assert_eq!(PyVectorcall_NARGS(0), 0);
}

#[test]
fn zeroed_types_are_empty() {
    let ty = PyTypeObject::ZERO;
    assert!(ty.tp_name.is_null() && ty.tp_dealloc.is_none() && ty.tp_flags == 0);
    assert!(PyMethodDef::ZERO.ml_meth.is_none());
}
