//! The `pyabi` program: RustPython's command line, with CPython's extension modules.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use pyabi::version;
use rustpython::{InterpreterBuilder, InterpreterBuilderExt, RunMode};
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::host_env::os::exit_code;
use rustpython_vm::{PyResult, Settings, VirtualMachine};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // RustPython's own `-V` names its own version, and exits while it parses.
    if let Some(version) = version_request(std::env::args_os().skip(1)) {
        println!("Python {version}");
        return ExitCode::SUCCESS;
    }
    let builder = pyabi::install(InterpreterBuilder::new().init_stdlib());
    match rustpython::parse_opts() {
        Ok((settings, RunMode::Repl)) if !settings.inspect && !io::stdin().is_terminal() => {
            let interpreter = builder.settings(with_argv(settings)).build();
            exit_code(interpreter.run(run_stdin))
        }
        Ok((_, RunMode::Repl)) => rustpython::run(builder.init_hook(greet)),
        Ok(_) => rustpython::run(builder),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// `sys.argv` has a first item, be it empty.
fn with_argv(mut settings: Settings) -> Settings {
    if settings.argv.is_empty() {
        settings.argv.push(String::new());
    }
    settings
}

/// Greets who starts an interactive session, in place of RustPython, whose greeting names its own version.
fn greet(vm: &mut VirtualMachine) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else {
        return;
    };
    let settings = &mut state.config.settings;
    if !settings.quiet && io::stdin().is_terminal() {
        eprintln!("Python {} on {}", version::LONG, std::env::consts::OS);
        eprintln!(r#"Type "help", "copyright", "credits" or "license" for more information."#);
        settings.quiet = true;
    }
    *settings = with_argv(std::mem::take(settings));
}

/// Runs the program that comes by a pipe or from a file as a whole. RustPython would take it for an interactive session
/// and end a compound statement at its first empty line.
fn run_stdin(vm: &VirtualMachine) -> PyResult<()> {
    let scope = vm.new_scope_with_main()?;
    // What cannot be imported is missed by those who use it.
    let _ = vm.import("warnings", 0);
    let _ = vm.import("site", 0);
    if !vm.state.config.settings.safe_path {
        vm.insert_sys_path(vm.ctx.new_str("").into())?;
    }
    if vm.state.config.settings.faulthandler {
        vm.run_simple_string("import faulthandler; faulthandler.enable()")?;
    }
    let source = vm
        .sys_module
        .get_attr("stdin", vm)?
        .get_attr("buffer", vm)?;
    let source = vm.call_method(&source, "read", ())?;
    // As bytes, whose encoding declaration counts.
    let code = vm
        .builtins
        .get_attr("compile", vm)?
        .call((source, "<stdin>", "exec"), vm)?;
    vm.run_code_obj(code.try_into_value(vm)?, scope).map(drop)
}

/// What `-V`, `--version` or `-VV` among the interpreter's own options asks for.
fn version_request(mut args: impl Iterator<Item = OsString>) -> Option<&'static str> {
    let mut asked = 0;
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            b"--version" => asked += 1,
            b"--check-hash-based-pycs" => drop(args.next()),
            b"-" | b"--" | b"--install-pip" => break,
            [b'-', b'-', ..] => {}
            [b'-', flags @ ..] => {
                let valued = flags.iter().position(|flag| b"cmWX".contains(flag));
                let plain = &flags[..valued.unwrap_or(flags.len())];
                asked += plain.iter().filter(|&&flag| flag == b'V').count();
                match valued {
                    Some(at) if b"cm".contains(&flags[at]) => break,
                    // The value is the rest of this argument, or else the next one.
                    Some(at) if at + 1 == flags.len() => drop(args.next()),
                    _ => {}
                }
            }
            _ => break,
        }
    }
    match asked {
        0 => None,
        1 => Some(version::SHORT),
        _ => Some(version::LONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Option<&'static str> {
        version_request(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn version_options_are_found_among_others() {
        for line in [
            "-V",
            "--version",
            "-BV",
            "-W ignore -V",
            "-Wignore -V",
            "-X dev -V",
            "-V -c pass",
        ] {
            assert_eq!(request(line), Some(version::SHORT), "{line}");
        }
        for line in ["-VV", "-V -V", "-V --version"] {
            assert_eq!(request(line), Some(version::LONG), "{line}");
        }
    }

    #[test]
    fn a_program_s_own_arguments_are_left_alone() {
        for line in [
            "",
            "-c V -V",
            "-cV",
            "-m pip -V",
            "-mV",
            "script.py -V",
            "- -V",
            "-- -V",
            "-W V",
            "-X V",
        ] {
            assert_eq!(request(line), None, "{line}");
        }
    }
}
