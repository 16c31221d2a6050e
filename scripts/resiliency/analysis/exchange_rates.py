"""Exchange rates: by how much designs, training and ensembles lower the error, and what they
cost."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.exchanges_of_members import (
    FEWEST_FAMILIES,
    Exchange,
    another_seed,
    designs,
    families,
    family_at_equal_accuracy,
    median_of_designs,
    predictors,
    table_of,
)
from resiliency.analysis.left_out import (
    LeftOut,
    Part,
    units_of,
    weighted_means,
    weights_of_both,
)
from resiliency.analysis.observations.architecture import response_of
from resiliency.analysis.verdicts import Observation
from resiliency.base.names import (
    CORRUPTED,
    INDEPENDENT,
    accuracy_of,
    design_of,
    mean_member_accuracy_of,
)
from resiliency.ensembles.combination import VOTE
from resiliency.statistics.intervals import spread, without_image_noise


class Pairs(NamedTuple):
    """Mean errors of pairs of members, within and between D designs.

    Attributes:
        own: float D, mean error of the pairs within each design.
        mixed: float D x D, symmetric, mean error of the pairs with one member of each design; NaN
            on the diagonal and if there are no pairs.
        variances: float D, variance of a member's error between the seeds of its design.
        seeds: int D, number of seeds, at least 2.
    """

    own: np.ndarray
    mixed: np.ndarray
    variances: np.ndarray
    seeds: np.ndarray

    @property
    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """The first and the second design of each pair of designs with a known error."""
        first, second = np.nonzero(np.triu(np.isfinite(self.mixed), 1))
        return first, second

    def means(self) -> pd.DataFrame:
        """Means over the pairs of designs: of all designs, then without each; NaN without a pair.

        Returns:
            A row per mean, with columns squared_distance, of the errors of two designs;
            squared_noise, what it would be of designs that differ only in their seeds; gain, by
            which a mixed pair errs less than the average of both designs; and half_distance. The
            error of all pairs of k seeds varies as the mean error of k members does.
        """
        first, second = self.known
        pairs = pd.DataFrame(
            {
                "squared_distance": (self.own[first] - self.own[second]) ** 2,
                "squared_noise": 1 / self.seeds[first] + 1 / self.seeds[second],
                "gain": (self.own[first] + self.own[second]) / 2 - self.mixed[first, second],
                "half_distance": abs(self.own[first] - self.own[second]) / 2,
            }
        )
        designs = np.arange(len(self.own))
        rows = []
        for left_out in (-1, *designs):
            means = pairs[(first != left_out) & (second != left_out)].mean()
            freedom = np.where(designs == left_out, 0, self.seeds - 1)
            means["squared_noise"] *= (freedom @ self.variances) / freedom.sum()
            rows.append(means)
        return pd.DataFrame(rows).reset_index(drop=True)


def against_better(
    pairs: Pairs, without: Sequence[Pairs], confidence: float
) -> tuple[Part, tuple[float, float]]:
    """How much less a pair of two designs errs than a pair of the better of the two, mean over
    pairs of designs.

    The better of two designs seems better than it is, because the errors that judge it make it the
    better one. So with own_A the error of pairs of A, and mixed_AB of pairs of one member of each,
    the mean of

        min(own_A, own_B) - mixed_AB = (own_A + own_B) / 2 - mixed_AB - |own_A - own_B| / 2

    is computed with distances |own_A - own_B| that are shrunk by the root of the share of their
    mean square that is not noise, of seeds and images. Of normal values that gives the mean
    distance without noise.

    Leaving out designs says too little of chance differences, and of how much larger than measured
    true ones may be. So the interval is that of the jackknife and that of how far designs differ:
    distances of the upper ends are added in squares (Zou and Donner, Statistics in Medicine 27,
    2008).

    Args:
        pairs: pairs on all images.
        without: pairs without each of G groups of images; empty if images are treated as fixed.
        confidence: level of the interval.

    Returns:
        The contrast with its error, and the ends of its interval.
    """
    means = pairs.means()
    of_groups = [group.means() for group in without]

    true_squares = without_image_noise(
        means["squared_distance"] - means["squared_noise"],
        [group["squared_distance"] - group["squared_noise"] for group in of_groups],
    )
    true_share = np.where(
        means["squared_distance"] > 0, true_squares / means["squared_distance"], 0
    )
    shrinkage = np.sqrt(np.clip(true_share, 0, 1))
    without_group = [
        group["gain"][0] - shrinkage[0] * group["half_distance"][0] for group in of_groups
    ]
    part = Part.from_replicates("", (means["gain"] - shrinkage * means["half_distance"]).to_numpy())
    part = part.without_images(without_group)

    squares, gain, half_distance = means["squared_distance"], means["gain"], means["half_distance"]
    distance = spread(
        squares.to_numpy(),
        len(pairs.own) - 1,
        np.array([group["squared_distance"][0] for group in of_groups]),
        confidence,
        means["squared_noise"][0],
    )
    root = np.sqrt(squares[0]) or np.inf
    least = gain[0] - half_distance[0] * distance.high / root
    most = gain[0] - half_distance[0] * distance.low / root
    low, high = part.interval(confidence).ends
    reach = np.hypot(high - part.estimate, most - part.estimate)
    return part, (min(low, least), part.estimate + reach)


FAMILIES = 8  # with fewer, designs are left out in turn
DESIGNS = 3  # least number of designs with pairs of their own, for the contrast with mixed pairs
SECOND, THIRD, TWO_MORE = "second_member", "third_member", "two_more_members"


def of_independent(
    ensembles: pd.DataFrame, without: pd.DataFrame, rule: str, images: Sequence[str]
) -> list[pd.DataFrame]:
    """The ensembles of independent members under `rule`, with `error`, and `member_error`, the mean
    of their members.

    Args:
        ensembles: ensembles.parquet.
        without: leave_images_out.parquet.
        images: `corrupted`, or the test sets that replace it, over which the errors are means.

    Returns:
        On all images, then without each group of images; only the first if images are treated as
        fixed.
    """
    own, of_members = (
        [of(name) for name in images] for of in (accuracy_of, mean_member_accuracy_of)
    )

    def with_errors(table: pd.DataFrame) -> pd.DataFrame:
        pool = table[(table["origin"] == INDEPENDENT) & (table["rule"] == rule)]
        means = {"error": own, "member_error": of_members}
        return pool.assign(
            **{
                name: 1 - pool[columns].astype(float).mean(axis=1)
                for name, columns in means.items()
            }
        )

    known = len(without) and {*own, *of_members} <= set(without)
    groups = [of for _, of in without.groupby("without")] if known else []
    return [with_errors(table) for table in (ensembles, *groups)]


def more_members(
    ensembles: Sequence[pd.DataFrame], members: pd.DataFrame, errors: pd.Series, confidence: float
) -> Iterator[Exchange]:
    """The gain by a second and a third member: the fall of the mean error over all ensembles.

    Each ensemble is compared with its own members, so that a sample of ensembles compares equally
    good ones. Of votes, the second and the third member count together: two votes are right as
    often as their members on average.

    Args:
        ensembles: tables from `of_independent`.
        members: members.csv.
        errors: member -> its error.
    """
    families, (pool, *without) = (
        dict(zip(members["member"], members["family"], strict=True)),
        ensembles,
    )
    steps = [(TWO_MORE, 1, 3)] if VOTE in set(pool["rule"]) else [(SECOND, 1, 2), (THIRD, 2, 3)]
    for exchange, before, after in steps:
        compared = [pool[pool["size"] == size] for size in (before, after) if size > 1]
        if any(of_size.empty for of_size in compared):
            continue
        names = {name for joined in compared[-1]["members"] for name in joined.split("+")}
        unit, units = units_of(names, families, FAMILIES)
        part = Part.from_replicates(exchange, _step(pool, before, after, unit))
        part = part.without_images([_step(table, before, after, unit)[0] for table in without])
        counts = {"designs": len(set(map(design_of, names))), "members": len(names)}
        counts |= {
            "ensembles": sum(map(len, compared)),
            "median_error": median_of_designs(errors[[*names]], members),
        }
        cost, ends = after / before, part.interval(confidence).ends
        yield Exchange(
            exchange,
            part.estimate,
            *ends,
            units,
            part.units,
            inference=cost,
            training=cost,
            **counts,
        )


def _step(pool: pd.DataFrame, before: int, after: int, unit: Callable[[str], str]) -> np.ndarray:
    """How much more ensembles of `after` gain on their members than those of `before`; also without
    each unit."""
    larger, smaller = (pool[pool["size"] == size] for size in (after, before))

    def gains(weights: np.ndarray, ensembles: pd.DataFrame) -> np.ndarray:
        return weighted_means(
            weights, (ensembles["member_error"] - ensembles["error"]).to_numpy(float)[:, None]
        )[:, 0]

    if before == 1:
        return gains(LeftOut(larger, unit).weights, larger)
    first, second = weights_of_both(larger, smaller, unit)
    return gains(first, larger) - gains(second, smaller)


def mixing(
    ensembles: Sequence[pd.DataFrame],
    members: pd.DataFrame,
    errors: Sequence[pd.Series],
    confidence: float,
) -> Iterator[Exchange]:
    """The gain of a pair of two designs over a pair of the better one (see `against_better`).

    Designs of one seed have no pair of their own. Pairs that vote say nothing.

    Args:
        ensembles: tables from `of_independent`.
        members: members.csv.
        errors: member -> its error: on all images, then without each group of images.
    """
    if VOTE in set(ensembles[0]["rule"]):
        return
    design = members.set_index("member")["design"]
    pairs = [table[table["size"] == 2] for table in ensembles]
    combined = [joined.split("+") for joined in pairs[0]["members"]]
    names = sorted({design[first] for first, second in combined if design[first] == design[second]})
    if len(names) < DESIGNS:
        return
    combined = [both for both in combined if {*design[both]} <= {*names}]
    taking_part = sorted({name for both in combined for name in both})
    everything, *without = (
        _pairs(pairs_of_images, errors_on_images[taking_part], design, names)
        for pairs_of_images, errors_on_images in zip(pairs, errors, strict=False)
    )
    part, ends = against_better(everything, without, confidence)

    first, second = everything.known
    macs = members.set_index("member").loc[taking_part, "macs"].astype(float)
    macs_of_design = macs.groupby(design).mean()[names].to_numpy()
    better = np.where(everything.own[first] <= everything.own[second], first, second)
    costs = (macs_of_design[first] + macs_of_design[second]) / (2 * macs_of_design[better])
    cost = float(np.exp(np.mean(np.log(costs))))
    yield Exchange(
        "mixing_designs",
        part.estimate,
        *ends,
        "designs",
        part.units,
        inference=cost,
        training=cost,
        designs=len(names),
        members=len(taking_part),
        ensembles=len(combined),
        median_error=median_of_designs(errors[0][taking_part], members),
    )


def _pairs(pairs: pd.DataFrame, errors: pd.Series, design: pd.Series, names: list[str]) -> Pairs:
    """Pairs by the designs of their two members.

    Args:
        errors: member -> its error, of the members of these designs.
        design: member -> its design.
        names: designs with pairs of their own.
    """
    designs = [sorted(design[name] for name in joined.split("+")) for joined in pairs["members"]]
    first, second = np.array(designs, object).T
    table = pairs["error"].groupby([first, second]).mean().unstack()
    table = table.reindex(index=names, columns=names).to_numpy(float)
    mixed = np.where(np.isfinite(table), table, table.T)
    own = np.diag(mixed).copy()
    np.fill_diagonal(mixed, np.nan)
    seeds = errors.groupby(design)
    return Pairs(own, mixed, seeds.var()[names].to_numpy(float), seeds.size()[names].to_numpy())


def exchange_rates(
    members: pd.DataFrame,
    tables: dict[str, pd.DataFrame],
    observed: Sequence[Observation],
    rule: str,
    confidence: float,
    reference: str | None = None,
    shifts: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows of exchange_rates.csv.

    Args:
        members: members.csv.
        tables: tables of ensembles, as for `resiliency.analysis.observations.observations`.
        observed: the observations of the study, as that function returns them.
        confidence: level of the intervals, between 0 and 1.
        reference: recipe of the members by which families are compared; None for all recipes.
        shifts: additional test sets whose mean error replaces corrupted error.
    """
    measured_on, response = tuple(shifts) or (CORRUPTED,), response_of(shifts)
    tested = {one.number: one for one in observed}
    known = members[(members["origin"] == INDEPENDENT) & members[response].notna()]
    without = tables.get("members_without", pd.DataFrame())
    errors = _on_images(known, without, response)
    compared = known[known["recipe"] == reference] if reference else known
    rows = [*another_seed(compared, errors, confidence)]
    sized = compared.dropna(subset=["parameters"])
    if (sized.groupby("family")["design"].nunique() > 1).sum() >= FEWEST_FAMILIES:
        of_designs = designs(sized, errors, response)
        rows += [families(of_designs, confidence), *predictors(of_designs, confidence)]
        rows += family_at_equal_accuracy(tested["1b"], of_designs.median_errors[0, 0], confidence)
    if tables:
        pools = of_independent(
            tables["ensembles"], tables.get("ensembles_without", pd.DataFrame()), rule, measured_on
        )
        rows += [
            *more_members(pools, known, errors[0], confidence),
            *mixing(pools, known, errors, confidence),
        ]
    return table_of(rows, "+".join(measured_on), confidence)


def _on_images(members: pd.DataFrame, without: pd.DataFrame, column: str) -> list[pd.Series]:
    """A column by member, on all images and without each group of images as far as that is
    known."""
    groups = [of for _, of in without.groupby("without")] if column in without else []
    return [table.set_index("member")[column].astype(float) for table in (members, *groups)]
