//! `fileobject.h` and `cpython/fileobject.h`: Python's files from C.

use std::ffi::{c_char, c_int};
use std::sync::OnceLock;

use libc::FILE;
use rustpython_vm::builtins::{PyBytes, PyInt, PyStr};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::import::call;
use super::pyctype::Text;
use super::{border, object, python, text};
use crate::layout::{Py_PRINT_RAW, PyObject};
use crate::thread::error;

/// The encoding of file names.
#[unsafe(no_mangle)]
pub static Py_FileSystemDefaultEncoding: Text = Text::new(c"utf-8");

/// How file names are decoded that are not in that encoding.
#[unsafe(no_mangle)]
pub static Py_FileSystemDefaultEncodeErrors: Text = Text::new(c"surrogateescape");

/// Whether the encoding of file names is fixed.
#[unsafe(no_mangle)]
pub static Py_HasFileSystemDefaultEncoding: c_int = 1;

/// Whether text is UTF-8 whatever the locale says.
#[unsafe(no_mangle)]
pub static Py_UTF8Mode: c_int = 0;

/// `io.open(fd, …)`: strings may be NULL, `name` is not used. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_FromFd(
    fd: c_int,
    _name: *const c_char,
    mode: *const c_char,
    buffering: c_int,
    encoding: *const c_char,
    errors: *const c_char,
    newline: *const c_char,
    closefd: c_int,
) -> *mut PyObject {
    border(|vm| {
        let optional = |s: *const c_char| -> PyResult {
            match s.is_null() {
                true => Ok(vm.ctx.none()),
                // SAFETY: the caller passes NUL-terminated strings.
                false => Ok(vm.ctx.new_str(unsafe { text(vm, s) }?).into()),
            }
        };
        let mode = match mode.is_null() {
            true => vm.ctx.new_str("r").into(),
            false => optional(mode)?,
        };
        let args = vec![
            vm.ctx.new_int(fd).into(),
            mode,
            vm.ctx.new_int(buffering).into(),
            optional(encoding)?,
            optional(errors)?,
            optional(newline)?,
            vm.ctx.new_bool(closefd != 0).into(),
        ];
        call(vm, "_io", "open", FuncArgs::new(args, KwArgs::default()))
    })
}

/// A line of `f`: `n` > 0 bounds its length, `n` < 0 strips its end and makes the end of the file an `EOFError`. New
/// reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_GetLine(f: *mut PyObject, n: c_int) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let f = unsafe { object(vm, f) }?;
        let line = python(|| match n {
            1.. => vm.call_method(&f, "readline", (n,)),
            _ => vm.call_method(&f, "readline", ()),
        })?;
        let is_text = line.downcast_ref::<PyStr>().is_some();
        if !is_text && line.downcast_ref::<PyBytes>().is_none() {
            return Err(vm.new_type_error("object.readline() returned non-string"));
        }
        if n >= 0 {
            return Ok(line);
        }
        python(|| {
            if line.length(vm)? == 0 {
                return Err(vm.new_eof_error("EOF when reading a line"));
            }
            let end: PyObjectRef = match is_text {
                true => vm.ctx.new_str("\n").into(),
                false => vm.ctx.new_bytes(b"\n".to_vec()).into(),
            };
            vm.call_method(&line, "removesuffix", (end,))
        })
    })
}

/// Writes `repr(v)`, or `str(v)` with `Py_PRINT_RAW`. 0, or -1 with an exception. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_WriteObject(
    v: *mut PyObject,
    f: *mut PyObject,
    flags: c_int,
) -> c_int {
    border(|vm| {
        if f.is_null() {
            return Err(vm.new_type_error("writeobject with NULL file"));
        }
        // SAFETY: the caller passes live objects; NULL is shown as such.
        let (v, f) = unsafe { (super::optional(vm, v), object(vm, f)?) };
        python(|| {
            let text = match v {
                None => vm.ctx.new_str("<NULL>"),
                Some(v) if flags & Py_PRINT_RAW != 0 => v.str(vm)?,
                Some(v) => v.repr(vm)?,
            };
            vm.call_method(&f, "write", (text,))?;
            Ok(())
        })
    })
}

/// Writes UTF-8 text. 0, or -1 with an exception, also one that was set before. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_WriteString(s: *const c_char, f: *mut PyObject) -> c_int {
    if error::occurred() {
        return -1;
    }
    border(|vm| {
        if f.is_null() {
            return Err(vm.new_system_error("null file for PyFile_WriteString"));
        }
        // SAFETY: the caller passes a NUL-terminated string and a live object.
        let (s, f) = unsafe { (text(vm, s)?, object(vm, f)?) };
        python(|| vm.call_method(&f, "write", (vm.ctx.new_str(s),)))?;
        Ok(())
    })
}

