"""Imports every extension module of wheels, each in a process of its own, and compares with what the checker says.

    imports.py [--pip PYTHON] FOLDER            FOLDER holds installed packages
    imports.py --pip PYTHON --foreign FOLDER    the wheels of foreign.txt, downloaded into FOLDER

Prints a line for each module that one of the two refuses, and a summary; the exit status is 0 if they agree.
"""

import argparse
import os
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
IMPORT = """
import importlib.util, sys
from importlib.machinery import ExtensionFileLoader
name, path = sys.argv[1:]
spec = importlib.util.spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
try:
    module = importlib.import_module(name) if not {foreign} else importlib.util.module_from_spec(spec)
except ImportError as error:
    sys.exit(f"ImportError: {{error}}")
if not {foreign}:
    assert module.__file__ == path, module.__file__
"""


def verdicts(target):
    """{module: will it load} and the rest of what the checker prints."""
    done = subprocess.run([sys.executable, "-m", "pyabi", "check", target], stdout=subprocess.PIPE, text=True)
    found, causes = {}, []
    for line in done.stdout.splitlines():
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        if len(cells) == 6 and cells[-1] in ("loads", "will not load"):
            found[cells[0]] = cells[-1] == "loads"
        else:
            causes.append(line.strip())
    if done.returncode != (not all(found.values())) or not found:
        sys.exit(f"check ended with {done.returncode}:\n{done.stdout}")
    return found, causes


def imports(folder, name, path, foreign):
    env = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, "-c", IMPORT.format(foreign=foreign), name, str(path)]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def modules(folder):
    for path in sorted(folder.rglob("*.so")):
        inside = path.relative_to(folder)
        if not any(part.endswith(".libs") for part in inside.parts):
            yield ".".join([*inside.parent.parts, path.name.partition(".")[0]]), path


def compare(target, folder, foreign=False):
    """How many modules there are, and how many of them differ."""
    said, causes = verdicts(target)
    differing = 0
    seen = dict(modules(folder))
    if seen.keys() != said.keys():
        print(f"the checker's modules differ: {sorted(seen.keys() ^ said.keys())}")
        differing += 1
    for name, path in seen.items():
        status, last = imports(folder, name, path, foreign)
        if status == 0 and said[name]:
            continue
        agree = not said[name] and last.startswith("ImportError: ")
        differing += not agree
        print(f"{name}: the import {'agrees' if agree else f'ended with {status}'}: {last.replace(str(folder), '...')}")
        if not said[name]:
            print(*(f"    {cause}" for cause in causes if cause.startswith("- ")), sep="\n")
    return len(seen), differing


def download(python, line, folder):
    version, abi, platform, requirement, digest = line.split()
    folder.mkdir(parents=True, exist_ok=True)
    pinned = folder / "requirement.txt"
    pinned.write_text(f"{requirement} {digest}\n")
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    command = [
        python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--implementation", "cp",
        "--python-version", version, "--abi", abi, "--platform", platform, "--dest", folder, "-r", pinned,
    ]
    subprocess.run(command, env=env, check=True)
    return next(folder.glob("*.whl"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pip", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--foreign", action="store_true")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    folder, total, differing = options.folder.resolve(), 0, 0
    if options.foreign:
        lines = [line for line in (HERE / "foreign.txt").read_text().splitlines() if line and not line.startswith("#")]
        for i, line in enumerate(lines):
            wheel = download(options.pip, line, folder / str(i))
            unpacked = folder / str(i) / "unpacked"
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(unpacked)
            print(*line.split()[:4])
            found = compare(wheel, unpacked, foreign=True)
            total, differing = total + found[0], differing + found[1]
    else:
        total, differing = compare(folder, folder)
    print(f"{total} modules, {differing} differ")
    return differing != 0


if __name__ == "__main__":
    sys.exit(main())
