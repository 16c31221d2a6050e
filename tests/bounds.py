"""Which columns the record of a table in the catalogue allows, and whether the values of a table are what it allows."""

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.tables.record import Column, Table, Values

ROUNDING = 1e-9


def expanded(table: Table, further: Iterable[str], corruptions: Iterable[str]) -> dict[str, Column]:
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
    return {name: column for column in table.columns for name in filled(column.name, names)}


def filled(name: str, names: dict[str, list[str]]) -> Iterator[str]:
    placeholder = re.search("<(.+?)>", name)
    if not placeholder:
        yield name
        return
    for value in names[placeholder[1]]:
        yield from filled(name.replace(placeholder[0], value, 1), names)


def outside(table: Table, frame: pd.DataFrame, further: Iterable[str], corruptions: Iterable[str]) -> list[str]:
    """The columns of `frame` that hold a value that the record of `table` excludes, each with the first such value."""
    columns = expanded(table, further, corruptions)
    excluded = {name: _excluded(frame[name].dropna(), columns[name].values) for name in frame}
    return [
        f"{name}: {cells.iloc[0]!r}, expected {columns[name].values.words}"
        for name, cells in excluded.items()
        if len(cells)
    ]


def _excluded(cells: pd.Series, values: Values) -> pd.Series:
    if values.among:
        return cells[~cells.isin(values.among)]
    if values.type in (str, bool):
        return cells[[not isinstance(cell, values.type) for cell in cells]]
    numbers = pd.to_numeric(cells, errors="coerce")
    allowed = numbers.between(values.low - ROUNDING, values.high + ROUNDING)
    if values.type is int:
        allowed &= numbers == numbers.round()
    return cells[~allowed]
