//! C extensions, one per topic, each with a script named after it. See `tests/fixtures`.
//!
//! They are compiled against a header of the project's own. `PYABI_INCLUDE=/path/to/python3.14/headers`
//! compiles them against CPython's instead, and their output must be the same.

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Compiles `tests/fixtures/<topic>.c`; the folder that holds the module.
fn build(topic: &str) -> PathBuf {
    let source = support::root().join("tests/fixtures");
    let folder = support::scratch(&format!("fixtures/{topic}"));
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"])
        .args(["-Wno-missing-field-initializers", "-Wno-cast-function-type"])
        .args([
            "-fno-strict-aliasing",
            "-fvisibility=hidden",
            "-fPIC",
            "-shared",
        ])
        .arg("-I")
        .arg(source.join("include"));
    if let Some(headers) = std::env::var_os("PYABI_INCLUDE") {
        cc.args(["-DPYABI_REAL_HEADERS", "-Wno-unused-variable"]);
        for folder in std::env::split_paths(&headers) {
            cc.arg("-isystem").arg(folder);
        }
    }
    cc.arg(source.join(format!("{topic}.c")))
        .arg("-o")
        .arg(folder.join(format!("{topic}.cpython-314-x86_64-linux-gnu.so")))
        .arg("-lpthread");
    support::prepare(&mut cc);
    folder
}

fn fixture(topic: &str) {
    let module = build(topic);
    let scripts = support::root().join("tests/fixtures");
    let mut python = support::python();
    support::python_path(&mut python, [module]).arg(scripts.join(format!("test_{topic}.py")));
    let outcome = support::run(&mut python, &format!("fixture-{topic}"), LIMIT);
    support::expect(&format!("fixtures/{topic}.txt"), &outcome);
}

#[test]
fn calls() {
    fixture("calls");
}

#[test]
fn poke() {
    fixture("poke");
}

#[test]
fn types() {
    fixture("types_fixture");
}

#[test]
#[ignore = "iterating a list of 100,000 from C compares the list at every step: takes minutes in this profile"]
fn lifetimes() {
    fixture("lifetimes");
}

#[test]
fn containers() {
    fixture("containers");
}

#[test]
fn modules() {
    fixture("modules");
}

#[test]
fn errors() {
    fixture("errors");
}

#[test]
fn threads() {
    fixture("threads");
}

#[test]
fn slots() {
    fixture("slots");
}

#[test]
fn varargs() {
    fixture("varargs");
}

#[test]
fn r#abstract() {
    fixture("abstract");
}

#[test]
fn objects() {
    fixture("objects");
}

#[test]
fn c_memory() {
    fixture("c_memory");
}
