"""Ranks of members on each set of images, with intervals. All members see the same images, so they are compared paired.

The interval of a rank follows Mogstad, Romano, Shaikh and Wilhelm (Review of Economic Studies 91, 2024). A member's
differences to all others get simultaneous intervals from a bootstrap over images; the members that are certainly better
and certainly worse bound its rank. So it covers the true rank even if members are as good as each other, which
percentiles of resampled ranks do not. The bootstrap has Gaussian multipliers: its draws are normal with the covariance
of the images' errors.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from resiliency.analysis.intervals import Resampling
from resiliency.base.names import few_images
from resiliency.base.streams import stream
from resiliency.prediction.reading import condition_groups
from resiliency.statistics.units import Units

POWER = 0.8
COLUMNS = ["condition", "member", "rank", "rank_low", "rank_high", "error", "next_difference", "next_low", "next_high"]
COLUMNS += ["images_needed", "images"]


def rank_table(
    members: list[str],
    conditions: pd.DataFrame,
    wrong: Iterable[np.ndarray],
    resampling: Resampling,
    units: Mapping[str, Units] = {},
) -> pd.DataFrame:
    """The rows of member_ranks.csv: the members by their error on each set of images.

    Args:
        members: names of M members.
        conditions: the table of conditions.
        wrong: bool M x N for each condition, in their order.
        resampling: number of draws, confidence and seed.
        units: test set -> those of its images; each image is one in others.

    Returns:
        `COLUMNS` and confidence, as docs/tables.md describes them; without sets of few images.
    """
    number = conditions.set_index("test_set")["images"].to_dict() | {name: of.number for name, of in units.items()}
    groups = condition_groups(conditions)
    chosen = {name: of for name, of in groups.items() if not few_images(name, number[conditions.test_set.iloc[of[0]]])}
    last, sums = {name: of.max() for name, of in chosen.items()}, {}
    tables = {"": pd.DataFrame(columns=COLUMNS)} if not chosen else {}
    for place, of_condition in enumerate(wrong):
        name = next((name for name, of in chosen.items() if place in of), None)
        if name is None:
            continue
        sums[name] = sums.get(name, 0) + of_condition.astype(np.float64)
        if place == last[name]:
            errors = sums.pop(name) / len(chosen[name])
            of_set = units.get(conditions.test_set.iloc[place])
            rows = rank_rows(members, errors, resampling, name, of_set)
            tables[name] = rows.assign(condition=name, images=errors.shape[1])
    table = pd.concat([tables[name] for name in chosen or tables], ignore_index=True)
    return table[COLUMNS].assign(confidence=resampling.confidence)


def rank_rows(
    members: list[str], errors: np.ndarray, resampling: Resampling, name: str, units: Units | None = None
) -> pd.DataFrame:
    """The ranks on one set of images.

    Args:
        members: names of M members.
        errors: float64 M x N, how often each is wrong on each image.
        resampling: number of draws, confidence and seed.
        name: of the set, for the stream of random numbers.
        units: of the images; None if each image is one.
    """
    means, images = errors.mean(axis=1), errors.shape[1]
    of_units = (units or Units.single(images)).values(errors)
    order = np.argsort(means, kind="stable")
    means, covariance = means[order], np.cov(of_units[order], ddof=1).reshape(len(order), -1) / of_units.shape[1]
    spread = np.sqrt(np.maximum(np.add.outer(np.diag(covariance), np.diag(covariance)) - 2 * covariance, 0))
    spread[spread < 1e-12] = 0
    low, high = rank_intervals(means, spread, _draws(covariance, resampling, name), resampling.confidence)
    difference, error = np.append(np.diff(means), np.nan), np.append(np.diag(spread, 1), np.nan)
    reach = ndtri((1 + resampling.confidence) / 2)
    needed = (reach + ndtri(POWER)) ** 2 * images * np.square(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(difference > 0, np.ceil(needed / np.square(difference)), np.nan)
    return pd.DataFrame(
        {
            "member": np.array(members)[order],
            "rank": np.arange(1, len(order) + 1),
            "rank_low": low,
            "rank_high": high,
            "error": means,
            "next_difference": difference,
            "next_low": difference - reach * error,
            "next_high": difference + reach * error,
            "images_needed": needed,
        }
    )


def rank_intervals(
    means: np.ndarray, spread: np.ndarray, draws: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest rank of each of M members, int64.

    Args:
        means: float M, errors.
        spread: float M x M, standard errors of their differences.
        draws: float R x M, of the errors' deviations from their expectations.
        confidence: of each interval.
    """
    low, high = np.ones(len(means), np.int64), np.full(len(means), len(means))
    for member in range(len(means)):
        others = spread[member] > 0
        if not others.any():
            continue
        deviations = np.abs(draws[:, others] - draws[:, [member]]) / spread[member, others]
        reach = np.quantile(deviations.max(axis=1), confidence)
        differences = (means[others] - means[member]) / spread[member, others]
        low[member] += (differences < -reach).sum()
        high[member] -= (differences > reach).sum()
    return low, high


def _draws(covariance: np.ndarray, resampling: Resampling, name: str) -> np.ndarray:
    """Normal draws of this covariance, float64 R x M."""
    values, vectors = np.linalg.eigh(covariance)
    random = stream(resampling.seed, "ranks", name).standard_normal((resampling.resamples, len(values)))
    return (random * np.sqrt(np.maximum(values, 0))) @ vectors.T
