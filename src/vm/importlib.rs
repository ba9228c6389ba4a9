//! The VM's import system, made to see extension modules.
//!
//! `importlib` is CPython's own and does the finding; it asks the native module `_imp` for the file name suffixes and for
//! the loading. RustPython's `_imp` knows no suffix, so it is replaced before the VM's first import.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::vm::PyGlobalState;
use rustpython_vm::{Py, PyResult, VirtualMachine};

use super::{exceptions, foreign, mro, stdlib_data, sysconfig, version};

/// CPython's `_PyImport_DynLoadFiletab`.
pub const EXTENSION_SUFFIXES: [&str; 3] = [sysconfig::EXT_SUFFIX, ".abi3.so", ".so"];

/// An init hook of the interpreter: has the import system load extensions and `sys` report the emulated version.
///
/// # Panics
///
/// If the VM's state is shared already, which is so only after the VM has been initialized.
pub fn install(vm: &mut VirtualMachine) {
    if let Some(channel) = crate::api::ceval::signal_channel() {
        vm.set_user_signal_channel(channel);
    }
    check_references(vm);
    let imp = extended_imp(vm);
    let gc = super::collector::extended(vm);
    let sysconfigdata = sysconfig::module_def(&vm.ctx);
    let debug_module = super::debug_module::module_def(&vm.ctx);
    let state = PyRc::get_mut(&mut vm.state).expect("init hooks run before the state is shared");
    state.module_defs.insert("_imp", imp);
    state.module_defs.insert("_pyabi", debug_module);
    state.module_defs.insert("gc", gc);
    state
        .module_defs
        .insert(sysconfig::MODULE_NAME, sysconfigdata);
    repair_base_executable(state);
    stdlib_data::provide(state);
}

/// `-X refcheck` and `PYABI_REFCHECK`: the debugging aid for authors of extensions.
fn check_references(vm: &VirtualMachine) {
    let settings = &vm.state.config.settings;
    let option = settings.xoptions.iter().any(|(name, _)| name == "refcheck");
    let variable = std::env::var_os("PYABI_REFCHECK").is_some_and(|value| !value.is_empty());
    if option || (variable && !settings.ignore_environment) {
        crate::refcount::check::start();
    }
}

/// RustPython takes a virtual environment's `python` to be called the same in the base installation. Where it is not,
/// the environment's link tells where the program is.
fn repair_base_executable(state: &mut PyGlobalState) {
    let paths = &mut state.config.paths;
    if !std::path::Path::new(&paths.base_executable).exists()
        && let Ok(target) = std::fs::canonicalize(&paths.executable)
        && let Ok(target) = target.into_os_string().into_string()
    {
        paths.base_executable = target;
    }
}

/// The VM's own `_imp`, before [`install`] replaced it.
static VM_IMP: OnceLock<&'static PyModuleDef> = OnceLock::new();

/// The VM's `_imp` with the functions of [`imp`] over its own.
fn extended_imp(vm: &VirtualMachine) -> &'static PyModuleDef {
    static EXTENDED: OnceLock<PyModuleDef> = OnceLock::new();
    EXTENDED.get_or_init(|| {
        let base = *VM_IMP.get_or_init(|| vm.state.module_defs["_imp"]);
        let methods = [base.methods, imp::METHOD_DEFS].concat();
        PyModuleDef {
            name: base.name,
            doc: base.doc,
            methods: methods.leak(),
            slots: PyModuleSlots {
                create: base.slots.create,
                exec: Some(exec_imp),
            },
        }
    })
}

/// `_imp` is the first module that the VM executes once it has filled `sys`, and no Python code has run by then: what is
/// set in `sys` here is what everybody sees.
fn exec_imp(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    if let Some(exec) = VM_IMP.get().and_then(|base| base.slots.exec) {
        exec(vm, module)?;
    }
    version::report(vm)?;
    crate::loader::init::install(vm)?;
    exceptions::install(vm);
    mro::install(vm)?;
    super::accounting::install(vm)?;
    crate::types::subclass::init(vm);
    crate::types::name::init(vm);
    super::collector::install(vm)?;
    foreign::install(vm)
}

#[rustpython_vm::pymodule(name = "_imp")]
mod imp {
    use rustpython_vm::function::OptionalArg;
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    #[pyfunction]
    fn extension_suffixes(vm: &VirtualMachine) -> Vec<PyObjectRef> {
        super::EXTENSION_SUFFIXES
            .iter()
            .map(|&suffix| vm.ctx.new_str(suffix).into())
            .collect()
    }

    #[pyfunction]
    fn create_dynamic(
        spec: PyObjectRef,
        _file: OptionalArg<PyObjectRef>,
        vm: &VirtualMachine,
    ) -> PyResult {
        crate::loader::create_dynamic(spec, vm)
    }

    #[pyfunction]
    fn exec_dynamic(module: PyObjectRef, vm: &VirtualMachine) -> PyResult<i32> {
        crate::loader::exec_dynamic(module, vm)
    }
}
