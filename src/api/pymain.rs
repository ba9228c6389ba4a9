//! `Py_Main` and `Py_BytesMain` of `pylifecycle.h`, `Py_GetArgcArgv` of `cpython/initconfig.h`.
//!
//! The interpreter runs already when C can call these, so a command line says what it runs next: a command, a module, a
//! script or the standard input. Options that configure an interpreter come too late, and are passed over.

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;
use std::sync::OnceLock;

use libc::wchar_t;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::fileutils::{decode, new_wide, wide_text};
use super::import::call;
use super::pyerrors::fs_decode;
use super::pythonrun::{PyErr_Print, PyRun_AnyFileExFlags, run_simple};
use super::{border, python};
use crate::thread::error;
use crate::vm::version;

/// What a command line has the interpreter run.
#[derive(Debug, PartialEq, Eq)]
enum Program {
    Version(&'static str),
    Command(String),
    Module(String),
    Script(String),
    Input,
}

/// What the arguments after the program's name say, and how many of them are options.
fn parse(args: &[String]) -> (Program, usize) {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        let value = |flags: usize| match arg[flags..].is_empty() {
            true => args.get(at + 1).cloned().unwrap_or_default(),
            false => arg[flags..].to_owned(),
        };
        let after = |flags: usize| at + 1 + usize::from(arg[flags..].is_empty());
        match arg.as_str() {
            "-" => return (Program::Input, at),
            "--" => {
                at += 1;
                break;
            }
            "--version" => return (Program::Version(version::SHORT), at),
            "--check-hash-based-pycs" => at += 2,
            _ if arg.starts_with("--") => at += 1,
            _ if !arg.starts_with('-') => break,
            _ => {
                let end = arg.bytes().position(|c| b"cmWXV".contains(&c));
                match end.map(|end| (end + 1, arg.as_bytes()[end])) {
                    None => at += 1,
                    Some((end, b'c')) => return (Program::Command(value(end)), after(end)),
                    Some((end, b'm')) => return (Program::Module(value(end)), after(end)),
                    Some((_, b'V')) => {
                        let all = if arg.contains("VV") {
                            version::LONG
                        } else {
                            version::SHORT
                        };
                        return (Program::Version(all), at);
                    }
                    Some((end, _)) => at = after(end),
                }
            }
        }
    }
    match args.get(at) {
        Some(script) => (Program::Script(script.clone()), at),
        None => (Program::Input, at),
    }
}

/// Sets `sys.argv`.
fn set_argv(vm: &VirtualMachine, first: Option<&str>, rest: &[String]) -> PyResult<()> {
    let args = first
        .map(str::to_owned)
        .into_iter()
        .chain(rest.iter().cloned());
    let args: Vec<PyObjectRef> = args.map(|arg| vm.ctx.new_str(arg).into()).collect();
    vm.sys_module
        .dict()
        .set_item("argv", vm.ctx.new_list(args).into(), vm)
}

/// Runs what the command line says. The status for the system.
fn run(vm: &VirtualMachine, args: &[String]) -> PyResult<c_int> {
    let args = args.get(1..).unwrap_or_default();
    let (program, at) = parse(args);
    let rest = args.get(at..).unwrap_or_default();
    let shown = |status: c_int| if status == 0 { 0 } else { 1 };
    match program {
        Program::Version(text) => {
            println!("Python {text}");
            Ok(0)
        }
        Program::Command(mut command) => {
            set_argv(vm, Some("-c"), rest)?;
            command.push('\n');
            let name = vm.ctx.new_str("<string>").into();
            Ok(shown(run_simple(vm, command.as_bytes(), name, 0)))
        }
        Program::Module(module) => {
            set_argv(vm, Some("-m"), rest)?;
            let status = call(vm, "runpy", "_run_module_as_main", (module,));
            Ok(show(vm, status))
        }
        Program::Script(script) => {
            set_argv(vm, None, rest)?;
            if std::fs::metadata(&script).is_ok_and(|m| m.is_dir()) {
                let status = call(vm, "runpy", "run_path", (script, vm.ctx.none(), "__main__"));
                return Ok(show(vm, status));
            }
            let parent = std::fs::canonicalize(&script).ok();
            let parent = parent.and_then(|path| Some(path.parent()?.to_owned()));
            if let Some(parent) = parent {
                let parent = CString::new(parent.into_os_string().into_vec()).unwrap_or_default();
                let parent = fs_decode(vm, &parent);
                python(|| vm.insert_sys_path(parent.into()))?;
            }
            let Ok(source) = std::fs::read(&script) else {
                eprintln!("can't open file '{script}': [Errno 2] No such file or directory");
                return Ok(2);
            };
            let name = vm.ctx.new_str(script).into();
            Ok(shown(run_simple(vm, &source, name, 0)))
        }
        Program::Input => {
            set_argv(vm, Some(""), rest.get(1..).unwrap_or_default())?;
            // SAFETY: a file of our own on the standard input, which stays open.
            let status = unsafe {
                let stdin = libc::fdopen(0, c"r".as_ptr());
                PyRun_AnyFileExFlags(stdin, c"<stdin>".as_ptr(), 0, ptr::null_mut())
            };
            Ok(shown(status))
        }
    }
}

