//! The program as a user and as packaging tools meet it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pyabi::version;

fn pyabi<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyabi"));
    command.args(args).env_remove("PYTHONPATH");
    command
}

#[track_caller]
fn stdout(command: &mut Command) -> String {
    text(&command.output().expect("the program runs"))
}

#[track_caller]
fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn eval(expression: &str) -> String {
    let code = format!("import sys, sysconfig, platform, importlib.machinery\nprint({expression})");
    stdout(&mut pyabi(["-c", &code])).trim_end().to_owned()
}

/// A directory of its own for each test.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}

#[test]
fn version_option() {
    assert_eq!(stdout(&mut pyabi(["-V"])), "Python 3.14.10\n");
    assert_eq!(stdout(&mut pyabi(["--version"])), "Python 3.14.10\n");
    assert_eq!(
        stdout(&mut pyabi(["-VV"])),
        format!("Python {}\n", version::LONG)
    );
    assert_eq!(stdout(&mut pyabi(["-c", "print(1)", "-V"])), "1\n");
}

#[test]
fn version_is_one_final_release_everywhere() {
    assert_eq!(eval("sys.version"), version::LONG);
    assert_eq!(
        eval("sys.version_info"),
        "sys.version_info(major=3, minor=14, micro=10, releaselevel='final', serial=0)"
    );
    assert_eq!(eval("sys.version_info >= (3, 14, 0, 'final')"), "True");
    assert_eq!(eval("hex(sys.hexversion)"), "0x30e0af0");
    assert_eq!(eval("sys.hexversion"), version::HEX.to_string());
    assert_eq!(eval("platform.python_version()"), version::SHORT);
    assert_eq!(eval("platform.python_implementation()"), "CPython");
    assert_eq!(eval("sysconfig.get_python_version()"), "3.14");
    assert_eq!(
        eval("sysconfig.get_config_var('py_version')"),
        version::SHORT
    );
    assert_eq!(eval("sysconfig.get_config_var('VERSION')"), "3.14");
    assert_eq!(eval("sys.implementation.name"), "cpython");
    assert_eq!(
        eval("sys.implementation.version == sys.version_info"),
        "True"
    );
    assert_eq!(
        eval("sys.implementation.hexversion == sys.hexversion"),
        "True"
    );
    assert_eq!(eval("sys.implementation.cache_tag"), "cpython-314");
    assert_eq!(eval("sys.api_version"), "1013");
}

