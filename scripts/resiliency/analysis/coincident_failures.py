"""Coincident failures: how often two members fail on the same image, and how often if failures were independent.

Let theta_A(x) be the probability that a random member of design A fails on image x. For two members of one design
(Eckhardt and Lee, IEEE Transactions on Software Engineering 11, 1985)

    P(both fail) = E[theta_A^2] = E[theta_A]^2 + Var theta_A,

so that they fail together more than independence predicts, unless all images are as hard. For a member of each of two
designs (Littlewood and Miller, IEEE Transactions on Software Engineering 15, 1989)

    P(both fail) = E[theta_A theta_B] = E[theta_A] E[theta_B] + Cov(theta_A, theta_B),

and a negative covariance, where one design finds easy what the other finds hard, beats independence.

Members with other seeds stand for the random member. The estimators are unbiased over them: only pairs of distinct
members count, because a member always fails where it fails. They are unbiased over images too: a covariance is that of
a sample.

The ceiling of a pool of members: no choice among them is right on an image that all of them get wrong.

With w of M members wrong on an image, k members drawn without replacement are all wrong on it with probability
C(w, k) / C(M, k), and the mean of this over images is beta_k. For k = M it is the share that every member gets wrong: a
vote, a router or any other rule that returns the class of one of the members is right on at most 1 - beta_M. (A mean of
probabilities may return a class that no member does, and so exceed it.) beta_k falls as k grows; no value is
extrapolated beyond M.

For k < M, beta_k is an unbiased U-statistic of members drawn from a population (Hoeffding, Annals of Mathematical
Statistics 19, 1948); a jackknife over designs says how much other members would change it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.prediction.reading import condition_groups, corruption_conditions
from resiliency.statistics.intervals import COVARIANCE, SHARE, bootstrap, jackknife, of_linear, reach_of_none, share
from resiliency.statistics.resampling import Resampling, Units, in_groups

PAIRS_AT_ONCE = 64


class Failing(NamedTuple):
    """Sums over the members of each of D designs, of n images or of anything else that is a mean over images.

    Attributes:
        rates: float D x n, sums of failures, or of shares of failures.
        squares: float D x n, sums of their squares.
        members: int D, number of members of each design.
    """

    rates: np.ndarray
    squares: np.ndarray
    members: np.ndarray


def failing(rates: np.ndarray, members: Sequence[np.ndarray]) -> Failing:
    """The sums of `rates`, bool or float M x n; those of bools are float32, in which they are exact.

    Args:
        members: positions of the members of each design, int.
    """
    dtype = np.float32 if rates.dtype == bool else np.float64
    sums = np.stack([rates[own].sum(axis=0, dtype=dtype) for own in members])
    squares = sums if rates.dtype == bool else np.stack([np.square(rates[own]).sum(axis=0) for own in members])
    return Failing(sums, squares, np.array([len(own) for own in members]))


def joint_failure_rates(designs: Failing, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Estimates of theta_A theta_B for each image, or whatever else the sums are of.

    Args:
        first, second: int P, the designs of each pair; a design of two or more members may be paired with itself.

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
        failures: bool M x N for each condition, N the number of images of its test set.
        designs: design of each member.
        resampling: resampling of the images.
        units: test set -> units of its images; in a test set without an entry, each image is a unit.

    Returns:
        Columns as docs/tables.md describes them; the covariance is U / (U - 1), of U units, times the joint failure
        rate less the product of rates.
    """
    sizes = conditions.groupby("test_set")["n_images"].first()
    of_sets = {name: units.get(name) or Units.single(n_images) for name, n_images in sizes.items()}
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
                tables[name] = _rows(of_name, rates, members, pairs, of_sets[test_set], resampling.confidence)
                tables[name].insert(0, "images", name)
                tables[name]["n_images"] = conditions.n_images.iloc[rows[0]]
    return pd.concat([tables[name] for name in names], ignore_index=True)


