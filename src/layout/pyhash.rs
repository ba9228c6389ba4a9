//! `pyhash.h`: parameters of the numeric hash and the string hash in use.

use super::{Py_hash_t, Py_ssize_t, Py_uhash_t};
use core::ffi::{c_char, c_int, c_void};

/// Description of the string hash, what `PyHash_GetFuncDef` points to.
#[repr(C)]
pub struct PyHash_FuncDef {
    pub hash: Option<unsafe extern "C" fn(*const c_void, Py_ssize_t) -> Py_hash_t>,
    pub name: *const c_char,
    pub hash_bits: c_int,
    pub seed_bits: c_int,
}
assert_layout!(PyHash_FuncDef, 24, { hash: 0, name: 8, hash_bits: 16, seed_bits: 20 });
// SAFETY: both pointers lead to constant data and code.
unsafe impl Sync for PyHash_FuncDef {}

pub const PyHASH_MULTIPLIER: Py_uhash_t = 1000003;
/// Numeric hashes are reduced modulo 2**61 - 1.
pub const PyHASH_BITS: c_int = 61;
pub const PyHASH_MODULUS: Py_uhash_t = (1 << PyHASH_BITS) - 1;
/// Hash of infinity; that of minus infinity is its negation.
pub const PyHASH_INF: Py_hash_t = 314159;
/// Weight of the imaginary part in a complex number's hash.
pub const PyHASH_IMAG: Py_uhash_t = PyHASH_MULTIPLIER;

pub const _PyHASH_MULTIPLIER: Py_uhash_t = PyHASH_MULTIPLIER;
pub const _PyHASH_BITS: c_int = PyHASH_BITS;
pub const _PyHASH_MODULUS: Py_uhash_t = PyHASH_MODULUS;
pub const _PyHASH_INF: Py_hash_t = PyHASH_INF;
pub const _PyHASH_IMAG: Py_uhash_t = PyHASH_IMAG;

pub const Py_HASH_CUTOFF: c_int = 0;
pub const Py_HASH_EXTERNAL: c_int = 0;
pub const Py_HASH_SIPHASH24: c_int = 1;
pub const Py_HASH_FNV: c_int = 2;
pub const Py_HASH_SIPHASH13: c_int = 3;
pub const Py_HASH_ALGORITHM: c_int = Py_HASH_SIPHASH13;
