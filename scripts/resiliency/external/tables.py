"""Reading tables from elsewhere, and saying where a value in one is wrong."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault, available, duplicate, expected

SEPARATORS = ",;\t"
# Columns that stay text, as 01 does.
NAMES = ("member", "design", "family", "recipe", "architecture", "test_set", "image")
TOO_MANY = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_foreign(file: str, needed: Sequence[str]) -> pd.DataFrame:
    """The table in a CSV or Parquet file, with its columns as they are named there.

    The header shows how a CSV file separates values: with commas, semicolons (decimal commas are then allowed) or tabs.

    Raises:
        Fault: there is no such file, it is neither, a needed column is missing, two have one name, or a row has more
            values than there are columns.
    """
    path, names = Path(file), columns_of(file)
    try:
        missing = [name for name in needed if name not in names]
        if missing:
            raise Fault(f"{file}: {available('column', missing[0], names)}")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise Fault(f"{file}: {duplicate('column', twice[0], names.count(twice[0]))}")
        table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error
    if table.empty:
        raise Fault(f"{file}: expected at least one row, got none")
    return table


def columns_of(file: str) -> list[str]:
    """The names of the columns of a CSV or Parquet file, of which nothing else is read.

    Raises:
        Fault: there is no such file, or it is neither.
    """
    path = Path(file)
    if not path.is_file():
        raise Fault(f"{file}: there is no such file")
    if path.suffix not in (".csv", ".parquet"):
        raise Fault(f"{file}: {expected('a file ending in .csv or .parquet', repr(path.suffix))}")
    try:
        return _names(path)
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _read_parquet(path: Path) -> pd.DataFrame:
    from pyarrow import parquet, types

    for column in parquet.read_schema(path):
        if types.is_nested(column.type):
            raise Fault(f"{path}: column {column.name!r}: {expected('one value per row', column.type)}")
    return pd.read_parquet(path)


def _read_csv(path: Path) -> pd.DataFrame:
    separator = _separator(path)
    decimal = "," if separator == ";" else "."
    table = pd.read_csv(
        path,
        sep=separator,
        decimal=decimal,
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(NAMES, "str"),
        encoding="utf-8-sig",
        low_memory=False,
    )
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first values for names of rows
        raise Fault(
            f"{path}: expected {len(table.columns)} values per row, one per column, got more; name or remove the rest"
        )
    return table


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        return max(SEPARATORS, key=file.readline().count)


def _names(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_schema(path).names
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file, delimiter=_separator(path)), [])


def _unreadable(file: str, error: Exception) -> Fault:
    if counts := TOO_MANY.search(str(error)):
        fields, line, got = counts.groups()
        return Fault(f"{file}: line {line}: expected {fields} values, got {got}; remove the rest")
    return Fault(f"{file}: cannot be read as a table ({' '.join(str(error).split())})")


def as_numbers(column: pd.Series) -> np.ndarray:
    """A column as float64, NaN where a cell is no number; true and false are none."""
    if pd.api.types.is_bool_dtype(column):
        return np.full(len(column), np.nan)
    if column.dtype == object:
        column = column.mask(column.map(lambda cell: isinstance(cell, bool)))
    return pd.to_numeric(column, errors="coerce").to_numpy(float)


def whole_numbers(file: str, table: pd.DataFrame, column: str, most: int, content: str) -> np.ndarray:
    """A column as int64, each value from 0 to below `most`.

    Raises:
        Fault: a value is not; the line names file, column and row (of the data, from 1).
    """
    values = as_numbers(table[column])
    wrong = ~(values >= 0) | (values != np.floor(values)) | (values >= most)
    refuse_wrong(file, table[column], wrong, f"{content} (integer from 0 to {most - 1})")
    return values.astype(np.int64)


def numbers(file: str, table: pd.DataFrame, column: str, low: float, high: float, may_lack: bool) -> np.ndarray:
    """A column as float64 from `low` to `high`; NaN for empty cells, where these are allowed."""
    values = as_numbers(table[column])
    wrong = ~((values >= low) & (values <= high))
    if may_lack:
        wrong &= table[column].notna().to_numpy()
    refuse_wrong(file, table[column], wrong, f"a number from {low:g} to {high:g}")
    return values


def refuse_wrong(file: str, column: pd.Series, wrong: np.ndarray, needed: str, hint: str = "") -> None:
    """Raise a Fault of the first value of a column that is `wrong`, and should be what is `needed`; `hint` follows."""
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    value = column.iloc[row]
    text = "nothing" if pd.isna(value) else repr(value.item() if hasattr(value, "item") else value)
    more = f" (and {wrong.sum() - 1:,} more rows)" if wrong.sum() > 1 else ""
    raise Fault(f"{file}: column {column.name!r}, row {row + 1}: {expected(needed, text)}{more}{hint}")
