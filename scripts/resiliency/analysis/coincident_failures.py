"""Coincident failures: how often two members fail on the same image, and how often if failures were
independent.

Let theta_A(x) be the probability that a random member of design A fails on image x. For two members
of one design (Eckhardt and Lee, IEEE Transactions on Software Engineering 11, 1985)

    P(both fail) = E[theta_A^2] = E[theta_A]^2 + Var theta_A,

so that they fail together more than independence predicts, unless all images are as hard. For a
member of each of two designs (Littlewood and Miller, IEEE Transactions on Software Engineering 15,
1989)

    P(both fail) = E[theta_A theta_B] = E[theta_A] E[theta_B] + Cov(theta_A, theta_B),

and a negative covariance, where one design finds easy what the other finds hard, beats
independence.

Members with other seeds stand for the random member. The estimators are unbiased over them, because
only pairs of distinct members count.

The ceiling of a pool of members: no choice among them is right on an image that all of them get
wrong. With w of M members wrong on an image, k members drawn without replacement are all wrong on
it with probability C(w, k) / C(M, k), and the mean of this over images is beta_k. A vote, a router
or any other rule that returns the class of one of the members is right on at most 1 - beta_M. For k
< M, beta_k is an unbiased U-statistic of members drawn from a population (Hoeffding, Annals of
Mathematical Statistics 19, 1948); a jackknife over designs says how much other members would change
it. No value is extrapolated beyond M.

The common-failure factor β of an ensemble is the coincidence of systematic failures of its members
over test images. It is not the β of IEC 61508, the share of hardware failures with a common
cause."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from resiliency.analysis.judging import Resampled, by_corruption
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.predictions import pair_failures
from resiliency.prediction.reading import Predictions, condition_groups, corruption_conditions
from resiliency.statistics.intervals import (
    SHARE,
    UNKNOWN,
    jackknife,
    share,
    share_of_variance,
)
from resiliency.statistics.resampling import Units, in_groups


def failure_table(
    failures: list[np.ndarray], designs: list[str], conditions: pd.DataFrame
) -> pd.DataFrame:
    """The rows of coincident_failures.csv: one per set of images and pair of designs, or design
    with two members.

    Args:
        failures: bool M x N for each condition, whether each member is wrong on each image.
        designs: design of each member.
    """
    names = list(dict.fromkeys(designs))
    own = np.array([[design == name for name in names] for design in designs], float)
    members = own.sum(axis=0)
    pairs_of_members = np.outer(members, members) - np.diag(members)
    groups = condition_groups(conditions)
    rows_of: dict[str, list[int] | np.ndarray] = {**groups}
    for (test_set, corruption), rows in conditions.groupby(
        ["test_set", "corruption"], sort=False
    ).indices.items():
        rows_of[test_set if corruption == CLEAN else corruption] = rows
    tables = []
    for images in dict.fromkeys([CLEAN, *corruption_conditions(conditions), *groups]):
        rows = rows_of[images]
        failure_rate = np.zeros(len(names))
        together = np.zeros(pairs_of_members.shape)
        independent = np.zeros(pairs_of_members.shape)
        for wrong in (failures[row] for row in rows):
            failing = own.T @ wrong  # members of each design, on each image
            together += (failing @ failing.T - np.diag(failing.sum(axis=1))) / wrong.shape[1]
            rates = wrong.mean(axis=1)
            sums = rates @ own
            independent += np.outer(sums, sums) - np.diag(rates**2 @ own)
            failure_rate += sums / members
        first, second = np.nonzero(np.triu(pairs_of_members))
        pairs = pairs_of_members[first, second] * len(rows)
        table = pd.DataFrame(
            {
                "images": images,
                "first": np.array(names)[first],
                "second": np.array(names)[second],
                "failure_first": failure_rate[first] / len(rows),
                "failure_second": failure_rate[second] / len(rows),
                "joint_failure_rate": together[first, second] / pairs,
                "independent": independent[first, second] / pairs,
                "members": members[first] + np.where(first == second, 0, members[second]),
                "n_images": failures[rows[0]].shape[1],
            }
        )
        tables.append(table.astype({"members": int}))
    return pd.concat(tables, ignore_index=True)


OUTCOMES = ("common_failures", "undetected", "availability")
OF_PAIR = OUTCOMES[:2]
SHARED_FAILURES = [f"{name}{end}" for name in OUTCOMES for end in ("", "_low", "_high")] + ["pair"]
SHARED_FAILURES += [f"pair_{name}{end}" for name in OF_PAIR for end in ("", "_low", "_high")]


def shared_failures(
    names: list[str], members: list[Predictions], selection: Resampled, evaluation: Resampled
) -> dict[str, dict[str, float | str]]:
    """Common failures, undetected errors and availability of an ensemble, and of the pair that
    shares most failures.

    A pair with errors e, g fails together on a share b of the images. Common failures are the mean
    of b over pairs, divided by the mean of sqrt(e g), which is b if one of them fails whenever the
    other does, at equal errors.

    Args:
        names: names of the members, of which there are two at least.
        selection: images on which the pair is chosen: the first with most common failures on
            corrupted images.
        evaluation: images of all else.

    Returns:
        `clean`, each corruption, `corrupted` and, if there are extra corruptions, `held_out` ->
        `OUTCOMES` with the ends of their intervals over units of images; `pair`, its members joined
        by "+", and `OF_PAIR` of it, after "pair_". Common failures are NaN if there is no failure.
    """
    images, wrong = selection.images[CORRUPTED], np.zeros((len(members), len(members)))
    for condition in selection.conditions[CORRUPTED]:
        decided = np.stack([member.decisions(condition, images) for member in members])
        wrong += pair_failures(decided, members[0].labels(condition)[images]).wrong
    pairs = np.transpose(np.triu_indices(len(members), 1))
    pair = pairs[wrong[*pairs.T].argmax()]
    of_all, of_pair = (
        pairs_on_images(of, evaluation) for of in (members, [members[place] for place in pair])
    )
    rows: dict[str, dict[str, float | str]] = {}
    for name in of_all:
        both, two = (outcomes_of(of[name], evaluation) for of in (of_all, of_pair))
        rows[name] = both | {"pair": "+".join(names[place] for place in pair)}
        rows[name] |= {
            f"pair_{column}": value for column, value in two.items() if column.startswith(OF_PAIR)
        }
    return rows


def pairs_on_images(members: list[Predictions], evaluation: Resampled) -> dict[str, np.ndarray]:
    """Name -> float64 (3 + M) x N, means over severities: shares of pairs that are both wrong,
    wrong with the same class, and alike; and whether each member is wrong."""
    first, second = np.triu_indices(len(members), 1)
    rows, images = (
        np.concatenate([evaluation.conditions[name] for name in evaluation.own]),
        evaluation.images[CLEAN],
    )
    on_images = []
    for condition in rows.tolist():
        decided = np.stack([member.decisions(condition, images) for member in members])
        wrong, alike = (
            decided != members[0].labels(condition)[images],
            decided[first] == decided[second],
        )
        both = wrong[first] & wrong[second]
        on_images.append(
            np.vstack([*(values.mean(axis=0) for values in (both, both & alike, alike)), wrong])
        )
    return by_corruption(np.array(on_images), members[0].conditions.corruption.iloc[rows])


def outcomes_of(
    on_images: np.ndarray, evaluation: Resampled, confidence: float | None = None
) -> dict[str, float]:
    """`OUTCOMES` with the ends of their intervals, by default at the study's level, from
    `pairs_on_images` of one name.

    Common failures are a share of failures. Their interval is Wilson's, of as many failures as
    would give a proportion the variance that the quotient has over resamples, with Student's t for
    the units on which a member fails.
    """
    counts, units, confidence = (
        evaluation.counts[CLEAN],
        evaluation.units[CLEAN],
        confidence or evaluation.confidence,
    )
    drawn = (counts @ on_images.T / counts.sum(axis=1, keepdims=True)).T
    means, failing = on_images.mean(axis=1), np.count_nonzero(units.sums(on_images[3:].sum(axis=0)))
    first, second = np.triu_indices(len(on_images) - 3, 1)
    expected, of_resamples = (
        np.sqrt(of[3:][first] * of[3:][second]).mean(axis=0) for of in (means, drawn)
    )
    factor, of_factor = np.nan, UNKNOWN
    if expected:
        with np.errstate(invalid="ignore"):
            factor, variance = means[0] / expected, np.nanvar(drawn[0] / of_resamples)
        reach = stdtrit(max(failing - 1, 1), (1 + confidence) / 2)
        of_factor = share_of_variance(factor, variance, expected * units.number, confidence, reach)
    columns = of_factor.columns(OUTCOMES[0], factor)
    for name, values in zip(OUTCOMES[1:], on_images[1:3], strict=True):
        columns |= share(values, units, confidence).columns(name, values.mean())
    return columns


STEPS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
CEILING = [
    "images",
    "severity",
    "size",
    "members",
    "n_images",
    "all_wrong",
    "all_wrong_low",
    "all_wrong_high",
]
CEILING += ["members_low", "members_high", "independent", "times_independent", "same_wrong"]


class Failures(NamedTuple):
    """How often k members fail together in one condition, or in the mean of several, for each of K
    values of k.

    Attributes:
        shares: float64 K x N, probability that k members drawn at random are all wrong on an image.
        without: float64 K x U, mean of `shares` without each unit of members.
        independent: float64 K, mean over all sets of k members of the product of their error rates.
        alike: float64 K, expected number of images to which k members drawn at random give the same
            wrong answer.
    """

    shares: np.ndarray
    without: np.ndarray
    independent: np.ndarray
    alike: np.ndarray


def ceiling_table(
    answered: Iterable[tuple[np.ndarray, np.ndarray]],
    designs: list[str],
    conditions: pd.DataFrame,
    confidence: float,
    units: Mapping[str, Units] = {},
) -> pd.DataFrame:
    """How often k members all fail in each condition, and in the mean over all corruptions.

    Args:
        answered: decisions of the members, int M x N, and labels, int N, of each condition, in the
            order of the table.
        designs: design of each of the M members.
        confidence: level of the intervals, between 0 and 1.
        units: test set -> units of its images; in a test set without an entry, each image is a
            unit.

    Returns:
        The table, `CEILING` as docs/tables.md describes them.
    """
    sizes = [*(size for size in STEPS if size < len(designs)), len(designs)]
    tables, total = [], None
    corrupted = condition_groups(conditions).get(CORRUPTED, [])
    for row, (decisions, labels) in zip(conditions.itertuples(), answered, strict=True):
        together = failures(decisions, labels, sizes, designs)
        name = row.corruption if row.test_set == CLEAN else row.test_set
        of_images = units.get(row.test_set) or Units.single(row.n_images)
        tables.append(
            ceiling_rows(together, sizes, of_images, confidence).assign(
                images=name, severity=row.severity
            )
        )
        if row.condition in corrupted:
            total = together if total is None else Failures(*map(np.add, total, together))
    if total is not None:
        mean = Failures(*(values / len(corrupted) for values in total))
        of_images = units.get(CLEAN) or Units.single(conditions.n_images.iloc[0])
        tables.append(
            ceiling_rows(mean, sizes, of_images, confidence).assign(
                images=CORRUPTED, severity=np.nan
            )
        )
    return pd.concat(tables, ignore_index=True).assign(members=len(designs))[CEILING]


def failures(
    decisions: np.ndarray, labels: np.ndarray, sizes: list[int], designs: list[str]
) -> Failures:
    """How often members fail together in one condition.

    Args:
        decisions: int M x N, predicted classes.
        labels: int N, true classes.
        sizes: the values of k, from 1 to M.
        designs: design of each member, with which it is left out; or a group of designs if there
            are many.
    """
    wrong, groups = decisions != labels, in_groups(designs)
    units = np.unique([groups[design] for design in designs], return_inverse=True)[1]
    members, images = wrong.shape
    counts = wrong.sum(axis=0)
    shares = np.stack([all_of(k, members)[counts] for k in sizes])
    without = []
    for unit in range(units.max() + 1):
        kept = units != unit
        rest = int(kept.sum())
        histogram = np.bincount(counts - wrong[~kept].sum(axis=0), minlength=rest + 1) / images
        without.append([all_of(min(k, rest), rest) @ histogram if rest else np.nan for k in sizes])
    of_image = np.broadcast_to(np.arange(images), wrong.shape)[wrong]
    answers = decisions[wrong].astype(np.int64)
    # Of each wrong answer.
    alike = np.unique(of_image * (answers.max(initial=0) + 1) + answers, return_counts=True)[1]
    together = np.array([(all_of(k, members)[alike]).sum() for k in sizes])
    return Failures(
        shares, np.transpose(without), mean_product(wrong.mean(axis=1), sizes), together
    )


def all_of(drawn: int, members: int) -> np.ndarray:
    """Probability that `drawn` of `members` all belong to a subset of w of them, float64, for w =
    0, ..., `members`."""
    w = np.arange(members + 1, dtype=np.float64)
    chances = np.ones(members + 1)
    for taken in range(drawn):
        chances *= np.maximum(w - taken, 0) / (members - taken)
    return chances


def mean_product(rates: np.ndarray, drawn: list[int]) -> np.ndarray:
    """Mean over all subsets of k members of the product of their `rates` (float M); float64, for
    each k of `drawn`."""
    means = np.zeros(len(rates) + 1)
    means[0] = 1
    for count, rate in enumerate(rates, start=1):
        k = np.arange(1, count + 1)
        means[1 : count + 1] = (1 - k / count) * means[1 : count + 1] + k / count * rate * means[
            :count
        ]
    return means[drawn]


def ceiling_rows(
    together: Failures, sizes: list[int], units: Units, confidence: float
) -> pd.DataFrame:
    """What `CEILING` has of one condition, or of a mean, in a row per number of members."""
    shares, independent = together.shares.mean(axis=1), together.independent
    with np.errstate(divide="ignore", invalid="ignore"):
        times, same = shares / independent, together.alike / together.shares.sum(axis=1)
    low, high = share(together.shares, units, confidence).ends
    replicates = np.column_stack([shares, together.without])
    over_members = [jackknife(of, confidence, SHARE).ends for of in replicates]
    table = pd.DataFrame(over_members, columns=["members_low", "members_high"])
    return table.assign(
        size=sizes,
        n_images=units.n_images,
        all_wrong=shares,
        all_wrong_low=low,
        all_wrong_high=high,
        independent=independent,
        times_independent=np.where(independent > 0, times, np.nan),
        same_wrong=np.where(shares > 0, same, np.nan),
    )
