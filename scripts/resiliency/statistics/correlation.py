"""Measures of correlation under weights."""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from resiliency.statistics.jackknife import FISHER
from resiliency.statistics.ranks import weighted_spearman

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


def independent_interval(
    measure: str, correlation: float, observations: float, confidence: float
) -> tuple[float, float]:
    """The interval of a correlation of independent observations, on Fisher's z scale; NaN for fewer than five.

    Variances are, of Pearson and partial, 1 / (n - 3), n being one less for what is given (Fisher 1924); of Spearman
    (1 + r^2 / 2) / (n - 3) (Bonett and Wright, Psychometrika 65, 2000).
    """
    if observations < 5:
        return np.nan, np.nan
    factor = 1 + correlation**2 / 2 if measure == "spearman" else 1
    error = np.sqrt(factor / (observations - (4 if measure == "partial" else 3)))
    ends = FISHER.to(correlation) + np.array([-1, 1]) * ndtri((1 + confidence) / 2) * error
    low, high = FISHER.back(ends)
    return float(low), float(high)
