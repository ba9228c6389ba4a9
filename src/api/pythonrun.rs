//! `pythonrun.h` and `cpython/pythonrun.h`: compiling and running source, and showing exceptions.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use libc::FILE;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::ceval::evaluate;
use super::import::call;
use super::pyerrors::{PyErr_Clear, fs_decode};
use super::pylifecycle::{exit, flush};
use super::pystate::without_gil;
use super::{Nothing, bad_internal_call, border, decode_utf8, object, optional, python};
use crate::layout::{
    Py_eval_input, Py_file_input, Py_func_type_input, Py_single_input, PyCF_COMPILE_MASK,
    PyCF_IGNORE_COOKIE, PyCF_MASK, PyCompilerFlags, PyObject,
};
use crate::thread::error;

/// Called while `PyOS_Readline` waits, as by GUI toolkits.
#[unsafe(no_mangle)]
pub static mut PyOS_InputHook: Option<unsafe extern "C" fn() -> c_int> = None;

/// What `PyOS_Readline` reads with.
#[unsafe(no_mangle)]
pub static mut PyOS_ReadlineFunctionPointer: Option<
    unsafe extern "C" fn(*mut FILE, *mut FILE, *const c_char) -> *mut c_char,
> = None;

/// Shows an exception as the interpreter would at its top, through `sys.excepthook`. `SystemExit` ends the process.
fn print(vm: &VirtualMachine, e: &PyBaseExceptionRef, set_sys_last: bool) {
    if e.fast_isinstance(vm.ctx.exceptions.system_exit) {
        let code = python(|| vm.handle_exit_exception(e.clone()));
        exit(code as c_int);
    }
    python(|| {
        let (class, value, traceback) = vm.split_exception(e.clone());
        let sys = vm.sys_module.dict();
        if set_sys_last {
            for (name, v) in [
                ("last_exc", &value),
                ("last_type", &class),
                ("last_value", &value),
                ("last_traceback", &traceback),
            ] {
                let _ = sys.set_item(name, v.clone(), vm);
            }
        }
        let hook = sys.get_item_opt("excepthook", vm).ok().flatten();
        let shown = match hook {
            Some(hook) => hook.call((class, value, traceback), vm).map(|_| ()),
            None => {
                eprintln!("sys.excepthook is missing");
                vm.print_exception(e);
                Ok(())
            }
        };
        if let Err(second) = shown {
            if second.fast_isinstance(vm.ctx.exceptions.system_exit) {
                std::process::exit(vm.handle_exit_exception(second) as i32);
            }
            eprintln!("Error in sys.excepthook:");
            vm.print_exception(&second);
            eprintln!("\nOriginal exception was:");
            vm.print_exception(e);
        }
    });
    flush(vm);
}

/// Shows the exception that is set and clears it; with `set_sys_last_vars`, `sys.last_exc` and its like are set.
/// `SystemExit` ends the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_PrintEx(set_sys_last_vars: c_int) {
    border(|vm| {
        if let Some(e) = error::take(vm) {
            print(vm, &e, set_sys_last_vars != 0);
        }
        Ok(Nothing)
    });
}

/// `PyErr_PrintEx(1)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Print() {
    // SAFETY: the same contract.
    unsafe { PyErr_PrintEx(1) };
}

/// Writes an exception and its traceback to `sys.stderr`. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_DisplayException(exc: *mut PyObject) {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let e = unsafe { object(vm, exc) }?;
        let saved = error::take_raw();
        match e.downcast::<rustpython_vm::builtins::PyBaseException>() {
            Ok(e) => python(|| vm.print_exception(&e)),
            Err(other) => {
                let text = format!(
                    "TypeError: print_exception(): Exception expected for value, {} found\n",
                    other.class().name()
                );
                let _ = python(|| {
                    let stderr = vm.sys_module.get_attr("stderr", vm)?;
                    vm.call_method(&stderr, "write", (text,))
                });
            }
        }
        error::replace(saved);
        Ok(Nothing)
    });
}

