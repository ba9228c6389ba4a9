//! `_pyabi`: what the bridge can tell of itself, for tests, for people who
//! look for leaks, and for the tool that judges extension files.

pub(super) use _pyabi::module_def;

#[rustpython_vm::pymodule]
mod _pyabi {
    use rustpython_vm::builtins::{PyDictRef, PyUtf8StrRef};
    use rustpython_vm::convert::{IntoPyException, ToPyObject};
    use rustpython_vm::function::FsPath;
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    use crate::refcount::check;
    use crate::vm::tool;
    use crate::{loader, proxy, symbols, thread};

    /// Number of objects that exist on both sides.
    #[pyfunction]
    fn live_pairs(vm: &VirtualMachine) -> usize {
        let _held = thread::enter(vm);
        proxy::live_pairs()
    }

    /// Number of blocks of C object memory in use.
    #[pyfunction]
    fn live_blocks(vm: &VirtualMachine) -> usize {
        let _held = thread::enter(vm);
        proxy::arena::live_blocks()
    }

    /// C's references to an object, its VM object's own included; `None` for
    /// one that C does not know.
    #[pyfunction]
    fn refcount(object: PyObjectRef, vm: &VirtualMachine) -> Option<u32> {
        let _held = thread::enter(vm);
        let p = proxy::instance::of(&object).or_else(|| proxy::linked(&object))?;
        // SAFETY: a live VM object's C object is live, and the lock is held.
        Some(unsafe { crate::refcount::count(p) })
    }

    /// Whether C knows the object at this moment, asked without waiting for
    /// C code that is running.
    #[pyfunction]
    fn is_linked(object: PyObjectRef) -> bool {
        proxy::instance::of(&object).is_some() || proxy::is_linked_unlocked(&object)
    }

    /// Frees the mirrors that are kept for the next time, and what is
    /// borrowed from owners that dropped it.
    #[pyfunction]
    fn flush(vm: &VirtualMachine) {
        let _held = thread::enter(vm);
        // SAFETY: the lock is held and no C code runs below us on this thread
        // but what called Python, which holds references of its own.
        unsafe {
            crate::refcount::anchors::sweep_all();
            crate::proxy::linger::sweep_stored();
        }
        proxy::linger::flush();
    }

    /// Whether references are checked.
    #[pyfunction]
    fn refcheck_enabled() -> bool {
        check::is_on()
    }

    /// Forgets what was found so far, and takes what C keeps now for granted.
    #[pyfunction]
    fn refcheck_mark(vm: &VirtualMachine) {
        let _held = thread::enter(vm);
        check::mark();
    }

    /// What was found: a dict for each finding, with how many times.
    #[pyfunction]
    fn refcheck_report(vm: &VirtualMachine) -> PyResult<PyObjectRef> {
        let _held = thread::enter(vm);
        let mut dicts = Vec::new();
        for (finding, times) in check::report() {
            let dict = vm.ctx.new_dict();
            for (key, value) in [
                ("problem", finding.problem.name()),
                ("type", &finding.ty),
                ("function", &finding.function),
                ("origin", &finding.origin),
            ] {
                dict.set_item(key, vm.ctx.new_str(value).into(), vm)?;
            }
            dict.set_item("times", vm.ctx.new_int(times).into(), vm)?;
            dicts.push(dict.into());
        }
        Ok(vm.ctx.new_list(dicts).into())
    }

    /// Writes what was found to `sys.stderr`.
    #[pyfunction]
    fn refcheck_print(vm: &VirtualMachine) -> PyResult<()> {
        let text = {
            let _held = thread::enter(vm);
            check::text(&check::report())
        };
        let stderr = vm.sys_module.get_attr("stderr", vm)?;
        vm.call_method(&stderr, "write", (text,)).map(drop)
    }

    /// The extension files that were opened, in that order.
    #[pyfunction]
    fn loaded_files(vm: &VirtualMachine) -> Vec<PyObjectRef> {
        let files = loader::init::files().into_iter();
        files.map(|file| vm.fsdecode(file).into()).collect()
    }

    /// The symbols of the C API that extensions find.
    #[pyfunction]
    fn exported_symbols(vm: &VirtualMachine) -> PyObjectRef {
        list(symbols::EXPORTED, vm)
    }

    /// The symbols that CPython exports: a line of tab-separated fields for
    /// each.
    #[pyfunction]
    fn recorded_symbols() -> &'static str {
        tool::SYMBOLS
    }

    /// Wheels and the symbols that they import: a line of tab-separated
    /// fields for each.
    #[pyfunction]
    fn surveyed_wheels() -> &'static str {
        tool::WHEELS
    }

    /// What the loader says of the file `path` when the module `name` is to
    /// be loaded from it. The file is read only.
    #[pyfunction]
    fn examine(path: FsPath, name: PyUtf8StrRef, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let path = path.to_path_buf(vm)?;
        let found = loader::examine::examine(&path, name.as_str())
            .map_err(|error| error.into_pyexception(vm))?;
        let dict = vm.ctx.new_dict();
        for (key, value) in [
            ("abi", found.abi.to_pyobject(vm)),
            ("architecture", found.architecture.to_pyobject(vm)),
            ("needed", list(&found.needed, vm)),
            ("defined", list(&found.defined, vm)),
            ("libraries", list(&found.libraries, vm)),
            ("missing", list(&found.missing, vm)),
            ("causes", list(&found.causes, vm)),
        ] {
            dict.set_item(key, value, vm)?;
        }
        Ok(dict)
    }

    fn list(texts: &[impl AsRef<str>], vm: &VirtualMachine) -> PyObjectRef {
        let texts = texts
            .iter()
            .map(|text| vm.ctx.new_str(text.as_ref()).into());
        vm.ctx.new_list(texts.collect()).into()
    }
}
