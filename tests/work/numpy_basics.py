"""numpy at work: arrays of every kind, arithmetic, indexing, reductions, random numbers, linear algebra, FFT, files, errors."""

import copy
import io
import operator
import pickle
import warnings

import numpy as np

np.set_printoptions(precision=6, suppress=True)


def attempt(name, call):
    try:
        print(name, "gives", repr(call()))
    except Exception as error:
        print(name, "raises", type(error).__name__, str(error)[:100])


# Making arrays, and what they are
a = np.arange(12).reshape(3, 4)
print(a, a.dtype, a.shape, a.strides, a.ndim, a.size, a.itemsize, a.flags["C_CONTIGUOUS"], a.T.flags["F_CONTIGUOUS"])
for values in ([1, 2], [1, 2.5], [1j], [True, False], ["a", "bcd"], [b"x", b"yz"], [None, {}], [[1], [2]], [1, 2**70], []):
    made = np.array(values)
    print(repr(made), made.dtype.str, made.dtype.kind)
print(np.zeros((2, 3), dtype="i2"), np.ones(2, bool), np.full((2, 2), 7.5), np.eye(2), np.linspace(0, 1, 5), np.empty(0).shape)
print(np.array([(1, 2.5, "ab")], dtype=[("i", "i4"), ("f", "f8"), ("s", "U3")]), np.dtype([("a", "u1"), ("b", "<f4", (2,))]))
print(np.array(["2024-02-29", "2024-03-01"], dtype="M8[D]") + np.timedelta64(1, "D"), np.datetime64("2020-01-01T10:00") - np.datetime64("2019-12-31"))
print(np.frombuffer(b"\x01\x00\x02\x00", dtype="<u2"), np.fromiter((i * i for i in range(4)), float), np.array(memoryview(b"abc")))
print(np.array([1, 2, 3], dtype=object) * 2, np.array([1.5, None, "x"], dtype=object))
attempt("ragged", lambda: np.array([[1], [2, 3]]))
attempt("a bad dtype", lambda: np.dtype("nothing"))
attempt("a bad shape", lambda: a.reshape(5, 5))

