"""Counts the instructions that operations of `operations.py` take, function by function, under callgrind.

    python3 benches/profile/profile.py [--only TEXT] [--functions N]

Prints for each operation the instructions for one, and how many of them are in which function. Counts repeat, whatever else
the machine does. Instructions are not time: an atomic one, or one that misses the cache, takes as long as dozens of others.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUFFIX = ".cpython-314-x86_64-linux-gnu.so"
TIMES = 2000


def main():
    if os.environ.get("PYABI_PROFILE"):
        return run_operation(os.environ["PYABI_PROFILE"])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pyabi", default=str(ROOT / "target/release/pyabi"))
    parser.add_argument("--only", default="", help="operations whose name contains this")
    parser.add_argument("--functions", type=int, default=25, help="print so many of each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), ROOT / "benches/fixture.c", "bench_fixture")
        build(Path(folder), HERE / "region.c", "profile_region")
        names = subprocess.check_output(command(arguments), env=environment(folder, "?"), text=True).splitlines()
        for name in names:
            if arguments.only in name:
                count(arguments, folder, name)


def build(folder, source, name):
    compiler = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-fno-strict-aliasing", "-fvisibility=hidden"]
    subprocess.check_call([*compiler, "-fPIC", "-shared", str(source), "-o", str(folder / (name + SUFFIX))])


def command(arguments):
    return [arguments.pyabi, str(HERE / "profile.py")]


def environment(folder, name):
    path = os.pathsep.join([folder, str(ROOT / "benches")])
    return {**os.environ, "PYTHONPATH": path, "PYABI_PROFILE": name, "PYTHONDONTWRITEBYTECODE": "1"}


def run_operation(wanted):
    """In pyabi: runs the operation of that name often enough to be warm, then with callgrind looking."""
    import profile_region
    from operations import OPERATIONS

    for group, name, label, run in OPERATIONS:
        name = "/".join(filter(None, (group, name, label)))
        if wanted == "?":
            print(name)
        elif wanted == name:
            run(TIMES)
            profile_region.toggle()
            run(TIMES)
            profile_region.toggle()


def count(arguments, folder, name):
    output = os.path.join(folder, "callgrind.out")
    tool = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={output}", "-q"]
    subprocess.check_call([*tool, *command(arguments)], env=environment(folder, name))
    text = subprocess.check_output(["callgrind_annotate", "--threshold=100", output], text=True)
    rows = re.findall(r"^\s*([\d,]+) \([ \d.]+%\)\s+(.*)$", text, re.M)
    total, functions = 0, []
    for instructions, where in rows:
        each = int(instructions.replace(",", "")) / TIMES
        if where == "PROGRAM TOTALS":
            total = each
        else:
            functions.append((each, short(where)))
    print(f"{name}: {total:.0f}")
    for each, where in functions[: arguments.functions]:
        if each >= 0.5:
            print(f"    {each:7.1f}  {where}")
    sys.stdout.flush()


def short(where):
    where = where.split(" [")[0]
    where = where.split(":", 1)[-1]
    return re.sub(r"::h[0-9a-f]{16}$", "", where)


main()
