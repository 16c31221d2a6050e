"""Finished studies side by side: differences in error, each study against the first, paired on the
same test images.

Two questions are asked: about the recommended models, and about each shared member. Intervals hold
for these networks, not for retrained ones, and for all comparisons of a question at once.
"""

from collections.abc import Callable, Iterable
from filecmp import cmp
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.contenders import RECOMMENDED, contenders
from resiliency.analysis.judging import ensemble_of, halves
from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.streams import stream
from resiliency.prediction.reading import Predictions, condition_groups, read_predictions
from resiliency.report import words
from resiliency.report.rows import Row
from resiliency.report.settings import OKABE_ITO
from resiliency.report.style import (
    finish,
    intervals,
    line_at,
    measure,
    names,
    panel_title,
    told_apart,
    tooltips,
)
from resiliency.statistics.intervals import flipped
from resiliency.statistics.resampling import Units
from resiliency.storage import PROVENANCE, Run, read_array, read_json, read_table
from resiliency.tables import TABLES

KEYS = ("study", "seed", "dataset", "corruptions", "statistics")
# In `corruptions`, beside names and severities.
OF_CORRUPTIONS = ("source", "folder", "table", "engine")
MEMBERS = "shared members"
SAME_ANSWERS, ONE_UNIT = "the same answers on all images", "all images belong together"
KINDS = (CORRUPTED, CLEAN)
COLUMNS = [
    "question",
    "study",
    "reference",
    "model",
    "images",
    "n_images",
    "unit",
    "units",
    "difference",
]
COLUMNS += ["low", "high", "confidence", "comparisons", "not_comparable"]
Errors = dict[str, np.ndarray]  # clean and corrupted -> error on each test image, float64 N
LABEL_WIDTH, WIDTH, STEP = 400, 300, 20  # pixels: labels, a panel, and a study in a row
MOST = 30  # number of members that the chart shows


