"""What an attack is, and what comes of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from resiliency.base.faults import Fault

LONGEST = 600
# What must come of an attack, in place of the words that refuse it.
ACCEPTED, EITHER = True, None
Expected = str | bool | None


class Wrong(Exception):
    """What was accepted gives wrong results."""


class Area(NamedTuple):
    """Attacks of one kind.

    Attributes:
        act: writes what is spoilt into a folder, which is empty and the working directory, and uses
            the library as the pipeline does; raises `Wrong` if what was accepted gives wrong
            results.
        table: what is wrong -> what `act` writes, and what must come: part of the line that refuses
            it, `ACCEPTED` or `EITHER`.
    """

    name: str
    act: Callable[[Path, object], object]
    table: Mapping[str, tuple[object, Expected]]


class Outcome(NamedTuple):
    """What came of an attack: "refused", "accepted", "silent" (accepted though it must not be) or
    "traceback"."""

    kind: str
    detail: str


def outcome(area: Area, name: str, folder: Path) -> Outcome:
    """What comes of an attack in the empty `folder`. A refusal is of short lines that say what they
    have to."""
    spoilt, expected = area.table[name]
    try:
        area.act(folder, spoilt)
    except Fault as fault:
        # How deep tests lie is no matter of its length.
        return _refused(str(fault).replace(f"{folder}/", ""), expected)
    except Wrong as wrong:
        return Outcome("silent", str(wrong))
    except (Exception, SystemExit) as error:
        return Outcome("traceback", f"{type(error).__name__}: {error!s:.300}")
    return Outcome("silent" if isinstance(expected, str) else "accepted", "")


def _refused(text: str, expected: Expected) -> Outcome:
    if expected is ACCEPTED:
        return Outcome("silent", f"refused: {text:.300}")
    lines = text.splitlines()
    short = lines and all(line.strip() and len(line) <= LONGEST for line in lines)
    if short and (expected or "") in text:
        return Outcome("refused", text)
    return Outcome("traceback", f"a refusal in other words: {text:.300}")
