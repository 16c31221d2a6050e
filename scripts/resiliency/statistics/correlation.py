"""Measures of association: correlations and Cliff's deltas under weights, and the closeness of designs of a family.

Closeness: does family say more of a response than another predictor does? Take two designs of one family, and two
designs of different families with a predictor allowed for. Which pair differs less in the response?
delta = P(the pair of a family) - P(the pair with the predictor allowed for), which is Cliff's delta of distances
(Cliff, Psychological Bulletin 114, 1993); without a predictor it is the R of ANOSIM (Clarke, Australian Journal of
Ecology 18, 1993). It is averaged over two contests, alone and with the third predictor allowed for on both sides, as
the Shapley value of three predictors averages differences of R².

Families weigh alike: each pair of families the same, and each family of two designs or more the same. Variances are of
unweighted family means (Thomas and Hultquist, Annals of Statistics 6, 1978). With normal effects delta is
(4 / pi) arctan sqrt(variance left given the predictor / variance left given family) - 1. An array of many studies of
the same families is computed at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from resiliency.base.machine import compiled

AT_A_TIME = 64  # number of values whose weights a processor's cache holds
RANK_ROUNDING = 1e-12  # relative to the largest value: more than rounding of sums, less than the effect of one image


def ordinals(values: np.ndarray) -> np.ndarray:
    """The place of each value among the distinct ones, int64 E from 0; neighbours within `RANK_ROUNDING` are one value.

    Args:
        values: finite float E.
    """
    order, places = _in_order(values)
    of_value = np.empty(len(order), np.int64)
    of_value[order] = places
    return of_value


def _in_order(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the values in ascending order, of equal ones in any, and the `ordinals` of these; int64 E each."""
    order = np.argsort(values)
    ascending = np.asarray(values, np.float64)[order]
    return order, np.cumsum(
        np.diff(ascending, prepend=ascending[:1]) > RANK_ROUNDING * np.abs(ascending).max(initial=0)
    )


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
    places, ranks = ordinals(values), np.empty(weights.shape)
    for row, of_row in zip(weights, ranks, strict=True):
        of_value = np.bincount(places, row)
        upto = np.cumsum(of_value)
        of_row[:] = (upto - of_value / 2 - upto[-1] / 2)[places]
    return ranks


