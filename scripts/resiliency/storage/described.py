"""Whether tables are what tables.yaml says. Only tests ask (`storage.tables.CHECKED`), and no result depends on it."""

import re
from pathlib import Path

import pandas as pd

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
        elif len(excluded := _excluded(cells.dropna(), column)):
            said.append(f"{name}: {excluded.iloc[0]}, expected {column.words}")
    return said


def described(table: Table, name: str) -> Column | None:
    """The column that `name` is; where several have placeholders for it, that with most text beside these."""
    columns = {known: column for column in table.columns for known in column.names}
    fitting = [known for known in columns if re.fullmatch(re.sub("<.+?>", ".+", known), name)]
    return columns[max(fitting, key=lambda known: len(re.sub("<.+?>", "", known)))] if fitting else None


def _excluded(cells: pd.Series, column: Column) -> pd.Series:
    if column.among:
        return cells[~cells.isin(column.among)]
    if column.type in (str, bool):
        return cells[[not isinstance(cell, column.type) for cell in cells]]
    numbers = pd.to_numeric(cells, errors="coerce")
    allowed = numbers.between(column.low - ROUNDING, column.high + ROUNDING)
    return cells[~allowed | ((numbers != numbers.round()) if column.type is int else False)]
