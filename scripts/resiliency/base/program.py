"""What the programs of this library, `python -m resiliency...`, share: help, strict arguments and faults in a line."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager

from resiliency.base.faults import Fault


def parser(documentation: str) -> ArgumentParser:
    """A parser that refuses what it does not know, abbreviations included.

    Args:
        documentation: of the program's module; `--help` shows its first line.
    """
    return ArgumentParser(description=documentation.partition("\n")[0], allow_abbrev=False)


@contextmanager
def one_line_faults() -> Iterator[None]:
    """End the program with the line of a `Fault`, or of a file that cannot be read or written, and status 1."""
    try:
        yield
    except Fault as fault:
        sys.exit(str(fault))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"{place}cannot be read or written ({error.strerror or error}); name another, or mend it")
