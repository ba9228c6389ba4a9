"""`array.typecodes` is missing."""

import array

assert "d" in getattr(array, "typecodes", ""), "array.typecodes"
