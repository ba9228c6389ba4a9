"""`check`: whether extension modules will load, by the verdict of the loader itself."""

import _pyabi
import argparse
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import zipfile
from collections import namedtuple
from contextlib import ExitStack
from pathlib import Path

from pyabi import origin, table

# How extension modules are called on any system.
MODULE_SUFFIXES = (".so", ".pyd")

# The prefixes of their init functions.
INIT_FUNCTIONS = (b"PyInit_", b"PyInitU_", b"PyModExport_")

# The ABI tags of the wheels that pip installs here.
LOADABLE_ABIS = {f"cp{sys.version_info.major}{sys.version_info.minor}", "abi3", "none"}

WRAPPER = textwrap.TextWrapper(
    width=100,
    initial_indent="  - ",
    subsequent_indent="    ",
    break_long_words=False,
    break_on_hyphens=False,
)

# An extension module: its file, the name it is imported by, and the ABI tags of the wheel it is from.
Candidate = namedtuple("Candidate", "path module wheel_abis")

# What is to be said of one extension module. It loads if there is no cause why not.
Result = namedtuple("Result", "module built_for made_with needed missing causes")


class NothingToCheck(Exception):
    """Why there is nothing to say about an argument."""


def add_command(commands):
    command = commands.add_parser(
        "check",
        help="tell whether extension modules will load",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Tell for each extension module what it was built for and with, how many symbols of the C API\n"
            "it needs, which of them are missing here, and whether the import will accept the file.\n"
            "Nothing is run or installed."
        ),
        epilog=(
            "exit status:\n"
            "  0  every extension module will load\n"
            "  1  at least one will not\n"
            "  2  an argument could not be used, or has no extension module in it"
        ),
    )
    command.add_argument(
        "targets",
        nargs="+",
        metavar="FILE_OR_NAME",
        help="a wheel, an extension module, a folder with some, or a package for pip to download",
    )
    command.set_defaults(run=run)


def run(arguments):
    status = 0
    for number, target in enumerate(arguments.targets):
        if number:
            print()
        try:
            results = check(target)
        except NothingToCheck as error:
            sys.stdout.flush()
            print(f"{target}: {error}", file=sys.stderr)
            status = 2
            continue
        if any(result.causes for result in results):
            status = max(status, 1)
    return status


def check(target):
    """Prints what there is to say about an argument, and returns it."""
    with ExitStack() as stack:
        title, candidates = find(target, stack)
        results = [examine(candidate) for candidate in candidates]
    if not results:
        raise NothingToCheck("no extension module in it")
    print(title)
    show(results)
    return results


def find(target, stack):
    """What an argument stands for, and its files. Temporary ones go when `stack` is closed."""
    path = Path(target)
    if not path.exists():
        if os.sep in target or path.suffix in (*MODULE_SUFFIXES, ".whl"):
            raise NothingToCheck("no such file")
        path = download(target, new_folder(stack))
    if path.is_dir():
        return path, in_folder(path)
    if path.suffix == ".whl":
        return path.name, in_wheel(path, new_folder(stack))
    return path, [Candidate(path, module_name(Path(path.name)), ())]


def new_folder(stack):
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pyabi-check-")))


def download(requirement, folder):
    """Has pip get the wheel that it would install here."""
    # Standard output is for the results.
    sys.stdout.flush()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--dest", folder, requirement),
        ],
        env=pip_environment(),
        stdout=sys.stderr,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise NothingToCheck("pip has no wheel of it for this interpreter")
    return wheels[0]


def pip_environment():
    """Variables with which `-m pip` works, be pip installed or not."""
    if importlib.util.find_spec("pip"):
        return None
    # What ensurepip installs.
    wheels = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "").glob("pip-*.whl")
    paths = [*map(str, wheels), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def in_folder(folder, wheel_abis=()):
    """The extension modules below a folder."""
    paths = (path for suffix in MODULE_SUFFIXES for path in folder.rglob(f"*{suffix}"))
    return [
        Candidate(path, module_name(path.relative_to(folder)), wheel_abis)
        for path in sorted(paths)
        if path.is_file() and is_module(path)
    ]


def is_module(path):
    """Whether a file is an extension module, or is called as only these are. Packages have other libraries, too."""
    if "." in path.stem:
        return True
    image = read(path)
    return any(mark in image for mark in INIT_FUNCTIONS)


def in_wheel(wheel, folder):
    """The extension modules in a wheel, taken out together with the libraries that they may need."""
    # PEP 427: name-version(-build)?-python-abi-platform.whl
    parts = wheel.stem.split("-")
    if len(parts) < 5:
        raise NothingToCheck("not called as wheels are: NAME-VERSION-PYTHON-ABI-PLATFORM.whl")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                base = name.rpartition("/")[2]
                if base.endswith(MODULE_SUFFIXES) or ".so." in base:
                    archive.extract(name, folder)
    except (zipfile.BadZipFile, OSError) as error:
        raise NothingToCheck(f"not a wheel: {error}") from error
    return in_folder(folder, parts[-2].split("."))


def module_name(path):
    """The name that a file is imported by, from its path relative to an item of `sys.path`."""
    return ".".join([*path.parts[:-1], path.name.partition(".")[0]])


def read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise NothingToCheck(error.strerror) from error


def examine(candidate):
    image = read(candidate.path)
    found = _pyabi.examine(candidate.path, candidate.module)
    architecture = found["architecture"]
    causes = list(found["causes"])
    if candidate.wheel_abis and not LOADABLE_ABIS.intersection(candidate.wheel_abis):
        causes.append(f"in a wheel for {'.'.join(candidate.wheel_abis)}, which pip does not install here")
    abi = found["abi"] or ".".join(candidate.wheel_abis) or "any ABI"
    return Result(
        module=candidate.module,
        built_for=f"{abi} {architecture}" if architecture else "-",
        made_with=origin.of_image(image, found["libraries"]) if architecture else "-",
        needed=len(found["needed"]),
        missing=len(found["missing"]),
        causes=causes,
    )


def show(results):
    rows = [
        [
            *(result.module, result.built_for, result.made_with, result.needed, result.missing),
            "will not load" if result.causes else "loads",
        ]
        for result in results
    ]
    table.show(["module", "built for", "made with", "needs", "missing", "verdict"], rows)
    failures = [result for result in results if result.causes]
    print(f"{len(results) - len(failures)} of {len(results)} will load")
    for result in failures:
        print(f"{result.module}:")
        for cause in result.causes:
            print(WRAPPER.fill(cause))
