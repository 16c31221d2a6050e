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

from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from resiliency.analysis.intervals import Resampling, percentile_interval, resampled_counts
from resiliency.base.names import CLEAN
from resiliency.prediction.conditions import condition_groups, corruption_conditions

PAIRS_AT_ONCE = 64


def joint_failure_rate(first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
    """Estimates of theta_A theta_B for each image, or for anything else that is a mean over images.

    Args:
        first: float n_A x ..., whether, or how often, each member of a design fails.
        second: the same of another design; None for two distinct members of the first, which needs two.

    Returns:
        float64 ...: the mean of products over pairs of distinct members.
    """
    total = first.sum(axis=0, dtype=np.float64)
    if second is not None:
        return total * second.sum(axis=0, dtype=np.float64) / (len(first) * len(second))
    return (total**2 - np.square(first, dtype=np.float64).sum(axis=0)) / (len(first) * (len(first) - 1))


def failure_table(
    failures: list[np.ndarray], designs: list[str], conditions: pd.DataFrame, resampling: Resampling
) -> pd.DataFrame:
    """The rows of coincident_failures.csv: one per pair of designs, and per design with two members, and images.

    Args:
        failures: bool M x N of each condition, N being the number of images of its test set.
        designs: of each member.
        conditions: the table of conditions.
        resampling: of the images.

    Returns:
        Columns as docs/tables.md describes them; the covariance is N / (N - 1) times the joint failure rate less the
        product of rates.
    """
    weights = _weights(conditions, resampling)
    members = {design: np.flatnonzero(np.array(designs) == design) for design in dict.fromkeys(designs)}
    pairs = [p for p in combinations_with_replacement(members, 2) if p[0] != p[1] or len(members[p[0]]) > 1]
    names = {CLEAN: np.arange(1), **corruption_conditions(conditions), **condition_groups(conditions)}
    last = {name: chosen.max() for name, chosen in names.items()}
    means = np.stack([of_condition.mean(axis=1) for of_condition in failures], axis=1)
    sums: dict[str, np.ndarray] = {}
    tables = {}
    for condition, (test_set, values) in enumerate(zip(conditions.test_set, failures, strict=True)):
        coincidences = _coincidences(values, weights[test_set], members, pairs)
        for name in (name for name, chosen in names.items() if condition in chosen):
            sums[name] = sums[name] + coincidences if name in sums else coincidences
            if condition == last[name]:
                of_name = sums.pop(name) / len(names[name])
                rates = means[:, names[name]].mean(axis=1)
                tables[name] = _rows(of_name, rates, members, pairs, resampling.confidence)
                tables[name].insert(0, "corruption", name)
                tables[name]["images"] = conditions.images.iloc[condition]
    return pd.concat([tables[name] for name in names], ignore_index=True)


def _coincidences(
    failures: np.ndarray, weights: np.ndarray, members: dict[str, np.ndarray], pairs: list[tuple[str, str]]
) -> np.ndarray:
    """Rates of both failing, of independence, and covariances under each row of weights, of pairs under a condition.

    Returns:
        float64 pairs x (2 + rows of weights): the first two of the actual images, the covariances of all.
    """
    values, images = failures.astype(np.float64), failures.shape[1]
    rates = values @ weights.T
    coincidences = np.empty((len(pairs), 2 + len(weights)))
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        some = [(members[a], None if a == b else members[b]) for a, b in pairs[start : start + PAIRS_AT_ONCE]]

        def of_all(of_members: np.ndarray, some: list = some) -> np.ndarray:
            return np.array([joint_failure_rate(of_members[a], None if b is None else of_members[b]) for a, b in some])

        together, independent = of_all(values) @ weights.T, of_all(rates)
        block = coincidences[start : start + len(some)]
        block[:, 0], block[:, 1] = together[:, 0], independent[:, 0]
        block[:, 2:] = (together - independent) * images / (images - 1)
    return coincidences


def _rows(
    coincidences: np.ndarray,
    rates: np.ndarray,
    members: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    confidence: float,
) -> pd.DataFrame:
    rows = []
    for (a, b), (together, independent, covariance, *resampled) in zip(pairs, coincidences, strict=True):
        low, high = percentile_interval(np.array(resampled), confidence)
        rows.append(
            {
                "first": a,
                "second": b,
                "failure_first": rates[members[a]].mean(),
                "failure_second": rates[members[b]].mean(),
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


def _weights(conditions: pd.DataFrame, resampling: Resampling) -> dict[str, np.ndarray]:
    """Test set -> weights of its images in their mean, float64 (1 + resamples) x N, the actual images first."""
    weights = {}
    for test_set, images in conditions.drop_duplicates("test_set")[["test_set", "images"]].itertuples(index=False):
        names = ["images"] if test_set == CLEAN else ["images", test_set]
        counts = resampled_counts(images, resampling.resamples, resampling.seed, *names)
        weights[test_set] = np.vstack([np.ones(images), counts]) / images
    return weights
