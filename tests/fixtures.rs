//! C extensions, one per topic, each with a script named after it. See `tests/fixtures`.
//!
//! They are compiled against a header of the project's own. `PYABI_INCLUDE=/path/to/python3.14/headers`
//! compiles them against CPython's instead, and their output must be the same.

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Compiles `tests/fixtures/<topic>.c`; the folder that holds the module.
fn build(topic: &str) -> PathBuf {
    let source = support::root().join("tests/fixtures");
    let folder = support::scratch(&format!("fixtures/{topic}"));
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.insert(topic.to_owned()) {
        return folder;
    }
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

#[test]
fn shutdown() {
    fixture("shutdown");
}

#[test]
fn cycles() {
    fixture("cycles");
}

/// The scripts that bring most different things about, with all pairs checked at every crossing.
#[test]
fn invariants_hold_at_every_crossing() {
    let checked = |topic: &str, checks: &[&str]| {
        let mut python = support::python();
        support::python_path(&mut python, [build(topic)])
            .env("PYABI_INVARIANTS", "1")
            .env("PYABI_CYCLES", "20")
            .arg(support::root().join(format!("tests/fixtures/test_{topic}.py")))
            .args(checks);
        support::run(&mut python, &format!("invariants-{topic}"), LIMIT)
    };
    let cycles = checked("cycles", &["collected", "what_is_alive_stays"]);
    assert!(cycles.success(), "{}", cycles.describe());
    for topic in ["containers", "objects", "types_fixture"] {
        support::expect(&format!("fixtures/{topic}.txt"), &checked(topic, &[]));
    }
}

/// Four threads do mixed work for so many seconds; what the program says of it.
fn soak_for(seconds: u64) -> String {
    let mut python = support::python();
    support::python_path(&mut python, [build("lifetimes"), build("cycles")])
        .arg(support::root().join("tests/soak/soak.py"))
        .arg(seconds.to_string());
    let outcome = support::run(&mut python, "soak", LIMIT + Duration::from_secs(seconds));
    eprint!("{}", outcome.stderr);
    assert!(outcome.success(), "{}", outcome.describe());
    outcome.stdout
}

#[test]
fn mixed_work_by_four_threads() {
    let said = soak_for(10);
    assert!(said.ends_with("\nleft: True\n"), "{said}");
}

/// Memory stays what it is. `PYABI_SOAK` is for how many seconds.
#[test]
#[ignore = "takes ten minutes: the memory of a short run depends on when collections come"]
fn soak() {
    let seconds = std::env::var("PYABI_SOAK").unwrap_or_else(|_| "600".into());
    let seconds = seconds.parse().expect("PYABI_SOAK is a number of seconds");
    assert_eq!(soak_for(seconds), "flat\nleft: True\n");
}

#[test]
fn differ() {
    fixture("differ");
}
