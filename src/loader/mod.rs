//! Loading extension modules: [`inspect`] the file, open it, run its init function.

pub mod examine;
pub mod init;
pub mod inspect;

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrRef};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use inspect::{Cause, Library, Unloadable};

/// `_imp.create_dynamic`: makes the extension module that a `ModuleSpec` names.
///
/// # Errors
///
/// `ImportError` with `name` and `path` if the file cannot be loaded, and whatever its init function raises.
pub fn create_dynamic(spec: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let name: PyStrRef = spec.get_attr("name", vm)?.try_into_value(vm)?;
    let origin: PyStrRef = spec.get_attr("origin", vm)?.try_into_value(vm)?;
    let path = vm.fsencode(&origin)?;
    check(Path::new(&path), &name.as_wtf8().to_string_lossy())
        .map_err(|message| import_error(vm, &message, &name, &origin))?;
    init::load(&spec, vm)
}

/// `_imp.exec_dynamic`: runs the `Py_mod_exec` slots of a module that [`create_dynamic`] made.
///
/// # Errors
///
/// What a slot raises.
pub fn exec_dynamic(module: PyObjectRef, vm: &VirtualMachine) -> PyResult<i32> {
    init::execute(&module, vm)?;
    Ok(0)
}

/// Checks the file `path` before `dlopen` runs any of it.
///
/// # Errors
///
/// The text of an `ImportError`: the path, and why the module called `name` cannot be loaded from it.
pub fn check(path: &Path, name: &str) -> Result<(), String> {
    let report = |cause: &dyn Display| format!("{}: {cause}", path.display());
    let image = Image::open(path).map_err(|error| report(&error))?;
    let library = Library::parse(image.bytes()).map_err(|cause| report(&cause))?;
    verdict(path, &library, name).map_err(|unloadable| report(&unloadable))
}

/// Whether the module called `name` can be loaded from the file `path`, which is this `library`.
fn verdict(path: &Path, library: &Library<'_>, name: &str) -> Result<(), Unloadable> {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let init = inspect::init_symbol(name);
    if library.check(&file_name, &init, is_exported).is_ok() {
        return Ok(());
    }
    let bundle = Bundle::of(path, library);
    library.check(&file_name, &init, |symbol| bundle.provides(symbol))
}

/// The text of an `ImportError` about a file that passed its [`check`] and that `dlopen` refused for the reason `error`: that
/// reason, and all symbols of the C API that the libraries beside the file do not find. `dlopen` names only the first.
#[must_use]
pub fn explain_dlopen(path: &Path, error: &str) -> String {
    let mut text = error.to_owned();
    let Ok(image) = Image::open(path) else {
        return text;
    };
    let Ok(library) = Library::parse(image.bytes()) else {
        return text;
    };
    for (path, missing) in Bundle::of(path, &library).missing() {
        let missing = Cause::MissingSymbols(missing);
        text.push_str(&format!("; {}: {missing}", path.display()));
    }
    text
}

fn is_exported(symbol: &str) -> bool {
    crate::symbols::EXPORTED.binary_search(&symbol).is_ok()
}

/// The libraries that an extension is linked to and that its package brings along.
#[derive(Default)]
struct Bundle {
    /// Symbols with Python's prefixes that they define.
    defined: HashSet<String>,
    /// Those that each of them needs from the interpreter or from another one.
    needed: Vec<(PathBuf, Vec<String>)>,
}

impl Bundle {
    /// Reads the libraries of the extension `path`, and theirs in turn. What cannot be read is left to `dlopen`.
    fn of(path: &Path, library: &Library<'_>) -> Self {
        let mut bundle = Self::default();
        let mut seen = HashSet::new();
        let mut pending = Self::paths(path, library);
        while let Some(path) = pending.pop() {
            let Ok(path) = path.canonicalize() else {
                continue;
            };
            if !seen.insert(path.clone()) {
                continue;
            }
            let Ok(image) = Image::open(&path) else {
                continue;
            };
            let Ok(library) = Library::parse(image.bytes()) else {
                continue;
            };
            pending.extend(Self::paths(&path, &library));
            let defined = library.defined().iter().map(|&symbol| symbol.to_owned());
            bundle.defined.extend(defined);
            bundle.needed.push((path, library.missing(is_exported)));
        }
        bundle
    }

    fn paths(path: &Path, library: &Library<'_>) -> Vec<PathBuf> {
        let directory = path.parent().unwrap_or(Path::new(""));
        library.bundled().map(|name| directory.join(name)).collect()
    }

    fn provides(&self, symbol: &str) -> bool {
        is_exported(symbol) || self.defined.contains(symbol)
    }

    /// The libraries that need symbols which nobody provides, and these.
    fn missing(&self) -> impl Iterator<Item = (&Path, Vec<String>)> {
        self.needed.iter().filter_map(|(path, needed)| {
            let missing: Vec<String> = needed
                .iter()
                .filter(|symbol| !self.provides(symbol))
                .cloned()
                .collect();
            (!missing.is_empty()).then_some((path.as_path(), missing))
        })
    }
}

/// An `ImportError` about the module `name` in the file `path`.
pub fn import_error(
    vm: &VirtualMachine,
    message: &str,
    name: &PyStrRef,
    path: &PyStrRef,
) -> PyBaseExceptionRef {
    let error = vm.new_import_error(message, name.clone());
    match error.as_object().set_attr("path", path.clone(), vm) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A file mapped for reading. It must not be cut while it is mapped, as for `dlopen`.
struct Image {
    /// `None` for an empty file, which cannot be mapped.
    address: Option<NonNull<libc::c_void>>,
    len: usize,
}

impl Image {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let len = usize::try_from(metadata.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if len == 0 {
            return Ok(Self { address: None, len });
        }
        // SAFETY: a new private mapping of `len` bytes that aliases nothing; the result is checked.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            address: NonNull::new(address),
            len,
        })
    }

    fn bytes(&self) -> &[u8] {
        match self.address {
            // SAFETY: the mapping has `len` readable bytes and lives as long as `self`.
            Some(address) => unsafe {
                std::slice::from_raw_parts(address.as_ptr().cast(), self.len)
            },
            None => &[],
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            // SAFETY: `open` mapped exactly this range, and `bytes` borrows end with `self`.
            unsafe { libc::munmap(address.as_ptr(), self.len) };
        }
    }
}
