"""Finished studies for a comparison: their contents, their differences, and what cannot be compared."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report import words
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array, read_json
from resiliency.storage.runs import Run, hash_of
from resiliency.storage.tables import read_table
from resiliency.study.records import differences
from resiliency.tables import TABLES

NEEDED = ("members", "observations", "corruption_errors")
READ = (*NEEDED, "deployment", "best_ensembles")
LABELS, UNITS, CARD = "data/test/labels.npy", "data/test/units.npy", "data/card.json"
# Keys on which a member depends.
OF_MEMBERS = ("seed", "dataset", "training", "designs", "joint", "search", "prediction")
OF_CORRUPTIONS = ("source", "folder", "table", "engine")  # in `corruptions`, beside names and severities
TEST_IMAGES, CORRUPTED_IMAGES = "test images", "corrupted images"
MOST = 8  # number of keys that a sentence names


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
    study, paths = run.provenance["study"], {name: TABLES[name].path for name in READ}
    read = {name: path for name, path in paths.items() if path in run or name in NEEDED}
    tables = {name: read_table(run.file(path)) for name, path in read.items()}
    card = read_json(run.file(CARD)) if CARD in run else None
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
        if UNITS in study.run:
            known.append(Units.numbered(read_array(study.run.file(UNITS))))
        elif LABELS in study.run:
            known.append(Units.single(len(read_array(study.run.file(LABELS)))))
    return min(known, key=lambda units: units.number, default=None)


def differing_keys(studies: list[Finished]) -> list[dict]:
    """A row per key in which not all studies agree: `key`, and `of`, name of a study -> its value as written."""
    first, *others = [_settings(study) for study in studies]
    found: dict[str, dict[str, str]] = {}
    for study, settings in zip(studies[1:], others, strict=True):
        for key, (own, other) in differences(first, settings).items():
            found.setdefault(key, dict.fromkeys([one.name for one in studies], own))[study.name] = other
    return [{"key": key, "of": of} for key, of in found.items()]


def swept_key(studies: list[Finished]) -> tuple[str, dict[str, float]] | None:
    """The key and, by study, its value, if studies differ in one key alone, in which each has a number of its own."""
    keys = [row["key"] for row in differing_keys(studies) if row["key"] not in (TEST_IMAGES, CORRUPTED_IMAGES)]
    if len(keys) != 1:
        return None
    values = {study.name: _value(study.study, keys[0]) for study in studies}
    numbers = [value for value in values.values() if isinstance(value, int | float) and not isinstance(value, bool)]
    return (keys[0], values) if len({*numbers}) == len(studies) else None


def _value(study: dict, key: str) -> object:
    for name in key.split("."):
        study = study.get(name) if isinstance(study, dict) else None
    return study


def _settings(study: Finished) -> dict:
    """The compared settings of a study, test images first; only designs that it makes members of."""
    settings = {key: value for key, value in study.study.items() if key != "study"}
    used = set(study.tables["members"]["design"])
    designs = {name: of for name, of in settings.get("designs", {}).items() if name in used}
    return (
        {TEST_IMAGES: _images(study), CORRUPTED_IMAGES: described_corruptions(study)} | settings | {"designs": designs}
    )


def _images(study: Finished) -> str:
    test = study.card["splits"]["test"] if study.card else {}
    return f"{test.get('images', 'some')} images, {test['sha256'][:8]}" if test else "imported, unknown"


def same_images(a: Finished, b: Finished) -> bool:
    """Whether two studies are known to have the same test images."""
    return bool(a.card and b.card) and a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]


def corruptions_of(study: Finished) -> set[tuple[str, int]]:
    """Corruption and severity of each condition on the study's own test images."""
    errors = study.tables["corruption_errors"]
    rows = errors[(errors["test_set"] == CLEAN) & (errors["corruption"] != CLEAN)]
    return set(zip(rows["corruption"], rows["severity"], strict=True))


def described_corruptions(study: Finished) -> str:
    """A description such as "2 corruptions at severities 1 and 4"."""
    pairs = corruptions_of(study)
    if not pairs:
        return "no corruptions"
    severities = [str(severity) for severity in sorted({severity for _, severity in pairs})]
    level = "severity" if len(severities) == 1 else "severities"
    return f"{words.plural(len({name for name, _ in pairs}), 'corruption')} at {level} {words.listed(severities)}"


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
        own, other = (hash_of(study.folder / f"corrupted/{name}.npy") for study in (a, b))
        if own and other and own != other:
            return True
    return False


def warnings(studies: list[Finished]) -> list[str]:
    """A sentence for each reason why numbers cannot be compared with the first study's, or only with caution."""
    first, *others = studies
    found: dict[str, list[str]] = {}
    for other in others:
        for sentence in _warnings(first, other):
            found.setdefault(sentence, [first.name]).append(other.name)
    return [sentence.format(names=words.listed(names)) for sentence, names in found.items()]


def _warnings(a: Finished, b: Finished) -> list[str]:
    """Sentences about two studies, whose names are to be put into `{names}`."""
    found = []
    keys = {key for key in differences(_settings(a), _settings(b)) if key not in (TEST_IMAGES, CORRUPTED_IMAGES)}

    def among(*parents: str) -> str:
        named = words.first_of(sorted(key for key in keys if key.partition(".")[0] in parents), MOST)
        return named.replace("{", "{{").replace("}", "}}")

    if not same_images(a, b):
        have = "have different" if a.card and b.card else "are not known to have the same"
        found.append(f"{{names}} {have} test images: compare their intervals, which are not paired.")
    if not same_corruptions(a, b):
        told = {described_corruptions(study): "" for study in (a, b)}
        what = f" ({'; '.join(told)})" if len(told) > 1 else ""
        found.append(
            f"{{names}} have different corruptions{what}: their errors on corrupted images cannot be compared."
        )
    if differing := among("deployment"):
        found.append(
            f"{{names}} select by different objectives ({differing}): recommended models answer different questions."
        )
    if differing := among(*OF_MEMBERS):
        found.append(f"Members of one name are different networks in {{names}}, or on different images: {differing}.")
    if differing := among("statistics"):
        found.append(f"The intervals of {{names}} are not alike: {differing}.")
    return found
