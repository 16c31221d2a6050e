"""Differences in error between finished studies, each against the first, paired on the same test images.

Two questions are asked: about the recommended models, and about each shared member. Intervals hold for these networks,
not for retrained ones, and for all comparisons of a question at once.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from resiliency.analysis.choices import halves
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.streams import stream
from resiliency.comparison.studies import Finished, not_comparable, same_images, units_of
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.prediction.reading import condition_groups, read_predictions
from resiliency.report.overview import contenders
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array
from resiliency.storage.tables import read_table
from resiliency.tables import TABLES

RECOMMENDED, MEMBERS = "recommended model", "shared members"
SAME_ANSWERS, ONE_UNIT = "the same answers on all images", "all images belong together"
KINDS = (CORRUPTED, CLEAN)
COLUMNS = ["question", "study", "reference", "model", "images", "image_count", "unit", "units", "difference"]
COLUMNS += ["low", "high", "confidence", "comparisons", "not_comparable"]
FLIPS, CHUNK = 2000, 1024
LABELS = "data/test/labels.npy"
Errors = dict[str, np.ndarray]  # clean and corrupted -> error on each test image, float32 N


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
        Columns `COLUMNS`: difference is the error of the study less that of the first (`reference`) on image_count
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
    for other in others:
        for images in KINDS:
            models = [_model(study) for study in (first, other)]
            why = not_comparable(first, other, images) or next(
                (model for model in models if isinstance(model, str)), ""
            )
            names = " against ".join(model["members"] for model in models[::-1] if not isinstance(model, str))
            yield Pair(other.name, names, images, *(([], why) if why else _judged(first, other, images)))


def _model(study: Finished) -> dict | str:
    """The row of deployment.csv of the recommended model, or why its errors are unknown here."""
    if "deployment" not in study.tables:
        return f"{study.name} recommends no model"
    row = contenders(study.tables["deployment"])[0]
    return f"{study.name} weights members by validation images" if RULES[row["rule"]].weighted else row


def _judged(first: Finished, other: Finished, images: str) -> tuple[np.ndarray, str]:
    own, theirs = (_ensemble_errors(study).get(images) for study in (other, first))
    if own is None or theirs is None:
        return np.empty(0), f"a study has no {images} images"
    each = own - theirs
    return each, "" if np.isfinite(each).any() else "no image is left that neither study selected on"


def _ensemble_errors(study: Finished) -> Errors:
    """Errors of the recommended model; NaN on the images on which it was selected."""
    row = contenders(study.tables["deployment"])[0]
    members = list(_predictions(study, row["members"].split("+")).values())
    ensemble, labels = Ensemble(members, np.ones(len(members)), row["rule"]), read_array(study.run.file(LABELS))
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


def _predictions(study: Finished, members: list[str]) -> dict:
    """Member -> its predictions of the dataset's own test images, of those that have any."""
    paths = [f"predictions/{member}/{CLEAN}.npy" for member in members]
    files = [file for path in paths if (file := study.folder / path).is_file()]
    return read_predictions(_conditions(study), [study.run.file(LABELS)], files) if files else {}


def _of_members(study: Finished) -> dict[str, Errors]:
    """Member -> its errors."""
    errors = {}
    for member, predictions in _predictions(study, list(study.tables["members"]["member"])).items():
        groups = condition_groups(predictions.conditions)
        errors[member] = {
            name: np.mean([~predictions.correct(of) for of in rows], axis=0, dtype=np.float64).astype(np.float32)
            for name, rows in groups.items()
            if name in KINDS
        }
    return errors


def _shared(studies: list[Finished], errors: dict[str, dict[str, Errors]]) -> Iterator[Pair]:
    """Pairs of the members that all studies have, by name."""
    first, *others = studies
    shared = [member for member in errors[first.name] if all(member in errors[other.name] for other in others)]
    for other in others:
        for images in KINDS:
            why = not_comparable(first, other, images)
            for member in shared:
                own, theirs = (errors[study.name][member] for study in (other, first))
                if why or images not in own or images not in theirs:
                    yield Pair(other.name, member, images, why=why or f"a study has no {images} images")
                else:
                    yield Pair(other.name, member, images, own[images] - theirs[images])


