"""Kendall's tau-b under weights, in a time that grows with the number of values little faster than linearly."""

import numpy as np
from numba import njit

from resiliency.analysis.ties import ordinals

ROUNDING = 1e-12


def weighted_kendall(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of `x` and `y` under each row of weights; a pair counts by their product (Vigna, WWW 2015).

    Concordant less discordant pairs, over the geometric mean of those that are not tied in x and those that are not in
    y. Pairs are counted by sums over ranks in a binary indexed tree (Christensen, Computational Statistics 20, 2005).

    Args:
        weights: float R x E, not negative.
        x, y: float E.

    Returns:
        float64 R; NaN where all pairs are tied in x or in y.
    """
    places_x, places_y = ordinals(x), ordinals(y)
    order = np.argsort(places_x, kind="stable")
    ranks_x, ranks_y = places_x[order], places_y[order]
    return np.array([_tau(np.ascontiguousarray(row[order], np.float64), ranks_x, ranks_y) for row in weights])


@njit(cache=True, nogil=True)
def _tau(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Of float64 E and two int64 E of ranks from 0, those of x ascending."""
    ranks = y.max() + 1
    tree, of_rank = np.zeros(ranks + 1), np.zeros(ranks)
    total, squares, tied_x, balance, start = 0.0, 0.0, 0.0, 0.0, 0
    while start < len(x):
        stop, here = start, 0.0
        while stop < len(x) and x[stop] == x[start]:
            if weights[stop] > 0:
                below, up_to = _sum(tree, y[stop]), _sum(tree, y[stop] + 1)
                balance += weights[stop] * (below + up_to - total)
                here += weights[stop]
            stop += 1
        for place in range(start, stop):
            if weights[place] > 0:
                _add(tree, y[place] + 1, weights[place])
                of_rank[y[place]] += weights[place]
                squares += weights[place] ** 2
        total += here
        tied_x += here**2
        start = stop
    pairs, tied_y = total**2 - squares, (of_rank**2).sum()  # both of each pair, as are all sums but the balance
    untied_x, untied_y = total**2 - tied_x, total**2 - tied_y
    if min(untied_x, untied_y) <= ROUNDING * pairs or pairs <= 0:
        return np.nan
    return 2 * balance / np.sqrt(untied_x * untied_y)


@njit(cache=True, nogil=True)
def _sum(tree: np.ndarray, count: int) -> float:
    """The sum of what the first `count` ranks have."""
    total = 0.0
    while count > 0:
        total += tree[count]
        count &= count - 1
    return total


@njit(cache=True, nogil=True)
def _add(tree: np.ndarray, place: int, weight: float) -> None:
    """Add to what a rank (from 1) has."""
    while place < len(tree):
        tree[place] += weight
        place += place & -place
