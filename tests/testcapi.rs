//! CPython's own tests of the C API, with CPython's own compiled test modules. See `tests/testcapi`.
//!
//! They come with CPython, not with the project: `PYABI_CPYTHON` is the folder `lib/python3.14` of one that has its test suite.

mod support;

use std::env;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(3600);

#[test]
#[ignore = "needs a CPython with its test suite, in PYABI_CPYTHON"]
fn what_passed_still_passes() {
    let cpython = env::var_os("PYABI_CPYTHON").expect("PYABI_CPYTHON names the folder");
    let mut python = support::python();
    python
        .arg(support::root().join("tests/testcapi/run.py"))
        .arg("--work")
        .arg(support::scratch("testcapi"))
        .arg(cpython);
    let outcome = support::run(&mut python, "testcapi", LIMIT);
    print!("{}", outcome.stdout);
    assert!(
        outcome.success(),
        "{}{}",
        outcome.stdout,
        outcome.describe()
    );
}
