"""A million mixed calls into markupsafe, rpds, jiter and blake3: nothing may be left over.

Run as `mixed_loop.py [CALLS]`. How many pairs of objects are alive and how much memory the process
has go to stderr, before and after; stdout says whether they grew.
"""

import gc
import sys
import time

import blake3
import jiter
import markupsafe
import rpds

try:
    from _pyabi import live_pairs
except ImportError:  # an interpreter whose objects are C objects

    def live_pairs():
        return 0


PAIRS, MEGABYTES = 64, 8
DOCUMENT = b'{"name": "caf\xc3\xa9", "numbers": [1, 2.5, -3e10, 123456789012345678901], "nested": {"a": [null, true]}}'
CALLS_A_ROUND = 20


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def one_round(number, state):
    """Makes CALLS_A_ROUND calls; what it returns depends on `number` only."""
    text = f"<{number} & 'text' é>"
    escaped = markupsafe.escape(text)  # 1
    joined = markupsafe.Markup("<b>%s</b>") % text  # 2
    unescaped = escaped.unescape()  # 3
    total = len(escaped) + len(joined) + len(unescaped)

    mapping = state["map"].insert(number % 97, text)  # 4
    mapping = mapping.insert(("key", number % 89), number)  # 5
    mapping = mapping.discard(number % 31)  # 6
    state["map"] = mapping if number % 500 else rpds.HashTrieMap({"start": 1})
    total += len(mapping) * 0 + mapping.get(("key", number % 89))  # 7, 8
    group = rpds.HashTrieSet([number, text, None]).insert(1.5)  # 9, 10
    total += len(group) + (text in group)  # 11
    items = rpds.List([number, number + 1, text]).push_front(None)  # 12, 13
    total += sum(1 for _ in items) + items.rest.first  # 14, 15

    value = jiter.from_json(DOCUMENT)  # 16
    total += len(value["name"]) + value["numbers"][0]
    try:
        jiter.from_json(b"[1, 2")  # 17
    except ValueError as error:
        total += len(str(error))

    hasher = blake3.blake3(text.encode())  # 18
    hasher.update(DOCUMENT)  # 19
    total += hasher.digest(length=4)[0]  # 20
    return total


def run(calls, state):
    total = 0
    for number in range(calls // CALLS_A_ROUND):
        total += one_round(number, state)
    return total


def measure(label):
    gc.collect()
    gc.collect()
    pairs, memory = live_pairs(), resident()
    print(f"{label}: {pairs} live pairs, {memory / 2**20:.1f} MiB", file=sys.stderr, flush=True)
    return pairs, memory


def main(calls):
    # warm caches, pools and allocators up with as many rounds as the state needs to repeat itself
    run(min(calls, 100_000), {"map": rpds.HashTrieMap()})
    pairs, memory = measure("before")
    begin = time.perf_counter()
    total = run(calls, {"map": rpds.HashTrieMap()})
    seconds = time.perf_counter() - begin
    pairs_after, memory_after = measure("after")
    print(f"{calls} calls in {seconds:.1f} s", file=sys.stderr)
    print("calls:", calls, "total:", total)
    print("pairs grew:", pairs_after - pairs > PAIRS)
    print("memory grew:", memory_after - memory > MEGABYTES * 2**20)
    return pairs_after - pairs > PAIRS or memory_after - memory > MEGABYTES * 2**20


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
