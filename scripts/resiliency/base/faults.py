"""What programs say: bad input, reported in one line, phrases that messages share, and the progress
of long loops."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

LONGEST_VALUE, LONGEST_ERROR, MOST_NAMED = 60, 200, 10
FILES_NAMED = 5


class Fault(Exception):
    """Unusable input. The message names the argument, file or key, what is wrong and what is
    expected."""


def short(value: object, quote: bool = True) -> str:
    """`value` as it would be written, cut if it is long."""
    text = repr(_cut(value)) if quote else str(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def brief(error: BaseException) -> str:
    """The type and the words of an error of code that is not ours, in one line, cut where they are
    long."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_ERROR]


def expected(what: str, got: object) -> str:
    """Words for what an input should have been, and what it is."""
    return f"expected {what}, got {got}"


def available(kind: str, name: object, names: Iterable[object]) -> str:
    """Words saying that no `kind`, such as a column, has the name, with the nearest name or all
    names."""
    there = [short(one, quote=False) for one in names]
    return (
        f"{kind} {short(name)} not "
        f"found{hint(name, there) or f'; available {kind}s: {excerpt(there)}'}"
    )


def excerpt(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """The first of `names`, as a list in words, with dots if there are more than `most`."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def difference(files: Iterable[object], wanted: Iterable[object]) -> str:
    """Words that name the first of the `wanted` files that are missing, and the first of those that
    are not wanted."""
    got, needed = [*map(str, files)], [*map(str, wanted)]
    kinds = {"without": (needed, {*got}), "with": (got, {*needed})}
    found = {
        word: [name for name in names if name not in others]
        for word, (names, others) in kinds.items()
    }
    return "".join(
        f", {word} {excerpt(names, FILES_NAMED)}" for word, names in found.items() if names
    )


def duplicate(kind: str, name: object, count: int) -> str:
    """Words saying that a name, which should occur once, occurs `count` times."""
    return f"duplicate {kind} {short(name)} ({count} times); keep one"


def hint(word: object, names: list[str]) -> str:
    """The name that `word` is nearest to, as a question; nothing if it is near to none."""
    nearest = get_close_matches(str(word)[:LONGEST_VALUE], names, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _cut(value: object, depth: int = 3) -> object:
    """`value` without what would be cut off anyway, so that large ones need not be written out."""
    if isinstance(value, str):
        return value[: LONGEST_VALUE + 1]
    if isinstance(value, int) and abs(value) >= 10**LONGEST_VALUE:
        return float("inf")
    if isinstance(value, int | float | None):
        return value
    if isinstance(value, list):
        return [_cut(inner, depth - 1) for inner in value[: LONGEST_VALUE if depth else 0]]
    if isinstance(value, dict):
        return {
            _cut(k): _cut(v, depth - 1)
            for k, v in list(value.items())[: LONGEST_VALUE if depth else 0]
        }
    return type(value).__name__


def parser(documentation: str) -> ArgumentParser:
    """An argument parser that refuses unknown arguments and abbreviations.

    Args:
        documentation: docstring of the program's module; `--help` shows its first line.
    """
    return ArgumentParser(description=documentation.partition("\n")[0], allow_abbrev=False)


@contextmanager
def one_line_faults() -> Iterator[None]:
    """End the program with the line of a `Fault`, or of a file that cannot be read or written, and
    status 1."""
    try:
        yield
    except Fault as fault:
        sys.exit(str(fault))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(
            f"{place}cannot be read or written ({error.strerror or error}); name another, or mend "
            "it"
        )


def path_fault(path: str) -> str:
    """The fault of a path that Snakemake would take for a pattern; "" if there is none."""
    return "must not contain braces; rename it" if set("{}") & set(path) else ""


class Progress:
    """Prints the progress of a long loop, with an estimate of the time left; no result
    depends on it.

    Args:
        steps: number of steps of the loop.
        pause: least time between two lines in seconds, for loops of many short steps; the last step
            is always printed.
    """

    def __init__(self, steps: int, pause: float = 0):
        self.steps = steps
        self.pause = pause
        self.done = 0
        self.start = self.last_report = time.monotonic()

    def step(self, message: str) -> None:
        """Count one step as done and print `message` behind the count."""
        self.done += 1
        now = time.monotonic()
        if self.done == self.steps or now - self.last_report >= self.pause:
            left = (now - self.start) / self.done * (self.steps - self.done)
            print(f"[{self.done:,}/{self.steps:,}, {left:.0f} s left] {message}")
            self.last_report = now
