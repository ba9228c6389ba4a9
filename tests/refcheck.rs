//! The debugging aid for authors of extensions: what it finds in an extension full of mistakes, and that it finds nothing
//! in one without.

mod support;

use std::process::Command;
use std::time::Duration;

/// Runs `script`, which can import `faulty`; what is on its stdout and stderr.
fn run(name: &str, script: &str, options: &[&str]) -> (String, String) {
    let folder = support::scratch("refcheck");
    let module = folder.join("faulty.cpython-314-x86_64-linux-gnu.so");
    static BUILT: std::sync::Once = std::sync::Once::new();
    BUILT.call_once(|| {
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args(["-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-I"])
            .arg(support::root().join("tests/fixtures/include"))
            .arg(support::root().join("tests/refcheck/faulty.c"))
            .arg("-o")
            .arg(&module);
        support::prepare(&mut cc);
    });
    let mut python = support::python();
    support::python_path(&mut python, [folder])
        .args(options)
        .args(["-c", script]);
    let outcome = support::run(
        &mut python,
        &format!("refcheck-{name}"),
        Duration::from_secs(60),
    );
    assert!(
        outcome.success(),
        "{}\n{}",
        outcome.stdout,
        outcome.describe()
    );
    (outcome.stdout, outcome.stderr)
}

#[track_caller]
fn finds(name: &str, script: &str, expected: &[&str]) {
    let script = format!("import faulty\n{script}");
    let (_, stderr) = run(name, &script, &["-X", "refcheck"]);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_balanced_program_has_no_findings() {
    let script = "
for _ in range(100):
    thing = faulty.Thing()
    faulty.keep([thing, {'a': thing}])
    faulty.balanced(thing)
    faulty.balanced('text')
faulty.keep(None)";
    finds("balanced", script, &[]);
}

#[test]
fn kept_references_are_found() {
    finds(
        "kept",
        "faulty.forget([1, 2])\nfaulty.lose()\nfaulty.lose()",
        &[
            "refcheck: list kept by C, made in faulty.forget()",
            "refcheck: 2 times: str kept by C, made in faulty.lose()",
        ],
    );
}

#[test]
fn who_kept_it_is_told_from_who_made_it() {
    finds(
        "keeper",
        "thing = [1]\nfaulty.keep(thing)\nfaulty.forget(thing)\nfaulty.keep(None)",
        &["refcheck: list kept by faulty.forget(), made in faulty.keep()"],
    );
}

#[test]
fn dropped_references_are_found() {
    finds(
        "dropped",
        "thing = faulty.Thing()\nfaulty.drop(thing)\nassert type(thing) is faulty.Thing",
        &["refcheck: faulty.drop() dropped a reference of a faulty.Thing that is not its own"],
    );
    finds(
        "twice",
        "faulty.drop_twice()",
        &[
            "refcheck: faulty.drop_twice() dropped a reference of a list that was freed in faulty.drop_twice()",
        ],
    );
}

#[test]
fn uses_of_freed_objects_are_found() {
    let script = "
try:
    faulty.use_freed()
except SystemError as error:
    assert 'faulty.use_freed() used a tuple that was freed in faulty.use_freed()' in str(error), error
else:
    raise SystemExit('not noticed')";
    finds(
        "freed",
        script,
        &["refcheck: faulty.use_freed() used a tuple that was freed in faulty.use_freed()"],
    );
}

#[test]
fn wrong_results_are_found() {
    let script = "
for function in faulty.both, faulty.neither:
    try:
        function()
    except SystemError:
        pass";
    let (_, stderr) = run(
        "results",
        &format!("import faulty\n{script}"),
        &["-X", "refcheck"],
    );
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{stderr}");
    assert!(
        lines[0].contains("both") && lines[0].ends_with("returned a result with an exception set")
    );
    assert!(
        lines[1].contains("neither")
            && lines[1].ends_with("returned an error without setting an exception")
    );
}

#[test]
fn a_report_can_be_had_at_any_time() {
    let script = "
import faulty, _pyabi
assert _pyabi.refcheck_enabled()
faulty.lose()
_pyabi.refcheck_mark()
print(_pyabi.refcheck_report())
faulty.lose()
print(_pyabi.refcheck_report())
_pyabi.refcheck_mark()";
    let (stdout, stderr) = run("report", script, &["-X", "refcheck"]);
    assert_eq!(
        stdout,
        "[]\n[{'problem': 'kept', 'type': 'str', 'function': 'faulty.lose()', 'origin': 'faulty.lose()', 'times': 1}]\n"
    );
    assert_eq!(stderr, "");
}

#[test]
fn it_is_off_unless_asked_for() {
    let script = "
import faulty, _pyabi
faulty.lose()
print(_pyabi.refcheck_enabled(), _pyabi.refcheck_report())";
    assert_eq!(run("off", script, &[]).0, "False []\n");
}
