"""Origins of results: records of Snakemake, and the content of outside files that a study reads.

Snakemake keeps its records in `.snakemake` of the working folder, not beside the results, and does not miss them: it
takes a result without a record for current, whatever the study says now. It compares results with each other by times
alone. So results are refused that have no record, that another working folder has made since, or that are older than
their record says; and no job starts while the clock is behind.

`cp -p`, `mv`, `rsync -a` and `tar` keep the modification time of a file, so that what takes the place of an input may
be older than the results. So a file counts with the SHA-256 of its bytes. It is computed once for each state of the
file: its size, the times of its last modification and change, of which those programs cannot keep the second, and its
inode."""

import hashlib
import json
import os
import secrets
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from resiliency.base.faults import LONGEST_VALUE, Fault, short
from resiliency.data.folder import SUFFIXES
from resiliency.storage.files import sha256

ABSENT, EMPTY = "–", (None, {}, [], False)


def differences(before: dict, after: dict) -> dict[str, tuple[str, str]]:
    """Key, such as `training.epochs` -> its values in the two studies, as written; `ABSENT` if a study lacks it."""
    return dict(_differing(before, after, ""))


def _differing(before: dict, after: dict, parent: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in [*before, *(name for name in after if name not in before)]:
        key, own, other = f"{parent}{name}", before.get(name, ABSENT), after.get(name, ABSENT)
        if isinstance(own, dict) and isinstance(other, dict):
            yield from _differing(own, other, f"{key}.")
        elif own != other and not (ABSENT in (own, other) and (own in EMPTY or other in EMPTY)):
            yield key, _written(own, other)


def _written(own: object, other: object) -> tuple[str, str]:
    """Two values as written; of long lists, what each has and the other has not."""
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in (own, other)]
    if not (isinstance(own, list) and isinstance(other, list)) or max(map(len, texts)) <= LONGEST_VALUE:
        return short(texts[0], quote=False), short(texts[1], quote=False)
    alone = [[value for value in these if value not in those] for these, those in ((own, other), (other, own))]
    if not any(alone):
        return f"{len(own)} in one order", f"{len(other)} in another"
    own_words, other_words = (
        f"{len(of)}, with {short(json.dumps(more), quote=False)}" if more else f"{len(of)} of them"
        for of, more in zip((own, other), alone, strict=True)
    )
    return own_words, other_words


SNAKEMAKE = Path(".snakemake")
NAME = ".records"  # file beside the results that names their records; its twin lies among the records
PROVENANCE, STUDY = "provenance.json", ".study.json"  # study of the last finished run, and before one
CHANGED = "Changed in the study:"
NO_RESULTS = ("logs", "benchmarks")
NAMED = 5
SKEW = 60  # seconds by which the clocks of a cluster may differ; archives cut off two


def check_records(results: str, makes: Callable[[str], bool]) -> None:
    """Refuse `results`, a path relative to the working folder, that are not those of the records in this folder.

    Args:
        makes: predicate of paths: whether the study makes this file.

    Raises:
        Fault: records are missing or another folder's, or results are not the recorded files.
    """
    if not _paired(results) and any(makes(path) for path in _files(results)):
        raise _lost(results)
    if Path(SNAKEMAKE, "metadata.db").exists():  # the other of Snakemake's two ways to keep records
        return
    # In this order: what a job is making leaves the incomplete files only after it has a record.
    there = _files(results, _kept("metadata"))
    incomplete, recorded = _kept("incomplete"), _kept("metadata")
    lacking = [path for path in there if path not in recorded and path not in incomplete and makes(path)]
    if lacking and not recorded.keys() & there.keys():
        raise _lost(results)
    if lacking:
        more = f" and {len(lacking) - NAMED:,} more" if len(lacking) > NAMED else ""
        raise Fault(
            f"{', '.join(lacking[:NAMED])}{more}: no record in {SNAKEMAKE} says what was used to make it; delete and "
            "run again"
        )
    for path in sorted(there.keys() & recorded.keys() - incomplete.keys()):
        _check_age(path, there[path], recorded[path])


def _lost(results: str) -> Fault:
    return Fault(
        f"{results}: Snakemake's records of what these results were made with are not in {Path.cwd() / SNAKEMAKE}: "
        "they were removed, or other results took their place; put the folder back, run where the results were made, "
        f"or move the results away and compute them again (mv {results} {results}-before)"
    )


