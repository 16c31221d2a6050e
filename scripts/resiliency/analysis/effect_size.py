"""Cliff's delta under weights."""

import numpy as np

from resiliency.analysis.ties import ordinals


def weighted_cliffs_delta(
    first: np.ndarray, second: np.ndarray, first_weights: np.ndarray, second_weights: np.ndarray
) -> np.ndarray:
    """P(first > second) - P(first < second) under each row of weights (Cliff, Psychological Bulletin 114, 1993).

    Args:
        first, second: float n and m.
        first_weights, second_weights: float R x n and R x m, not negative.

    Returns:
        float64 R in -1..1; NaN where a row has no weight on one side.
    """
    first, second = np.split(ordinals(np.concatenate([first, second])), [len(first)])
    order = np.argsort(second)
    below = np.cumsum(np.pad(second_weights[:, order], ((0, 0), (1, 0))), axis=1)
    total = below[:, -1]
    smaller = below[:, np.searchsorted(second[order], first, side="left")]
    larger = total[:, None] - below[:, np.searchsorted(second[order], first, side="right")]
    pairs = first_weights.sum(axis=1) * total
    difference = (first_weights * (smaller - larger)).sum(axis=1)
    return np.divide(difference, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
