"""Finished studies for a comparison: their contents, their differences, and what cannot be compared."""

from filecmp import cmp
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array, read_json
from resiliency.storage.runs import Run
from resiliency.storage.tables import read_table
from resiliency.tables import TABLES

NEEDED = ("members", "corruption_errors")
LABELS, UNITS, CARD = "data/test/labels.npy", "data/test/units.npy", "data/card.json"
OF_CORRUPTIONS = ("source", "folder", "table", "engine")  # in `corruptions`, beside names and severities


class Finished(NamedTuple):
    """A study that has been run to its end.

    Attributes:
        name: name of the study, or of its folder if several studies have one name.
        card: card of the dataset; None if members are only imported.
    """

    name: str
    folder: Path
    run: Run
    study: dict
    tables: dict[str, pd.DataFrame]
    card: dict | None


def read_studies(folders: list[Path]) -> list[Finished]:
    """The studies in `folders`.

    Raises:
        Fault: there are fewer than two studies, one comes twice or is not finished, or their classes differ.
    """
    if len(folders) < 2:
        raise Fault(f"studies: {expected('two or more folders of results', len(folders))}; name another")
    if twice := [folder for folder in folders if [other.resolve() for other in folders].count(folder.resolve()) > 1]:
        raise Fault(f"{twice[0]}: named twice; name each folder once")
    studies = [_read(folder) for folder in folders]
    names = [study.name for study in studies]
    studies = [
        study._replace(name=study.name if names.count(study.name) == 1 else str(study.folder)) for study in studies
    ]
    _check(studies)
    return studies


def _read(folder: Path) -> Finished:
    run = Run(folder)
    study, made = run.provenance["study"], [*NEEDED, *(["deployment"] if "deployment" in run else [])]
    tables = {name: read_table(run.file(TABLES[name].path)) for name in made}
    card = read_json(run.file(CARD)) if study["dataset"] else None
    return Finished(study["study"], folder, run, study, tables, card)


def _check(studies: list[Finished]) -> None:
    first, *others = [study for study in studies if study.card] or [None]
    for other in others:
        classes, theirs = first.card["classes"], other.card["classes"]
        if theirs != classes:
            alike = len(set(classes) & set(theirs))
            wanted = expected(f"the same {len(classes)} classes", f"{len(theirs)}, of which {alike} are the same")
            raise Fault(
                f"{other.folder}: not comparable with {first.folder}: {wanted}; name studies of the same classes"
            )


def units_of(studies: list[Finished]) -> Units | None:
    """The units of the test images, the largest if the studies know different ones; None without labels."""
    known = []
    for study in studies:
        if (study.folder / UNITS).is_file():
            known.append(Units.numbered(read_array(study.folder / UNITS)))
        elif (study.folder / LABELS).is_file():
            known.append(Units.single(len(read_array(study.folder / LABELS))))
    return min(known, key=lambda units: units.number, default=None)


def same_images(a: Finished, b: Finished) -> bool:
    """Whether two studies are known to have the same test images."""
    return bool(a.card and b.card) and a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]


def corruptions_of(study: Finished) -> set[tuple[str, int]]:
    """Corruption and severity of each condition on the study's own test images."""
    errors = study.tables["corruption_errors"]
    rows = errors[(errors["test_set"] == CLEAN) & (errors["corruption"] != CLEAN)]
    return set(zip(rows["corruption"], rows["severity"], strict=True))


def same_corruptions(a: Finished, b: Finished) -> bool:
    """Whether errors on corrupted images are means over the same corruptions, made in the same way."""
    made = [{key: study.study["corruptions"].get(key) for key in OF_CORRUPTIONS} for study in (a, b)]
    return corruptions_of(a) == corruptions_of(b) and made[0] == made[1]


def not_comparable(first: Finished, other: Finished, images: str) -> str:
    """Why the errors of two studies on clean or corrupted images cannot be paired; empty if they can."""
    if not first.card or not other.card:
        return "not known to have the same test images"
    if not same_images(first, other):
        return "other test images"
    if images != CORRUPTED:
        return ""
    if not same_corruptions(first, other):
        return "other corruptions"
    if first.study["seed"] != other.study["seed"] and first.study["corruptions"].get("source") != "precomputed":
        return "another seed, which corrupts images in another way"
    return "other corrupted images" if _other_pixels(first, other) else ""


def _other_pixels(a: Finished, b: Finished) -> bool:
    """Whether corrupted images that both studies still have are not the same."""
    for name in {name for name, _ in corruptions_of(a)}:
        own, other = (study.folder / f"corrupted/{name}.npy" for study in (a, b))
        if own.is_file() and other.is_file() and not cmp(own, other, shallow=False):
            return True
    return False
