//! Every extension module of published wheels imports, and the checker foretells what an import does. The wheels are pinned
//! in `tests/suites`.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1800);

/// Twenty-two wheels of all kinds: by hand in C and C++, and made with PyO3, Cython, pybind11, cppy.
const WHEELS: [&str; 22] = [
    "bitarray",
    "blake3",
    "cffi",
    "charset-normalizer",
    "contourpy",
    "frozenlist",
    "jiter",
    "kiwisolver",
    "lxml",
    "markupsafe",
    "msgpack",
    "multidict",
    "numpy",
    "orjson",
    "psutil",
    "pydantic-core",
    "pyyaml",
    "regex",
    "rpds-py",
    "simplejson",
    "ujson",
    "xxhash",
];

/// Python packages that they import.
const NEEDED: [&str; 1] = ["typing-extensions"];

fn pip() -> &'static PathBuf {
    static PIP: OnceLock<PathBuf> = OnceLock::new();
    PIP.get_or_init(|| support::python_with_pip("imports"))
}

fn imports(name: &str, arguments: &[&str], folder: &PathBuf, summary: &str) {
    let mut python = support::python();
    python
        .arg(support::root().join("tests/suites/imports.py"))
        .arg("--pip")
        .arg(pip())
        .args(arguments)
        .arg(folder);
    let outcome = support::run(&mut python, name, LIMIT);
    print!("{}", outcome.stdout);
    assert!(
        outcome.success() && outcome.stdout.ends_with(summary),
        "{}{}",
        outcome.stdout,
        outcome.describe()
    );
}

#[test]
#[ignore = "takes long: downloads 22 wheels and starts 49 interpreters"]
fn every_module_of_the_surveyed_wheels() {
    let folder = support::scratch("imports").join("site");
    support::prepare(
        support::python()
            .arg(support::root().join("tests/suites/run.py"))
            .arg("--pip")
            .arg(pip())
            .arg("--install")
            .arg(&folder)
            .args(WHEELS)
            .args(NEEDED),
    );
    imports("imports", &[], &folder, "\n49 modules, 0 differ\n");
}

#[test]
fn wheels_for_other_interpreters_and_machines() {
    let folder = support::scratch("imports").join("foreign");
    let _ = fs::remove_dir_all(&folder);
    imports(
        "imports-foreign",
        &["--foreign"],
        &folder,
        "\n3 modules, 0 differ\n",
    );
}
