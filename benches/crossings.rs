//! What a crossing costs, and how much memory a pair takes, by the number of pairs alive.
//!
//! A pair is an object that both sides know. `PYABI_BENCH_PAIRS` bounds their number, as does the machine's memory.

mod support;

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId};
use pyabi::layout::PyObject;
use pyabi::{proxy, refcount, thread};
use rustpython_vm::{PyObjectRef, VirtualMachine};

/// More than a pair takes, its two objects and the tables' growth included.
const BYTES_PER_PAIR: usize = 600;
/// With fewer pairs, what the allocators take from the system in one piece drowns them.
const WEIGHED: usize = 100_000;
/// Objects that cross again and again while the others rest.
const HOT: usize = 1000;

fn main() {
    let mut criterion = support::criterion();
    let mut memory = Vec::new();
    support::run(|vm| {
        let mut group = criterion.benchmark_group("crossing");
        for pairs in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
            if pairs <= limit() {
                let bytes = measure(&mut group, vm, pairs);
                if pairs >= WEIGHED {
                    memory.push((pairs, bytes));
                }
            }
        }
        Ok(())
    });
    criterion.final_summary();
    write_memory(&memory);
}

fn limit() -> usize {
    let asked = std::env::var("PYABI_BENCH_PAIRS");
    let asked = asked.map_or(usize::MAX, |text| text.parse().expect("a number of pairs"));
    asked.min(available_memory() / BYTES_PER_PAIR)
}

/// Objects of the VM and the references that C holds to them.
struct Pairs {
    objects: Vec<PyObjectRef>,
    mirrors: Vec<*mut PyObject>,
    /// Resident bytes per pair beyond the VM's object.
    bytes: f64,
}

impl Pairs {
    /// The caller holds the extension lock.
    fn new(vm: &VirtualMachine, count: usize) -> Self {
        let objects: Vec<_> = (0..count).map(|_| new_object(vm)).collect();
        // Touched, so that its own pages do not count.
        let mut mirrors = vec![std::ptr::dangling_mut(); count];
        let before = resident();
        for (mirror, object) in mirrors.iter_mut().zip(&objects) {
            *mirror = proxy::c_of(vm, object);
        }
        let bytes = resident().saturating_sub(before) as f64 / count as f64;
        Self {
            objects,
            mirrors,
            bytes,
        }
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        for &mirror in &self.mirrors {
            // SAFETY: `new` got a reference, and the lock is held: see `measure`.
            unsafe { refcount::decref(mirror) };
        }
    }
}

fn new_object(vm: &VirtualMachine) -> PyObjectRef {
    let object = vm.ctx.types.object_type.to_owned();
    vm.ctx.new_base_object(object, None)
}

/// Bytes per pair; the times go to `group`.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, vm: &VirtualMachine, count: usize) -> f64 {
    let _held = thread::enter(vm);
    let pairs = Pairs::new(vm, count);
    let bench = |group: &mut BenchmarkGroup<'_, WallTime>, name, work: &mut dyn FnMut(u64)| {
        group.bench_function(BenchmarkId::new(name, count), |bencher| {
            bencher.iter_custom(|times| support::busy(|| work(times)));
        });
    };
    bench(group, "VM to C, the same thousand", &mut |times| {
        for i in 0..times as usize {
            cross_to_c(vm, &pairs.objects[i % HOT]);
        }
    });
    bench(group, "VM to C, at random", &mut |times| {
        for i in random(times, count) {
            cross_to_c(vm, &pairs.objects[i]);
        }
    });
    bench(group, "C to VM, at random", &mut |times| {
        for i in random(times, count) {
            // SAFETY: the lock is held and the pair is alive.
            black_box(unsafe { proxy::vm_of(vm, pairs.mirrors[i]) });
        }
    });
    bench(group, "no crossing, at random", &mut |times| {
        for i in random(times, count) {
            black_box(pairs.objects[i].clone());
        }
    });
    group.bench_function(BenchmarkId::new("make and free a pair", count), |bencher| {
        bencher.iter_custom(|times| {
            let fresh: Vec<_> = (0..times).map(|_| new_object(vm)).collect();
            support::busy(|| {
                for object in &fresh {
                    cross_to_c(vm, object);
                }
            })
        });
    });
    pairs.bytes
}

#[inline]
fn cross_to_c(vm: &VirtualMachine, object: &PyObjectRef) {
    let p = proxy::c_of(vm, object);
    // SAFETY: a new reference.
    unsafe { refcount::decref(black_box(p)) };
}

/// Indices below `bound`; the same ones each time.
fn random(times: u64, bound: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..times).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((u128::from(state) * bound as u128) >> 64) as usize
    })
}

fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = text.split_whitespace().nth(1).expect("it has seven fields");
    pages.parse::<usize>().expect("a number") * 4096
}

fn available_memory() -> usize {
    let text = fs::read_to_string("/proc/meminfo").expect("Linux has it");
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.and_then(|text| text.parse().ok()).unwrap_or(0) * 1024
}

/// Beside criterion's own results, where `report` looks.
fn write_memory(memory: &[(usize, f64)]) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../criterion");
    let entries: serde_json::Map<_, _> = memory
        .iter()
        .map(|&(pairs, bytes)| (pairs.to_string(), bytes.into()))
        .collect();
    let text = serde_json::Value::Object(entries).to_string();
    // Nothing ran if the folder is missing: another benchmark was asked for.
    if folder.is_dir() {
        fs::write(folder.join("bytes-per-pair.json"), text).expect("the folder is writable");
    }
}