#[test]
fn abi_is_the_default_build_s() {
    let multiarch = "x86_64-linux-gnu";
    for (expression, expected) in [
        ("repr(sys.abiflags)", "''".to_owned()),
        ("sys._is_gil_enabled()", "True".to_owned()),
        ("sys.implementation._multiarch", multiarch.to_owned()),
        (
            "sysconfig.get_config_var('Py_GIL_DISABLED')",
            "0".to_owned(),
        ),
        ("sysconfig.get_config_var('Py_DEBUG')", "0".to_owned()),
        (
            "repr(sysconfig.get_config_var('ABIFLAGS'))",
            "''".to_owned(),
        ),
        (
            "sysconfig.get_config_var('MULTIARCH')",
            multiarch.to_owned(),
        ),
        (
            "sysconfig.get_config_var('SOABI')",
            format!("cpython-314-{multiarch}"),
        ),
        (
            "sysconfig.get_config_var('EXT_SUFFIX')",
            format!(".cpython-314-{multiarch}.so"),
        ),
        ("sysconfig.get_platform()", "linux-x86_64".to_owned()),
        (
            "importlib.machinery.EXTENSION_SUFFIXES",
            format!("['.cpython-314-{multiarch}.so', '.abi3.so', '.so']"),
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

#[test]
fn command_line_is_python_s() {
    let dir = scratch("command_line");
    fs::write(
        dir.join("tool.py"),
        "import sys\nprint(__name__, sys.argv[1:])\n",
    )
    .unwrap();

    let script = stdout(pyabi(["tool.py", "-V", "x"]).current_dir(&dir));
    assert_eq!(script, "__main__ ['-V', 'x']\n");
    let module = stdout(pyabi(["-m", "tool", "y"]).current_dir(&dir));
    assert_eq!(module, "__main__ ['y']\n");
    let imported = stdout(pyabi(["-c", "import tool"]).env("PYTHONPATH", &dir));
    assert_eq!(imported, "tool []\n");

    for args in [&[][..], &["-"]] {
        let mut child = pyabi(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let source = b"def twice(x):\n    try:\n\n        return 2 * x\n    finally: pass\nprint(twice(21))\n";
        child.stdin.take().unwrap().write_all(source).unwrap();
        assert_eq!(text(&child.wait_with_output().unwrap()), "42\n", "{args:?}");
    }

    let status = pyabi(["-c", "raise SystemExit(3)"]).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn executable_runs_itself() {
    let code =
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(7)'], check=True)";
    assert_eq!(stdout(&mut pyabi(["-c", code])), "7\n");
}

#[test]
fn virtual_environment_is_self_consistent() {
    let dir = scratch("venv");
    let env = dir.join("env");
    stdout(&mut pyabi([
        OsStr::new("-m"),
        "venv".as_ref(),
        "--without-pip".as_ref(),
        env.as_os_str(),
    ]));
    let report = "import sys, os, sysconfig
print(sys.prefix == sys.exec_prefix == sysconfig.get_config_var('base'))
print(sys.prefix)
print(sys.base_prefix != sys.prefix)
print(sys.executable)
print(os.path.samefile(sys._base_executable, sys.executable))
print(sysconfig.get_path('purelib').startswith(sys.prefix), sysconfig.get_path('purelib') in sys.path)";
    let python = env.join("bin").join("python");
    let output = stdout(
        Command::new(&python)
            .args(["-c", report])
            .env_remove("PYTHONPATH"),
    );
    let expected = format!(
        "True\n{}\nTrue\n{}\nTrue\nTrue True\n",
        env.display(),
        python.display()
    );
    assert_eq!(output, expected);
}

#[test]
fn pip_accepts_wheels_for_cpython() {
    let env = scratch("pip").join("env");
    stdout(&mut pyabi([
        OsStr::new("-m"),
        "venv".as_ref(),
        env.as_os_str(),
    ]));
    let pip = stdout(Command::new(env.join("bin").join("pip")).arg("--version"));
    assert!(
        pip.contains(env.to_str().unwrap()) && pip.ends_with("(python 3.14)\n"),
        "{pip}"
    );

    let code = "from pip._vendor.packaging.tags import sys_tags; print(*sys_tags())";
    let tags = stdout(Command::new(env.join("bin").join("python")).args(["-c", code]));
    let tags: Vec<&str> = tags.split_whitespace().collect();
    for tag in [
        "cp314-cp314-manylinux_2_17_x86_64",
        "cp314-abi3-manylinux2014_x86_64",
        "cp39-abi3-manylinux_2_17_x86_64",
        "py3-none-any",
    ] {
        assert!(tags.contains(&tag), "{tag}: {tags:?}");
    }
    assert!(!tags.iter().any(|tag| tag.contains("cp314t")), "{tags:?}");
}

#[test]
fn bases_keep_their_order_in_the_mro() {
    let source = "
from abc import ABCMeta
for meta in type, ABCMeta, type('Meta', (type,), {}):
    Root = meta('Root', (), {})
    Left = meta('Left', (Root,), {})
    Right = meta('Right', (), {})
    owners = []
    Both = meta('Both', (Left, Right, Root), {'__init_subclass__': lambda cls: owners.append(type(cls))})
    Last = meta('Last', (Both, meta('Other', (Right,), {}), Root), {})
    print(*(base.__name__ for base in Last.__mro__), type(Last) is meta, owners == [meta])
    try:
        meta('Wrong', (Root, Left), {})
    except TypeError as error:
        print(error)
";
    let expected = "Last Both Left Other Right Root object True True\n\
        Cannot create a consistent method resolution order (MRO) for bases Root, Left\n";
    assert_eq!(stdout(&mut pyabi(["-c", source])), expected.repeat(3));
}

/// Compiles a shared library without libraries of its own.
fn compile(path: &Path, source: &str, link: &[&str]) {
    let unit = path.with_extension("c");
    fs::write(&unit, source).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-nostdlib", "-o"])
        .arg(path)
        .arg(&unit)
        .args(link)
        .status()
        .expect("a C compiler is installed");
    assert!(status.success());
}

/// The error of importing `module` from `dir`, which must be an `ImportError` about that module and file.
#[track_caller]
fn import_error(dir: &Path, module: &str, file: &Path) -> String {
    let code = format!(
        "try:
    import {module}
except ImportError as error:
    print(error.name, error.path)
    print(error)
else:
    raise SystemExit('imported')"
    );
    let output = stdout(pyabi(["-c", &code]).env("PYTHONPATH", dir));
    let (attributes, message) = output.split_once('\n').unwrap();
    assert_eq!(attributes, format!("{module} {}", file.display()));
    assert!(message.contains(&*file.to_string_lossy()), "{message}");
    message.trim_end().to_owned()
}

const EXTENSION: &str = "void *PyInit_spam(void) { return 0; }";

#[test]
fn import_explains_a_truncated_file() {
    let dir = scratch("truncated");
    let file = dir.join("spam.so");
    compile(&file, EXTENSION, &[]);
    let image = fs::read(&file).unwrap();
    for len in [0, 3, 20, 63, 200, image.len() / 4] {
        fs::write(&file, &image[..len]).unwrap();
        let message = import_error(&dir, "spam", &file);
        assert!(message.contains("truncated"), "{len}: {message}");
    }
}

#[test]
fn import_explains_what_is_no_library() {
    let dir = scratch("no_library");
    let file = dir.join("spam.so");
    fs::write(&file, "GROUP ( libspam.so.1 )\n").unwrap();
    let message = import_error(&dir, "spam", &file);
    assert!(message.contains("not an ELF shared library"), "{message}");
}

#[test]
fn import_explains_another_machine() {
    let dir = scratch("machine");
    let file = dir.join("spam.cpython-314-x86_64-linux-gnu.so");
    compile(&file, EXTENSION, &[]);
    let mut image = fs::read(&file).unwrap();
    image[18..20].copy_from_slice(&object::elf::EM_AARCH64.to_le_bytes());
    fs::write(&file, image).unwrap();
    let message = import_error(&dir, "spam", &file);
    assert!(
        message.contains("built for aarch64, this is x86_64"),
        "{message}"
    );
}

#[test]
fn import_explains_another_python() {
    let dir = scratch("python");
    for (tag, cause) in [
        (
            "cpython-313-x86_64-linux-gnu",
            "built for CPython 3.13, this is CPython 3.14.10",
        ),
        ("cpython-314t-x86_64-linux-gnu", "free-threaded"),
        ("abi3t", "free-threaded"),
        ("pypy311-pp73-x86_64-linux-gnu", "built for PyPy"),
    ] {
        let file = dir.join(format!("spam.{tag}.so"));
        compile(&file, EXTENSION, &[]);
        let message = import_error(&dir, "spam", &file);
        assert!(message.contains(cause), "{message}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn import_explains_a_missing_init_function() {
    let dir = scratch("init");
    let file = dir.join("spam.so");
    compile(&file, "int spam(void) { return 0; }", &[]);
    let message = import_error(&dir, "spam", &file);
    assert!(
        message.contains("PyInit_spam") && message.contains("not an extension"),
        "{message}"
    );

    compile(
        &file,
        "void *PyInit_ham(void) { return 0; } void *PyModExport_spam(void) { return 0; }",
        &[],
    );
    let message = import_error(&dir, "spam", &file);
    assert!(
        message.contains("it defines PyInit_ham, PyModExport_spam"),
        "{message}"
    );
    assert!(message.contains("3.15"), "{message}");
}

#[test]
fn import_lists_every_missing_symbol() {
    let dir = scratch("symbols");
    let file = dir.join("spam.abi3.so");
    compile(
        &file,
        "extern void PyZebra_New(void), _PyYak_Free(void), PyApe_Type(void), unrelated(void);
         extern void PyWeak_Fn(void) __attribute__((weak));
         void *PyInit_spam(void) {
             PyZebra_New(); _PyYak_Free(); PyApe_Type(); unrelated();
             if (PyWeak_Fn) PyWeak_Fn();
             return 0;
         }",
        &[],
    );
    let message = import_error(&dir, "spam", &file);
    assert!(
        message.ends_with("needs 3 symbols of the C API that this interpreter does not export: PyApe_Type, PyZebra_New, _PyYak_Free"),
        "{message}"
    );
}

#[test]
fn symbols_of_bundled_libraries_are_not_missing() {
    let dir = scratch("bundled");
    let library = dir.join("libs").join("libham.so");
    fs::create_dir_all(dir.join("libs")).unwrap();
    compile(
        &library,
        "void PyHam_New(void) {}",
        &["-Wl,-soname,libham.so"],
    );
    let file = dir.join("spam.so");
    let source = "extern void PyHam_New(void), PyEgg_New(void);
        void *PyInit_spam(void) { PyHam_New(); PyEgg_New(); return 0; }";
    let library = library.to_str().unwrap();
    compile(&file, source, &[library, "-Wl,-rpath,$ORIGIN/libs"]);
    let message = import_error(&dir, "spam", &file);
    assert!(
        message.contains("PyEgg_New") && !message.contains("PyHam_New"),
        "{message}"
    );
}
