//! What an extension file is, read from its bytes before `dlopen` sees it.
//!
//! `dlopen` runs constructors, reports one missing symbol at a time, and is killed by `SIGBUS` when a segment lies past
//! the end of a truncated file. So everything that makes a file unloadable is found here first, and all of it at once.
//!
//! Only what the dynamic linker itself uses is read: the ELF header, the program headers and the dynamic segment. Section
//! headers may be stripped.

use std::fmt;

use object::elf;
use object::read::elf::{Dyn, FileHeader, GnuHashTable, HashTable, ProgramHeader, Sym};
use object::{NativeEndian, StringTable, pod};

use crate::vm::version;

type Header = elf::FileHeader64<NativeEndian>;
type Symbol = elf::Sym64<NativeEndian>;

const ENDIAN: NativeEndian = NativeEndian;

/// The prefix of the function that makes a module, for a name in ASCII.
const INIT_PREFIX: &str = "PyInit_";
/// The same for any other name, which follows in punycode.
const INIT_PREFIX_UNICODE: &str = "PyInitU_";
/// Its successor in Python 3.15.
const EXPORT_PREFIX: &str = "PyModExport_";

/// Functions that only a free-threaded build's inline reference counting calls.
const FREE_THREADED_SYMBOLS: [&str; 3] = [
    "_Py_DecRefShared",
    "_Py_DecRefSharedDebug",
    "_Py_MergeZeroLocalRefcount",
];

/// One reason why a file cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    NotElf,
    Truncated {
        needed: u64,
        found: u64,
    },
    Malformed(&'static str),
    Class32,
    Endianness,
    Architecture(String),
    NotShared(&'static str),
    Musl,
    Implementation(String),
    FreeThreaded,
    Version(String),
    NoInit {
        wanted: String,
        defined: Vec<String>,
    },
    /// Sorted, each once.
    MissingSymbols(Vec<String>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = std::env::consts::ARCH;
        match self {
            Self::NotElf => f.write_str("not an ELF shared library"),
            Self::Truncated { needed, found } => {
                write!(f, "truncated: {found} of at least {needed} bytes")
            }
            Self::Malformed(what) => write!(f, "malformed ELF file: {what}"),
            Self::Class32 => write!(
                f,
                "built for a 32-bit ABI of {host}, this is the 64-bit one"
            ),
            Self::Endianness => write!(f, "built for the other byte order, this is {host}"),
            Self::Architecture(name) => write!(f, "built for {name}, this is {host}"),
            Self::NotShared(kind) => write!(f, "{kind}, not a shared library"),
            Self::Musl => f.write_str("built for musl libc, this is glibc"),
            Self::Implementation(name) => write!(f, "built for {name}, not for CPython"),
            Self::FreeThreaded => write!(
                f,
                "built for free-threaded Python ('t' in its ABI tag), this is the default build of {}",
                version::SHORT
            ),
            Self::Version(name) => {
                write!(
                    f,
                    "built for CPython {name}, this is CPython {}",
                    version::SHORT
                )
            }
            Self::NoInit { wanted, defined } => {
                write!(
                    f,
                    "dynamic module does not define module export function ({wanted})"
                )?;
                if defined.is_empty() {
                    return f.write_str(", nor one for any other name: not an extension module");
                }
                write!(f, "; it defines {}", defined.join(", "))?;
                if defined.iter().any(|name| name.starts_with(EXPORT_PREFIX)) {
                    write!(
                        f,
                        " ({EXPORT_PREFIX}* needs Python 3.15 or newer, this is {})",
                        version::SHORT
                    )?;
                }
                Ok(())
            }
            Self::MissingSymbols(names) => {
                let plural = if names.len() == 1 { "" } else { "s" };
                write!(
                    f,
                    "needs {} symbol{plural} of the C API that this interpreter does not export: {}",
                    names.len(),
                    names.join(", ")
                )
            }
        }
    }
}

/// Everything that keeps a file from being loaded; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unloadable(pub Vec<Cause>);

impl fmt::Display for Unloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, cause) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            cause.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Unloadable {}

