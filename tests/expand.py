"""Names of columns in place of those with placeholders."""

import re
from collections.abc import Iterable, Iterator

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.tables.record import Column, Table


def expanded(table: Table, further: Iterable[str] = (), corruptions: Iterable[str] = ()) -> dict[str, Column]:
    """Name of each column that `table` may have -> its description, without placeholders.

    Args:
        further: names of the further test sets.
        corruptions: names of the corruptions.
    """
    further = list(further)
    names = {
        "images": [CLEAN, CORRUPTED, *further],
        "test set": [CLEAN, *further],
        "further": further,
        "corruption": list(corruptions),
        "ensemble metric": list(ENSEMBLE_METRICS),
        "pair metric": list(METRICS),
    }
    return {name: column for column in table.columns for name in _filled(column.name, names)}


def _filled(name: str, names: dict[str, list[str]]) -> Iterator[str]:
    placeholder = re.search("<(.+?)>", name)
    if not placeholder:
        yield name
        return
    for value in names[placeholder[1]]:
        yield from _filled(name.replace(placeholder[0], value, 1), names)
