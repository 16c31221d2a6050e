"""The names of columns that tables.yaml lists, with names of metrics and test sets in place of
placeholders."""

import re
from collections.abc import Iterable, Iterator

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.tables import METRICS, Table


def listed(table: Table) -> list[str]:
    """The names of the columns of `table`, with placeholders."""
    return [name for column in table.columns for name in column.names]


def expanded(
    names: Iterable[str], further: Iterable[str], corruptions: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Each name without placeholders that `names` stand for, and that with them.

    Args:
        further: names of the further test sets.
        corruptions: names of the corruptions.
    """
    further = list(further)
    values = {
        "images": [CLEAN, CORRUPTED, *further],
        "test set": [CLEAN, *further],
        "further": further,
    }
    values |= {"corruption": list(corruptions), **METRICS}
    return ((name, known) for known in names for name in _filled(known, values))


def _filled(name: str, values: dict[str, Iterable[str]]) -> Iterator[str]:
    placeholder = re.search("<(.+?)>", name)
    if not placeholder:
        yield name
        return
    for value in values[placeholder[1]]:
        yield from _filled(name.replace(placeholder[0], value, 1), values)
