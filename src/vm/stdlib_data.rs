//! The standard library's data files: pip's wheel in `ensurepip`, the scripts of `venv`.
//!
//! Their packages find them in the file system, below `sys._stdlib_dir`. RustPython freezes the code into the program and
//! lets that name the sources that it was frozen from, which need not exist where the program runs. Then the files are
//! written to the user's cache once.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use rustpython_vm::vm::PyGlobalState;

include!(concat!(env!("OUT_DIR"), "/stdlib_data.rs"));

/// Has `sys._stdlib_dir` name a directory that holds the data files. Without a writable cache it stays as it is, and what
/// needs them will say so.
pub(super) fn provide(state: &mut PyGlobalState) {
    let current = &mut state.config.paths.stdlib_dir;
    if current.as_ref().is_some_and(|dir| Path::new(dir).is_dir()) {
        return;
    }
    let Some(directory) = cache() else { return };
    if (directory.is_dir() || write(&directory).is_ok())
        && let Ok(directory) = directory.into_os_string().into_string()
    {
        *current = Some(directory);
    }
}

/// The directory in the user's cache that belongs to this release.
fn cache() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(
        caches
            .join("pyabi")
            .join(env!("CARGO_PKG_VERSION"))
            .join("Lib"),
    )
}

/// Writes all files under another name first, so that the directory is complete as soon as it exists.
fn write(directory: &Path) -> io::Result<()> {
    let unfinished = directory.with_extension(process::id().to_string());
    let written = write_files(&unfinished).and_then(|()| fs::rename(&unfinished, directory));
    if written.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
    }
    // Another process may have been faster.
    if directory.is_dir() { Ok(()) } else { written }
}

fn write_files(directory: &Path) -> io::Result<()> {
    for (name, content) in FILES {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_packages_look_for_are_there() {
        let directory = env::temp_dir().join(format!("pyabi-stdlib-data-{}", process::id()));
        let library = directory.join("Lib");
        write(&library).unwrap();
        write(&library).unwrap();
        assert!(library.join("venv/scripts/common/activate").is_file());
        let wheels: Vec<_> = fs::read_dir(library.join("ensurepip/_bundled"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(matches!(&wheels[..], [pip] if pip.starts_with("pip-") && pip.ends_with(".whl")));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(&directory).unwrap();
    }
}
