//! Calls between Python and C in both directions, and the C API function by function: the list in `operations.py`, and
//! calls from Rust.

mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

fn main() {
    let mut criterion = support::criterion();
    support::run(|vm| {
        for operation in operations(vm)? {
            measure(&mut criterion, vm, &operation);
        }
        calls_from_rust(&mut criterion, vm)
    });
    criterion.final_summary();
}

/// One line of `operations.py`.
struct Operation {
    group: String,
    id: BenchmarkId,
    run: PyObjectRef,
}

fn operations(vm: &VirtualMachine) -> PyResult<Vec<Operation>> {
    let list: Vec<PyObjectRef> = vm
        .import("operations", 0)?
        .get_attr("OPERATIONS", vm)?
        .try_into_value(vm)?;
    let text = |operation: &PyObjectRef, name: &'static str| -> PyResult<String> {
        operation.get_attr(name, vm)?.try_into_value(vm)
    };
    list.iter()
        .map(|operation| {
            let (name, label) = (text(operation, "name")?, text(operation, "label")?);
            Ok(Operation {
                group: text(operation, "group")?,
                id: match label.as_str() {
                    "" => BenchmarkId::from_parameter(name),
                    label => BenchmarkId::new(name, label),
                },
                run: operation.get_attr("run", vm)?,
            })
        })
        .collect()
}

fn measure(criterion: &mut Criterion, vm: &VirtualMachine, operation: &Operation) {
    criterion
        .benchmark_group(operation.group.as_str())
        .bench_function(operation.id.clone(), |bencher| {
            bencher.iter_custom(|times| {
                let nanoseconds = operation.run.call((times,), vm);
                let nanoseconds = nanoseconds.and_then(|value| value.try_float(vm));
                match nanoseconds {
                    Ok(value) => Duration::from_secs_f64(value.to_f64() / 1e9),
                    Err(error) => {
                        vm.print_exception(&error);
                        panic!("it does not run");
                    }
                }
            });
        });
}

/// A C function and the VM's own of the same shape, called without bytecode.
fn calls_from_rust(criterion: &mut Criterion, vm: &VirtualMachine) -> PyResult<()> {
    let fixture = vm.import("bench_fixture", 0)?;
    let operator = vm.import("operator", 0)?;
    let builtins = vm.builtins.as_object();
    let number: PyObjectRef = vm.ctx.new_int(1000).into();
    let one = vec![number.clone()];
    let two = vec![number.clone(), number];
    let mut group = criterion.benchmark_group("from Rust");
    for (name, label, module, function, arguments) in [
        ("METH_O, int", "C", fixture.as_object(), "one", &one),
        ("METH_O, int", "own callable", builtins, "callable", &one),
        (
            "METH_FASTCALL, 2 int",
            "C",
            fixture.as_object(),
            "fast",
            &two,
        ),
        (
            "METH_FASTCALL, 2 int",
            "own is_",
            operator.as_object(),
            "is_",
            &two,
        ),
    ] {
        let function = module.get_attr(function, vm)?;
        group.bench_function(BenchmarkId::new(name, label), |bencher| {
            bencher.iter_custom(|times| {
                support::busy(|| {
                    for _ in 0..times {
                        let result = function.call(arguments.clone(), vm);
                        assert!(result.is_ok());
                    }
                })
            });
        });
    }
    Ok(())
}
