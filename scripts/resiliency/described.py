"""Whether tables are what tables.yaml says. Only tests ask (`storage.tables.CHECKED`), and no result depends on it."""

import re
from pathlib import Path

import pandas as pd

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.tables import TABLES, Column, Table

ROUNDING = 1e-9


def check(path: str | Path, frame: pd.DataFrame) -> None:
    """Refuse a table of a study, to be written to `path`, that is not what its description says."""
    table = TABLES.get(Path(path).stem)
    if table and Path(path).match(table.path) and (said := faults(table, frame)):
        raise ValueError(f"{path}: not as tables.yaml describes it: {'; '.join(said)}")


def faults(table: Table, frame: pd.DataFrame) -> list[str]:
    """The columns of `frame` that `table` lacks, and those with a value that it excludes, each with the first one."""
    said = []
    for name, cells in frame.items():
        if (column := described(table, str(name))) is None:
            said.append(f"{name}: unknown column")
        elif len(excluded := _excluded(cells[cells.notna() & (cells != "")], column)):
            said.append(f"{name}: {excluded.iloc[0]}, expected {column.words}")
    return said


def described(table: Table, name: str) -> Column | None:
    """The column that `name` is; of several with placeholders, that in which names of images are shortest."""
    columns = {known: column for column in table.columns for known in column.names}
    fitting = {known: re.fullmatch(re.sub("<(.+?)>", _pattern, known), name) for known in columns}
    free = {known: sum(map(len, found.groups())) for known, found in fitting.items() if found}
    return columns[min(free, key=free.__getitem__)] if free else None


def _pattern(placeholder: re.Match) -> str:
    """What stands for a placeholder: a metric, or any name of images, which is a group."""
    names = {"pair metric": [*METRICS], "ensemble metric": [*ENSEMBLE_METRICS]}.get(placeholder[1])
    return f"(?:{'|'.join(names)})" if names else "(.+)"


def _excluded(cells: pd.Series, column: Column) -> pd.Series:
    if column.among:
        return cells[~cells.isin(column.among)]
    if column.type in (str, bool):
        return cells[[not isinstance(cell, column.type) for cell in cells]]
    numbers = pd.to_numeric(cells, errors="coerce")
    allowed = numbers.between(column.low - ROUNDING, column.high + ROUNDING)
    return cells[~allowed | ((numbers != numbers.round()) if column.type is int else False)]
