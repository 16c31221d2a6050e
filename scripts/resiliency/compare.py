"""Studies of one's own side by side, as a page of HTML: settings that differ, recommended models, verdicts, members.

`resiliency compare results/a results/b --output page.html` compares two or more finished studies. If
their test images are the same, differences are paired: both models predict the same images. The page first says what
cannot be compared, as does the program.
"""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import halves
from resiliency.analysis.left_out import percentile_interval
from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.prediction.reading import condition_groups, read_predictions
from resiliency.report import words
from resiliency.report.overview import contenders, leaders
from resiliency.report.page import FOLDER, FORMS
from resiliency.report.templates import environment
from resiliency.report.verdicts import by_observation
from resiliency.statistics.units import Units
from resiliency.storage.files import read_array, read_json
from resiliency.storage.runs import Run
from resiliency.storage.tables import read_table
from resiliency.study.records import differences
from resiliency.tables import TABLES

NEEDED = ("members", "observations", "corruption_errors")
READ = (*NEEDED, "deployment", "best_ensembles")
RESAMPLES = 2_000
LABELS, UNITS, CARD = "data/test/labels.npy", "data/test/units.npy", "data/card.json"
# Keys on which a member depends; of `members`, only which there are.
OF_MEMBERS = ("seed", "dataset", "training", "designs", "joint", "search", "prediction")
OF_CORRUPTIONS = ("source", "folder", "table", "engine")  # in `corruptions`, beside names and severities
TEST_IMAGES, CORRUPTED_IMAGES = "test images", "corrupted images"
MOST = 8  # keys that a sentence names


class Finished(NamedTuple):
    """A study that has been run to its end.

    Attributes:
        name: of the study; of its folder if several have one name.
        tables: by name.
        card: of the dataset; None if members are only imported.
    """

    name: str
    folder: Path
    run: Run
    study: dict
    tables: dict[str, pd.DataFrame]
    card: dict | None


def compare(folders: list[Path]) -> str:
    """The page.

    Raises:
        Fault: fewer than two studies, one that is not finished, or studies of different classes.
    """
    if len(folders) < 2:
        raise Fault(f"studies: {expected('two or more folders of results', len(folders))}; name another")
    studies = [_read(folder) for folder in folders]
    names = [study.name for study in studies]
    studies = [
        study._replace(name=study.name if names.count(study.name) == 1 else str(study.folder)) for study in studies
    ]
    _check(studies)
    return (
        environment(FOLDER, FORMS, autoescape=True)
        .get_template("compare.html.j2")
        .render(
            studies=studies,
            differing=differing_keys(studies),
            warnings=warnings(studies),
            corruptions=_told_corruptions(studies),
            best={study.name: _best(study) for study in studies},
            verdicts=_verdicts(studies),
            common=_common(studies),
            differences=[row for pair in combinations(studies, 2) for row in _differences(*pair)],
            css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        )
    )


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


def _best(study: Finished) -> list[dict]:
    """What a study recommends, or what leads it: role, members and corrupted error or clean accuracy."""
    if "deployment" in study.tables:
        return [
            row
            | {"value": row["corrupted_error"], "measure": "error on corrupted images"}
            | {end: row[f"corrupted_error_{end}"] for end in ("low", "high")}
            for row in contenders(study.tables["deployment"])
        ]
    return leaders(study.tables, [])


def _verdicts(studies: list[Finished]) -> list[dict]:
    """Observation, on corruptions and on natural shifts apart -> its statement and the verdict in each study."""
    rows: dict[str, dict] = {}
    for study in studies:
        for row in by_observation(study.tables["observations"]):
            entry = rows.setdefault(row["name"], {"name": row["name"], "statement": row["statement"], "of": {}})
            entry["of"][study.name] = row["verdict"]
    return [rows[name] for name in sorted(rows)]


def _common(studies: list[Finished]) -> list[dict]:
    """Members that all studies have, by name, with their row of members.csv in each."""
    tables = {study.name: study.tables["members"].set_index("member") for study in studies}
    shared = set.intersection(*(set(table.index) for table in tables.values()))
    return [
        {"member": member, "of": {name: table.loc[member].to_dict() for name, table in tables.items()}}
        for member in tables[studies[0].name].index
        if member in shared
    ]


def _units(study: Finished) -> Units:
    """The units of its test images."""
    if UNITS in study.run:
        return Units.numbered(read_array(study.run.file(UNITS)))
    return Units.single(len(read_array(study.run.file(LABELS))))


def _told_corruptions(studies: list[Finished]) -> dict[str, str]:
    """Study -> the corruptions of its corrupted errors, where those of some studies differ; else nothing."""
    if all(same_corruptions(*pair) for pair in combinations(studies, 2)):
        return dict.fromkeys((study.name for study in studies), "")
    return {study.name: f" ({described_corruptions(study)}; not comparable)" for study in studies}