impl From<Cause> for Unloadable {
    fn from(cause: Cause) -> Self {
        Self(vec![cause])
    }
}

/// The name of the function that a module called `name` (dotted, as in `sys.modules`) is made by.
#[must_use]
pub fn init_symbol(name: &str) -> String {
    let short = name.rsplit('.').next().unwrap_or(name);
    if short.is_ascii() {
        format!("{INIT_PREFIX}{short}")
    } else {
        format!("{INIT_PREFIX_UNICODE}{}", punycode(short).replace('-', "_"))
    }
}

/// The ABI that a file name promises: `mod.TAG.so`.
#[derive(Debug, PartialEq, Eq)]
pub enum AbiTag<'a> {
    CPython { minor: u8, free_threaded: bool },
    Abi3t,
    Other(&'a str),
}

impl<'a> AbiTag<'a> {
    /// `None` for a name without a tag, and for `abi3`, which fits every version.
    #[must_use]
    pub fn of_file(file_name: &'a str) -> Option<Self> {
        let (_, tag) = file_name.strip_suffix(".so")?.split_once('.')?;
        let word = tag.split(['-', '.']).next().unwrap_or(tag);
        match word {
            "abi3t" => Some(Self::Abi3t),
            "cpython" => {
                let abi = tag.split('-').nth(1)?;
                let digits = abi.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                Some(Self::CPython {
                    minor: digits.strip_prefix('3')?.parse().ok()?,
                    free_threaded: abi[digits.len()..].contains('t'),
                })
            }
            _ if word.starts_with("pypy") => Some(Self::Other("PyPy")),
            _ if word.starts_with("graalpy") => Some(Self::Other("GraalPy")),
            _ => None,
        }
    }
}

/// As the tags of wheels have it.
impl fmt::Display for AbiTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CPython {
                minor,
                free_threaded,
            } => {
                let suffix = if *free_threaded { "t" } else { "" };
                write!(f, "cp3{minor}{suffix}")
            }
            Self::Abi3t => f.write_str("abi3t"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// What a shared library says about Python and about other libraries.
#[derive(Debug, Default)]
pub struct Library<'data> {
    /// Strong undefined symbols with Python's prefixes. A weak one may stay unresolved.
    undefined: Vec<&'data str>,
    /// Defined symbols with Python's prefixes.
    defined: Vec<&'data str>,
    /// The file names of the libraries that it is linked to.
    needed: Vec<&'data str>,
    /// `DT_RUNPATH` and `DT_RPATH`: where it has these looked for.
    run_paths: Vec<&'data str>,
}

impl<'data> Library<'data> {
    /// Reads the file with these bytes.
    ///
    /// # Errors
    ///
    /// What keeps the file from being a shared library for this machine.
    pub fn parse(image: &'data [u8]) -> Result<Self, Cause> {
        let header = header(image)?;
        let segments = header
            .program_headers(ENDIAN, image)
            .map_err(|_| truncated(image, header_end(header)))?;
        let loaded_end = segments
            .iter()
            .filter(|segment| matches!(segment.p_type(ENDIAN), elf::PT_LOAD | elf::PT_DYNAMIC))
            .map(|segment| {
                let offset = segment.p_offset(ENDIAN);
                offset.saturating_add(segment.p_filesz(ENDIAN))
            })
            .max()
            .unwrap_or(0);
        if loaded_end > image.len() as u64 {
            return Err(truncated(image, loaded_end));
        }
        let entries = segments
            .iter()
            .find_map(|segment| segment.dynamic(ENDIAN, image).ok().flatten())
            .ok_or(Cause::Malformed("no dynamic segment"))?;
        Tables { image, segments }.read(entries)
    }

