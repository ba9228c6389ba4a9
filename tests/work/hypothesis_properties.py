"""hypothesis at work: properties of rpds, markupsafe and jiter against plain Python."""

import html
import json

import jiter
import markupsafe
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from rpds import HashTrieMap, HashTrieSet, List

settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=60,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fixed")

# Keys of types that can be compared: rpds panics where == gives NotImplemented, as 0 == "" may.
KEYS = st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False))
TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, st.integers()), KEYS, st.integers())
def map_is_a_dict(values, key, value):
    mapping = HashTrieMap(values)
    assert dict(mapping) == values and len(mapping) == len(values)
    added = mapping.insert(key, value)
    assert dict(added) == {**values, key: value} and dict(mapping) == values
    assert added[key] == value and mapping.get(key) == values.get(key)
    if key in values:
        assert key not in mapping.remove(key)
    assert hash(mapping) == hash(HashTrieMap(values)) and mapping == HashTrieMap(values)


@given(st.sets(TEXTS), st.sets(TEXTS))
def set_is_a_set(a, b):
    x, y = HashTrieSet(a), HashTrieSet(b)
    assert set(x | y) == a | b and set(x & y) == a & b and set(x - y) == a - b and set(x ^ y) == a ^ b
    assert (x <= y) == (a <= b) and (x == y) == (a == b)


@given(st.lists(KEYS))
def list_is_a_list(values):
    items = List(values)
    assert list(items) == values and list(reversed(items)) == values[::-1]
    assert list(items.push_front("new")) == ["new", *values]
    if values:
        assert items.first == values[0] and list(items.rest) == values[1:]


@given(st.text())
def escape_is_html_escape(text):
    escaped = markupsafe.escape(text)
    assert str(escaped) == html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    assert escaped.unescape() == html.unescape(str(escaped))
    assert markupsafe.escape(escaped) is escaped or markupsafe.escape(escaped) == escaped


@given(JSON)
def jiter_is_json(value):
    text = json.dumps(value)
    assert jiter.from_json(text.encode()) == json.loads(text)
    assert jiter.from_json(json.dumps(value, ensure_ascii=False).encode()) == value


class MapMachine(RuleBasedStateMachine):
    """A persistent map and a dict go through the same changes."""

    def __init__(self):
        super().__init__()
        self.map, self.dict, self.old = HashTrieMap(), {}, []

    @rule(key=KEYS, value=st.integers())
    def insert(self, key, value):
        self.old.append((self.map, dict(self.dict)))
        self.map = self.map.insert(key, value)
        self.dict[key] = value

    @rule(key=KEYS)
    def discard(self, key):
        self.map = self.map.discard(key)
        self.dict.pop(key, None)

    @invariant()
    def same(self):
        assert dict(self.map) == self.dict
        for mapping, values in self.old[-3:]:
            assert dict(mapping) == values


@given(st.lists(st.integers()))
def wrong_property(values):
    assert len(HashTrieSet(values)) == len(values)


def main():
    for check in (map_is_a_dict, set_is_a_set, list_is_a_list, escape_is_html_escape, jiter_is_json):
        check()
        print(f"{check.__name__}: holds")
    run_state_machine_as_test(MapMachine, settings=settings(max_examples=15, stateful_step_count=12))
    print("MapMachine: holds")
    try:
        wrong_property()
    except AssertionError as error:
        print("wrong_property: falsified", type(error).__name__)
    smallest = find(st.lists(st.integers()), lambda values: len(HashTrieSet(values)) < len(values))
    print("smallest:", smallest)


if __name__ == "__main__":
    main()
