//! `stdarg.h` of the System V ABI for AMD64.

use core::ffi::{c_uint, c_void};

/// What a `va_list` is an array of one of; as a parameter it is a pointer to one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct __va_list_tag {
    /// Offset into `reg_save_area` of the next general purpose register.
    pub gp_offset: c_uint,
    /// Offset into `reg_save_area` of the next vector register.
    pub fp_offset: c_uint,
    /// The next argument that was passed on the stack.
    pub overflow_arg_area: *mut c_void,
    pub reg_save_area: *mut c_void,
}
assert_layout!(__va_list_tag, 24, {
    gp_offset: 0, fp_offset: 4, overflow_arg_area: 8, reg_save_area: 16,
});
