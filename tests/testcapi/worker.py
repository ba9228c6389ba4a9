"""Runs the tests of one file and writes down each one's outcome at once: worker.py MODULE OUTCOMES

The file OUTCOMES is appended to: `start TEST` before a test and `OUTCOME TEST` after it. Tests that have an outcome
there already, of an earlier worker that a test ended, do not run again.
"""

import inspect
import sys
import unittest


class Outcomes(unittest.TextTestResult):
    """The worst outcome of a test and its subtests, written when the test ends."""

    ORDER = ["passed", "skipped", "failed", "error"]

    def __init__(self, out, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.out = out

    def write(self, outcome, name):
        self.out.write(f"{outcome} {name}\n")
        self.out.flush()

    def startTest(self, test):
        self.outcome = "passed"
        self.write("start", test.id())
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.write(self.outcome, test.id())

    def worst(self, test, outcome):
        if not isinstance(test, unittest.TestCase):
            # The fixture of a class or a module: stands for all of its tests.
            self.write(outcome, test.id())
        elif self.ORDER.index(outcome) > self.ORDER.index(self.outcome):
            self.outcome = outcome

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.worst(test, "skipped")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.worst(test, "failed")

    def addError(self, test, error):
        super().addError(test, error)
        self.worst(test, "error")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.worst(test, "failed" if issubclass(error[0], test.failureException) else "error")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.worst(test, "failed")


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def lacking():
    """A word of the tests' source that says that RustPython's own `_testinternalcapi` has not what they need, or None.

    The file that has them cannot even be loaded without the name.
    """
    import _testinternalcapi

    if hasattr(_testinternalcapi, "pending_threadfunc"):
        return None
    _testinternalcapi.pending_threadfunc = None
    return "PendingTask"


def can_run(test, word):
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    return word is None or not inspect.ismethod(method) or word not in inspect.getsource(method)


def main():
    module, path = sys.argv[1:]
    word = lacking()
    done = set()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            outcome, _, name = line.rstrip("\n").partition(" ")
            if outcome != "start":
                done.add(name)
    with open(path, "a", encoding="utf-8") as out:
        try:
            tests = flat(unittest.defaultTestLoader.loadTestsFromName(module))
        except unittest.SkipTest:
            out.write(f"skipped {module}\nfinished {module}\n")
            return
        suite = unittest.TestSuite()
        for test in tests:
            if not can_run(test, word):
                out.write(f"skipped {test.id()}\n")
            elif test.id() not in done:
                suite.addTest(test)
        stream = unittest.runner._WritelnDecorator(sys.stderr)
        result = Outcomes(out, stream, descriptions=False, verbosity=2)
        suite.run(result)
        result.printErrors()
        result.write("finished", module)


main()
