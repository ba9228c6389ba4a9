"""Packing what is no number as a float is a TypeError, not a struct.error."""

import struct

try:
    struct.pack("<d", b"AB")
except struct.error as error:
    print(error)
except TypeError as error:
    raise AssertionError(f"TypeError: {error}")
