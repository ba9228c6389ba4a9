"""Runs packages' own test suites in the interpreter that runs this script.

    run.py [--work FOLDER] [--pip PYTHON] [--record] NAME...     run these rows of packages.toml
    run.py [--work FOLDER] [--pip PYTHON] --repeat N NAME...     run each N times in one process
    run.py [--pip PYTHON] --install FOLDER NAME...               only install, also from requirements.txt
    run.py --list                                                list the rows

The wheel is installed by `PYTHON -m pip`, PYTHON being this interpreter or an environment made by it
(so that its own tags choose the wheel), the tests come from the wheel or the source distribution, and each test's outcome is compared with the one recorded
on CPython 3.14 in tests/data/suites. Differences must be in known-failures.txt, and what is in there
must differ.

With --repeat, neither the pairs of objects that the bridge keeps nor the process's resident memory may
grow by more than 5 % after the first run (see repeat.py).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "suites"
BASE = ["pytest", "iniconfig", "packaging", "pluggy", "pygments"]


def table():
    rows = tomllib.loads((HERE / "packages.toml").read_text())["package"]
    return {row["name"]: row for row in rows}


def pins():
    """requirements.txt as {name: line}, and the packages under test."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    found = {line.split("==")[0]: line for line in lines if line and not line.startswith("#")}
    return found | {row["name"]: wheel_line(row) for row in table().values()}


