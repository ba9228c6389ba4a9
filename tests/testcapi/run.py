"""Runs CPython's own tests of the C API, with CPython's compiled test modules, in the interpreter that runs this script.

    run.py [--record] [--work FOLDER] CPYTHON [FILE...]

CPYTHON is the folder `lib/python3.14` of a CPython that has its test suite: of it, only the package `test` and the
modules named below are used, from an environment made for it. Each test file has a process of its own; a test that ends
it, or takes too long, is recorded as `crashed`, and the others run in the next process.

Outcomes are compared with those in tests/data/testcapi, where `cpython` has what CPython says and `pyabi` what passes here:
that may not become less. `--record` writes the file of the interpreter that runs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "testcapi"
MODULES = [
    "_testbuffer", "_testcapi", "_testlimitedcapi", "_testmultiphase", "_testsinglephase",
    "xxlimited", "xxlimited_35", "xxsubtype",
]
LIMIT = 120


def environment(cpython, work):
    """The interpreter of an environment in which CPython's test suite can be imported, also by isolated children."""
    home = work / "env"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, symlinks=True)
    (site,) = home.glob("lib/*/site-packages")
    wanted = {"test": cpython / "test"}
    for name in MODULES:
        files = list((cpython / "lib-dynload").glob(f"{name}.cpython-314-*.so"))
        if not files:
            sys.exit(f"{cpython}: no {name}")
        wanted[files[0].name] = files[0]
    for name, target in wanted.items():
        link = site / name
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve())
    return python


def run_file(python, work, file):
    """{test: outcome} of one file of test_capi, in the order in which they ran."""
    module = f"test.test_capi.{file}"
    out, log = work / f"{file}.outcomes", work / f"{file}.log"
    out.write_text("")
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
    env.pop("PYTHONPATH", None)
    outcomes, ended = {}, None
    with open(log, "w") as output:
        while True:
            with tempfile.TemporaryDirectory() as cwd:
                command = [python, HERE / "worker.py", module, out]
                try:
                    done = subprocess.run(
                        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=LIMIT
                    )
                    ended = str(done.returncode)
                except subprocess.TimeoutExpired:
                    ended = "timeout"
            running, finished = None, False
            for line in out.read_text(encoding="utf-8").splitlines():
                outcome, _, name = line.partition(" ")
                if outcome == "start":
                    running = name
                elif outcome == "finished":
                    finished = True
                else:
                    outcomes[name] = outcome
                    running = None if running == name else running
            if finished:
                if ended != "0":
                    outcomes[f"{module} (exit)"] = "crashed"
                return outcomes
            output.write(f"\n{running or module}: the process ended, {ended}\n")
            output.flush()
            if running is None:
                # Not a test's doing: the file cannot be loaded, or nothing more can be learnt.
                outcomes[module] = "crashed"
                return outcomes
            outcomes[running] = "crashed"
            with open(out, "a", encoding="utf-8") as lines:
                lines.write(f"crashed {running}\n")


def read(path):
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        outcome, _, name = line.partition(" ")
        found[name] = outcome
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pyabi-testcapi")
    parser.add_argument("cpython", type=Path)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    implementation = "pyabi" if "pyabi" in sys.version else "cpython"
    work = options.work / implementation
    work.mkdir(parents=True, exist_ok=True)
    python = environment(options.cpython, work)
    files = options.files or sorted(path.stem for path in (options.cpython / "test" / "test_capi").glob("test_*.py"))
    worse, passed, expected = [], 0, 0
    for file in files:
        outcomes = run_file(python, work, file)
        recorded = DATA / implementation / f"{file}.txt"
        oracle = read(DATA / "cpython" / f"{file}.txt")
        here = [name for name, outcome in outcomes.items() if outcome == "passed"]
        there = [name for name, outcome in oracle.items() if outcome == "passed"]
        crashed = sum(outcome == "crashed" for outcome in outcomes.values())
        print(f"{file}: {len(here)} passed, {len(there)} on CPython, {crashed} crashed", flush=True)
        passed, expected = passed + len(here), expected + len(there)
        if options.record:
            recorded.parent.mkdir(parents=True, exist_ok=True)
            recorded.write_text("".join(f"{outcomes[name]} {name}\n" for name in sorted(outcomes)), encoding="utf-8")
        for name, outcome in read(recorded).items():
            now = outcomes.get(name, "missing")
            if outcome == "passed" != now or (now == "crashed" != outcome):
                worse.append(f"{name}: {outcome} before, {now} now")
    print(f"all: {passed} passed, {expected} on CPython")
    for line in worse:
        print(line)
    sys.exit(bool(worse))


main()