/// As `PyErr_DisplayException` of `value`, with `tb` if it has no traceback. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyErr_Display(
    _unused: *mut PyObject,
    value: *mut PyObject,
    tb: *mut PyObject,
) {
    border(|vm| {
        // SAFETY: the caller passes live objects or NULLs.
        unsafe {
            let v = object(vm, value)?;
            if let Some(e) = v.downcast_ref::<rustpython_vm::builtins::PyBaseException>()
                && e.__traceback__().is_none()
                && let Some(tb) = optional(vm, tb)
                && let Ok(tb) = tb.downcast()
            {
                python(|| e.set_traceback(Some(tb)));
            }
            PyErr_DisplayException(value);
        }
        Ok(Nothing)
    });
}

/// The mode that a start symbol stands for.
fn mode(start: c_int) -> Option<&'static str> {
    match start {
        Py_single_input => Some("single"),
        Py_file_input => Some("exec"),
        Py_eval_input => Some("eval"),
        Py_func_type_input => Some("func_type"),
        _ => None,
    }
}

/// Compiles source as `compile` does; the flags are `compile`'s own.
fn compile(
    vm: &VirtualMachine,
    source: &[u8],
    filename: PyObjectRef,
    start: c_int,
    flags: c_int,
    optimize: c_int,
) -> PyResult {
    let Some(mode) = mode(start) else {
        return Err(vm.new_value_error("invalid start argument"));
    };
    let source: PyObjectRef = match flags & PyCF_IGNORE_COOKIE {
        0 => vm.ctx.new_bytes(source.to_vec()).into(),
        // The text is UTF-8 whatever it says of itself.
        _ => vm.ctx.new_str(decode_utf8(vm, source)?).into(),
    };
    let flags = flags & (PyCF_MASK | PyCF_COMPILE_MASK);
    let args = (
        source,
        filename,
        vm.ctx.new_str(mode),
        flags,
        true,
        optimize,
    );
    call(vm, "builtins", "compile", args)
}

/// The flags that C passes, NULL being none.
unsafe fn flags_of(flags: *const PyCompilerFlags) -> c_int {
    // SAFETY: by the callers' contract.
    if flags.is_null() {
        0
    } else {
        unsafe { (*flags).cf_flags }
    }
}

unsafe fn source_of<'a>(vm: &VirtualMachine, source: *const c_char) -> PyResult<&'a [u8]> {
    if source.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: the callers pass a NUL-terminated string.
    Ok(unsafe { CStr::from_ptr(source) }.to_bytes())
}

/// Compiles source. New reference, a code object. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_CompileStringObject(
    source: *const c_char,
    filename: *mut PyObject,
    start: c_int,
    flags: *mut PyCompilerFlags,
    optimize: c_int,
) -> *mut PyObject {
    // SAFETY: the caller passes a NUL-terminated string, a live object, and NULL or its flags.
    border(|vm| unsafe {
        let filename = object(vm, filename)?;
        let source = source_of(vm, source)?;
        compile(vm, source, filename, start, flags_of(flags), optimize)
    })
}

/// As `Py_CompileStringObject`, with a file name as the system has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_CompileStringExFlags(
    source: *const c_char,
    filename: *const c_char,
    start: c_int,
    flags: *mut PyCompilerFlags,
    optimize: c_int,
) -> *mut PyObject {
    // SAFETY: the caller passes NUL-terminated strings, and NULL or its flags.
    border(|vm| unsafe {
        let filename = fs_decode(vm, CStr::from_ptr(filename)).into();
        let source = source_of(vm, source)?;
        compile(vm, source, filename, start, flags_of(flags), optimize)
    })
}

/// As `Py_CompileStringExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_CompileStringFlags(
    source: *const c_char,
    filename: *const c_char,
    start: c_int,
    flags: *mut PyCompilerFlags,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { Py_CompileStringExFlags(source, filename, start, flags, -1) }
}