def _coincidences(
    failures: list[np.ndarray], weights: np.ndarray, units: int, members: list[np.ndarray], pairs: np.ndarray
) -> np.ndarray:
    """Rates of both failing, of independence, and covariances under each row of weights, summed over conditions.

    Args:
        failures: bool M x N for each condition.
        weights: float64 (1 + resamples) x N.
        units: number of units, U.
        members: positions of the members of each design.
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
            reduce(np.add, (joint_failure_rates(of_condition, *some) for of_condition in of))
            for of in (on_images, of_rates)
        )
        together = together @ weights.T  # the slowest step, for all conditions at once
        block = coincidences[start : start + PAIRS_AT_ONCE]
        block[:, 0], block[:, 1] = together[:, 0], independent[:, 0]
        block[:, 2:] = (together - independent) * units / (units - 1)
    return coincidences


def _rows(
    coincidences: np.ndarray,
    rates: np.ndarray,
    members: dict[str, np.ndarray],
    pairs: list[tuple[str, str]],
    units: Units,
    confidence: float,
) -> pd.DataFrame:
    rows = []
    of_designs = {design: rates[own].mean() for design, own in members.items()}
    for (a, b), of_pair in zip(pairs, coincidences, strict=True):
        together, independent, covariance = of_pair[:3]
        low, high = bootstrap(covariance, of_pair[3:], units, confidence, COVARIANCE).ends
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
    counts = np.vstack([np.ones(units.n_images), drawn])
    return counts / counts.sum(axis=1, keepdims=True)


STEPS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
CEILING = ["images", "severity", "size", "members", "n_images", "all_wrong", "all_wrong_low", "all_wrong_high"]
CEILING += ["members_low", "members_high", "independent", "times_independent", "same_wrong"]
REACHED = ["best_member", "best_member_accuracy", "best_ensemble", "best_ensemble_accuracy", "ceiling"]
REACHED += ["reached", "reached_low", "reached_high"]


class Failures(NamedTuple):
    """How often k members fail together in one condition, or in the mean of several, for each of K values of k.

    Attributes:
        shares: float64 K x N, probability that k members drawn at random are all wrong on an image.
        without: float64 K x U, mean of `shares` without each unit of members.
        independent: float64 K, mean over all sets of k members of the product of their error rates.
        alike: float64 K, expected number of images to which k members drawn at random give the same wrong answer.
    """

    shares: np.ndarray
    without: np.ndarray
    independent: np.ndarray
    alike: np.ndarray


def sizes_of(members: int) -> list[int]:
    """The numbers of members that are drawn from `members`: `STEPS` below that, and all."""
    return [size for size in STEPS if size < members] + [members]


def all_of(drawn: int, members: int) -> np.ndarray:
    """Probability that `drawn` of `members` all belong to a subset of w of them, float64, for w = 0, ..., `members`."""
    w = np.arange(members + 1, dtype=np.float64)
    chances = np.ones(members + 1)
    for taken in range(drawn):
        chances *= np.maximum(w - taken, 0) / (members - taken)
    return chances


def mean_product(rates: np.ndarray, drawn: list[int]) -> np.ndarray:
    """Mean over all subsets of k members of the product of their `rates` (float M); float64, for each k of `drawn`."""
    means = np.zeros(len(rates) + 1)
    means[0] = 1
    for count, rate in enumerate(rates, start=1):
        k = np.arange(1, count + 1)
        means[1 : count + 1] = (1 - k / count) * means[1 : count + 1] + k / count * rate * means[:count]
    return means[drawn]


def failures(decisions: np.ndarray, labels: np.ndarray, sizes: list[int], units: np.ndarray) -> Failures:
    """How often members fail together in one condition.

    Args:
        decisions: int M x N, predicted classes.
        labels: int N, true classes.
        sizes: the values of k, from 1 to M.
        units: int M, the unit with which each member is left out.
    """
    wrong = decisions != labels
    members, images = wrong.shape
    counts = wrong.sum(axis=0)
    shares = np.stack([all_of(k, members)[counts] for k in sizes])
    without = []
    for unit in range(units.max() + 1):
        kept = units != unit
        rest = int(kept.sum())
        histogram = np.bincount(counts - wrong[~kept].sum(axis=0), minlength=rest + 1) / images
        without.append([all_of(min(k, rest), rest) @ histogram if rest else np.nan for k in sizes])
    alike = _alike(decisions, wrong)
    together = np.array([(all_of(k, members)[alike]).sum() for k in sizes])
    return Failures(shares, np.transpose(without), mean_product(wrong.mean(axis=1), sizes), together)


def _alike(decisions: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Number of members that give each wrong answer to each image; int64."""
    images = np.broadcast_to(np.arange(wrong.shape[1]), wrong.shape)[wrong]
    answers = decisions[wrong].astype(np.int64)
    return np.unique(images * (answers.max(initial=0) + 1) + answers, return_counts=True)[1]


