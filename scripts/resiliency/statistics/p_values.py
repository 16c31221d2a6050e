"""Tests that a statistic is 0, by leaving out units in turn, and corrected for how many there are."""

import numpy as np
from scipy.special import stdtr

from resiliency.statistics.intervals import LINEAR, Scale, studentised


def p_value(replicates: np.ndarray, scale: Scale = LINEAR) -> float:
    """Two-sided p-value of the hypothesis that the statistic is 0: 2 P(T > |t|).

    t is the statistic over its standard error, both on `scale`, and T has Student's distribution with U - 1 degrees of
    freedom for U units. `jackknife` excludes 0 at all confidences below 1 - p. With a standard error of 0, p is 1 for a
    statistic of 0, else 0.

    Args:
        replicates: float 1 + U, statistic of all units, then without each.
    """
    value, error, freedom = studentised(replicates, scale)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(freedom, -abs(value) / error))


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values of a family of tests, adjusted so that any is wrongly small only as often as one alone (Holm 1979).

    Args:
        p_values: float n; NaN for a statistic that is not defined, which is no test.
    """
    adjusted = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(np.isfinite(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    stepped = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
