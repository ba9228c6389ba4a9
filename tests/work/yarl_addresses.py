"""yarl and propcache at work: parsing, quoting, joining, queries; cached properties in all their cases."""

import pickle

import propcache
import propcache._helpers_c
import yarl._quoting_c
from multidict import MultiDict
from propcache import cached_property, under_cached_property
from yarl import URL


def attempt(name, call):
    try:
        print(name, "gives", repr(call()))
    except Exception as error:
        print(name, "raises", type(error).__name__, error)


url = URL("https://user:p%40ss@пример.рф:8443/путь/to%2Ffile/?q=a+b&q=ä&empty=#frag ment")
print(url, repr(url), url.human_repr())
for name in (
    "scheme", "user", "password", "raw_password", "host", "raw_host", "port", "explicit_port", "authority", "path", "raw_path", "parts",
    "raw_parts", "query", "query_string", "raw_query_string", "fragment", "raw_fragment", "name", "suffix", "parent", "path_qs",
):
    print(name, repr(getattr(url, name)), getattr(url, name) is getattr(url, name) if name in ("raw_parts", "query", "parts") else "")
base = URL("http://example.org/a/b/")
print(base / "c d" / "ä%2F", base.joinpath("x", "../y", encoded=False), base.join(URL("../z?k=v")), base.with_path("/p q"))
print(base.with_query({"a": 1, "b": "x&y", "c": ["1", "2"]}), base.with_query("a=1;b=2"), base.update_query(z=3), base % {"m": "1"})
print(base.extend_query(MultiDict([("a", "1"), ("a", "2")])), base.with_query(a=1).without_query_params("a"))
print(base.with_scheme("https").with_host("127.0.0.1").with_port(81).with_user("me").with_password("p:w").with_fragment("f%"))
print(URL.build(scheme="http", host="[::1]".strip("[]"), port=8080, path="/x", query={"k": "v"}, fragment="f"), URL("http://[::1]:80/").host)
print(URL("//host/path").is_absolute(), URL("path").is_absolute(), URL("http://h:80/").is_default_port(), base.origin(), url.relative())
print(hash(URL("http://a/")) == hash(URL("http://a/")), URL("http://a") == URL("http://a/"), URL("http://a/") < URL("http://b/"))
print(pickle.loads(pickle.dumps(url)) == url, URL("http://h/%E4%F6").path, URL("http://h/%zz%41").raw_path)
attempt("a bad port", lambda: URL("http://host:99999/"))
attempt("no string", lambda: URL(5))
attempt("a dict in a query", lambda: base.with_query(a={}))
attempt("a boolean in a query", lambda: base.with_query(a=True))
attempt("not a number", lambda: base.with_query(a=float("nan")))
attempt("a path that climbs", lambda: URL("http://h/a/b/../../../c"))
attempt("a host with a slash", lambda: base.with_host("a/b"))

# The quoter of the extension: every kind of character, long strings, bad input
quoter = yarl._quoting_c._Quoter(safe="!$", protected="/", qs=True, requote=True)
for text in ("", "plain", "a b+c", "ä€😀", "%20%zz%", "!$&/", "x" * 9000 + " ", "%C3%A4", "\x00\x7f"):
    quoted = quoter(text)
    print(len(quoted), quoted[:40], yarl._quoting_c._Unquoter(qs=True)(quoted)[:40] == text[:40])
plain = yarl._quoting_c._Unquoter(ignore="/")
print([plain(text) for text in ("%2F%2B%20", "%E2%82", "%E2%82%AC!", "a%", "%F0%9F%98%80")], plain(None))
attempt("quoting a number", lambda: quoter(5))
attempt("quoting a lone surrogate", lambda: quoter("\ud800"))


class Text(str):
    pass


print(quoter(Text("ä")), type(quoter(Text("plain"))).__name__)

# Cached properties, of the extension
print(under_cached_property.__module__ == propcache._helpers_c.under_cached_property.__module__, propcache.__version__ > "0")


class Thing:
    def __init__(self):
        self._cache = {}
        self.calls = []

    @under_cached_property
    def under(self):
        """The doc of under."""
        self.calls.append("under")
        return len(self.calls)

    @under_cached_property
    def failing(self):
        raise LookupError("not now")


class Other:
    calls = 0

    @cached_property
    def value(self):
        """The doc of value."""
        Other.calls += 1
        return [Other.calls]


thing = Thing()
print(thing.under, thing.under, thing.calls, thing._cache, Thing.under.__doc__, type(Thing.under).__name__)
attempt("setting", lambda: setattr(thing, "under", 5))
attempt("failing", lambda: thing.failing)
attempt("failing again", lambda: thing.failing)
other = Other()
print(other.value is other.value, other.value, Other.calls, vars(other), Other.value.__doc__, type(Other.value).__name__)
other.value = "set"
print(other.value)
del other.value
print(other.value, Other.calls)


class Slots:
    __slots__ = ("_cache",)

    @cached_property
    def value(self):
        return 1


attempt("without a dict", lambda: Slots().value)
attempt("no cache", lambda: Thing.under.__get__(object(), object))


def renamed():
    prop = cached_property(lambda self: 1)
    return type("C", (), {"a": prop, "b": prop})


attempt("two names", renamed)
print(cached_property[int], isinstance(under_cached_property[int], object))
