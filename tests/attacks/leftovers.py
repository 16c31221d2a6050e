"""Results that keep what a study no longer makes, or that were written again since its last run ended."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from attacks.cases import Case, Wrong
from ended_runs import end_run

from resiliency.report.registry import CHARTS
from resiliency.storage.files import read_json, write_json
from resiliency.storage.runs import ABOUT, CARD, FILES, Run, hashes
from resiliency.tables import TABLES

FOLDER = "results/mine"
MEMBER, OTHER = "members/a-s0/weights.safetensors", "another.csv"
USED = ("tables/deployment.csv", "tables/thresholds.csv", MEMBER)
PATHS = (
    *(table.path for table in TABLES.values()),
    *(f"charts/{chart}.{suffix}" for chart in CHARTS for suffix in ("svg", "vl.json")),
    *(MEMBER, "members/a-s0/member.json", "predictions/a-s0/clean.npy", "data/test/labels.npy", "data/card.json"),
)


def leftovers() -> Iterator[Case]:
    """Each file that is read of a finished run, left over, changed or gone in each way; and each way of an export."""
    for way, (act, message) in WAYS.items():
        for path in PATHS:
            yield Case(f"{way}: {path}", partial(_read, path=path, act=act), message)
    for way, act in EXPORTS.items():
        yield Case(f"export: {way}", partial(_exported, act=act, kept=way in KEPT), None)


def _finished(paths: tuple[str, ...]) -> Path:
    """Results of a run that made these files."""
    folder = Path(FOLDER)
    for path in paths:
        _write(folder, path)
    write_json(folder / "provenance.json", {"study": {}})
    return end_run(folder)


def _write(folder: Path, path: str, content: str = "as the run made it") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_json(folder / path, {"content": content})


def _read(_: Path, path: str, act: Callable[[Path, str], object]) -> None:
    folder = _finished((path, OTHER))
    act(folder, path)
    if (Run(folder).file(path)).read_text() != '{\n  "content": "as the run made it"\n}\n':
        raise Wrong(f"{path} is read as one of the run")


def _forgotten(folder: Path, path: str) -> None:
    """A later run made all but this file."""
    provenance = read_json(folder / "provenance.json")
    provenance[FILES].pop(path)
    write_json(folder / "provenance.json", provenance)


def _copied(folder: Path, _: str) -> None:
    shutil.copytree(folder, "copy", copy_function=shutil.copy)
    shutil.rmtree(folder)
    shutil.move("copy", folder)


EARLIER, CHANGED, GONE = "is of an earlier run", "has changed since the run", "run the study to its end first"
WAYS: dict[str, tuple[Callable[[Path, str], object], str | None]] = {
    "left over": (_forgotten, EARLIER),
    "left over and touched": (lambda folder, path: (_forgotten(folder, path), (folder / path).touch()), EARLIER),
    "made again": (lambda folder, path: _write(folder, path, "later"), CHANGED),
    "made again by hand": (
        lambda folder, path: ((folder / path).write_text("{}"), shutil.rmtree((folder / path).parent / ".checksums")),
        CHANGED,
    ),
    "deleted": (lambda folder, path: (folder / path).unlink(), GONE),
    "in a run that has not ended": (lambda folder, _: (folder / "provenance.json").unlink(), GONE),
    "as it was": (lambda folder, path: None, None),
    "made again, the same": (_write, None),
    "copied": (_copied, None),
}


def _exported(_: Path, act: Callable[[Path], object], kept: bool) -> None:
    folder = _finished((*USED, "tables/costs.csv"))
    (folder / "export").mkdir()
    _write(folder, CARD)
    used = [folder / path for path in (*USED, CARD)]
    write_json(folder / ABOUT, {"members": ["a-s0"], FILES: hashes(folder, used)})
    act(folder)
    if (Run(folder).card() is not None) != kept:
        raise Wrong("the card of an earlier export is kept" if not kept else "the card of the export is left out")


def _ended_again(folder: Path, path: str) -> None:
    _write(folder, path, "later")
    end_run(folder)


KEPT = ("as it was", "another table changed", "copied", "ended again")
EXPORTS: dict[str, Callable[[Path], object]] = {
    "as it was": lambda folder: None,
    "another table changed": lambda folder: _ended_again(folder, "tables/costs.csv"),
    "copied": lambda folder: _copied(folder, ""),
    "ended again": end_run,
    "another deployment": lambda folder: _ended_again(folder, "tables/deployment.csv"),
    "other thresholds": lambda folder: _ended_again(folder, "tables/thresholds.csv"),
    "other weights": lambda folder: _ended_again(folder, MEMBER),
    "no deployment any more": lambda folder: _forgotten(folder, "tables/deployment.csv"),
    "a member less": lambda folder: _forgotten(folder, MEMBER),
    "another card": lambda folder: _write(folder, CARD, "a placeholder"),
    "no card": lambda folder: (folder / CARD).unlink(),
    "no ensemble": lambda folder: (folder / ABOUT).unlink(),
    "of an earlier version": lambda folder: write_json(folder / ABOUT, {"members": ["a-s0"]}),
}
