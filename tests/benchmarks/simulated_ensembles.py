"""Studies of observations 2 and 4 whose truth is known: pairs of members of designs in families
that are alike."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd
from simulated_families import CONFIDENCE, standard

from resiliency.analysis.left_out import LeftOut, Part
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import (
    architecture_brings_diversity,
    deltas_of,
    left_by,
    permuted,
    sides_of,
)
from resiliency.analysis.verdicts import Observation, verdict_of
from resiliency.statistics.correlation import weighted_ranks
from resiliency.statistics.intervals import ANGULAR, studentised

RULE = "mean_probability"
DRAWS = 200  # of the placebo of each study
METRICS = {"label_disagreement": "prediction", "jensen_shannon": "prediction"}
METRICS |= {
    "saliency_cosine": "attribution",
    "grad_cam_cosine": "attribution",
    "linear_cka": "activation",
}
TABLE = pd.DataFrame(
    [(kind, metric) for metric, kind in METRICS.items()], columns=["kind", "metric"]
)
COLUMNS = [
    f"{m}_{i}"
    for m, k in METRICS.items()
    for i in (("clean", "corrupted") if k == "prediction" else ("clean",))
]
# Of observation 4.
ACCURACY = {f"mean_member_{images}_accuracy": 0.9 for images in ("clean", "corrupted")}
# Shares of the variance of a member that its family, its design and itself have.
ALIKE = (0.4, 0.45, 0.15)


class Pool(NamedTuple):
    """Members: families of so many designs, each with so many seeds.

    Attributes:
        second: whether the first design of each family has one seed more; or of how many families.
    """

    families: tuple[int, ...]
    seeds: int
    second: bool | int = False

    @property
    def doubled(self) -> int:
        """Number of families whose first design has one seed more."""
        return len(self.families) if self.second is True else self.second

    @property
    def name(self) -> str:
        """In words."""
        sizes = (
            f"{min(self.families)} to {max(self.families)}"
            if len(set(self.families)) > 1
            else self.families[0]
        )
        seeds = (
            "one of them with two seeds"
            if self.second
            else f"{self.seeds} seed{'s' * (self.seeds > 1)} each"
        )
        seeds += f" in {self.doubled} families" * (0 < self.doubled < len(self.families))
        return f"{len(self.families)} families of {sizes} designs, {seeds}"


class Pairs(NamedTuple):
    """What all pairs of members have in common from study to study."""

    table: pd.DataFrame
    families: dict[str, str]
    family: np.ndarray
    design: np.ndarray
    first: np.ndarray
    second: np.ndarray


@cache
def pairs_of(pool: Pool) -> Pairs:
    members, design = [], 0
    for family, designs in enumerate(pool.families):
        for index in range(designs):
            seeds = pool.seeds + (index == 0 and family < pool.doubled)
            members += [(f"d{design:02}-s{seed}", design, family) for seed in range(seeds)]
            design += 1
    both = list(combinations(range(len(members)), 2))
    first, second = np.array(both).T
    designs = np.array([design for _, design, _ in members])
    columns = {"members": [f"{members[a][0]}+{members[b][0]}" for a, b in both]}
    columns["designs"] = np.where(designs[first] == designs[second], 1, 2)
    table = pd.DataFrame(columns).assign(origin="independent", rule=RULE, size=2, weight=1.0)
    table = table.assign(possible=comb(len(members), 2))
    families = {name: f"f{family:02}" for name, _, family in members}
    return Pairs(
        table, families, np.array([family for *_, family in members]), designs, first, second
    )


def of_members(random: np.random.Generator, pairs: Pairs, kind: str) -> np.ndarray:
    """A value of each pair: of either member, half each, of variance 1; what families have in
    common is of `kind`."""
    shares = np.sqrt(ALIKE)
    own = shares[0] * standard(random, kind, (pairs.family.max() + 1,))[pairs.family]
    own += shares[1] * random.standard_normal(pairs.design.max() + 1)[pairs.design]
    own += shares[2] * random.standard_normal(len(pairs.design))
    return (own[pairs.first] + own[pairs.second]) / np.sqrt(2)


def of_correlations(
    differences: tuple[float, float], pool: Pool, kind: str
) -> Callable[..., Observation]:
    """Diversities correlate with accuracy, clean and corrupted, so that attributions lead by these
    Cohen's q."""
    pairs = pairs_of(pool)

    def simulate(random: np.random.Generator) -> Observation:
        def of_pairs() -> np.ndarray:
            """Half of it from members, half of the pair itself; of variance 1."""
            return np.sqrt(0.5) * (
                of_members(random, pairs, kind) + random.standard_normal(len(pairs.table))
            )

        attribution, columns = of_pairs(), {}
        for metric in ("saliency_cosine_clean", "grad_cam_cosine_clean"):
            columns[metric] = 0.9 * attribution + np.sqrt(0.19) * of_pairs()
        for images, difference in zip(("clean", "corrupted"), differences, strict=True):
            prediction = of_pairs()
            toward = np.tanh(difference / 2) / 0.9  # r of half the difference, which 0.9 dilutes
            rest = np.sqrt(1 - 2 * toward**2)
            columns[f"{images}_accuracy"] = toward * (attribution - prediction) + rest * of_pairs()
            columns[f"mean_member_{images}_accuracy"] = of_pairs()
            for metric in ("label_disagreement", "jensen_shannon"):
                columns[f"{metric}_{images}"] = 0.9 * prediction + np.sqrt(0.19) * of_pairs()
        rows = pairs.table.assign(**columns)
        return attribution_diversity_is_less_negative(
            rows, TABLE, RULE, 500, families=pairs.families, draws=DRAWS
        )

    return simulate


