//! `pylifecycle.h` and `cpython/pylifecycle.h`.
//!
//! The interpreter belongs to the program that loads extensions: C finds it initialized, and cannot take it apart.

use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use libc::{FILE, wchar_t};
use rustpython_vm::{PyResult, VirtualMachine};

use super::fileutils::{new_wide, wide_text};
use super::import::call;
use super::pyerrors::Py_FatalError;
use super::{Nothing, border, pystate, python};
use crate::layout::{
    _PyStatus_TYPE_ERROR, _PyStatus_TYPE_EXIT, _PyStatus_TYPE_OK, PyConfig, PyInterpreterConfig,
    PyInterpreterState, PyOS_sighandler_t, PyPreConfig, PyStatus, PyThreadState,
    atexit_datacallbackfunc,
};
use crate::proxy::mirror;
use crate::thread;
use crate::vm::version;

/// `PY_VERSION_HEX` of the Python that runs.
#[unsafe(no_mangle)]
pub static Py_Version: c_ulong = version::HEX as c_ulong;

/// 1 once C code can call. Needs no GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsInitialized() -> c_int {
    pystate::global_state().is_some().into()
}

/// Whether the interpreter is being finalized. Needs no GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_IsFinalizing() -> c_int {
    pystate::is_finalizing().into()
}

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_Initialize() {}

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_InitializeEx(_initsigs: c_int) {}

const OK: PyStatus = PyStatus {
    _type: _PyStatus_TYPE_OK,
    func: ptr::null(),
    err_msg: ptr::null(),
    exitcode: 0,
};

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_InitializeFromConfig(_config: *const PyConfig) -> PyStatus {
    OK
}

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_PreInitialize(_src_config: *const PyPreConfig) -> PyStatus {
    OK
}

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_PreInitializeFromArgs(
    _src_config: *const PyPreConfig,
    _argc: isize,
    _argv: *mut *mut wchar_t,
) -> PyStatus {
    OK
}

/// Does nothing: the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_PreInitializeFromBytesArgs(
    _src_config: *const PyPreConfig,
    _argc: isize,
    _argv: *mut *mut c_char,
) -> PyStatus {
    OK
}

/// Ends the process as `err` says; must not be called for a success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_ExitStatusException(err: PyStatus) {
    // SAFETY: texts of a status are NUL-terminated or NULL.
    unsafe {
        match err._type {
            _PyStatus_TYPE_EXIT => libc::exit(err.exitcode),
            _PyStatus_TYPE_ERROR if !err.err_msg.is_null() => Py_FatalError(err.err_msg),
            _PyStatus_TYPE_ERROR => Py_FatalError(c"unknown error".as_ptr()),
            _ => Py_FatalError(c"Py_ExitStatusException() must not be called on success".as_ptr()),
        }
    }
}

/// -1: the interpreter is not C's to finalize.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_FinalizeEx() -> c_int {
    -1
}

/// Does nothing: the interpreter is not C's to finalize.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_Finalize() {}

/// NULL: further interpreters cannot be made from C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_NewInterpreter() -> *mut PyThreadState {
    ptr::null_mut()
}

/// An error, and NULL in `*tstate_p`: further interpreters cannot be made from C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_NewInterpreterFromConfig(
    tstate_p: *mut *mut PyThreadState,
    _config: *const PyInterpreterConfig,
) -> PyStatus {
    // SAFETY: the caller's variable.
    unsafe { *tstate_p = ptr::null_mut() };
    PyStatus {
        _type: _PyStatus_TYPE_ERROR,
        func: c"Py_NewInterpreterFromConfig".as_ptr(),
        err_msg: c"sub-interpreters cannot be made from C".as_ptr(),
        exitcode: 0,
    }
}

/// Aborts the process: the one interpreter is not C's to end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_EndInterpreter(_tstate: *mut PyThreadState) {
    // SAFETY: a NUL-terminated string.
    unsafe { Py_FatalError(c"Py_EndInterpreter: the main interpreter runs".as_ptr()) }
}

/// Functions of `Py_AtExit`, called last first.
static AT_EXIT: Mutex<Vec<unsafe extern "C" fn()>> = Mutex::new(Vec::new());
/// CPython's `NEXITFUNCS`.
const MOST_AT_EXIT: usize = 32;

extern "C" fn run_at_exit() {
    loop {
        let next = AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match next {
            // SAFETY: who added the function vouches for it.
            Some(f) => unsafe { f() },
            None => return,
        }
    }
}

