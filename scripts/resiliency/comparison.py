"""Finished studies side by side: differences in error, each study against the first, paired on the same test images.

Two questions are asked: about the recommended models, and about each shared member. Intervals hold for these networks,
not for retrained ones, and for all comparisons of a question at once.
"""

from collections.abc import Iterator
from filecmp import cmp
from functools import cache
from itertools import compress, product
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.judging import halves
from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.streams import stream
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.prediction.reading import Predictions, condition_groups, read_predictions
from resiliency.report import style, words
from resiliency.report.overview import contenders
from resiliency.report.panels import intervals, line_at
from resiliency.report.settings import OKABE_ITO
from resiliency.statistics.intervals import flipped
from resiliency.statistics.resampling import Units
from resiliency.storage import PROVENANCE, Run, read_array, read_json, read_table
from resiliency.tables import TABLES

NEEDED, KEYS = ("members", "corruption_errors"), ("study", "seed", "dataset", "corruptions", "statistics")
CARD = "data/card.json"
OF_CORRUPTIONS = ("source", "folder", "table", "engine")  # in `corruptions`, beside names and severities
RECOMMENDED, MEMBERS = "recommended model", "shared members"
SAME_ANSWERS, ONE_UNIT = "the same answers on all images", "all images belong together"
KINDS = (CORRUPTED, CLEAN)
COLUMNS = ["question", "study", "reference", "model", "images", "n_images", "unit", "units", "difference"]
COLUMNS += ["low", "high", "confidence", "comparisons", "not_comparable"]
Errors = dict[str, np.ndarray]  # clean and corrupted -> error on each test image, float32 N
Row = dict[str, Any]  # of a table, by column
LABEL_WIDTH, WIDTH, STEP = 400, 300, 20  # pixels: labels, a panel, and a study in a row
MOST = 30  # number of members that the chart shows


class Finished(NamedTuple):
    """A study that has been run to its end.

    Attributes:
        name: name of the study, or of its folder if several studies have one name.
        card: card of the dataset; None if members are only imported.
    """

    name: str
    folder: Path
    run: Run
    study: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    card: dict[str, Any] | None

    @property
    def labels(self) -> str:
        """Path of the labels of the clean test images in the folder."""
        return f"data/{'test' if self.card else CLEAN}/labels.npy"

    @property
    def units(self) -> Path:
        """Path of the units of the test images."""
        return self.folder / self.labels.replace("labels.npy", "units.npy")


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
    known = [(study, study.card["classes"]) for study in studies if study.card]
    for other, theirs in known[1:]:
        first, classes = known[0]
        if theirs != classes:
            alike = len(set(classes) & set(theirs))
            wanted = expected(f"the same {len(classes)} classes", f"{len(theirs)}, of which {alike} are the same")
            raise Fault(
                f"{other.folder}: not comparable with {first.folder}: {wanted}; name studies of the same classes"
            )
    return studies


def _read(folder: Path) -> Finished:
    run = Run(folder)
    study = run.provenance["study"]
    if lacking := [key for key in KEYS if key not in study]:
        raise Fault(f"{folder / PROVENANCE}: study lacks {', '.join(lacking)}; run it again")
    made = [*NEEDED, *(["deployment"] if "deployment" in run else [])]
    tables = {name: read_table(run.file(TABLES[name].path)) for name in made}
    card = read_json(run.file(CARD)) if study["dataset"] else None
    return Finished(study["study"], folder, run, study, tables, card)


def units_of(studies: list[Finished]) -> Units | None:
    """The units of the test images, the largest if the studies know different ones; None without labels."""
    known = []
    for study in studies:
        if study.units.is_file():
            known.append(Units.numbered(read_array(study.units)))
        elif (study.folder / study.labels).is_file():
            known.append(Units.single(len(read_array(study.folder / study.labels))))
    return min(known, key=lambda units: units.number, default=None)


def same_images(a: Finished, b: Finished) -> bool:
    """Whether two studies are known to have the same test images."""
    if not a.card or not b.card:
        return False
    return a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]


def corruptions_of(study: Finished) -> set[tuple[str, int]]:
    """Corruption and severity of each condition on the study's own test images."""
    errors = study.tables["corruption_errors"]
    rows = errors[(errors["test_set"] == CLEAN) & (errors["corruption"] != CLEAN)]
    return set(zip(rows["corruption"], rows["severity"], strict=True))


def not_comparable(first: Finished, other: Finished, images: str) -> str:
    """Why the errors of two studies on clean or corrupted images cannot be paired; empty if they can."""
    if not first.card or not other.card:
        return "not known to have the same test images"
    if not same_images(first, other):
        return "other test images"
    if images != CORRUPTED:
        return ""
    made = [[study.study["corruptions"].get(key) for key in OF_CORRUPTIONS] for study in (first, other)]
    if corruptions_of(first) != corruptions_of(other) or made[0] != made[1]:
        return "other corruptions"
    if first.study["seed"] != other.study["seed"] and first.study["corruptions"].get("source") != "precomputed":
        return "another seed, which corrupts images in another way"
    for name in {name for name, _ in corruptions_of(first)}:  # as far as both studies still have the images
        own, theirs = (study.folder / f"corrupted/{name}.npy" for study in (first, other))
        if own.is_file() and theirs.is_file() and not cmp(own, theirs, shallow=False):
            return "other corrupted images"
    return ""


