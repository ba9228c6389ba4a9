//! Reading the arguments of variadic functions, which `varargs.c` hands over
//! as a `va_list`, and what such functions share: format strings, and errors
//! that are in the error indicator already.

pub mod call;
pub mod errors;
pub mod sys;

use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_uint, c_ulong, c_void};

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyBaseExceptionRef;

use super::{Return, bad_internal_call};
use crate::layout::{__va_list_tag, Py_ssize_t, PyObject};
use crate::thread::{self, error};

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", unix)))]
compile_error!(
    "VaList reads the va_list of the System V ABI for AMD64; another ABI needs another reader"
);

/// Bytes of the register save area that hold general purpose registers.
const GP_END: c_uint = 48;
/// Bytes of the register save area.
const FP_END: c_uint = 176;

/// A `va_list` of our own: reading it leaves the caller's as it was.
///
/// Each method takes the next argument, which the caller of the variadic
/// function must have passed as that type.
#[derive(Clone)]
pub struct VaList(__va_list_tag);

impl VaList {
    /// `va_copy`.
    ///
    /// # Safety
    /// `va` is a live `va_list`, and the function whose arguments it names
    /// does not return while the copy is used. This goes for every method.
    pub unsafe fn copy_of(va: *const __va_list_tag) -> Self {
        // SAFETY: by this function's contract.
        Self(unsafe { *va })
    }

    /// Where the next argument of class INTEGER is.
    #[inline]
    unsafe fn integer(&mut self) -> *const c_void {
        if self.0.gp_offset < GP_END {
            // SAFETY: the offset is within the save area.
            let at = unsafe { self.0.reg_save_area.byte_add(self.0.gp_offset as usize) };
            self.0.gp_offset += 8;
            at
        } else {
            // SAFETY: by the contract of `copy_of`.
            unsafe { self.on_stack() }
        }
    }

    #[inline]
    unsafe fn on_stack(&mut self) -> *const c_void {
        let at = self.0.overflow_arg_area;
        // SAFETY: every argument on the stack takes eight bytes, or more for
        // types that nobody passes here.
        self.0.overflow_arg_area = unsafe { at.byte_add(8) };
        at
    }

    /// # Safety
    /// The next argument is an `int`, or something that is promoted to one.
    #[inline]
    pub unsafe fn int(&mut self) -> c_int {
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }

    /// # Safety
    /// The next argument is an `unsigned int`.
    #[inline]
    pub unsafe fn uint(&mut self) -> c_uint {
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }

    /// # Safety
    /// The next argument is a `long`, `long long`, `Py_ssize_t` or `intmax_t`.
    #[inline]
    pub unsafe fn long(&mut self) -> c_long {
        // SAFETY: by this function's contract; all are 64 bits wide.
        unsafe { *self.integer().cast() }
    }

    /// # Safety
    /// The next argument is an unsigned type as wide as `long`.
    #[inline]
    pub unsafe fn ulong(&mut self) -> c_ulong {
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }

    /// # Safety
    /// The next argument is a `Py_ssize_t`.
    #[inline]
    pub unsafe fn ssize(&mut self) -> Py_ssize_t {
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }

    /// # Safety
    /// The next argument is a `double`, or a `float` promoted to one.
    #[inline]
    pub unsafe fn double(&mut self) -> c_double {
        // SAFETY: by this function's contract; the offset is within the save
        // area, where each vector register takes 16 bytes.
        unsafe {
            if self.0.fp_offset < FP_END {
                let at = self.0.reg_save_area.byte_add(self.0.fp_offset as usize);
                self.0.fp_offset += 16;
                *at.cast()
            } else {
                *self.on_stack().cast()
            }
        }
    }

    /// # Safety
    /// The next argument is a pointer to data.
    #[inline]
    pub unsafe fn pointer<T>(&mut self) -> *mut T {
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }

    /// The next argument, a function pointer, as the type `F` of such pointers.
    ///
    /// # Safety
    /// The next argument is of type `F`, and not NULL.
    #[inline]
    pub unsafe fn function<F: Copy>(&mut self) -> F {
        const { assert!(size_of::<F>() == size_of::<*const c_void>()) };
        // SAFETY: by this function's contract.
        unsafe { *self.integer().cast() }
    }
}

/// A position in a format string, whose end reads as NUL for ever.
#[derive(Clone, Copy)]
pub struct Format<'a>(&'a [u8]);

impl<'a> Format<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// # Safety
    /// `format` is NULL, which is a `SystemError`, or a string that outlives the result.
    pub unsafe fn of(vm: &VirtualMachine, format: *const c_char) -> Raising<Self> {
        if format.is_null() {
            return Err(raise(bad_internal_call(vm)));
        }
        // SAFETY: by this function's contract.
        Ok(Self::new(unsafe { CStr::from_ptr(format) }.to_bytes()))
    }

    #[inline]
    pub fn peek(&self) -> u8 {
        self.0.first().copied().unwrap_or(0)
    }

    /// The character at the position, which moves on, but not past the end.
    #[inline]
    pub fn advance(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&c, rest)) => {
                self.0 = rest;
                c
            }
            None => 0,
        }
    }

    /// Moves past `c` if it is next.
    #[inline]
    pub fn take(&mut self, c: u8) -> bool {
        let found = self.peek() == c && !self.0.is_empty();
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Everything from here on.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// What comes after the first `c`.
    pub fn after(&self, c: u8) -> Option<&'a [u8]> {
        let at = self.0.iter().position(|&other| other == c)?;
        Some(&self.0[at + 1..])
    }
}

/// The error indicator is set.
#[derive(Debug)]
pub struct Raised;