/// Has `func` called when the process ends, without an interpreter. 0, or -1 if there are too many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_AtExit(func: unsafe extern "C" fn()) -> c_int {
    static REGISTERED: Once = Once::new();
    // SAFETY: the function lives as long as the process.
    REGISTERED.call_once(|| unsafe {
        libc::atexit(run_at_exit);
    });
    let mut functions = AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner);
    if functions.len() >= MOST_AT_EXIT {
        return -1;
    }
    functions.push(func);
    0
}

/// Has `func(data)` called, with the GIL, when the interpreter ends. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_AtExit(
    _interp: *mut PyInterpreterState,
    func: atexit_datacallbackfunc,
    data: *mut c_void,
) -> c_int {
    border(|vm| {
        let data = data as usize;
        let callback = vm.new_function("callback", move |vm: &VirtualMachine| {
            let _held = thread::enter(vm);
            mirror::before_c(vm);
            // SAFETY: who added the function vouches for it.
            thread::state::call_c(|| unsafe { func(data as *mut c_void) });
            mirror::before_vm(vm);
        });
        call(vm, "atexit", "register", (callback,))?;
        Ok(())
    })
}

/// Runs the functions of `atexit`, flushes the standard streams and ends the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_Exit(status: c_int) -> ! {
    exit(status)
}

/// [`Py_Exit`]; the caller holds the lock.
pub fn exit(status: c_int) -> ! {
    border(|vm| {
        let _ = call(vm, "atexit", "_run_exitfuncs", ());
        flush(vm);
        Ok(Nothing)
    });
    // SAFETY: always succeeds.
    unsafe { libc::exit(status) }
}

/// Flushes `sys.stdout` and `sys.stderr`; what that raises is of no use to anybody.
pub fn flush(vm: &VirtualMachine) {
    python(|| {
        for name in ["stdout", "stderr"] {
            if let Ok(stream) = vm.sys_module.get_attr(name, vm)
                && !vm.is_none(&stream)
            {
                let _ = vm.call_method(&stream, "flush", ());
            }
        }
    });
}

/// The text of `sys.version`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetVersion() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    TEXT.get_or_init(|| CString::new(version::LONG).unwrap_or_default())
        .as_ptr()
}

/// `sys.platform`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetPlatform() -> *const c_char {
    c"linux".as_ptr()
}

/// `sys.copyright`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetCopyright() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    sys_text(&TEXT, "copyright")
}

/// A text of `sys` that never changes.
fn sys_text(text: &'static OnceLock<CString>, name: &'static str) -> *const c_char {
    if text.get().is_none() {
        border(|vm| {
            let value = python(|| vm.sys_module.get_attr(name, vm)?.str_utf8(vm))?;
            text.get_or_init(|| CString::new(value.as_str()).unwrap_or_default());
            Ok(Nothing)
        });
    }
    text.get_or_init(CString::default).as_ptr()
}

/// What compiled the interpreter, in brackets; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetCompiler() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    TEXT.get_or_init(|| {
        let compiler = version::LONG.split_once('[').map_or("", |(_, rest)| rest);
        CString::new(format!("[{compiler}")).unwrap_or_default()
    })
    .as_ptr()
}

/// Whether assertions were compiled in: 0.
#[unsafe(no_mangle)]
pub extern "C" fn _Py_GetBuiltWithAssert() -> c_int {
    0
}

/// What was built; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetBuildInfo() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    TEXT.get_or_init(|| {
        let build = version::LONG
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or("", |(build, _)| build);
        CString::new(build).unwrap_or_default()
    })
    .as_ptr()
}

/// An address that is given out for ever.
struct Wide(*mut wchar_t);
// SAFETY: the text is never written again.
unsafe impl Send for Wide {}
// SAFETY: as above.
unsafe impl Sync for Wide {}

fn wide_once(
    cache: &'static OnceLock<Wide>,
    text: impl FnOnce(&VirtualMachine) -> PyResult<String>,
) -> *mut wchar_t {
    if let Some(known) = cache.get() {
        return known.0;
    }
    border(|vm| {
        let text = python(|| text(vm))?;
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        Ok(cache.get_or_init(|| Wide(new_wide(&points))).0)
    })
}

fn sys_string(vm: &VirtualMachine, name: &'static str) -> PyResult<String> {
    Ok(vm
        .sys_module
        .get_attr(name, vm)?
        .str_utf8(vm)?
        .as_str()
        .to_owned())
}

/// `sys.prefix`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetPrefix() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    wide_once(&TEXT, |vm| sys_string(vm, "prefix"))
}

/// `sys.exec_prefix`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetExecPrefix() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    wide_once(&TEXT, |vm| sys_string(vm, "exec_prefix"))
}

