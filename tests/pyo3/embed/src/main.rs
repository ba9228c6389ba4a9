//! A Rust program with both RustPython and PyO3 in it, and no other Python.
//!
//! PyO3's `extern "C"` symbols are resolved by pyabi's library at link time; objects move between
//! the two APIs through one module, and are the same objects on both sides.

use pyo3::ffi::c_str;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList};
use rustpython::{InterpreterBuilder, InterpreterBuilderExt};

#[pyclass(subclass)]
struct Counter {
    #[pyo3(get)]
    count: u32,
}

#[pymethods]
impl Counter {
    #[new]
    fn new() -> Self {
        Counter { count: 0 }
    }

    fn __call__(&mut self, by: u32) -> u32 {
        self.count += by;
        self.count
    }
}

#[pyfunction]
fn shout(text: &str) -> String {
    text.to_uppercase()
}

#[pymodule]
fn host(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Counter>()?;
    module.add_function(wrap_pyfunction!(shout, module)?)
}

fn with_pyo3(py: Python<'_>) -> PyResult<()> {
    let six: i64 = py.eval(c_str!("sum([1, 2, 3])"), None, None)?.extract()?;
    println!("eval: {six}");

    let module = pyo3::wrap_pymodule!(host)(py);
    py.import("sys")?
        .getattr("modules")?
        .set_item("host", &module)?;
    py.run(
        c_str!(
            r#"
import host

class Louder(host.Counter):
    def __call__(self, by):
        return super().__call__(by * 10)

plain, louder = host.Counter(), Louder()
plain(1); plain(2); louder(3)
result = [plain.count, louder.count, host.shout("done")]
"#
        ),
        None,
        None,
    )?;

    let globals = PyDict::new(py);
    py.run(
        c_str!("def fail(): return {}['missing']"),
        Some(&globals),
        None,
    )?;
    let fail = globals.get_item("fail")?.expect("the script defines it");
    let error = fail.call0().expect_err("the key is missing");
    println!("error: {error}");

    let text: String = py
        .import("json")?
        .call_method("dumps", ([1, 2],), Some(&[("indent", 0)].into_py_dict(py)?))?
        .extract()?;
    println!("json: {}", text.replace('\n', " ").trim());

    let from_threads = std::sync::Mutex::new(Vec::new());
    py.detach(|| {
        std::thread::scope(|scope| {
            for index in 0..3_u32 {
                let from_threads = &from_threads;
                scope.spawn(move || {
                    let value = Python::attach(|py| -> PyResult<u32> {
                        PyList::new(py, 0..index)?
                            .call_method0("__len__")?
                            .extract::<u32>()
                    });
                    from_threads
                        .lock()
                        .expect("no holder panics")
                        .push(value.expect("a list has a length"));
                });
            }
        });
    });
    let mut lengths = from_threads.into_inner().expect("no holder panics");
    lengths.sort_unstable();
    println!("threads: {lengths:?}");
    Ok(())
}

fn main() {
    let builder = pyabi::install(InterpreterBuilder::new().init_stdlib());
    let status = builder.build().run(|vm| {
        // The VM puts an object where PyO3 finds it, and the other way round.
        let shared = vm.ctx.new_list(vec![vm.ctx.new_int(1).into()]);
        vm.sys_module.set_attr("shared", shared.clone(), vm)?;
        let outcome = Python::attach(|py| -> PyResult<()> {
            let list = py.import("sys")?.getattr("shared")?.cast_into::<PyList>()?;
            list.append("from PyO3")?;
            with_pyo3(py)?;
            println!("main: {}", py.import("__main__")?.getattr("result")?);
            Ok(())
        });
        if let Err(error) = outcome {
            Python::attach(|py| error.print(py));
            std::process::exit(1);
        }
        println!("shared: {} items", shared.borrow_vec().len());
        Ok(())
    });
    std::process::exit(status as i32);
}
