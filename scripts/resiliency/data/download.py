"""Downloading published archives: a file is fetched once, continued where it broke off, and used only when verified."""

import fcntl
import hashlib
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from resiliency.base.faults import Fault
from resiliency.storage.files import REFUSALS

BLOCK = 2**18
TIMEOUT = 60
TRIES = 5
PAUSE = 2
MEGABYTE = 1e6
LONGEST_REASON = 200
BEYOND_END, TOO_MANY_REQUESTS = 416, 429


class Archive(NamedTuple):
    """A file as its publisher offers it: where, under which name it is kept here, and its checksums (hexadecimal).

    It is verified by its SHA-256 if one was published, else by its md5.
    """

    url: str
    name: str
    md5: str
    sha256: str = ""

    @property
    def checksum(self) -> str:
        """The checksum that counts, with its kind: "SHA-256 6d95..." or "md5 c58f..."."""
        return f"SHA-256 {self.sha256}" if self.sha256 else f"md5 {self.md5}"

    def checksum_of(self, path: Path) -> str | None:
        """The checksum, of the same kind, of the file at `path`; None if there is none."""
        if not path.exists():
            return None
        kind, new = ("SHA-256", hashlib.sha256) if self.sha256 else ("md5", partial(hashlib.md5, usedforsecurity=False))
        with path.open("rb") as file:
            return f"{kind} {hashlib.file_digest(file, new).hexdigest()}"


def cache_folder() -> Path:
    """The folder of downloads: the environment variable RESILIENCY_CACHE, else ~/.cache/resiliency.

    Not a setting of the study, because where data lie changes no result.
    """
    return Path(os.environ.get("RESILIENCY_CACHE") or "~/.cache/resiliency").expanduser().absolute()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` and hold it for this process while the block runs, having waited for any other that holds it.

    Raises:
        Fault: the folder cannot be made, written or locked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w", encoding="utf-8")
        _lock(file.fileno(), folder)
    except OSError as error:
        reason = f"{folder}: cannot be written or locked ({error.strerror})"
        raise Fault(f"{reason}; set RESILIENCY_CACHE to a folder that can") from error
    with file:
        yield


@contextmanager
def published_content(place: Path) -> Iterator[None]:
    """Say in one line what goes wrong inside `place`, a file or folder; readers of many formats raise almost anything.

    Raises:
        Fault: anything goes wrong.
    """
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in REFUSALS:
            raise Fault(f"{place}: cannot be written ({error.strerror}); make room for it and run again") from error
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise Fault(f"{place}: does not hold what was published ({reason}); delete it and run again") from error


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{folder}: another process is downloading or extracting there; waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)


def fetch(archive: Archive, folder: Path) -> Path:
    """The verified `archive` in `folder`, which the caller holds by `locked`; downloaded unless it is there already.

    What has come of a download that breaks off stays as `<name>.part`, and the next one continues it.

    Raises:
        Fault: the archive cannot be downloaded or written, or has another checksum.
    """
    path, part = folder / archive.name, folder / f"{archive.name}.part"
    if folders := [str(place) for place in (path, part) if place.is_dir()]:
        raise Fault(f"{folders[0]}: is a folder, where the archive {archive.name} is kept; rename or remove it")
    found = archive.checksum_of(path)
    if found == archive.checksum:
        return path
    if found:
        print(f"{path}: expected {archive.checksum}, got {found}; downloading it again")
    if archive.checksum_of(part) != archive.checksum:
        _download(archive, path, part)
        found = archive.checksum_of(part)
        if found != archive.checksum:
            part.unlink()
            message = f"{path}: expected {archive.checksum} from {archive.url}, got {found}"
            raise Fault(f"{message}; run again, or put the file there")
    os.replace(part, path)
    return path


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _download(archive: Archive, path: Path, part: Path) -> None:
    """Fill `part`; give up when the server refuses, or after TRIES attempts in a row after which no more was there."""
    fruitless, most = 0, 0
    while True:
        have = _size(part)
        most = max(most, have)
        try:
            return _append(archive, part, have)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: the address is invalid
            if isinstance(error, OSError) and error.errno in REFUSALS:
                raise Fault(f"{part}: cannot be written ({error.strerror}); make room for it and run again") from error
            status = getattr(error, "code", None)
            if status == BEYOND_END:
                part.unlink(missing_ok=True)
            fruitless = 0 if _size(part) > most else fruitless + 1
            reason = (f"HTTP status {status}, " if status else "") + f"{getattr(error, 'reason', error)}"
            reason = (reason if reason.isprintable() else repr(reason))[:LONGEST_REASON]
            if fruitless == TRIES or (status and status < 500 and status not in (BEYOND_END, TOO_MANY_REQUESTS)):
                message = f"{archive.name}: cannot be downloaded from {archive.url} ({reason})"
                raise Fault(f"{message}; run again when it can, or put the file at {path}") from error
        print(f"{archive.name}: {reason}; trying again")
        time.sleep(PAUSE * fruitless)


def _append(archive: Archive, part: Path, have: int) -> None:
    """Download into `part` what follows its first `have` bytes, or all of it if the server cannot start there."""
    headers = {"User-Agent": "resiliency"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(archive.url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        have = have if response.status == 206 else 0
        length = response.headers["Content-Length"] or ""
        total = have + int(length) if length.isascii() and length.isdecimal() else math.inf
        print(f"{archive.name}: downloading from {archive.url}" + (f", {have:,} bytes are here" if have else ""))
        start, started_at, due = time.monotonic(), have, have + total / 20
        with part.open("ab" if have else "wb") as file:
            while block := response.read(BLOCK):
                file.write(block)
                have += len(block)
                if have >= min(due, total):
                    due = have + total / 20
                    speed = (have - started_at) / max(time.monotonic() - start, 1e-9)
                    print(f"{archive.name}: {_progress(have, int(total), speed)}")
    if math.isfinite(total) and have < total:
        raise ConnectionError(f"connection closed after {have:,} of {total:,} bytes")


def _progress(have: int, total: int, speed: float) -> str:
    """`have` of `total` bytes at `speed` bytes per second, in words."""
    amount = f"{100 * have // total} %, {have / MEGABYTE:,.1f} of {total / MEGABYTE:,.1f} MB"
    return f"{amount}, {speed / MEGABYTE:,.1f} MB/s, {(total - have) / speed:,.0f} s left"
