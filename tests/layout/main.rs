//! Checks `pyabi::layout` against three sources: the facts on record under `tests/data/abi`, the
//! definitions in `pyo3-ffi`, and CPython's own headers when they are at hand.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod accessors;
mod facts;
mod headers;
mod pyo3_ffi_agrees;
mod recorded;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn structs_match_the_record() {
    let found: Vec<_> = facts::structs();
    let expected = recorded::structs();
    for row in &expected {
        let (_, actual) = found
            .iter()
            .find(|(name, _)| *name == row.name)
            .unwrap_or_else(|| panic!("{} is on record but not in the layout", row.name));
        assert_eq!(actual.size, row.size, "size of {}", row.name);
        assert_eq!(actual.fields, row.fields, "fields of {}", row.name);
    }
    assert_eq!(found.len(), expected.len(), "structs without a record");
}

#[test]
fn constants_match_the_record() {
    let found: Vec<_> = facts::constants();
    let expected: Vec<_> = recorded::constants()
        .into_iter()
        .map(|row| (row.name, row.value))
        .collect();
    let of = |list: &[(&'static str, i128)]| list.iter().copied().collect::<BTreeSet<_>>();
    let (found, expected) = (of(&found), of(&expected));
    assert_eq!(
        expected.difference(&found).collect::<Vec<_>>(),
        found.difference(&expected).collect::<Vec<_>>(),
        "left: on record, right: in the layout"
    );
}

#[test]
fn bit_fields_match_the_record() {
    assert_eq!(facts::bit_fields(), recorded::bit_fields());
}

#[test]
fn versions_are_spelled_alike() {
    use pyabi::layout::*;
    let version = format!("{PY_MAJOR_VERSION}.{PY_MINOR_VERSION}.{PY_MICRO_VERSION}");
    assert_eq!(PY_VERSION.to_str().unwrap(), version);
    assert_eq!(
        PYTHON_API_STRING.to_str().unwrap(),
        PYTHON_API_VERSION.to_string()
    );
    assert_eq!(
        PYTHON_ABI_STRING.to_str().unwrap(),
        PYTHON_ABI_VERSION.to_string()
    );
}

/// Nothing in `src/layout` may escape the checks: every struct asserts its layout, and every
/// struct and constant is in `facts`.
#[test]
fn facts_are_complete() {
    /// Bit-field words, union arms and what is the compiler's own, which no
    /// header names.
    const UNNAMED: [&str; 4] = [
        "PyObject_RefcntParts",
        "PyThreadState_status",
        "_PyUnicodeObject_state",
        "__va_list_tag",
    ];

    let (mut structs, mut asserted, mut constants) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/layout");
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("mod.rs") {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let name_after = |prefix: &str| {
                let rest = line.strip_prefix(prefix)?;
                rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .map(str::to_owned)
            };
            structs.extend(name_after("pub struct "));
            asserted.extend(name_after("assert_layout!("));
            if !line.contains(": &CStr") {
                constants.extend(name_after("pub const ").filter(|name| name != "fn"));
            }
        }
    }
    let of = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let mut listed = of(facts::structs().into_iter().map(|(name, _)| name).collect());
    listed.extend(UNNAMED.map(str::to_owned));
    assert_eq!(structs, asserted, "left: declared, right: asserted");
    assert_eq!(structs, listed, "left: declared, right: listed");
    let listed = of(facts::constants()
        .into_iter()
        .map(|(name, _)| name)
        .collect());
    assert_eq!(constants, listed, "left: declared, right: listed");
}