def known_failures(name):
    """{test: cause} of one package: a line is `package test  # cause`."""
    found = {}
    for line in (HERE / "known-failures.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            entry, separator, cause = line.rpartition("  # ")
            package, _, test = entry.partition(" ")
            if not separator or not cause.strip() or not test:
                sys.exit(f"known-failures.txt: no cause: {line}")
            script, colon, _ = cause.partition(": ")
            if colon and script.startswith("rustpython/") and not (HERE / script).exists():
                sys.exit(f"known-failures.txt: no such script: {line}")
            if package == name:
                found[test] = cause
    return found


def environment(*folders):
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["PYTHONHASHSEED"] = "0"
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    env["PIP_NO_INPUT"] = "1"
    env["PIP_ROOT_USER_ACTION"] = "ignore"
    return env


def pip(python, *command, **options):
    """Runs the interpreter that has pip; PYABI_PIP is where pip is for one that comes without."""
    folders = [folder for folder in [os.environ.get("PYABI_PIP")] if folder]
    return subprocess.run([python, *command], env=environment(*folders), check=True, **options)


def install(python, folder, lines):
    """Installs exactly these requirement lines into `folder`, unless they are already there."""
    stamp, wanted = folder / ".installed", "\n".join(lines) + "\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    requirements = folder.with_suffix(".txt")
    requirements.write_text(wanted)
    pip(
        python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--no-compile",
        "--only-binary", ":all:", "--target", folder, "-r", requirements,
    )
    stamp.write_text(wanted)


def folders(row):
    folder = row.get("folder", [])
    return [folder] if isinstance(folder, str) else folder


def unpack(python, row, work):
    """The tests of a source distribution, away from the package's sources."""
    folder = work / "tests"
    stamp = work / ".unpacked"
    wanted = " ".join([row["sdist"], *folders(row)])
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    script = [HERE / "sdist.py", package(row), row["version"], row["sdist"], work]
    printed = pip(python, *script, stdout=subprocess.PIPE, text=True).stdout
    archive = Path(printed.splitlines()[-1])
    prefix = archive.name.removesuffix(".tar.gz") + "/"
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            inside = member.name.removeprefix(prefix)
            if any(inside == name or inside.startswith(name + "/") for name in folders(row)):
                member.name = inside
                tar.extract(member, folder, filter="data")
    stamp.write_text(wanted)
    return folder


def prepare(python, row, work):
    """Installs what a row needs: where pytest starts, with which arguments and environment."""
    site = work / "site"
    names = [*BASE, *row.get("requires", [])]
    install(python, site, [wheel_line(row), *(pins()[n] for n in names)])
    start = work / "tests"
    if "folder" in row:
        start = unpack(python, row, work)
    start.mkdir(exist_ok=True)
    standins = work / "standins"
    standins.mkdir(exist_ok=True)
    for name in row.get("standins", []):
        (standins / f"{name}.py").write_text("")
    # an empty configuration of our own: the project's may ask for plugins that are not here
    (start / "pytest.ini").write_text("[pytest]\n")
    env = environment(site, standins, HERE)
    env["PYABI_OUTCOMES"], env["PYABI_NATIVE"] = str(work / "outcomes.txt"), " ".join(row["native"])
    env["PYABI_ABSENT"] = " ".join(row.get("absent", []))
    targets = [] if "folder" not in row else [str(Path(row["cwd"]))]
    arguments = [
        "-p", "outcomes", "-p", "no:cacheprovider", "-c", "pytest.ini", "--rootdir", ".", "--tb=short", "-q",
        "--continue-on-collection-errors", *targets, *row.get("arguments", []),
    ]
    return start, arguments, env


def start_python(command, start, env, log):
    with open(log, "w") as log:
        return subprocess.run(
            [sys.executable, *command], cwd=start, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def repeat(python, row, work, times):
    """Runs a suite `times` times in one process: a line for each run, and what is wrong."""
    start, arguments, env = prepare(python, row, work)
    report, log = work / "repeat.txt", work / "repeat.log"
    report.unlink(missing_ok=True)
    done = start_python([HERE / "repeat.py", str(times), report, *arguments], start, env, log)
    lines = report.read_text().splitlines() if report.exists() else []
    problems = [line for line in lines if line.startswith("grown: ")]
    if done.returncode != 0 and not problems:
        problems.append(f"ended early, with {done.returncode}: see {log}")
    return [line for line in lines if line not in problems], problems


def run_pytest(python, row, work):
    """Outcomes by test, and everything wrong with the run itself."""
    start, arguments, env = prepare(python, row, work)
    out = work / "outcomes.txt"
    out.unlink(missing_ok=True)
    done = start_python(["-m", "pytest", *arguments], start, env, work / "pytest.log")
    outcomes, problems, finished = {}, [], False
    for line in out.read_text(encoding="utf-8").splitlines() if out.exists() else []:
        kind, _, test = line.partition(" ")
        if kind == "not-native":
            problems.append(f"{test} is not the native module")
        elif kind not in ("native", "finished"):
            outcomes[test] = kind
        finished = finished or kind == "finished"
    if not outcomes or not finished:
        problems.append(f"pytest ended early, with {done.returncode}: see {work / 'pytest.log'}")
    elif done.returncode not in (0, 1):
        problems.append(f"pytest ended with {done.returncode}: see {work / 'pytest.log'}")
    return outcomes, problems


def package(row):
    return row.get("package", row["name"])


def wheel_line(row):
    return f"{package(row)}=={row['version']} --hash=sha256:{row['wheel']}"


def record(row, outcomes, problems):
    passed = sum(kind == "passed" for kind in outcomes.values())
    if passed != row["passed"]:
        problems.append(f"{passed} passed, not {row['passed']}")
    if not problems:
        DATA.mkdir(parents=True, exist_ok=True)
        lines = (f"{kind} {test}\n" for test, kind in sorted(outcomes.items()))
        (DATA / f"{row['name']}.txt").write_text("".join(lines), encoding="utf-8")


def compare(row, outcomes, problems):
    recorded = {}
    for line in (DATA / f"{row['name']}.txt").read_text(encoding="utf-8").splitlines():
        kind, _, test = line.partition(" ")
        recorded[test] = kind
    known = known_failures(row["name"])
    for test in sorted(recorded.keys() | outcomes.keys()):
        expected, actual = recorded.get(test, "absent"), outcomes.get(test, "absent")
        if expected == actual and test in known:
            problems.append(f"{test}: a known failure is {actual}: take it off known-failures.txt")
        elif expected != actual and test not in known:
            problems.append(f"{test}: {actual}, but {expected} on CPython")
    for test in sorted(known.keys() - recorded.keys() - outcomes.keys()):
        problems.append(f"{test}: in known-failures.txt, but there is no such test")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, default=HERE.parents[1] / "target" / "suites")
    parser.add_argument("--pip", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--repeat", type=int, metavar="N")
    parser.add_argument("--install", type=Path, metavar="FOLDER")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    rows = table()
    if options.list:
        for row in rows.values():
            print(row["stage"], row["name"], row["version"], row.get("skip", ""))
        return 0
    if options.install:
        lines = [pins()[name] for name in options.names]
        install(options.pip, options.install.resolve(), lines)
        return 0
    failed = 0
    for name in options.names:
        row = rows[name]
        if "skip" in row:
            print(f"{name}: not run: {row['skip']}")
            continue
        if options.repeat:
            lines, problems = repeat(options.pip, row, options.work.resolve() / name, options.repeat)
            print(f"{name} {row['version']}: {len(problems)} problems")
            print(*(f"  {line}" for line in lines + problems), sep="\n")
            failed += bool(problems)
            continue
        outcomes, problems = run_pytest(options.pip, row, options.work.resolve() / name)
        (record if options.record else compare)(row, outcomes, problems)
        passed = sum(kind == "passed" for kind in outcomes.values())
        print(f"{name} {row['version']}: {passed} of {row['passed']} passed, {len(problems)} problems")
        for problem in problems:
            print(f"  {problem}")
        failed += bool(problems)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
