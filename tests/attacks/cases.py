"""What an attack is, and what comes of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from resiliency.base.faults import Fault

LONGEST = 600


class Wrong(Exception):
    """What was accepted gives wrong results."""


class Case(NamedTuple):
    """An attack.

    Attributes:
        name: what is wrong.
        act: does it, in an empty folder, and uses the library as the pipeline does; raises `Wrong` if
            what was accepted gives wrong results.
        message: part of the line that refuses it; empty where any line will do, None where it need not be refused.
    """

    name: str
    act: Callable[[Path], object]
    message: str | None = ""


def cases(spoilt: Mapping[str, tuple[object, str | None]], act: Callable[[Path, object], object]) -> list[Case]:
    """A case for each name: what is spoilt, with which `act` is called in the folder, and the message of the case."""
    return [Case(name, lambda folder, one=one: act(folder, one), message) for name, (one, message) in spoilt.items()]


def allowed(act: Callable[[Path], object]) -> Callable[[Path], None]:
    """As `act`, which must not be refused."""

    def acting(folder: Path) -> None:
        try:
            act(folder)
        except Fault as fault:
            raise Wrong(f"refused: {fault}") from fault

    return acting


class Outcome(NamedTuple):
    """What came of a case: "refused", "accepted", "silent" (accepted though it must not be) or "traceback"."""

    kind: str
    detail: str


def outcome(case: Case, folder: Path) -> Outcome:
    """What comes of `case` in the empty `folder`. A refusal is of short lines that say what they have to."""
    try:
        case.act(folder)
    except Fault as fault:
        lines = str(fault).splitlines()
        short = lines and all(line.strip() and len(line) <= LONGEST for line in lines)
        if short and (case.message or "") in str(fault):
            return Outcome("refused", str(fault))
        return Outcome("traceback", f"a refusal in other words: {fault!s:.300}")
    except Wrong as wrong:
        return Outcome("silent", str(wrong))
    except (Exception, SystemExit) as error:
        return Outcome("traceback", f"{type(error).__name__}: {error!s:.300}")
    return Outcome("accepted" if case.message is None else "silent", "")
