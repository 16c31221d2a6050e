"""Snakemake's records that are lost, of other results or of other files, and clocks that are behind."""

import json
import os
import shutil
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path

from attacks.cases import ACCEPTED, Area

from resiliency.study.records import check_records, sign

RESULTS, STUDY = "results/tiny", {"study": "tiny"}
MADE = ("tables/members.csv", "members/a-s0/weights.safetensors", f"members/{'long' * 60}/member.json")
OTHERS = ("notes.txt", "tables/my own.csv")
HOUR = 3600
LOST, UNRECORDED, OLDER = "records of what these results were made with are not in", "no record in", "before the job"
DAMAGED, CLOCK = "record of it is damaged", "set the clock"


def _records(folder: Path, change: Callable[[], object]) -> None:
    """Check results, and start a job, after a change of them or of their records."""
    (folder / "here").mkdir()
    os.chdir(folder / "here")
    _checked()
    sign(RESULTS, STUDY)
    for path in MADE:
        write(Path(RESULTS, path))
    for path in OTHERS:
        Path(RESULTS, path).write_text("my own")
    _checked()
    change()
    _checked()
    sign(RESULTS, STUDY)


def _checked() -> None:
    check_records(RESULTS, lambda path: path.removeprefix(f"{RESULTS}/") not in OTHERS)


def write(path: Path, ago: float = 0) -> None:
    """Write a result that a job which started `ago` seconds ago has just finished, and Snakemake's record of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))
    record = kept(path)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"rule": "some", "starttime": time.time() - ago}))


def kept(path: Path, kind: str = "metadata") -> Path:
    """The file that Snakemake keeps about a result."""
    name = urlsafe_b64encode(str(path).encode()).decode()
    parts = [name[i : i + 254] for i in range(0, len(name), 254)]
    return Path(".snakemake", kind, *(f"@{part}" for part in parts[:-1]), parts[-1])


def _dated(path: Path, hours: float) -> None:
    os.utime(path, times=(time.time() + hours * HOUR,) * 2)


def _all(act: Callable[[Path], object]) -> None:
    for path in MADE:
        act(Path(RESULTS, path))


def _elsewhere(linked: str, records: bool) -> None:
    """Go to another working folder that reaches the results by a link, with a copy of the records or none."""
    here = Path.cwd()
    there = here.with_name("there")
    (there / linked).parent.mkdir(parents=True)
    (there / linked).symlink_to(here / linked)
    if records:
        shutil.copytree(".snakemake", there / ".snakemake")
        sign(RESULTS, STUDY)
    os.chdir(there)


def _began(path: Path) -> None:
    """A job that makes a result was killed."""
    marker = kept(path, "incomplete")
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("{}")


def _renamed() -> None:
    os.rename("../here", "../there")
    os.chdir("../there")


def _of_pictures() -> None:
    """A result that is a folder, as Snakemake records it, with files of which it records none."""
    folder = Path(RESULTS, "corrupted/fog")
    write(folder)
    folder.unlink()
    (folder / "1/ant").mkdir(parents=True)
    (folder / "1/ant/a.JPEG").touch()


def _run_before() -> None:
    """Results that a copy of the results before a run takes the place of, with the times of the copy."""
    shutil.copytree("results", "../before", copy_function=shutil.copy)
    sign(RESULTS, STUDY)
    _all(lambda path: write(path))
    shutil.rmtree("results")
    shutil.copytree("../before", "results", copy_function=shutil.copy)


def _in_database() -> None:
    _all(lambda path: kept(path).unlink())
    Path(".snakemake/metadata.db").touch()


# What is done to all results -> the line that refuses them.
ALL: dict[str, tuple[Callable[[], object], str]] = {
    "records removed": (lambda: shutil.rmtree(".snakemake/metadata"), LOST),
    ".snakemake removed after a kill": (lambda: (_all(_began), shutil.rmtree(".snakemake")), LOST),
    "results linked": (lambda: _elsewhere("results", records=False), LOST),
    "results linked, records copied before a run": (lambda: _elsewhere("results", records=True), LOST),
    "results of the run before put back": (_run_before, LOST),
    "a clock a day behind": (lambda: _all(lambda path: _dated(path, 24)), CLOCK),
}
# What is done to one result -> the line that refuses it.
ONE: dict[str, tuple[Callable[[Path], object], str]] = {
    "record removed": (lambda path: kept(path).unlink(), UNRECORDED),
    "record cut short": (lambda path: kept(path).write_bytes(kept(path).read_bytes()[:-3]), DAMAGED),
    "dated yesterday": (partial(_dated, hours=-24), OLDER),
    "dated tomorrow": (partial(_dated, hours=24), CLOCK),
}
KEPT: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "results that an earlier version made": lambda: Path(RESULTS, ".records").unlink(),
    "killed between the two names": lambda: Path(".snakemake/metadata/.records-tiny").write_text(
        f"another\n{Path(RESULTS, '.records').read_text()}"
    ),
    "results removed": lambda: shutil.rmtree(RESULTS),
    "all touched": lambda: _all(lambda path: path.touch()),
    "the working folder renamed": _renamed,
    "a result that is a folder": _of_pictures,
    "records in a database": _in_database,
    "killed in the first job": lambda: _all(lambda path: (_began(path), kept(path).unlink())),
}
KEPT_OF_ONE: dict[str, Callable[[Path], object]] = {
    "touched": lambda path: path.touch(),
    "whole seconds": lambda path: os.utime(path, ns=(0, int(path.stat().st_mtime) * 10**9)),
    "being made": lambda path: (_began(path), kept(path).unlink()),
    "being made again": lambda path: (_began(path), write(path)),
    "a record that an earlier job of the same result left": lambda path: write(path, ago=24 * HOUR),
}


def _table() -> dict[str, tuple[Callable[[], object], object]]:
    table = {way: (act, words) for way, (act, words) in ALL.items()}
    table |= {way: (act, ACCEPTED) for way, act in KEPT.items()}
    for path in MADE:
        of_one = {way: (act, words) for way, (act, words) in ONE.items()}
        of_one |= {way: (act, ACCEPTED) for way, act in KEPT_OF_ONE.items()}
        at = Path(RESULTS, path)
        table |= {f"{way}: {path:.40}": (partial(act, at), expected) for way, (act, expected) in of_one.items()}
    return table


AREAS = (Area("records of finished results", _records, _table()),)
