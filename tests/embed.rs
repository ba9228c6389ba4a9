//! PyO3 and RustPython in one program. See `tests/pyo3/embed`.
//!
//! The program is this test: it runs itself, and compares what that prints with `tests/data/pyo3/embed.txt`. That file
//! is written by hand: no other interpreter can run the program.

#[path = "pyo3/embed/src/main.rs"]
mod program;
mod support;

use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// Set for the run that is compared.
const INNER: &str = "PYABI_EMBED";

fn main() {
    if std::env::var_os(INNER).is_some() {
        return program::main();
    }
    // Nothing to do for those who ask for other tests, or for recording what CPython does.
    let mut arguments = std::env::args().skip(1);
    if support::recorder().is_some() || arguments.any(|name| name == "--list") {
        return;
    }
    let mut this = Command::new(std::env::current_exe().expect("it is running"));
    let outcome = support::run(this.env(INNER, "1"), "embed", LIMIT);
    support::expect("pyo3/embed.txt", &outcome);
    println!("test embed ... ok");
}
