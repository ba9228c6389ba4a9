"""A pytest plugin that writes each test's outcome at once, so that a crash loses one line only.

PYABI_OUTCOMES names the file; PYABI_NATIVE lists modules that must come from a shared object; PYABI_ABSENT
lists modules of the standard library that are taken for empty where they cannot be imported.
"""

import importlib
import os
import sys
import types

import pytest

_out = None
_worst = {}


def pytest_configure(config):
    global _out
    for name in os.environ.get("PYABI_ABSENT", "").split():
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    _out = open(os.environ["PYABI_OUTCOMES"], "w", encoding="utf-8", errors="backslashreplace")


def _write(kind, name):
    print(kind, name.replace("\n", "\\n"), file=_out, flush=True)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if report.when == "setup":
        _worst[report.nodeid] = None
    kind = report.outcome
    if report.failed and report.when != "call":
        kind = "error"
    elif hasattr(report, "wasxfail"):
        kind = "xfailed" if report.skipped else "xpassed"
    if report.when == "call" or kind != "passed":
        _worst[report.nodeid] = kind
    if report.when == "teardown":
        _write(_worst.pop(report.nodeid) or "error", report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        _write("error", f"collect {report.nodeid}")


def pytest_sessionfinish(session):
    with open("/proc/self/maps") as maps:
        mapped = {line.split()[-1] for line in maps if ".so" in line}
    for name in os.environ.get("PYABI_NATIVE", "").split():
        path = getattr(sys.modules.get(name), "__file__", None) or ""
        real = os.path.realpath(path)
        native = path.endswith(".so") and any(os.path.realpath(file) == real for file in mapped)
        _write("native" if native else "not-native", name)
    _write("finished", "session")
    _out.flush()
