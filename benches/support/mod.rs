//! What the benchmarks share: the fixture, an interpreter that finds it, the clock.
#![allow(dead_code, reason = "each benchmark uses its own part")]

use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use criterion::Criterion;
use rustpython::{InterpreterBuilder, InterpreterBuilderExt};
use rustpython_vm::{Interpreter, PyResult, VirtualMachine};

/// Short: there are many benchmarks, and what they tell is ratios.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .nresamples(10_000)
        .without_plots()
        .configure_from_args()
}

/// Compiles `benches/fixture.c`; the folder that holds the module.
pub fn build_fixture() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches");
    std::fs::create_dir_all(&folder).expect("the target directory is writable");
    let status = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args([
            "-std=gnu11",
            "-O2",
            "-fno-strict-aliasing",
            "-fvisibility=hidden",
        ])
        .args(["-fPIC", "-shared"])
        .arg(root().join("benches/fixture.c"))
        .arg("-o")
        .arg(folder.join("bench_fixture.cpython-314-x86_64-linux-gnu.so"))
        .status()
        .expect("there is a C compiler");
    assert!(status.success(), "the fixture does not compile");
    folder
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `body` in an interpreter that can import the fixture and `operations`.
pub fn run(body: impl FnOnce(&VirtualMachine) -> PyResult<()>) {
    let fixture = build_fixture();
    let interpreter: Interpreter = pyabi::install(InterpreterBuilder::new().init_stdlib()).build();
    let status = interpreter.run(|vm| {
        for folder in [fixture, root().join("benches")] {
            let folder = folder
                .to_str()
                .expect("the target directory's name is UTF-8");
            vm.insert_sys_path(vm.ctx.new_str(folder).into())?;
        }
        body(vm)
    });
    assert_eq!(status, 0, "an operation failed");
}

/// The time that `work` keeps this thread busy. The machine's other work does not count.
pub fn busy(work: impl FnOnce()) -> Duration {
    let start = thread_time();
    work();
    thread_time() - start
}

fn thread_time() -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the clock exists on Linux, and the call fills `time`.
    let time = unsafe {
        assert_eq!(
            libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()),
            0
        );
        time.assume_init()
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