/// The status for a result; an exception is shown.
fn show(vm: &VirtualMachine, result: PyResult) -> c_int {
    match result {
        Ok(_) => 0,
        Err(e) => {
            error::set(vm, &e);
            // SAFETY: the lock is held.
            unsafe { PyErr_Print() };
            1
        }
    }
}

/// Runs what a command line says; the status for the system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_Main(argc: c_int, argv: *mut *mut wchar_t) -> c_int {
    let n = usize::try_from(argc).unwrap_or(0);
    // SAFETY: the caller passes `argc` NUL-terminated strings.
    let args: Vec<String> = (0..n).map(|i| unsafe { wide_text(*argv.add(i)) }).collect();
    border(|vm| run(vm, &args))
}

/// As `Py_Main`, with arguments as the system has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_BytesMain(argc: c_int, argv: *mut *mut c_char) -> c_int {
    let n = usize::try_from(argc).unwrap_or(0);
    let arg = |i| {
        // SAFETY: the caller passes `argc` NUL-terminated strings.
        let arg = unsafe { CStr::from_ptr(*argv.add(i)) };
        arg.to_string_lossy().into_owned()
    };
    let args: Vec<String> = (0..n).map(arg).collect();
    border(|vm| run(vm, &args))
}

/// The addresses of the program's arguments, given out for ever.
struct Arguments(Vec<*mut wchar_t>);
// SAFETY: the texts are never written again.
unsafe impl Send for Arguments {}
// SAFETY: as above.
unsafe impl Sync for Arguments {}

/// The arguments that the program was started with; they live for ever. Needs no GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetArgcArgv(argc: *mut c_int, argv: *mut *mut *mut wchar_t) {
    static ARGUMENTS: OnceLock<Arguments> = OnceLock::new();
    let Arguments(arguments) = ARGUMENTS.get_or_init(|| {
        let mut arguments: Vec<_> = std::env::args_os()
            .map(|arg| new_wide(&decode(arg.as_bytes())))
            .collect();
        arguments.push(ptr::null_mut());
        Arguments(arguments)
    });
    // SAFETY: the caller's variables.
    unsafe {
        *argc = (arguments.len() - 1) as c_int;
        *argv = arguments.as_ptr().cast_mut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let parse = |line: &str| {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            super::parse(&args)
        };
        assert_eq!(parse("-c pass a"), (Program::Command("pass".into()), 2));
        assert_eq!(parse("-Bcpass a"), (Program::Command("pass".into()), 1));
        assert_eq!(
            parse("-W x -m pip list"),
            (Program::Module("pip".into()), 4)
        );
        assert_eq!(
            parse("-Xdev script.py -c"),
            (Program::Script("script.py".into()), 1)
        );
        assert_eq!(parse("-- -c"), (Program::Script("-c".into()), 1));
        assert_eq!(parse("-"), (Program::Input, 0));
        assert_eq!(parse(""), (Program::Input, 0));
        assert_eq!(parse("-V"), (Program::Version(version::SHORT), 0));
    }
}
