"""How right a classifier is, and how honest its probabilities are."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from resiliency.base.names import accuracy_of, mean_member_accuracy_of
from resiliency.statistics.units import Units

MEAN_ACCURACY = re.compile(mean_member_accuracy_of("(.*)"))


def images_of(table: pd.DataFrame) -> list[str]:
    """Names of the images that `table` tells accuracies on.

    Those of ensembles.parquet are clean, corrupted and the further test sets, those of by_corruption.parquet the
    corruptions.
    """
    return [match[1] for match in map(MEAN_ACCURACY.fullmatch, table) if match]


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{accuracy_of(test_set)}{suffix}" for suffix in ("", "_low", "_high")]


def accuracies(test_set: str, shares: np.ndarray, images: float, confidence: float) -> dict[str, np.ndarray]:
    """The columns of `accuracy_columns`, of the shape of `shares` each.

    Args:
        shares: float64, of the images of the test set that are answered rightly; a tie may count in part.
        images: their number; NaN where it is not known, nor is the interval.
        confidence: of the interval.
    """
    return dict(zip(accuracy_columns(test_set), (shares, *wilson(shares, images, confidence)), strict=True))


def wilson(shares: np.ndarray, images: float | np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of the interval of a proportion, float64 in 0..1, of the shape of `shares`.

    Wilson, Journal of the American Statistical Association 22, 1927.

    Args:
        shares: float64 in 0..1.
        images: the number of images that each is a share of; NaN if it is not known.
        confidence: nominal coverage.
    """
    square = ndtri((1 + confidence) / 2) ** 2 / images
    middle = shares + square / 2
    half = np.sqrt(square * (shares * (1 - shares) + square / 4))
    return np.clip((middle - half) / (1 + square), 0, 1), np.clip((middle + half) / (1 + square), 0, 1)


