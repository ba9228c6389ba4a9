"""Runs pytest several times in this process and watches what stays behind.

    repeat.py TIMES REPORT PYTEST-ARGUMENT...

A line of REPORT for each run: pairs of objects that the bridge keeps, resident memory, outcomes. Growth by more than
5 % beyond the first run adds a line that begins with "grown: ", and the exit status is 1. CPython has no pairs.
"""

import collections
import gc
import os
import sys

import pytest

try:
    import _pyabi
except ImportError:
    _pyabi = None

MOST = 1.05


def settle():
    for _ in range(3):
        gc.collect()
    if _pyabi:
        _pyabi.flush()
        gc.collect()


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Outcomes:
    """Counts, and nothing that refers to the tests."""

    def __init__(self):
        self.counts = collections.Counter()

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1


def main():
    times, report, *arguments = sys.argv[1:]
    measures = []
    grown = []
    with open(report, "w", encoding="utf-8") as out:
        for number in range(1, int(times) + 1):
            outcomes = Outcomes()
            pytest.main(list(arguments), plugins=[outcomes])
            counts = " ".join(f"{count} {kind}" for kind, count in sorted(outcomes.counts.items()))
            del outcomes
            settle()
            pairs = _pyabi.live_pairs() if _pyabi else 0
            memory = resident()
            measures.append((pairs, memory, counts))
            print(f"run {number}: {pairs} pairs, {memory >> 10} KiB, {counts}", file=out, flush=True)
        first, last = measures[0], measures[-1]
        for name, before, after in zip(("pairs", "resident memory"), first, last):
            if after > before * MOST:
                grown.append(f"{name}, from {before} to {after}")
        if len({counts for _, _, counts in measures}) != 1:
            grown.append("the outcomes of the runs differ")
        for line in grown:
            print(f"grown: {line}", file=out)
    sys.exit(bool(grown))


if __name__ == "__main__":
    main()
