//! `intrcheck.h`, with `cpython/intrcheck.h`.

use std::ffi::c_int;

use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};

use super::{Nothing, border, python};
use crate::thread::lock;

/// Whether `SIGINT` arrived, which is forgotten then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_InterruptOccurred() -> c_int {
    border(|vm| match python(|| vm.check_signals()) {
        Ok(()) => Ok(false),
        Err(e) if e.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) => Ok(true),
        Err(e) => Err(e),
    })
}

/// Runs functions of `os.register_at_fork`; what they raise is reported, as nobody can catch it.
fn run_hooks(vm: &VirtualMachine, hooks: Vec<PyObjectRef>) {
    python(|| {
        for hook in hooks {
            if let Err(e) = hook.call((), vm) {
                vm.run_unraisable(e, Some("Exception ignored".to_owned()), hook);
            }
        }
    });
}

/// Has the VM take the extension lock before each fork, and open it again after.
///
/// A child process has but one thread: whatever another one was doing in C code would stay half done for ever.
pub fn guard_forks(vm: &VirtualMachine) {
    let before = vm.new_function("before_fork", |vm: &VirtualMachine| lock::before_fork(vm));
    let parent = vm.new_function("after_fork_in_parent", lock::after_fork_in_parent);
    let child = vm.new_function("after_fork_in_child", lock::after_fork_in_child);
    // The hooks before a fork run last first: ours is the last to run. Those after it run first first.
    vm.state.before_forkers.lock().insert(0, before.into());
    vm.state
        .after_forkers_parent
        .lock()
        .insert(0, parent.into());
    vm.state.after_forkers_child.lock().insert(0, child.into());
}

/// To be called before `fork`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_BeforeFork() {
    border(|vm| {
        let mut hooks = vm.state.before_forkers.lock().clone();
        hooks.reverse();
        run_hooks(vm, hooks);
        Ok(Nothing)
    });
}

/// To be called after `fork` in the parent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_AfterFork_Parent() {
    border(|vm| {
        let hooks = vm.state.after_forkers_parent.lock().clone();
        run_hooks(vm, hooks);
        Ok(Nothing)
    });
}

/// To be called after `fork` in the child, where only this thread lives on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_AfterFork_Child() {
    border(|vm| {
        rustpython_vm::vm::thread::reinit_frame_slot_after_fork(vm);
        let hooks = vm.state.after_forkers_child.lock().clone();
        run_hooks(vm, hooks);
        Ok(Nothing)
    });
}

/// As `PyOS_AfterFork_Child`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_AfterFork() {
    // SAFETY: the same contract.
    unsafe { PyOS_AfterFork_Child() };
}
