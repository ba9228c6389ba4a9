"""Which tool an extension module was made with."""

import re
from collections import namedtuple

# `mark`: bytes that the tool puts into every module. `version`: what stands before the tool's version.
# `without`: bytes of the one module that bears the mark but was not made with the tool, its own runtime.
Tool = namedtuple("Tool", "name mark version without", defaults=(None, None))

# The first that fits is the answer: who binds by hand in Rust or C++ comes last.
TOOLS = (
    Tool("Cython", b"cython_runtime", b"_cython_"),
    Tool("PyO3", b"pyo3_runtime", b"/pyo3-"),
    Tool("pybind11", b"__pybind11_"),
    Tool("nanobind", b"nanobind"),
    Tool("SWIG", b"swig_runtime_data"),
    Tool("cffi", b"_init_cffi_1_0_external_module", without=b"_cffi_backend.CType"),
    Tool("mypyc", b"__mypyc"),
    Tool("Rust, pyo3-ffi", b"/pyo3-ffi-", b"/pyo3-ffi-"),
    Tool("Rust", b"/rustc/"),
    Tool("Rust", b"rustc version "),
)

LANGUAGE_LIBRARIES = (
    ("libboost_python", "Boost.Python"),
    ("libstdc++.", "C++"),
    ("libc++.", "C++"),
)

VERSION = re.compile(rb"(\d+)[._](\d+)")


def of_image(image, libraries):
    """The tool's name, and its version where the file tells; the language for code written by hand."""
    for tool in TOOLS:
        if tool.mark in image and not (tool.without and tool.without in image):
            version = tool.version and version_after(image, tool.version)
            return f"{tool.name} {version}" if version else tool.name
    for prefix, name in LANGUAGE_LIBRARIES:
        if any(library.startswith(prefix) for library in libraries):
            return name
    return "C"


def version_after(image, prefix):
    """The version that stands after the first `prefix` that one stands after."""
    at = image.find(prefix)
    while at >= 0:
        start = at + len(prefix)
        found = VERSION.match(image[start:start + 16])
        if found:
            return b".".join(found.groups()).decode()
        at = image.find(prefix, start)
    return None
