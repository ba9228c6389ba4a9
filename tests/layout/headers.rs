//! Has a C compiler check the record against CPython's headers.
//!
//! The headers are those in `PYABI_CPYTHON_INCLUDE`, or those of a `python3.14` on `PATH` or in the
//! usual places. Without headers or compiler the check says so and passes: the record stands.

use crate::recorded::{self, Headers};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PUBLIC: &str = "\
#include <Python.h>
#include <structmember.h>
#include <datetime.h>
#include <frameobject.h>
#include <marshal.h>
#include <stddef.h>
";

const INTERNAL: &str = "\
#include \"internal/pycore_frame.h\"
#include \"internal/pycore_interpframe_structs.h\"
#include \"internal/pycore_gc.h\"
#include \"internal/pycore_long.h\"
";

/// Differ from one 3.14 release to the next.
const OF_ONE_RELEASE: [&str; 2] = ["PY_MICRO_VERSION", "PY_VERSION_HEX"];

fn include_dir() -> Option<PathBuf> {
    if let Some(dir) = env::var_os("PYABI_CPYTHON_INCLUDE") {
        return Some(dir.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|bin| bin.join("python3.14").exists())
        .filter_map(|bin| Some(bin.parent()?.to_owned()))
        .chain(["/usr/local".into(), "/usr".into()])
        .map(|prefix| prefix.join("include/python3.14"))
        .find(|dir| dir.join("Python.h").exists())
}

/// A compiler set up for the headers, or `None` when either is missing.
fn compiler() -> Option<Command> {
    let Some(include) = include_dir() else {
        println!("CPython 3.14's headers are not at hand; set PYABI_CPYTHON_INCLUDE to check them");
        return None;
    };
    let cc = env::var_os("CC").unwrap_or_else(|| "cc".into());
    if Command::new(&cc).arg("--version").output().is_err() {
        println!("no C compiler is at hand to check CPython's headers with");
        return None;
    }
    let mut command = Command::new(cc);
    command.args(["-std=c11", "-w", "-I"]).arg(&include);
    // Debian keeps `pyconfig.h` in a multiarch folder beside this one.
    command.arg("-I").arg(include.join(".."));
    command.arg("-I").arg(include.join("internal"));
    Some(command)
}

fn source_file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

/// One `_Static_assert` for every fact on record about these headers.
fn assertions(headers: Headers) -> String {
    let mut text = String::new();
    if headers == Headers::Internal {
        text += "#define Py_BUILD_CORE 1\n";
    }
    text += PUBLIC;
    if headers == Headers::Internal {
        text += INTERNAL;
    }
    let mut check = |left: String, right: String| {
        writeln!(text, "_Static_assert({left} == {right}, \"{left}\");").unwrap();
    };
    for row in recorded::structs() {
        if row.headers == headers {
            check(format!("sizeof({})", row.c_type), row.size.to_string());
            for (field, offset) in row.fields {
                check(
                    format!("offsetof({}, {field})", row.c_type),
                    offset.to_string(),
                );
            }
        }
    }
    for row in recorded::constants() {
        if row.headers == headers && !OF_ONE_RELEASE.contains(&row.name) {
            // The casts let pointers and unsigned values compare with plain numbers.
            check(
                format!("(unsigned long long)({})", row.name),
                format!("{}ULL", row.value as u64),
            );
        }
    }
    text
}

fn check(headers: Headers, name: &str) {
    let Some(mut compiler) = compiler() else {
        return;
    };
    let source = source_file(name, &assertions(headers));
    let output = compiler.arg("-fsyntax-only").arg(source).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn public_headers_match_the_record() {
    check(Headers::Public, "public_headers.c");
}

#[test]
fn internal_headers_match_the_record() {
    check(Headers::Internal, "internal_headers.c");
}

/// C cannot take a bit-field's offset in a constant expression, so a program sets each and prints
/// the word that holds it.
#[test]
fn bit_fields_of_the_headers_match_the_record() {
    let Some(mut compiler) = compiler() else {
        return;
    };
    let mut text = format!("{PUBLIC}\nint main(void) {{\n");
    for (name, _) in recorded::bit_fields() {
        let [owner, word, _] = name.split('.').collect::<Vec<_>>().try_into().unwrap();
        let path = &name[owner.len() + 1..];
        writeln!(
            text,
            "{{ {owner} object; unsigned int bits; memset(&object, 0, sizeof object); \
             object.{path} = ~0u; memcpy(&bits, &object.{word}, sizeof bits); \
             printf(\"{name}\\t%u\\n\", bits); }}"
        )
        .unwrap();
    }
    text += "return 0; }\n";
    let source = source_file("bit_fields.c", &text);
    let program = source.with_extension("");
    let built = compiler
        .arg("-o")
        .arg(&program)
        .arg(source)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let output = Command::new(program).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected: String = recorded::bit_fields()
        .into_iter()
        .map(|(name, mask)| format!("{name}\t{mask}\n"))
        .collect();
    assert_eq!(printed, expected);
}
