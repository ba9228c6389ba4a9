//! `pybuffer.h`: the buffer protocol.

use super::{Py_ssize_t, PyObject};
use core::ffi::{c_char, c_int, c_void};

/// A view on an exporter's memory. `obj` is a strong reference that `PyBuffer_Release` gives up.
#[repr(C)]
pub struct Py_buffer {
    pub buf: *mut c_void,
    pub obj: *mut PyObject,
    pub len: Py_ssize_t,
    pub itemsize: Py_ssize_t,
    pub readonly: c_int,
    pub ndim: c_int,
    pub format: *mut c_char,
    pub shape: *mut Py_ssize_t,
    pub strides: *mut Py_ssize_t,
    pub suboffsets: *mut Py_ssize_t,
    pub internal: *mut c_void,
}
assert_layout!(Py_buffer, 80, {
    buf: 0, obj: 8, len: 16, itemsize: 24, readonly: 32, ndim: 36, format: 40, shape: 48,
    strides: 56, suboffsets: 64, internal: 72,
});
zeroable!(Py_buffer);

pub type getbufferproc = unsafe extern "C" fn(*mut PyObject, *mut Py_buffer, c_int) -> c_int;
pub type releasebufferproc = unsafe extern "C" fn(*mut PyObject, *mut Py_buffer);

/// Most dimensions a buffer may have.
pub const PyBUF_MAX_NDIM: usize = 64;

// What a consumer asks of `bf_getbuffer`.
pub const PyBUF_SIMPLE: c_int = 0;
pub const PyBUF_WRITABLE: c_int = 1;
pub const PyBUF_WRITEABLE: c_int = 1;
pub const PyBUF_FORMAT: c_int = 4;
pub const PyBUF_ND: c_int = 8;
pub const PyBUF_STRIDES: c_int = 0x18;
pub const PyBUF_C_CONTIGUOUS: c_int = 0x38;
pub const PyBUF_F_CONTIGUOUS: c_int = 0x58;
pub const PyBUF_ANY_CONTIGUOUS: c_int = 0x98;
pub const PyBUF_INDIRECT: c_int = 0x118;
pub const PyBUF_CONTIG: c_int = 9;
pub const PyBUF_CONTIG_RO: c_int = 8;
pub const PyBUF_STRIDED: c_int = 0x19;
pub const PyBUF_STRIDED_RO: c_int = 0x18;
pub const PyBUF_RECORDS: c_int = 0x1d;
pub const PyBUF_RECORDS_RO: c_int = 0x1c;
pub const PyBUF_FULL: c_int = 0x11d;
pub const PyBUF_FULL_RO: c_int = 0x11c;

// Access modes of `PyMemoryView_FromMemory` and `PyMemoryView_GetContiguous`.
pub const PyBUF_READ: c_int = 1 << 8;
pub const PyBUF_WRITE: c_int = 1 << 9;
