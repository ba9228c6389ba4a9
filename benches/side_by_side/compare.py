"""Runs the same extension binary in pyabi and in CPython, in turn, and compares; PyPy gets it recompiled.

    python3 benches/side_by_side/compare.py --cpython /path/to/python3.14 [--pypy /path/to/pypy3]

The interpreters take turns and every turn measures everything, so that what slows the machine down for a while
slows them all down. Prints nanoseconds per operation: the median of the turns and, after it, how far they spread.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "target" / "side_by_side"


def main():
    arguments = parse_arguments()
    interpreters = {"pyabi": arguments.pyabi}
    for name in ("cpython", "pypy"):
        if getattr(arguments, name):
            interpreters[name] = getattr(arguments, name)
    folders = {name: build(name, program) for name, program in interpreters.items()}
    turns = {name: [] for name in interpreters}
    versions = {}
    for turn in range(arguments.turns):
        for name, program in interpreters.items():
            print(f"turn {turn + 1} of {arguments.turns}: {name}", file=sys.stderr)
            result = measure(program, folders[name], arguments)
            versions[name] = result["version"]
            turns[name].append(result["nanoseconds"])
    operations = {key: {name: summary(key, turns[name]) for name in turns} for key in turns["pyabi"][0]}
    print_table(operations, list(interpreters))
    output = Path(arguments.json)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"versions": versions, "operations": operations}, indent=1) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    environment = os.environ.get
    parser.add_argument("--pyabi", default=environment("PYABI", str(ROOT / "target/release/pyabi")))
    parser.add_argument("--cpython", default=environment("PYABI_CPYTHON"), help="a CPython 3.14")
    parser.add_argument("--pypy", default=environment("PYABI_PYPY"), help="a PyPy 3 with its headers")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", default="0.02", help="per operation and turn")
    parser.add_argument("--only", default="", help="operations whose name contains this")
    parser.add_argument("--json", default=str(ROOT / "target/criterion/side-by-side.json"))
    return parser.parse_args()


def build(name, program):
    """Compiles the fixture; the folder that holds it. pyabi and CPython share one binary."""
    folder, suffix, headers = BUILD / "cpython", ".cpython-314-x86_64-linux-gnu.so", []
    if name == "pypy":
        code = "import sysconfig; print(sysconfig.get_path('include'), sysconfig.get_config_var('EXT_SUFFIX'))"
        include, suffix = subprocess.check_output([program, "-c", code], text=True).split()
        folder, headers = BUILD / "pypy", ["-DPYABI_REAL_HEADERS", "-isystem", include]
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"bench_fixture{suffix}"
    compiler = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-fno-strict-aliasing", "-fvisibility=hidden"]
    subprocess.check_call([*compiler, "-fPIC", "-shared", *headers, str(ROOT / "benches/fixture.c"), "-o", str(output)])
    return folder


def measure(program, folder, arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [program, str(HERE / "measure.py"), arguments.seconds, arguments.only]
    return json.loads(subprocess.check_output(command, env=environment, text=True))


def summary(key, turns):
    """[median, least, most] of an operation that this interpreter has."""
    values = [turn[key] for turn in turns if key in turn]
    return [median(values), min(values), max(values)] if values else None


def print_table(operations, names):
    width = max(map(len, operations))
    print(f"{'ns per operation':{width}}", *(f"{name:>22}" for name in names), *(f"/{n:>8}" for n in names[1:]))
    for key, row in operations.items():
        cells = [f"{'-':>22}" if row[n] is None else describe(row[n]) for n in names]
        ratios = [f"{'-':>9}" if row[n] is None else f"{row['pyabi'][0] / row[n][0]:9.2f}" for n in names[1:]]
        print(f"{key:{width}}", *cells, *ratios)


def describe(values):
    middle, least, most = values
    return f"{f'{middle:.1f} ({least:.1f}-{most:.1f})':>22}"


if __name__ == "__main__":
    main()
