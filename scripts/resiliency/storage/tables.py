"""Tables: CSV for those that people read, Parquet for wide ones."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from resiliency.base.faults import Fault
from resiliency.storage.files import replacing

BLOCK_ROWS = 2**19
CHECKED = "RESILIENCY_TABLES_CHECKED"  # set in the environment of tests: refuse what tables.yaml excludes
EXACT = 2.0**53  # whole numbers below it are exact as floats
# Columns of names, which pandas would read as numbers if all look like some, such as designs 1 and 01.
IDENTIFIERS = {"member", "design", "family", "architecture", "weights_source", "objective", "setting", "recipe"}
IDENTIFIERS |= {"first", "second", "best_member", "current", "addition", "most_accurate", "influential"}
IDENTIFIERS |= {"images", "test_set", "corruption", "layers", "channels", "kernels", "class", "predicted", "name"}


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write `table` without its index; the suffix of `path` (.csv or .parquet) chooses the format.

    CSV holds floats with eight significant digits, and whole numbers with all of theirs, beside missing ones too.
    """
    if os.environ.get(CHECKED):
        from resiliency.tables import check

        check(path, table)
    with replacing(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            whole = {name: column.astype("Int64") for name, column in table.items() if _is_whole(column)}
            table.assign(**whole).to_csv(temporary, index=False, float_format="%.8g")


def _is_whole(column: pd.Series) -> bool:
    """Whether a column of floats holds whole numbers, which are floats where one is missing."""
    if column.dtype.kind != "f":
        return False
    values = column.to_numpy()[column.notna()]
    return len(values) > 0 and bool((np.abs(values) < EXACT).all() and (values == np.round(values)).all())


@contextmanager
def appending_table(path: str | Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that appends rows to the Parquet table at `path`, which is whole when the block ends well.

    All that is appended has the same columns. No more than `BLOCK_ROWS` and the rows of one call are held in memory.
    """
    with replacing(path) as temporary, ExitStack() as files:
        held: list[pd.DataFrame] = []
        rows_held = 0
        writer: pq.ParquetWriter | None = None

        def write() -> None:
            nonlocal writer, rows_held
            rows = pa.Table.from_pandas(pd.concat(held, ignore_index=True), preserve_index=False)
            writer = writer or files.enter_context(pq.ParquetWriter(temporary, rows.schema))
            writer.write_table(rows)
            held.clear()
            rows_held = 0

        def append(table: pd.DataFrame) -> None:
            nonlocal rows_held
            held.append(table)
            rows_held += len(table)
            if rows_held >= BLOCK_ROWS:
                write()

        yield append
        if held:
            write()


def read_blocks(path: str | Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a Parquet table, all or some of its columns, some hundred thousand rows at a time.

    Raises:
        Fault: the file is missing, cut short or not a table.
    """
    try:
        with pq.ParquetFile(path) as file:
            for block in range(file.num_row_groups):
                yield file.read_row_group(block, columns=columns).to_pandas()
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: truncated or corrupt table ({error}); delete it and run again") from error


def read_distinct(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """The different rows that a Parquet table has in `columns`, in the order of their first ones."""
    return pd.concat([block.drop_duplicates() for block in read_blocks(path, columns)]).drop_duplicates()


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; `IDENTIFIERS` are strings, whatever they look like.

    Raises:
        Fault: the file is missing, cut short or not a table.
    """
    try:
        if Path(path).suffix == ".parquet":
            return pd.read_parquet(path)
        names = dict.fromkeys(IDENTIFIERS, "str")
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: truncated or corrupt table ({error}); delete it and run again") from error
