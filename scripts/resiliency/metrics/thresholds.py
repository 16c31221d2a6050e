"""Thresholds of confidence, below which a classifier abstains, that hold on new images by a guarantee.

They are those of conformal risk control (Angelopoulos et al., ICLR 2024): of a loss in 0..1 of each image that only
grows, or only falls, with the threshold, the mean over new images is at most the level, on average over the images
that the threshold is chosen on, if all images come from one distribution. An image with several conditions counts
once, by its mean over them; images that are not independent count once together, as one unit, by their sum over the
mean size of a unit.

Thresholds have six decimals, which no table, no file of an export and no computation in float32 loses: confidences are
`graded` before a threshold is chosen among them. The guarantee is then one for graded confidences; they are at least
a threshold if and only if the confidences themselves, in float32, are. A threshold lies between two confidences, at
either of which the guarantee is the same, so that a program that rounds otherwise answers the same images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from resiliency.statistics.units import Units

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
        return Ranked(*(values[kept] for values in self[:3]), self.conditions - len(rows), self.units)

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
