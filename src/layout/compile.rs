//! `compile.h` and `cpython/compile.h`.

use super::{
    CO_FUTURE_ABSOLUTE_IMPORT, CO_FUTURE_ANNOTATIONS, CO_FUTURE_BARRY_AS_BDFL, CO_FUTURE_DIVISION,
    CO_FUTURE_GENERATOR_STOP, CO_FUTURE_PRINT_FUNCTION, CO_FUTURE_UNICODE_LITERALS,
    CO_FUTURE_WITH_STATEMENT, CO_NESTED, PY_MINOR_VERSION,
};
use core::ffi::c_int;

// Start symbols.
pub const Py_single_input: c_int = 256;
pub const Py_file_input: c_int = 257;
pub const Py_eval_input: c_int = 258;
pub const Py_func_type_input: c_int = 345;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PyCompilerFlags {
    pub cf_flags: c_int,
    pub cf_feature_version: c_int,
}
assert_layout!(PyCompilerFlags, 8, { cf_flags: 0, cf_feature_version: 4 });

impl PyCompilerFlags {
    /// `_PyCompilerFlags_INIT`.
    pub const INIT: Self = Self {
        cf_flags: 0,
        cf_feature_version: PY_MINOR_VERSION,
    };
}

// `cf_flags`.
pub const PyCF_MASK: c_int = CO_FUTURE_DIVISION
    | CO_FUTURE_ABSOLUTE_IMPORT
    | CO_FUTURE_WITH_STATEMENT
    | CO_FUTURE_PRINT_FUNCTION
    | CO_FUTURE_UNICODE_LITERALS
    | CO_FUTURE_BARRY_AS_BDFL
    | CO_FUTURE_GENERATOR_STOP
    | CO_FUTURE_ANNOTATIONS;
pub const PyCF_MASK_OBSOLETE: c_int = CO_NESTED;
pub const PyCF_SOURCE_IS_UTF8: c_int = 1 << 8;
pub const PyCF_DONT_IMPLY_DEDENT: c_int = 1 << 9;
pub const PyCF_ONLY_AST: c_int = 1 << 10;
pub const PyCF_IGNORE_COOKIE: c_int = 1 << 11;
pub const PyCF_TYPE_COMMENTS: c_int = 1 << 12;
pub const PyCF_ALLOW_TOP_LEVEL_AWAIT: c_int = 1 << 13;
pub const PyCF_ALLOW_INCOMPLETE_INPUT: c_int = 1 << 14;
pub const PyCF_OPTIMIZED_AST: c_int = 0x8400;
pub const PyCF_COMPILE_MASK: c_int = 0xf600;
/// Result of `PyCompile_OpcodeStackEffect` for an opcode that does not exist.
pub const PY_INVALID_STACK_EFFECT: c_int = c_int::MAX;
