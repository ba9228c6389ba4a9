"""`coverage`: how much of CPython's C API this interpreter exports."""

import _pyabi
from collections import defaultdict, namedtuple

from pyabi import table

TIERS = ("stable", "public", "private")

Symbol = namedtuple("Symbol", "name kind tier header")
Wheel = namedtuple("Wheel", "name version tag symbols")


def add_command(commands):
    command = commands.add_parser(
        "coverage",
        help="count the exported symbols of the C API",
        description=(
            "Count which of the symbols that CPython exports this interpreter exports too: by tier "
            "(stable: the Stable ABI; private: the rest of the names with an underscore; public: the rest of "
            "the others), by header, and for each of the wheels whose imports were surveyed."
        ),
    )
    command.add_argument(
        "--missing",
        action="store_true",
        help="list the missing symbols instead, those that most wheels import first",
    )
    command.set_defaults(run=run)


def records(text):
    """The fields of each line that is no comment."""
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def recorded_symbols():
    return [Symbol(*fields) for fields in records(_pyabi.recorded_symbols())]


def surveyed_wheels():
    return [
        Wheel(name, version, tag, symbols.split())
        for name, version, tag, symbols in records(_pyabi.surveyed_wheels())
    ]


def run(arguments):
    exported = set(_pyabi.exported_symbols())
    symbols = recorded_symbols()
    wheels = surveyed_wheels()
    importers = defaultdict(list)
    for wheel in wheels:
        for name in wheel.symbols:
            importers[name].append(wheel.name)
    if arguments.missing:
        list_missing(symbols, importers, exported)
        return 0
    show_counts("tier", group(symbols, "tier", TIERS), importers, exported)
    extra = exported.difference(symbol.name for symbol in symbols)
    if extra:
        print(f"and {len(extra)} that CPython does not export: {', '.join(sorted(extra))}")
    print()
    headers = sorted({symbol.header for symbol in symbols} - {"-"})
    show_counts("header", group(symbols, "header", [*headers, "-"]), importers, exported)
    print()
    show_wheels(wheels, exported)
    return 0


def list_missing(symbols, importers, exported):
    missing = [symbol for symbol in symbols if symbol.name not in exported]
    missing.sort(key=lambda symbol: (-len(importers[symbol.name]), TIERS.index(symbol.tier), symbol.name))
    rows = [[*symbol, " ".join(importers[symbol.name])] for symbol in missing]
    table.show(["symbol", "kind", "tier", "header", "wheels that import it"], rows)


def group(symbols, field, keys):
    """The symbols by the value of a field, in the order of `keys`."""
    groups = {key: [] for key in keys}
    for symbol in symbols:
        groups[getattr(symbol, field)].append(symbol)
    return groups


def show_counts(title, groups, importers, exported):
    """How many symbols CPython exports and how many we; the same for those that a surveyed wheel imports."""
    rows = []
    for key, symbols in groups.items():
        names = [symbol.name for symbol in symbols]
        imported = [name for name in names if importers[name]]
        rows.append([key, *count(names, exported), *count(imported, exported)])
    rows.append(["total", *(sum(column) for column in list(zip(*rows))[1:])])
    table.show([title, "CPython", "here", "wheels import", "here"], rows)


def count(names, exported):
    return len(names), len(exported.intersection(names))


def show_wheels(wheels, exported):
    rows = []
    for wheel in wheels:
        needed, found = count(wheel.symbols, exported)
        rows.append([wheel.name, wheel.version, wheel.tag, needed, needed - found])
    table.show(["wheel", "version", "tag", "imports", "missing"], rows)
