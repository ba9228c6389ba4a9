"""Mixed work by four threads on both sides of the border, for a while: memory does not grow.

Run as `soak.py [SECONDS]`, with the modules of tests/fixtures/lifetimes.c and cycles.c at hand. What the process takes goes
to stderr, every few seconds; stdout says whether it grew."""

import gc
import random
import sys
import threading
import time
import weakref

import cycles
import lifetimes

try:
    import _pyabi
except ImportError:
    _pyabi = None

THREADS, MEGABYTES = 4, 8


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


class Holder:
    pass


class Sub(cycles.Node):
    def __init__(self, *args):
        self.extra = [self]


class Finalized(lifetimes.Tracked):
    def __del__(self):
        self.extra = [self.item]


def instances(rng):
    nodes = [cycles.Node() for _ in range(20)]
    for node in nodes:
        node.a, node.b = rng.choice(nodes), [rng.choice(nodes)]
    return len(nodes)


def subclasses(rng):
    sub = Sub(1)
    sub.a = Sub(sub)
    item = Finalized([rng.random()])
    reference = weakref.ref(item)
    assert reference() is item
    # A collection of another thread's may keep it for a moment.
    del item
    reference()


def hidden(rng):
    node = cycles.Node()
    cycles.hidden(node)
    cycles.knot()
    cycles.containers(cycles.Node())
    end = Holder()
    end.node = cycles.Node()
    cycles.chain(end.node, cycles.Node(end), rng.randrange(50))


def closures(rng):
    def function():
        return node

    node = cycles.Node(function)
    assert function() is node


def values(rng):
    for item in (rng.random(), rng.getrandbits(100), "é" * rng.randrange(200), bytes(rng.randrange(2000)), (1, [2])):
        assert cycles.identity(item) is item
    lifetimes.churn(20)


def containers(rng):
    items = [object() for _ in range(rng.randrange(200))]
    assert lifetimes.iterate(items) == len(items)
    mapping = {str(n): [n] for n in range(rng.randrange(50))}
    lifetimes.walk(mapping)
    lifetimes.borrow([[1]], {"key": mapping}, ((2,),), lambda: mapping.clear())
    lifetimes.tuple_under_construction(5, lambda n: [n])


def errors(rng):
    def fail(n):
        raise ValueError(n)

    for _ in range(3):
        try:
            lifetimes.tuple_under_construction(3, fail)
        except ValueError as error:
            node = cycles.Node(error)
            error.node = node


def callbacks(rng):
    state = []

    def callback(*args):
        if not args:
            state.append(lifetimes.Tracked("payload"))
            return state[-1]
        state.clear()
        return args[0].item

    assert lifetimes.drop_during(callback)[1] == "payload"


def others(rng):
    lifetimes.capsule()
    lifetimes.make_foreign()
    lifetimes.weak(lifetimes.Tracked())
    type("Made", (cycles.Node,), {})().a = 1


OPERATIONS = [instances, subclasses, hidden, closures, values, containers, errors, callbacks, others]


def work(seed, until, done):
    rng = random.Random(seed)
    while time.monotonic() < until:
        for _ in range(20):
            rng.choice(OPERATIONS)(rng)
        done[seed] += 20
        if seed == 0 and done[0] % 400 == 0:
            gc.collect()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    start = time.monotonic()
    done = [0] * THREADS
    threads = [threading.Thread(target=work, args=(n, start + seconds, done)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    sizes = []
    while any(thread.is_alive() for thread in threads):
        time.sleep(min(5, seconds / 20))
        sizes.append(resident())
        pairs = f", {_pyabi.live_pairs()} pairs" if _pyabi else ""
        print(f"{time.monotonic() - start:.0f} s: {sizes[-1] >> 10} KiB, {sum(done)} operations{pairs}", file=sys.stderr, flush=True)
    for thread in threads:
        thread.join()
    # The most of the second quarter, when everything has been done often, and of the last one.
    quarter = max(1, len(sizes) // 4)
    early, late = max(sizes[quarter : 2 * quarter]), max(sizes[-quarter:])
    print(f"from {early >> 10} to {late >> 10} KiB", file=sys.stderr)
    print("flat" if late - early < MEGABYTES << 20 else f"grew from {early} to {late}")
    gc.collect()
    gc.collect()
    print("left:", cycles.alive() < 100)


main()
