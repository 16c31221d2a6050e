"""Files that take the place of others for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: Path, before: bytes, after: bytes) -> Iterator[None]:
    """While the block runs, another file at `path`: new, of the same size, with `before` replaced
    once."""
    content, folder = path.read_bytes(), path.parent.stat()
    assert before in content
    assert len(before) == len(after)
    kept = path.rename(path.with_name(f".{path.name}.kept"))
    path.write_bytes(content.replace(before, after, 1))
    try:
        yield
    finally:
        kept.replace(path)
        os.utime(path.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))
