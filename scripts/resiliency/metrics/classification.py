"""Accuracy and honesty of the probabilities of a classifier, and thresholds of confidence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from resiliency.base.names import accuracy_of, mean_member_accuracy_of
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Units

MEAN_ACCURACY = re.compile(mean_member_accuracy_of("(.*)"))


def images_of(table: pd.DataFrame) -> list[str]:
    """Names of the sets of images on which `table` has accuracies.

    Those of ensembles.parquet are clean, corrupted and the additional test sets, those of by_corruption.parquet the
    corruptions.
    """
    return [match[1] for match in map(MEAN_ACCURACY.fullmatch, table) if match]


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{accuracy_of(test_set)}{suffix}" for suffix in ("", "_low", "_high")]


def accuracies(
    test_set: str, shares: np.ndarray, n_images: np.ndarray | float, confidence: float
) -> dict[str, np.ndarray]:
    """The columns of `accuracy_columns`, each of the shape of `shares`.

    Args:
        shares: float64, share of the images of the test set that are answered rightly; a tie may count in part.
        n_images: number of these images; NaN if unknown, and then so is the interval.
        confidence: level of the interval, between 0 and 1.
    """
    return dict(zip(accuracy_columns(test_set), (shares, *wilson(shares, n_images, confidence).ends), strict=True))


ECE_BINS = 15
# Columns of a table of bins of confidence.
CALIBRATION = ["images", "bin_low", "bin_high", "predictions", "mean_confidence", "accuracy"]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float32 ... x K of logits of any float type, ... x K."""
    exponentials = logits.astype(np.float32)
    exponentials -= exponentials.max(axis=-1, keepdims=True)
    np.exp(exponentials, out=exponentials)
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


ROUNDED = 0.101  # how far the sums of probabilities of one decimal may be from 1, and a little


def may_be_probabilities(scores: np.ndarray) -> bool:
    """Whether scores, float N x K, may be rounded probabilities: none is negative, and the largest sum is near 1."""
    return bool(len(scores) and (scores >= 0).all() and abs(scores.sum(axis=1, dtype=float).max() - 1) <= ROUNDED)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of -ln p(label), in nats, over the images.

    Args:
        probabilities: ... x N x K; a probability below 1e-12 counts as 1e-12.
        labels: int N.

    Returns:
        float64 of the leading shape.
    """
    chosen = _of_label(probabilities, labels)
    return -np.log(np.maximum(chosen, 1e-12), dtype=np.float64).mean(axis=-1)


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean over images of sum_k (p_k - [k = label])^2, in 0..2 (Brier, 1950); arguments as above."""
    squares = np.square(probabilities, dtype=np.float64).sum(axis=-1)
    return (squares - 2 * _of_label(probabilities, labels) + 1).mean(axis=-1)


def calibration_error(bins: np.ndarray) -> float:
    """The expected calibration error, in 0..1, of the bins from `confidence_bins`, float64 3 x 15.

    Sum over bins of |accuracy - confidence|, weighted by images (Guo et al., 2017).
    """
    images, right, confidence = bins
    return float(np.abs(right - confidence).sum() / images.sum())


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Data of a reliability diagram: images, right answers and summed confidence in 15 equal-width bins.

    Args:
        probabilities: N x K.
        labels: int N.

    Returns:
        float64 3 x 15, from the lowest confidence to the highest.
    """
    confidence = probabilities.max(axis=-1).astype(np.float64)
    correct = probabilities.argmax(axis=-1) == labels
    bins = bin_of(confidence)
    return np.stack([np.bincount(bins, weights, ECE_BINS) for weights in (np.ones(len(labels)), correct, confidence)])


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The position, int, of each confidence among 15 equal-width bins; an edge belongs to the lower bin."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def _of_label(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return probabilities[..., np.arange(len(labels)), labels].astype(np.float64)


LARGEST = 100.0


def scaled(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """ln of the probabilities at a temperature, softmax(ln p / T); float ... x K, as `log_probabilities`."""
    values = log_probabilities / np.asarray(temperature, log_probabilities.dtype)
    values = values - values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def fitted_temperature(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood, which is convex in 1 / T.

    Where every label has the largest probability of its image the likelihood grows for ever as T goes to 0: no
    temperature is best, and NaN is returned. If all classes are as probable on all images, it is 1. Beyond `LARGEST`,
    and below its inverse, it is cut off.

    Args:
        log_probabilities: float N x K.
        labels: int N.
    """
    from scipy.optimize import minimize_scalar  # takes long to load

    values = log_probabilities.astype(np.float64)
    margins = np.ascontiguousarray((values - values[np.arange(len(labels)), labels][:, None]).T)
    if not margins.any():
        return 1.0
    if not (margins > 0).any():
        return np.nan

    def mean_loss(log_inverse: float) -> float:
        return np.logaddexp.reduce(np.exp(log_inverse) * margins, axis=0).mean()

    reach = np.log(LARGEST)
    return float(np.exp(-minimize_scalar(mean_loss, bounds=(-reach, reach), method="bounded").x))


