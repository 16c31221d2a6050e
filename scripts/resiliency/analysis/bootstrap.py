"""Bootstrap intervals over images."""

from typing import NamedTuple

import numpy as np

from resiliency.base.streams import stream


class Resampling(NamedTuple):
    """The bootstrap of a study: number of resamples, confidence of the intervals, and the study's seed."""

    resamples: int
    confidence: float
    seed: int


def resampled_counts(units: int, resamples: int, seed: int, *names: str | int) -> np.ndarray:
    """How often each of `units` is drawn in each resample of as many with replacement; int64 resamples x units."""
    return stream(seed, "bootstrap", *names).multinomial(units, np.full(units, 1 / units), size=resamples)


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
