"""A trial of what other packages add, before the first job: loaded, and tried on a small batch.

It is the user's code, so that all of it runs in a process of its own, which it may end. What passed is not tried again
until code or study change.
"""

import hashlib
import json
import sys
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from resiliency.base.allowed_names import extension_fault
from resiliency.base.extensions import KINDS, LOADING, code, extensions, load, offered, refused
from resiliency.base.faults import Fault
from resiliency.base.program import parser
from resiliency.data.download import cache_folder
from resiliency.report.metric_labels import METRICS
from resiliency.study.fingerprint import fingerprint
from resiliency.study.trials.apart import run_apart

REGISTRIES = {
    "corruptions": "resiliency.corruptions.engine",
    "metrics": "resiliency.diversity.metrics",
    "charts": "resiliency.report.registry",
}
LONGEST = 600


def check_extensions(side: int, table: str) -> None:
    """Refuse an extension that cannot be used; for the first, once its code is new, this takes seconds.

    Args:
        side: pixels of a side of the study's images.
        table: the figures of its severities.

    Raises:
        Fault: one line, which names the extension, its package and the fault.
    """
    kinds = [kind for kind in KINDS if offered(kind)]
    for kind in kinds:
        check_names(kind)
    if not kinds:
        return
    passed = cache_folder() / "extensions" / _key(side, table)
    if not passed.exists():
        _trial(side, table)
        with suppress(OSError):
            passed.parent.mkdir(parents=True, exist_ok=True)
            passed.touch()


def check_names(kind: str) -> None:
    """Refuse names that tables and files cannot have, or that two packages use.

    Raises:
        Fault: one line, which names the extension and its package.
    """
    metrics = [*METRICS, *extensions("metrics")]
    for entry in offered(kind):
        if fault := extension_fault(kind, entry.name, metrics):
            raise refused(kind, entry.name, fault)
        if entry != extensions(kind)[entry.name]:
            raise refused(kind, entry.name, f"{entry.value} has this name too; remove one of the packages")


def _key(side: int, table: str) -> str:
    """A name for what is tried: the extensions, on which images, and by which code."""
    here = Path(__file__)
    versions = [sys.version, *map(version, ("numpy", "altair"))]
    tried_by = fingerprint(here, *(here.with_name(f"{kind}.py") for kind in KINDS), root=here.parents[3])
    parts = [json.dumps([side, table, versions, tried_by]).encode(), *map(code, KINDS)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _trial(side: int, table: str) -> None:
    """Try all extensions in a process of its own, which notes in a file what it does, and at last that it is done."""
    with TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        ended = run_apart("resiliency.study.trials.added", notes, str(side), table, longest=LONGEST)
        *_, last = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else [""]
    note = json.loads(last or "{}")
    if "fault" in note:
        raise Fault(note["fault"])
    if "tried" in note:
        raise refused(*note["tried"], f"{ended} when it was tried; it must leave that to its caller")
    if not note:
        raise Fault(f"resiliency: the process that tries extensions {ended}; run again")


def _run(notes: Path, side: int, table: str) -> None:
    """Load and try all extensions; each line of `notes` is what is tried next, a fault, or that all is done."""

    def note(**content: object) -> None:
        with notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps(content) + "\n")

    sys.addaudithook(lambda event, arguments: note(tried=arguments) if event == LOADING else None)
    try:
        for kind in filter(extensions, KINDS):
            import_module(REGISTRIES[kind])
            for name in extensions(kind):
                note(tried=[kind, name])
                if fault := _fault(kind, name, side, table):
                    raise refused(kind, name, fault)
        note(done=True)
    except Fault as fault:
        note(fault=str(fault))


def _fault(kind: str, name: str, side: int, table: str) -> str:
    """What keeps an extension that was loaded from being used; empty if nothing does."""
    if kind == "corruptions":
        return import_module("resiliency.study.trials.corruptions").corruption_fault(name, side, table)
    if kind == "metrics":
        return import_module("resiliency.study.trials.metrics").metric_fault(load(kind, name))
    return import_module("resiliency.study.trials.charts").chart_fault(load(kind, name))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("notes", type=Path, help="file for what is tried and what comes of it: JSON, a line each")
    arguments.add_argument("side", type=int, help="pixels of a side of the images")
    arguments.add_argument("table", help="figures of the severities")
    _run(**vars(arguments.parse_args()))
