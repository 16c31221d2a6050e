"""Measures of correlation under weights."""

from collections.abc import Callable

import numpy as np
from numba import njit

RANK_ROUNDING = 1e-12  # of the largest value: beyond what a sum of any order loses, and below what one image changes


def ordinals(values: np.ndarray) -> np.ndarray:
    """The place of each value among the distinct ones, int64 E from 0; neighbours within `RANK_ROUNDING` are one value.

    Args:
        values: finite float E.
    """
    order = np.argsort(values, kind="stable")
    ascending = np.asarray(values, np.float64)[order]
    apart = np.diff(ascending, prepend=ascending[:1]) > RANK_ROUNDING * np.abs(ascending).max(initial=0)
    of_value = np.empty(len(order), np.int64)
    of_value[order] = np.cumsum(apart)
    return of_value


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
    rows = np.ascontiguousarray(weights, np.float64)
    return np.array([_centred_ranks(_weight_of(row, of_value))[of_value] for row in rows])


def weighted_spearman(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks (see `weighted_ranks`) of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x: float E, or C x E.
        y: float E.

    Returns:
        float64 R, or C x R; NaN where all weight is on one value of x or of y.
    """
    places_x, places_y = np.stack([ordinals(of_column) for of_column in np.atleast_2d(x)]), ordinals(y)
    rhos = [_rhos(row, places_x, places_y) for row in np.ascontiguousarray(weights, np.float64)]
    return np.array(rhos).T.reshape(*x.shape[:-1], len(weights))


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


def cliffs_deltas_of_partitions(values: np.ndarray, weights: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cliff's delta of the values that are not `second` against those that are, of many partitions at once.

    Twice a centred rank is the weight below a value less that above it. Within either side this cancels, so that the
    sum over a side is the difference that Cliff's delta divides by the product of both weights.

    Args:
        values: float E.
        weights: float E, not negative.
        second: bool D x E.

    Returns:
        float64 D in -1..1; NaN where a side has no weight.
    """
    second = second.astype(np.float64)  # once, of bools, for both products
    of_second = second @ weights
    difference = -2 * (second @ (weights * weighted_ranks(weights[None], values)[0]))
    pairs = of_second * (weights.sum() - of_second)
    return np.divide(difference, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)


@njit(cache=True, nogil=True)
def _rhos(weights: np.ndarray, xs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of float64 E, int64 C x E and int64 E, the places of values among the distinct ones; float64 C."""
    rhos, least = np.full(len(xs), np.nan), RANK_ROUNDING * weights.sum() ** 3
    of_y = _weight_of(weights, y)
    ranks_y = _centred_ranks(of_y)
    square_y, ranks = (of_y * ranks_y**2).sum(), ranks_y[y]
    for column in range(len(xs)):
        x = xs[column]
        of_x = _weight_of(weights, x)
        ranks_x = _centred_ranks(of_x)
        square_x = (of_x * ranks_x**2).sum()
        if min(square_x, square_y) > least:
            product = 0.0
            for place in range(len(weights)):
                product += weights[place] * ranks_x[x[place]] * ranks[place]
            rhos[column] = product / np.sqrt(square_x * square_y)
    return rhos


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


ROUNDING = 1e-12


def weighted_pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x: float E, or C x E.
        y: float E.

    Returns:
        float64 R, or C x R; NaN where a weighted variance is zero.
    """
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean()
    moments = np.vstack([np.ones_like(y), y, y * y, x, x * x, x * y])
    total, *sums = moments @ weights.T
    means = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    mean_y, square_y = means[:2]
    mean_x, square_x, product = means[2:].reshape(3, *x.shape[:-1], len(weights))
    of_x, of_y = square_x - mean_x**2, square_y - mean_y**2
    defined = (of_x > ROUNDING * square_x) & (of_y > ROUNDING * square_y)
    scale = np.sqrt(np.where(defined, of_x * of_y, 1))
    return np.where(defined, (product - mean_x * mean_y) / scale, np.nan)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: list[float]) -> np.ndarray:
    """Quantiles of weighted values; of equal weights, NumPy's.

    Of n values in ascending order, the k-th has the position p_k = (k - 1) w_k + (n - 1) (w_1 + ... + w_(k-1)). It is
    the quantile at p_k / p_n; between two values, quantiles are interpolated linearly.

    Args:
        values: float n; NaN is left out.
        weights: float n, positive.
        shares: S shares, in 0..1.

    Returns:
        float S; NaN if no value is left.
    """
    order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
    if not len(order):
        return np.full(len(shares), np.nan)
    below = np.cumsum(weights[order]) - weights[order]
    position = np.arange(len(order)) * weights[order] + (len(order) - 1) * below
    return np.interp(shares, position / max(position[-1], 1e-300), values[order])


def partial(weights: np.ndarray, x: np.ndarray, y: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Pearson's partial correlation of x and y given a third: of what a straight line in it leaves of either.

    (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)) (Fisher 1924); NaN where nothing is left of x or y.
    """
    of_both, of_x, of_y = (weighted_pearson(weights, *pair) for pair in ((x, y), (x, given), (y, given)))
    left = (1 - of_x**2) * (1 - of_y**2)
    defined = left > ROUNDING
    return np.where(defined, (of_both - of_x * of_y) / np.sqrt(np.where(defined, left, 1)), np.nan)


# Name -> (weights R x E, x of E or C x E, y and a given third of E each) -> float64 R or C x R.
MEASURES: dict[str, Callable[..., np.ndarray]] = {
    "pearson": lambda weights, x, y, given: weighted_pearson(weights, x, y),
    "spearman": lambda weights, x, y, given: weighted_spearman(weights, x, y),
    "partial": partial,
}
