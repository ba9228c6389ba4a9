# Makes what `PyFile_NewStdPrinter` returns: a file without a buffer and without a codec.

import os


class stderrprinter:
    __slots__ = ("_fd",)

    def __new__(cls, *args, **kwargs):
        raise TypeError("cannot create 'stderrprinter' instances")

    def __repr__(self):
        return f"<stdprinter(fd={self._fd}) object at {id(self):#x}>"

    def write(self, *args):
        if len(args) != 1:
            raise TypeError(f"function takes exactly 1 argument ({len(args)} given)")
        (text,) = args
        if not isinstance(text, str):
            raise TypeError(f"argument 1 must be str, not {type(text).__name__}")
        return os.write(self._fd, text.encode("utf-8", "backslashreplace"))

    def fileno(self):
        return self._fd

    def isatty(self):
        return os.isatty(self._fd)

    def flush(self):
        pass

    def close(self):
        pass

    encoding = property(lambda self: None)
    mode = property(lambda self: "w")
    closed = property(lambda self: False)


stderrprinter.__module__ = "builtins"


def make(fd):
    printer = object.__new__(stderrprinter)
    printer._fd = fd
    return printer
