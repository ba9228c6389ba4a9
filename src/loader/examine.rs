//! What can be said of an extension file without importing it: the verdict of the loader itself, and what it rests on.

use std::io;
use std::path::Path;

use super::inspect::{self, AbiTag, Library};
use super::{Bundle, Cause, Image, Unloadable, verdict};

/// What [`examine`] finds in a file.
#[derive(Debug, Default)]
pub struct Findings {
    /// The ABI that its name promises, as the tags of wheels have it.
    pub abi: Option<String>,
    /// The machine that it is for; `None` if it is no ELF file.
    pub architecture: Option<String>,
    /// Symbols of the C API that it needs: sorted, each once. Empty, as the lists below, for another machine's file.
    pub needed: Vec<String>,
    /// Symbols with Python's prefixes that it defines.
    pub defined: Vec<String>,
    /// The file names of the libraries that it is linked to.
    pub libraries: Vec<String>,
    /// Symbols of the C API that nobody provides to it, or to a library that it brings along: sorted, each once.
    pub missing: Vec<String>,
    /// Why importing it would fail, for all that can be seen in the files. Empty if it would not.
    pub causes: Vec<String>,
}

/// Examines the file `path`, from which the module called `name` would be loaded.
///
/// # Errors
///
/// What reading the file raises.
pub fn examine(path: &Path, name: &str) -> io::Result<Findings> {
    let image = Image::open(path)?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut findings = Findings {
        abi: abi(&file_name),
        architecture: inspect::architecture(image.bytes()),
        ..Findings::default()
    };
    match Library::parse(image.bytes()) {
        Ok(library) => findings.fill(path, &library, name),
        Err(cause) => findings.causes.push(cause.to_string()),
    }
    Ok(findings)
}

impl Findings {
    fn fill(&mut self, path: &Path, library: &Library<'_>, name: &str) {
        self.needed = library.missing(|_| false);
        self.defined = owned(library.defined());
        self.libraries = owned(library.needed());
        let bundle = Bundle::of(path, library);
        self.missing = library.missing(|symbol| bundle.provides(symbol));
        if let Err(Unloadable(causes)) = verdict(path, library, name) {
            self.causes = causes.iter().map(Cause::to_string).collect();
        }
        // `dlopen` binds their functions at once, too.
        for (path, missing) in bundle.missing() {
            let library = path.file_name().unwrap_or_default().to_string_lossy();
            self.missing.extend_from_slice(&missing);
            let cause = Cause::MissingSymbols(missing);
            self.causes.push(format!("its library {library} {cause}"));
        }
        self.missing.sort_unstable();
        self.missing.dedup();
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The ABI that a file name promises; `None` for a name without a tag.
fn abi(file_name: &str) -> Option<String> {
    if file_name.ends_with(".abi3.so") {
        return Some("abi3".to_owned());
    }
    AbiTag::of_file(file_name).map(|tag| tag.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abis_are_read_from_file_names() {
        assert_eq!(abi("m.abi3.so").as_deref(), Some("abi3"));
        assert_eq!(
            abi("m.cpython-314-x86_64-linux-gnu.so").as_deref(),
            Some("cp314")
        );
        assert_eq!(abi("m.so"), None);
    }
}
