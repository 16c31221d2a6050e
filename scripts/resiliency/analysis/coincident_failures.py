"""Coincident failures: how often two members fail on the same image, against what independence would give.

Let theta_A(x) be the probability that a random member of design A fails on image x. For two members of one design
(Eckhardt and Lee, IEEE Transactions on Software Engineering 11, 1985)

    P(both fail) = E[theta_A^2] = E[theta_A]^2 + Var theta_A,

so that they fail together more than independence predicts, unless all images are as hard. For a member of each of two
designs (Littlewood and Miller, IEEE Transactions on Software Engineering 15, 1989)

    P(both fail) = E[theta_A theta_B] = E[theta_A] E[theta_B] + Cov(theta_A, theta_B),

and a negative covariance, where one design finds easy what the other finds hard, beats independence.

Members with other seeds stand for the random member. The estimators are unbiased over them: only pairs of distinct
members count, for a member always fails where it fails. They are unbiased over images too: a covariance is that of
a sample.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import Resampling, percentile_interval
from resiliency.base.names import CLEAN
from resiliency.prediction.reading import condition_groups, corruption_conditions
from resiliency.statistics.units import Units

PAIRS_AT_ONCE = 64


class Failing(NamedTuple):
    """Sums over the members of each of D designs, of n images or of anything else that is a mean over images.

    Attributes:
        rates: float D x n, of whether, or how often, each member fails.
        squares: float D x n, of the squares of these.
        members: int D, their numbers.
    """

    rates: np.ndarray
    squares: np.ndarray
    members: np.ndarray


def failing(rates: np.ndarray, members: Sequence[np.ndarray]) -> Failing:
    """The sums of `rates`, bool or float M x n; those of bools are float32, in which they are exact.

    Args:
        members: of each design, int.
    """
    dtype = np.float32 if rates.dtype == bool else np.float64
    sums = np.stack([rates[own].sum(axis=0, dtype=dtype) for own in members])
    squares = sums if rates.dtype == bool else np.stack([np.square(rates[own]).sum(axis=0) for own in members])
    return Failing(sums, squares, np.array([len(own) for own in members]))


def joint_failure_rates(designs: Failing, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimates of theta_A theta_B for each image, or whatever else the sums are of.

    Args:
        first, second: int P, pairs of designs; the same twice, of two members or more, for two of its members.

    Returns:
        float64 P x n: the mean of products over pairs of distinct members.
    """
    products, alike = designs.rates[first] * designs.rates[second], first == second
    products[alike] -= designs.squares[first[alike]]
    return products / (designs.members[first] * (designs.members[second] - alike))[:, None]


def failure_table(
    failures: list[np.ndarray],
    designs: list[str],
    conditions: pd.DataFrame,
    resampling: Resampling,
    units: Mapping[str, Units] = {},
) -> pd.DataFrame:
    """The rows of coincident_failures.csv: one per pair of designs, and per design with two members, and images.

    Args:
        failures: bool M x N of each condition, N being the number of images of its test set.
        designs: of each member.
        conditions: the table of conditions.
        resampling: of the images.
        units: test set -> those of its images; each image is one in others.

    Returns:
        Columns as docs/tables.md describes them; the covariance is U / (U - 1), of U units, times the joint failure
        rate less the product of rates.
    """
    sizes = conditions.groupby("test_set")["images"].first()
    of_sets = {name: units.get(name) or Units.single(images) for name, images in sizes.items()}
    weights = {name: _weights(name, of_set, resampling) for name, of_set in of_sets.items()}
    members = {design: np.flatnonzero(np.array(designs) == design) for design in dict.fromkeys(designs)}
    pairs = [p for p in combinations_with_replacement(members, 2) if p[0] != p[1] or len(members[p[0]]) > 1]
    names = {CLEAN: np.arange(1), **corruption_conditions(conditions), **condition_groups(conditions)}
    places = np.array([[list(members).index(design) for design in pair] for pair in pairs]).reshape(-1, 2)
    last = {name: chosen.max() for name, chosen in names.items()}
    means = np.stack([of_condition.mean(axis=1) for of_condition in failures], axis=1)
    sums: dict[str, np.ndarray] = {}
    tables = {}
    for (test_set, _), rows in conditions.groupby(["test_set", "corruption"], sort=False).indices.items():
        values = [failures[row] for row in rows]
        number = of_sets[test_set].number
        coincidences = _coincidences(values, weights[test_set], number, list(members.values()), places)
        for name in (name for name, chosen in names.items() if rows[0] in chosen):
            sums[name] = sums[name] + coincidences if name in sums else coincidences
            if rows[-1] == last[name]:
                of_name = sums.pop(name) / len(names[name])
                rates = means[:, names[name]].mean(axis=1)
                tables[name] = _rows(of_name, rates, members, pairs, resampling.confidence)
                tables[name].insert(0, "corruption", name)
                tables[name]["images"] = conditions.images.iloc[rows[0]]
    return pd.concat([tables[name] for name in names], ignore_index=True)


def _coincidences(
    failures: list[np.ndarray], weights: np.ndarray, units: int, members: list[np.ndarray], pairs: np.ndarray
) -> np.ndarray:
    """Rates of both failing, of independence, and covariances under each row of weights, summed over conditions.

    Args:
        failures: bool M x N of each condition.
        weights: float64 (1 + resamples) x N.
        units: their number, U.
        members: of each design.
        pairs: int P x 2, designs.

    Returns:
        float64 P x (2 + rows of weights): the first two of the actual images, the covariances of all.
    """
    on_images = [failing(values, members) for values in failures]
    of_rates = [failing(values.astype(np.float64) @ weights.T, members) for values in failures]
    coincidences = np.empty((len(pairs), 2 + len(weights)))
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[start : start + PAIRS_AT_ONCE].T
        together, independent = (
            sum(joint_failure_rates(of_condition, *some) for of_condition in of) for of in (on_images, of_rates)
        )
        together = together @ weights.T  # of all conditions at once, which takes most of the time
        block = coincidences[start : start + PAIRS_AT_ONCE]
        block[:, 0], block[:, 1] = together[:, 0], independent[:, 0]
        block[:, 2:] = (together - independent) * units / (units - 1)
    return coincidences


def _rows(
    coincidences: np.ndarray,
    rates: np.ndarray,
    members: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    confidence: float,
) -> pd.DataFrame:
    rows = []
    of_designs = {design: rates[own].mean() for design, own in members.items()}
    for (a, b), of_pair in zip(pairs, coincidences, strict=True):
        together, independent, covariance = of_pair[:3]
        low, high = percentile_interval(of_pair[3:], confidence)
        rows.append(
            {
                "first": a,
                "second": b,
                "failure_first": of_designs[a],
                "failure_second": of_designs[b],
                "joint_failure_rate": together,
                "independent": independent,
                "covariance": covariance,
                "low": low,
                "high": high,
                "confidence": confidence,
                "members": len(set(members[a]) | set(members[b])),
            }
        )
    return pd.DataFrame(rows)


def _weights(test_set: str, units: Units, resampling: Resampling) -> np.ndarray:
    """Weights of the images of a test set in their mean, float64 (1 + resamples) x N, the actual images first."""
    names = ["images"] if test_set == CLEAN else ["images", test_set]
    drawn = units.counts(resampling.resamples, resampling.seed, *names)
    counts = np.vstack([np.ones(units.images), drawn])
    return counts / counts.sum(axis=1, keepdims=True)
