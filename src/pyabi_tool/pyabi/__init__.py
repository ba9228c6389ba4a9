"""Tells which of CPython's extension modules this interpreter loads: run `python -m pyabi --help`."""