fn descriptor(vm: &VirtualMachine, o: &PyObjectRef) -> PyResult<c_int> {
    let number = if o.downcast_ref::<PyInt>().is_some() {
        if o.class().is(vm.ctx.types.bool_type) {
            let text = vm.ctx.new_str("bool is used as a file descriptor").into();
            let category = vm.ctx.exceptions.runtime_warning.to_owned();
            rustpython_vm::warn::warn(text, Some(category), 1, None, vm)?;
        }
        o.clone()
    } else {
        let Some(method) = vm.get_attribute_opt(o, "fileno")? else {
            return Err(vm.new_type_error("argument must be an int, or have a fileno() method."));
        };
        let number = method.call((), vm)?;
        if number.downcast_ref::<PyInt>().is_none() {
            return Err(vm.new_type_error("fileno() returned a non-integer"));
        }
        number
    };
    let fd = c_int::try_from_object(vm, number)
        .map_err(|_| vm.new_overflow_error("Python int too large to convert to C int"))?;
    if fd < 0 {
        return Err(vm.new_value_error(format!(
            "file descriptor cannot be a negative integer ({fd})"
        )));
    }
    Ok(fd)
}

/// The descriptor that `o` is, or that its `fileno()` returns. -1 with an exception on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_AsFileDescriptor(o: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let o = unsafe { object(vm, o) }?;
        python(|| descriptor(vm, &o))
    })
}

/// `io.open_code(path)`. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_OpenCodeObject(path: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let path = unsafe { object(vm, path) }?;
        if path.downcast_ref::<PyStr>().is_none() {
            return Err(vm.new_type_error(format!(
                "'path' must be 'str', not '{}'",
                path.class().name()
            )));
        }
        call(vm, "_io", "open_code", (path,))
    })
}

/// As `PyFile_OpenCodeObject`, with a path in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyFile_OpenCode(utf8path: *const c_char) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a NUL-terminated string.
        let path = vm.ctx.new_str(unsafe { text(vm, utf8path) }?);
        call(vm, "_io", "open_code", (path,))
    })
}

/// Like `fgets`; every kind of line end becomes "\n". `fobj` must be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_UniversalNewlineFgets(
    buf: *mut c_char,
    n: c_int,
    stream: *mut FILE,
    fobj: *mut PyObject,
) -> *mut c_char {
    let room = usize::try_from(n).unwrap_or(0).saturating_sub(1);
    // SAFETY: the caller passes room for `n` bytes and an open file.
    unsafe {
        if !fobj.is_null() {
            *libc::__errno_location() = libc::ENXIO;
            return std::ptr::null_mut();
        }
        let mut len = 0;
        while len < room {
            let mut c = libc::fgetc(stream);
            if c == c_int::from(b'\r') {
                let next = libc::fgetc(stream);
                if next != c_int::from(b'\n') && next != libc::EOF {
                    libc::ungetc(next, stream);
                }
                c = c_int::from(b'\n');
            }
            if c == libc::EOF {
                break;
            }
            *buf.add(len) = c as c_char;
            len += 1;
            if c == c_int::from(b'\n') {
                break;
            }
        }
        *buf.add(len) = 0;
        if len == 0 { std::ptr::null_mut() } else { buf }
    }
}

/// A file that writes to the standard output or error at once: new. NULL without an exception for any other descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn PyFile_NewStdPrinter(fd: c_int) -> *mut PyObject {
    static MAKER: OnceLock<PyObjectRef> = OnceLock::new();
    border(|vm| {
        if fd != libc::STDOUT_FILENO && fd != libc::STDERR_FILENO {
            return Ok(None);
        }
        let make = match MAKER.get() {
            Some(make) => make.clone(),
            None => {
                let scope = vm.new_scope_with_builtins();
                let globals = scope.globals.clone();
                let source = include_str!("stdprinter.py");
                python(|| vm.run_string(scope, source, "<stdprinter>"))?;
                let make = globals.get_item("make", vm)?;
                MAKER.get_or_init(|| make).clone()
            }
        };
        python(|| make.call((fd,), vm)).map(Some)
    })
}

// skipped: PyStdPrinter_Type: the type of [`PyFile_NewStdPrinter`]'s files, which Python defines
// skipped: PyFile_SetOpenCodeHook: the VM's `io.open_code` asks nobody
