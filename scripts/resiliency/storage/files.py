"""Reading and writing results: a file is either whole or absent."""

import csv
import errno
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tokenize import TokenError

import numpy as np

from resiliency.base.faults import Fault
from resiliency.storage.checksums import Blocks, Checksum, Running, record, verified

NO_ARRAY = (OSError, ValueError, EOFError, SyntaxError, TokenError)  # what NumPy raises where no whole array is
REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def replacing(path: str | Path, checksum: Callable[[], Checksum | None] = lambda: None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    The temporary name keeps the suffix of `path`, for writers that choose a format by it. A folder may be made there
    instead of a file; it replaces a folder at `path`. What a killed process left of the same file is removed.

    Args:
        checksum: gives that of the file once it is written, if the writer knows it; else the file is read again for it.

    Raises:
        Fault: the file system refuses, as a full disk does.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        yield temporary
        if temporary.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            record(temporary, path, checksum())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in REFUSALS:
            raise Fault(f"{path}: cannot be written ({error.strerror}); make room for it and run again") from error
        raise
    finally:
        _remove(temporary)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of `path`, which one process writes at a time."""
    names = re.compile(rf"\.{re.escape(path.stem)}\.\d+{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        if names.fullmatch(other.name):
            _remove(other)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


@contextmanager
def appending(path: str | Path, shape: tuple[int, ...], dtype: type) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends to the `.npy` array of `shape` at `path`, which is whole when the block ends well.

    What is appended may be of any shape, so long as all of it in order fills the array. Written by plain calls, not
    through a memory map, where a full disk would kill the process.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    written, running = 0, Running()

    with replacing(path, running.checksum) as temporary, temporary.open("wb") as file:

        def write(data: bytes | memoryview) -> None:
            file.write(data)
            running.add(data)

        def append(values: np.ndarray) -> None:
            nonlocal written
            written += values.size
            write(memoryview(np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8)))

        start = BytesIO()
        np.lib.format.write_array_header_1_0(start, header)
        write(start.getvalue())
        yield append
        if written != math.prod(shape):
            raise ValueError(f"{path}: {written} values appended to an array of shape {shape}")


def write_array(path: str | Path, array: np.ndarray) -> None:
    with appending(path, array.shape, array.dtype) as append:
        append(array)


def read_array(path: str | Path) -> np.ndarray:
    """The array in the `.npy` file at `path`, memory-mapped, all of it verified; see `StoredArray` for large ones.

    Raises:
        Fault: the file is missing, damaged or not an array.
    """
    return _mapped(verified(path))


class StoredArray:
    """The array in a `.npy` file, memory-mapped, of which only what is read is verified, when it is first read.

    Attributes:
        shape, ndim: of the whole array, of one dimension or more.

    Raises:
        Fault: the file is missing, damaged or not an array.
    """

    def __init__(self, path: str | Path):
        self._blocks = Blocks(path)
        self._blocks.verify(0, 1)
        self._array = _mapped(path)
        self.shape, self.ndim = self._array.shape, self._array.ndim

    def __getitem__(self, index: int) -> np.ndarray:
        """The item of the first axis at `index`, not below 0, memory-mapped.

        Raises:
            Fault: it is damaged.
        """
        item = self._array[index]
        start = self._array.offset + index * item.nbytes
        self._blocks.verify(start, start + item.nbytes)
        return item


def _mapped(path: str | Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except NO_ARRAY as error:
        raise Fault(f"{path}: truncated or corrupt .npy array ({error}); delete it and run again") from error


def write_json(path: str | Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    """The JSON object in the file at `path`.

    Raises:
        Fault: the file is missing, damaged or not JSON.
    """
    try:
        return json.loads(verified(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: truncated or corrupt JSON file ({error}); delete it and run again") from error


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_csv(path: str | Path, rows: list[dict]) -> None:
    """Write `rows`, which share their keys, as CSV, for scripts that need not import pandas."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)
