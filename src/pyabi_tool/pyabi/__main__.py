"""The command line of `python -m pyabi`."""

import argparse
import sys

from pyabi import check, coverage


def main():
    parser = argparse.ArgumentParser(
        description="Tell which of CPython's extension modules this interpreter loads.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    check.add_command(commands)
    coverage.add_command(commands)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
