"""Reading and writing results: a file is either whole or absent. Tables that people read are CSV,
wide ones Parquet.

A folder keeps what a study no longer makes, such as tables that need corruptions after these were
removed from it. So provenance.json lists the tables and charts of its last run, and whoever reads a
folder of results takes these alone.
"""

import csv
import errno
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from resiliency.base.faults import Fault, brief

# Errors of NumPy if a file is not a whole array.
NO_ARRAY = (
    OSError,
    ValueError,
    EOFError,
    SyntaxError,
    TokenError,
    TypeError,
    IndexError,
    OverflowError,
    MemoryError,
)
AGAIN = "delete it and run again"
REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when
    it does not.

    The temporary name keeps the suffix of `path`, for writers that choose a format by it. A folder
    may be made there instead of a file; it replaces a folder at `path`. What a killed process left
    of the same file is removed.

    Raises:
        Fault: the file system refuses, as a full disk does.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        leftover = re.compile(rf"\.{re.escape(path.stem)}\.\d+{re.escape(path.suffix)}")
        for other in path.parent.iterdir():  # one process writes a file at a time
            if leftover.fullmatch(other.name):
                _remove(other)
        yield temporary
        if temporary.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in REFUSALS:
            raise Fault(
                f"{path}: cannot be written ({error.strerror}); make room for it and run again"
            ) from error
        raise
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


@contextmanager
def appending(
    path: str | Path, shape: tuple[int, ...], dtype: type | np.dtype
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends to the `.npy` array of `shape` at `path`, which is whole when
    the block ends well.

    What is appended may be of any shape, so long as all of it in order fills the array. Written by
    plain calls, not through a memory map, where a full disk would kill the process.
    """
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": shape,
    }
    written = 0
    with replacing(path) as temporary, temporary.open("wb") as file:

        def append(values: np.ndarray) -> None:
            nonlocal written
            written += values.size
            file.write(np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8))

        np.lib.format.write_array_header_1_0(file, header)
        yield append
        if written != math.prod(shape):
            raise ValueError(f"{path}: {written} values appended to an array of shape {shape}")


def write_array(path: str | Path, array: np.ndarray) -> None:
    with appending(path, array.shape, array.dtype) as append:
        append(array)


def read_array(path: str | Path, remedy: str = AGAIN) -> np.memmap:
    """The array in the `.npy` file at `path`, memory-mapped.

    Raises:
        Fault: the file is missing, cut short or not an array, such as an archive (.npz); `remedy`
            says what to do.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except NO_ARRAY as error:
        raise Fault(
            f"{path}: truncated or corrupt .npy array ({brief(error)}); {remedy}"
        ) from error


def write_json(path: str | Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """The JSON object in the file at `path`.

    Raises:
        Fault: the file is missing, cut short or not JSON.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        raise Fault(f"{path}: truncated or corrupt JSON file ({error}); {AGAIN}") from error
    return content


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_csv(path: str | Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write `rows`, which share their keys, as CSV, every number with all of its digits."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)


BLOCK_ROWS = 2**19
EXACT = 2.0**53  # whole numbers below it are exact as floats
# Columns of names, which pandas would read as numbers if all look like some, such as designs 1 and
# 01.
IDENTIFIERS = {
    "member",
    "design",
    "family",
    "architecture",
    "weights_source",
    "objective",
    "setting",
    "recipe",
}
IDENTIFIERS |= {"first", "second", "current", "addition", "most_accurate"}
IDENTIFIERS |= {
    "images",
    "test_set",
    "corruption",
    "severities",
    "layers",
    "channels",
    "kernels",
    "class",
    "label",
    "answer",
    "predicted",
    "name",
}


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write `table` without its index; the suffix of `path` (.csv or .parquet) chooses the format.

    CSV holds floats with eight significant digits, and whole numbers with all of theirs, beside
    missing ones too.
    """
    with replacing(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            whole = {
                name: column.astype("Int64") for name, column in table.items() if _is_whole(column)
            }
            table.assign(**whole).to_csv(temporary, index=False, float_format="%.8g")


def _is_whole(column: pd.Series) -> bool:
    """Whether a column of floats holds whole numbers, which are floats where one is missing."""
    if column.dtype.kind != "f":
        return False
    values = column.to_numpy()[column.notna()]
    return len(values) > 0 and bool(
        (np.abs(values) < EXACT).all() and (values == np.round(values)).all()
    )


@contextmanager
def appending_table(path: str | Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield a function that appends rows to the Parquet table at `path`, which is whole when the
    block ends well.

    All that is appended has the same columns. No more than `BLOCK_ROWS` and the rows of one call
    are held in memory.
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
        raise Fault(f"{path}: truncated or corrupt table ({error}); {AGAIN}") from error


def read_distinct(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """The different rows that a Parquet table has in `columns`, in the order of their first
    ones."""
    return pd.concat(
        [block.drop_duplicates() for block in read_blocks(path, columns)]
    ).drop_duplicates()


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
        raise Fault(f"{path}: truncated or corrupt table ({error}); {AGAIN}") from error


PROVENANCE = "provenance.json"


class Run:
    """The run that made a folder of results last: a container of the names of its tables.

    Attributes:
        folder: folder of the results, results/<study>.
        provenance: content of provenance.json.

    Raises:
        Fault: the study has not been run to its end.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.provenance = read_json(self.file(PROVENANCE))
        study, tables = (self.provenance.get(key) for key in ("study", "tables"))
        # A mapping in earlier runs.
        if not isinstance(study, dict) or not isinstance(tables, list | dict):
            raise Fault(f"{self.folder / PROVENANCE}: not the description of a run; {AGAIN}")

    def __contains__(self, table: str) -> bool:
        return table in self.provenance["tables"]

    def file(self, path: str) -> Path:
        """The file of this path in the folder.

        Raises:
            Fault: there is none.
        """
        file = self.folder / path
        if not file.is_file():
            raise Fault(f"{self.folder}: has no {path}; run the study to its end first")
        return file
