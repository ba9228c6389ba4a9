"""Exercises `pyo3_fixture`, one section per source file of the module.

Run with the module's folder on PYTHONPATH. Prints one line per check, `name: ok` or
`name: value`; CPython's output is the expectation (tests/data/pyo3-*.txt).
"""

import array
import asyncio
import copy
import datetime
import gc
import inspect
import pickle
import sys
import threading
import traceback
import weakref
from operator import itemgetter

import pyo3_fixture as m

CHECKS = []
OUT = sys.stdout


def check(function):
    CHECKS.append(function)
    return function


def show(name, value):
    print(f"  {name} = {value!r}", file=OUT)


def raised(function, *args, **kwargs):
    """What `function` raises, as a printable pair."""
    try:
        function(*args, **kwargs)
    except BaseException as error:
        return type(error).__name__, str(error)
    return None


# module


@check
def module_contents():
    show("answer", m.ANSWER)
    show("names", m.names)
    show("version", m.__version__)
    show("doc", m.__doc__)
    show("package", (m.__name__, m.__package__, m.__spec__.name))
    show("all", sorted(m.__all__))
    show("builtin", type(m.concat).__name__)


@check
def submodules():
    show("inner", (m.inner.DEPTH, m.inner.whoami(), m.inner.__name__))
    show("innermost", m.inner.innermost.DEPTH)


@check
def reimport_gives_the_same_module():
    import importlib

    assert importlib.import_module("pyo3_fixture") is m
    assert sys.modules["pyo3_fixture"] is m


# classes


@check
def construction():
    point = m.Point(1.5, 2.5)
    show("repr", point)
    show("str", str(point))
    show("default", m.Point(3.0))
    show("keywords", m.Point(y=1.0, x=2.0, label="hi"))
    show("class", (m.Point.__name__, m.Point.__qualname__, m.Point.__module__, m.Point.__doc__))
    show("missing", raised(m.Point))
    show("too many", raised(m.Point, 1.0, 2.0, 3.0))
    show("unknown", raised(m.Point, 1.0, z=2.0))
    show("wrong", raised(m.Point, "one"))
    show("nan", raised(m.Point, float("nan")))
    show("no constructor", raised(m.AsyncCounter.__mro__[0]))


@check
def fields_and_accessors():
    point = m.Point(1.0, 2.0)
    point.x = 10
    show("x", point.x)
    show("read only", raised(setattr, point, "y", 1.0)[0])
    show("bad value", raised(setattr, point, "x", "ten"))
    show("delete x", raised(delattr, point, "x"))
    show("no label", raised(getattr, point, "label"))
    point.label = "here"
    show("label", point.label)
    del point.label
    show("deleted", raised(getattr, point, "label"))
    show("no such attribute", raised(getattr, point, "z")[0])
    show("no new attribute", raised(setattr, point, "z", 1)[0])
    show("descriptor", type(m.Point.x).__name__)
    show("class attribute", m.Point.DIMENSIONS)


@check
def methods():
    point = m.Point(1.0, 2.0)
    assert point.shift(1.0, 1.0) is point
    show("shifted", point)
    show("dot", point.dot(m.Point(2.0, 1.0)))
    show("self dot", point.dot(point))
    show("origin", m.Point.origin())
    show("static", m.Point.distance(m.Point(0.0), m.Point(3.0, 4.0)))
    show("doc", m.Point.shift.__doc__)
    show("signature", m.Point.shift.__text_signature__)
    show("unbound", m.Point.dot(point, point))
    show("wrong self", raised(m.Point.dot, 1, point)[0])
    show("bound", type(point.dot).__name__)
    show("qualified", (m.Point.dot.__qualname__, point.dot.__name__))


@check
def comparison_and_hash():
    a, b = m.Point(1.0, 2.0), m.Point(1.0, 3.0)
    show("order", (a == b, a != b, a < b, a <= b, a > b, a >= b))
    show("with others", (a == 1, a != "x"))
    show("unorderable", raised(lambda: a < 1))
    assert hash(a) == hash(m.Point(1.0, 2.0))
    show("set", len({a, b, m.Point(1.0, 2.0)}))
    show("bool", (bool(a), bool(m.Point(0.0))))
    show("sorted", sorted([b, a]))


