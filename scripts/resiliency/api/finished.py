"""The tables of a finished study, by their names."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from resiliency.base.faults import Fault, available
from resiliency.storage.runs import Run
from resiliency.storage.tables import read_table
from resiliency.tables import TABLES


class NoTable(Fault, AttributeError):
    """There is no table of this name; also an AttributeError, so that `hasattr` and `getattr` work as usual."""


class Study:
    """A finished study, whose tables are attributes: `study.members`, `study.ensembles`, …

    A table is read where it is named, as a data frame; docs/tables.md describes all columns. `dir` lists the tables.

    Raises:
        Fault: the folder holds no finished study; for an attribute, there is no such table, the study made none, or its
            file is missing.
    """

    def __init__(self, folder: str | Path):
        self._run = Run(folder)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_"):
            raise AttributeError(name)
        folder = self._run.folder
        if name not in TABLES:
            raise NoTable(f"{folder}: {available('table', name, self._names())}")
        table = TABLES[name]
        if name not in self._run:
            needs = ", ".join(sorted(table.needs))
            raise NoTable(f"{folder}: made no table {name}, for which a study needs {needs}; add them and run it again")
        return read_table(self._run.file(table.path))

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self._names()]

    def __repr__(self) -> str:
        return f"{self._run.folder}: {', '.join(self._names())}"

    def _names(self) -> list[str]:
        return [name for name in TABLES if name in self._run]


def study(folder: str | Path) -> Study:
    """Open a finished study.

    Args:
        folder: folder of its results, such as "results/digits".

    Returns:
        The study: `study("results/digits").members` is the table members.csv as a data frame. Tab completion and `dir`
        list all tables.

    Raises:
        Fault: the folder holds no finished study; for an attribute, there is no such table, the study made none, or its
            file is missing.
    """
    return Study(folder)
