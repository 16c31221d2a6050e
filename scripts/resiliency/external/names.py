"""Names of members and of conditions in files from elsewhere."""

from collections import Counter
from collections.abc import Iterable

from resiliency.allowed_names import form_fault
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.faults import Fault, short


def check_members(file: str, names: Iterable[object]) -> None:
    """Raise a Fault if a name of a member is not allowed, or is there twice, in this file."""
    names = list(map(str, names))
    for name, count in Counter(names).items():
        if fault := form_fault("member", name):
            raise Fault(f"{file}: member {short(name)}: {fault}")
        if count > 1:
            raise Fault(f"{file}: member {name!r} is there {count} times; each member needs a name of its own")


def corrupted(condition: str) -> tuple[str, int] | None:
    """Corruption and severity of a condition such as `fog.3`; None for a test set that is not a corruption."""
    name, _, severity = condition.rpartition(".")
    if name in (*MAIN, *HELD_OUT) and severity in map(str, SEVERITIES):
        return name, int(severity)
    return None