def _check_age(path: str, modified: float, record: str) -> None:
    try:
        started = float(json.loads(Path(record).read_bytes())["starttime"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Fault(f"{path}: Snakemake's record of it is damaged; delete it and run again") from None
    if modified < started - SKEW:
        raise Fault(
            f"{path}: dated {_time(modified)}, before the job that made it started ({_time(started)}): another file "
            "took its place, or a clock was behind; delete it and run again"
        )


def changes(results: str, study: dict) -> str:
    """A line per key in which `study` differs from the one that the results were made with; empty if there is none."""
    before = _made_with(results)
    keys = differences(before, study).items() if before else ()
    return "\n".join([CHANGED, *(f"  {key}: {own} -> {other}" for key, (own, other) in keys)]) if keys else ""


def _made_with(results: str) -> dict | None:
    """The study of the last run that was finished, or of the first run if none was; None if there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(Path(results, PROVENANCE).read_bytes())["study"]
    with suppress(OSError, ValueError):
        return json.loads(Path(results, STUDY).read_bytes())
    return None


def sign(results: str, study: dict) -> None:
    """Pair the records in this working folder with `results`, if these can be written at all.

    Each run with jobs does this, so that a copy of the records can be distinguished from them. It also notes the study
    that the results were made with until now.

    Args:
        study: keys of this run's study.

    Raises:
        Fault: a result is newer than now, because the clock is behind.
    """
    there, name = Path(results, NAME), secrets.token_hex(16)
    twin = _twin(results)
    with suppress(OSError):
        there.parent.mkdir(parents=True, exist_ok=True)
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_text(f"{name}\n{_first(there)}\n", encoding="ascii")  # a run may be killed between the two
        there.write_text(f"{name}\n", encoding="ascii")
        twin.write_text(f"{name}\n", encoding="ascii")
        Path(results, STUDY).write_text(json.dumps(_made_with(results) or study), encoding="utf-8")
        _check_clock(results, there.stat().st_mtime)


def _check_clock(results: str, now: float) -> None:
    files = _files(results, _kept("metadata"))
    newest = max(files, key=files.__getitem__, default="")
    if newest and files[newest] > now + SKEW:
        raise Fault(
            f"{newest}: dated {_time(files[newest])}, and it is {_time(now)}: results of a clock that is behind would "
            f"not count as new; set the clock, or, if it is right, delete what `find {results} -newermt now` lists"
        )


def _twin(results: str) -> Path:
    return Path(SNAKEMAKE, "metadata", f"{NAME}-{Path(results).name}")


def _first(path: Path) -> str:
    with suppress(OSError, ValueError):
        return path.read_text(encoding="ascii").partition("\n")[0]
    return ""


def _paired(results: str) -> bool:
    """Whether the records in this folder are those that the results name, or these name none."""
    name = _first(Path(results, NAME))
    with suppress(OSError, ValueError):
        return not name or name in _twin(results).read_text(encoding="ascii").split()
    return False


def _files(results: str, folders: Collection[str] = ()) -> dict[str, float]:
    """Path -> time of the last modification of each file among the results, those in `folders` left out."""
    found = {}
    for path, inside, files in os.walk(results):
        left_out = NO_RESULTS if path == results else ()
        inside[:] = [
            name
            for name in inside
            if not name.startswith(".") and name not in left_out and f"{path}/{name}" not in folders
        ]
        for name in files:
            if not name.startswith("."):
                with suppress(OSError):
                    found[f"{path}/{name}"] = os.stat(f"{path}/{name}").st_mtime
    return found


def _kept(kind: str) -> dict[str, str]:
    """Path of a result -> file that Snakemake keeps about it: its name in Base64, long ones in parts."""
    folder, found = str(SNAKEMAKE / kind), {}
    for path, _, files in os.walk(folder):
        parts = [part.removeprefix("@") for part in path.removeprefix(folder).split("/")]
        for name in files:
            if not name.startswith("."):
                with suppress(ValueError):
                    found[urlsafe_b64decode("".join([*parts, name])).decode()] = f"{path}/{name}"
    return found


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


THREADS = 16  # more than there are cores: on a network file system they wait
PAUSE = 5  # seconds between two lines about progress
GRAIN = 2 * 10**9  # nanoseconds within which a file may change again without a new time
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
        """The result of the last call of `content` for these states, or of a call now."""
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
            name: name of the file that keeps the hashes.
            place: function from a file to its path.
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
    """SHA-256 of each file, given as path and size, empty if it cannot be read; prints its progress on standard error.

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