class Pair(NamedTuple):
    """Differences of a study's errors from those of the first study, or why there are none.

    Attributes:
        study: name of the study.
        model: name of the model.
        images: `clean` or `corrupted`.
        each: float N, difference on each image; NaN on images that do not count, empty if nothing can be compared.
        why: reason why the two are not comparable; empty if they are.
    """

    study: str
    model: str
    images: str
    each: np.ndarray = np.empty(0)
    why: str = ""


def difference_table(studies: list[Finished]) -> pd.DataFrame:
    """A row per question, study other than the first, model and kind of images.

    Returns:
        Columns `COLUMNS`: difference is the error of the study less that of the first (`reference`) on n_images
        images; low and high are its simultaneous interval over so many units; comparisons is how many of the question
        it allows for. Without an interval, not_comparable says why.
    """
    pairs = list(_recommended(studies))
    errors = {study.name: _of_members(study) for study in studies}
    shared = list(_shared(studies, errors))
    units = units_of([study for study in studies if study is studies[0] or same_images(studies[0], study)])
    rows = _rows(RECOMMENDED, pairs, units, studies) + _rows(MEMBERS, shared, units, studies)
    return pd.DataFrame(rows, columns=COLUMNS)


def _recommended(studies: list[Finished]) -> Iterator[Pair]:
    """Pairs of recommended models, on the images on which neither study selected."""
    first, *others = studies
    rows = {study.name: _model(study) for study in studies}
    errors_of = cache(lambda name: _ensemble_errors(next(study for study in studies if study.name == name)))
    for other, images in product(others, KINDS):
        models = [rows[other.name], rows[first.name]]
        why = not_comparable(first, other, images) or next((of for of in models[::-1] if isinstance(of, str)), "")
        names = " against ".join(of["members"] for of in models if not isinstance(of, str))
        yield _pair(other.name, names, images, why, *({} if why else errors_of(of.name) for of in (other, first)))


def _pair(study: str, model: str, images: str, why: str, own: Errors, theirs: Errors) -> Pair:
    """The difference of the errors of two models, unless there is a reason `why` not."""
    if not why and not (images in own and images in theirs):
        why = f"a study has no {images} images"
    each = np.empty(0) if why else own[images] - theirs[images]
    if not why and not np.isfinite(each).any():
        why = "no image is left that neither study selected on"
    return Pair(study, model, images, each, why)


def _model(study: Finished) -> Row | str:
    """The row of deployment.csv of the recommended model, or why its errors are unknown here."""
    if "deployment" not in study.tables:
        return f"{study.name} recommends no model"
    row = contenders(study.tables["deployment"])[0]
    return f"{study.name} weights members by validation images" if RULES[row["rule"]].weighted else row


def _ensemble_errors(study: Finished) -> Errors:
    """Errors of the recommended model; NaN on the images on which it was selected."""
    row = contenders(study.tables["deployment"])[0]
    members = list(_predictions(study, row["members"].split("+")).values())
    ensemble, labels = Ensemble(members, np.ones(len(members)), row["rule"]), read_array(study.run.file(study.labels))
    judged = halves(labels, study.study["seed"], units_of([study]))[1]

    def of_condition(condition: int) -> np.ndarray:
        return np.concatenate([part.errors for part in ensemble.outputs(condition, judged, disagreement=False)])

    errors = {}
    for name, conditions in condition_groups(_conditions(study)).items():
        errors[name] = np.full(len(labels), np.nan)
        errors[name][judged] = np.mean([of_condition(of) for of in conditions], axis=0, dtype=np.float64)
    return errors


def _conditions(study: Finished) -> pd.DataFrame:
    table = read_table(study.run.file(TABLES["conditions"].path))
    return table[table["test_set"] == CLEAN]


def _predictions(study: Finished, members: list[str]) -> dict[str, Predictions]:
    """Member -> its predictions of the dataset's own test images, of those that have any."""
    paths = [f"predictions/{member}/{CLEAN}.npy" for member in members]
    files = [file for path in paths if (file := study.folder / path).is_file()]
    return read_predictions(_conditions(study), [study.run.file(study.labels)], files) if files else {}


def _of_members(study: Finished) -> dict[str, Errors]:
    """Member -> its errors."""
    errors = {}
    for member, predictions in _predictions(study, list(study.tables["members"]["member"])).items():
        groups = condition_groups(predictions.conditions)
        errors[member] = {
            name: np.stack([~predictions.correct(of) for of in rows]).mean(axis=0, dtype=np.float64).astype(np.float32)
            for name, rows in groups.items()
            if name in KINDS
        }
    return errors


