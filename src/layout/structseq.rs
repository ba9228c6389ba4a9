//! `structseq.h`: named tuples made from C.

use super::PyTupleObject;
use core::ffi::{c_char, c_int};

/// One field; a NULL `name` ends the array.
#[repr(C)]
pub struct PyStructSequence_Field {
    pub name: *const c_char,
    pub doc: *const c_char,
}
assert_layout!(PyStructSequence_Field, 16, { name: 0, doc: 8 });

/// What `PyStructSequence_NewType` makes a type from.
#[repr(C)]
pub struct PyStructSequence_Desc {
    pub name: *const c_char,
    pub doc: *const c_char,
    pub fields: *mut PyStructSequence_Field,
    pub n_in_sequence: c_int,
}
assert_layout!(PyStructSequence_Desc, 32, { name: 0, doc: 8, fields: 16, n_in_sequence: 24 });

pub type PyStructSequence = PyTupleObject;