def ceiling_table(
    conditions: pd.DataFrame,
    of_condition: Iterator[Failures],
    sizes: list[int],
    members: int,
    confidence: float,
    units: Mapping[str, Units] = {},
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """How often k members all fail in each condition, and in the mean over all corruptions.

    Args:
        of_condition: `failures` of each condition, in the order of the table.
        sizes: the values of k.
        members: number of members, M.
        confidence: level of the intervals, between 0 and 1.
        units: test set -> units of its images; in a test set without an entry, each image is a unit.

    Returns:
        The table, `CEILING` as docs/tables.md describes them, and for each condition whether all members are wrong on
        each image, bool N.
    """
    tables, everyone, total = [], [], None
    corrupted = condition_groups(conditions).get(CORRUPTED, [])
    for row, together in zip(conditions.itertuples(), of_condition, strict=True):
        name = row.corruption if row.test_set == CLEAN else row.test_set
        of_images = units.get(row.test_set) or Units.single(row.n_images)
        rows = _ceiling_rows(together, sizes, of_images, confidence)
        tables.append(rows.assign(images=name, severity=row.severity, n_images=row.n_images))
        everyone.append(together.shares[-1] == 1)
        if row.condition in corrupted:
            total = together if total is None else Failures(*map(np.add, total, together))
    if total is not None:
        mean = Failures(*(values / len(corrupted) for values in total))
        n_images = conditions.n_images.iloc[corrupted[0]]
        rows = _ceiling_rows(mean, sizes, units.get(CLEAN) or Units.single(n_images), confidence)
        tables.append(rows.assign(images=CORRUPTED, severity=np.nan, n_images=n_images))
    return pd.concat(tables, ignore_index=True).assign(members=members)[CEILING], everyone


def _ceiling_rows(together: Failures, sizes: list[int], units: Units, confidence: float) -> pd.DataFrame:
    shares = together.shares.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        times, same = shares / together.independent, together.alike / together.shares.sum(axis=1)
    low, high = share(together.shares, units, confidence).ends
    over_members = [
        jackknife(np.append(of_all, without), confidence, SHARE)
        for of_all, without in zip(shares, together.without, strict=True)
    ]
    return pd.DataFrame(
        {
            "size": sizes,
            "all_wrong": shares,
            "all_wrong_low": low,
            "all_wrong_high": high,
            "members_low": [of.low for of in over_members],
            "members_high": [of.high for of in over_members],
            "independent": together.independent,
            "times_independent": np.where(together.independent > 0, times, np.nan),
            "same_wrong": np.where(shares > 0, same, np.nan),
        }
    )


def unit_of(designs: list[str]) -> np.ndarray:
    """The unit with which each member is left out, int64 M: its design, or a group of designs if there are many."""
    units = in_groups(designs)
    return np.unique([units[design] for design in designs], return_inverse=True)[1]


def way_to_ceiling(
    member: np.ndarray, ensemble: np.ndarray, everyone: np.ndarray, units: Units, confidence: float
) -> dict[str, float]:
    """How far an ensemble comes from a member to the ceiling: `REACHED` without the names.

    The interval is over images, paired, by the linearised ratio (Fieller's problem, with the ceiling far from the
    member): (a - r b) / mean b has the standard error of r = mean a / mean b.

    Args:
        member, ensemble, everyone: float n, how often the member, the ensemble and all members together are wrong on
            each image; the member and the ensemble were selected on other images.
        units: units of these images.
        confidence: level of the interval, between 0 and 1.
    """
    gained, possible = member - ensemble, member - everyone
    accuracies = {
        "best_member_accuracy": 1 - member.mean(),
        "best_ensemble_accuracy": 1 - ensemble.mean(),
        "ceiling": 1 - everyone.mean(),
    }
    if possible.mean() <= 0:
        return accuracies | dict.fromkeys(REACHED[-3:], np.nan)
    reached = gained.mean() / possible.mean()
    parts = (gained - reached * possible) / possible.mean()
    low, high = of_linear(reached, parts, units, confidence).ends
    least = reach_of_none(np.count_nonzero(units.sums((gained != 0) | (possible != 0))), confidence)
    return accuracies | dict(zip(REACHED[-3:], (reached, min(low, 1 - least), max(high, least)), strict=True))


def with_best(
    ceiling: pd.DataFrame,
    everyone: list[np.ndarray],
    candidates: pd.DataFrame,
    members: list[str],
    pool: set[str],
    scored: EnsembleErrors,
    evaluation: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """The table from `ceiling_table` with the columns `REACHED`, in the rows of all members under corruptions.

    It has no more columns if the pool has no candidate that is a member, or none that is an ensemble.

    Args:
        ceiling, everyone: as `ceiling_table` returns them.
        candidates: table from `candidate_table`; only members and ensembles of the pool count.
        members: names of the members of which the candidates are formed.
        pool: names of the members of the ceiling.
        scored: predictions of `members`, in their order.
        evaluation: int, images on which nothing was selected.
        confidence: level of the intervals, between 0 and 1.
    """
    best = _best(candidates, pool)
    if len(best) < 2:
        return ceiling
    conditions = scored.predictions[0].conditions
    ensembles = [np.array([members.index(name) for name in joined.split("+")]) for joined in best.values()]
    wrong = {}
    for condition in np.flatnonzero(conditions.corruption != CLEAN):
        of_ensembles = [scored.wrong_in(ensemble, evaluation, condition) for ensemble in ensembles]
        wrong[condition] = np.stack([*of_ensembles, everyone[condition][evaluation]]).astype(float)
    mean = np.mean([wrong[condition] for condition in condition_groups(conditions)[CORRUPTED]], axis=0)
    units = scored.units(CLEAN).of(evaluation)
    ways = [best | way_to_ceiling(*of, units, confidence) for of in (*wrong.values(), mean)]
    rows = ceiling.index[(ceiling["size"] == ceiling["members"]) & (ceiling["severity"] != 0)]
    return ceiling.join(pd.DataFrame(ways, rows)[REACHED])


def _best(candidates: pd.DataFrame, pool: set[str]) -> dict[str, str]:
    """The member and the ensemble with the least selection error, of those whose members are all of the pool."""
    known = candidates.dropna(subset=["selection_error"])
    of_pool = known[[pool.issuperset(joined.split("+")) for joined in known["members"]]]
    alone = of_pool["size"] == 1
    roles = {"best_member": of_pool[alone], "best_ensemble": of_pool[~alone]}
    return {role: rows.loc[rows["selection_error"].idxmin(), "members"] for role, rows in roles.items() if len(rows)}