/// As `Py_CompileStringExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_CompileString(
    source: *const c_char,
    filename: *const c_char,
    start: c_int,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { Py_CompileStringExFlags(source, filename, start, ptr::null_mut(), -1) }
}

/// Compiles and runs source.
fn run(
    vm: &VirtualMachine,
    source: &[u8],
    filename: PyObjectRef,
    start: c_int,
    globals: PyObjectRef,
    locals: PyObjectRef,
    flags: c_int,
) -> PyResult {
    let code = compile(vm, source, filename, start, flags, -1)?;
    evaluate(vm, code, globals, locals)
}

/// Compiles and runs source. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_StringFlags(
    source: *const c_char,
    start: c_int,
    globals: *mut PyObject,
    locals: *mut PyObject,
    flags: *mut PyCompilerFlags,
) -> *mut PyObject {
    // SAFETY: the caller passes a NUL-terminated string, live objects, and NULL or its flags.
    border(|vm| unsafe {
        let source = source_of(vm, source)?;
        let globals = object(vm, globals)?;
        let locals = optional(vm, locals).unwrap_or_else(|| globals.clone());
        let filename = vm.ctx.new_str("<string>").into();
        run(
            vm,
            source,
            filename,
            start,
            globals,
            locals,
            flags_of(flags),
        )
    })
}

/// As `PyRun_StringFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_String(
    source: *const c_char,
    start: c_int,
    globals: *mut PyObject,
    locals: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyRun_StringFlags(source, start, globals, locals, ptr::null_mut()) }
}

/// Runs source in `__main__`; an exception is shown. 0, or -1.
pub fn run_simple(
    vm: &VirtualMachine,
    source: &[u8],
    filename: PyObjectRef,
    flags: c_int,
) -> c_int {
    let result = python(|| vm.main_namespace()).and_then(|namespace| {
        let globals: PyObjectRef = namespace.into();
        run(
            vm,
            source,
            filename,
            Py_file_input,
            globals.clone(),
            globals,
            flags,
        )
    });
    match result {
        Ok(_) => 0,
        Err(e) => {
            print(vm, &e, true);
            -1
        }
    }
}

/// Runs source in `__main__`. 0, or -1 when an exception was shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_SimpleStringFlags(
    source: *const c_char,
    flags: *mut PyCompilerFlags,
) -> c_int {
    // SAFETY: the caller passes a NUL-terminated string, and NULL or its flags.
    border(|vm| unsafe {
        let source = source_of(vm, source)?;
        let filename = vm.ctx.new_str("<string>").into();
        Ok(run_simple(vm, source, filename, flags_of(flags)))
    })
}

/// As `PyRun_SimpleStringFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_SimpleString(source: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_SimpleStringFlags(source, ptr::null_mut()) }
}

/// What is left in a file.
///
/// # Safety
/// `fp` is an open file.
pub unsafe fn read_rest(fp: *mut FILE) -> Vec<u8> {
    let mut contents = Vec::new();
    let mut buffer = [0u8; 8192];
    loop {
        // SAFETY: by this function's contract; the buffer is ours.
        let n = unsafe { libc::fread(buffer.as_mut_ptr().cast(), 1, buffer.len(), fp) };
        if n == 0 {
            return contents;
        }
        contents.extend_from_slice(&buffer[..n]);
    }
}

/// What is left in a file, which is closed if asked for.
unsafe fn file_source(fp: *mut FILE, closeit: c_int) -> Vec<u8> {
    // SAFETY: the callers pass an open file, and hand it over to be closed.
    unsafe {
        let source = python(|| read_rest(fp));
        if closeit != 0 {
            libc::fclose(fp);
        }
        source
    }
}

