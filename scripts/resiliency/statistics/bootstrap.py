"""Intervals from bootstrap resamples."""

import numpy as np


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
