//! What a crossing costs, and how much memory a pair takes, by the number of pairs alive.
//!
//! A pair is an object that both sides know. `PYABI_BENCH_PAIRS` bounds their number, as does the machine's memory.

mod support;

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

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
        for count in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
            if count > limit() {
                break;
            }
            let pairs = Pairs::new(vm, count)?;
            measure(&mut group, vm, &pairs);
            if count >= WEIGHED {
                memory.push((count, pairs.bytes));
            }
            pairs.release(vm)?;
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

/// Objects of the VM that the fixture holds.
struct Pairs {
    objects: Vec<PyObjectRef>,
    fixture: PyObjectRef,
    /// Resident bytes per pair beyond the VM's object.
    bytes: f64,
}

impl Pairs {
    fn new(vm: &VirtualMachine, count: usize) -> PyResult<Self> {
        let fixture: PyObjectRef = vm.import("bench_fixture", 0)?;
        let objects: Vec<_> = (0..count).map(|_| new_object(vm)).collect();
        // A part at a time, so that the list's own memory does not count.
        let hold = fixture.get_attr("hold", vm)?;
        let before = resident();
        for part in objects.chunks(HOT) {
            hold.call((vm.ctx.new_list(part.to_vec()),), vm)?;
        }
        let bytes = resident().saturating_sub(before) as f64 / count as f64;
        Ok(Self {
            objects,
            fixture,
            bytes,
        })
    }

    fn release(self, vm: &VirtualMachine) -> PyResult<()> {
        vm.call_method(&self.fixture, "release", ()).map(drop)
    }

    /// How long a loop of the fixture takes.
    fn time(
        &self,
        vm: &VirtualMachine,
        name: &str,
        times: u64,
        given: Vec<PyObjectRef>,
    ) -> Duration {
        let given = vm.ctx.new_tuple(given);
        let nanoseconds = vm
            .call_method(&self.fixture, "time_loop", (name, times, given))
            .and_then(|value| value.try_into_value(vm));
        Duration::from_nanos(nanoseconds.expect("the loop runs"))
    }

    /// How long the fixture takes to get these from iterators, a thousand in a call.
    fn iterate(&self, vm: &VirtualMachine, objects: Vec<PyObjectRef>) -> Duration {
        let iterators = objects.chunks(HOT).map(|part| {
            let list: PyObjectRef = vm.ctx.new_list(part.to_vec()).into();
            let iterator = list.get_iter(vm).expect("a list has an iterator");
            (part.len() as u64, iterator.into())
        });
        let iterators: Vec<(u64, PyObjectRef)> = iterators.collect();
        // With what is put off until a call returns.
        support::busy(|| {
            for (times, iterator) in iterators {
                self.time(vm, "iterate", times, vec![iterator]);
            }
        })
    }
}

fn new_object(vm: &VirtualMachine) -> PyObjectRef {
    let object = vm.ctx.types.object_type.to_owned();
    vm.ctx.new_base_object(object, None)
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, vm: &VirtualMachine, pairs: &Pairs) {
    let count = pairs.objects.len();
    let mut bench = |name: &str, work: &dyn Fn(u64) -> Duration| {
        group.bench_function(BenchmarkId::new(name, count), |bencher| {
            bencher.iter_custom(work);
        });
    };
    let object = |i: usize| pairs.objects[i].clone();
    bench("VM to C, the same thousand", &|times| {
        let same = (0..times as usize).map(|i| object(i % HOT));
        pairs.iterate(vm, same.collect())
    });
    bench("VM to C, at random", &|times| {
        pairs.iterate(vm, random(times, count).map(object).collect())
    });
    bench("VM to C, None", &|times| {
        pairs.iterate(vm, (0..times).map(|_| vm.ctx.none()).collect())
    });
    bench("VM to C, make and free a pair", &|times| {
        pairs.iterate(vm, (0..times).map(|_| new_object(vm)).collect())
    });
    bench("C to VM, at random", &|times| {
        pairs.time(vm, "hash_held", times, Vec::new())
    });
    bench("no crossing, at random", &|times| {
        support::busy(|| {
            for i in random(times, count) {
                black_box(object(i));
            }
        })
    });
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