/// A result whose error is in the error indicator.
pub type Raising<T> = Result<T, Raised>;

/// Sets the error indicator.
#[cold]
pub fn raise(exception: PyBaseExceptionRef) -> Raised {
    error::set(thread::current_vm(), &exception);
    Raised
}

#[cold]
pub fn type_error(message: impl Into<String>) -> Raised {
    raise(thread::current_vm().new_type_error(message.into()))
}

#[cold]
pub fn system_error(message: impl Into<String>) -> Raised {
    raise(thread::current_vm().new_system_error(message.into()))
}

#[cold]
pub fn value_error(message: impl Into<String>) -> Raised {
    raise(thread::current_vm().new_value_error(message.into()))
}

#[cold]
pub fn overflow_error(message: impl Into<String>) -> Raised {
    raise(thread::current_vm().new_overflow_error(message.into()))
}

#[cold]
pub fn no_memory() -> Raised {
    raise(thread::current_vm().new_memory_error(""))
}

/// The result of an API function that returns NULL when it raised.
#[inline]
pub fn non_null<T>(p: *mut T) -> Raising<*mut T> {
    if p.is_null() { Err(Raised) } else { Ok(p) }
}

/// The result of a constructor of a mirror, which is NULL when memory is out.
#[inline]
pub fn allocated(p: *mut PyObject) -> Raising<*mut PyObject> {
    if p.is_null() { Err(no_memory()) } else { Ok(p) }
}

/// The result of an API function that is -1 when it raised; -1 alone may be a value.
#[inline]
pub fn unless_raised<T: PartialEq + From<i8>>(value: T) -> Raising<T> {
    if value == T::from(-1) && error::occurred() {
        Err(Raised)
    } else {
        Ok(value)
    }
}

/// What a border function returns whose work gave a [`Raising`]: NULL for [`Raised`].
pub fn or_null<T>(result: Raising<*mut T>) -> *mut T {
    result.unwrap_or(std::ptr::null_mut())
}

/// 0 and -1.
pub fn status(result: Raising<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(Raised) => -1,
    }
}

/// The result of a parsing function: 1, or 0 with an exception set.
pub struct Parsed(pub Raising<()>);

impl Return for Parsed {
    type C = c_int;
    fn failed() -> c_int {
        0
    }
    #[inline]
    fn into_c(self, _vm: &VirtualMachine) -> c_int {
        self.0.is_ok().into()
    }
}

/// At most the first `max` bytes of a text from C, for messages.
pub fn clip(text: &[u8], max: usize) -> String {
    String::from_utf8_lossy(&text[..text.len().min(max)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a variadic function's prologue saves, and the stack above it.
    struct Call {
        save: [u64; 22],
        stack: [u64; 8],
    }

    impl Call {
        fn new() -> Self {
            let mut save = [0; 22];
            for (i, word) in save.iter_mut().take(6).enumerate() {
                *word = 100 + i as u64;
            }
            for i in 0..8 {
                save[6 + 2 * i] = (0.5 + i as f64).to_bits();
            }
            let mut stack = [0; 8];
            for (i, word) in stack.iter_mut().enumerate() {
                *word = 200 + i as u64;
            }
            Self { save, stack }
        }

        /// As after `named` named arguments of class INTEGER.
        fn list(&mut self, named: u32) -> __va_list_tag {
            __va_list_tag {
                gp_offset: named * 8,
                fp_offset: GP_END,
                overflow_arg_area: self.stack.as_mut_ptr().cast(),
                reg_save_area: self.save.as_mut_ptr().cast(),
            }
        }
    }

    #[test]
    fn registers_then_stack() {
        let mut call = Call::new();
        let tag = call.list(2);
        // SAFETY: the save area and the stack hold what is read.
        unsafe {
            let mut va = VaList::copy_of(&tag);
            let read: Vec<i64> = (0..6).map(|_| va.long()).collect();
            assert_eq!(read, [102, 103, 104, 105, 200, 201]);
            assert_eq!(va.int(), 202);
            assert_eq!(va.pointer::<u8>() as usize, 203);
        }
        assert_eq!(tag.gp_offset, 16, "the caller's list is untouched");
    }

    #[test]
    fn classes_are_counted_apart_and_share_the_stack() {
        let mut call = Call::new();
        call.stack[0] = 9.5f64.to_bits();
        let tag = call.list(5);
        // SAFETY: the save area and the stack hold what is read.
        unsafe {
            let mut va = VaList::copy_of(&tag);
            for i in 0..8 {
                assert_eq!(va.double(), 0.5 + f64::from(i));
            }
            assert_eq!(va.ulong(), 105);
            assert_eq!(va.double(), 9.5);
            assert_eq!(va.ssize(), 201);
        }
    }

    #[test]
    fn narrow_arguments_ignore_the_upper_half() {
        let mut call = Call::new();
        call.save[0] = 0xdead_beef_ffff_fffe;
        let tag = call.list(0);
        // SAFETY: the save area holds what is read.
        unsafe {
            assert_eq!(VaList::copy_of(&tag).int(), -2);
            assert_eq!(VaList::copy_of(&tag).uint(), 0xffff_fffe);
        }
    }

    #[test]
    fn format_ends_for_ever() {
        let mut format = Format::new(b"a:f");
        assert_eq!(format.after(b':'), Some(&b"f"[..]));
        assert_eq!(format.after(b';'), None);
        assert!(!format.take(b'b') && format.take(b'a'));
        assert_eq!((format.advance(), format.advance()), (b':', b'f'));
        assert_eq!((format.advance(), format.peek()), (0, 0));
        assert!(!format.take(0));
    }
}
