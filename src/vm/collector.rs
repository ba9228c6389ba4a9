//! `gc.collect`, made to see the references among C objects.

use std::sync::OnceLock;

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::{PyModuleDef, PyModuleSlots};

/// The VM's own `gc`.
static VM_GC: OnceLock<&'static PyModuleDef> = OnceLock::new();

/// The VM's `gc` with the functions of [`gc`] over its own.
pub(super) fn extended(vm: &VirtualMachine) -> &'static PyModuleDef {
    static EXTENDED: OnceLock<PyModuleDef> = OnceLock::new();
    EXTENDED.get_or_init(|| {
        let base = *VM_GC.get_or_init(|| vm.state.module_defs["gc"]);
        PyModuleDef {
            name: base.name,
            doc: base.doc,
            methods: [base.methods, gc::METHOD_DEFS].concat().leak(),
            slots: PyModuleSlots {
                create: base.slots.create,
                exec: base.slots.exec,
            },
        }
    })
}

#[rustpython_vm::pymodule(name = "gc")]
mod gc {
    use rustpython_vm::function::FuncArgs;
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    use crate::proxy::mirror;
    use crate::{refcount, thread};

    #[derive(rustpython_vm::FromArgs)]
    struct CollectArgs {
        #[pyarg(any, default = 2)]
        generation: i32,
    }

    /// Run the garbage collector.
    #[pyfunction]
    fn collect(args: CollectArgs, vm: &VirtualMachine) -> PyResult<i64> {
        let generation = args.generation;
        let collect = || vm_collect(generation, vm);
        if generation != 2 || !thread::lock::is_set_up() {
            return collect();
        }
        let callbacks: Vec<PyObjectRef> = vm
            .import("gc", 0)?
            .get_attr("callbacks", vm)?
            .try_to_value(vm)?;
        refcount::cycles::full_collection(vm, callbacks.is_empty(), collect)
    }

    fn vm_collect(generation: i32, vm: &VirtualMachine) -> PyResult<i64> {
        let args = FuncArgs::from(vec![vm.ctx.new_int(generation).into()]);
        call_own("collect", args, vm)?.try_to_value(vm)
    }

    /// Calls the function of the VM's own module.
    fn call_own(name: &'static str, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        let own = super::VM_GC.get().expect("set before this is installed");
        let method = own.methods.iter().find(|method| method.name == name);
        let method = method.expect("the VM's gc has it");
        (method.func)(vm, args, name.into())
    }

    /// What only C could reach until now is shown to Python code.
    fn show_all(vm: &VirtualMachine) {
        if thread::lock::is_set_up() {
            let _held = thread::enter(vm);
            mirror::watch::unpark_all(vm);
        }
    }

    /// Return a list of objects tracked by the collector (excluding the list returned).
    #[pyfunction]
    fn get_objects(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        show_all(vm);
        call_own("get_objects", args, vm)
    }

    /// Return the list of objects that directly refer to any of 'objs'.
    #[pyfunction]
    fn get_referrers(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        show_all(vm);
        call_own("get_referrers", args, vm)
    }

    /// Return the list of objects that are directly referred to by 'objs'.
    #[pyfunction]
    fn get_referents(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        show_all(vm);
        call_own("get_referents", args, vm)
    }
}
