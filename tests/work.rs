//! Programs that do real work with published packages, as their users would. See `tests/work`.

mod support;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1800);

/// Installs packages that `tests/suites` pins; the folder that holds them.
fn install(name: &str, packages: &[&str]) -> PathBuf {
    static PIP: OnceLock<PathBuf> = OnceLock::new();
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = support::scratch("work").join(name);
    let pip = PIP.get_or_init(|| support::python_with_pip("work"));
    support::prepare(
        support::python()
            .arg(support::root().join("tests/suites/run.py"))
            .arg("--pip")
            .arg(pip)
            .arg("--install")
            .arg(&folder)
            .args(packages),
    );
    folder
}

fn program(name: &str, packages: &[&str]) {
    let site = install(name, packages);
    let mut python = support::python();
    support::python_path(&mut python, [site])
        .arg(support::root().join(format!("tests/work/{name}.py")));
    let outcome = support::run(&mut python, &format!("work-{name}"), LIMIT);
    eprint!("{}", outcome.stderr);
    support::expect(&format!("work/{name}.txt"), &outcome);
}

#[test]
fn orjson() {
    program("orjson_round_trip", &["orjson"]);
}

#[test]
fn pydantic() {
    let packages = [
        "pydantic",
        "pydantic-core",
        "annotated-types",
        "typing-extensions",
        "typing-inspection",
    ];
    program("pydantic_models", &packages);
}

#[test]
fn hypothesis() {
    let packages = [
        "hypothesis",
        "sortedcontainers",
        "markupsafe",
        "rpds-py",
        "jiter",
    ];
    program("hypothesis_properties", &packages);
}

#[test]
fn yarl() {
    program("yarl_addresses", &YARL);
}

#[test]
fn aiohttp() {
    let mut packages = vec![
        "aiohttp",
        "aiohappyeyeballs",
        "aiosignal",
        "attrs",
        "frozenlist",
    ];
    packages.extend(YARL);
    program("aiohttp_loopback", &packages);
}

const YARL: [&str; 4] = ["yarl", "propcache", "multidict", "idna"];

#[test]
fn cryptography() {
    let packages = ["cryptography", "cffi", "pycparser"];
    program("cryptography_secrets", &packages);
}

#[test]
fn tiktoken() {
    let packages = [
        "tiktoken",
        "regex",
        "requests",
        "urllib3",
        "idna",
        "certifi",
        "charset-normalizer",
    ];
    program("tiktoken_words", &packages);
}

#[test]
fn pillow() {
    program("pillow_images", &["pillow"]);
}

#[test]
fn lxml() {
    program("lxml_documents", &["lxml"]);
}

#[test]
fn numpy() {
    program("numpy_basics", &["numpy"]);
}

/// A million calls leave nothing behind.
#[test]
fn mixed_loop() {
    program("mixed_loop", &["markupsafe", "rpds-py", "jiter", "blake3"]);
}