    /// Checks that the file, called `file_name`, is an extension module for this interpreter, with an init function called
    /// `init` (see [`init_symbol`]). `provided` tells which symbols of the C API it will find.
    ///
    /// # Errors
    ///
    /// All reasons that keep it from being loaded.
    pub fn check(
        &self,
        file_name: &str,
        init: &str,
        provided: impl Fn(&str) -> bool,
    ) -> Result<(), Unloadable> {
        let tag = AbiTag::of_file(file_name);
        let mut causes = Vec::new();
        if let Some(AbiTag::Other(name)) = tag {
            causes.push(Cause::Implementation(name.to_owned()));
        }
        let tagged_minor = match tag {
            Some(AbiTag::CPython { minor, .. }) => Some(minor),
            _ => None,
        };
        let linked_minor = self.needed.iter().find_map(|name| libpython_minor(name));
        if let Some(minor) = [tagged_minor, linked_minor]
            .into_iter()
            .flatten()
            .find(|&minor| minor != version::MINOR)
        {
            causes.push(Cause::Version(format!("{}.{minor}", version::MAJOR)));
        }
        let tagged_free_threaded = match tag {
            Some(AbiTag::CPython { free_threaded, .. }) => free_threaded,
            Some(AbiTag::Abi3t) => true,
            _ => false,
        };
        if tagged_free_threaded
            || FREE_THREADED_SYMBOLS
                .iter()
                .any(|name| self.undefined.contains(name))
        {
            causes.push(Cause::FreeThreaded);
        }
        if cfg!(target_env = "gnu") && self.needed.iter().any(|name| is_musl(name)) {
            causes.push(Cause::Musl);
        }
        if !self.defined.contains(&init) {
            causes.push(Cause::NoInit {
                wanted: init.to_owned(),
                defined: self.module_makers(),
            });
        }
        let missing = self.missing(provided);
        if !missing.is_empty() {
            causes.push(Cause::MissingSymbols(missing));
        }
        if causes.is_empty() {
            Ok(())
        } else {
            Err(Unloadable(causes))
        }
    }

    /// The symbols of the C API that it needs and that are not `provided`: sorted, each once.
    pub fn missing(&self, provided: impl Fn(&str) -> bool) -> Vec<String> {
        let mut missing: Vec<String> = self
            .undefined
            .iter()
            .filter(|name| !provided(name))
            .map(|&name| name.to_owned())
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// The file names of the libraries that it is linked to.
    pub fn needed(&self) -> &[&'data str] {
        &self.needed
    }

    /// The symbols with Python's prefixes that it provides to others.
    pub fn defined(&self) -> &[&'data str] {
        &self.defined
    }

    /// The libraries that it is linked to and brings along: paths relative to its own directory.
    pub fn bundled(&self) -> impl Iterator<Item = String> {
        let directories = self
            .run_paths
            .iter()
            .flat_map(|paths| paths.split(':'))
            .filter_map(|path| {
                let rest = path
                    .strip_prefix("$ORIGIN")
                    .or_else(|| path.strip_prefix("${ORIGIN}"))?;
                Some(rest.trim_start_matches('/'))
            });
        directories.flat_map(|directory| {
            self.needed.iter().map(move |name| match directory {
                "" => (*name).to_owned(),
                _ => format!("{directory}/{name}"),
            })
        })
    }

    /// The functions that make a module of any name.
    fn module_makers(&self) -> Vec<String> {
        let prefixes = [INIT_PREFIX, INIT_PREFIX_UNICODE, EXPORT_PREFIX];
        let makes = |name: &&&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let mut names: Vec<String> = self
            .defined
            .iter()
            .filter(makes)
            .map(|&name| name.to_owned())
            .collect();
        names.sort_unstable();
        names
    }
}

/// The machine that an ELF file is for, be it this one or not; `None` for any other file.
#[must_use]
pub fn architecture(image: &[u8]) -> Option<String> {
    ident(image).map(|ident| machine_name(machine(ident)))
}

/// The first bytes of an ELF file, which mean the same whatever its word size and byte order.
fn ident(image: &[u8]) -> Option<&[u8; 20]> {
    let ident = image.first_chunk()?;
    ident.starts_with(&elf::ELFMAG).then_some(ident)
}

fn machine(ident: &[u8; 20]) -> u16 {
    let machine = [ident[18], ident[19]];
    match ident[5] {
        elf::ELFDATA2MSB => u16::from_be_bytes(machine),
        _ => u16::from_le_bytes(machine),
    }
}

/// The header of a 64-bit shared library for this machine.
fn header(image: &[u8]) -> Result<&Header, Cause> {
    if !image.starts_with(&elf::ELFMAG) {
        return Err(if elf::ELFMAG.starts_with(image) {
            truncated(image, size_of::<Header>() as u64)
        } else {
            Cause::NotElf
        });
    }
    let ident = ident(image).ok_or(truncated(image, size_of::<Header>() as u64))?;
    let machine = machine_name(machine(ident));
    if machine != std::env::consts::ARCH {
        return Err(Cause::Architecture(machine));
    }
    if ident[4] != elf::ELFCLASS64 {
        return Err(Cause::Class32);
    }
    let host_encoding = if cfg!(target_endian = "little") {
        elf::ELFDATA2LSB
    } else {
        elf::ELFDATA2MSB
    };
    if ident[5] != host_encoding {
        return Err(Cause::Endianness);
    }
    let (header, _) = pod::from_bytes::<Header>(image)
        .map_err(|()| truncated(image, size_of::<Header>() as u64))?;
    match header.e_type(ENDIAN) {
        elf::ET_DYN => Ok(header),
        elf::ET_REL => Err(Cause::NotShared("an object file")),
        elf::ET_EXEC => Err(Cause::NotShared("an executable")),
        elf::ET_CORE => Err(Cause::NotShared("a core dump")),
        _ => Err(Cause::NotShared("an ELF file of an unknown type")),
    }
}

fn header_end(header: &Header) -> u64 {
    let table = u64::from(header.e_phnum(ENDIAN)) * u64::from(header.e_phentsize(ENDIAN));
    header.e_phoff(ENDIAN).saturating_add(table)
}

fn truncated(image: &[u8], needed: u64) -> Cause {
    Cause::Truncated {
        needed,
        found: image.len() as u64,
    }
}

/// The name of an ELF machine, in the words of [`std::env::consts::ARCH`].
fn machine_name(machine: u16) -> String {
    match machine {
        elf::EM_386 => "x86",
        elf::EM_X86_64 => "x86_64",
        elf::EM_ARM => "arm",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_S390 => "s390x",
        elf::EM_RISCV => "riscv64",
        elf::EM_LOONGARCH => "loongarch64",
        elf::EM_MIPS => "mips64",
        other => return format!("ELF machine {other}"),
    }
    .to_owned()
}

/// The file's bytes, addressed as the dynamic linker does.
struct Tables<'data> {
    image: &'data [u8],
    segments: &'data [elf::ProgramHeader64<NativeEndian>],
}

