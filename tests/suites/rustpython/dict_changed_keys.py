"""Iterating a dict whose keys were replaced has the text for one that changed its size."""

values = {"a": 1, "b": 2}
try:
    for key in values:
        if values.pop("a", None):
            values["z"] = 3
except RuntimeError as error:
    assert str(error) == "dictionary keys changed during iteration", error
