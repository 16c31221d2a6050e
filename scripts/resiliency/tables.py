"""The tables of a study, as tables.yaml describes them: for rules, pages, the reference and checks
under test.

No table depends on these words, so that another description of a column makes only the report run
again.
"""

import re
from collections.abc import Collection
from math import inf
from pathlib import Path, PurePath
from typing import NamedTuple

import pandas as pd
import yaml

from resiliency.base.settings import Keys

TYPES = {"bool": bool, "float": float, "int": int, "str": str}


class Column(NamedTuple):
    """A column, or several of the same kind.

    Attributes:
        names: its name and those of the ends of its interval, with placeholders such as `<images>`.
        meaning: description in words.
        type: `float`, `int`, `bool` or `str`.
        low, high: smallest and largest number.
        unit: unit and range in words; empty where limits or `among` say them.
        among: possible texts; empty for any.
        method: how the interval is made; empty without one.
    """

    names: list[str]
    meaning: str
    type: type
    low: float = -inf
    high: float = inf
    unit: str = ""
    among: Collection[str] = ()
    method: str = ""

    @property
    def words(self) -> str:
        """Unit and range."""
        if self.among:
            *others, last = (f"`{text}`" for text in self.among)
            return f"{', '.join(others)} or {last}" if others else last
        return self.unit or f"{self.low:g} to {self.high:g}".replace("-", "−")


class Table(NamedTuple):
    """A table of a study; tables.yaml says what each part is."""

    path: str
    holds: str
    shared: list[Column]
    columns: list[Column]
    topic: str
    title: str
    row: str
    needs: Collection[str] = ()
    published: bool = False


def _read() -> tuple[dict[str, list[str]], dict[str, Column], dict[str, Table]]:
    """The names of metrics by their placeholder, the columns of several tables, and the tables, by
    name."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    # The second takes a second.
    listed = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    several = {
        name: _column(name, values, listed["kinds"]) for name, values in listed["shared"].items()
    }
    tables = {}
    for path, of in listed["tables"].items():
        own = [_column(name, values, listed["kinds"]) for name, values in of["columns"].items()]
        shared = [several[name] for name in of.get("shared", ())]
        tables[PurePath(path).stem] = Table(path, of["holds"], shared, own + shared, **of["about"])
    return listed["metrics"], several, tables


def _column(name: str, values: Keys, kinds: dict[str, Keys]) -> Column:
    """The column of a line, of which the first key is the kind."""
    (kind, meaning), *others = values.items()
    given = kinds[kind] | dict(others)
    given["type"] = TYPES[given["type"]]
    beside, alone = given.pop("interval", ""), given.pop("low_high", "")
    names = name.split(", ")
    ends = (
        [f"{of}_{end}" for of in names for end in ("low", "high")]
        if beside
        else ["low", "high"]
        if alone
        else []
    )
    return Column([*names, *ends], meaning, method=beside or alone, **given)


METRICS, SHARED, TABLES = _read()


def made(has: Collection[str]) -> list[str]:
    """Names of the tables of a study that has these properties; see `needs` in tables.yaml."""
    return [name for name, table in TABLES.items() if {*table.needs} <= {*has}]


ROUNDING = 1e-9


def faults(table: Table, frame: pd.DataFrame) -> list[str]:
    """The columns of `frame` that `table` lacks, and those with a value that it excludes, each with
    the first one."""
    said = []
    for name, cells in frame.items():
        if (column := described(table, str(name))) is None:
            said.append(f"{name}: unknown column")
        elif len(excluded := _excluded(cells[cells.notna() & (cells != "")], column)):
            said.append(f"{name}: {excluded.iloc[0]}, expected {column.words}")
    return said


def described(table: Table, name: str) -> Column | None:
    """The column that `name` is; of several with placeholders, that in which names of images are
    shortest."""
    columns = {known: column for column in table.columns for known in column.names}
    fitting = {known: re.fullmatch(re.sub("<(.+?)>", _pattern, known), name) for known in columns}
    free = {known: sum(map(len, found.groups())) for known, found in fitting.items() if found}
    return columns[min(free, key=free.__getitem__)] if free else None


def _pattern(placeholder: re.Match[str]) -> str:
    """What stands for a placeholder: a metric, or any name of images, which is a group."""
    names = METRICS.get(placeholder[1])
    return f"(?:{'|'.join(names)})" if names else "(.+)"


def _excluded(cells: pd.Series, column: Column) -> pd.Series:
    if column.among:
        return cells[~cells.isin(column.among)]
    if column.type in (str, bool):
        return cells[[not isinstance(cell, column.type) for cell in cells]]
    numbers = pd.to_numeric(cells, errors="coerce")
    allowed = numbers.between(column.low - ROUNDING, column.high + ROUNDING)
    return cells[~allowed | ((numbers != numbers.round()) if column.type is int else False)]
