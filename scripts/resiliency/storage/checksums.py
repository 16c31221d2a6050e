"""Checksums of results, so that a file that is no longer as it was written is found out where it is read.

They lie in the folder `.checksums` beside the results: CRC-32, which finds every damage of 32 bits in a row or less and
all but one in four billion of the others, and length. Files without one, such as a user's own, are not checked.
"""

import os
import zlib
from pathlib import Path

from resiliency.faults import Fault

FOLDER = ".checksums"
CHUNK_BYTES = 2**22


def record(written: Path, path: Path) -> None:
    """Keep the checksum of the file `written`, which is about to take the place of `path`.

    The one of the file that is still there stays beside it, for the process may die between the two.
    """
    kept = _beside(path)
    before = _recorded_checksums(kept)[:1] if kept.exists() else []
    kept.parent.mkdir(exist_ok=True)
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
    temporary.write_text("\n".join([_checksum(written), *before]) + "\n", encoding="utf-8")
    os.replace(temporary, kept)


def forget(path: Path) -> None:
    """Remove the checksum of `path`, if there is one."""
    _beside(path).unlink(missing_ok=True)


def verified(path: str | Path) -> Path:
    """`path`, if the file there is as it was written, or none is known to have been.

    Raises:
        Fault: the file is missing, or differs.
    """
    path = Path(path)
    try:
        path.stat()
        kept = _beside(path)
        if kept.exists() and _checksum(path) not in _recorded_checksums(kept):
            raise Fault(f"{path}: damaged, not as it was written; delete it and run again")
    except OSError as error:
        raise Fault(f"{path}: cannot be read ({error.strerror})") from error
    return path


def _beside(path: Path) -> Path:
    return path.parent / FOLDER / path.name


def _recorded_checksums(kept: Path) -> list[str]:
    return kept.read_text(encoding="ascii", errors="replace").splitlines()


def _checksum(path: Path) -> str:
    value, length = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            value, length = zlib.crc32(chunk, value), length + len(chunk)
    return f"{value:08x} {length}"
