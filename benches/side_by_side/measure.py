"""Measures every operation in the interpreter that runs this; prints JSON: {operation: nanoseconds}."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from operations import OPERATIONS


def measure(run, duration):
    """Nanoseconds per operation, from enough of them to fill `duration` seconds."""
    n = 10
    while True:
        elapsed = run(n)
        if elapsed >= duration * 1e8:
            break
        n *= 4
    n = max(n, int(n * duration * 1e9 / elapsed))
    return run(n) / n


def main():
    duration = float(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    results = {}
    for group, name, label, run in OPERATIONS:
        key = "/".join(filter(None, (group, name, label)))
        if wanted in key:
            results[key] = measure(run, duration)
    json.dump({"version": sys.version, "nanoseconds": results}, sys.stdout)


main()
