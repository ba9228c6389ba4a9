//! `src/symbols.txt` is what the library defines, what the program exports, and what CPython exports.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use object::NativeEndian;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, Sym as _};
use pyabi::symbols::EXPORTED;

/// What we export and CPython does not, each with its reason.
const EXTRA: &[(&str, &str)] = &[(
    "_PyMethodWrapper_Type",
    "defined by the table of static types, all of which are exported",
)];

/// The names that CPython 3.14 exports.
fn recorded() -> BTreeSet<&'static str> {
    include_str!("data/abi/symbols.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').next().expect("a line has a first field"))
        .collect()
}

fn has_python_s_prefix(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py")
}

#[track_caller]
fn assert_same(left: &BTreeSet<String>, right: &BTreeSet<String>, explanation: &str) {
    let only_left: Vec<_> = left.difference(right).collect();
    let only_right: Vec<_> = right.difference(left).collect();
    assert!(
        only_left.is_empty() && only_right.is_empty(),
        "{explanation}\n- {only_left:?}\n+ {only_right:?}"
    );
}

fn listed() -> BTreeSet<String> {
    EXPORTED.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn the_program_exports_what_is_listed() {
    let program = fs::read(env!("CARGO_BIN_EXE_pyabi")).expect("it has been built");
    let header = FileHeader64::<NativeEndian>::parse(&*program).expect("an ELF file");
    let endian = NativeEndian;
    let sections = header
        .sections(endian, &*program)
        .expect("it has section headers");
    let symbols = sections
        .symbols(endian, &*program, object::elf::SHT_DYNSYM)
        .expect("it has dynamic symbols");
    let exported: BTreeSet<String> = symbols
        .iter()
        .filter(|symbol| !symbol.is_undefined(endian) && !symbol.is_local())
        .map(|symbol| symbol.name(endian, symbols.strings()).expect("a name"))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .filter(|name| has_python_s_prefix(name))
        .collect();
    assert_same(
        &listed(),
        &exported,
        "- listed, + exported by the program (run scripts/update-symbols.sh)",
    );
}

#[test]
fn the_library_defines_what_is_listed() {
    let library = fs::read(newest_library()).expect("it has been built");
    let defined: BTreeSet<String> = archive_symbols(&library)
        .filter(|name| has_python_s_prefix(name))
        .collect();
    assert_same(
        &listed(),
        &defined,
        "- listed, + defined by the library (run scripts/update-symbols.sh)",
    );
}

/// The library that the program was linked with: that of the last build in its folder.
fn newest_library() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_pyabi"));
    let folder = program.with_file_name("deps");
    fs::read_dir(&folder)
        .expect("cargo builds libraries there")
        .map(|entry| entry.expect("the folder can be read to its end").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libpyabi-") && name.ends_with(".rlib")
        })
        .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
        .expect("the program's library is among them")
}

/// The index of an `ar` archive: the global symbols that its members define.
fn archive_symbols(archive: &[u8]) -> impl Iterator<Item = String> {
    let index = archive
        .strip_prefix(b"!<arch>\n/               ")
        .expect("an archive that begins with its index");
    // The rest of the member's header: 32 bytes of metadata, its size in ten digits, and two bytes at the end.
    let size: usize = std::str::from_utf8(&index[32..42])
        .ok()
        .and_then(|digits| digits.trim_end().parse().ok())
        .expect("the size of the index");
    let index = &index[44..44 + size];
    let count = u32::from_be_bytes(index[..4].try_into().expect("four bytes")) as usize;
    let names = &index[4 + 4 * count..];
    names
        .split(|&byte| byte == 0)
        .take(count)
        .map(|name| String::from_utf8_lossy(name).into_owned())
}

#[test]
fn listed_symbols_are_cpython_s() {
    let recorded = recorded();
    let unknown: Vec<_> = EXPORTED
        .iter()
        .filter(|name| !recorded.contains(*name))
        .filter(|name| !EXTRA.iter().any(|(extra, _)| extra == *name))
        .collect();
    assert!(unknown.is_empty(), "CPython has no {unknown:?}");
}

#[test]
fn extra_symbols_are_listed_and_not_cpython_s() {
    let recorded = recorded();
    for (name, _) in EXTRA {
        assert!(EXPORTED.contains(name), "{name} is not exported");
        assert!(!recorded.contains(name), "CPython exports {name}");
    }
}
