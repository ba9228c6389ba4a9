//! `abstract.h`: the vectorcall convention.

use super::Py_ssize_t;

/// Bit of `nargsf`: the callee may use the place before the first argument.
pub const PY_VECTORCALL_ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

/// The argument count in a vectorcall's `nargsf`.
#[inline]
pub const fn PyVectorcall_NARGS(n: usize) -> Py_ssize_t {
    (n & !PY_VECTORCALL_ARGUMENTS_OFFSET) as Py_ssize_t
}
