"""Names of members and of conditions in files from elsewhere."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import pandas as pd

from resiliency.base.allowed_names import form_fault
from resiliency.base.faults import Fault, duplicate, short
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES

SPELLED = re.compile(r"(.*?)[ ._-]?(\d)")
LIKE = 0.8  # of 1, how alike a name and that of a corruption are for one to be a misspelling of the other


def check_members(file: str, names: Iterable[object]) -> None:
    """Raise a Fault if a name of a member is not allowed, or is there twice, in this file."""
    names = ["" if pd.isna(name) else str(name) for name in names]
    for name, count in Counter(names).items():
        if fault := form_fault("member", name):
            raise Fault(f"{file}: member {short(name)}: {fault}")
        if count > 1:
            raise Fault(f"{file}: {duplicate('member', name, count)}")


def corruption_and_severity(condition: str) -> tuple[str, int] | None:
    """Corruption and severity of a condition such as `fog.3`; None for a test set that is not a corruption."""
    name, _, severity = condition.rpartition(".")
    if name in (*MAIN, *HELD_OUT) and severity in map(str, SEVERITIES):
        return name, int(severity)
    return None


def check_spelling(file: str, condition: str) -> None:
    """Raise a Fault if the name of a test set is like a corruption with a severity, as fogg.3, fog_3 or fog.6."""
    spelled = SPELLED.fullmatch(condition)
    near = get_close_matches(spelled[1].lower(), (*MAIN, *HELD_OUT), n=1, cutoff=LIKE) if spelled else []
    if near:
        known = f"a corruption with a severity from {SEVERITIES[0]} to {SEVERITIES[-1]}"
        meant = f"did you mean {near[0]}.{spelled[2]}? " if int(spelled[2]) in SEVERITIES else ""
        raise Fault(f"{file}: {condition!r} is not {known}; {meant}rename it, or list it in external.test_sets")


def class_count(classes: int | Sequence[str] | None) -> int | None:
    """The number of classes that are given by their number or by their names; None if they are not."""
    return classes if classes is None or isinstance(classes, int) else len(classes)


def name_in_tables(test_set: str) -> str:
    """The name of a further test set in tables: its letters and digits, with `_` for anything else."""
    called = re.sub(r"\W", "_", test_set, flags=re.ASCII)
    return called if called[:1].isalpha() else f"set_{called}"