@check
def pickle_and_copy():
    point = m.Point(1.0, 2.0)
    show("copy", copy.copy(point))
    show("pickle", pickle.loads(pickle.dumps(point)) == point)


@check
def frozen_class():
    one, two = m.Frozen("a", 1), m.Frozen("b", 2)
    show("str", str(one))
    show("order", (one < two, one == m.Frozen("a", 1), hash(one) == hash(m.Frozen("a", 1))))
    show("fields", (one.name, one.rank))
    show("frozen", raised(setattr, one, "rank", 3)[0])
    show("range", raised(m.Frozen, "a", 256))


@check
def enums():
    show("repr", [m.Colour.Red, m.Colour.Green])
    show("int", [int(m.Colour.Blue), m.Colour.Blue == 4, m.Colour.Red == m.Colour.Red])
    show("hash", len({m.Colour.Red, m.Colour.Red, m.Colour.Blue}))
    show("method", m.Colour.Red.mixed(m.Colour.Blue))
    show("not constructible", raised(m.Colour))
    circle, rectangle = m.Shape.Circle(2.0), m.Shape.Rectangle(width=2.0, height=3.0)
    show("areas", [circle.area(), rectangle.area(), m.Shape.Nothing().area()])
    show("subclass", (isinstance(circle, m.Shape), type(circle).__name__, circle.radius))
    match rectangle:
        case m.Shape.Rectangle(width=w, height=h):
            show("matched", (w, h))


@check
def attribute_hooks():
    registry = m.Registry(1, "two", name="x")
    show("values", (registry.arg0, registry.arg1, registry.name))
    registry.extra = [1]
    show("dir", sorted(dir(registry)))
    del registry.extra
    show("deleted", raised(getattr, registry, "extra"))
    show("delete missing", raised(delattr, registry, "extra"))


# protocols


