"""How sure an ensemble is when it is wrong: selective prediction, and temperatures fitted on validation images.

Clean and corrupted images are those of the judging half of deployment.csv, whose ensembles were chosen on the other;
all conditions of corruption count together, for one threshold of confidence has to serve them all. Of further test
sets all images count. Images are resampled, each with all of its conditions.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.conditions import groups
from resiliency.ensembles.outputs import Ensemble, Outputs
from resiliency.metrics.classification import ECE_BINS, bin_of
from resiliency.metrics.selective import MEASURES, measures, ranking, resampled_rankings, risk_coverage
from resiliency.metrics.temperature import fitted_temperature, scaled
from resiliency.names import CLEAN, CORRUPTED
from resiliency.statistics.bootstrap import interval, resampled_counts

CURVE = np.round(np.arange(0.01, 1.005, 0.01), 2)
REFERENCE = "max_probability"
NO_PROBABILITIES, VOTES = "members without probabilities", "a vote has no probabilities"
NO_VALIDATION, NO_ERRORS = "no predictions of validation images", "no validation image is answered wrongly"
LOADED = "loaded weights may have been trained on the validation images"


class Temperature(NamedTuple):
    """A temperature and where it comes from.

    Attributes:
        value: 1 where none could be fitted.
        images: validation images that it was fitted on, 0 where it was not.
        note: why it was not fitted, or what to beware of; may be empty.
    """

    value: float
    images: int
    note: str


def temperature_of(validation: Ensemble | None, loaded: bool) -> Temperature:
    """The temperature of an ensemble, fitted on validation images.

    Args:
        validation: the ensemble on its one condition; None where some member has no predictions of them.
        loaded: whether weights of a member were not trained here.
    """
    if validation is None:
        return Temperature(1, 0, NO_VALIDATION)
    if not validation.has_probabilities:
        return Temperature(1, 0, NO_PROBABILITIES)
    if validation.rule.mean is None:
        return Temperature(1, 0, VOTES)
    labels = validation.members[0].labels(0)
    parts = validation.outputs(0, np.arange(len(labels)))
    value = fitted_temperature(np.concatenate([part.log_probabilities for part in parts]), labels)
    if np.isnan(value):
        return Temperature(1, 0, NO_ERRORS)
    return Temperature(value, len(labels), LOADED if loaded else "")


class Judged:
    """The images that ensembles are judged on, and resamples of them.

    Args:
        conditions: the table of conditions.
        judged: images (int) of the data set's own that count; all of further test sets do.
        resamples, confidence, seed: of the bootstrap.
    """

    def __init__(self, conditions: pd.DataFrame, judged: np.ndarray, resamples: int, confidence: float, seed: int):
        self.conditions, self.confidence = groups(conditions), confidence
        self.images, self.counts = {}, {}
        own = resampled_counts(len(judged), resamples, seed, "images")
        for name, rows in self.conditions.items():
            is_own = name in (CLEAN, CORRUPTED)
            self.images[name] = judged if is_own else np.arange(conditions.images.iloc[rows[0]])
            self.counts[name] = own if is_own else resampled_counts(len(self.images[name]), resamples, seed, name)

    def outputs(self, ensemble: Ensemble, name: str) -> Iterator[tuple[int, np.ndarray, Outputs]]:
        """What `ensemble` says of the images `name`: condition, position of each image among them, and its outputs."""
        for condition in self.conditions[name]:
            start = 0
            for part in ensemble.outputs(condition, self.images[name]):
                yield condition, np.arange(start, start + len(part.errors)), part
                start += len(part.errors)

    def interval(self, value: float, whole: float, drawn: np.ndarray, confidence: float | None = None) -> tuple:
        """The interval of `value`, from what resamples differ by from `whole`, the same statistic of all images."""
        low, high = interval(drawn - whole, confidence or self.confidence)
        return value + low, value + high


def selective_rows(ensemble: Ensemble, temperature: float, judged: Judged) -> tuple[list[dict], list[dict]]:
    """Rows of selective_prediction.csv, and of the risk-coverage curves, of one ensemble.

    Returns:
        For each set of images and score of confidence: `MEASURES` with the ends of their intervals, and
        aurc_difference, the AURC less that under the maximum probability, on the same resamples, with an interval
        that allows for the number of scores that are compared with it (Bonferroni); it is below 0 if the score is
        better.
    """
    rows, curves = [], []
    for name in judged.conditions:
        confidences, errors = gathered(ensemble, temperature, judged, name)
        scores = {}
        for score, confidence in confidences.items():
            exact = ranking(confidence.ravel(), errors.ravel())
            whole, drawn = resampled_rankings(confidence, errors, judged.counts[name])
            scores[score] = {key: measures(ranked) for key, ranked in (("", exact), ("whole", whole), ("drawn", drawn))}
            risks = risk_coverage(exact, CURVE)
            curves += [
                {"images": name, "score": score, "coverage": c, "risk": r} for c, r in zip(CURVE, risks, strict=True)
            ]
        for score, of_score in scores.items():
            row = {"images": name, "answers": errors.size, "error": errors.mean(), "score": score}
            for measure in MEASURES:
                value, whole = of_score[""][measure][0], of_score["whole"][measure][0]
                row[measure] = value
                ends = judged.interval(value, whole, of_score["drawn"][measure])
                row[f"{measure}_low"], row[f"{measure}_high"] = np.clip(ends, 0, 1)
            rows.append(row | _excess(of_score, scores.get(REFERENCE), len(scores) - 1, score, judged))
    return rows, curves


def _excess(of_score: dict, reference: dict | None, compared: int, score: str, judged: Judged) -> dict[str, float]:
    names = ("aurc_difference", "aurc_difference_low", "aurc_difference_high")
    if reference is None or score == REFERENCE:
        return dict.fromkeys(names, np.nan)
    value, whole, drawn = (of_score[key]["aurc"] - reference[key]["aurc"] for key in ("", "whole", "drawn"))
    corrected = 1 - (1 - judged.confidence) / compared
    return dict(zip(names, (value[0], *judged.interval(value[0], whole[0], drawn, corrected)), strict=True))


def gathered(ensemble: Ensemble, temperature: float, judged: Judged, name: str) -> tuple[dict, np.ndarray]:
    """Score -> confidences, float64 C x N, and errors, float32 C x N."""
    shape = len(judged.conditions[name]), len(judged.images[name])
    errors, confidences = np.empty(shape, np.float32), {}
    position = {condition: index for index, condition in enumerate(judged.conditions[name])}
    for condition, images, part in judged.outputs(ensemble, name):
        errors[position[condition], images] = part.errors
        for score, values in part.confidences(temperature).items():
            confidences.setdefault(score, np.empty(shape))[position[condition], images] = values
    return confidences, errors


def temperature_rows(ensemble: Ensemble, temperature: Temperature, judged: Judged) -> list[dict]:
    """Rows of temperatures.csv of one ensemble: NLL and ECE (15 bins) before and after scaling, and their change.

    Where no temperature was fitted one row says so in its note, and the figures are empty.
    """
    columns = {"temperature": temperature.value, "validation_images": temperature.images, "note": temperature.note}
    if not temperature.images:
        return [columns | {"temperature": np.nan, "images": name} for name in judged.conditions]
    rows = []
    for name in judged.conditions:
        sums = {"before": _Sums(len(judged.images[name])), "after": _Sums(len(judged.images[name]))}
        for condition, images, part in judged.outputs(ensemble, name):
            labels = ensemble.members[0].labels(condition)[judged.images[name][images]]
            sums["before"].add(images, part, part.log_probabilities, labels)
            sums["after"].add(images, part, scaled(part.log_probabilities, temperature.value), labels)
        row, everything = columns | {"images": name}, np.ones((1, len(judged.images[name])))
        for measure in ("nll", "ece"):
            before, after = (getattr(of, measure) for of in sums.values())
            row |= {f"{measure}_before": before(everything)[0], f"{measure}_after": after(everything)[0]}
            change = row[f"{measure}_after"] - row[f"{measure}_before"]
            ends = interval(after(judged.counts[name]) - before(judged.counts[name]), judged.confidence)
            row |= {f"{measure}_change": change, f"{measure}_change_low": ends[0], f"{measure}_change_high": ends[1]}
        rows.append(row)
    return rows


class _Sums:
    """Sums over conditions of what NLL and ECE are means of, for each of N images."""

    def __init__(self, images: int):
        self.losses, self.answers = np.zeros(images), np.zeros(images)
        self.gaps = np.zeros((images, ECE_BINS))

    def add(self, images: np.ndarray, part: Outputs, logs: np.ndarray, labels: np.ndarray) -> None:
        """Count n outputs with ln probabilities n x K."""
        confidence = np.exp(logs.max(axis=-1))
        self.losses[images] -= logs[np.arange(len(labels)), labels]
        self.answers[images] += 1
        self.gaps[images, bin_of(confidence)] += 1 - part.errors - confidence

    def nll(self, counts: np.ndarray) -> np.ndarray:
        """Negative log-likelihood of each resample; counts R x N."""
        return counts @ self.losses / (counts @ self.answers)

    def ece(self, counts: np.ndarray) -> np.ndarray:
        """Expected calibration error of each resample."""
        return np.abs(counts @ self.gaps).sum(axis=1) / (counts @ self.answers)
