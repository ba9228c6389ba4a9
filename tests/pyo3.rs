//! Extensions made with pristine PyO3 releases, in both ABI flavours, and PyO3 linked into a
//! program. See `tests/pyo3`.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

/// Cargo, as it runs outside of this test.
fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let inherited = name.to_string_lossy();
        if inherited.starts_with("CARGO_") && inherited != "CARGO_HOME" {
            command.env_remove(&name);
        }
    }
    command
}

/// All builds share a target directory, and call their library the same.
static BUILDING: Mutex<()> = Mutex::new(());

/// Builds the fixture with one release of PyO3; the folder that holds the module.
fn build(release: &str, flavour: &str) -> PathBuf {
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let target = support::scratch("pyo3/target");
    let mut command = cargo();
    command
        .current_dir(support::root().join("tests/pyo3").join(release))
        .args(["build", "--locked", "--target-dir"])
        .arg(&target);
    if flavour == "abi3" {
        command.args(["--features", "abi3"]);
    }
    support::prepare(&mut command);
    let suffix = match flavour {
        "abi3" => "abi3.so",
        _ => "cpython-314-x86_64-linux-gnu.so",
    };
    let module = support::scratch(&format!("pyo3/{release}-{flavour}"));
    fs::copy(
        target.join("debug/libpyo3_fixture.so"),
        module.join(format!("pyo3_fixture.{suffix}")),
    )
    .expect("cargo built the library");
    module
}

fn extension(release: &str, flavour: &str) {
    let module = build(release, flavour);
    let mut python = support::python();
    support::python_path(&mut python, [module])
        .arg(support::root().join("tests/pyo3/test_pyo3.py"));
    let name = format!("{release}-{flavour}");
    let outcome = support::run(&mut python, &format!("pyo3-{name}"), LIMIT);
    support::expect(&format!("pyo3/{name}.txt"), &outcome);
}

#[test]
fn v028_cp314() {
    extension("v028", "cp314");
}

#[test]
fn v028_abi3() {
    extension("v028", "abi3");
}

#[test]
fn v029_cp314() {
    extension("v029", "cp314");
}

#[test]
fn v029_abi3() {
    extension("v029", "abi3");
}

#[test]
fn v030_cp314() {
    extension("v030", "cp314");
}

#[test]
fn v030_abi3() {
    extension("v030", "abi3");
}

/// PyO3 and RustPython in one program. Its output is written by hand: no other interpreter can
/// run it. Slow, for it builds RustPython again.
#[test]
#[ignore = "builds RustPython a second time"]
fn embedded() {
    if support::recorder().is_some() {
        return;
    }
    let target = support::scratch("pyo3/embed-target");
    let mut command = cargo();
    command
        .current_dir(support::root().join("tests/pyo3/embed"))
        .args(["build", "--locked", "--ignore-rust-version", "--target-dir"])
        .arg(&target);
    support::prepare(&mut command);
    let mut program = Command::new(target.join("debug/pyo3-embed"));
    let outcome = support::run(&mut program, "pyo3-embed", LIMIT);
    support::expect("pyo3/embed.txt", &outcome);
}
