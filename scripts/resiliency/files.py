"""Reading and writing results: a file is either whole or absent."""

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from resiliency.faults import Fault


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    The temporary name keeps the suffix of `path`, for writers that choose a format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_array(path: str | Path, array: np.ndarray) -> None:
    with replacing(path) as temporary:
        np.save(temporary, array)


def read_array(path: str | Path) -> np.ndarray:
    """The array in the `.npy` file at `path`, memory-mapped.

    Raises:
        Fault: the file is missing, cut short or not an array.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise Fault(f"{path}: not a whole .npy array ({error}); delete it and run again") from error


def write_json(path: str | Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: str | Path) -> dict:
    """The JSON object in the file at `path`.

    Raises:
        Fault: the file is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: not a JSON file ({error}); delete it and run again") from error


def write_csv(path: str | Path, rows: list[dict]) -> None:
    """Write `rows`, which share their keys, as CSV, for scripts that need not import pandas."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)
