"""There is no `_tracemalloc`, so tracemalloc cannot be imported."""

try:
    import tracemalloc
except ImportError as error:
    raise AssertionError(f"ImportError: {error}")
tracemalloc.start()
assert tracemalloc.get_traced_memory()[0] >= 0