impl<'data> Tables<'data> {
    /// The file's bytes from a virtual address to the end of its segment.
    fn at(&self, address: u64) -> Option<&'data [u8]> {
        self.segments
            .iter()
            .filter(|segment| segment.p_type(ENDIAN) == elf::PT_LOAD)
            .find_map(|segment| {
                let skip = address.checked_sub(segment.p_vaddr(ENDIAN))?;
                let bytes = segment.data(ENDIAN, self.image).ok()?;
                bytes.get(usize::try_from(skip).ok()?..)
            })
            .filter(|bytes| !bytes.is_empty())
    }

    fn read(&self, entries: &'data [elf::Dyn64<NativeEndian>]) -> Result<Library<'data>, Cause> {
        let end = entries
            .iter()
            .position(|entry| entry.tag32(ENDIAN) == Some(elf::DT_NULL));
        let entries = &entries[..end.unwrap_or(entries.len())];
        let value = |tag: u32| {
            let entry = entries
                .iter()
                .find(|entry| entry.tag32(ENDIAN) == Some(tag));
            entry.map(|entry| entry.d_val(ENDIAN))
        };
        let table = |tag: u32| value(tag).and_then(|address| self.at(address));

        let bytes = table(elf::DT_STRTAB).ok_or(Cause::Malformed("no dynamic string table"))?;
        let len = bytes.len() as u64;
        let size = value(elf::DT_STRSZ).map_or(len, |size| size.min(len));
        let strings = StringTable::new(bytes, 0, size);
        let string = |offset: u64| {
            let offset = u32::try_from(offset).ok()?;
            std::str::from_utf8(strings.get(offset).ok()?).ok()
        };
        let entry_strings = |tags: &[u32]| -> Vec<&'data str> {
            entries
                .iter()
                .filter(|entry| entry.tag32(ENDIAN).is_some_and(|tag| tags.contains(&tag)))
                .filter_map(|entry| string(entry.d_val(ENDIAN)))
                .collect()
        };
        let mut library = Library {
            needed: entry_strings(&[elf::DT_NEEDED]),
            run_paths: entry_strings(&[elf::DT_RUNPATH, elf::DT_RPATH]),
            ..Library::default()
        };

        let count = self.symbol_count(table(elf::DT_GNU_HASH), table(elf::DT_HASH));
        let bytes = table(elf::DT_SYMTAB).ok_or(Cause::Malformed("no dynamic symbol table"))?;
        let (symbols, _) = pod::slice_from_bytes::<Symbol>(bytes, count)
            .map_err(|()| Cause::Malformed("dynamic symbol table out of bounds"))?;
        for symbol in symbols {
            let name = string(u64::from(symbol.st_name(ENDIAN)));
            let Some(name) = name.filter(|name| name.starts_with("Py") || name.starts_with("_Py"))
            else {
                continue;
            };
            if !symbol.is_undefined(ENDIAN) {
                library.defined.push(name);
            } else if symbol.st_bind() != elf::STB_WEAK {
                library.undefined.push(name);
            }
        }
        Ok(library)
    }

    /// The dynamic segment does not tell how many symbols there are; its hash tables do. A library without either
    /// hashes no symbol, so it exports none.
    fn symbol_count(&self, gnu_hash: Option<&[u8]>, hash: Option<&[u8]>) -> usize {
        let by_hash = hash
            .and_then(|bytes| HashTable::<Header>::parse(ENDIAN, bytes).ok())
            .map(|table| table.symbol_table_length());
        let count = by_hash.or_else(|| {
            let table = GnuHashTable::<Header>::parse(ENDIAN, gnu_hash?).ok()?;
            Some(
                table
                    .symbol_table_length(ENDIAN)
                    .unwrap_or(table.symbol_base()),
            )
        });
        count.unwrap_or(0) as usize
    }
}

