"""Bootstrap intervals: over images, and over the members that ensembles share."""

import numpy as np

from resiliency.streams import stream

ROUNDING = 1e-12


def resampled_counts(units: int, resamples: int, seed: int, *names: str | int) -> np.ndarray:
    """How often each of `units` is drawn in each resample of as many with replacement; int64 resamples x units."""
    return stream(seed, "bootstrap", *names).multinomial(units, np.full(units, 1 / units), size=resamples)


def ensemble_weights(counts: np.ndarray, ensembles: np.ndarray) -> np.ndarray:
    """Weights of ensembles when their members are resampled.

    Ensembles that share members are not independent, so members are what is drawn. An ensemble of distinct members
    can be formed from a resample in as many ways as the product of the counts of its members.

    Args:
        counts: int R x M, how often each member was drawn (`resampled_counts`).
        ensembles: int E x size, members of each ensemble.

    Returns:
        float64 R x E.
    """
    return counts[:, ensembles].prod(axis=2, dtype=np.float64)


def interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrap `values`; resamples without a value (NaN) do not count.

    NaN at both ends where fewer than half of the resamples have a value.
    """
    valid = values[np.isfinite(values)]
    if len(valid) < len(values) / 2:
        return np.nan, np.nan
    low, high = np.quantile(valid, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def weighted_pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x, y: float E, or R x E where they differ by row.

    Returns:
        float64 R; NaN where a weighted variance is zero.
    """
    total = weights.sum(axis=1)
    x, y = (values - values.mean(axis=-1, keepdims=True) for values in (x, y))

    def mean(*factors: np.ndarray) -> np.ndarray:
        terms = ",".join("re" if factor.ndim == 2 else "e" for factor in factors)
        sums = np.einsum(f"re,{terms}->r", weights, *factors)
        return np.divide(sums, total, out=np.zeros_like(total), where=total > 0)

    mean_x, mean_y, square_x, square_y = mean(x), mean(y), mean(x, x), mean(y, y)
    of_x, of_y = square_x - mean_x**2, square_y - mean_y**2
    defined = (of_x > ROUNDING * square_x) & (of_y > ROUNDING * square_y)
    scale = np.sqrt(np.where(defined, of_x * of_y, 1))
    return np.where(defined, (mean(x, y) - mean_x * mean_y) / scale, np.nan)


def weighted_ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ranks of `values` (E) under each row of `weights` (R x E), ties sharing their middle rank.

    With whole weights these are the ranks of values that are repeated so often, up to a constant. float64 R x E.
    """
    order = np.argsort(values, kind="stable")
    below = np.pad(np.cumsum(weights[:, order], axis=1), ((0, 0), (1, 0)))
    first, last = (np.searchsorted(values[order], values, side) for side in ("left", "right"))
    return (below[:, first] + below[:, last]) / 2
