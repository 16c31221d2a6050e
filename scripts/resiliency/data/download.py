"""Downloads of published datasets: torchvision fetches their files, and uses none whose md5 is another."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resiliency.base.faults import Fault, brief

TIMEOUT = 60  # seconds for which a server may be silent; torchvision would wait for ever


def cache_folder() -> Path:
    """The folder of downloads: the environment variable RESILIENCY_CACHE, else ~/.cache/resiliency.

    Not a setting of the study, because where data lie changes no result.
    """
    return Path(os.environ.get("RESILIENCY_CACHE") or "~/.cache/resiliency").expanduser().absolute()


@contextmanager
def downloading(folder: Path, files: str) -> Iterator[None]:
    """Make `folder` and hold it for this process while the block downloads `files` into it, or reads them there.

    Raises:
        Fault: anything goes wrong; readers of published files raise almost anything.
    """
    socket.setdefaulttimeout(TIMEOUT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except Exception as error:
        remedy = "run again, or put there by hand what is missing, and delete what is damaged"
        raise Fault(f"{folder}: cannot download or read {files} ({brief(error)}); {remedy}") from error
