"""sys.flags has no `gil`."""

import sys

assert getattr(sys.flags, "gil", None) == 1, "sys.flags.gil"
