#!/usr/bin/env python3
"""Compares random programs of API calls in two interpreters and shrinks those that differ.

    tests/differ.py CPYTHON PYABI FOLDER [FIRST [LAST]]

FOLDER holds the compiled tests/fixtures/differ.c (`cargo test --test fixtures differ` leaves it in
target/tmp/fixtures/differ). Programs FIRST to LAST - 1 run in both; of every difference the shortest program found is
printed, and differences that end in the same step of the same kind are counted, not shown again.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading

SCRIPT = pathlib.Path(__file__).parent / "fixtures" / "test_differ.py"
BLOCK = 200
LIMIT = 120


class Interpreter:
    """One that answers requests; started again when it dies."""

    def __init__(self, program, folder):
        self.program = program
        self.environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=folder)
        self.process = None

    def ask(self, *request):
        """The answer; None when it died of the question."""
        if self.process is None:
            self.process = subprocess.Popen(
                [self.program, SCRIPT, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=self.environment, text=True,
            )
        timer = threading.Timer(LIMIT, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        timer.cancel()
        if not answer:
            self.process.kill()
            self.process.wait()
            self.process = None
            return None
        return json.loads(answer)


class Pair:
    def __init__(self, cpython, pyabi, folder):
        self.cpython, self.pyabi = Interpreter(cpython, folder), Interpreter(pyabi, folder)

    def differing(self, seed, count):
        """The numbers of the programs that differ."""
        answers = [None, None]

        def ask(index, interpreter):
            answers[index] = interpreter.ask("digest", seed, count)

        threads = [threading.Thread(target=ask, args=pair) for pair in enumerate((self.cpython, self.pyabi))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if answers[0] == answers[1] and answers[0] is not None:
            return
        if count == 1:
            yield seed
            return
        half = count // 2
        yield from self.differing(seed, half)
        yield from self.differing(seed + half, count - half)

    def difference(self, program):
        """The first differing lines, and how many lines agree."""
        expected, actual = self.cpython.ask("trace", program), self.pyabi.ask("trace", program)
        if expected is None:
            return None
        if actual is None:
            return len(expected), "(no crash)", "CRASH"
        for index, (old, new) in enumerate(zip(expected, actual)):
            if old != new:
                return index, old, new
        return None

    def shrink(self, program):
        """A program as short as can be whose last step differs still."""
        found = self.difference(program)
        if found is None:
            return None
        program = program[: found[0] + 1]
        size = max(1, len(program) // 2)
        while size >= 1:
            at = 0
            while at < len(program):
                shorter = program[:at] + program[at + size :]
                difference = self.difference(shorter)
                if difference is not None and (difference[2] == "CRASH") == (found[2] == "CRASH"):
                    program, found = shorter[: difference[0] + 1], difference
                else:
                    at += size
            size //= 2
        return program, found


def kind(old, new):
    """What differences have in common that most likely have one cause."""
    if new == "CRASH":
        return "CRASH"
    name = re.search(r"r\d+ (\w+)", old)
    text = [re.sub(r"r\d+|[0-9a-f]{4,}|'[^']*'|\d+", "", line.split(" -> ")[-1])[:40] for line in (old, new)]
    return (name and name[1], *text)


def main():
    cpython, pyabi, folder = sys.argv[1:4]
    first, last = (int(number) for number in (sys.argv[4:] + ["0", "5000"][len(sys.argv[4:]) :]))
    pair = Pair(cpython, pyabi, folder)
    seen = {}
    for seed in range(first, last, BLOCK):
        for number in pair.differing(seed, min(BLOCK, last - seed)):
            program = pair.cpython.ask("program", number)
            found = pair.difference(program)
            if found is None:
                print(f"{number}: differs only after others, or CPython dies", flush=True)
                continue
            key = kind(found[1], found[2])
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > 1:
                continue
            program, found = pair.shrink(program) or (program, found)
            print(f"--- {number} {key}", flush=True)
            for line in (pair.cpython.ask("trace", program[:-1]) or [])[:-1]:
                print(" ", line)
            print("-", found[1])
            print("+", found[2], flush=True)
    print(f"{sum(seen.values())} of {last - first} programs differ, in {len(seen)} kinds")
    sys.exit(bool(seen))


if __name__ == "__main__":
    main()
