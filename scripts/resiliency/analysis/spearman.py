"""Ranks under weights, and Spearman's correlation, which is that of ranks."""

import numpy as np
from numba import njit

from resiliency.analysis.ties import ordinals

ROUNDING = 1e-12


def weighted_ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ranks of `values` under each row of weights, less their weighted mean; ties share their middle rank.

    With whole weights these are the ranks of values that are repeated so often. The rank of a value is the weight below
    it and half of that on it, whose weighted mean is half of all weight.

    Args:
        weights: float R x E, not negative.
        values: float E.

    Returns:
        float64 R x E.
    """
    of_value = ordinals(values)
    return np.array([_centred_ranks(_weight_of(row, of_value))[of_value] for row in _rows(weights)])


def weighted_spearman(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks (see `weighted_ranks`) of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x, y: float E.

    Returns:
        float64 R; NaN where all weight is on one value of x or of y.
    """
    places_x, places_y = ordinals(x), ordinals(y)
    return np.array([_rho(row, places_x, places_y) for row in _rows(weights)])


def _rows(weights: np.ndarray) -> np.ndarray:
    """`weights` as the compiled functions take them, a row at a time."""
    return np.ascontiguousarray(weights, np.float64)


@njit(cache=True, nogil=True)
def _rho(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Of float64 E and two int64 E, the places of values among the distinct ones."""
    of_x, of_y = _weight_of(weights, x), _weight_of(weights, y)
    ranks_x, ranks_y = _centred_ranks(of_x), _centred_ranks(of_y)
    square_x, square_y = (of_x * ranks_x**2).sum(), (of_y * ranks_y**2).sum()
    if min(square_x, square_y) <= ROUNDING * weights.sum() ** 3:
        return np.nan
    product = 0.0
    for place in range(len(weights)):
        product += weights[place] * ranks_x[x[place]] * ranks_y[y[place]]
    return product / np.sqrt(square_x * square_y)


@njit(cache=True, nogil=True)
def _weight_of(weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The weight on each distinct value."""
    total = np.zeros(places.max() + 1)
    for place in range(len(weights)):
        total[places[place]] += weights[place]
    return total


@njit(cache=True, nogil=True)
def _centred_ranks(of_value: np.ndarray) -> np.ndarray:
    """The rank of each distinct value, less their weighted mean."""
    return np.cumsum(of_value) - of_value / 2 - of_value.sum() / 2