@check
def numbers():
    a, b = m.Number(17), m.Number(5)
    show("binary", [a + b, a - b, a * 3, a @ b, a / b, a // b, a % b, divmod(a, b)])
    show("bits", [a << 2, a >> 1, a & b, a | b, a ^ b])
    show("pow", [a**2, pow(a, 2, 10)])
    show("reflected", [100 + a, 100 - a])
    show("unary", [-a, +a, abs(m.Number(-3)), ~a])
    show("convert", [int(a), float(a), complex(a), hex(a), round(a), round(a, 2)])
    show("index", "abcdef"[m.Number(2)])
    same = a
    a += 10
    show("in place", (a, same is a))
    show("unsupported", raised(lambda: a * "x"))
    show("wrong side", raised(lambda: "x" * m.Grid())[0])
    show("wrong type", raised(lambda: a + 1))
    show("division", raised(lambda: a / m.Number(0)))
    show("pow type", raised(lambda: a**-1)[0])


@check
def sequence():
    stack = m.Stack(1, "two", None)
    show("len", len(stack))
    show("items", [stack[0], stack[2], list(stack)])
    show("negative", raised(lambda: stack[-1]))
    show("range", raised(lambda: stack[3]))
    stack[0] = 10
    del stack[1]
    show("changed", list(stack))
    show("contains", (10 in stack, 11 in stack))
    show("concat", list(stack + m.Stack(9)))
    show("repeat", list(stack * 2))
    show("reversed", list(reversed(stack)))
    show("unpack", (lambda *args: args)(*stack))


@check
def mapping():
    grid = m.Grid()
    grid[1, 2] = "a"
    grid[3, 4] = "b"
    show("get", (grid[1, 2], len(grid)))
    show("slice", grid[2:8:3])
    show("open slice", grid[::-1])
    show("missing", raised(lambda: grid[9, 9]))
    show("bad key", raised(grid.__setitem__, "x", 1)[0])
    del grid[1, 2]
    show("keys", grid.keys())
    show("bad delete", raised(grid.__delitem__, (1, 2)))


@check
def callable_objects():
    adder = m.Adder(10)
    show("plain", adder())
    show("arguments", adder(1, 2, x=3))
    show("wrong", raised(adder, "x")[0])
    show("callable", (callable(adder), callable(m.Number(1))))
    show("map", list(map(adder, range(3))))


@check
def context_managers():
    guard = m.Guard(True)
    with guard as inside:
        assert inside is guard
        raise ValueError("inside")
    show("seen", guard.seen)
    guard = m.Guard(False)

    def leak():
        with guard:
            raise KeyError("out")

    show("raised", raised(leak))
    with guard:
        pass
    show("seen", guard.seen)


@check
def descriptors():
    class Owner:
        field = m.WithDescriptor()

    owner = Owner()
    owner.field = 5
    show("get", owner.field)
    del owner.field
    show("from class", Owner.field)


# errors


@check
def custom_exceptions():
    show("plain", raised(m.raise_custom, False, "no"))
    try:
        m.raise_custom(True, "special")
    except m.FixtureError as error:
        show("special", (type(error).__name__, error.args, isinstance(error, m.SpecialError)))
    show("mro", [c.__name__ for c in m.SpecialError.__mro__])
    show("doc", m.FixtureError.__doc__)
    show("module", (m.FixtureError.__module__, m.FixtureError.__qualname__))
    show("made in Python", repr(m.SpecialError("x", 1)))


@check
def builtin_exceptions():
    for which in "value key bare os errno io stop utf8 parse unknown".split():
        show(which, raised(m.raise_builtin, which))
    try:
        m.raise_builtin("os")
    except FileNotFoundError as error:
        show("attributes", (error.errno, error.strerror, error.filename))
    try:
        m.raise_builtin("utf8")
    except UnicodeDecodeError as error:
        show("decode", (error.encoding, error.object, error.start, error.end))
    try:
        m.raise_builtin("stop")
    except StopIteration as error:
        show("stop value", error.value)


@check
def exceptions_by_type():
    class Mine(Exception):
        def __init__(self, a, b):
            super().__init__(a)
            self.b = b

    try:
        m.raise_from_type(Mine, 1, 2)
    except Mine as error:
        show("mine", (error.args, error.b))
    show("bad arguments", raised(m.raise_from_type, Mine, 1)[0])
    show("not an exception", raised(m.raise_from_type, int, 1)[0])


@check
def catching():
    show("value", m.catch(lambda: 5))
    show("zero", m.catch(lambda: 1 / 0))
    show("lookup", m.catch(lambda: {}["k"]))
    show("index", m.catch(lambda: [][1]))
    show("passed on", raised(m.catch, lambda: int("x")))
    assert sys.exception() is None


@check
def identity_of_exceptions():
    error = TypeError("the one")

    def fail():
        raise error

    try:
        m.catch(fail)
    except TypeError as caught:
        assert caught is error
        names = [frame.name for frame in traceback.extract_tb(caught.__traceback__)]
        show("frames", names)


@check
def chaining():
    def fail():
        raise KeyError("root")

    try:
        m.chain(fail)
    except m.FixtureError as error:
        show("cause", (repr(error), repr(error.__cause__), error.__suppress_context__))
    try:
        try:
            raise ValueError("first")
        except ValueError:
            m.raise_custom(False, "second")
    except m.FixtureError as error:
        show("context", repr(error.__context__))


@check
def panics():
    for message in "oops", "":
        try:
            m.panic_with(message)
        except BaseException as error:
            show("panic", (type(error).__name__, str(error), isinstance(error, Exception)))
    show("alive", m.concat("a", "b", "c", "d"))


# iterators


@check
def rust_iterators():
    show("countdown", list(m.Countdown(4)))
    counter = m.Countdown(2)
    assert iter(counter) is counter
    show("next", (next(counter), next(counter), next(counter, "end"), next(counter, "end")))
    show("exhausted", raised(next, counter))
    show("hint", m.Countdown(7).__length_hint__())
    show("zip", list(zip(m.Countdown(3), "abc")))
    show("comprehension", {n: n * n for n in m.Countdown(3)})
    words = m.Words("the quick brown fox")
    show("words", (list(words), sorted(words), "quick" in words, "slow" in words))
    show("reversed", list(reversed(words)))


@check
def python_iterables():
    show("list", m.sum_iterable([1, 2, 3]))
    show("generator", m.sum_iterable(n * n for n in range(5)))
    show("rust", m.sum_iterable(m.Countdown(5)))
    show("empty", m.sum_iterable(()))
    show("not iterable", raised(m.sum_iterable, 5))
    show("wrong item", raised(m.sum_iterable, [1, "2"]))
    show("collect", m.collect({"a": 1, "b": 2}))
    items = [object() for _ in range(3)]
    assert all(a is b for a, b in zip(m.collect(iter(items)), items))

    def failing():
        yield 1
        yield 2
        raise OSError("broken")

    show("error", m.first_error(failing()))
    show("propagated", raised(m.collect, failing()))


# buffers


@check
def consuming_buffers():
    show("bytes", m.buffer_facts(b"hello"))
    show("bytearray", m.buffer_facts(bytearray(3)))
    show("ints", m.buffer_facts(array.array("i", [1, -2, 3])))
    show("doubles", m.buffer_facts(array.array("d", [0.5, 0.25])))
    show("view", m.buffer_facts(memoryview(b"abcdef")[1:4]))
    show("strided", m.buffer_facts(memoryview(b"abcdef")[::2]))
    show("shaped", m.buffer_facts(memoryview(bytes(12)).cast("B", (3, 4))))
    show("no buffer", raised(m.buffer_facts, "text")[0])
    show("sums", (m.buffer_sum(b"\x01\x02"), m.buffer_sum(array.array("d", [0.5, 0.25]))))
    show("negative", m.buffer_sum(array.array("i", [1, -2, -3])))
    show("strided sum", m.buffer_sum(memoryview(b"\x01\x02\x03\x04")[::2]))


@check
def writing_buffers():
    target = bytearray(6)
    show("filled", (m.buffer_fill(target, 250), target))
    show("read-only", raised(m.buffer_fill, b"abc", 0))
    view = memoryview(target)[2:4]
    m.buffer_fill(view, 1)
    show("through a view", target)
    numbers = array.array("B", [0, 0, 0])
    m.buffer_fill(numbers, 7)
    show("array", numbers.tolist())
    del view
    target.append(1)
    show("released", len(target))


@check
def providing_buffers():
    exporter = m.Exporter(b"abcdef")
    view = memoryview(exporter)
    show("view", (view.tobytes(), view.format, view.shape, view.strides, view.readonly, view.nbytes))
    view[0] = 90
    show("written", exporter.tolist())
    assert view.obj is exporter
    show("busy", raised(exporter.resize, 2))
    show("loans", (exporter.loans, exporter.returned))
    view.release()
    exporter.resize(2)
    show("bytes", bytes(exporter))
    show("join", b"-".join([exporter, exporter]))
    show("own consumer", m.buffer_sum(exporter))
    show("loans", (exporter.loans, exporter.returned))


# datetime


@check
def building_datetimes():
    utc = datetime.timezone.utc
    odd = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30), "odd")
    show("date", m.make_date(2024, 2, 29))
    show("bad date", raised(m.make_date, 2023, 2, 29)[0])
    show("time", m.make_time(1, 2, 3, 4))
    show("fold", m.make_time(1, 2, 3, tzinfo=odd, fold=True))
    show("datetime", m.make_datetime((2024, 1, 2), (3, 4, 5, 6)))
    aware = m.make_datetime((2024, 1, 2), (3, 4, 5, 6), utc)
    show("aware", (aware, aware.tzinfo is utc, aware.isoformat()))
    show("odd", m.make_datetime((1, 1, 1), (0, 0, 0, 0), odd).tzname())
    show("delta", (m.make_delta(1, 2, 3), m.make_delta(0, -1, 0), m.make_delta(0, 86401, 1_000_001)))
    show("utc", m.make_utc())
    show("types", [type(v).__module__ for v in (m.make_utc(), m.make_delta(0, 0, 0))])
    show("not tz", raised(m.make_time, 1, 2, 3, tzinfo=1)[0])


