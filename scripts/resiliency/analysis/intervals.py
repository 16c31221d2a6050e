"""Intervals over images: of the bootstrap, of shares and of paired differences."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from resiliency.metrics.classification import wilson, wilson_of_means

RARE = 10  # units, in sum over what each of them is wrong (or right) by


class Resampling(NamedTuple):
    """The bootstrap of a study: number of resamples, confidence of the intervals, and the study's seed."""

    resamples: int
    confidence: float
    seed: int


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrap `values`; resamples without a value (NaN) do not count.

    NaN at both ends where fewer than half of the resamples have a value.
    """
    valid = values[np.isfinite(values)]
    if len(valid) < len(values) / 2:
        return np.nan, np.nan
    low, high = np.quantile(valid, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def range_interval(least: np.ndarray, largest: np.ndarray, confidence: float) -> tuple[float, float]:
    """The percentile interval of a statistic of which each resample knows a range alone, whose ends may be infinite."""
    with np.errstate(invalid="ignore"):
        low = np.quantile(least, (1 - confidence) / 2)
        high = np.quantile(largest, (1 + confidence) / 2)
    return tuple(np.inf if np.isnan(end) else float(end) for end in (low, high))


def share_interval(share: float, drawn: np.ndarray, units: float, confidence: float) -> tuple[float, float]:
    """The interval of a share: its upper end is no lower than that of a share of 0, its lower no higher than that of 1.

    It is the percentile interval. Resamples hold too few of the wrong (or right) units if these are fewer than `RARE`:
    it then is Wilson's, of as many images as would give a proportion the same variance.

    Args:
        share: in 0..1.
        drawn: float R, the share in each resample of the units of images.
        units: their number; one counts once, with however many images and conditions.
        confidence: of the interval.
    """
    low, high = percentile_interval(drawn, confidence)
    if not units or np.isnan(low):
        return low, high
    if min(share, 1 - share) * units < RARE:
        low, high = wilson_of_means(np.float64(share), np.nanvar(drawn), units, confidence)
    return widened(low, high, units, confidence)


def widened(low: float, high: float, units: float, confidence: float) -> tuple[float, float]:
    """An interval of a share of so many units, whose ends include those of Wilson's intervals of 1 and of 0."""
    lowest, highest = wilson(np.array([1.0, 0.0]), units, confidence)
    return float(min(low, lowest[0])), float(max(high, highest[1]))


def with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    """A value and the ends of its interval, under the names of their columns."""
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def mean_difference(name: str, differences: np.ndarray, confidence: float) -> dict[str, float]:
    """The mean of `differences`, float n, paired over units of images, with the ends of its normal interval.

    Args:
        name: of the columns, see `with_ends`.
        differences: of independent units, as `Units.values` has them.
    """
    mean = differences.mean()
    reach = ndtri((1 + confidence) / 2) * differences.std(ddof=1) / np.sqrt(len(differences))
    return with_ends(name, mean, (mean - reach, mean + reach))
