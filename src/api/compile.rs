//! `cpython/compile.h`.

use std::ffi::c_int;

use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, TryFromObject, VirtualMachine};

use super::border;
use super::import::call;
use crate::layout::PY_INVALID_STACK_EFFECT;

/// `_opcode.stack_effect`: `jump` is -1 for the larger of both ways.
fn stack_effect(opcode: c_int, oparg: c_int, jump: c_int) -> c_int {
    border(|vm: &VirtualMachine| {
        let jump = match jump {
            0 => vm.ctx.new_bool(false).into(),
            1 => vm.ctx.new_bool(true).into(),
            _ => vm.ctx.none(),
        };
        let keywords: KwArgs = [("jump".to_owned(), jump)].into_iter().collect();
        let with_arg = FuncArgs::new(
            vec![vm.ctx.new_int(opcode).into(), vm.ctx.new_int(oparg).into()],
            keywords,
        );
        match call(vm, "_opcode", "stack_effect", with_arg) {
            Ok(effect) => c_int::try_from_object(vm, effect),
            Err(e) if e.fast_isinstance(vm.ctx.exceptions.value_error) => {
                Ok(PY_INVALID_STACK_EFFECT)
            }
            Err(e) => Err(e),
        }
    })
}

/// How many values an opcode of this VM leaves on the stack, less those it takes; `PY_INVALID_STACK_EFFECT` for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCompile_OpcodeStackEffect(opcode: c_int, oparg: c_int) -> c_int {
    stack_effect(opcode, oparg, -1)
}

/// As `PyCompile_OpcodeStackEffect`, where the opcode jumps (1), does not (0), or either (-1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCompile_OpcodeStackEffectWithJump(
    opcode: c_int,
    oparg: c_int,
    jump: c_int,
) -> c_int {
    stack_effect(opcode, oparg, jump)
}
