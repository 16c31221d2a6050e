"""Ensembles whose diversity and accuracy correlate in a known way, and the intervals of that."""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from resiliency.analysis.left_out import kept_weights
from resiliency.base.streams import stream
from resiliency.ensembles.pool import ensembles_of
from resiliency.statistics.correlation import correlations, weighted_pearson
from resiliency.statistics.intervals import FISHER, LINEAR, jackknife

CONFIDENCE = 0.95


Interval = tuple[float, float]


def percentiles(drawn: np.ndarray) -> Interval:
    """The percentile interval of resamples, for comparison."""
    low, high = np.nanquantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


class Case(NamedTuple):
    """A row of the table.

    Attributes:
        statistic, situation, units: what is simulated, in words.
        truth: -> the true value.
        simulate: (random, resamples) -> method -> interval, of one study.
        times: how many times as many simulations as asked for.
    """

    statistic: str
    situation: str
    units: str
    truth: Callable[[], float]
    simulate: Callable[[np.random.Generator, int], dict[str, Interval]]
    times: int = 1


# What members' oddity takes from skill, what diversity gives, noise of pairs and of ensembles.
SITUATIONS = {
    "no correlation": (0.0, 0.0, 0.3, 0.2),
    "odd members are weak": (1.0, 0.0, 0.3, 0.2),
    "diversity helps": (0.0, 0.8, 0.3, 0.2),
    "both": (1.5, 0.5, 0.5, 0.2),
    "mostly noise of pairs": (0.3, 0.5, 2.0, 0.5),
}


def ensemble_study(
    random: np.random.Generator, situation: str, members: int, size: int, alike: float
) -> np.ndarray:
    """Two diversities, accuracy and mean member accuracy of all ensembles: 4 x E.

    Args:
        alike: share of the variance of members that the two seeds of a design have in common.
    """
    cost, gain, of_pairs, of_ensembles = SITUATIONS[situation]
    own, shared = (
        random.standard_normal((members, 5)),
        random.standard_normal((-(-members // 2), 5)),
    )
    drawn = np.sqrt(alike) * shared.repeat(2, axis=0)[:members] + np.sqrt(1 - alike) * own
    apart = [np.linalg.norm(p[:, None] - p, axis=2) for p in (drawn[:, :2], drawn[:, 2:4])]
    noise = np.triu(random.standard_normal((2, members, members)), 1) * of_pairs
    noise += noise.swapaxes(1, 2)
    ensembles = ensembles_of(members, size)
    pairs = list(combinations(range(size), 2))

    def mean(matrix: np.ndarray) -> np.ndarray:
        return np.mean([matrix[ensembles[:, i], ensembles[:, j]] for i, j in pairs], axis=0)

    skill = drawn[:, 4] - cost * (np.linalg.norm(drawn[:, :2], axis=1) - 1.25)
    of_members = skill[ensembles].mean(axis=1)
    accuracy = (
        of_members + gain * mean(apart[0]) + of_ensembles * random.standard_normal(len(ensembles))
    )
    return np.stack([mean(apart[0] + noise[0]), mean(apart[1] + noise[1]), accuracy, of_members])


@cache
def many_studies(situation: str, members: int, size: int, alike: float) -> np.ndarray:
    """A few hundred thousand ensembles of other studies of the same kind."""
    random = stream(0, "coverage", "truth", situation, members, size)
    studies = 300_000 // len(ensembles_of(members, size))
    return np.concatenate(
        [ensemble_study(random, situation, members, size, alike) for _ in range(studies)], axis=1
    )


def of_measure(measure: str, weights: np.ndarray, study: np.ndarray) -> np.ndarray:
    first, second, accuracy, given = study
    if measure == "difference":
        return weighted_pearson(weights, first, accuracy) - weighted_pearson(
            weights, second, accuracy
        )
    return correlations([measure], weights, first, accuracy, given)[measure]


def correlation(measure: str, situation: str, members: int, size: int, alike: float = 0.0) -> Case:
    """Members are of a design each, or of two seeds where these are `alike`."""
    ensembles = ensembles_of(members, size)
    kept = kept_weights((ensembles // 2 if alike else ensembles).astype(str).tolist())
    scale = LINEAR if measure == "difference" else FISHER

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        study = ensemble_study(random, situation, members, size, alike)
        replicates = of_measure(measure, kept, study)
        found = {"adopted": jackknife(replicates, CONFIDENCE, scale).ends}
        counts = random.multinomial(members, np.full(members, 1 / members), size=resamples)
        weights = counts[:, ensembles].prod(axis=2, dtype=float)
        found["bootstrap"] = percentiles(of_measure(measure, weights, study))
        if measure != "difference":
            found["naive"] = independent_interval(
                measure, replicates[0], len(ensembles), CONFIDENCE
            )
        return found

    def truth() -> float:
        everything = many_studies(situation, members, size, alike)
        return of_measure(measure, np.ones((1, everything.shape[1])), everything)[0]

    name = "difference of two r" if measure == "difference" else f"{measure} correlation"
    description = (
        f"{situation}; seeds of a design share {alike:.0%} of the variance" if alike else situation
    )
    return Case(
        name.capitalize(), description, f"{members} members, ensembles of {size}", truth, simulate
    )


def independent_interval(
    measure: str, correlation: float, observations: float, confidence: float
) -> tuple[float, float]:
    """The interval of a correlation of independent observations, on Fisher's z scale; NaN for fewer
    than five.

    Variances are, of Pearson and partial, 1 / (n - 3), n being one less for what is given (Fisher
    1924); of Spearman (1 + r^2 / 2) / (n - 3) (Bonett and Wright, Psychometrika 65, 2000).
    """
    if observations < 5:
        return np.nan, np.nan
    factor = 1 + correlation**2 / 2 if measure == "spearman" else 1
    error = np.sqrt(factor / (observations - (4 if measure == "partial" else 3)))
    ends = FISHER.to(correlation) + np.array([-1, 1]) * ndtri((1 + confidence) / 2) * error
    low, high = FISHER.back(ends)
    return float(low), float(high)