@check
def reading_datetimes():
    utc = datetime.timezone.utc
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=utc, fold=1)
    show("date", m.date_parts(datetime.date(9999, 12, 31)))
    show("datetime as date", m.date_parts(moment))
    show("parts", m.datetime_parts(moment))
    assert m.datetime_parts(moment)[5] is utc
    show("naive", m.datetime_parts(datetime.datetime.min))
    show("shift", m.shift(moment, datetime.timedelta(days=-1, seconds=5, microseconds=6)))
    show("overflow", raised(m.shift, datetime.datetime.max, datetime.timedelta(1)))
    show("not a date", raised(m.date_parts, "today")[0])

    class Stamp(datetime.datetime):
        pass

    show("subclass", m.date_parts(Stamp(2000, 1, 2)))


# async


@check
def coroutines():
    async def main():
        show("add", await m.async_add(2, 3))
        try:
            await m.async_fail("failed")
        except ValueError as error:
            show("fail", str(error))
        show("gather", await asyncio.gather(*(m.async_add(n, n) for n in range(4))))
        show("thread", await m.async_from_thread(77))
        show("threads", await asyncio.gather(*(m.async_from_thread(n) for n in range(5))))
        host = m.async_method_host()
        show("method", [await host.add(1), await host.add(2)])
        return "done"

    show("result", asyncio.run(main()))
    coroutine = m.async_add(1, 1)
    show("name", (coroutine.__name__, coroutine.__qualname__, type(coroutine).__name__))
    show("send", raised(coroutine.send, None))
    show("reuse", raised(coroutine.send, None))
    m.async_add(1, 1).close()


