//! `gc.collect`, made to see the references among C objects.

use std::sync::OnceLock;

use std::sync::atomic::Ordering;

use rustpython_vm::builtins::{PyModuleDef, PyModuleSlots, PyType};
use rustpython_vm::object::MaybeTraverse;
use rustpython_vm::vm::thread as vm_thread;
use rustpython_vm::{Context, Py, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::{refcount, thread};

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

/// Dies with the namespace of `sys`, the last thing that the VM clears, and
/// collects once more then: modules that C made, and their types, are freed.
#[derive(Debug)]
struct AtEnd;

impl PyPayload for AtEnd {
    fn class(ctx: &Context) -> &'static Py<PyType> {
        ctx.types.object_type
    }
}

impl MaybeTraverse for AtEnd {
    fn try_traverse(&self, _visit: &mut rustpython_vm::object::TraverseFn<'_>) {}
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if !thread::lock::is_set_up() || !vm_thread::current_vm_is_set() {
            return;
        }
        vm_thread::with_current_vm(|vm| {
            if vm.state.finalizing.load(Ordering::Acquire) {
                let collect = || {
                    vm.state.gc.collect_force(2);
                };
                refcount::cycles::last_collection(vm, collect);
            }
        });
    }
}

/// Has the last collection done.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let class = vm.ctx.types.object_type.to_owned();
    let at_end = PyRef::new_ref(AtEnd, class, None);
    vm.sys_module.set_attr("_pyabi_at_end", at_end, vm)
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
