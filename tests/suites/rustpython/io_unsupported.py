"""io.UnsupportedOperation of a file that is open for writing has another text."""

import io
import os

with open(os.devnull, "wb") as file:
    try:
        file.read()
    except io.UnsupportedOperation as error:
        assert str(error) == "read", error
