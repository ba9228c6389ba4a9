use super::*;

#[test]
fn init_symbols_follow_the_name() {
    assert_eq!(init_symbol("spam"), "PyInit_spam");
    assert_eq!(init_symbol("pkg.sub._spam"), "PyInit__spam");
    // The examples of PEP 489.
    assert_eq!(init_symbol("lančmít"), "PyInitU_lanmt_2sa6t");
    assert_eq!(init_symbol("スパム"), "PyInitU_zck5b2b");
}

#[test]
fn punycode_is_python_s() {
    // RFC 3492, 7.1, and mixtures of both kinds of characters.
    for (text, encoded) in [
        ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
        ("Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"),
        ("3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"),
        ("-é", "--bga"),
        ("ü", "tda"),
        ("𝜋thon", "thon-px50c"),
    ] {
        assert_eq!(punycode(text), encoded, "{text}");
    }
}

#[test]
fn abi_tags_are_read_from_file_names() {
    let cpython = |minor, free_threaded| {
        Some(AbiTag::CPython {
            minor,
            free_threaded,
        })
    };
    for (file, tag) in [
        ("m.so", None),
        ("m.abi3.so", None),
        ("m.unknown.so", None),
        ("m.cpython-314-x86_64-linux-gnu.pyd", None),
        ("m.cpython-314-x86_64-linux-gnu.so", cpython(14, false)),
        ("m.cpython-314t-x86_64-linux-gnu.so", cpython(14, true)),
        ("m.cpython-313td-x86_64-linux-gnu.so", cpython(13, true)),
        ("m.cpython-38-x86_64-linux-gnu.so", cpython(8, false)),
        ("m.cpython-37m-x86_64-linux-gnu.so", cpython(7, false)),
        ("m.abi3t.so", Some(AbiTag::Abi3t)),
        (
            "m.pypy311-pp73-x86_64-linux-gnu.so",
            Some(AbiTag::Other("PyPy")),
        ),
        (
            "m.graalpy250-312-native-x86_64-linux.so",
            Some(AbiTag::Other("GraalPy")),
        ),
    ] {
        assert_eq!(AbiTag::of_file(file), tag, "{file}");
    }
}

#[test]
fn abi_tags_are_shown_as_in_wheels() {
    for (file, tag) in [
        ("m.cpython-314-x86_64-linux-gnu.so", "cp314"),
        ("m.cpython-313td-x86_64-linux-gnu.so", "cp313t"),
        ("m.abi3t.so", "abi3t"),
    ] {
        let shown = AbiTag::of_file(file).map(|tag| tag.to_string());
        assert_eq!(shown.as_deref(), Some(tag), "{file}");
    }
}

#[test]
fn libpython_names_its_version() {
    assert_eq!(libpython_minor("libpython3.13.so.1.0"), Some(13));
    assert_eq!(libpython_minor("libpython3.14t.so.1.0"), Some(14));
    assert_eq!(libpython_minor("libpython3.so"), None);
    assert_eq!(libpython_minor("libm.so.6"), None);
}

/// A shared library for x86_64 that defines and needs symbols, small enough to be written out here.
#[derive(Clone)]
struct File {
    machine: u16,
    class: u8,
    encoding: u8,
    kind: u16,
    needed: Vec<&'static str>,
    defined: Vec<&'static str>,
    undefined: Vec<&'static str>,
    weak: Vec<&'static str>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            machine: elf::EM_X86_64,
            class: elf::ELFCLASS64,
            encoding: elf::ELFDATA2LSB,
            kind: elf::ET_DYN,
            needed: vec![],
            defined: vec!["PyInit_spam"],
            undefined: vec![],
            weak: vec![],
        }
    }
}

impl File {
    const HEADER: usize = 64;
    const SEGMENT: usize = 56;
    /// Where the file's bytes are loaded, so that addresses and offsets differ.
    const BASE: u64 = 0x1000;

    fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut string = |text: &str| {
            let at = strings.len() as u32;
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            at
        };
        let symbol = |name: u32, bind: u8, section: u16| {
            let mut entry = name.to_le_bytes().to_vec();
            entry.extend([(bind << 4) | elf::STT_FUNC, 0]);
            entry.extend(section.to_le_bytes());
            entry.extend([0; 16]);
            entry
        };
        let mut symbols = vec![0; 24];
        for (names, bind, section) in [
            (&self.undefined, elf::STB_GLOBAL, elf::SHN_UNDEF),
            (&self.weak, elf::STB_WEAK, elf::SHN_UNDEF),
            (&self.defined, elf::STB_GLOBAL, 1),
        ] {
            for name in names {
                symbols.extend(symbol(string(name), bind, section));
            }
        }
        let needed: Vec<u32> = self.needed.iter().map(|name| string(name)).collect();

        let tables = Self::HEADER + 2 * Self::SEGMENT;
        let symbols_at = tables as u64;
        let hash_at = symbols_at + symbols.len() as u64;
        let count = symbols.len() as u32 / 24;
        let mut hash: Vec<u8> = [1, count, 0].map(u32::to_le_bytes).concat();
        hash.resize(hash.len() + 4 * count as usize, 0);
        let strings_at = hash_at + hash.len() as u64;
        strings.resize(strings.len().next_multiple_of(8), 0);
        let dynamic_at = (strings_at + strings.len() as u64).next_multiple_of(8);

        let mut dynamic = Vec::new();
        let mut entry = |tag: u32, value: u64| {
            dynamic.extend(u64::from(tag).to_le_bytes());
            dynamic.extend(value.to_le_bytes());
        };
        for name in needed {
            entry(elf::DT_NEEDED, u64::from(name));
        }
        entry(elf::DT_SYMTAB, Self::BASE + symbols_at);
        entry(elf::DT_STRTAB, Self::BASE + strings_at);
        entry(elf::DT_STRSZ, strings.len() as u64);
        entry(elf::DT_HASH, Self::BASE + hash_at);
        entry(elf::DT_NULL, 0);

        let end = dynamic_at + dynamic.len() as u64;
        let mut file = self.header();
        file.extend(Self::segment(elf::PT_LOAD, 0, end));
        file.extend(Self::segment(elf::PT_DYNAMIC, dynamic_at, end - dynamic_at));
        file.extend(symbols);
        file.extend(hash);
        file.extend(strings);
        file.resize(dynamic_at as usize, 0);
        file.extend(dynamic);
        file
    }

    fn header(&self) -> Vec<u8> {
        let mut header = elf::ELFMAG.to_vec();
        header.extend([self.class, self.encoding, 1]);
        header.resize(16, 0);
        header.extend(self.kind.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.extend(0_u64.to_le_bytes());
        header.extend((Self::HEADER as u64).to_le_bytes());
        header.extend(0_u64.to_le_bytes());
        header.extend(0_u32.to_le_bytes());
        for half in [Self::HEADER as u16, Self::SEGMENT as u16, 2, 0, 0, 0] {
            header.extend(half.to_le_bytes());
        }
        header
    }

    fn segment(kind: u32, offset: u64, size: u64) -> Vec<u8> {
        let mut segment = kind.to_le_bytes().to_vec();
        segment.extend(4_u32.to_le_bytes());
        let address = Self::BASE + offset;
        for word in [offset, address, address, size, size, 8] {
            segment.extend(word.to_le_bytes());
        }
        segment
    }

    fn causes(&self, file_name: &str) -> Vec<Cause> {
        causes(&self.bytes(), file_name)
    }
}

fn causes(image: &[u8], file_name: &str) -> Vec<Cause> {
    let provided = |name: &str| ["PyDict_New", "PyLong_Type"].contains(&name);
    let checked = Library::parse(image)
        .map_err(Unloadable::from)
        .and_then(|library| library.check(file_name, "PyInit_spam", provided));
    checked
        .err()
        .map_or_else(Vec::new, |unloadable| unloadable.0)
}

