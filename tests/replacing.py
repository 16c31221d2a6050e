"""Files that take the place of others without being newer, as `cp -p`, `mv`, `rsync -a` and `tar` bring them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOUR = 3600 * 10**9  # nanoseconds


@contextmanager
def older(path: Path, before: bytes, after: bytes) -> Iterator[None]:
    """While the block runs, another file at `path`: of the same size, an hour older, with `before` replaced once."""
    content, status = path.read_bytes(), path.stat()
    assert before in content
    assert len(before) == len(after)
    kept = path.rename(path.with_name(f".{path.name}.kept"))
    path.write_bytes(content.replace(before, after, 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - HOUR))
    try:
        yield
    finally:
        kept.replace(path)
