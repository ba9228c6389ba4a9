//! The one Python version that the program reports, wherever it is asked.
//!
//! RustPython calls itself 3.14.0 alpha. Packages compare `sys.version_info` and `sys.hexversion`, pip turns them into
//! wheel tags, and extensions read `Py_Version`: all of them must see the final release whose ABI is implemented here.

use rustpython_vm::builtins::PyTuple;
use rustpython_vm::{AsObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};

pub const MAJOR: u8 = 3;
pub const MINOR: u8 = 14;
pub const MICRO: u8 = 10;
pub const RELEASE_LEVEL: &str = "final";
pub const SERIAL: u8 = 0;

/// `PY_RELEASE_LEVEL_FINAL`.
const RELEASE_LEVEL_FINAL: u32 = 0xf;

/// `PY_VERSION_HEX`, the value of `Py_Version` and `sys.hexversion`.
pub const HEX: u32 = (MAJOR as u32) << 24
    | (MINOR as u32) << 16
    | (MICRO as u32) << 8
    | RELEASE_LEVEL_FINAL << 4
    | SERIAL as u32;

/// `PYTHON_API_VERSION`, the value of `sys.api_version`.
pub const API_VERSION: u32 = 1013;

/// `PY_VERSION`.
pub const SHORT: &str = "3.14.10";

/// `sys.version` and the result of `Py_GetVersion`.
///
/// `platform` parses it. It takes the word "RustPython" for another implementation, and the `platform_python_implementation`
/// marker of requirements would then leave out what wheels for CPython need.
pub const LONG: &str = concat!(
    "3.14.10 (pyabi ",
    env!("CARGO_PKG_VERSION"),
    " on rustpython 0.6.0) [",
    env!("PYABI_COMPILER"),
    "]"
);

const _: () = {
    use rustpython_vm::version as vm;
    assert!(
        vm::MAJOR == MAJOR as usize && vm::MINOR == MINOR as usize,
        "the VM implements another Python"
    );
    assert!(
        vm::MAJOR_IMPL == 0 && vm::MINOR_IMPL == 6 && vm::MICRO_IMPL == 0,
        "LONG names another RustPython"
    );
};

/// `sys._is_immortal`: whether C sees an object that is never freed.
fn is_immortal(v: PyObjectRef, vm: &VirtualMachine) -> bool {
    let _held = crate::thread::enter(vm);
    crate::proxy::mirror::immortal(vm, &v)
        .or_else(|| crate::proxy::linked(&v))
        .is_some_and(crate::refcount::is_immortal)
}

/// Makes `sys` report this version and the default build's ABI.
///
/// The implementation is called `cpython`, since pip and `packaging` offer wheels for CPython to that name only.
pub(super) fn report(vm: &VirtualMachine) -> PyResult<()> {
    let sys = &vm.sys_module;
    let info = version_info(vm)?;
    sys.set_attr("version_info", info.clone(), vm)?;
    sys.set_attr("version", vm.ctx.new_str(LONG), vm)?;
    sys.set_attr("hexversion", vm.ctx.new_int(HEX), vm)?;
    sys.set_attr("api_version", vm.ctx.new_int(API_VERSION), vm)?;
    sys.set_attr("abiflags", vm.ctx.new_str(""), vm)?;
    sys.set_attr(
        "_is_immortal",
        vm.new_function("_is_immortal", is_immortal),
        vm,
    )?;
    sys.set_attr(
        "_is_gil_enabled",
        vm.new_function("_is_gil_enabled", || true),
        vm,
    )?;

    let implementation = sys.get_attr("implementation", vm)?;
    implementation.set_attr("name", vm.ctx.new_str("cpython"), vm)?;
    implementation.set_attr("version", info, vm)?;
    implementation.set_attr("hexversion", vm.ctx.new_int(HEX), vm)
}

/// A `sys.version_info` of the VM's own type, which refuses to be called.
fn version_info(vm: &VirtualMachine) -> PyResult {
    let class = vm
        .sys_module
        .get_attr("version_info", vm)?
        .class()
        .to_owned();
    let fields = vec![
        vm.ctx.new_int(MAJOR).into(),
        vm.ctx.new_int(MINOR).into(),
        vm.ctx.new_int(MICRO).into(),
        vm.ctx.new_str(RELEASE_LEVEL).into(),
        vm.ctx.new_int(SERIAL).into(),
    ];
    let info = PyTuple::new_unchecked(fields.into_boxed_slice()).into_ref_with_type(vm, class)?;
    Ok(info.into())
}
