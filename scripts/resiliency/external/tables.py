"""Reading tables from elsewhere, and saying where a value in one is wrong."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.faults import Fault
from resiliency.storage.tables import IDENTIFIERS


def read_foreign(file: str, needed: Sequence[str]) -> pd.DataFrame:
    """The table in a CSV or Parquet file, with its columns as they are named there.

    Raises:
        Fault: there is no such file, it is neither, a needed column is missing, or two have one name.
    """
    path = Path(file)
    if not path.is_file():
        raise Fault(f"{file}: there is no such file")
    if path.suffix not in (".csv", ".parquet"):
        raise Fault(f"{file}: a file ending in .csv or .parquet is needed")
    try:
        names = _names(path)
        missing = [name for name in needed if name not in names]
        if missing:
            raise Fault(f"{file}: column {missing[0]!r} is missing; there are {', '.join(names[:10])}")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise Fault(f"{file}: column {twice[0]!r} is there {names.count(twice[0])} times; keep one")
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (OSError, ValueError) as error:
        raise Fault(f"{file}: cannot be read as a table ({error})") from error
    if table.empty:
        raise Fault(f"{file}: holds no rows")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    names = dict.fromkeys(IDENTIFIERS, "str")
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names, encoding="utf-8-sig")


def _names(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_schema(path).names
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def whole_numbers(file: str, table: pd.DataFrame, column: str, most: int | None, content: str) -> np.ndarray:
    """A column as int64, each value from 0 to below `most`.

    Raises:
        Fault: a value is not; the line names file, column and row (of the data, from 1).
    """
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
    wrong = ~(values >= 0) | (values != np.floor(values)) | (values >= (most or np.inf))
    if wrong.any():
        limit = f"from 0 to {most - 1}" if most else "from 0 up"
        raise fault_at(file, column, wrong, table[column], f"{content}: a whole number {limit}")
    return values.astype(np.int64)


def numbers(file: str, table: pd.DataFrame, column: str, low: float, high: float, may_lack: bool) -> np.ndarray:
    """A column as float64 from `low` to `high`; NaN for empty cells, where these are allowed."""
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
    wrong = ~((values >= low) & (values <= high))
    if may_lack:
        wrong &= table[column].notna().to_numpy()
    if wrong.any():
        limit = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of {low:g} or more"
        raise fault_at(file, column, wrong, table[column], f"a number {limit}")
    return values


def fault_at(file: str, column: str, wrong: np.ndarray, values: pd.Series, needed: str) -> Fault:
    """The fault of the first value that is `wrong`, which should have been what is `needed`."""
    row = int(np.argmax(wrong))
    value = values.iloc[row]
    text = "nothing" if pd.isna(value) else repr(value.item() if hasattr(value, "item") else value)
    more = f", and in {wrong.sum() - 1:,} more rows" if wrong.sum() > 1 else ""
    return Fault(f"{file}: column {column!r}, row {row + 1}: {text}{more}; needed is {needed}")
