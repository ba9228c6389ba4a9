#!/bin/sh
# Records what CPython prints, as the expectation of the tests:
#
#   tests/record.sh /path/to/python3.14 [TEST...]      default: pyo3 fixtures suites work
#
# The tests run in that interpreter and rewrite their files in tests/data. Where its headers are too,
# PYABI_INCLUDE=/include:/include/python3.14 has the C fixtures compiled against them. PYABI_PIP=/folder/with/pip
# serves a CPython that comes without pip.
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: tests/record.sh /path/to/python3.14 [TEST...]}
shift
"$python" -c 'import sys; assert sys.version_info[:2] == (3, 14), sys.version; print(sys.version)'
[ $# -gt 0 ] || set -- pyo3 fixtures suites work
for test; do
    PYABI_RECORD=$python cargo test --ignore-rust-version --test "$test" -- --include-ignored --skip embedded
done
