//! CPython 3.14's structs and constants, as its headers lay them out for the x86-64 Linux GIL build.
//!
//! One file per header; a header and its `cpython/` companion share one. Names are CPython's own,
//! also where Rust would spell them differently. Function pointers that may be NULL are
//! `Option`s. There is no behaviour here beyond what the headers' own accessor macros do.
//!
//! Every struct's size and field offsets are asserted at compile time, against numbers taken from
//! a real build; `tests/layout` checks the same facts against other sources.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

/// Asserts the size of a struct and the offset of each of its fields; naming them all is checked.
macro_rules! assert_layout {
    ($ty:ident, $size:literal, { $($field:ident: $offset:literal),+ $(,)? }) => {
        const _: () = {
            use static_assertions::const_assert_eq;
            const_assert_eq!(size_of::<$ty>(), $size);
            $(const_assert_eq!(core::mem::offset_of!($ty, $field), $offset);)+
            const _: fn(&$ty) = |$ty { $($field: _),+ }| {};
        };
    };
}

/// Declares a type that C code knows by pointer only.
macro_rules! opaque {
    ($(#[$meta:meta])* $ty:ident) => {
        #[repr(C)]
        pub struct $ty {
            _data: [u8; 0],
            _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
        }
    };
}

/// Gives structs the all-zero value that C's static initializers start from.
macro_rules! zeroable {
    ($($ty:ident),+ $(,)?) => {
        $(impl $ty {
            /// All fields zero or NULL.
            // SAFETY: the struct has only integers, raw pointers and optional function pointers.
            pub const ZERO: Self = unsafe { core::mem::zeroed() };
        })+
    };
}

mod r#abstract;
mod audit;
mod bytearrayobject;
mod bytesobject;
mod cellobject;
mod ceval;
mod classobject;
mod code;
mod compile;
mod complexobject;
mod context;
mod critical_section;
mod datetime;
mod descrobject;
mod dictobject;
mod fileobject;
mod floatobject;
mod frameobject;
mod funcobject;
mod genobject;
mod import;
mod initconfig;
mod listobject;
mod lock;
mod longintrepr;
mod longobject;
mod marshal;
mod memoryobject;
mod methodobject;
mod modsupport;
mod moduleobject;
mod monitoring;
mod object;
mod objimpl;
mod odictobject;
mod patchlevel;
mod pybuffer;
mod pycapsule;
mod pyctype;
mod pyerrors;
mod pyframe;
mod pyhash;
mod pylifecycle;
mod pymem;
mod pyport;
mod pystate;
mod pystrtod;
mod pythread;
mod pytime;
mod pytypedefs;
mod refcount;
mod setobject;
mod sliceobject;
mod stdarg;
mod structmember;
mod structseq;
mod traceback;
mod tupleobject;
mod typeslots;
mod unicodeobject;
mod weakrefobject;

pub use r#abstract::*;
pub use audit::*;
pub use bytearrayobject::*;
pub use bytesobject::*;
pub use cellobject::*;
pub use ceval::*;
pub use classobject::*;
pub use code::*;
pub use compile::*;
pub use complexobject::*;
pub use context::*;
pub use critical_section::*;
pub use datetime::*;
pub use descrobject::*;
pub use dictobject::*;
pub use fileobject::*;
pub use floatobject::*;
pub use frameobject::*;
pub use funcobject::*;
pub use genobject::*;
pub use import::*;
pub use initconfig::*;
pub use listobject::*;
pub use lock::*;
pub use longintrepr::*;
pub use longobject::*;
pub use marshal::*;
pub use memoryobject::*;
pub use methodobject::*;
pub use modsupport::*;
pub use moduleobject::*;
pub use monitoring::*;
pub use object::*;
pub use objimpl::*;
pub use odictobject::*;
pub use patchlevel::*;
pub use pybuffer::*;
pub use pycapsule::*;
pub use pyctype::*;
pub use pyerrors::*;
pub use pyframe::*;
pub use pyhash::*;
pub use pylifecycle::*;
pub use pymem::*;
pub use pyport::*;
pub use pystate::*;
pub use pystrtod::*;
pub use pythread::*;
pub use pytime::*;
pub use pytypedefs::*;
pub use refcount::*;
pub use setobject::*;
pub use sliceobject::*;
pub use stdarg::*;
pub use structmember::*;
pub use structseq::*;
pub use traceback::*;
pub use tupleobject::*;
pub use typeslots::*;
pub use unicodeobject::*;
pub use weakrefobject::*;
