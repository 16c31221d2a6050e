"""Origins of results: the records of Snakemake.

Snakemake keeps its records in `.snakemake` of the working folder, not beside the results, and does
not miss them: it takes a result without a record for current, whatever the study says now. It
compares results with each other by times alone. So results are refused that have no record, that
another working folder has made since, or that are older than their record says; and no job starts
while the clock is behind."""

import json
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from resiliency.base.faults import LONGEST_VALUE, Fault, short
from snakemake_internals import RECORDS, job_start, kept, kept_in_database

ABSENT = "–"
EMPTY: tuple[object, ...] = (None, {}, [], False)


def differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> dict[str, tuple[str, str]]:
    """Key, such as `training.epochs` -> its values in the two studies, as written; `ABSENT` if a
    study lacks it."""
    found: dict[str, tuple[str, str]] = {}
    for name in dict.fromkeys([*before, *after]):
        own, other = before.get(name, ABSENT), after.get(name, ABSENT)
        if isinstance(own, dict) and isinstance(other, dict):
            found |= {f"{name}.{key}": values for key, values in differences(own, other).items()}
        elif own != other and not (ABSENT in (own, other) and (own in EMPTY or other in EMPTY)):
            found[name] = _written(own, other)
    return found


def _written(own: object, other: object) -> tuple[str, str]:
    """Two values as written; of long lists, what each has and the other has not."""
    texts = [
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in (own, other)
    ]
    if (
        not (isinstance(own, list) and isinstance(other, list))
        or max(map(len, texts)) <= LONGEST_VALUE
    ):
        return short(texts[0], quote=False), short(texts[1], quote=False)
    alone = [
        [value for value in these if value not in those]
        for these, those in ((own, other), (other, own))
    ]
    if not any(alone):
        return f"{len(own)} in one order", f"{len(other)} in another"
    own_words, other_words = (
        f"{len(of)}, with {short(json.dumps(more), quote=False)}" if more else f"{len(of)} of them"
        for of, more in zip((own, other), alone, strict=True)
    )
    return own_words, other_words


# File beside the results that names their records; its twin lies among the records.
NAME = ".records"
# Study of the last finished run, and before one.
PROVENANCE, STUDY = "provenance.json", ".study.json"
CHANGED = "Changed in the study:"
NAMED = 5
SKEW = 60  # seconds by which the clocks of a cluster may differ; archives cut off two


def check_records(results: str, makes: Callable[[str], bool]) -> None:
    """Refuse `results`, a path relative to the working folder, that are not those of the records in
    this folder.

    Args:
        makes: predicate of paths: whether the study makes this file.

    Raises:
        Fault: records are missing or another folder's, or results are not the recorded files.
    """
    if not _paired(results) and any(makes(path) for path in _files(results)):
        raise _lost(results)
    if kept_in_database():
        return
    # In this order: what a job is making leaves the incomplete files only after it has a record.
    there = _files(results, kept("metadata"))
    incomplete, recorded = kept("incomplete"), kept("metadata")
    lacking = [
        path for path in there if path not in recorded and path not in incomplete and makes(path)
    ]
    if lacking and not recorded.keys() & there.keys():
        raise _lost(results)
    if lacking:
        more = f" and {len(lacking) - NAMED:,} more" if len(lacking) > NAMED else ""
        lost = f"no record in {RECORDS} says what was used to make it"
        raise Fault(f"{', '.join(lacking[:NAMED])}{more}: {lost}; delete and run again")
    for path in sorted(there.keys() & recorded.keys() - incomplete.keys()):
        _check_age(path, there[path], recorded[path])


def _lost(results: str) -> Fault:
    return Fault(
        f"{results}: Snakemake's records of what these results were made with are not in "
        f"{Path.cwd() / RECORDS}: "
        "they were removed, or other results took their place; put the folder back, run where the "
        "results were made, "
        f"or move the results away and compute them again (mv {results} {results}-before)"
    )


def _check_age(path: str, modified: float, record: str) -> None:
    try:
        started = job_start(record)
    except (OSError, ValueError, KeyError, TypeError):
        raise Fault(
            f"{path}: Snakemake's record of it is damaged; delete it and run again"
        ) from None
    if modified < started - SKEW:
        raise Fault(
            f"{path}: dated {_time(modified)}, before the job that made it started "
            f"({_time(started)}): another file "
            "took its place, or a clock was behind; delete it and run again"
        )


def changes(results: str, study: Mapping[str, object]) -> str:
    """A line per key in which `study` differs from the one that the results were made with; empty
    if there is none."""
    before = _made_with(results)
    keys = differences(before, study).items() if before else ()
    return (
        "\n".join([CHANGED, *(f"  {key}: {own} -> {other}" for key, (own, other) in keys)])
        if keys
        else ""
    )


def _made_with(results: str) -> Any:
    """The study of the last run that was finished, or of the first run if none was; None if there
    is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return json.loads(Path(results, PROVENANCE).read_bytes())["study"]
    with suppress(OSError, ValueError):
        return json.loads(Path(results, STUDY).read_bytes())
    return None


def sign(results: str, study: Mapping[str, object]) -> None:
    """Pair the records in this working folder with `results`, if these can be written at all.

    Each run with jobs does this, so that a copy of the records can be distinguished from them. It
    also notes the study that the results were made with until now.

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
        # A run may be killed between the two.
        twin.write_text(f"{name}\n{_first(there)}\n", encoding="ascii")
        there.write_text(f"{name}\n", encoding="ascii")
        twin.write_text(f"{name}\n", encoding="ascii")
        Path(results, STUDY).write_text(json.dumps(_made_with(results) or study), encoding="utf-8")
        files, now = _files(results, kept("metadata")), there.stat().st_mtime
        newest = max(files, key=files.__getitem__, default="")
        if newest and files[newest] > now + SKEW:
            raise Fault(
                f"{newest}: dated {_time(files[newest])}, and it is {_time(now)}: results of a "
                "clock that is behind "
                "would not count as new; set the clock, or, if it is right, delete what `find "
                f"{results} -newermt now` "
                "lists"
            )


def _twin(results: str) -> Path:
    return Path(RECORDS, "metadata", f"{NAME}-{Path(results).name}")


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
    """Path -> time of the last modification of each file among the results, those in `folders` left
    out."""
    found = {}
    for path, inside, files in os.walk(results):
        left_out = "logs" if path == results else ""
        visible = [name for name in inside if not name.startswith(".") and name != left_out]
        inside[:] = [name for name in visible if f"{path}/{name}" not in folders]
        for name in files:
            if not name.startswith("."):
                with suppress(OSError):
                    found[f"{path}/{name}"] = os.stat(f"{path}/{name}").st_mtime
    return found


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
