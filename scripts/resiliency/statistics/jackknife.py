"""Intervals and tests for statistics of ensembles, by leaving out one of the units that ensembles share at a time.

Ensembles that share members are not independent, so members (or designs) are what varies, and a statistic of ensembles
is a function of U-statistics over them. The jackknife of such statistics is consistent (Arvesen, Annals of Mathematical
Statistics 40, 1969) and its variance not too small on average (Efron and Stein, Annals of Statistics 9, 1981);
Student's t allows for how few units there are (Tukey 1958). published/experiments/coverage.md compares it with the
percentile bootstrap.

Of very many units, groups are left out in place of single ones, which changes the variance little and its degrees of
freedom to those of the groups (Kott, Journal of Official Statistics 17, 2001).

A statistic comes as replicates, float (1 + U): of everything, then without each of U units.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, stdtr, stdtrit

from resiliency.base.streams import stream

MOST_UNITS, GROUPS = 200, 100


@dataclass(frozen=True)
class Scale:
    """A scale on which a statistic is spread about alike wherever it lies, and the way back; both keep the order."""

    to: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


LINEAR = Scale(lambda values: values, lambda values: values)
# Of correlations (Fisher 1921).
FISHER = Scale(lambda correlations: np.arctanh(np.clip(correlations, -1 + 1e-12, 1 - 1e-12)), np.tanh)
# Of Cliff's delta, which may be 1: the arcsine of its share of pairs.
ANGULAR = Scale(
    lambda deltas: np.arcsin(np.clip(deltas, -1, 1)), lambda angles: np.sin(np.clip(angles, -np.pi / 2, np.pi / 2))
)


def in_groups(units: Iterable[str]) -> dict[str, str]:
    """Unit -> what is left out with it: itself; or, of more than 200, one of 100 groups drawn at random."""
    names = sorted(set(units))
    if len(names) <= MOST_UNITS:
        return {name: name for name in names}
    drawn = stream(0, "groups of the jackknife").permutation(len(names)) % GROUPS
    return {name: f"group {group:03}" for name, group in zip(names, drawn.tolist(), strict=True)}


def kept_weights(units: list[list[str]]) -> np.ndarray:
    """Which ensembles are left of all, and when each unit in turn is left out.

    Args:
        units: of each of E ensembles, the members, or the designs, that it is formed of.

    Returns:
        float64 (1 + U) x E of zeros and ones, units in alphabetical order.
    """
    names = sorted({unit for ensemble in units for unit in ensemble})
    position = {name: row for row, name in enumerate(names, start=1)}
    weights = np.ones((1 + len(names), len(units)))
    for column, ensemble in enumerate(units):
        weights[[position[unit] for unit in ensemble], column] = 0
    return weights


def jackknife_interval(replicates: np.ndarray, confidence: float, scale: Scale = LINEAR) -> tuple[float, float]:
    """The interval of a statistic: Student's t times the jackknife's standard error on `scale`.

    NaN at both ends where the statistic is not defined without some unit, or there is one unit only.
    """
    value, error, freedom = studentised(replicates, scale)
    reach = stdtrit(freedom, (1 + confidence) / 2) * error
    return float(scale.back(value - reach)), float(scale.back(value + reach))


def interval_within(
    replicates: np.ndarray, confidence: float, low: float = -np.inf, high: float = np.inf
) -> tuple[float, float]:
    """The interval of a statistic that cannot leave a range, inside that range.

    The standard error is carried over to the logarithm of the distance from an end, or to the logit between two ends,
    by the derivative at the statistic (Brown, Cai and DasGupta, Statistical Science 16, 2001). A statistic at an end
    has no such derivative: its interval is the linear one, cut off.

    Args:
        low, high: the range; infinite where there is no end.
    """
    value, error, freedom = studentised(replicates, LINEAR)
    reach = stdtrit(freedom, (1 + confidence) / 2) * error
    ends = np.array([value - reach, value + reach])
    below, above = value - low, high - value
    if not np.isfinite(reach) or below <= 0 or above <= 0:
        ends = np.clip(ends, low, high)
    elif np.isfinite(low) and np.isfinite(high):
        logits = np.log(below / above) + (ends - value) * (high - low) / (below * above)
        ends = low + (high - low) * expit(logits)
    elif np.isfinite(low):
        ends = low + below * np.exp((ends - value) / below)
    elif np.isfinite(high):
        ends = high - above * np.exp((value - ends) / above)
    return float(ends[0]), float(ends[1])


def p_value(replicates: np.ndarray, scale: Scale = LINEAR) -> float:
    """Two-sided p-value of the hypothesis that the statistic is 0: 2 P(T > |t|).

    t is the statistic over its standard error, both on `scale`, and T has Student's distribution with U - 1 degrees of
    freedom for U units. `jackknife_interval` excludes 0 at all confidences below 1 - p. With a standard error of 0, p
    is 1 for a statistic of 0, else 0.

    Args:
        replicates: float 1 + U: the statistic of all units, then without each of them.
    """
    value, error, freedom = studentised(replicates, scale)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(freedom, -abs(value) / error))


def studentised(replicates: np.ndarray, scale: Scale) -> tuple[Any, Any, int]:
    """The statistic on `scale`, its standard error and degrees of freedom; NaN where they are not defined.

    Of several statistics, (1 + U) x ..., the first two are arrays.
    """
    values = scale.to(np.asarray(replicates, float))
    value, without = values[0], values[1:]
    units = len(without)
    if units < 2:
        return value, value * np.nan, 1
    return value, np.sqrt((units - 1) * np.var(without, axis=0)), units - 1


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values of a family of tests, adjusted so that any is wrongly small only as often as one alone (Holm 1979).

    Args:
        p_values: float n; NaN for a statistic that is not defined, which is no test.
    """
    adjusted = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(np.isfinite(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    stepped = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
