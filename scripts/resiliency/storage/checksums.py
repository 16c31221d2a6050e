"""Checksums of results, so that a file that is no longer as it was written is found out where it is read.

They lie in the folder `.checksums` beside the results: the length, and the CRC-32 of each block of `BLOCK_BYTES`, which
finds every damage of 32 bits in a row or less and all but one in four billion of the others. A file may be verified as
a whole or, where it is large, block by block as it is read. Files without one, such as a user's own, are not checked.
"""

import os
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from resiliency.base.faults import Fault

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

    def __init__(self):
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

    The one of the file that is still there stays beside it, for the process may die between the two.

    Args:
        checksum: that of the file, if it is known already.
    """
    kept = _beside(path)
    before = _recorded(kept)[:1] if kept.exists() else []
    kept.parent.mkdir(exist_ok=True)
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
    lines = map(str, [checksum or _checksum(written), *before])
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, kept)


def forget(path: Path) -> None:
    """Remove the checksum of `path`, if there is one."""
    _beside(path).unlink(missing_ok=True)


def verified(path: str | Path) -> Path:
    """`path`, if the whole file there is as it was written, or none is known to have been.

    Raises:
        Fault: the file is missing, or differs.
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
            length, kept = self._path.stat().st_size, _beside(self._path)
            recorded = _recorded(kept) if kept.exists() else None
        except OSError as error:
            raise self._unreadable(error) from error
        self._count = max(1, -(-length // BLOCK_BYTES))
        self._expected = [one.blocks for one in recorded or [] if one.length == length]
        if recorded is not None and not self._expected:
            raise self._damaged()

    def verify(self, start: int = 0, end: int | None = None) -> None:
        """Verify those blocks that hold the bytes from `start` to `end`, the last unless given, and were not yet.

        Raises:
            Fault: they are not as they were written.
        """
        # Of a file of several blocks, earlier versions kept one checksum: there is none to compare with.
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


def _recorded(kept: Path) -> list[Checksum]:
    lines = kept.read_text(encoding="ascii", errors="replace").splitlines()
    found = [re.fullmatch(r"([0-9a-f]{8}(?:,[0-9a-f]{8})*) (\d+)", line) for line in lines]
    return [Checksum(tuple(int(value, 16) for value in line[1].split(",")), int(line[2])) for line in found if line]


def _checksum(path: Path) -> Checksum:
    running = Running()
    with path.open("rb") as file:
        while chunk := file.read(BLOCK_BYTES):
            running.add(chunk)
    return running.checksum()