/// `sys.executable`; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetProgramFullPath() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    wide_once(&TEXT, |vm| sys_string(vm, "executable"))
}

/// The name the program was called by; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetProgramName() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    wide_once(&TEXT, |_| {
        let name = std::env::args_os().next().unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    })
}

/// `sys.path` when first asked for, joined with colons; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetPath() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    wide_once(&TEXT, |vm| {
        let path = vm.sys_module.get_attr("path", vm)?;
        let parts: Vec<_> = vm.extract_elements_with(&path, |part| part.str_utf8(vm))?;
        let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
        Ok(parts.join(":"))
    })
}

/// `PYTHONHOME`, NULL if it is not set; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetPythonHome() -> *mut wchar_t {
    static TEXT: OnceLock<Wide> = OnceLock::new();
    match std::env::var_os("PYTHONHOME").filter(|home| !home.is_empty()) {
        None => ptr::null_mut(),
        Some(home) => wide_once(&TEXT, |_| Ok(home.to_string_lossy().into_owned())),
    }
}

/// Takes no effect: it would have to be called before the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SetProgramName(_name: *const wchar_t) {}

/// Takes no effect: it would have to be called before the interpreter is initialized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SetPythonHome(_home: *const wchar_t) {}

/// Sets `sys.path` to the parts of a list with colons.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SetPath(path: *const wchar_t) {
    // SAFETY: the caller passes NULL or a NUL-terminated string.
    if !unsafe { wide_text(path) }.is_empty() {
        // SAFETY: as above.
        unsafe { super::sysmodule::PySys_SetPath(path) };
    }
}

/// Whether the file is a terminal, or stands for one with `-i`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_FdIsInteractive(fp: *mut FILE, filename: *const c_char) -> c_int {
    // SAFETY: the caller passes an open file, and NULL or a NUL-terminated string.
    unsafe {
        if libc::isatty(libc::fileno(fp)) != 0 {
            return 1;
        }
        let interactive =
            pystate::global_state().is_some_and(|state| state.config.settings.interactive);
        let named = !filename.is_null()
            && !matches!(
                std::ffi::CStr::from_ptr(filename).to_bytes(),
                b"<stdin>" | b"???"
            );
        (interactive && !named).into()
    }
}

/// The handler of a signal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_getsig(sig: c_int) -> Option<PyOS_sighandler_t> {
    // SAFETY: a struct of plain words; a handler is a function or a small number, as C has it.
    unsafe {
        let mut context = std::mem::zeroed::<libc::sigaction>();
        if libc::sigaction(sig, ptr::null(), &raw mut context) == -1 {
            context.sa_sigaction = libc::SIG_ERR;
        }
        std::mem::transmute::<usize, Option<PyOS_sighandler_t>>(context.sa_sigaction)
    }
}

/// Sets the handler of a signal; returns the one before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_setsig(
    sig: c_int,
    handler: Option<PyOS_sighandler_t>,
) -> Option<PyOS_sighandler_t> {
    // SAFETY: as in `PyOS_getsig`.
    unsafe {
        let mut context = std::mem::zeroed::<libc::sigaction>();
        let mut before = std::mem::zeroed::<libc::sigaction>();
        context.sa_sigaction = std::mem::transmute::<Option<PyOS_sighandler_t>, usize>(handler);
        libc::sigemptyset(&raw mut context.sa_mask);
        // As CPython: C code interrupted by a signal sees `EINTR`, and alternate stacks are used.
        context.sa_flags = libc::SA_ONSTACK;
        if libc::sigaction(sig, &raw const context, &raw mut before) == -1 {
            before.sa_sigaction = libc::SIG_ERR;
        }
        std::mem::transmute::<usize, Option<PyOS_sighandler_t>>(before.sa_sigaction)
    }
}

/// `X.Y` packed as in `Py_Version`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_PACK_VERSION(x: c_int, y: c_int) -> c_uint {
    pack(x, y, 0, 0, 0)
}

/// A whole version packed as in `Py_Version`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_PACK_FULL_VERSION(
    x: c_int,
    y: c_int,
    z: c_int,
    level: c_int,
    serial: c_int,
) -> c_uint {
    pack(x, y, z, level, serial)
}

fn pack(x: c_int, y: c_int, z: c_int, level: c_int, serial: c_int) -> c_uint {
    let byte = |n: c_int, shift: u32| ((n as c_uint) & 0xff) << shift;
    byte(x, 24)
        | byte(y, 16)
        | byte(z, 8)
        | ((level as c_uint) & 0xf) << 4
        | (serial as c_uint) & 0xf
}

// skipped: Py_RunMain, Py_FrozenMain: the command line is that of the program that loads extensions