def _differences(a: Finished, b: Finished) -> list[dict]:
    """Recommended model of `a` minus that of `b` on the images that neither was selected on, with paired intervals."""
    if not same_images(a, b) or not all("deployment" in study.tables for study in (a, b)):
        return []
    chosen = [contenders(study.tables["deployment"])[0] for study in (a, b)]
    if any(RULES[row["rule"]].weighted for row in chosen):  # weights are of the validation images
        return []
    labels, units = read_array(a.run.file(LABELS)), _units(a)
    kept = np.intersect1d(*(halves(labels, study.study["seed"], _units(study))[1] for study in (a, b)))
    first, second = (_errors(study, row, kept) for study, row in zip((a, b), chosen, strict=True))
    is_same = a.study["seed"] == b.study["seed"] and same_corruptions(a, b)
    rows, confidence = [], a.study["statistics"]["confidence"]
    for images in (CORRUPTED, CLEAN):
        if images not in first or images not in second or (images == CORRUPTED and not is_same):
            continue
        each = first[images] - second[images]
        counts = units.of(kept).counts(RESAMPLES, a.study["seed"], "compare")
        low, high = percentile_interval(counts @ each / counts.sum(axis=1), confidence)
        row = {"first": a.name, "second": b.name, "images": images, "count": len(each), "confidence": confidence}
        rows.append(row | {"difference": each.mean(), "low": low, "high": high})
    return rows


def _errors(study: Finished, row: dict, images: np.ndarray) -> dict[str, np.ndarray]:
    """Clean and corrupted -> error of a model of deployment.csv on each of `images` (int n); float64 n.

    Corrupted errors are means over the conditions of the corrupted error, which leaves out held-out corruptions.
    """
    conditions, names = read_table(study.run.file(TABLES["conditions"].path)), row["members"].split("+")
    conditions = conditions[conditions["test_set"] == CLEAN]
    files = [study.run.file(f"predictions/{name}/{CLEAN}.npy") for name in names]
    members = read_predictions(conditions, [study.run.file(LABELS)], files)
    ensemble = Ensemble(list(members.values()), np.ones(len(names)), row["rule"])

    def of_condition(condition: int) -> np.ndarray:
        return np.concatenate([part.errors for part in ensemble.outputs(condition, images)])

    groups = condition_groups(conditions)
    return {name: np.mean([of_condition(of) for of in rows], axis=0, dtype=np.float64) for name, rows in groups.items()}


def differing_keys(studies: list[Finished]) -> list[dict]:
    """A row per key in which not all studies agree: `key`, and `of`, name of a study -> its value as written."""
    first, *others = [_settings(study) for study in studies]
    found: dict[str, dict[str, str]] = {}
    for study, settings in zip(studies[1:], others, strict=True):
        for key, (own, other) in differences(first, settings).items():
            found.setdefault(key, dict.fromkeys([one.name for one in studies], own))[study.name] = other
    return [{"key": key, "of": of} for key, of in found.items()]


def _settings(study: Finished) -> dict:
    """What is compared of a study, the test images first; of its designs, those that it makes members of."""
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
    """Such as "2 corruptions at severities 1 and 4"."""
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


def warnings(studies: list[Finished]) -> list[str]:
    """A sentence for each thing that numbers of two studies cannot be compared for, or not as they stand."""
    return [warning for pair in combinations(studies, 2) for warning in _warnings(*pair)]


def _warnings(a: Finished, b: Finished) -> list[str]:
    found, names = [], f"{a.name} and {b.name}"
    keys = {key for key in differences(_settings(a), _settings(b)) if key not in (TEST_IMAGES, CORRUPTED_IMAGES)}

    def among(*parents: str) -> str:
        return words.first_of(sorted(key for key in keys if key.partition(".")[0] in parents), MOST)

    if not same_images(a, b):
        have = "have different" if a.card and b.card else "are not known to have the same"
        found.append(f"{names} {have} test images: compare their intervals, which are not paired.")
    if not same_corruptions(a, b):
        told = {described_corruptions(study): "" for study in (a, b)}
        what = f" ({'; '.join(told)})" if len(told) > 1 else ""
        found.append(f"{names} have different corruptions{what}: their errors on corrupted images cannot be compared.")
    if differing := among("deployment"):
        found.append(
            f"{names} select by different objectives ({differing}): recommended models answer different questions."
        )
    if differing := among(*OF_MEMBERS):
        found.append(f"Members of one name are different networks in {names}, or on different images: {differing}.")
    if differing := among("statistics"):
        found.append(f"The intervals of {names} are not alike: {differing}.")
    return found