/// Runs a file. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_FileExFlags(
    fp: *mut FILE,
    filename: *const c_char,
    start: c_int,
    globals: *mut PyObject,
    locals: *mut PyObject,
    closeit: c_int,
    flags: *mut PyCompilerFlags,
) -> *mut PyObject {
    // SAFETY: the caller passes an open file, a NUL-terminated string, live objects, and NULL or its flags.
    border(|vm| unsafe {
        let filename = fs_decode(vm, CStr::from_ptr(filename)).into();
        let globals = object(vm, globals)?;
        let locals = optional(vm, locals).unwrap_or_else(|| globals.clone());
        let source = file_source(fp, closeit);
        run(
            vm,
            &source,
            filename,
            start,
            globals,
            locals,
            flags_of(flags),
        )
    })
}

/// As `PyRun_FileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_FileFlags(
    fp: *mut FILE,
    p: *const c_char,
    s: c_int,
    g: *mut PyObject,
    l: *mut PyObject,
    flags: *mut PyCompilerFlags,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyRun_FileExFlags(fp, p, s, g, l, 0, flags) }
}

/// As `PyRun_FileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_FileEx(
    fp: *mut FILE,
    p: *const c_char,
    s: c_int,
    g: *mut PyObject,
    l: *mut PyObject,
    c: c_int,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyRun_FileExFlags(fp, p, s, g, l, c, ptr::null_mut()) }
}

/// As `PyRun_FileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_File(
    fp: *mut FILE,
    p: *const c_char,
    s: c_int,
    g: *mut PyObject,
    l: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyRun_FileExFlags(fp, p, s, g, l, 0, ptr::null_mut()) }
}

/// Runs a file in `__main__`. 0, or -1 when an exception was shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_SimpleFileExFlags(
    fp: *mut FILE,
    filename: *const c_char,
    closeit: c_int,
    flags: *mut PyCompilerFlags,
) -> c_int {
    // SAFETY: the caller passes an open file, a NUL-terminated string, and NULL or its flags.
    border(|vm| unsafe {
        let name: PyObjectRef = fs_decode(vm, CStr::from_ptr(filename)).into();
        let source = file_source(fp, closeit);
        let namespace = python(|| vm.main_namespace())?;
        let had_file = namespace.contains_key("__file__", vm);
        if !had_file {
            namespace.set_item("__file__", name.clone(), vm)?;
        }
        if CStr::from_ptr(filename) != c"<stdin>" {
            let loader = python(|| {
                let external = vm.import("_frozen_importlib_external", 0)?;
                let class = external.get_attr("SourceFileLoader", vm)?;
                class.call((vm.ctx.new_str("__main__"), name.clone()), vm)
            })?;
            namespace.set_item("__loader__", loader, vm)?;
        }
        let status = run_simple(vm, &source, name, flags_of(flags));
        if !had_file {
            let _ = namespace.del_item("__file__", vm);
        }
        Ok(status)
    })
}

/// As `PyRun_SimpleFileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_SimpleFileEx(f: *mut FILE, p: *const c_char, c: c_int) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_SimpleFileExFlags(f, p, c, ptr::null_mut()) }
}

/// As `PyRun_SimpleFileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_SimpleFile(f: *mut FILE, p: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_SimpleFileExFlags(f, p, 0, ptr::null_mut()) }
}

/// Reads a line with a prompt. The result is the caller's, to be freed with `PyMem_RawFree`; NULL with
/// `KeyboardInterrupt` after an interrupt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_Readline(
    sys_stdin: *mut FILE,
    sys_stdout: *mut FILE,
    prompt: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller passes open files, and NULL or a NUL-terminated string; the hooks are C's.
    unsafe {
        let read = PyOS_ReadlineFunctionPointer.unwrap_or(read_line);
        let line = without_gil(|| read(sys_stdin, sys_stdout, prompt));
        if line.is_null() {
            border::<Nothing>(|vm| {
                let class = vm.ctx.exceptions.keyboard_interrupt.to_owned();
                Err(vm.new_exception_empty(class))
            });
        }
        line
    }
}