def _shared(studies: list[Finished], errors: dict[str, dict[str, Errors]]) -> Iterator[Pair]:
    """Pairs of the members that all studies have, by name."""
    first, *others = studies
    shared = [member for member in errors[first.name] if all(member in errors[other.name] for other in others)]
    for other, images in product(others, KINDS):
        why = not_comparable(first, other, images)
        for member in shared:
            yield _pair(other.name, member, images, why, errors[other.name][member], errors[first.name][member])


def _rows(question: str, pairs: list[Pair], units: Units | None, studies: list[Finished]) -> list[Row]:
    """Differences of these networks, with intervals over units of images."""
    first, confidence = studies[0], studies[0].study["statistics"]["confidence"]
    differ = [not pair.why and bool(np.nan_to_num(pair.each).any()) for pair in pairs]
    each, reach = np.array([pair.each for pair in compress(pairs, differ)]), np.full(len(pairs), np.nan)
    if len(each):
        sums, sizes = (units.sums(values.astype(float)).T for values in (np.nan_to_num(each), np.isfinite(each)))
        reach[differ] = flipped(sums, sizes, confidence, stream(first.study["seed"], "compare", question))
    shared = {"question": question, "reference": first.name, "confidence": confidence, "comparisons": sum(differ)}
    shared |= {"unit": "image" if units is None or units.alone else "unit of images"}
    rows = []
    for pair, half, is_other in zip(pairs, reach, differ, strict=True):
        row = shared | {"study": pair.study, "model": pair.model, "images": pair.images, "not_comparable": pair.why}
        if not pair.why:
            finite = np.isfinite(pair.each)
            difference = pair.each[finite].mean()
            low, high = np.clip([difference - half, difference + half], -1, 1)  # errors differ by 1 at most
            row |= {"n_images": finite.sum(), "units": units.of(finite).number, "difference": difference}
            unknown = ONE_UNIT if is_other else SAME_ANSWERS
            row |= {"low": low, "high": high, "not_comparable": "" if np.isfinite(half) else unknown}
        rows.append(row)
    return rows


def printed(differences: pd.DataFrame) -> str:
    """A line per row of the table: percentage points with their interval, or why there are none, and the model.

    Recommended models come first, then shared members; those of a study and of a kind of images by their difference.
    Members of a study that are not comparable for one reason have one line.
    """
    lines = [("study", "images", "points more errors", "model")]
    shown = []
    for _, rows in differences.groupby(["question", "study", "images"], sort=False):
        alike = len(rows) > 1 and rows["difference"].isna().all() and rows["not_comparable"].nunique() == 1
        kept = rows[:1].assign(model=f"{len(rows)} members of both") if alike else rows
        shown.append(kept.sort_values("difference", key=lambda of: -of.abs(), kind="stable"))
    for row in pd.concat(shown).itertuples():
        ends = row.low, row.high
        value = f"{words.difference(row.difference, *ends)} {words.difference_interval(*ends)}".rstrip()
        if pd.notna(row.low):
            value += " (not significant)" if row.low <= 0 <= row.high else " (significant)"
        known = [value] if pd.notna(row.difference) else []
        lines.append((row.study, row.images, ", ".join([*known, *filter(None, [row.not_comparable])]), row.model))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def differences_chart(differences: pd.DataFrame) -> alt.TopLevelMixin:
    """Differences of recommended models and of shared members, a panel per kind of images.

    Args:
        differences: table from `difference_table`, with at least one difference.
    """
    rows = differences.dropna(subset=["difference"])
    points = {name: 100 * rows[of] for name, of in (("value", "difference"), ("low", "low"), ("high", "high"))}
    rows = rows.assign(**points).assign(name=rows["model"].where(rows["question"] != RECOMMENDED, RECOMMENDED))
    largest = rows["value"].abs().groupby(rows["name"]).max().drop(RECOMMENDED, errors="ignore").nlargest(MOST).index
    rows = rows[rows["name"].isin([RECOMMENDED, *largest])]
    studies, order = list(rows["study"].unique()), [RECOMMENDED, *sorted(largest)]
    key = style.told_apart("study", studies, OKABE_ITO, legend={})
    panels = [
        intervals(
            of_images,
            style.measure(alt.X, "value", "Difference in error (percentage points)", ".3~g"),
            style.names("name", order, labelLimit=LABEL_WIDTH),
            ("low", "high"),
            key,
            style.tooltips("study", "model", value=".2f", low=".2f", high=".2f"),
            offset="study",
            under=[line_at(alt.X, 0)],
            width=WIDTH,
            height=alt.Step(STEP),
            title=style.panel_title(f"On {images} images"),
        )
        for images, of_images in rows.groupby("images", sort=False)
    ]
    level = words.percent(rows["confidence"].iloc[0], 0)
    subtitle = [
        f"Error less that of {rows['reference'].iloc[0]}: left of 0 are fewer errors. Paired {level} intervals for",
        f"these networks, for all comparisons at once; at most the {MOST} members that differ most.",
    ]
    return style.finish(alt.hconcat(*panels, spacing=30), "Which models make fewer errors?", subtitle)
