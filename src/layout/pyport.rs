//! `pyport.h`: the scalar types the rest of the ABI is spelled in.

/// Signed size, as wide as a pointer.
pub type Py_ssize_t = isize;
/// Historic name of `Py_ssize_t` in argument-parsing code.
pub type Py_ssize_clean_t = Py_ssize_t;
/// Result of `tp_hash`; -1 is reserved for errors.
pub type Py_hash_t = Py_ssize_t;
pub type Py_uhash_t = usize;
pub type Py_uintptr_t = usize;
pub type Py_intptr_t = isize;

pub const PY_SSIZE_T_MAX: Py_ssize_t = Py_ssize_t::MAX;
pub const PY_SSIZE_T_MIN: Py_ssize_t = Py_ssize_t::MIN;
