"""The order of values that are computed, of which equal ones may differ by rounding."""

import numpy as np

ROUNDING = 1e-12  # of the largest value: beyond what a sum of any order loses, and below what one image changes


def ordinals(values: np.ndarray) -> np.ndarray:
    """The place of each value among the distinct ones, int64 E from 0; neighbours within `ROUNDING` are one value.

    Args:
        values: finite float E.
    """
    order = np.argsort(values, kind="stable")
    ascending = np.asarray(values, np.float64)[order]
    apart = np.diff(ascending, prepend=ascending[:1]) > ROUNDING * np.abs(ascending).max(initial=0)
    of_value = np.empty(len(order), np.int64)
    of_value[order] = np.cumsum(apart)
    return of_value
