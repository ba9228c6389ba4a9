"""Install extension modules from PyPI with pip, and put them to work.

    cargo run --release --ignore-rust-version -- examples/first_light.py

makes a virtual environment in target/first-light, has pip fetch the wheels that
are published for CPython 3.14, and runs them in the interpreter that it was made
with. Nothing is compiled and nothing is patched.
"""

import importlib.machinery
import os
import subprocess
import sys
import venv

PACKAGES = ["markupsafe", "rpds-py", "jiter", "blake3"]
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(PROJECT, "target", "first-light")


def install():
    """Make the environment, have pip fill it, and return its interpreter."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    # An earlier build may have left its own environment there.
    if not (os.path.exists(python) and os.path.samefile(python, sys.executable)):
        print(f"making {ENVIRONMENT}", flush=True)
        venv.create(ENVIRONMENT, clear=True, symlinks=True, with_pip=True)
    pip = [python, "-m", "pip", "install", "--only-binary", ":all:"]
    subprocess.run(pip + PACKAGES, check=True)
    return python


def show():
    """Use every package, then say which machine code has been running."""
    import blake3
    import jiter
    import markupsafe
    import rpds

    print()
    print("markupsafe:", markupsafe.escape("<light & 'dark'>"))

    first = rpds.HashTrieMap({"light": "day"})
    second = first.insert("dark", "night")
    print("rpds:      ", sorted(first.items()), "->", sorted(second.items()))

    print("jiter:     ", jiter.from_json(b'{"pi": 3.14, "e": [2, 7.18, null, true]}'))

    print("blake3:    ", blake3.blake3(b"first light").hexdigest())

    print()
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(suffixes):
            print(f"{name}: {file}")


if __name__ == "__main__":
    if sys.argv[1:] == ["show"]:
        show()
    else:
        python = install()
        print(f"\nPython {sys.version}", flush=True)
        sys.exit(subprocess.run([python, os.path.abspath(__file__), "show"]).returncode)