def _rows(question: str, pairs: list[Pair], units: Units | None, studies: list[Finished]) -> list[dict]:
    """Differences of these networks, with intervals over units of images."""
    first, confidence = studies[0], studies[0].study["statistics"]["confidence"]
    known = [pair for pair in pairs if not pair.why and np.nan_to_num(pair.each).any()]
    reach = dict.fromkeys(map(id, pairs), np.nan)
    if known:
        kept = np.array([np.isfinite(pair.each) for pair in known])
        sums, sizes = (units.sums(values.astype(float)).T for values in (np.nan_to_num([p.each for p in known]), kept))
        random = stream(first.study["seed"], "compare", question)
        reach |= zip(map(id, known), reaches(sums, sizes, confidence, random), strict=True)
    rows = []
    for pair in pairs:
        row = {"question": question, "study": pair.study, "reference": first.name, "model": pair.model}
        row |= {"images": pair.images, "unit": "image" if units is None or units.alone else "unit of images"}
        row |= {"confidence": confidence, "comparisons": len(known), "not_comparable": pair.why}
        if not pair.why:
            finite = np.isfinite(pair.each)
            row |= {
                "image_count": finite.sum(),
                "units": units.of(finite).number,
                "difference": pair.each[finite].mean(),
            }
            ends = np.clip(row["difference"] + np.array([-1, 1]) * reach[id(pair)], -1, 1)  # errors differ by 1 at most
            row |= dict(zip(("low", "high"), ends, strict=True))
            differ = bool(np.nan_to_num(pair.each).any())
            row["not_comparable"] = "" if np.isfinite(reach[id(pair)]) else ONE_UNIT if differ else SAME_ANSWERS
        rows.append(row)
    return rows


def reaches(sums: np.ndarray, sizes: np.ndarray, confidence: float, random: np.random.Generator) -> np.ndarray:
    """Half widths of simultaneous intervals of K paired differences; float64 K.

    If two models are equally good, which of them makes an error is a coin's flip in each unit. So the signs of all
    differences of a unit are flipped together, and the largest |t| over the K comparisons has this distribution if
    nothing differs (max-t; Westfall and Young, Resampling-Based Multiple Testing, 1993). Student's t is the least that
    an interval reaches, since few units that differ have few flips.

    Args:
        sums: float U x K, differences summed over the images of each unit; no column is all 0.
        sizes: float U x K, number of images of each unit that count.
        confidence: probability that all intervals contain their differences.
    """
    images, units, squares = sizes.sum(axis=0), (sizes > 0).sum(axis=0), ((sums**2).sum(axis=0), (sizes**2).sum(axis=0))

    def error(means: np.ndarray, crossed: np.ndarray) -> np.ndarray:
        """The standard error of means over units that may differ in size (Cochran 1977, section 6.5)."""
        rest = squares[0] - 2 * means * crossed + means**2 * squares[1]
        return np.sqrt(np.maximum(rest, 0) * units / (units - 1)) / images

    means, crossed = np.zeros((2, FLIPS, len(images)))
    for start in range(0, len(sums), CHUNK):
        part, of_part = sums[start : start + CHUNK], sizes[start : start + CHUNK]
        signs = random.integers(0, 2, (FLIPS, len(part))) * 2.0 - 1
        means, crossed = means + signs @ part / images, crossed + signs @ (part * of_part)
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.nanmax(np.abs(means) / error(means, crossed), axis=1, initial=0)
        critical = np.quantile(largest, confidence, method="higher") * (1 + 1e-9)
        critical = np.maximum(critical, stdtrit(units - 1, (1 + confidence) / 2))
        return critical * error(sums.sum(axis=0) / images, (sums * sizes).sum(axis=0))
