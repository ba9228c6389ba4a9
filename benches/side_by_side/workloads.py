"""Measures published packages at work, in pyabi and in CPython, in turn: the same wheels.

    python3 benches/side_by_side/workloads.py --cpython /path/to/python3.14 --site FOLDER

FOLDER has the wheels of the packages, installed for CPython 3.14:

    python3.14 -m pip install --target FOLDER blake3 jiter msgpack orjson regex rpds-py

A workload is compute-bound when C does the work and few objects cross, border-bound when it is the objects: their
making, reading and freeing. Prints milliseconds of CPU time per round: the median of the turns, and the ratio.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent

COMPUTE, BORDER = "compute-bound", "border-bound"
WORKLOADS = []


def workload(package, kind):
    """Registers a function that prepares a workload and gives its round."""

    def register(prepare):
        name = f"{package}: {prepare.__doc__.rstrip('.')}"
        WORKLOADS.append((name, kind, prepare))
        return prepare

    return register


def records(count):
    """What a service might send."""
    return [
        {
            "id": i,
            "name": f"record number {i}",
            "score": i / 7,
            "tags": ["alpha", "beta", f"tag{i % 13}"],
            "active": i % 3 == 0,
            "parent": None,
            "position": {"x": i % 100, "y": -i, "unit": "mm"},
        }
        for i in range(count)
    ]


def numbers():
    """A document that is one long list of numbers."""
    return json.dumps([i * 0.37 for i in range(50_000)]).encode()


@workload("blake3", COMPUTE)
def blake3_hash():
    """16 MB hashed."""
    from blake3 import blake3

    data = bytes(range(256)) * 65536
    return lambda: blake3(data).digest()


@workload("blake3", BORDER)
def blake3_updates():
    """20,000 updates of 16 bytes."""
    from blake3 import blake3

    def run():
        hasher = blake3()
        for _ in range(20_000):
            hasher.update(b"sixteen bytes...")
        return hasher.digest()

    return run


@workload("regex", COMPUTE)
def regex_search():
    """a search through 2 MB that finds nothing."""
    import regex

    text = "the quick brown fox jumps over the lazy dog, " * 45_000
    pattern = regex.compile(r"(?:[aeiou]\w+){2}\d+")
    return lambda: pattern.search(text)


@workload("regex", COMPUTE)
def regex_replace():
    """5,000 replacements in 250 kB."""
    import regex

    text = "the quick brown fox jumps over the lazy dog, at 10:42:17. " * 5_000
    pattern = regex.compile(r"(\d+):(\d+):(\d+)")
    return lambda: pattern.sub(r"\3-\2-\1", text)


@workload("regex", BORDER)
def regex_matches():
    """30,000 matches and their groups."""
    import regex

    text = "key=value; " * 30_000
    pattern = regex.compile(r"(\w+)=(\w+)")

    def run():
        total = 0
        for match in pattern.finditer(text):
            total += len(match.group(2))
        return total

    return run


@workload("orjson", COMPUTE)
def orjson_text():
    """a string of 4 MB written and read."""
    import orjson

    text = "a line of text with \"quotes\" and a \\ in it\n" * 95_000
    return lambda: orjson.loads(orjson.dumps(text))


@workload("orjson", BORDER)
def orjson_loads():
    """5,000 records read."""
    import orjson

    data = json.dumps(records(5_000)).encode()
    return lambda: orjson.loads(data)


@workload("orjson", BORDER)
def orjson_dumps():
    """5,000 records written."""
    import orjson

    data = records(5_000)
    return lambda: orjson.dumps(data)


@workload("jiter", BORDER)
def jiter_records():
    """5,000 records read."""
    import jiter

    data = json.dumps(records(5_000)).encode()
    return lambda: jiter.from_json(data)


@workload("jiter", BORDER)
def jiter_numbers():
    """a list of 50,000 numbers read."""
    import jiter

    data = numbers()
    return lambda: jiter.from_json(data)


@workload("msgpack", COMPUTE)
def msgpack_binary():
    """16 MB of binary data packed and unpacked."""
    import msgpack

    data = bytes(1 << 24)
    return lambda: msgpack.unpackb(msgpack.packb(data), max_bin_len=1 << 25)


@workload("msgpack", BORDER)
def msgpack_pack():
    """5,000 records packed."""
    import msgpack

    data = records(5_000)
    return lambda: msgpack.packb(data)


@workload("msgpack", BORDER)
def msgpack_unpack():
    """5,000 records unpacked."""
    import msgpack

    data = msgpack.packb(records(5_000))
    return lambda: msgpack.unpackb(data)


@workload("rpds-py", BORDER)
def rpds_map():
    """a persistent map of 10,000 items made and read."""
    import rpds

    keys = [f"key {i}" for i in range(10_000)]

    def run():
        table = rpds.HashTrieMap()
        for i, key in enumerate(keys):
            table = table.insert(key, i)
        return sum(table[key] for key in keys)

    return run


@workload("rpds-py", BORDER)
def rpds_list():
    """a persistent list of 20,000 items made and walked."""
    import rpds

    def run():
        items = rpds.List()
        for i in range(20_000):
            items = items.push_front(i)
        return sum(1 for _ in items)

    return run


def measure(seconds):
    """Milliseconds of CPU time per round of each workload."""
    results = {}
    for name, _, prepare in WORKLOADS:
        run = prepare()
        run()
        rounds, start = 0, time.process_time()
        while rounds == 0 or time.process_time() - start < seconds:
            run()
            rounds += 1
        results[name] = (time.process_time() - start) / rounds * 1e3
    json.dump({"version": sys.version, "milliseconds": results}, sys.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    environment = os.environ.get
    parser.add_argument("--pyabi", default=environment("PYABI", str(ROOT / "target/release/pyabi")))
    parser.add_argument("--cpython", default=environment("PYABI_CPYTHON"), help="a CPython 3.14")
    parser.add_argument("--site", help="where the packages are installed")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per workload and turn")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--json", default=str(ROOT / "target/criterion/workloads.json"))
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    WORKLOADS[:] = [entry for entry in WORKLOADS if arguments.only in entry[0]]
    if arguments.measure:
        return measure(arguments.seconds)
    interpreters = {"pyabi": arguments.pyabi, "cpython": arguments.cpython}
    turns = {name: [] for name in interpreters}
    versions = {}
    for turn in range(arguments.turns):
        for name, program in interpreters.items():
            print(f"turn {turn + 1} of {arguments.turns}: {name}", file=sys.stderr)
            result = run_turn(program, arguments)
            versions[name] = result["version"]
            turns[name].append(result["milliseconds"])
    rows = {}
    print(f"{'ms per round':60} {'':13} {'pyabi':>9} {'cpython':>9} {'ratio':>7}")
    for name, kind, _ in WORKLOADS:
        cells = {n: median(turn[name] for turn in turns[n]) for n in turns}
        rows[name] = {"kind": kind, **cells}
        ratio = cells["pyabi"] / cells["cpython"]
        print(f"{name:60} {kind:13} {cells['pyabi']:9.2f} {cells['cpython']:9.2f} {ratio:7.2f}")
    output = Path(arguments.json)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"versions": versions, "workloads": rows}, indent=1) + "\n")


def run_turn(program, arguments):
    environment = {**os.environ, "PYTHONPATH": arguments.site, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [program, __file__, "--measure", "--seconds", str(arguments.seconds), "--only", arguments.only]
    return json.loads(subprocess.check_output(command, env=environment, text=True))


if __name__ == "__main__":
    main()
