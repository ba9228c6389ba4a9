//! Link flags from the list of exported symbols, and the facts about the build that the program reports.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let symbols = read_symbols(Path::new("src/symbols.txt"));
    write_symbols(&out.join("symbols.rs"), &symbols);
    export(&out, &symbols);
    compile_variadic();
    embed_stdlib_data(&out.join("stdlib_data.rs"));
    println!("cargo:rustc-env=PYABI_COMPILER={}", compiler());
    // The macro that compiles it does not tell cargo what it read.
    println!("cargo:rerun-if-changed=src/pyabi_tool");
}

/// Compiles the functions that stable Rust cannot define.
fn compile_variadic() {
    let source = "src/api/varargs.c";
    println!("cargo:rerun-if-changed={source}");
    cc::Build::new().file(source).compile("pyabi_varargs");
}

/// Embeds the data files of these packages, which find them beside their code: it is frozen, they are not.
fn embed_stdlib_data(path: &Path) {
    let stdlib = Path::new(rustpython_pylib::LIB_PATH);
    let mut files = Vec::new();
    for package in ["ensurepip", "pydoc_data", "venv"] {
        collect_data(&stdlib.join(package), &mut files);
    }
    files.sort();
    let mut source = String::from("const FILES: &[(&str, &[u8])] = &[\n");
    for file in &files {
        let name = file.strip_prefix(stdlib).expect("found below it");
        writeln!(source, "    ({name:?}, include_bytes!({file:?})),").expect("writing to a String");
    }
    source.push_str("];\n");
    write(path, &source);
}

fn collect_data(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    for entry in entries {
        let path = entry.expect("a directory can be read to its end").path();
        if path.is_dir() {
            collect_data(&path, files);
        } else if !path
            .extension()
            .is_some_and(|end| end == "py" || end == "pyc")
        {
            files.push(path);
        }
    }
}

/// The exported symbols, one a line, sorted, each once.
fn read_symbols(path: &Path) -> Vec<String> {
    println!("cargo:rerun-if-changed={}", path.display());
    let text =
        fs::read_to_string(path).expect("the list of exported symbols is part of the package");
    let symbols: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some(pair) = symbols.windows(2).find(|pair| pair[0] >= pair[1]) {
        panic!(
            "{}: {} must come before {}",
            path.display(),
            pair[1],
            pair[0]
        );
    }
    symbols
}

fn write_symbols(path: &Path, symbols: &[String]) {
    let mut source = String::from("/// Sorted.\npub const EXPORTED: &[&str] = &[\n");
    for symbol in symbols {
        writeln!(source, "    {symbol:?},").expect("writing to a String");
    }
    source.push_str("];\n");
    write(path, &source);
}

/// Has the linker keep the symbols, which nothing in Rust refers to, and put just them into the executable's dynamic
/// symbol table. `--export-dynamic` would put every symbol of every crate there.
fn export(out: &Path, symbols: &[String]) {
    if symbols.is_empty() {
        return;
    }
    let keep = out.join("keep.ld");
    write(&keep, &format!("EXTERN({})\n", symbols.join(" ")));
    let list = out.join("exported.list");
    write(&list, &format!("{{ {}; }};\n", symbols.join("; ")));
    let argument = format!("-Wl,--dynamic-list={},{}", list.display(), keep.display());
    println!("cargo:rustc-link-arg={argument}");
    println!("cargo:link_arg={argument}");
}

/// The compiler's name and version, as `sys.version` shows them.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("the compiler that compiled this runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes a new file: what is there may be shared with a hard-linked copy of the target directory.
fn write(path: &Path, text: &str) {
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
