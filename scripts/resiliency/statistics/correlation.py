"""Measures of association under weights: ranks, correlations, Cliff's deltas and quantiles; and
inner products."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from resiliency.base.machine import compiled

AT_A_TIME = 64  # number of values whose weights a processor's cache holds
# Number of values that are fetched before they are needed, of float64 in a line of the cache.
AHEAD, LINE = 8, 8
# Relative to the largest value: more than rounding of sums, less than the effect of one image.
RANK_ROUNDING = 1e-12


def ordinals(values: np.ndarray) -> np.ndarray:
    """The place of each value among the distinct ones, int64 E from 0; neighbours within
    `RANK_ROUNDING` are one value.

    Args:
        values: finite float E.
    """
    order, first = _in_order(values)
    places = np.empty(len(order), np.int64)
    places[order] = np.cumsum(first) - 1
    return places


def _in_order(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the values in ascending order, of equal ones in any, int64 E; which is the first
    of its value."""
    order = np.argsort(values)
    ascending = np.asarray(values, np.float64)[order]
    return order, np.diff(ascending, prepend=-np.inf) > RANK_ROUNDING * np.abs(ascending).max(
        initial=0
    )


def weighted_ranks(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Ranks of `values` under each row of weights, less their weighted mean; ties share their
    middle rank.

    With whole weights these are the ranks of values that are repeated so often. The rank of a value
    is the weight below it and half of that on it, whose weighted mean is half of all weight.

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
    """Pearson's correlation of the ranks (see `weighted_ranks`) of `x` and `y` under each row of
    weights.

    Args:
        weights: float R x E, each the largest of its column, or 0 for a value that a row leaves
            out.
        x: float E, or C x E.
        y: float E.

    Returns:
        float64 R, or C x R; NaN if all weight is on one value of x or of y.

    Raises:
        ValueError: a weight is neither 0 nor the largest of its column.
    """
    ranks_y, half, rhos = weighted_ranks(weights, y), weights.sum(axis=1) / 2, []
    square_y = np.einsum("re,re,re->r", weights, ranks_y, ranks_y)
    # NumPy asks for large pages of memory.
    largest, by_value = weights.max(axis=0), np.empty(weights.shape[::-1])
    if not _place_by_value(weights, largest, ranks_y, by_value):
        raise ValueError("weights: expected 0 or the largest of its column")
    for column in np.atleast_2d(x):
        square_x, product = _rank_sums(*_in_order(column), largest, by_value, half)
        defined = np.minimum(square_x, square_y) > RANK_ROUNDING * (2 * half) ** 3
        scale = np.sqrt(np.where(defined, square_x * square_y, 1))
        rhos.append(np.where(defined, product / scale, np.nan))
    return np.array(rhos).reshape(*x.shape[:-1], len(weights))


def weighted_cliffs_delta(
    first: np.ndarray, second: np.ndarray, first_weights: np.ndarray, second_weights: np.ndarray
) -> np.ndarray:
    """P(first > second) - P(first < second) under each row of weights (Cliff, Psychological
    Bulletin 114, 1993).

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


def cliffs_deltas_of_partitions(
    values: np.ndarray, weights: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Cliff's delta of the values that are not `second` against those that are, of many partitions
    at once.

    Twice a centred rank is the weight below a value less that above it. Within either side this
    cancels, so that the sum over a side is the difference that Cliff's delta divides by the product
    of both weights.

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


def _prefetch_code(typing: Any, values: Any, position: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for the value at a position of a contiguous array, which is needed soon: without it,
    memory is waited for."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
        function = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")  # type: ignore[no-untyped-call]
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), place)
        # To read, often, of data.
        builder.call(function, [address, *(ir.Constant(number, of) for of in (0, 3, 1))])
        return context.get_dummy_value()

    return types.none(values, types.intp), code


_prefetch: Any = intrinsic(_prefetch_code)


@compiled()
def _place_by_value(
    weights: np.ndarray, largest: np.ndarray, ranks: np.ndarray, by_value: np.ndarray
) -> bool:
    """Set weighted ranks, value beside value; whether each weight is 0 or the largest of its
    column.

    Args:
        weights, ranks: float64 R x E.
        largest: float64 E, the largest weight of each value.
        by_value: float64 E x R, set to the weighted ranks, NaN without weight.
    """
    rows, values = weights.shape
    unexpected = 0
    for start in range(0, values, AT_A_TIME):
        for row in range(rows):
            for value in range(start, min(start + AT_A_TIME, values)):
                weight = weights[row, value]
                by_value[value, row] = weight * ranks[row, value] if weight else np.nan
                unexpected += weight != 0 and weight != largest[value]
    return unexpected == 0


@compiled()
def _rank_sums(
    order: np.ndarray,
    first: np.ndarray,
    largest: np.ndarray,
    by_value: np.ndarray,
    half: np.ndarray,
) -> np.ndarray:
    """Sums of w r^2, and of r times the weighted rank of each value in y, for centred ranks r of
    values with weights w.

    All R weights of a value are added at once, and values in ascending order, so that none is
    looked up twice.

    Args:
        order, first: int64 and bool E, as from `_in_order`.
        largest, by_value: as of `_place_by_value`.
        half: float64 R, half of all weight.

    Returns:
        float64 2 x R.
    """
    rows = len(half)
    sums, below, start = np.zeros((2, rows)), -half, 0
    weights, others = np.empty(rows), np.empty(rows)
    while start < len(order):
        weights[:], others[:], stop = 0, 0, start
        while stop == start or (stop < len(order) and not first[stop]):
            for row in range(0, rows, LINE):
                _prefetch(by_value, order[min(stop + AHEAD, len(order) - 1)] * rows + row)
            weight = largest[order[stop]]
            for row in range(rows):
                other = by_value[order[stop], row]
                weights[row] += weight if other == other else 0.0
                others[row] += other if other == other else 0.0
            stop += 1
        for row in range(rows):
            rank = below[row] + weights[row] / 2
            sums[0, row] += weights[row] * rank * rank
            sums[1, row] += others[row] * rank
            below[row] += weights[row]
        start = stop
    return sums


ROUNDING = 1e-12
COLUMNS = 8  # number of variables that are correlated at a time, so that memory stays small


def weighted_pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation of `x` and `y` under each row of weights; arguments and result as of
    `correlations`.

    NaN if a weighted variance is zero, or rounding of the values.
    """
    return _pearson_of_each(weights, x, y)[0]


def _pearson_of_each(weights: np.ndarray, x: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """`weighted_pearson` of `x` and each of K others, float64 K x R, or K x C x R."""
    columns, ys = np.atleast_2d(x), np.stack(others)
    parts = [
        _pearson(weights, columns[start : start + COLUMNS], ys)
        for start in range(0, len(columns), COLUMNS)
    ]
    return np.concatenate(parts, axis=1).reshape(len(ys), *x.shape[:-1], len(weights))


def _pearson(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Correlations float64 K x C x R of C variables, float C x E, with K others, by one product of
    matrices."""
    least_x, least_y = (
        (RANK_ROUNDING * np.abs(of).max(axis=-1, keepdims=True)) ** 2 for of in (x, y)
    )
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    moments = np.vstack([np.ones_like(y[:1]), y, y * y, x, x * x, *(x * of for of in y)])
    total, *sums = moments @ weights.T
    means = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    mean_y, square_y, mean_x, square_x, product = np.split(
        means, np.cumsum([len(y), len(y), len(x), len(x)])
    )
    of_x, of_y = square_x - mean_x**2, square_y - mean_y**2
    varies_x = of_x > np.maximum(ROUNDING * square_x, least_x)
    varies_y = of_y > np.maximum(ROUNDING * square_y, least_y)
    defined = varies_x & varies_y[:, None]
    scale = np.sqrt(np.where(defined, of_x * of_y[:, None], 1))
    return np.where(
        defined, (product.reshape(scale.shape) - mean_x * mean_y[:, None]) / scale, np.nan
    )


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: list[float]) -> np.ndarray:
    """Quantiles of weighted values; of equal weights, NumPy's.

    Of n values in ascending order, the k-th has the position p_k = (k - 1) w_k + (n - 1) (w_1 + ...
    + w_(k-1)). It is the quantile at p_k / p_n; between two values, quantiles are interpolated
    linearly.

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


MEASURES = ("pearson", "spearman", "partial")


def correlations(
    measures: Sequence[str], weights: np.ndarray, x: np.ndarray, y: np.ndarray, given: np.ndarray
) -> dict[str, np.ndarray]:
    """Each of some `MEASURES` of the correlation of `x` and `y`, under each row of weights.

    "partial" is Pearson's correlation of their residuals after linear fits on a third variable z:
    (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)) (Fisher 1924); NaN if nothing is left of x
    or y.

    Args:
        weights: float R x E, not negative.
        x: float E, or C x E.
        y: float E.
        given: float E, z.

    Returns:
        Measure -> float64 R, or C x R.
    """
    found = {"spearman": weighted_spearman(weights, x, y)} if "spearman" in measures else {}
    if "partial" in measures:
        (found["pearson"], of_x), of_y = (
            _pearson_of_each(weights, x, y, given),
            weighted_pearson(weights, y, given),
        )
        left = (1 - of_x**2) * (1 - of_y**2)
        defined = left > ROUNDING
        scale = np.sqrt(np.where(defined, left, 1))
        found["partial"] = np.where(defined, (found["pearson"] - of_x * of_y) / scale, np.nan)
    elif "pearson" in measures:
        found["pearson"] = weighted_pearson(weights, x, y)
    return {measure: found[measure] for measure in measures}


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
