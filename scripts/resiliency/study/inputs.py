"""What is in the files that a study reads from outside, so that their content makes results stale, not their time.

`cp -p`, `mv`, `rsync -a` and `tar` keep the modification time of a file, so that what takes the place of an input may
be older than the results. So a file counts with the SHA-256 of its bytes. It is computed once for each state of the
file: its size, the times of its last modification and change, of which those programs cannot keep the second, and its
inode.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from resiliency.data.folder import SUFFIXES
from resiliency.storage.files import sha256

THREADS = 16  # more than there are cores: on a network file system they wait
PAUSE = 5  # seconds between two lines about progress
GRAIN = 2 * 10**9  # nanoseconds within which a file may change again without another time
GIGABYTE = 1e9


class State(NamedTuple):
    """Size in bytes, times of the last modification and change, in nanoseconds since 1970, and inode of a file."""

    size: int
    modified: int
    changed: int
    inode: int


class Inputs:
    """The inputs of a study; what was computed is kept in `folder`, for later starts and for jobs on other nodes."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def files(self, *paths: str) -> str:
        """A hash of the content of these files, in their order; one that is missing or unreadable has none."""
        hashes = self._hashes("files", {path: _state(path) for path in paths}, str)
        return _digest(hashes.get(path, "") for path in paths)

    def images(self, timed: bool, *folders: str | Path) -> str:
        """A hash of the paths and contents of all images in `folders`, linked folders too; hidden ones do not count.

        Args:
            timed: whether modification times count too: later stages refuse a file whose time is not the one listed.
        """
        return _digest(f"{Path(folder).name}\0{self._images(str(folder), timed)}" for folder in folders)

    def _images(self, folder: str, timed: bool) -> str:
        states = {file: state for file, state in _walk(folder) if file.lower().endswith(SUFFIXES)}
        name = _name("images", folder)

        def content() -> str:
            hashes = self._hashes(f"{name}-files", states, lambda file: os.path.join(folder, file))
            times = {file: state.modified if timed else "" for file, state in states.items()}
            return _digest(f"{file}\0{times[file]}\0{hashes.get(file, '')}" for file in states)

        return self._once(f"{name}-{timed}", states, content)

    def image_set(self, folder: str, corruption: str, severities: Iterable[int]) -> str:
        """A hash of paths, sizes and modification times of the files of one corruption, in the layout of ImageNet-C.

        There are millions of them: they are looked at again only if one of their class folders was changed, as it is
        where a file is added, removed or replaced, but not where one is written over.
        """
        places = [Path(folder, corruption), *sorted(Path(folder).glob(f"*/{corruption}"))]
        levels = [str(place / str(severity)) for place in places for severity in severities]
        folders = {path: state for level in levels for path, state in _folders(level)}

        def content() -> str:
            files = ((path, file, state) for path in folders for file, state in _walk(path))
            return _digest(f"{os.path.relpath(path, folder)}\0{file}\0{state[:2]}" for path, file, state in files)

        return self._once(_name("set", folder, corruption, *severities), folders, content)

    def _once(self, name: str, states: dict[str, State], content: Callable[[], str]) -> str:
        """What `content` returned when it was last called for these states, or returns now."""
        of = _digest(f"{path}\0{' '.join(map(str, state))}" for path, state in states.items())
        kept = self._read(name)
        if kept.get("of") != of:
            kept = {"of": of, "content": content()}
            if all(map(_is_settled, states.values())):
                self._write(name, kept)
        return kept["content"]

    def _hashes(self, name: str, states: dict[str, State | None], place: Callable[[str], str]) -> dict[str, str]:
        """File -> SHA-256 of its bytes; without those that cannot be read.

        Args:
            name: of the file that keeps the hashes.
            place: the path of each file.
        """
        kept = self._read(name)
        there = {file: state for file, state in states.items() if state}
        known = {file: kept[file][-1] for file, state in there.items() if kept.get(file, [])[:-1] == [*state]}
        unknown = [file for file in there if file not in known]
        found = dict(zip(unknown, _hash_all([(place(file), there[file].size) for file in unknown]), strict=True))
        found = {file: value for file, value in found.items() if value}
        if new := {file: [*there[file], value] for file, value in found.items() if _is_settled(there[file])}:
            self._write(name, kept | new)
        return known | found

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            content = json.loads((self.folder / f"{name}.json").read_bytes())
            return content if isinstance(content, dict) else {}
        return {}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a file of `folder`; where nothing can be written, all is computed each time."""
        temporary = self.folder / f".{name}.{os.getpid()}"
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_text(json.dumps(content), encoding="utf-8")
                temporary.replace(self.folder / f"{name}.json")
            finally:
                temporary.unlink(missing_ok=True)


def _state(path: str) -> State | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return State(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _is_settled(state: State) -> bool:
    """Whether the file will have another state if it changes once more."""
    return time.time_ns() - state.changed > GRAIN


def _walk(folder: str) -> Iterator[tuple[str, State]]:
    """Path relative to `folder`, and state, of each file in it, in the order of the paths; see `Inputs.images`."""
    seen: set[str] = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        inside = os.path.join(os.path.relpath(path, folder), "").removeprefix("./")
        for name in () if real in seen else sorted(name for name in files if not name.startswith(".")):
            if state := _state(f"{path}/{name}"):
                yield inside + name, state
        seen.add(real)


def _folders(folder: str) -> Iterator[tuple[str, State]]:
    """Path and state of each folder in `folder`, in the order of their names; none if it is not there."""
    with suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_dir() and (state := _state(entry.path)):
                yield entry.path, state


def _hash_all(files: list[tuple[str, int]]) -> Iterator[str]:
    """SHA-256 of each file, given as path and size, empty if it cannot be read; tells how far it is on standard error.

    Standard output is for what Snakemake is asked to print, such as its graph.
    """
    total, done, start = sum(size for _, size in files), 0, time.monotonic()
    told = start
    with ThreadPoolExecutor(THREADS) as pool:
        for (_, size), value in zip(files, pool.map(_hash, [path for path, _ in files]), strict=True):
            done += size
            now = time.monotonic()
            if now - told > PAUSE:
                left = (now - start) * (total - done) / max(done, 1)
                amount = f"{done / GIGABYTE:,.1f} of {total / GIGABYTE:,.1f} GB"
                print(f"Reading inputs that are new or changed: {amount}, {left:,.0f} s left", file=sys.stderr)
                told = now
            yield value


def _hash(path: str) -> str:
    if not os.path.isfile(path):  # a pipe would be waited for
        return ""
    try:
        return sha256(path)
    except OSError:
        return ""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(os.fsencode("\n".join(parts))).hexdigest()[:16]


def _name(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
