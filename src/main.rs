//! The `pyabi` program: RustPython's command line, with CPython's extension modules.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use pyabi::vm::version;
use rustpython::{InterpreterBuilder, InterpreterBuilderExt};
use rustpython_vm::VirtualMachine;
use rustpython_vm::common::rc::PyRc;

fn main() -> ExitCode {
    // RustPython's own `-V` names its own version, and exits while it parses.
    if let Some(version) = version_request(std::env::args_os().skip(1)) {
        println!("Python {version}");
        return ExitCode::SUCCESS;
    }
    let builder = InterpreterBuilder::new().init_stdlib().init_hook(greet);
    rustpython::run(pyabi::install(builder))
}

/// Greets who starts an interactive session, in place of RustPython, whose greeting names its own version.
fn greet(vm: &mut VirtualMachine) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else {
        return;
    };
    let settings = &mut state.config.settings;
    let interactive = settings.argv.iter().all(|arg| arg == "-") && io::stdin().is_terminal();
    if interactive && !settings.quiet {
        eprintln!("Python {} on {}", version::LONG, std::env::consts::OS);
        eprintln!(r#"Type "help", "copyright", "credits" or "license" for more information."#);
        settings.quiet = true;
    }
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