# Arithmetic, broadcasting, ufuncs
print(a + 1, a * a, a / 4, a // 5, a % 5, a ** 2, -a, a @ a.T, a > 5, ~(a > 5), a & 3, a << 1)
print(a + np.array([10, 20, 30, 40]), np.add.outer([1, 2], [10, 20]), np.multiply.reduce([1, 2, 3, 4]), np.add.accumulate([1, 2, 3]))
print(np.sqrt([1, 4, 9]), np.sin(0.5), np.exp([0, 1]), np.maximum([1, 5], [3, 2]), np.where(a > 5, a, -1), np.clip(a, 2, 8))
b = a.astype(float)
b += 0.5
b[1] *= 2
np.add(b, 1, out=b)
print(b, np.add.nin, np.add.identity, np.hypot(3, 4), np.divmod(7, 2), np.isnan([1, np.nan]), np.float32(0.1) + 1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(np.array([1.0, 0.0]) / 0.0, np.log([-1.0]), np.int8(100) + np.int8(100))
print([(w.category.__name__, str(w.message)) for w in caught])
with np.errstate(divide="raise"):
    attempt("dividing by zero", lambda: np.array([1.0]) / 0)
attempt("shapes that do not fit", lambda: a + np.arange(3))
attempt("text and numbers", lambda: np.array(["a"]) + 1)
attempt("the truth of an array", lambda: bool(a))
attempt("casting", lambda: np.add(1, 2.5, out=np.zeros(1, int)))
own = np.frompyfunc(lambda x, y: x * 10 + y, 2, 1)
print(own([1, 2], [3, 4]), np.vectorize(lambda x: x + 0.5)([1, 2]), own.reduce([1, 2, 3]))
attempt("a function that fails", lambda: np.frompyfunc(lambda x: 1 / x, 1, 1)([1, 0]))

# Indexing
print(a[1, 2], a[-1], a[:, 1], a[::2, ::-1], a[a > 5], a[[0, 2], [1, 3]], a[..., 0], a[None].shape, a.take([0, 5]), a.flat[7])
c = a.copy()
c[0] = 9
c[:, 1] = [7, 8, 9]
c[c == 9] = 0
print(c, a[0], np.shares_memory(a, a[1:]), a[1:].base is a or a.base is not None)
attempt("beyond the end", lambda: a[3])
attempt("too many", lambda: a[0, 0, 0])
attempt("a bad index", lambda: a["x"])
rec = np.zeros(2, dtype=[("x", "i4"), ("y", "f8")])
rec["x"], rec[1] = [1, 2], (5, 2.5)
print(rec, rec["y"], rec[0].item(), rec.dtype.names, rec[["y"]], rec.view(np.recarray).x)

# Scalars: they derive from Python's types and have their own
for scalar in (np.int64(5), np.float64(2.5), np.bool_(True), np.complex128(1 + 2j), np.str_("text"), np.bytes_(b"by"), np.uint8(255), np.float32(0.1)):
    print(repr(scalar), str(scalar), type(scalar).__mro__[1].__name__, isinstance(scalar, (int, float, complex, str, bytes)), scalar == scalar.item(),
          hash(scalar) == hash(scalar.item()), pickle.loads(pickle.dumps(scalar)) == scalar, f"{scalar}", np.asarray(scalar).shape)
print(np.float64(2.5) + 1, 1 + np.float64(2.5), np.int64(7) // 2, np.float64("1e3").is_integer(), np.int64(5).bit_count(), round(np.float64(2.567), 2))
print([10, 20, 30][np.int64(1)], range(np.int8(3)), "x" * np.int64(3), operator.index(np.uint8(9)), int(np.float64(3.7)))
print(np.float64(1) == 1.0, {1: "one"}[np.int64(1)], np.float64.fromhex("0x1.8p1"), np.iinfo("i2").max, np.finfo(float).eps, np.result_type("i4", "f4"))
print(np.promote_types("i8", "u8"), np.can_cast("i8", "i4"), np.issubdtype(np.int32, np.integer), np.dtype("f8") is np.dtype(float), np.dtype("i4").newbyteorder().str)

# Reductions, sorting, sets, shapes
print(a.sum(), a.sum(axis=0), a.mean(axis=1), a.std(), a.min(), a.argmax(), a.cumsum()[:5], a.prod(axis=1, keepdims=True), np.median(a), np.percentile(a, 25))
print(np.any(a > 10), np.all(a >= 0, axis=0), np.count_nonzero(a), np.nonzero(a > 9), np.unique([3, 1, 3, 2], return_counts=True), np.bincount([0, 2, 2]))
print(np.sort([3, 1, 2])[::-1], np.argsort(["b", "c", "a"]), np.searchsorted([1, 3, 5], 4), np.isin([1, 9], [9]), np.union1d([1, 2], [2, 3]))
print(np.concatenate([a, a], axis=1).shape, np.vstack([[1], [2]]), np.split(np.arange(6), 3), np.stack([a, a]).shape, np.tile([1, 2], 2), np.repeat([1, 2], 2))
print(a.transpose(1, 0).ravel()[:4], np.moveaxis(np.zeros((1, 2, 3)), 0, -1).shape, np.rot90([[1, 2], [3, 4]]), np.pad([1], 1), np.roll([1, 2, 3], 1), np.diff([1, 4, 9]))
print(np.einsum("ij,kj->ik", a, a)[0], np.tensordot(a, a.T, 1)[0], np.kron([1, 2], [1, 1]), np.cross([1, 0, 0], [0, 1, 0]), np.meshgrid([1, 2], [3, 4])[0].tolist())
print(np.interp(2.5, [1, 2, 3], [10, 20, 30]), np.histogram([1, 2, 2, 5], bins=2), np.polyfit([0, 1, 2], [1, 3, 5], 1).round(6), np.poly1d([1, 2])(3), np.convolve([1, 2], [1, 1]))

# Linear algebra, FFT, random numbers
m = np.array([[4.0, 1.0], [2.0, 3.0]])
print(np.linalg.inv(m), np.linalg.det(m).round(6), np.linalg.solve(m, [1, 2]), np.sort(np.linalg.eigvals(m)).round(6), np.linalg.norm(m).round(6))
q, r = np.linalg.qr(m)
print(np.allclose(q @ r, m), np.linalg.svd(m)[1].round(6), np.linalg.matrix_rank(m), np.linalg.matrix_power(m, 3), np.linalg.cholesky(m @ m.T).round(4))
attempt("a singular matrix", lambda: np.linalg.inv(np.zeros((2, 2))))
big = np.arange(40000.0).reshape(200, 200) % 17
print((big @ big).sum(), np.dot(big[0], big[1]))
print(np.fft.fft([1, 0, 0, 0]), np.fft.irfft(np.fft.rfft([1.0, 2, 3, 4])), np.fft.fftfreq(4))
rng = np.random.default_rng(42)
print(rng.random(3), rng.integers(0, 100, 5), rng.normal(size=2), rng.choice(["a", "b", "c"], 4), rng.permutation(5), rng.bytes(3), rng.bit_generator.state["bit_generator"])
legacy = np.random.RandomState(7)
print(legacy.rand(2), legacy.randint(10, size=3), legacy.shuffle(x := [1, 2, 3, 4]) or x, pickle.loads(pickle.dumps(rng)).random() == copy.deepcopy(rng).random())
print([kind(1).random_raw() for kind in (np.random.MT19937, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)], np.random.SeedSequence(5).generate_state(2))

# In and out
stream = io.BytesIO()
np.save(stream, a)
stream.seek(0)
print(np.array_equal(np.load(stream), a), np.loadtxt(io.StringIO("1 2\n3 4")), np.genfromtxt(["1,2", "3,"], delimiter=","))
stream = io.BytesIO()
np.savez_compressed(stream, a=a, b=b)
stream.seek(0)
print({name: value.shape for name, value in np.load(stream).items()}, pickle.loads(pickle.dumps(a[::2])).tolist(), copy.deepcopy(a).sum(), a.tobytes()[:9], a.tolist()[1])
print(bytes(memoryview(a[0])), memoryview(a).shape, memoryview(a).format, bytearray(np.uint8([1, 2])), np.asarray(memoryview(a)[1:]).shape)
print(np.array2string(np.arange(2000), threshold=10), repr(np.arange(3, dtype="u1")), np.base_repr(10, 3), f"{np.float64(3.14159):.2f}")

# Classes of Python's with arrays
class Tagged(np.ndarray):
    def __new__(cls, values, tag="none"):
        made = np.asarray(values).view(cls)
        made.tag = tag
        return made

    def __array_finalize__(self, other):
        self.tag = getattr(other, "tag", "default")


t = Tagged([1, 2, 3], "mine")
print(repr(t), t.tag, (t + 1).tag, t[1:].tag, type(t[1:] * 2).__name__, type(t.sum()).__name__, np.asarray(t).__class__.__name__)


class Wrapper:
    def __array__(self, dtype=None, copy=None):
        return np.array([1, 2, 3], dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc.__name__, method, len(inputs)

    def __array_function__(self, func, types, args, kwargs):
        return func.__name__


print(np.asarray(Wrapper()), np.add(Wrapper(), 1), np.concatenate([Wrapper()]), np.array([1, 2]) + Wrapper())
masked = np.ma.masked_greater(a, 6)
print(masked, masked.mean(), masked.filled(0)[1])
print(np.char.upper(["ab", "c"]), np.strings.find(["hello"], "l"), np.array(["a", "b"], dtype=np.dtypes.StringDType()), np.nditer(a).itersize)
print([int(x) for x in np.nditer(a[:1])], [i for i, _ in np.ndenumerate([[1, 2]])], list(np.ndindex(1, 2)), np.broadcast([1, 2], [[1], [2]]).shape)
print(len(dir(np)) > 400, np.add.__doc__.splitlines()[0], np.ndarray.sum.__name__, np.__version__)
import gc
import weakref
kept = np.zeros(10)
ref = weakref.ref(kept)
view = kept[2:5]
del kept
print(ref() is not None)
del view
gc.collect()
print(ref() is None)
