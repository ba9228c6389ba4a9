//! Explains an `import` that finds no module but the file of another Python's.
//!
//! `importlib` looks for `spam.cpython-314-….so` and passes by `spam.cpython-313-….so` in silence. This finder comes last,
//! when nobody has found the module, and names such a file in the error.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::builtins::{PyListRef, PyStr, PyStrRef};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::OptionalArg;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass};

use crate::loader;
use crate::loader::inspect::AbiTag;

/// Puts the finder into `sys.meta_path`. The VM installs its own finders after this and runs nothing of ours then, so the
/// finder moves itself behind them when it is first asked.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let finder = ForeignExtensionFinder {
        placed: AtomicBool::new(false),
    };
    let finder = finder.into_ref_with_type(vm, ForeignExtensionFinder::make_static_type())?;
    meta_path(vm)?.borrow_vec_mut().insert(0, finder.into());
    Ok(())
}

fn meta_path(vm: &VirtualMachine) -> PyResult<PyListRef> {
    vm.sys_module.get_attr("meta_path", vm)?.try_into_value(vm)
}

#[pyclass(module = "pyabi", name = "ForeignExtensionFinder")]
#[derive(Debug, PyPayload)]
struct ForeignExtensionFinder {
    /// Whether it is behind the VM's own finders.
    placed: AtomicBool,
}

#[pyclass]
impl ForeignExtensionFinder {
    /// Raises `ModuleNotFoundError` if there is a file for another Python, and finds nothing otherwise.
    #[pymethod]
    fn find_spec(
        zelf: &Py<Self>,
        name: PyStrRef,
        path: OptionalArg<PyObjectRef>,
        target: OptionalArg<PyObjectRef>,
        vm: &VirtualMachine,
    ) -> PyResult {
        let path = path.unwrap_or_none(vm);
        if zelf.placed.load(Ordering::Relaxed) {
            return explain(&name, path, vm).map(|()| vm.ctx.none());
        }
        // Set together with the last of the VM's finders.
        let path_hooks: PyListRef = vm
            .sys_module
            .get_attr("path_hooks", vm)?
            .try_into_value(vm)?;
        if path_hooks.borrow_vec().is_empty() {
            return Ok(vm.ctx.none());
        }
        zelf.placed.store(true, Ordering::Relaxed);
        {
            let meta_path = meta_path(vm)?;
            let mut finders = meta_path.borrow_vec_mut();
            if let Some(at) = finders.iter().position(|finder| finder.is(zelf)) {
                let finder = finders.remove(at);
                finders.push(finder);
            }
        }
        // The caller's iteration over the list has just lost its next finder: start over.
        vm.import("_frozen_importlib", 0)?
            .get_attr("_find_spec", vm)?
            .call((name, path, target.unwrap_or_none(vm)), vm)
    }
}

fn explain(name: &PyStrRef, path: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    let directories = if vm.is_none(&path) {
        vm.sys_module.get_attr("path", vm)?
    } else {
        path
    };
    let module = name.as_wtf8().to_string_lossy();
    let short = module.rsplit('.').next().unwrap_or(&module);
    for directory in vm.extract_elements_with(&directories, Ok)? {
        let Ok(directory) = directory.downcast::<PyStr>() else {
            continue;
        };
        let directory = vm.fsencode(&directory)?;
        let directory = if directory.is_empty() {
            Path::new(".")
        } else {
            Path::new(&directory)
        };
        let Some(file) = foreign_file(directory, short) else {
            continue;
        };
        if let Err(message) = loader::check(&file, &module) {
            let message = format!("No module named '{module}' for this interpreter; {message}");
            let class = vm.ctx.exceptions.module_not_found_error.to_owned();
            let error = vm.new_exception_msg(class, message.into());
            let file = vm.fsdecode(file);
            error.as_object().set_attr("name", name.clone(), vm)?;
            error.as_object().set_attr("path", file, vm)?;
            return Err(error);
        }
    }
    Ok(())
}

/// The extension file in `directory` that has the module's name and an ABI tag. If there are several, the greatest in
/// alphabetical order, most likely the newest.
fn foreign_file(directory: &Path, module: &str) -> Option<PathBuf> {
    let has_tag = |file: &str| {
        let rest = file.strip_prefix(module);
        rest.is_some_and(|rest| rest.starts_with('.')) && AbiTag::of_file(file).is_some()
    };
    let name = fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| has_tag(file))
        .max()?;
    Some(directory.join(name))
}
