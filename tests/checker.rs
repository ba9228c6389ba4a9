//! `pyabi -m pyabi`: what it says of files, and its exit status.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pyabi::symbols::EXPORTED;
use support::Outcome;

const LIMIT: Duration = Duration::from_secs(120);

const SUFFIX: &str = ".cpython-314-x86_64-linux-gnu.so";

/// An extension module that needs nothing but one function that exists.
const SOURCE: &str = "extern void *PyModule_Create2(void *, int);
    void *PyInit_spam(void) { return PyModule_Create2(0, 1013); }";

/// An empty folder.
fn scratch(name: &str) -> PathBuf {
    let folder = support::scratch("checker").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("the target directory is writable");
    folder
}

/// Compiles a shared library.
fn compile(path: &Path, source: &str) {
    let unit = path.with_extension("c");
    fs::write(&unit, source).expect("the target directory is writable");
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-shared", "-fPIC", "-nostdlib", "-o"])
        .arg(path)
        .arg(&unit);
    support::prepare(&mut cc);
    fs::remove_file(unit).expect("it was just written");
}

/// Runs the tool with these arguments in a folder.
fn tool(folder: &Path, args: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyabi"));
    command
        .env_remove("PYTHONPATH")
        .args(["-m", "pyabi"])
        .args(args)
        .current_dir(folder);
    let name = folder.file_name().expect("it has a name").to_string_lossy();
    support::run(&mut command, &format!("checker-{name}"), LIMIT)
}

/// What `check` prints about these files; it must exit with this status.
#[track_caller]
fn check(folder: &Path, files: &[&str], status: i32) -> String {
    let outcome = tool(folder, &[&["check"], files].concat());
    let ended = outcome.status.and_then(|status| status.code());
    assert_eq!(
        ended,
        Some(status),
        "{}\n{}",
        outcome.stdout,
        outcome.describe()
    );
    outcome.stdout
}

