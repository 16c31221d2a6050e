"""Intervals over images, of shares and of paired differences."""

import numpy as np
from scipy.stats import norm

from resiliency.analysis.bootstrap import percentile_interval
from resiliency.metrics.accuracy import wilson


def share_interval(share: float, drawn: np.ndarray, images: float, confidence: float) -> tuple[float, float]:
    """The percentile interval of a share, or Wilson's of a share of 0 or 1, which is the same in every resample.

    Args:
        share: in 0..1.
        drawn: float R, the share in each resample of the images.
        images: their number; an image counts once, under however many conditions.
        confidence: of the interval.
    """
    if share in (0, 1) and images:
        low, high = wilson(np.float64(share), images, confidence)
        return float(low), float(high)
    return percentile_interval(drawn, confidence)


def with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    """A value and the ends of its interval, under the names of their columns."""
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def mean_difference(name: str, differences: np.ndarray, confidence: float) -> dict[str, float]:
    """The mean of `differences`, float n, paired over images, with the ends of its normal interval; see `with_ends`."""
    mean = differences.mean()
    reach = norm.ppf((1 + confidence) / 2) * differences.std(ddof=1) / np.sqrt(len(differences))
    return with_ends(name, mean, (mean - reach, mean + reach))