@check
def awaitables():
    async def main():
        show("ready", await m.ReadyAwaitable(5, 0))
        show("later", await m.ReadyAwaitable(6, 3))
        show("for", [n async for n in m.AsyncCounter(4)])
        show("nested", [(a, b) async for a in m.AsyncCounter(2) async for b in m.AsyncCounter(2)])

    asyncio.run(main())


# subclasses


@check
def rust_inheritance():
    dog = m.Dog("rex")
    show("speak", (dog.speak(), dog.speak_twice(), dog.name))
    dog.learn("sit")
    show("tricks", dog.tricks)
    dog.name = "max"
    show("renamed", repr(dog))
    show("mro", [c.__name__ for c in m.Dog.__mro__])
    show("unbound base", m.Animal.speak(dog))
    show("isinstance", (isinstance(dog, m.Animal), isinstance(m.Animal(), m.Dog)))


@check
def python_subclasses():
    class Cat(m.Animal):
        kind = "cat"

        def __init__(self, name, lives=9):
            super().__init__()
            self.lives = lives

        def speak(self):
            return super().speak() + " (meow)"

    cat = Cat("tom", lives=7)
    show("speak", cat.speak())
    show("from Rust", cat.speak_twice())
    show("state", (cat.lives, cat.__dict__, cat.kind, cat.name))
    show("repr", cat)

    class Kitten(Cat):
        __slots__ = ("age",)

    kitten = Kitten("tim")
    kitten.age = 1
    show("slots", (kitten.age, kitten.lives, kitten.speak()))
    show("final", raised(lambda: type("Sub", (m.Point,), {})))

    class Puppy(m.Dog):
        pass

    puppy = Puppy("bob")
    puppy.extra = 1
    puppy.learn("roll")
    show("puppy", (puppy.speak(), puppy.tricks, puppy.extra))

    show("two layouts", raised(lambda: type("Both", (m.Animal, dict), {}))[0])
    del kitten, cat, puppy
    gc.collect()


@check
def abstract_layout_conflicts():
    show("conflict", raised(lambda: type("Both", (m.Dog, m.CountingDict), {}))[0])


@check
def instance_dict_and_weakref():
    animal = m.Animal("ann")
    animal.anything = [1]
    show("dict", animal.__dict__)
    animal.__dict__["more"] = 2
    show("more", animal.more)
    dead = []
    reference = weakref.ref(animal, lambda _: dead.append("gone"))
    assert reference() is animal
    del animal
    gc.collect()
    show("dead", (reference(), dead))
    show("no weakref", raised(weakref.ref, m.Point(1.0))[0])


@check
def extending_dict():
    counting = m.CountingDict()
    show("put", (counting.put("a", 1), counting.put("b", 2), counting.writes))
    counting["c"] = 3
    show("as dict", (dict(counting), len(counting), list(counting), counting.writes))
    show("isinstance", (isinstance(counting, dict), {**counting}))
    show("methods", (counting.pop("a"), counting.get("z"), sorted(counting.items())))

    class Sub(m.CountingDict):
        def __missing__(self, key):
            return key * 2

    sub = Sub()
    sub.put("k", "v")
    show("missing", (sub["k"], sub["zz"], sub.writes))


@check
def extending_exception():
    error = m.RichError("message", 40)
    show("fields", (error.code, error.args, str(error)))
    show("raised", raised(error.fail))
    try:
        raise m.RichError("abc")
    except m.RichError as caught:
        show("caught", (caught.code, caught.__traceback__ is not None))

    class Richer(m.RichError):
        pass

    show("keywords", raised(lambda: Richer("x", code=1))[0])
    try:
        raise Richer("x", 1) from error
    except m.RichError as caught:
        show("subclass", (type(caught).__name__, caught.code, caught.__cause__ is error))


