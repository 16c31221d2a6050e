"""Reading and writing results: a file is either whole or absent."""

import csv
import errno
import hashlib
import json
import math
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from resiliency.base.faults import Fault


def kept(module: str | Path, suffix: str, key: bytes, make: Callable[[], bytes]) -> bytes:
    """The result of the last call of `make` for this key, or of a call now.

    A hash in the file shows whether the content is whole and of this key. Where nothing can be written, it is made
    each time.

    Args:
        module: path of the module's source.
        suffix: suffix of the file, which is named as the module's byte code.
        key: all that determines the content.
    """
    path = Path(cache_from_source(str(module))).with_suffix(suffix)
    with suppress(OSError, ValueError):
        digest, content = path.read_bytes().split(b"\n", 1)
        if digest == _digest(key, content):
            return content
    content = make()
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            temporary.write_bytes(b"\n".join([_digest(key, content), content]))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return content


def _digest(key: bytes, content: bytes) -> bytes:
    return hashlib.sha256(b"\0".join([key, content])).hexdigest().encode()


FOLDER = ".checksums"
BLOCK_BYTES = 2**22


class Checksum(NamedTuple):
    """The CRC-32 of each block of a file, and its length in bytes."""

    blocks: tuple[int, ...]
    length: int

    def __str__(self) -> str:
        return f"{','.join(f'{value:08x}' for value in self.blocks)} {self.length}"


class Running:
    """The checksum of bytes as they are written."""

    def __init__(self) -> None:
        self._blocks: list[int] = []
        self._length = 0

    def add(self, data: memoryview | bytes) -> None:
        """Count `data`, which follows on what was added before."""
        data = memoryview(data).cast("B")
        while len(data):
            filled = self._length % BLOCK_BYTES
            part, data = data[: BLOCK_BYTES - filled], data[BLOCK_BYTES - filled :]
            if not filled:
                self._blocks.append(0)
            self._blocks[-1] = zlib.crc32(part, self._blocks[-1])
            self._length += len(part)

    def checksum(self) -> Checksum:
        return Checksum(tuple(self._blocks) or (0,), self._length)


def record(written: Path, path: Path, checksum: Checksum | None = None) -> None:
    """Keep the checksum of the file `written`, which is about to take the place of `path`.

    The checksum of the previous file stays beside it, because the process may die in between.

    Args:
        checksum: checksum of the file, if known.
    """
    checksums = _beside(path)
    before = _recorded(checksums)[:1] if checksums.exists() else []
    checksums.parent.mkdir(exist_ok=True)
    temporary = checksums.with_name(f".{checksums.name}.{os.getpid()}")
    lines = map(str, [checksum or _checksum(written), *before])
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, checksums)


def forget(path: Path) -> None:
    """Remove the checksum of `path`, if there is one."""
    _beside(path).unlink(missing_ok=True)


def verified(path: str | Path) -> Path:
    """`path`, if the whole file is as it was written, or has no recorded checksum.

    Raises:
        Fault: the file is missing, or differs from what was written.
    """
    Blocks(path).verify()
    return Path(path)


class Blocks:
    """A file whose blocks are verified when they are first needed.

    Raises:
        Fault: the file is missing, or has another length than any that was written.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)
        self._verified: set[int] = set()
        try:
            length, checksums = self._path.stat().st_size, _beside(self._path)
            recorded = _recorded(checksums) if checksums.exists() else None
        except OSError as error:
            raise self._unreadable(error) from error
        self._count = max(1, -(-length // BLOCK_BYTES))
        self._expected = [one.blocks for one in recorded or [] if one.length == length]
        if recorded is not None and not self._expected:
            raise self._damaged()

    def verify(self, start: int = 0, end: int | None = None) -> None:
        """Verify the blocks from byte `start` to `end`, by default the last, that are not verified yet.

        Raises:
            Fault: they differ from what was written.
        """
        # For a file of several blocks, earlier versions kept one checksum, with which blocks cannot be compared.
        expected = [blocks for blocks in self._expected if len(blocks) == self._count]
        stop = self._count if end is None else -(-end // BLOCK_BYTES)
        needed = [block for block in range(start // BLOCK_BYTES, stop) if block not in self._verified]
        if not expected or not needed:
            return
        try:
            with self._path.open("rb") as file:
                for block in needed:
                    file.seek(block * BLOCK_BYTES)
                    value = zlib.crc32(file.read(BLOCK_BYTES))
                    expected = [blocks for blocks in expected if blocks[block] == value]
        except OSError as error:
            raise self._unreadable(error) from error
        if not expected:
            raise self._damaged()
        self._verified.update(needed)

    def _damaged(self) -> Fault:
        return Fault(f"{self._path}: damaged, not as it was written; delete it and run again")

    def _unreadable(self, error: OSError) -> Fault:
        return Fault(f"{self._path}: cannot be read ({error.strerror})")


def _beside(path: Path) -> Path:
    return path.parent / FOLDER / path.name


def _recorded(checksums: Path) -> list[Checksum]:
    lines = checksums.read_text(encoding="ascii", errors="replace").splitlines()
    found = [re.fullmatch(r"([0-9a-f]{8}(?:,[0-9a-f]{8})*) (\d+)", line) for line in lines]
    return [Checksum(tuple(int(value, 16) for value in line[1].split(",")), int(line[2])) for line in found if line]


def _checksum(path: Path) -> Checksum:
    running = Running()
    with path.open("rb") as file:
        while chunk := file.read(BLOCK_BYTES):
            running.add(chunk)
    return running.checksum()


NO_ARRAY = (OSError, ValueError, EOFError, SyntaxError, TokenError)  # errors of NumPy if a file is not a whole array
REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def replacing(path: str | Path, checksum: Callable[[], Checksum | None] = lambda: None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    The temporary name keeps the suffix of `path`, for writers that choose a format by it. A folder may be made there
    instead of a file; it replaces a folder at `path`. What a killed process left of the same file is removed.

    Args:
        checksum: function that returns the checksum of the written file, if the writer knows it; else the file is read
            again.

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
def appending(
    path: str | Path, shape: tuple[int, ...], dtype: type | np.dtype
) -> Iterator[Callable[[np.ndarray], None]]:
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
    """The array in a `.npy` file, memory-mapped; each part is verified when it is first read.

    Attributes:
        shape, ndim: shape and number of dimensions of the whole array, which has at least one.

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
            Fault: the item is damaged.
        """
        item = self._array[index]
        start = self._array.offset + index * item.nbytes
        self._blocks.verify(start, start + item.nbytes)
        return item


def _mapped(path: str | Path) -> np.memmap:
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