#[test]
fn a_complete_extension_is_accepted() {
    let library = File {
        needed: vec!["libc.so.6", "libpython3.14.so.1.0", "libpython3.so"],
        undefined: vec!["PyDict_New", "malloc", "PyLong_Type"],
        weak: vec!["PyFuture_New", "__gmon_start__"],
        ..File::default()
    };
    for name in [
        "spam.so",
        "spam.abi3.so",
        "spam.cpython-314-x86_64-linux-gnu.so",
    ] {
        assert_eq!(library.causes(name), []);
    }
}

#[test]
fn the_architecture_is_read_from_files_for_any() {
    assert_eq!(
        architecture(&File::default().bytes()).as_deref(),
        Some("x86_64")
    );
    let big_endian = File {
        encoding: elf::ELFDATA2MSB,
        machine: elf::EM_S390.swap_bytes(),
        ..File::default()
    };
    assert_eq!(architecture(&big_endian.bytes()).as_deref(), Some("s390x"));
    assert_eq!(architecture(&elf::ELFMAG), None);
    assert_eq!(architecture(&[b'#'; 64]), None);
}

#[test]
fn every_prefix_of_a_file_is_truncated() {
    let image = File::default().bytes();
    for len in 0..image.len() {
        let causes = causes(&image[..len], "spam.so");
        assert!(
            matches!(causes[..], [Cause::Truncated { .. }]),
            "{len}: {causes:?}"
        );
    }
}

#[test]
fn no_content_makes_it_panic() {
    let image = File {
        undefined: vec!["PyDict_New", "PyLost_Symbol"],
        ..File::default()
    }
    .bytes();
    for at in 0..image.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut broken = image.clone();
            broken[at] = value;
            let _ = causes(&broken, "spam.so");
        }
    }
}

#[test]
fn the_wrong_kind_of_file_is_named() {
    let check = |library: File| library.causes("spam.cpython-313-x86_64-linux-gnu.so");
    let arm = Cause::Architecture("aarch64".to_owned());
    let machine = elf::EM_AARCH64;
    assert_eq!(
        check(File {
            machine,
            ..File::default()
        }),
        [arm]
    );
    let class = elf::ELFCLASS32;
    assert_eq!(
        check(File {
            class,
            ..File::default()
        }),
        [Cause::Class32]
    );
    let encoding = elf::ELFDATA2MSB;
    let machine = elf::EM_X86_64.swap_bytes();
    assert_eq!(
        check(File {
            encoding,
            machine,
            ..File::default()
        }),
        [Cause::Endianness]
    );
    let kind = elf::ET_REL;
    assert_eq!(
        check(File {
            kind,
            ..File::default()
        }),
        [Cause::NotShared("an object file")]
    );
    assert_eq!(causes(b"#!/bin/sh\n", "spam.so"), [Cause::NotElf]);
}

#[test]
fn all_causes_are_reported_together() {
    let library = File {
        needed: vec!["libpython3.13.so.1.0", "libc.musl-x86_64.so.1"],
        defined: vec!["PyModExport_spam", "PyInit_ham", "spam"],
        undefined: vec!["_Py_DecRefShared", "PyZoo_New", "PyApe_New", "PyDict_New"],
        ..File::default()
    };
    assert_eq!(
        library.causes("spam.so"),
        [
            Cause::Version("3.13".to_owned()),
            Cause::FreeThreaded,
            Cause::Musl,
            Cause::NoInit {
                wanted: "PyInit_spam".to_owned(),
                defined: vec!["PyInit_ham".to_owned(), "PyModExport_spam".to_owned()],
            },
            Cause::MissingSymbols(
                ["PyApe_New", "PyZoo_New", "_Py_DecRefShared"]
                    .map(str::to_owned)
                    .to_vec()
            ),
        ]
    );
}