/// The table's line that begins with `start`, its columns apart.
#[track_caller]
fn line(output: &str, start: &str) -> Vec<String> {
    let line = output.lines().find(|line| {
        line.strip_prefix(start)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    let line = line.unwrap_or_else(|| panic!("no line {start}:\n{output}"));
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_module_that_loads() {
    let folder = scratch("loads");
    let file = format!("spam{SUFFIX}");
    compile(&folder.join(&file), SOURCE);
    let output = check(&folder, &[&file], 0);
    assert_eq!(
        line(&output, "spam"),
        ["spam", "cp314 x86_64", "C", "1", "0", "loads"]
    );
    assert!(output.ends_with("1 of 1 will load\n"), "{output}");
}

#[test]
fn a_module_that_the_import_refuses() {
    let folder = scratch("refused");
    for (file, built_for, cause) in [
        (
            "spam.cpython-313-x86_64-linux-gnu.so",
            "cp313 x86_64",
            "built for CPython 3.13, this is CPython 3.14.10",
        ),
        (
            "spam.cpython-314t-x86_64-linux-gnu.so",
            "cp314t x86_64",
            "built for free-threaded Python",
        ),
        ("ham.abi3.so", "abi3 x86_64", "PyInit_ham"),
    ] {
        compile(&folder.join(file), SOURCE);
        let output = check(&folder, &[file], 1);
        let cells = line(&output, file.split('.').next().unwrap());
        assert_eq!(cells[1], built_for);
        assert_eq!(cells[5], "will not load");
        assert!(output.contains(cause), "{output}");
    }
}

#[test]
fn another_machine_s_file() {
    let folder = scratch("machine");
    let file = format!("spam{SUFFIX}");
    compile(&folder.join(&file), SOURCE);
    let mut image = fs::read(folder.join(&file)).unwrap();
    image[18..20].copy_from_slice(&object::elf::EM_AARCH64.to_le_bytes());
    fs::write(folder.join(&file), image).unwrap();
    let output = check(&folder, &[&file], 1);
    assert_eq!(line(&output, "spam")[1], "cp314 aarch64");
    assert!(
        output.contains("built for aarch64, this is x86_64"),
        "{output}"
    );
}

#[test]
fn a_file_that_is_no_library() {
    let folder = scratch("text");
    fs::write(folder.join("spam.txt"), "spam\n").unwrap();
    let output = check(&folder, &["spam.txt"], 1);
    assert_eq!(
        line(&output, "spam"),
        ["spam", "-", "-", "0", "0", "will not load"]
    );
    assert!(output.contains("not an ELF shared library"), "{output}");
}

#[test]
fn missing_symbols_are_those_of_the_import_error() {
    let folder = scratch("missing");
    let file = folder.join("spam.so");
    let source = "extern void PyZebra_New(void), PyApe_Type(void), PyList_New(void);
        void *PyInit_spam(void) { PyZebra_New(); PyApe_Type(); PyList_New(); return 0; }";
    compile(&file, source);
    let output = check(&folder, &["spam.so"], 1);
    assert_eq!(
        line(&output, "spam"),
        ["spam", "any ABI x86_64", "C", "3", "2", "will not load"]
    );
    let told = output.split_whitespace().collect::<Vec<_>>().join(" ");
    let error = import_error(&folder);
    let (_, cause) = error.split_once("spam.so: ").expect("it names the file");
    assert!(
        cause.contains("PyApe_Type, PyZebra_New") && told.contains(cause),
        "{told}\n{cause}"
    );
}

/// The last line of the traceback of importing `spam` from a folder.
fn import_error(folder: &Path) -> String {
    let mut import = support::python();
    support::python_path(&mut import, [folder]).args(["-c", "import spam"]);
    let name = folder.file_name().expect("it has a name").to_string_lossy();
    let outcome = support::run(&mut import, &format!("checker-import-{name}"), LIMIT);
    assert!(!outcome.success());
    let line = outcome.stderr.lines().last().expect("a traceback");
    line.to_owned()
}

#[test]
fn libraries_that_a_module_brings_along_count() {
    let folder = scratch("bundled");
    fs::create_dir(folder.join("libs")).unwrap();
    let library = folder.join("libs/libham.so");
    compile(
        &library,
        "extern void PyYak_New(void); void ham(void) { PyYak_New(); }",
    );
    let unit = folder.join("spam.c");
    fs::write(
        &unit,
        "extern void ham(void); void *PyInit_spam(void) { ham(); return 0; }",
    )
    .unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-nostdlib", "-Wl,-rpath,$ORIGIN/libs"])
        .args(["-L", "libs", "-o", "spam.so", "spam.c", "-lham"])
        .current_dir(&folder);
    support::prepare(&mut cc);
    // The folder as a whole: the library in it is no module.
    let output = check(&folder, &["."], 1);
    assert!(output.contains("0 of 1 will load"), "{output}");
    assert!(
        output.contains("its library libham.so needs 1 symbol"),
        "{output}"
    );
    assert!(output.contains("PyYak_New"), "{output}");

    // The import says so, too.
    let error = import_error(&folder);
    assert!(
        error.contains("libham.so: needs 1 symbol of the C API"),
        "{error}"
    );
}

/// A wheel with these files, made by Python's `zipfile`.
fn wheel(folder: &Path, wheel: &str, files: &[&str]) {
    let mut zip = support::python();
    zip.args(["-m", "zipfile", "-c", wheel])
        .args(files)
        .current_dir(folder);
    support::prepare(&mut zip);
}

#[test]
fn every_module_of_a_wheel_counts() {
    let folder = scratch("wheel");
    let package = folder.join("pkg");
    fs::create_dir(&package).unwrap();
    compile(&package.join(format!("spam{SUFFIX}")), SOURCE);
    let name = "pkg-1-cp314-cp314-linux_x86_64.whl";
    wheel(&folder, name, &["pkg"]);
    let output = check(&folder, &[name], 0);
    assert_eq!(line(&output, "pkg.spam")[5], "loads");

    fs::write(package.join(format!("egg{SUFFIX}")), "").unwrap();
    wheel(&folder, name, &["pkg"]);
    let output = check(&folder, &[name], 1);
    assert_eq!(line(&output, "pkg.spam")[5], "loads");
    assert_eq!(line(&output, "pkg.egg")[5], "will not load");
    assert!(output.contains("1 of 2 will load"), "{output}");
}

#[test]
fn a_wheel_s_tag_counts_where_its_files_have_none() {
    let folder = scratch("tag");
    compile(&folder.join("spam.so"), SOURCE);
    let name = "spam-1-cp313-cp313-linux_x86_64.whl";
    wheel(&folder, name, &["spam.so"]);
    let output = check(&folder, &[name], 1);
    assert_eq!(line(&output, "spam")[1], "cp313 x86_64");
    assert!(output.contains("in a wheel for cp313"), "{output}");
}

#[test]
fn nothing_to_check_is_an_error() {
    let folder = scratch("nothing");
    fs::write(folder.join("spam.py"), "").unwrap();
    wheel(&folder, "spam-1-py3-none-any.whl", &["spam.py"]);
    fs::write(folder.join("ham-1-cp314-cp314-linux_x86_64.whl"), "ham").unwrap();
    compile(&folder.join("spam.so"), SOURCE);
    for target in [
        "missing.so",
        "missing.whl",
        "./missing",
        "spam-1-py3-none-any.whl",
        "ham-1-cp314-cp314-linux_x86_64.whl",
    ] {
        let outcome = tool(&folder, &["check", "spam.so", target]);
        let status = outcome.status.and_then(|status| status.code());
        assert_eq!(status, Some(2), "{target}: {}", outcome.describe());
        assert!(
            outcome.stderr.starts_with(&format!("{target}: ")),
            "{}",
            outcome.describe()
        );
        assert!(outcome.stdout.contains("1 of 1 will load"), "{target}");
    }
    for args in [&[][..], &["check"], &["chek"]] {
        let status = tool(&folder, args).status.and_then(|status| status.code());
        assert_eq!(status, Some(2), "{args:?}");
    }
}

#[test]
fn tools_are_recognised() {
    let folder = scratch("tools");
    for (mark, tool) in [
        (r"cython_runtime\0_cython_3_1_4", "Cython 3.1"),
        (
            r"pyo3_runtime.PanicException\0/src/pyo3-0.29.1/src",
            "PyO3 0.29",
        ),
        ("__pybind11_internals_v11_", "pybind11"),
        ("nanobind::detail", "nanobind"),
        ("swig_runtime_data4", "SWIG"),
        ("_init_cffi_1_0_external_module", "cffi"),
        ("rustc version 1.95.0", "Rust"),
    ] {
        let source = format!("const char mark[] = \"{mark}\"; {SOURCE}");
        compile(&folder.join("spam.so"), &source);
        let output = check(&folder, &["spam.so"], 0);
        assert_eq!(line(&output, "spam")[2], tool);
    }
}

#[test]
fn coverage_adds_up() {
    let folder = scratch("coverage");
    let outcome = tool(&folder, &["coverage"]);
    assert!(outcome.success(), "{}", outcome.describe());
    let recorded: BTreeSet<&str> = include_str!("data/abi/symbols.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    let exported = EXPORTED
        .iter()
        .filter(|name| recorded.contains(*name))
        .count();
    let totals: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("total "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    // By tier and by header.
    assert_eq!(totals.len(), 2, "{}", outcome.stdout);
    assert_eq!(totals[0], totals[1]);
    let numbers: Vec<usize> = totals[0][1..]
        .iter()
        .map(|number| number.parse().unwrap())
        .collect();
    assert_eq!(numbers[..2], [recorded.len(), exported]);
    assert!(numbers[2] >= numbers[3], "{numbers:?}");
    assert_eq!(line(&outcome.stdout, "stable")[1], "905");

    let outcome = tool(&folder, &["coverage", "--missing"]);
    assert!(outcome.success(), "{}", outcome.describe());
    let missing: BTreeSet<&str> = outcome
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(missing.len(), recorded.len() - exported);
    assert!(EXPORTED.iter().all(|name| !missing.contains(name)));
}
