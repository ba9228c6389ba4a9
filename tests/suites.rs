//! Published packages, as they come from the registry, pass their own tests. See `tests/suites`.
//!
//! Recording needs pip: `PYABI_PIP` is a folder that holds it, for a CPython that comes without.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(3600);

fn suite(name: &str) {
    run(name, &[]);
}

/// Runs the suite five times in one process: nothing may pile up.
fn repeated(name: &str) {
    if support::recorder().is_none() {
        run(name, &["--repeat", "5"]);
    }
}

fn run(name: &str, options: &[&str]) {
    static PIP: OnceLock<PathBuf> = OnceLock::new();
    let pip = PIP.get_or_init(|| support::python_with_pip("suites"));
    let mut python = support::python();
    python
        .arg(support::root().join("tests/suites/run.py"))
        .arg("--work")
        .arg(support::scratch("suites"))
        .arg("--pip")
        .arg(pip)
        .args(options)
        .arg(name);
    if support::recorder().is_some() {
        python.arg("--record");
    }
    let outcome = support::run(
        &mut python,
        &format!("suite-{name}{}", options.concat()),
        LIMIT,
    );
    print!("{}", outcome.stdout);
    assert!(
        outcome.success(),
        "{}{}",
        outcome.stdout,
        outcome.describe()
    );
}

/// Rows of later stages take long, and run with `--include-ignored` or by name.
macro_rules! suites {
    ($($stage:tt: $($test:ident = $name:literal),+;)+) => {
        $($(suites!(@test $stage $test $name);)+)+

        mod five_times {
            $($(
                #[test]
                #[ignore = "takes long"]
                fn $test() {
                    super::repeated($name);
                }
            )+)+
        }

        const ROWS: &[(u32, &str)] = &[$($(($stage, $name)),+),+];
    };
    (@test 1 $test:ident $name:literal) => {
        #[test]
        fn $test() {
            suite($name);
        }
    };
    (@test $stage:tt $test:ident $name:literal) => {
        #[test]
        #[ignore = "takes long"]
        fn $test() {
            suite($name);
        }
    };
}

suites! {
    1: markupsafe = "markupsafe", rpds_py = "rpds-py", jiter = "jiter", blake3 = "blake3",
        xxhash = "xxhash", bitarray = "bitarray", regex = "regex";
    2: simplejson = "simplejson";
    1: ujson = "ujson", msgpack = "msgpack";
    2: multidict = "multidict", frozenlist = "frozenlist", orjson = "orjson", pydantic = "pydantic";
    1: pyyaml = "pyyaml", charset_normalizer = "charset-normalizer", cffi = "cffi";
}

/// `suites/rustpython` shows what RustPython does otherwise than CPython without any extension module: each file is a
/// cause in the list of known failures. One that succeeds is to be taken off.
#[test]
fn what_rustpython_does_otherwise() {
    let folder = support::root().join("tests/suites/rustpython");
    let mut scripts: Vec<_> = fs::read_dir(folder)
        .expect("the scripts are a part of the project")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    scripts.sort();
    for script in scripts {
        let name = script.file_name().expect("a file").to_string_lossy();
        let outcome = support::run(
            support::python().arg(&script),
            &format!("rustpython-{name}"),
            LIMIT,
        );
        if support::recorder().is_some() {
            assert!(outcome.success(), "{name}: {}", outcome.describe());
        } else {
            assert!(!outcome.success(), "{name}: RustPython does as CPython now");
            assert!(
                outcome.stderr.contains("AssertionError"),
                "{name}: {}",
                outcome.describe()
            );
        }
    }
}

#[test]
fn every_row_of_the_table_has_a_test() {
    let table = fs::read_to_string(support::root().join("tests/suites/packages.toml"))
        .expect("the table is a part of the project");
    let values = |key: &str| -> Vec<String> {
        let prefix = format!("{key} = ");
        table
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .map(|value| value.trim_matches('"').to_owned())
            .collect()
    };
    let rows: Vec<_> = values("stage").into_iter().zip(values("name")).collect();
    let expected: Vec<_> = ROWS
        .iter()
        .map(|(stage, name)| (stage.to_string(), (*name).to_owned()))
        .collect();
    assert_eq!(rows, expected);
}

/// The known failures may only become fewer; that each still fails, `run.py` sees to.
#[test]
fn known_failures_do_not_grow() {
    let list = fs::read_to_string(support::root().join("tests/suites/known-failures.txt"))
        .expect("the list is a part of the project");
    let entries = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count();
    const MOST: usize = 26;
    assert_eq!(
        entries, MOST,
        "lower MOST with the list, and never raise it"
    );
}
