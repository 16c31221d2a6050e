"""Whether the values of a table are what its record in the catalogue allows."""

from collections.abc import Iterable

import pandas as pd
from expand import expanded

from resiliency.tables.record import Table, Values

ROUNDING = 1e-9


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