/// What `PyOS_Readline` does by itself: a line of the C library's input, or an empty text at its end.
unsafe extern "C" fn read_line(
    sys_stdin: *mut FILE,
    sys_stdout: *mut FILE,
    prompt: *const c_char,
) -> *mut c_char {
    // SAFETY: by the contract of `PyOS_Readline`.
    unsafe {
        libc::fflush(sys_stdout);
        if !prompt.is_null() {
            let prompt = CStr::from_ptr(prompt).to_bytes();
            std::io::Write::write_all(&mut std::io::stderr(), prompt).ok();
        }
        if let Some(hook) = PyOS_InputHook {
            hook();
        }
        let mut line = Vec::new();
        loop {
            match libc::fgetc(sys_stdin) {
                libc::EOF => break,
                c => {
                    line.push(c as u8);
                    if c == c_int::from(b'\n') {
                        break;
                    }
                }
            }
        }
        let interrupted = std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if line.is_empty() && libc::ferror(sys_stdin) != 0 && interrupted {
            libc::clearerr(sys_stdin);
            return ptr::null_mut();
        }
        let block = super::pymem::PyMem_RawMalloc(line.len() + 1).cast::<u8>();
        if !block.is_null() {
            ptr::copy_nonoverlapping(line.as_ptr(), block, line.len());
            *block.add(line.len()) = 0;
        }
        block.cast()
    }
}

/// Runs a file that is no terminal. 0, or -1 when an exception was shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_AnyFileExFlags(
    fp: *mut FILE,
    filename: *const c_char,
    closeit: c_int,
    flags: *mut PyCompilerFlags,
) -> c_int {
    let filename = match filename.is_null() {
        true => c"???".as_ptr(),
        false => filename,
    };
    // SAFETY: the caller passes an open file, and its flags or NULL.
    unsafe {
        if super::pylifecycle::Py_FdIsInteractive(fp, filename) == 0 {
            return PyRun_SimpleFileExFlags(fp, filename, closeit, flags);
        }
        let status = PyRun_InteractiveLoopFlags(fp, filename, flags);
        if closeit != 0 {
            libc::fclose(fp);
        }
        status
    }
}

/// As `PyRun_AnyFileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_AnyFileFlags(
    fp: *mut FILE,
    name: *const c_char,
    flags: *mut PyCompilerFlags,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_AnyFileExFlags(fp, name, 0, flags) }
}

/// As `PyRun_AnyFileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_AnyFileEx(
    fp: *mut FILE,
    name: *const c_char,
    closeit: c_int,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_AnyFileExFlags(fp, name, closeit, ptr::null_mut()) }
}

/// As `PyRun_AnyFileExFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_AnyFile(fp: *mut FILE, name: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_AnyFileExFlags(fp, name, 0, ptr::null_mut()) }
}

/// `sys.ps1` or `sys.ps2` as a prompt.
fn prompt(vm: &VirtualMachine, name: &'static str, default: &str) -> std::ffi::CString {
    let text = python(|| {
        let prompt = vm.sys_module.dict().get_item_opt(name, vm)?;
        prompt.map(|prompt| prompt.str_utf8(vm)).transpose()
    });
    let text = match &text {
        Ok(Some(text)) => text.as_str(),
        _ => default,
    };
    std::ffi::CString::new(text).unwrap_or_default()
}

/// What one turn of the interactive loop came to.
enum Turn {
    Done,
    Failed,
    End,
}

