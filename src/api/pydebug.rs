//! `cpython/pydebug.h`: the command line's flags as CPython had them before `PyConfig`, and `Py_GETENV`.
//!
//! They are filled once, before the first extension is loaded.

use std::ffi::{c_char, c_int};

use rustpython_vm::VirtualMachine;

macro_rules! flags {
    ($($name:ident = $value:expr;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` of the command line.")]
            #[unsafe(no_mangle)]
            pub static mut $name: c_int = 0;
        )*

        /// Fills the flags from the settings of the VM.
        ///
        /// # Safety
        /// No C code runs yet.
        pub unsafe fn fill(vm: &VirtualMachine) {
            // SAFETY: by this function's contract nobody reads them now.
            unsafe {
                $($name = c_int::from($value(&vm.state.config.settings));)*
            }
        }
    };
}

type Settings = rustpython_vm::Settings;

flags! {
    Py_DebugFlag = |s: &Settings| s.debug;
    Py_VerboseFlag = |s: &Settings| s.verbose;
    Py_QuietFlag = |s: &Settings| s.quiet;
    Py_InteractiveFlag = |s: &Settings| s.interactive;
    Py_InspectFlag = |s: &Settings| s.inspect;
    Py_OptimizeFlag = |s: &Settings| s.optimize;
    Py_NoSiteFlag = |s: &Settings| !s.import_site;
    Py_BytesWarningFlag = |s: &Settings| s.bytes_warning as u8;
    Py_FrozenFlag = |_: &Settings| false;
    Py_IgnoreEnvironmentFlag = |s: &Settings| s.ignore_environment;
    Py_DontWriteBytecodeFlag = |s: &Settings| !s.write_bytecode;
    Py_NoUserSiteDirectory = |s: &Settings| !s.user_site_directory;
    Py_UnbufferedStdioFlag = |s: &Settings| !s.buffered_stdio;
    Py_HashRandomizationFlag = |s: &Settings| s.hash_seed.is_none();
    Py_IsolatedFlag = |s: &Settings| s.isolated;
}

/// `getenv`, NULL where the environment is to be ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GETENV(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller passes a NUL-terminated string.
    unsafe {
        match Py_IgnoreEnvironmentFlag {
            0 => libc::getenv(name),
            _ => std::ptr::null_mut(),
        }
    }
}