# gc


@check
def reference_counts_drop_nodes():
    before = m.live_nodes()
    node = m.Node()
    node.next = m.Node()
    show("live", m.live_nodes() - before)
    node.next = None
    show("live", m.live_nodes() - before)
    reference = weakref.ref(node)
    del node
    gc.collect()
    show("live", (m.live_nodes() - before, reference()))


@check
def cycles_are_collected():
    before = m.live_nodes()
    a, b = m.Node(), m.Node()
    a.next, b.next = b, a
    holder = m.Node()
    holder.next = holder
    through_list = m.Node()
    items = [through_list]
    through_list.hold(items)
    through_list.hold({"self": through_list})
    references = [weakref.ref(n) for n in (a, b, holder, through_list)]
    show("live", m.live_nodes() - before)
    del a, b, holder, through_list, items
    gc.collect()
    gc.collect()
    show("live", (m.live_nodes() - before, [r() for r in references]))


@check
def reachable_cycles_stay():
    before = m.live_nodes()
    ring = m.Node()
    ring.next = m.Node()
    ring.next.next = ring
    gc.collect()
    assert ring.next.next is ring
    show("live", m.live_nodes() - before)
    ring.next.next = None
    del ring
    gc.collect()
    show("live", m.live_nodes() - before)


@check
def drops_call_back():
    log = []
    thing = ["thing"]
    handle = m.Handle(thing, log.append)
    assert handle.object is thing
    del handle
    gc.collect()
    show("log", log)
    assert log[0] is thing


# conversions


@check
def strings():
    show("ascii", m.concat("a", "b", "c", "d"))
    show("wide", m.concat("é", "λ", "🦀", "\x00end"))
    show("not a char", raised(m.concat, "a", "b", "cc", "d"))
    show("not a str", raised(m.concat, 1, "b", "c", "d"))
    show("surrogate", raised(m.concat, "\ud800", "b", "c", "d")[0])
    long = "x" * 100_000 + "é"
    show("long", len(m.concat(long, long, "c", long)))


@check
def integers():
    bounds = {
        "u8": (0, 2**8 - 1), "i8": (-(2**7), 2**7 - 1), "u16": (0, 2**16 - 1),
        "i16": (-(2**15), 2**15 - 1), "u32": (0, 2**32 - 1), "i32": (-(2**31), 2**31 - 1),
        "u64": (0, 2**64 - 1), "i64": (-(2**63), 2**63 - 1), "u128": (0, 2**128 - 1),
        "i128": (-(2**127), 2**127 - 1), "usize": (0, 2**64 - 1), "isize": (-(2**63), 2**63 - 1),
    }
    for kind, (low, high) in bounds.items():
        assert m.int_echo(low, kind) == low and m.int_echo(high, kind) == high, kind
        show(kind, (raised(m.int_echo, low - 1, kind), raised(m.int_echo, high + 1, kind)))
    for value in 0, -1, 2**30, -(2**30), 2**60 - 1, -(2**63), 10**40, -(10**400), 3**2000:
        assert m.int_echo(value, "big") == value
    show("square", m.bigint_square(-(10**30)))
    show("index", m.int_echo(m.Number(7), "i32"))
    show("bool", m.int_echo(True, "u8"))
    show("float", raised(m.int_echo, 1.5, "i64"))
    show("digits", hash(m.bigint_square(7**3000)) == hash(7**6000))


@check
def floats():
    show("halves", [m.float_halve(v) for v in (1, 2.5, True, float("inf"), -0.0)])
    show("nan", str(m.float_halve(float("nan"))))
    show("big", raised(m.float_halve, 10**400)[0])
    show("text", raised(m.float_halve, "1"))


@check
def bytes_values():
    show("reverse", (m.bytes_reverse(b"abc"), m.bytes_reverse(b""), m.bytes_reverse(b"\x00\xff")))
    show("wrong", raised(m.bytes_reverse, "abc"))