def wilson_of_means(
    means: np.ndarray, variances: np.ndarray, images: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """As `wilson`, of means over images that are no proportions: of as many images as would give one the same variance.

    Args:
        means: float64 in 0..1.
        variances: of these means, of the same shape; where they are 0, or means are 0 or 1, all images count.
    """
    of_one = means * (1 - means)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where((variances > 0) & (of_one > 0), of_one / variances, images)
    return wilson(means, effective, confidence)


ECE_BINS = 15
# Columns of a table of bins of confidence.
CALIBRATION = ["images", "bin_low", "bin_high", "predictions", "mean_confidence", "accuracy"]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float32 ... x K of logits of any float type, ... x K."""
    logits = logits.astype(np.float32)
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


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


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Sum over 15 equal-width bins of confidence of |accuracy - confidence|, weighted by images (Guo et al., 2017).

    Args:
        probabilities: N x K.
        labels: int N.

    Returns:
        A value in 0..1. A confidence on the edge of two bins is in the lower one.
    """
    return calibration_error(confidence_bins(probabilities, labels))


def calibration_error(bins: np.ndarray) -> float:
    """The same of the bins that `confidence_bins` returns, float64 3 x 15."""
    images, right, confidence = bins
    return float(np.abs(right - confidence).sum() / images.sum())


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What a reliability diagram shows: images, right answers and summed confidence in 15 equal-width bins.

    Args:
        probabilities, labels: as above.

    Returns:
        float64 3 x 15, from the lowest confidence to the highest.
    """
    confidence = probabilities.max(axis=-1).astype(np.float64)
    correct = probabilities.argmax(axis=-1) == labels
    bins = bin_of(confidence)
    return np.stack([np.bincount(bins, weights, ECE_BINS) for weights in (np.ones(len(labels)), correct, confidence)])


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Which of 15 equal-width bins, int, each confidence is in; on the edge of two it is in the lower one."""
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
    temperature is best, and NaN is returned. Beyond `LARGEST`, and below its inverse, it is cut off.

    Args:
        log_probabilities: float N x K.
        labels: int N.
    """
    values = log_probabilities.astype(np.float64)
    margins = np.ascontiguousarray((values - values[np.arange(len(labels)), labels][:, None]).T)
    if not (margins > 0).any():
        return np.nan

    def mean_loss(log_inverse: float) -> float:
        return np.logaddexp.reduce(np.exp(log_inverse) * margins, axis=0).mean()

    reach = np.log(LARGEST)
    return float(np.exp(-minimize_scalar(mean_loss, bounds=(-reach, reach), method="bounded").x))


GRADES = 1_000_000
BELOW = 100  # grades, by which a threshold is at most below the least confident answer that it lets through
ABSTAIN = 2.0  # the threshold at which every image is abstained on, also at a confidence of 1


def graded(confidence: np.ndarray) -> np.ndarray:
    """Confidences in 0..1 as thresholds tell them apart: in float32, rounded down to six decimals and below 1; float64.

    Programs that compute in another order round a confidence near 1 to it or not: it counts as 0.999999.
    """
    single = np.asarray(confidence).astype(np.float32).astype(np.float64)
    return np.minimum(np.floor(single * GRADES), GRADES - 1) / GRADES


class Ranked(NamedTuple):
    """Answers to N images under C conditions, the least confident first.

    Attributes:
        confidence: float64 CN, graded.
        errors: float64 CN, 1 where the answer is wrong.
        rows: int CN, the condition of each.
        conditions: C.
        units: of the images.
    """

    confidence: np.ndarray
    errors: np.ndarray
    rows: np.ndarray
    conditions: int
    units: Units

    @classmethod
    def of(cls, confidence: np.ndarray, errors: np.ndarray, units: Units | None = None) -> "Ranked":
        """Of confidences and errors, float C x N each; each image is a unit of its own if there are no `units`."""
        values = graded(confidence).ravel()
        order = np.argsort(values, kind="stable")
        rows = np.repeat(np.arange(len(confidence)), confidence.shape[1])
        errors, units = np.asarray(errors, np.float64).ravel(), units or Units.single(confidence.shape[1])
        return cls(values[order], errors[order], rows[order], len(confidence), units)

    def without(self, rows: Sequence[int]) -> "Ranked":
        """The answers under the other conditions."""
        kept = ~np.isin(self.rows, rows)
        confidence, errors, left = (values[kept] for values in self[:3])
        return Ranked(confidence, errors, left, self.conditions - len(rows), self.units)

    def most(self, level: float) -> float:
        """The largest sum of losses, over answers, with which their mean over those of a new unit is `level` at most.

        A unit's loss, its sum over the mean size of a unit, is at most the largest size over that.
        """
        size = self.units.images / self.units.number
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
        coverage: in 0..1.

    Returns:
        Images of at least this confidence are answered; 0 where there are too few images to abstain at all.
    """
    most = ranked.most(1 - coverage)
    if most < -1e-9:
        return 0.0
    # Those before it abstain, unless they have the same confidence.
    return ranked.threshold_at(min(int(max(most, 0) + 1e-9), len(ranked.confidence) - 1))


def limiting_threshold(ranked: Ranked, level: float) -> float:
    """The smallest threshold at which new images are answered, and wrongly, with a probability of `level` at most.

    Args:
        level: in 0..1.

    Returns:
        Images of at least this confidence are answered, all of them where it is 0, none where it is `ABSTAIN`; NaN
        where there are fewer than 1 / `level` - 1 units (more if they differ in size), for which nothing is guaranteed.
    """
    most = ranked.most(level)
    if most < -1e-9:
        return np.nan
    wrong = np.cumsum(ranked.errors[::-1])[::-1]  # at a threshold of each confidence
    allowed = (wrong <= most + 1e-9) & np.diff(ranked.confidence, prepend=-1).astype(bool)
    if not allowed.any():
        return ABSTAIN
    first = int(allowed.argmax())
    return ranked.threshold_at(first) if first else 0.0