GRADES = 1_000_000
BELOW = 100  # step of confidences, by which a threshold may lie below the least confident answer that it accepts
ABSTAIN = 2.0  # threshold at which every image is abstained on, even at a confidence of 1


def graded(confidence: np.ndarray) -> np.ndarray:
    """Confidences in 0..1 as thresholds see them: float32, rounded down to six decimals and below 1; float64.

    Programs that compute in another order round a confidence near 1 to it or not: it counts as 0.999999.
    """
    single = np.asarray(confidence).astype(np.float32).astype(np.float64)
    return np.minimum(np.floor(single * GRADES), GRADES - 1) / GRADES


@dataclass(frozen=True)
class Ranked:
    """Answers to N images under C conditions, the least confident first.

    Attributes:
        confidence: float64 CN, graded.
        errors: float64 CN, 1 if the answer is wrong.
        rows: int CN, condition of each answer.
        conditions: number of conditions, C.
        units: units of the images.
    """

    confidence: np.ndarray
    errors: np.ndarray
    rows: np.ndarray
    conditions: int
    units: Units

    @classmethod
    def of(cls, confidence: np.ndarray, errors: np.ndarray, units: Units | None = None) -> "Ranked":
        """The ranking of answers by confidences and errors, float C x N each; by default, each image is a unit."""
        values = graded(confidence).ravel()
        order = np.argsort(values, kind="stable")
        rows = np.repeat(np.arange(len(confidence)), confidence.shape[1])
        errors, units = np.asarray(errors, np.float64).ravel(), units or Units.single(confidence.shape[1])
        return cls(values[order], errors[order], rows[order], len(confidence), units)

    def without(self, rows: Sequence[int]) -> "Ranked":
        """The answers under the other conditions."""
        left_out = np.zeros(self.conditions, bool)
        left_out[rows] = True
        kept = ~left_out[self.rows]
        confidence, errors, left = (values[kept] for values in (self.confidence, self.errors, self.rows))
        return replace(self, confidence=confidence, errors=errors, rows=left, conditions=self.conditions - len(rows))

    @cached_property
    def firsts(self) -> np.ndarray:
        """Positions of the first answers of each confidence, int64."""
        return np.flatnonzero(np.diff(self.confidence, prepend=-1))

    @cached_property
    def wrong_from(self) -> np.ndarray:
        """Number of wrong answers at or above the confidence of each of `firsts`, float64."""
        return np.cumsum(self.errors[::-1])[::-1][self.firsts]

    def most(self, level: float) -> float:
        """The largest sum of losses, over answers, with which their mean over those of a new unit is `level` at most.

        A unit's loss, its sum over the mean size of a unit, is at most the largest size over that.
        """
        size = self.units.n_images / self.units.number
        return (level * (self.units.number + 1) * size - self.units.sizes.max()) * self.conditions

    def threshold_at(self, place: int) -> float:
        """The threshold that lets through the answer at `place` and those as confident or more, and no other."""
        first = np.searchsorted(self.confidence, self.confidence[place])
        before = self.confidence[first - 1] if first else 0.0
        own, other = (round(float(value) * GRADES) for value in (self.confidence[place], before))
        return (own - min((own - other) // 2, BELOW)) / GRADES


def covering_threshold(ranked: Ranked, coverage: float) -> float:
    """The largest threshold at which new images are answered with a probability of `coverage` or more.

    Args:
        coverage: probability in 0..1.

    Returns:
        Images of at least this confidence are answered; 0 if there are too few images to abstain at all.
    """
    most = ranked.most(1 - coverage)
    if most < -1e-9:
        return 0.0
    # Those before it abstain, unless they have the same confidence.
    return ranked.threshold_at(min(int(max(most, 0) + 1e-9), len(ranked.confidence) - 1))


def limiting_threshold(ranked: Ranked, level: float) -> float:
    """The smallest threshold at which new images are answered, and wrongly, with a probability of `level` at most.

    Args:
        level: probability in 0..1.

    Returns:
        Images of at least this confidence are answered, all of them where it is 0, none where it is `ABSTAIN`; NaN
        if there are fewer than `units_needed`, even without wrong answers.
    """
    most = ranked.most(level)
    if most < -1e-9:
        return np.nan
    allowed = ranked.firsts[ranked.wrong_from <= most + 1e-9]
    if not len(allowed):
        return ABSTAIN
    return ranked.threshold_at(allowed[0]) if allowed[0] else 0.0


def units_needed(ranked: Ranked, level: float) -> float:
    """The number of units at which `limiting_threshold` would let some answers through; NaN if no number would do.

    Units are as large as these, and the most confident answers as often wrong.
    """
    wrong = ranked.errors[ranked.confidence == ranked.confidence[-1]].sum() / len(ranked.errors)
    largest = ranked.units.sizes.max() * ranked.units.number / ranked.units.n_images
    return float(np.ceil((largest - level) / (level - wrong) - 1e-9)) if wrong < level else np.nan


NEAR = 0.1  # least share of the way from chance to no error
FEWEST_STEPS = 100
FEWEST_IMAGES = 100
NEAR_CHANCE, FEW_STEPS, FEW_IMAGES = "near chance", "few optimisation steps", "few test images"


def member_warnings(accuracy: float, labels: np.ndarray, steps: int | None) -> list[str]:
    """Cautions about the figures of a member: some of NEAR_CHANCE, FEW_STEPS and FEW_IMAGES.

    Args:
        accuracy: accuracy on the clean test images.
        labels: int N, labels of these images.
        steps: number of steps of the optimiser; None for a member that was not trained here.
    """
    warnings = {
        NEAR_CHANCE: near_chance(accuracy, labels),
        FEW_STEPS: steps is not None and steps < FEWEST_STEPS,
        FEW_IMAGES: len(labels) < FEWEST_IMAGES,
    }
    return [warning for warning, holds in warnings.items() if holds]


def near_chance(accuracy: float, labels: np.ndarray) -> bool:
    """Whether a member is hardly better than always answering the most frequent class.

    So it is if it has not gone `NEAR` of the way from there to no error, or lies within two standard errors of it; not
    if there are so few images that even no error would.

    Args:
        accuracy: accuracy of the member, 0 to 1.
        labels: int N, labels of the images, 0 or more.
    """
    chance = np.bincount(labels).max() / len(labels)
    error = np.sqrt(chance * (1 - chance) / len(labels))
    least = chance + max(NEAR * (1 - chance), 2 * error)
    return bool(accuracy < least <= 1)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum_k p_k ln p_k in nats; float ... of probabilities ... x K."""
    positive = np.where(probabilities > 0, probabilities, 1)
    return -(probabilities * np.log(positive)).sum(axis=-1)


def mutual_information(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mutual information of answer and member: entropy of the mean less mean entropy (Depeweg et al., ICML 2018).

    Args:
        probabilities: M x N x K.
        weights: float M, positive, weights of the members in both means.

    Returns:
        In nats, 0 (members agree) to ln M; N.
    """
    shares = (weights / weights.sum()).astype(probabilities.dtype)
    mean = np.tensordot(shares, probabilities, axes=1)
    return np.maximum(entropy(mean) - shares @ entropy(probabilities), 0)