@check
def containers():
    items = [1, "a", 2.5]
    show("double", (m.list_double(items), items))
    show("swap", m.tuple_swap((1, "b")))
    show("short", raised(m.tuple_swap, (1,))[0])
    show("invert", m.dict_invert({"a": 1, "b": 2}))
    show("unhashable", raised(m.dict_invert, {"a": []})[0])
    show("map", m.map_sum({"b": [1, 2], "a": []}))
    show("map error", raised(m.map_sum, {"b": [1, "x"]})[0])
    union, frozen = m.set_union({1, 2}, {2, 3})
    show("union", (sorted(union), type(union).__name__, sorted(frozen), type(frozen).__name__))
    show("wrong list", raised(m.list_double, (1, 2)))


@check
def options():
    show("option", [m.option_or(), m.option_or(None, "d"), m.option_or("v"), m.option_or("")])
    show("keyword", m.option_or(default="k"))


@check
def alternatives():
    for value in (True, 5, 10**30, 1.5, "é", b"ab", bytearray(b"c"), (1, 2), [1, 2]):
        show("describe", m.describe(value))
    show("none fits", raised(m.describe, None)[0])


@check
def derived_structs():
    show("tagged", m.tagged({"name": "n", "tags": ["b", "a"], "weight": 1.5}))
    show("option", m.tagged({"name": "n", "tags": [], "weight": None}))
    show("missing", raised(m.tagged, {"name": "n"})[0])


# calls


@check
def signatures():
    show("defaults", [m.defaults(1, c=3), m.defaults(1, 5, c=3, d=None)])
    show("positional only", raised(m.defaults, a=1, c=2))
    show("missing keyword", raised(m.defaults, 1))
    show("keyword only", raised(m.defaults, 1, 2, 3))
    show("twice", raised(m.defaults, 1, 2, b=3, c=1))
    show("text", (m.defaults.__text_signature__, m.variadic.__text_signature__))
    show("inspect", str(inspect.signature(m.defaults)))
    show("variadic", [m.variadic(1), m.variadic(1, 2, 3, flag=True, k=4)])
    show("spread", m.variadic(*"abc", **{"x": 1, "y": 2}))


@check
def callbacks():
    show("lambda", m.call_with(lambda *a: a, 1, 2))
    show("builtin", (m.call_with(max, 3, 9, 4), m.call_with(len, "abc")))
    show("class", m.call_with(int, "12"))
    show("method", m.call_with([1, 2].index, 2))
    show("kwargs", m.call_kwargs(lambda *a, **k: (a, sorted(k.items()))))
    show("call method", (m.call_method([1], "count", 1), m.call_method("a-b", "split", "-")))
    show("no method", raised(m.call_method, 1, "nothing", 2)[0])
    show("error", raised(m.call_with, int, "x"))
    show("not callable", raised(m.call_with, 5))
    show("c function", m.call_with(itemgetter(1), (1, 2)))


@check
def reentrant_callbacks():
    def again(recorder, depth):
        return depth if depth == 0 else recorder.fire(depth - 1)

    recorder = m.Recorder(again)
    show("fire", (recorder.fire(5), recorder.calls))
    locked = None
    locked = m.Recorder(lambda: locked.calls)
    show("locked", raised(locked.fire_locked))
    show("unlocked", locked.calls)


# threads


@check
def detached_work():
    show("sum", m.detached_sum(100_000))
    show("parallel", m.parallel_sums([10, 100, 1000]))


@check
def foreign_threads_call_python():
    lock = threading.Lock()
    idents = set()

    def callback(index):
        with lock:
            idents.add(threading.get_ident())
        return index

    show("totals", m.call_from_threads(callback, 4, 25))
    show("threads", len(idents) >= 1 and threading.get_ident() not in idents)

    def failing(index):
        raise LookupError(index) if index == 2 else ValueError(index)

    show("error", raised(m.call_from_threads, failing, 1, 1))


@check
def python_threads_call_rust():
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append((n, m.detached_sum(n * 1000))))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    show("results", sorted(results))


@check
def once_values():
    m.OnceValue().shared.append(1)
    assert m.OnceValue().shared is m.OnceValue().shared
    show("shared", m.OnceValue().shared)


def main(names):
    failed = 0
    for function in CHECKS:
        name = function.__name__
        if names and name not in names:
            continue
        try:
            function()
        except BaseException as error:
            failed += 1
            print(f"{name}: FAILED {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        else:
            print(f"{name}: ok", flush=True)
    print(f"{failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
