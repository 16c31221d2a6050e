"""Snakemake's records that are lost, of other results or of other files, and clocks that are
behind."""

import json
import os
import shutil
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from attacks.cases import ACCEPTED, Area

from resiliency.study.records import check_records, sign

RESULTS, STUDY = "results/tiny", {"study": "tiny"}
MADE = ("tables/members.csv", f"members/{'long' * 60}/member.json")
ONE = Path(RESULTS, MADE[1])
OTHERS = ("notes.txt", "tables/my own.csv")
HOUR = 3600
LOST, UNRECORDED, OLDER = (
    "records of what these results were made with are not in",
    "no record in",
    "before the job",
)
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


def write(path: Path) -> None:
    """Write a result that a job has just finished, and Snakemake's record of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))
    record = kept(path)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"rule": "some", "starttime": time.time()}))


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


def _run_since() -> None:
    """Go to another working folder that reaches the results by a link, with a copy of the records
    before a run."""
    there = Path.cwd().with_name("there")
    shutil.copytree(".snakemake", there / ".snakemake")
    (there / "results").symlink_to(Path("results").absolute())
    sign(RESULTS, STUDY)
    os.chdir(there)


def _began(path: Path) -> None:
    """A job that makes a result was killed."""
    marker = kept(path, "incomplete")
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("{}")


def _of_pictures() -> None:
    """A result that is a folder, as Snakemake records it, with files of which it records none."""
    folder = Path(RESULTS, "corrupted/fog")
    write(folder)
    folder.unlink()
    (folder / "1/ant").mkdir(parents=True)
    (folder / "1/ant/a.JPEG").touch()


# What is done to results, or to one of them, and what must come of it.
CHANGES: dict[str, tuple[Callable[[], object], object]] = {
    ".snakemake removed after a kill": (lambda: (_all(_began), shutil.rmtree(".snakemake")), LOST),
    "records of the run before, in another folder": (_run_since, LOST),
    "record removed": (lambda: kept(ONE).unlink(), UNRECORDED),
    "record cut short": (lambda: kept(ONE).write_bytes(kept(ONE).read_bytes()[:-3]), DAMAGED),
    "dated yesterday": (lambda: _dated(ONE, -24), OLDER),
    "dated tomorrow": (lambda: _dated(ONE, 24), CLOCK),
    "results that an earlier version made": (lambda: Path(RESULTS, ".records").unlink(), ACCEPTED),
    "killed between the two names": (
        lambda: Path(".snakemake/metadata/.records-tiny").write_text(
            f"another\n{Path(RESULTS, '.records').read_text()}"
        ),
        ACCEPTED,
    ),
    "results removed": (lambda: shutil.rmtree(RESULTS), ACCEPTED),
    "the working folder renamed": (lambda: os.rename("../here", "../there"), ACCEPTED),
    "a result that is a folder": (_of_pictures, ACCEPTED),
    "records in a database": (
        lambda: (kept(ONE).unlink(), Path(".snakemake/metadata.db").touch()),
        ACCEPTED,
    ),
    "killed in the first job": (
        lambda: _all(lambda path: (_began(path), kept(path).unlink())),
        ACCEPTED,
    ),
    "whole seconds": (lambda: os.utime(ONE, ns=(0, int(ONE.stat().st_mtime) * 10**9)), ACCEPTED),
    "being made again": (lambda: (_began(ONE), write(ONE)), ACCEPTED),
}
AREAS = (Area("records of finished results", _records, CHANGES),)