class Partitions(NamedTuple):
    """The pairs of a pool, of all families and without each, and which of them are of one design,
    by draws.

    Attributes:
        weights: float (1 + families) x pairs.
        accuracies: ranks of the accuracies of members, which are equal.
        one, different: of the pool itself, then of each draw of the placebo, bool (1 + draws) x
            pairs.
    """

    weights: np.ndarray
    accuracies: np.ndarray
    one: np.ndarray
    different: np.ndarray


@cache
def partitions_of(pool: Pool) -> Partitions:
    pairs = pairs_of(pool)
    alike = (pairs.table.designs == 1).to_numpy()
    members = {member for joined in pairs.table.members for member in joined.split("+")}
    one, different = sides_of(pairs.table, permuted(members, DRAWS))
    left_out = LeftOut(pairs.table.assign(**ACCURACY), pairs.families.__getitem__)
    return Partitions(
        left_out.weights,
        left_out.member_accuracies,
        np.vstack([alike, one]),
        np.vstack([~alike, different]),
    )


def diversities(
    random: np.random.Generator, gaps: tuple[float, float, float], pool: Pool, kind: str
) -> dict[str, np.ndarray]:
    """Column -> diversity of all pairs; different designs have more, in predictions, attributions
    and activations."""
    pairs = pairs_of(pool)
    gap = dict(zip(("prediction", "attribution", "activation"), gaps, strict=True))
    different, columns = pairs.table.designs.to_numpy() > 1, {}
    for column in COLUMNS:
        noise = 0.7 * random.standard_normal(len(pairs.table))
        columns[column] = (
            gap[_kind(column)] * different + np.sqrt(0.5) * of_members(random, pairs, kind) + noise
        )
    return columns


def _kind(column: str) -> str:
    return next(kind for metric, kind in METRICS.items() if column.startswith(metric))


def observed_diversities(columns: dict[str, np.ndarray], pool: Pool) -> Observation:
    """The observation of one study."""
    rows, families = pairs_of(pool).table.assign(**columns, **ACCURACY), pairs_of(pool).families
    return architecture_brings_diversity(rows, TABLE, RULE, 500, families=families, draws=DRAWS)


def replaced_by(
    observation: Observation, columns: dict[str, np.ndarray], pool: Pool
) -> Observation:
    """The observation of one study with the diversities of another."""
    weights, accuracies, *sides = partitions_of(pool)
    ranks = [
        np.mean(
            [
                weighted_ranks(weights, columns[column])
                for column in COLUMNS
                if _kind(column) == name
            ],
            axis=0,
        )
        for name in dict.fromkeys(METRICS.values())
    ]
    equal = [
        np.stack([left_by(accuracies, *of) for of in zip(each, weights, strict=True)])
        for each in ranks
    ]
    deltas = [deltas_of(each, weights, *sides) for each in ranks + equal]
    statistics = [
        Part.from_replicates(part.name, of[:, 0], ANGULAR, freedom=part.freedom)
        for part, of in zip(observation.parts + observation.controls, deltas, strict=True)
    ]
    parts, controls = statistics[: len(ranks)], statistics[len(ranks) :]
    estimates = np.column_stack([of[0, 1:] for of in deltas])
    errors = np.column_stack([studentised(of[:, 1:], ANGULAR)[1] for of in deltas])
    placebo = replace(observation.placebo, estimates=estimates, errors=errors)
    return replace(observation, parts=parts, controls=controls, placebo=placebo)


def verdicts_on_diversities(
    random: np.random.Generator,
    studies: int,
    gaps: tuple[float, float, float],
    pool: Pool,
    kind: str,
) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of so many studies, str S, and those of their parts, S x 3."""
    drawn = [diversities(random, gaps, pool, kind) for _ in range(studies)]
    first = observed_diversities(drawn[0], pool)
    reached, each = zip(
        *(verdict_of(replaced_by(first, of, pool), CONFIDENCE) for of in drawn), strict=True
    )
    return np.array(reached), np.array(each)[:, : len(first.parts)]