class Finished(Run):
    """A study that has been run to its end.

    Attributes:
        name: name of the study, or of its folder if several studies have one name.
        study: keys of the study.
        members: table members.csv.
        conditions: conditions of the dataset's own test images.
        card: card of the dataset; None if members are only imported.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.study = self.provenance["study"]
        if lacking := [key for key in KEYS if key not in self.study]:
            raise Fault(f"{folder / PROVENANCE}: study lacks {', '.join(lacking)}; run it again")
        self.name, self.members, conditions = (
            self.study["study"],
            self.table("members"),
            self.table("conditions"),
        )
        self.conditions = conditions[conditions["test_set"] == CLEAN]
        self.card: Any = read_json(self.file("data/card.json")) if self.study["dataset"] else None

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study."""
        return read_table(self.file(TABLES[name].path))

    def of_test(self, file: str) -> str:
        """Path of a file of the test images in the folder."""
        return f"data/{'test' if self.card else CLEAN}/{file}"

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of the test images, int64 N."""
        return read_array(self.file(self.of_test("labels.npy")))

    @cached_property
    def units(self) -> Units:
        """Units of the test images."""
        path = self.folder / self.of_test("units.npy")
        return (
            Units.numbered(read_array(path)) if path.is_file() else Units.single(len(self.labels))
        )

    def predictions(self, members: Iterable[str]) -> dict[str, Predictions]:
        """Member -> its predictions of the test images, of those that have any."""
        paths = [self.folder / f"predictions/{member}/{CLEAN}.npy" for member in members]
        files = [path for path in paths if path.is_file()]
        return (
            read_predictions(self.conditions, [self.file(self.of_test("labels.npy"))], files)
            if files
            else {}
        )

    def errors(self, under: Callable[[int], np.ndarray]) -> Errors:
        """Means over conditions of the errors `under` each, float N."""
        groups = condition_groups(self.conditions).items()
        return {
            images: np.stack([under(row) for row in rows]).mean(axis=0, dtype=float)
            for images, rows in groups
        }

    @cached_property
    def errors_of_members(self) -> dict[str, Errors]:
        """Member -> its errors."""
        members = self.predictions(self.members["member"])
        return {name: self.errors(partial(_wrong, member)) for name, member in members.items()}

    @cached_property
    def recommended(self) -> pd.Series | None:
        """The row of deployment.csv of the recommended model, if there is one."""
        return (
            contenders(self.table("deployment")).get(RECOMMENDED) if "deployment" in self else None
        )

    @cached_property
    def errors_of_recommended(self) -> Errors:
        """Errors of the recommended model; NaN on the images on which it was selected."""
        assert self.recommended is not None
        names, rule = self.recommended[["members", "rule"]]
        ensemble = ensemble_of(names, rule, self.predictions(names.split("+")))
        judged = halves(self.labels, self.study["seed"], self.units)[1]

        def under(condition: int) -> np.ndarray:
            errors = np.full(len(self.labels), np.nan)
            parts = ensemble.outputs(condition, judged, disagreement=False)
            errors[judged] = np.concatenate([part.errors for part in parts])
            return errors

        return self.errors(under)


def _wrong(member: Predictions, condition: int) -> np.ndarray:
    return ~member.correct(condition)


def read_studies(folders: list[Path]) -> list[Finished]:
    """The studies in `folders`.

    Raises:
        Fault: there are fewer than two studies, one comes twice or is not finished, or their
            classes differ.
    """
    if len(folders) < 2:
        raise Fault(
            f"studies: {expected('two or more folders of results', len(folders))}; name another"
        )
    if twice := [
        folder
        for folder in folders
        if [other.resolve() for other in folders].count(folder.resolve()) > 1
    ]:
        raise Fault(f"{twice[0]}: named twice; name each folder once")
    studies = [Finished(folder) for folder in folders]
    names = [study.name for study in studies]
    for study in studies:
        study.name = study.name if names.count(study.name) == 1 else str(study.folder)
    known = [study for study in studies if study.card]
    for other in known[1:]:
        first = known[0]
        classes, theirs = first.card["classes"], other.card["classes"]
        if theirs != classes:
            alike = len(set(classes) & set(theirs))
            wanted = expected(
                f"the same {len(classes)} classes", f"{len(theirs)}, of which {alike} are the same"
            )
            raise Fault(
                f"{other.folder}: not comparable with {first.folder}: {wanted}; name studies of "
                "the same classes"
            )
    return studies


def same_images(a: Finished, b: Finished) -> bool:
    """Whether two studies are known to have the same test images."""
    return (
        bool(a.card and b.card)
        and a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]
    )


def not_comparable(first: Finished, other: Finished, images: str) -> str:
    """Why the errors of two studies on clean or corrupted images cannot be paired; empty if they
    can."""
    if not first.card or not other.card:
        return "not known to have the same test images"
    if not same_images(first, other):
        return "other test images"
    if images != CORRUPTED:
        return ""
    corruptions = [
        set(zip(of.conditions["corruption"], of.conditions["severity"], strict=True))
        for of in (first, other)
    ]
    made = [
        [study.study["corruptions"].get(key) for key in OF_CORRUPTIONS] for study in (first, other)
    ]
    if corruptions[0] != corruptions[1] or made[0] != made[1]:
        return "other corruptions"
    if (
        first.study["seed"] != other.study["seed"]
        and first.study["corruptions"].get("source") != "precomputed"
    ):
        return "another seed, which corrupts images in another way"
    # As far as both studies still have the images.
    for name in first.conditions["corruption"].unique():
        own, theirs = (study.folder / f"corrupted/{name}.npy" for study in (first, other))
        if own.is_file() and theirs.is_file() and not cmp(own, theirs, shallow=False):
            return "other corrupted images"
    return ""


def difference_table(studies: list[Finished]) -> pd.DataFrame:
    """A row per question, study other than the first, model and kind of images.

    Returns:
        Columns `COLUMNS`: difference is the error of the study less that of the first (`reference`)
        on n_images images; low and high are its simultaneous interval over so many units;
        comparisons is how many of the question it allows for. Without an interval, not_comparable
        says why.
    """
    first, *others = studies
    recommended, members = [], []
    for other, images in product(others, KINDS):
        why = not_comparable(first, other, images)
        models = [of.recommended["members"] for of in (other, first) if of.recommended is not None]
        none = next(
            (f"{of.name} recommends no model" for of in (first, other) if of.recommended is None),
            "",
        )
        errors = [{} if why or none else of.errors_of_recommended for of in (other, first)]
        recommended.append(
            _differing(other, " against ".join(models), images, why or none, *errors)
        )
        for name, theirs in first.errors_of_members.items():
            if all(name in study.errors_of_members for study in others):
                members.append(
                    _differing(other, name, images, why, other.errors_of_members[name], theirs)
                )
    units = min(
        (of.units for of in studies if same_images(first, of)),
        key=lambda of: of.number,
        default=None,
    )
    rows = [
        *_with_intervals(RECOMMENDED, recommended, units, first),
        *_with_intervals(MEMBERS, members, units, first),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _differing(
    study: Finished, model: str, images: str, why: str, own: Errors, theirs: Errors
) -> Row:
    """A model's row, with `each` of the differences of errors, float N, unless there is a reason
    `why` not."""
    if not why and not (images in own and images in theirs):
        why = f"a study has no {images} images"
    each = np.empty(0) if why else own[images] - theirs[images]
    if not why and not np.isfinite(each).any():
        why = "no image is left that neither study selected on"
    return {
        "study": study.name,
        "model": model,
        "images": images,
        "each": each,
        "not_comparable": why,
    }


def _with_intervals(
    question: str, rows: list[Row], units: Units | None, first: Finished
) -> list[Row]:
    """The rows with their means in place of `each`, and intervals over units of images."""
    confidence = first.study["statistics"]["confidence"]
    unequal = [
        row for row in rows if not row["not_comparable"] and np.nan_to_num(row["each"]).any()
    ]
    shared = {
        "question": question,
        "reference": first.name,
        "confidence": confidence,
        "comparisons": len(unequal),
    }
    shared |= {"unit": "image" if units is None or units.alone else "unit of images"}
    if unequal:
        each = np.array([row["each"] for row in unequal])
        sums, sizes = (
            units.sums(values.astype(float)).T
            for values in (np.nan_to_num(each), np.isfinite(each))
        )
        reaches = flipped(sums, sizes, confidence, stream(first.study["seed"], "compare", question))
        for row, reach in zip(unequal, reaches, strict=True):
            row |= {"reach": reach, "unknown": "" if np.isfinite(reach) else ONE_UNIT}
    for row in rows:
        row |= shared
        if not row["not_comparable"]:
            finite, reach = np.isfinite(row["each"]), row.get("reach", np.nan)
            difference = row["each"][finite].mean()
            # Errors differ by 1 at most.
            low, high = np.clip([difference - reach, difference + reach], -1, 1)
            row |= {
                "n_images": finite.sum(),
                "units": units.of(finite).number,
                "difference": difference,
            }
            row |= {"low": low, "high": high, "not_comparable": row.get("unknown", SAME_ANSWERS)}
    return rows


def printed(differences: pd.DataFrame) -> str:
    """A line per row of the table: percentage points with their interval, or why there are none,
    and the model.

    Recommended models come first, then shared members; those of a study and of a kind of images by
    their difference. Members of a study that are not comparable for one reason have one line.
    """
    lines = [("study", "images", "points more errors", "model")]
    shown = []
    for _, rows in differences.groupby(["question", "study", "images"], sort=False):
        alike = (
            len(rows) > 1
            and rows["difference"].isna().all()
            and rows["not_comparable"].nunique() == 1
        )
        kept = rows[:1].assign(model=f"{len(rows)} members of both") if alike else rows
        shown.append(kept.sort_values("difference", key=lambda of: -of.abs(), kind="stable"))
    for row in pd.concat(shown).itertuples():
        value = words.in_points(row.difference, row.low, row.high, unit="")
        if pd.notna(row.low):
            value += " (not significant)" if row.low <= 0 <= row.high else " (significant)"
        known = [value] if pd.notna(row.difference) else []
        lines.append(
            (
                row.study,
                row.images,
                ", ".join([*known, *filter(None, [row.not_comparable])]),
                row.model,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def differences_chart(differences: pd.DataFrame) -> alt.TopLevelMixin:
    """Differences of recommended models and of shared members, a panel per kind of images.

    Args:
        differences: table from `difference_table`, with at least one difference.
    """
    rows = differences.dropna(subset=["difference"])
    points = {
        name: 100 * rows[of]
        for name, of in (("value", "difference"), ("low", "low"), ("high", "high"))
    }
    rows = rows.assign(**points).assign(
        name=rows["model"].where(rows["question"] != RECOMMENDED, RECOMMENDED)
    )
    largest = (
        rows["value"]
        .abs()
        .groupby(rows["name"])
        .max()
        .drop(RECOMMENDED, errors="ignore")
        .nlargest(MOST)
        .index
    )
    rows = rows[rows["name"].isin([RECOMMENDED, *largest])]
    studies, order = list(rows["study"].unique()), [RECOMMENDED, *sorted(largest)]
    key = told_apart("study", studies, OKABE_ITO, legend={})
    panels = [
        intervals(
            of_images,
            measure(alt.X, "value", "Difference in error (percentage points)", ".3~g"),
            names("name", order, labelLimit=LABEL_WIDTH),
            ("low", "high"),
            key,
            tooltips("study", "model", value=".2f", low=".2f", high=".2f"),
            offset="study",
            under=[line_at(0)],
            width=WIDTH,
            height=alt.Step(STEP),
            title=panel_title(f"On {images} images"),
        )
        for images, of_images in rows.groupby("images", sort=False)
    ]
    level = words.percent(rows["confidence"].iloc[0], 0)
    subtitle = [
        f"Error less that of {rows['reference'].iloc[0]}: left of 0 are fewer errors. Paired "
        f"{level} intervals for",
        f"these networks, for all comparisons at once; at most the {MOST} members that differ "
        "most.",
    ]
    return finish(alt.hconcat(*panels, spacing=30), "Which models make fewer errors?", subtitle)
