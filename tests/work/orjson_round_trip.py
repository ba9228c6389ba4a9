"""orjson at work: documents of every shape, options, hooks, errors."""

import dataclasses
import datetime
import enum
import json
import math
import random
import uuid

import orjson

random.seed(20)


def document(depth):
    """A random JSON document, deep and wide enough to grow every container."""
    kind = random.randrange(9 if depth else 6)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.randrange(-(2**63), 2**63)
    if kind == 2:
        return random.uniform(-1e9, 1e9)
    if kind in (3, 4):
        letters = random.choice(["abc", "é\xff", "λ€\n", "🦀\"\\", "\x00\x1f "])
        return "".join(random.choice(letters) for _ in range(random.randrange(40)))
    if kind == 5:
        return random.randrange(-1000, 1000)
    if kind == 6:
        return {f"key {n} é": document(depth - 1) for n in range(random.randrange(12))}
    return [document(depth - 1) for n in range(random.randrange(12))]


def round_trips():
    total = 0
    for _ in range(400):
        original = document(5)
        dumped = orjson.dumps(original)
        assert json.loads(dumped) == original
        assert orjson.loads(dumped) == original
        assert orjson.loads(dumped.decode()) == original
        assert orjson.loads(bytearray(dumped)) == orjson.loads(memoryview(dumped)) == original
        total += len(dumped)
    print("round trips:", total, "bytes")


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Item:
    name: str
    tags: list
    level: Level
    when: datetime.datetime


@dataclasses.dataclass
class Order:
    id: uuid.UUID
    items: dict


def rich_types():
    utc = datetime.timezone.utc
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    order = Order(
        uuid.UUID(int=7),
        {
            "one": Item("é", ["a", 1.5, None], Level.HIGH, datetime.datetime(2024, 2, 29, 1, 2, 3, 456, utc)),
            "two": Item("", [], Level.LOW, datetime.datetime(1999, 12, 31, 23, 59, 59, tzinfo=east)),
        },
    )
    print("dataclass:", orjson.dumps(order).decode())
    values = [datetime.date(1, 1, 1), datetime.time(12, 0, 0, 1), datetime.datetime(2024, 1, 1), Level.LOW, (1, 2)]
    print("values:", orjson.dumps(values).decode())
    print("naive:", orjson.dumps(values[2], option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z).decode())
    keys = {1: "int", 2.5: "float", None: "none", True: "true", datetime.date(2024, 1, 1): "date", Level.HIGH: "enum"}
    print("keys:", orjson.dumps(keys, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS).decode())
    print("indented:", orjson.dumps({"b": [1, {}], "a": []}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
    print("newline:", orjson.dumps([], option=orjson.OPT_APPEND_NEWLINE))
    print("fragment:", orjson.dumps({"f": orjson.Fragment(b'{"raw": 1}')}))
    print("floats:", orjson.dumps([math.nan, math.inf, -0.0, 1e22, 5e-324, 0.1]).decode())


def default_hook():
    calls = []

    def default(value):
        calls.append(type(value).__name__)
        if isinstance(value, complex):
            return [value.real, value.imag]
        if isinstance(value, set):
            return sorted(value)
        raise TypeError(f"no {type(value).__name__}")

    print("default:", orjson.dumps({"c": 1 + 2j, "s": {3, 1, 2}}, default=default).decode(), calls)
    for bad in (object(), {"deep": [b"bytes"]}):
        try:
            orjson.dumps(bad, default=default)
        except orjson.JSONEncodeError as error:
            print("error:", error, "| cause:", error.__cause__)


def bad_input():
    for text in ("", "{", "[1,]", '{"a" 1}', "nul", "1e999", '"\\ud800"', b"\xff", "[" * 2000, '{"a":1}x'):
        try:
            print("loaded:", orjson.loads(text))
        except orjson.JSONDecodeError as error:
            print("decode error:", repr(text[:8]), error.msg, error.pos, isinstance(error, ValueError))
    for value in (2**64, "\ud800", {1: 2}, {"a": object}):
        try:
            print("dumped:", orjson.dumps(value))
        except TypeError as error:
            print("encode error:", type(error).__name__, error)
    nested = []
    for _ in range(300):
        nested = [nested]
    try:
        orjson.dumps(nested)
    except TypeError as error:
        print("depth:", error)


def many_small_documents():
    total = 0
    for n in range(20_000):
        value = orjson.loads(orjson.dumps({"n": n, "text": f"item {n}", "list": [n, n + 0.5, None]}))
        total += value["n"] + len(value["text"]) + int(value["list"][1])
    print("small:", total)


if __name__ == "__main__":
    round_trips()
    rich_types()
    default_hook()
    bad_input()
    many_small_documents()