def weighted_spearman(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the ranks (see `weighted_ranks`) of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x: float E, or C x E.
        y: float E.

    Returns:
        float64 R, or C x R; NaN if all weight is on one value of x or of y.
    """
    ranks_y, half, rhos = weighted_ranks(weights, y), weights.sum(axis=1) / 2, []
    square_y = np.einsum("re,re,re->r", weights, ranks_y, ranks_y)
    by_value = np.empty((weights.shape[1], 2, len(weights)))  # by NumPy, which asks for large pages of memory
    _place_by_value(weights, ranks_y, by_value)
    for column in np.atleast_2d(x):
        order, places = _in_order(column)
        square_x, product = _rank_sums(order, places, by_value, half)
        defined = np.minimum(square_x, square_y) > RANK_ROUNDING * (2 * half) ** 3
        scale = np.sqrt(np.where(defined, square_x * square_y, 1))
        rhos.append(np.where(defined, product / scale, np.nan))
    return np.array(rhos).reshape(*x.shape[:-1], len(weights))


def weighted_cliffs_delta(
    first: np.ndarray, second: np.ndarray, first_weights: np.ndarray, second_weights: np.ndarray
) -> np.ndarray:
    """P(first > second) - P(first < second) under each row of weights (Cliff, Psychological Bulletin 114, 1993).

    Args:
        first, second: float n and m.
        first_weights, second_weights: float R x n and R x m, not negative.

    Returns:
        float64 R in -1..1; NaN if a row has no weight on one side.
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
        second: bool D x E, whether each value belongs to the second group.

    Returns:
        float64 D in -1..1; NaN if a side has no weight.
    """
    second = second.astype(np.float64)  # once, of bools, for both products
    of_second = second @ weights
    difference = -2 * (second @ (weights * weighted_ranks(weights[None], values)[0]))
    pairs = of_second * (weights.sum() - of_second)
    return np.divide(difference, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)


@compiled()
def _place_by_value(weights: np.ndarray, ranks: np.ndarray, by_value: np.ndarray) -> None:
    """Set `by_value`, float64 E x 2 x R, to weights and weighted ranks, float64 R x E each, value beside value."""
    rows, values = weights.shape
    for start in range(0, values, AT_A_TIME):
        for row in range(rows):
            for value in range(start, min(start + AT_A_TIME, values)):
                by_value[value, 0, row] = weights[row, value]
                by_value[value, 1, row] = weights[row, value] * ranks[row, value]


@compiled()
def _rank_sums(order: np.ndarray, places: np.ndarray, by_value: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Sums of w r^2, and of r times what comes with each value, for centred ranks r of values with weights w.

    All R weights of a value are added at once, and values in ascending order, so that none is looked up twice.

    Args:
        order, places: int64 E, as from `_in_order`.
        by_value: float64 E x 2 x R, weights of each value and what comes with it.
        half: float64 R, half of all weight.

    Returns:
        float64 2 x R.
    """
    sums, below, start = np.zeros((2, len(half))), -half, 0
    while start < len(order):
        of_value, stop = by_value[order[start]], start + 1
        if stop < len(order) and places[stop] == places[start]:
            of_value = of_value.copy()
        while stop < len(order) and places[stop] == places[start]:
            of_value += by_value[order[stop]]
            stop += 1
        for row in range(len(half)):
            weight = of_value[0, row]
            rank = below[row] + weight / 2
            sums[0, row] += weight * rank * rank
            sums[1, row] += of_value[1, row] * rank
            below[row] += weight
        start = stop
    return sums


ROUNDING = 1e-12
COLUMNS = 8  # number of variables that are correlated at a time, so that memory stays small


def weighted_pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of `x` and `y` under each row of weights.

    Args:
        weights: float R x E, not negative.
        x: float E, or C x E.
        y: float E.

    Returns:
        float64 R, or C x R; NaN if a weighted variance is zero, or rounding of the values.
    """
    return _pearson_of_each(weights, x, y)[0]


def _pearson_of_each(weights: np.ndarray, x: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """`weighted_pearson` of `x` and each of K others, float64 K x R, or K x C x R."""
    columns, ys = np.atleast_2d(x), np.stack(others)
    parts = [_pearson(weights, columns[start : start + COLUMNS], ys) for start in range(0, len(columns), COLUMNS)]
    return np.concatenate(parts, axis=1).reshape(len(ys), *x.shape[:-1], len(weights))


def _pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlations float64 K x C x R of C variables, float C x E, with K others, by one product of matrices."""
    least_x, least_y = ((RANK_ROUNDING * np.abs(of).max(axis=-1, keepdims=True)) ** 2 for of in (x, y))
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    moments = np.vstack([np.ones_like(y[:1]), y, y * y, x, x * x, *(x * of for of in y)])
    total, *sums = moments @ weights.T
    means = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    mean_y, square_y, mean_x, square_x, product = np.split(means, np.cumsum([len(y), len(y), len(x), len(x)]))
    of_x, of_y = square_x - mean_x**2, square_y - mean_y**2
    varies_x, varies_y = (
        of_x > np.maximum(ROUNDING * square_x, least_x),
        of_y > np.maximum(ROUNDING * square_y, least_y),
    )
    defined = varies_x & varies_y[:, None]
    scale = np.sqrt(np.where(defined, of_x * of_y[:, None], 1))
    return np.where(defined, (product.reshape(scale.shape) - mean_x * mean_y[:, None]) / scale, np.nan)


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
    """Pearson's partial correlation of x and y given a third: that of their residuals after linear fits on it.

    (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)) (Fisher 1924); NaN if nothing is left of x or y.
    """
    (of_both, of_x), of_y = _pearson_of_each(weights, x, y, given), weighted_pearson(weights, y, given)
    left = (1 - of_x**2) * (1 - of_y**2)
    defined = left > ROUNDING
    return np.where(defined, (of_both - of_x * of_y) / np.sqrt(np.where(defined, left, 1)), np.nan)


# Name -> (weights R x E, x of E or C x E, y and a given third of E each) -> float64 R or C x R.
MEASURES: dict[str, Callable[..., np.ndarray]] = {
    "pearson": lambda weights, x, y, given: weighted_pearson(weights, x, y),
    "spearman": lambda weights, x, y, given: weighted_spearman(weights, x, y),
    "partial": partial,
}


RESPONSE = 2  # column of the response, after two predictors
Contests = tuple[tuple[int, int], ...]
CONTESTS: Contests = ((0, 1), (1, 0))  # the predictor that family is compared with, and the third
AT_ONCE = 100_000  # number of distances at a time, which fit into a processor's cache


@dataclass(frozen=True)
class Families:
    """Designs in families, with what depends on these alone.

    Attributes:
        of_design: int n, the family of each design, 0 to F - 1.
    """

    of_design: np.ndarray

    @classmethod
    def of(cls, names: list[str] | np.ndarray) -> "Families":
        """The families of designs from the name of each one's."""
        return cls(np.unique(names, return_inverse=True)[1])

    @cached_property
    def sizes(self) -> np.ndarray:
        """Designs of each family, int F."""
        return np.bincount(self.of_design)

    @property
    def large(self) -> int:
        """Number of families of two designs or more; others have no distances within."""
        return int((self.sizes > 1).sum())

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both designs of each pair of designs, int P, and the weight of each pair, whose sum is 1 on either side."""
        first, second = np.triu_indices(len(self.of_design), 1)
        of_first, of_second = (self.sizes[self.of_design[one]] for one in (first, second))
        same = self.of_design[first] == self.of_design[second]
        weights = np.where(same, 2 / (of_first * np.maximum(of_first - 1, 1)), 1 / (of_first * of_second))
        order = np.argsort(~same, kind="stable")  # pairs of a family first
        weights[same] /= weights[same].sum()
        weights[~same] /= weights[~same].sum()
        return first[order], second[order], weights[order]

    @property
    def within(self) -> int:
        """Number of pairs of a family, which come first."""
        return int((self.sizes * (self.sizes - 1) // 2).sum())

    def without(self, family: int) -> tuple[np.ndarray, "Families"]:
        """Which designs are left without a family, bool n, and their families."""
        kept = self.of_design != family
        return kept, Families.of(self.of_design[kept])


@dataclass(frozen=True)
class Covariances:
    """Covariances of predictors and response in S studies, with equal weights of families, each float64 S x 3 x 3.

    Attributes:
        pooled: within families, designs alike, which slopes within families come from.
        within: within families, families alike.
        total: between families plus within.
        freedom: degrees of freedom of `pooled`.
        freedom_of_total: Satterthwaite's degrees of freedom of the response's variance in all, float64 S.
    """

    pooled: np.ndarray
    within: np.ndarray
    total: np.ndarray
    freedom: int
    freedom_of_total: np.ndarray


def covariances_of(values: np.ndarray, families: Families) -> Covariances:
    """Covariances of S studies.

    Args:
        values: float S x n x 3: two predictors and the response of each design.
    """
    number, count = len(families.of_design), len(families.sizes)
    member = (families.of_design == np.arange(count)[:, None]) / families.sizes[:, None]
    means = member @ values
    left = values - means[:, families.of_design]
    weights = np.where(families.sizes > 1, 1 / (np.maximum(families.sizes - 1, 1) * max(families.large, 1)), 0)
    transposed = left.swapaxes(1, 2)
    pooled = transposed @ left / max(number - count, 1)
    alike = (transposed * weights[families.of_design]) @ left
    share = 1 - np.mean(1 / families.sizes)  # share of the variance within that the variance of means lacks
    centred = means - means.mean(axis=1, keepdims=True)
    between = centred.swapaxes(1, 2) @ centred / (count - 1)
    of_means, of_designs = between[:, RESPONSE, RESPONSE], alike[:, RESPONSE, RESPONSE] * share
    divisor = of_means**2 / (count - 1) + of_designs**2 / max(number - count, 1)
    freedom = np.divide((of_means + of_designs) ** 2, divisor, out=np.ones_like(divisor), where=divisor > 0)
    return Covariances(pooled, alike, between + share * alike, number - count, freedom)


def residuals(
    values: np.ndarray, covariance: np.ndarray, predictors: tuple[int, ...], freedom: np.ndarray | float
) -> np.ndarray:
    """Residuals of the response after a linear fit on the predictors, float64 S x n.

    It is scaled up by sqrt(freedom / (freedom - predictors)), for slopes fit the designs that they were computed from.
    """
    if not predictors:
        return values[:, :, RESPONSE]
    chosen = list(predictors)
    inverse = np.linalg.pinv(covariance[:, chosen][:, :, chosen], hermitian=True)
    slopes = np.einsum("sij,sj->si", inverse, covariance[:, chosen, RESPONSE])
    left = values[:, :, RESPONSE] - np.einsum("sni,si->sn", values[:, :, chosen], slopes)
    return left * np.reshape(np.sqrt(freedom / np.maximum(freedom - len(chosen), 0.5)), (-1, 1))


def closeness(values: np.ndarray, families: Families, contests: Contests = CONTESTS) -> np.ndarray:
    """delta of family against the first predictor and against the second, float64 S x 2 in -1..1.

    Args:
        values: float S x n x 3, two predictors and the response of each design; there are three families or more, one
            of which has two designs or more.
        contests: contests, a column of the result for each.
    """
    chunk = max(AT_ONCE // len(families.pairs[0]), 1)
    if len(values) > chunk:
        parts = [closeness(values[start : start + chunk], families, contests) for start in range(0, len(values), chunk)]
        return np.concatenate(parts)
    covariances = covariances_of(values, families)
    deltas = np.zeros((len(values), len(contests)))
    for column, (own, other) in enumerate(contests):
        for further in ((), (other,)):
            across = residuals(values, covariances.total, (own, *further), covariances.freedom_of_total)
            within = residuals(values, covariances.pooled, further, covariances.freedom)
            deltas[:, column] += _delta(across, within, families) / 2
    return deltas


def replicates(values: np.ndarray, families: Families, contests: Contests = CONTESTS) -> np.ndarray:
    """`closeness` of all families, then without each of F, float64 S x (1 + F) x 2."""
    of_all = [closeness(values, families, contests)]
    for family in range(len(families.sizes)):
        kept, left = families.without(family)
        of_all.append(closeness(values[:, kept], left, contests))
    return np.stack(of_all, axis=1)


def share_within(values: np.ndarray, families: Families) -> np.ndarray:
    """Share of the variance of each column that lies within families, float64 S x 3 in 0..1; NaN if there is none.

    Both variances are unbiased, so that of all designs may be the smaller one; the share is 1 then.
    """
    covariances = covariances_of(values, families)
    within, total = (np.diagonal(of, axis1=1, axis2=2) for of in (covariances.within, covariances.total))
    return np.minimum(np.divide(within, total, out=np.full(total.shape, np.nan), where=total > 0), 1)


def _delta(across: np.ndarray, within: np.ndarray, families: Families) -> np.ndarray:
    """P(a distance across families exceeds one within) - P(it is smaller), equal weights of families, float64 S."""
    first, second, weights = families.pairs
    inner = families.within
    of_one = within[:, first[:inner]] - within[:, second[:inner]]
    of_two = across[:, first[inner:]] - across[:, second[inner:]]
    distances = np.abs(np.concatenate([of_one, of_two], axis=1))
    order = np.argsort(distances, axis=1)
    ordered = np.take_along_axis(distances, order, axis=1)
    is_within = order < inner
    weight = weights[order]
    below = np.cumsum(np.where(is_within, 0, weight), axis=1)  # cumulated weights across families
    differs = np.diff(ordered, axis=1) > 0  # cumulated weights below, and up to and including, each value
    start = np.pad(differs, ((0, 0), (1, 0)), constant_values=True)
    end = np.pad(differs, ((0, 0), (0, 1)), constant_values=True)
    before = np.pad(below[:, :-1], ((0, 0), (1, 0)))
    smaller = np.maximum.accumulate(np.where(start, before, 0), axis=1)
    upto = np.minimum.accumulate(np.where(end, below, np.inf)[:, ::-1], axis=1)[:, ::-1]
    return (np.where(is_within, weight, 0) * (1 - smaller - upto)).sum(axis=1)


VALUES = 2**24  # number of float64 values in memory at a time


def gram(features: np.ndarray) -> np.ndarray:
    """Inner products float64 N x N of centred features, float N x D: a sum over parts of the D."""
    count, width = features.shape
    inner = np.zeros((count, count))
    columns = max(1, VALUES // max(count, 1))
    for start in range(0, width, columns):
        part = features[:, start : start + columns]
        centred = part - part.mean(axis=0, dtype=np.float64)
        inner += centred @ centred.T
    return inner