/// Reads a statement from a terminal, and runs it in `__main__`.
unsafe fn interact(
    vm: &VirtualMachine,
    fp: *mut FILE,
    filename: &PyObjectRef,
    flags: c_int,
) -> PyResult<Turn> {
    let mut source = Vec::new();
    let codeop = |source: &[u8]| {
        let text = String::from_utf8_lossy(source).into_owned();
        let args = (text, filename.clone(), vm.ctx.new_str("single"));
        call(vm, "codeop", "compile_command", args)
    };
    loop {
        let prompt = match source.is_empty() {
            true => prompt(vm, "ps1", ">>> "),
            false => prompt(vm, "ps2", "... "),
        };
        // SAFETY: the callers pass an open file.
        let line = unsafe {
            let line = PyOS_Readline(fp, stdout(), prompt.as_ptr());
            if line.is_null() {
                return Err(error::take(vm).unwrap_or_else(|| bad_internal_call(vm)));
            }
            let bytes = CStr::from_ptr(line).to_bytes().to_vec();
            super::pymem::PyMem_RawFree(line.cast());
            bytes
        };
        if line.is_empty() && source.is_empty() {
            return Ok(Turn::End);
        }
        let at_end = line.is_empty();
        source.extend(line);
        let code = codeop(&source)?;
        if vm.is_none(&code) && !at_end {
            continue;
        }
        let globals: PyObjectRef = python(|| vm.main_namespace())?.into();
        run(
            vm,
            &source,
            filename.clone(),
            Py_single_input,
            globals.clone(),
            globals,
            flags,
        )?;
        return Ok(Turn::Done);
    }
}

unsafe extern "C" {
    #[link_name = "stdout"]
    static mut C_STDOUT: *mut FILE;
}

fn stdout() -> *mut FILE {
    // SAFETY: the C library's variable, set before anything runs.
    unsafe { C_STDOUT }
}

/// One turn of the interactive loop; exceptions are shown.
unsafe fn turn(fp: *mut FILE, filename: PyObjectRef, flags: c_int) -> Turn {
    let mut result = Turn::Failed;
    border(|vm| {
        // SAFETY: by the callers' contract.
        result = match unsafe { interact(vm, fp, &filename, flags) } {
            Ok(turn) => turn,
            Err(e) => {
                print(vm, &e, true);
                Turn::Failed
            }
        };
        flush(vm);
        Ok(Nothing)
    });
    result
}

/// Reads one statement from a terminal and runs it. 0, -1 when an exception was shown, `E_EOF` at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_InteractiveOneObject(
    fp: *mut FILE,
    filename: *mut PyObject,
    flags: *mut PyCompilerFlags,
) -> c_int {
    /// `E_EOF` of CPython's parser.
    const END: c_int = 11;
    border(|vm| {
        // SAFETY: the caller passes an open file, a live object, and NULL or its flags.
        let turn = unsafe { turn(fp, object(vm, filename)?, flags_of(flags)) };
        Ok(match turn {
            Turn::Done => 0,
            Turn::Failed => -1,
            Turn::End => END,
        })
    })
}

/// As `PyRun_InteractiveOneObject`, with a file name as the system has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_InteractiveOneFlags(
    fp: *mut FILE,
    filename: *const c_char,
    flags: *mut PyCompilerFlags,
) -> c_int {
    border(|vm| {
        // SAFETY: the same contract; the name's C object is ours.
        unsafe {
            let name = fs_decode(vm, CStr::from_ptr(filename));
            let p = crate::proxy::c_of(vm, name.as_object());
            let status = PyRun_InteractiveOneObject(fp, p, flags);
            crate::refcount::decref(p);
            Ok(status)
        }
    })
}

/// As `PyRun_InteractiveOneFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_InteractiveOne(f: *mut FILE, p: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_InteractiveOneFlags(f, p, ptr::null_mut()) }
}

/// Reads and runs statements from a terminal until it ends. 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_InteractiveLoopFlags(
    fp: *mut FILE,
    filename: *const c_char,
    flags: *mut PyCompilerFlags,
) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes an open file, a NUL-terminated string, and NULL or its flags.
        unsafe {
            let name: PyObjectRef = fs_decode(vm, CStr::from_ptr(filename)).into();
            while !matches!(turn(fp, name.clone(), flags_of(flags)), Turn::End) {}
            PyErr_Clear();
        }
        Ok(())
    })
}

/// As `PyRun_InteractiveLoopFlags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyRun_InteractiveLoop(f: *mut FILE, p: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { PyRun_InteractiveLoopFlags(f, p, ptr::null_mut()) }
}
