"""Content that takes long to make, kept beside the byte code of the module that it belongs to."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path


def kept(module: str | Path, suffix: str, key: bytes, make: Callable[[], bytes]) -> bytes:
    """What `make` returned when it was last called for this key, or returns now.

    A hash in the file shows whether the content is whole and of this key. Where nothing can be written, it is made
    each time.

    Args:
        module: the path of its source.
        suffix: of the file, which has the name of the byte code otherwise.
        key: all that the content depends on.
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