/// `N` of `libpython3.N.so.1.0` and its variants; `None` for `libpython3.so`.
fn libpython_minor(library: &str) -> Option<u8> {
    let rest = library.strip_prefix("libpython3.")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Whether this is the C library of a system without glibc.
fn is_musl(library: &str) -> bool {
    library.starts_with("libc.musl-")
}

/// RFC 3492, as Python's `punycode` codec encodes.
fn punycode(text: &str) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    const BASE: u64 = DIGITS.len() as u64;
    const T_MIN: u64 = 1;
    const T_MAX: u64 = 26;
    const SKEW: u64 = 38;
    const DAMP: u64 = 700;

    fn digit(value: u64) -> char {
        char::from(DIGITS[value as usize])
    }

    fn adapt(delta: u64, points: u64, first: bool) -> u64 {
        let mut delta = if first { delta / DAMP } else { delta / 2 };
        delta += delta / points;
        let mut k = 0;
        while delta > (BASE - T_MIN) * T_MAX / 2 {
            delta /= BASE - T_MIN;
            k += BASE;
        }
        k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
    }

    let points: Vec<u64> = text.chars().map(u64::from).collect();
    let mut output: String = text.chars().filter(char::is_ascii).collect();
    let basic = output.len() as u64;
    if basic > 0 {
        output.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (128, 0, 72, basic);
    while let Some(next) = points.iter().copied().filter(|&c| c >= code).min() {
        delta += (next - code) * (handled + 1);
        code = next;
        for &point in &points {
            if point < code {
                delta += 1;
            }
            if point != code {
                continue;
            }
            let mut rest = delta;
            let mut k = BASE;
            loop {
                let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                if rest < threshold {
                    break;
                }
                output.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
                rest = (rest - threshold) / (BASE - threshold);
                k += BASE;
            }
            output.push(digit(rest));
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        code += 1;
    }
    output
}

#[cfg(test)]
mod tests;
