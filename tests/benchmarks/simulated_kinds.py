"""The four kinds of intervals with few units, of shares of nearly 0; see interval_coverage.py.

Units have 20 images each, whose errors have an intraclass correlation of .2 (beta-binomial). Of
families the shares themselves are known; their logits have a standard deviation of a half.
"""

from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from simulated_correlations import CONFIDENCE, Case, Interval

from resiliency.statistics.intervals import (
    DIFFERENCE,
    SHARE,
    Scale,
    bootstrap,
    jackknife,
    max_t,
    share,
)
from resiliency.statistics.resampling import Units, resampled_counts

IMAGES, ALIKE, MODELS = 20, 0.2, 4
RIGHT, WRONG = 0.02, 1.5  # Brier scores of right and of wrong answers
SPREAD = 0.5
UNITS, SHARES = (5, 8, 11, 26), (0.0, 0.005, 0.01, 0.02, 0.05, 0.2)
FEW, TIMES = "few units", 15  # times as many simulations as other rows, which take longer
HELD, MISSED = (-1.0, 1.0), (1.0, 2.0)  # of all differences at once, whose truth is 0 each


def wrong(random: np.random.Generator, units: int, error: float, *several: int) -> np.ndarray:
    """Whether images are answered wrongly, float several x N."""
    shape = (*several, units)
    of_units = (
        random.beta(error * (1 / ALIKE - 1), (1 - error) * (1 / ALIKE - 1), shape)
        if error
        else np.zeros(shape)
    )
    rates = np.repeat(of_units, IMAGES, axis=-1)
    return (random.random(rates.shape) < rates).astype(float)


def drawn(
    random: np.random.Generator, values: np.ndarray, units: int, resamples: int
) -> np.ndarray:
    """Means of values, ... x N, in resamples of the units, resamples x ..."""
    of_each = values.reshape(*values.shape[:-1], units, IMAGES).mean(axis=-1)
    counts = resampled_counts(units, resamples, int(random.integers(2**31)), alone=False)
    return counts @ of_each.T / counts.sum(axis=1).reshape(-1, *[1] * (values.ndim - 1))


def wilson_case(random: np.random.Generator, units: int, error: float, _: int) -> Interval:
    return share(
        wrong(random, units, error), Units(np.arange(units * IMAGES) // IMAGES), CONFIDENCE
    ).ends


def bootstrap_case(
    random: np.random.Generator, units: int, error: float, resamples: int
) -> Interval:
    """Of a Brier score."""
    values, own = (
        RIGHT + (WRONG - RIGHT) * wrong(random, units, error),
        Units(np.arange(units * IMAGES) // IMAGES),
    )
    draws = drawn(random, values, units, resamples)
    return bootstrap(values.mean(), draws, own, CONFIDENCE, Scale(low=0, high=2)).ends


@cache
def middle(error: float) -> float:
    """The mean logit at which shares have this mean."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    return float(brentq(lambda at: weights @ expit(at + SPREAD * nodes) - error, -12, 12))


def jackknife_case(random: np.random.Generator, families: int, error: float, _: int) -> Interval:
    """Of the mean of families."""
    values = (
        expit(middle(error) + SPREAD * random.standard_normal(families))
        if error
        else np.zeros(families)
    )
    without = (values.sum() - values) / (families - 1)
    return jackknife(np.array([values.mean(), *without]), CONFIDENCE, SHARE).ends


def max_t_case(random: np.random.Generator, units: int, error: float, resamples: int) -> Interval:
    """Of the differences of four models as good as the first."""
    values, own = (
        wrong(random, units, error, 1 + MODELS),
        Units(np.arange(units * IMAGES) // IMAGES),
    )
    differences = values[0] - values[1:]
    intervals = max_t(
        differences.mean(axis=1),
        drawn(random, differences, units, resamples),
        own,
        CONFIDENCE,
        DIFFERENCE,
    )
    return HELD if all(of.low <= 0 <= of.high for of in intervals) else MISSED


def case(
    kind: str,
    simulated: Callable[..., Interval],
    truth: Callable[[float], float],
    units: int,
    of: float,
) -> Case:
    """A row: one kind, number of units and share."""

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        return {"adopted": simulated(random, units, of, resamples)}

    return Case(
        f"{kind}, share of {100 * of:g}%", FEW, f"{units} units", lambda: truth(of), simulate, TIMES
    )


KINDS = {
    "Wilson": (wilson_case, lambda error: error),
    "Bootstrap": (bootstrap_case, lambda error: RIGHT + (WRONG - RIGHT) * error),
    "Jackknife": (jackknife_case, lambda error: error),
    "Max-t": (max_t_case, lambda error: 0.0),
}
CASES = [case(kind, *KINDS[kind], units, of) for kind, of, units in product(KINDS, SHARES, UNITS)]
