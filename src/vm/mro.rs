//! C3 linearization, which RustPython 0.6.0 does without one of its lists.
//!
//! The order of a class's bases is also the order of these bases in its MRO. RustPython leaves the list of bases out of
//! the merge: `class C(A, B, Root)` with `class A(Root)` gets `Root` in front of `B`, and its subclasses may then fail with
//! a `TypeError`. Mixins that name `ABC` or `Generic` last run into it.
//!
//! The VM asks the `mro` method about every class whose metaclass is not `type` itself. So that method is replaced; and a
//! plain class that the VM would get wrong is born with a metaclass of ours, which becomes `type` once it has been asked.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyTuple, PyType, PyTypeRef};
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};

type NewFunc = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;

/// What is needed to make a class, for the whole process as `type` itself is.
struct Parts {
    /// `type.__new__` of the VM.
    new: NewFunc,
    /// A subclass of `type` without anything of its own, which makes the VM ask for the MRO.
    asking: PyTypeRef,
}

static PARTS: OnceLock<Parts> = OnceLock::new();

/// Has classes made from now on get the MRO that CPython gives them.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let type_type = vm.ctx.types.type_type;
    let Some(new) = type_type.slots.new.load() else {
        return Ok(());
    };
    if PARTS.get().is_some() {
        return Ok(());
    }
    let asking = PyType::new_simple_heap("type", type_type, &vm.ctx)
        .map_err(|message| vm.new_type_error(message))?;
    if PARTS.set(Parts { new, asking }).is_ok() {
        let doc = ItemDoc::static_text("Return a type's method resolution order.");
        let method = vm
            .ctx
            .new_method_def("mro", mro, PyMethodFlags::METHOD, doc)
            .build_method(type_type, vm);
        type_type.set_attr(vm.ctx.intern_str("mro"), method.into());
        type_type.slots.new.store(Some(type_new));
    }
    Ok(())
}

/// `type.mro`
fn mro(class: PyTypeRef, vm: &VirtualMachine) -> PyResult<Vec<PyObjectRef>> {
    let bases = class.bases.read().as_slice().to_vec();
    if let Some(base) = bases.iter().find(|base| base.mro.read().is_empty()) {
        let message = format!("Cannot extend an incomplete type '{}'", base.name());
        return Err(vm.new_type_error(message));
    }
    let mro = linearize(&bases).ok_or_else(|| inconsistent(&bases, vm))?;
    if PARTS
        .get()
        .is_some_and(|parts| class.class().is(&parts.asking))
    {
        let type_type = vm.ctx.types.type_type.to_owned();
        class.as_object().set_class(type_type, vm);
    }
    Ok(std::iter::once(class)
        .chain(mro)
        .map(PyObjectRef::from)
        .collect())
}

/// `type.__new__`
fn type_new(metatype: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let parts = PARTS.get().expect("set before this function was stored");
    let type_type = vm.ctx.types.type_type;
    let plain = metatype.is(type_type);
    let Some(bases) = plain.then(|| plain_bases(&args, type_type)).flatten() else {
        return (parts.new)(metatype, args, vm);
    };
    let right = linearize(&bases).ok_or_else(|| inconsistent(&bases, vm))?;
    let vm_s = merge(bases.iter().map(|base| base.mro_collect()).collect());
    let metatype = if vm_s.is_some_and(|mro| same(&mro, &right)) {
        metatype
    } else {
        parts.asking.clone()
    };
    (parts.new)(metatype, args, vm)
}

/// The bases of a class to be made, if there are several, different ones, and none has a metaclass of its own. The VM
/// finds the right order for a single base, rejects repeated ones, and asks for the MRO if there is a metaclass.
fn plain_bases(args: &FuncArgs, type_type: &Py<PyType>) -> Option<Vec<PyTypeRef>> {
    let [_, bases, _] = args.args.as_slice() else {
        return None;
    };
    let bases = bases.downcast_ref::<PyTuple>()?.as_slice();
    let types: Vec<PyTypeRef> = bases
        .iter()
        .filter(|base| base.class().is(type_type))
        .filter_map(|base| base.clone().downcast::<PyType>().ok())
        .collect();
    let different = |(i, base): (usize, &PyTypeRef)| !types[..i].iter().any(|other| other.is(base));
    let usable = types.len() > 1
        && types.len() == bases.len()
        && types.iter().enumerate().all(different)
        && types.iter().all(|base| !base.mro.read().is_empty());
    usable.then_some(types)
}

/// The MRO of a class with these bases, without the class. `None` if there is no consistent order.
pub fn linearize(bases: &[PyTypeRef]) -> Option<Vec<PyTypeRef>> {
    let mut lists: Vec<Vec<PyTypeRef>> = bases.iter().map(|base| base.mro_collect()).collect();
    lists.push(bases.to_vec());
    merge(lists)
}

/// C3's merge: repeatedly the first list's head that is in no list's tail.
fn merge(mut lists: Vec<Vec<PyTypeRef>>) -> Option<Vec<PyTypeRef>> {
    let mut merged = Vec::new();
    lists.iter_mut().for_each(|list| list.reverse());
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return Some(merged);
        }
        let is_free = |head: &&PyTypeRef| {
            lists
                .iter()
                .all(|list| !list[..list.len() - 1].iter().any(|other| other.is(*head)))
        };
        let head = lists
            .iter()
            .filter_map(|list| list.last())
            .find(is_free)?
            .clone();
        for list in &mut lists {
            if list.last().is_some_and(|last| last.is(&head)) {
                list.pop();
            }
        }
        merged.push(head);
    }
}

fn same(left: &[PyTypeRef], right: &[PyTypeRef]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is(right))
}

fn inconsistent(bases: &[PyTypeRef], vm: &VirtualMachine) -> PyBaseExceptionRef {
    let names: Vec<String> = bases.iter().map(|base| base.name().to_string()).collect();
    vm.new_type_error(format!(
        "Cannot create a consistent method resolution order (MRO) for bases {}",
        names.join(", ")
    ))
}
