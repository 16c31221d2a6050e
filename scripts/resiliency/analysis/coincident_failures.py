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

from resiliency.analysis.bootstrap import interval, resampled_counts
from resiliency.conditions import CLEAN, groups, of_corruptions


def both_fail(first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
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
    failures: list[np.ndarray],
    designs: list[str],
    conditions: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """The rows of coincident_failures.csv: one per pair of designs, and per design with two members, and images.

    Args:
        failures: bool M x N of each condition, N being the number of images of its test set.
        designs: of each member.
        conditions: the table of conditions.
        resamples, confidence: of the bootstrap over images.
        seed: of the study.

    Returns:
        Columns corruption (clean, each corruption, `corrupted`, the mean over all corrupted conditions, and each
        further test set), first, second (designs, or the same twice), failure_first, failure_second (rates), both_fail,
        independent (the product of rates), covariance (of theta, by N/(N - 1) the difference of the two) and its
        interval low and high, confidence, members and images.
    """
    weights = _weights(conditions, resamples, seed)
    members = {design: np.flatnonzero(np.array(designs) == design) for design in dict.fromkeys(designs)}
    pairs = [p for p in combinations_with_replacement(members, 2) if p[0] != p[1] or len(members[p[0]]) > 1]
    found = np.empty((len(conditions), 3, len(pairs), 1 + resamples))
    for condition, (test_set, values) in enumerate(zip(conditions.test_set, failures, strict=True)):
        images, values = values.shape[1], values.astype(np.float64)
        rates = values @ weights[test_set].T
        of = {design: (values[index], rates[index]) for design, index in members.items()}
        together = np.array([both_fail(of[a][0], None if a == b else of[b][0]) for a, b in pairs]).reshape(-1, images)
        found[condition, 0] = together @ weights[test_set].T
        found[condition, 1] = [both_fail(of[a][1], None if a == b else of[b][1]) for a, b in pairs]
        found[condition, 2] = (found[condition, 0] - found[condition, 1]) * images / (images - 1)
    means = np.stack([of_condition.mean(axis=1) for of_condition in failures], axis=1)
    rows = []
    for name, chosen in {CLEAN: np.arange(1), **of_corruptions(conditions), **groups(conditions)}.items():
        values = found[chosen].mean(axis=0)
        rates = means[:, chosen].mean(axis=1)
        for index, (a, b) in enumerate(pairs):
            low, high = interval(values[2, index, 1:], confidence)
            rows.append(
                {
                    "corruption": name,
                    "first": a,
                    "second": b,
                    "failure_first": rates[members[a]].mean(),
                    "failure_second": rates[members[b]].mean(),
                    "both_fail": values[0, index, 0],
                    "independent": values[1, index, 0],
                    "covariance": values[2, index, 0],
                    "low": low,
                    "high": high,
                    "confidence": confidence,
                    "members": len(set(members[a]) | set(members[b])),
                    "images": conditions.images.iloc[chosen[0]],
                }
            )
    return pd.DataFrame(rows)


def _weights(conditions: pd.DataFrame, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Test set -> weights of its images in their mean, float64 (1 + resamples) x N, the actual images first."""
    weights = {}
    for test_set, images in conditions.drop_duplicates("test_set")[["test_set", "images"]].itertuples(index=False):
        counts = resampled_counts(images, resamples, seed, "images", *([] if test_set == CLEAN else [test_set]))
        weights[test_set] = np.vstack([np.ones(images), counts]) / images
    return weights
