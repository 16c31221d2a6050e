"""Studies whose truth is known, and the verdicts on them by the rules of the pipeline.

The truth of each part is planted. A verdict is false if it is `supported` where some part is not
above 0 (or what it must exceed), `contradicted` where none is below 0, `no practical difference`
where some part is as large as the margin, and `supported in part` where that is false of a part.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import simulated_families as families
import simulated_spread as spreads
from simulated_ensembles import Pool, of_correlations, verdicts_on_diversities
from simulated_families import AT_MARGIN, AT_ZERO, POOLS, WORDS, Effects, standard
from simulated_spread import NO_NOISE, Layout, Noise

from resiliency.analysis.observations import (
    MARGIN,
    balance_is_most_resilient,
    correlation,
    diversity,
)
from resiliency.analysis.observations.architecture import WORTH
from resiliency.analysis.verdicts import (
    CONTRADICTED,
    IN_PART,
    NO_DIFFERENCE,
    NOISE,
    NOT_TESTED,
    SUPPORTED,
    Observation,
    verdict_of,
)

CONFIDENCE = families.CONFIDENCE
DECIDED = (SUPPORTED, IN_PART, CONTRADICTED, NO_DIFFERENCE, NOISE)
FAR = 9.0  # the truth of a part that is neither near 0 nor near the margin
Studies = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


class Situation(NamedTuple):
    """A row of the table of verdicts.

    Attributes:
        observation: 1a, 1b, 2, 3 or 4.
        name: what is planted, in words.
        size: of the study.
        truths: of each part, such that a positive one supports the statement.
        margin: of the observation, in units of `truths`.
        simulate: random, number of studies -> their verdicts, str S, and those of their parts, S x
            k.
        share: of the simulations asked for that this situation gets.
        least: what a truth must exceed for the statement to hold.
    """

    observation: str
    name: str
    size: str
    truths: tuple[float, ...]
    margin: float
    simulate: Studies
    share: float = 1.0
    least: float = 0.0

    @property
    def without_effect(self) -> bool:
        """Whether the statement does not hold of some part, although none is on the other side of
        0."""
        return 0 <= min(self.truths) <= self.least

    @property
    def asks(self) -> str:
        """What the row is about: power to support, power to contradict, or errors."""
        if min(self.truths) > self.least and max(map(abs, self.truths)) != self.margin:
            return "support"
        return (
            "contradict" if min(self.truths) < 0 and -self.margin not in self.truths else "errors"
        )


def one_by_one(simulate: Callable[[np.random.Generator], Observation]) -> Studies:
    """The verdicts of studies that are made one at a time."""

    def of_studies(random: np.random.Generator, studies: int) -> tuple[np.ndarray, np.ndarray]:
        made = [simulate(random) for _ in range(studies)]
        reached, each = zip(*(verdict_of(study, CONFIDENCE) for study in made), strict=True)
        return np.array(reached), np.array(each)[:, : len(made[0].parts)]

    return of_studies


def false(situation: Situation, reached: np.ndarray, each: np.ndarray) -> np.ndarray:
    """Which verdicts are false, bool S."""
    truths, margin = np.array(situation.truths), situation.margin
    claims = {SUPPORTED: truths <= situation.least, NO_DIFFERENCE: np.abs(truths) >= margin}
    wrong = np.any([(each == verdict) & of for verdict, of in claims.items()], axis=0).any(axis=1)
    whole = {
        SUPPORTED: truths.min() <= situation.least,
        CONTRADICTED: truths.min() >= 0,
        NO_DIFFERENCE: np.abs(truths).max() >= margin,
    }
    return (
        np.any([(reached == verdict) & of for verdict, of in whole.items()], axis=0)
        | (reached == IN_PART) & wrong
    )


def rates(situation: Situation, studies: int, random: np.random.Generator) -> dict:
    """How often each verdict is reached, and how often a false one."""
    number = max(int(studies * situation.share), 1)
    reached, each = situation.simulate(random, number)
    return {
        "observation": situation.observation,
        "situation": situation.name,
        "size": situation.size,
        "asks": situation.asks,
        "verdicts": {
            verdict: int((reached == verdict).sum()) for verdict in (*DECIDED, NOT_TESTED)
        },
        "false": int(false(situation, reached, each).sum()),
        "simulations": number,
    }


# Observation 1, without placebos, which can only make supporting rarer


def of_families(
    name: str,
    truth: float,
    effects: Effects,
    between: float,
    kind: str,
    pool: str,
    share: float = 1.0,
) -> Situation:
    simulate = partial(families.verdicts, effects=effects, between=between, kind=kind, pool=pool)
    described = f"{name}; predictors {between:.0%} between families; {WORDS[kind]} families"
    return Situation(
        "1a", described, pool, (truth,), families.MARGIN, lambda r, n: simulate(r, studies=n), share
    )


def families_situations() -> list[Situation]:
    rows = []
    for pool in (
        "8 families of 2",
        "8 families of 3",
        "16 families of 3",
        "14 families of 1 to 22",
    ):
        for (kind, between), k in AT_ZERO.items():
            if kind != "skewed" or pool not in ("8 families of 2", "16 families of 3"):
                rows.append(of_families("δ 0", 0, Effects(1, k, k), between, kind, pool))
    for pool in ("16 families of 3", "24 families of 3"):
        for (kind, between), k in AT_MARGIN.items():
            rows.append(
                of_families(
                    "δ at the margin", families.MARGIN, Effects(1, k, k), between, kind, pool
                )
            )
    for pool in POOLS:
        for kind in ("normal", "t3"):
            plain = (0.5, kind, pool, 0.4)
            rows.append(of_families("family decides", FAR, Effects(1.6, 0.4, 0.4, 0.8), *plain))
            rows.append(of_families("size decides", -FAR, Effects(0.3, 1, 0.3, 0.3), *plain))
    return rows


def of_spread(
    truth: float, layout: Layout, noise: Noise, kind: str, failing: bool = False
) -> Situation:
    simulate = partial(
        spreads.verdicts, layout=layout, spread=truth, noise=noise, kind=kind, failing=failing
    )
    noisy = "" if noise == NO_NOISE else ", noise in clean accuracy"
    fails = ", one training in ten fails" if failing else ""
    name = f"spread of {truth:g} points{noisy}{fails}; {WORDS[kind]} families"
    return Situation("1b", name, layout.words, (truth,), WORTH, simulate, least=WORTH)


LENGTHS = Layout(26, 1, 4, 2), Layout(26, 3, 2, 1), Layout(8, 1, 4, 2)
SPREADS = [
    *(of_spread(0, layout, spreads.NOISE, "normal") for layout in LENGTHS),
    *(
        of_spread(WORTH, layout, spreads.NOISE, kind)
        for layout in LENGTHS
        for kind in ("normal", "t3", "skewed")
    ),
    *(of_spread(WORTH, layout, NO_NOISE, "normal") for layout in LENGTHS),
    *(of_spread(WORTH, layout, spreads.NOISE, "skewed", failing=True) for layout in LENGTHS),
    *(
        of_spread(2 * WORTH, layout, spreads.NOISE, kind)
        for layout in LENGTHS
        for kind in ("normal", "t3")
    ),
]


# Observations 2 and 4

DIGITS = Pool((2,) * 8, 1, second=True)  # as digits
TWO_SEEDS, PUBLISHED = Pool((2,) * 9, 2), Pool((6, 4, 3, 2, 2, 2, 1, 1, 1, 1), 1)
FEWER = Pool((2,) * 6, 1, second=True)
GAP = 1.15  # of diversities: a Cliff's delta of about .5 of single metrics


def ensembles_situations() -> list[Situation]:
    rows, margin = [], correlation.MARGIN
    for pool in (DIGITS, TWO_SEEDS, PUBLISHED):
        for kind in ("normal", "t3") if pool is not TWO_SEEDS else ("normal",):
            for q in ((0, 0), (0.6, 0), (margin, margin), (0.7, 0.7), (-0.7, -0.7)):
                name = (
                    f"q {q[0]:g} and {q[1]:g} on clean and corrupted images; {WORDS[kind]} families"
                )
                simulate = one_by_one(of_correlations(q, pool, kind))
                rows.append(
                    Situation(
                        "2", name, pool.name, q, margin, simulate, 0.4 if abs(q[1]) == 0.7 else 1
                    )
                )
    for pool in (FEWER, DIGITS, TWO_SEEDS):
        for kind in ("normal", "t3") if pool is not TWO_SEEDS else ("normal",):
            for gaps in ((0, 0, 0), (GAP, GAP, 0), (GAP,) * 3, (-GAP,) * 3):
                name = "gaps of {:g}, {:g} and {:g} in the three kinds; {} families".format(
                    *gaps, WORDS[kind]
                )
                simulate = partial(verdicts_on_diversities, gaps=gaps, pool=pool, kind=kind)
                truths = tuple(np.sign(gaps) * FAR)
                rows.append(
                    Situation(
                        "4",
                        name,
                        pool.name,
                        truths,
                        diversity.MARGIN,
                        simulate,
                        0.2 if gaps[2] else 0.5,
                    )
                )
    return rows


# Observation 3: jointly trained ensembles


def of_balance(
    better: tuple[float, float],
    seeds: int,
    spread: tuple[float, ...] = (1, 1, 1, 1),
    kinds: str | Sequence[str] = "normal",
) -> Situation:
    """The balanced setting errs less than either end by so many standard deviations between seeds;
    1 is the margin.

    Args:
        spread: standard deviation of the settings lambda 0, 0.5 and 1, and of another objective.
        kinds: of the distribution of the seeds of each of these settings, or of all.
    """
    images, deviation = 40, 0.01
    settings = [
        ("balanced", 0.0, better[0]),
        ("balanced", 0.5, 0.0),
        ("balanced", 1.0, better[1]),
        ("ncl", 1.0, 1.0),
    ]
    index = [(o, s, k, i) for o, s, _ in settings for k in range(seeds) for i in range(images)]
    rows = pd.DataFrame(index, columns=["objective", "loss_weight", "seed", "image"])
    # Error of independent training, of which a standard deviation is the margin.
    independent = deviation / MARGIN
    each = [kinds] * 4 if isinstance(kinds, str) else kinds

    def simulate(random: np.random.Generator) -> Observation:
        levels = deviation * np.array([level - better[0] for *_, level in settings])[:, None]
        seeded = np.stack([standard(random, kind, (seeds,)) for kind in each])
        means = independent + levels + deviation * np.array(spread)[:, None] * seeded
        own = 0.02 * random.standard_normal((4, seeds, images))
        errors = rows.assign(
            error=(means[:, :, None] + 0.05 * random.standard_normal(images) + own).ravel()
        )
        return balance_is_most_resilient(errors, 9)

    description = (
        f"better than the ends by {better[0]:g} and {better[1]:g} standard deviations; "
        f"{_seeds(each)}"
    )
    description += "; the balanced setting spreads twice as much" if spread[1] != 1 else ""
    share = 0.4 if better[0] == better[1] and abs(better[0]) > 1 else 1
    return Situation("3", description, f"{seeds} seeds", better, 1, one_by_one(simulate), share)


def _seeds(kinds: Sequence[str]) -> str:
    if len(set(kinds)) == 1:
        return f"{WORDS[kinds[0]]} seeds"
    return f"{WORDS[kinds[1]]} seeds of the balanced setting alone"


UNEVEN = (1, 2, 1, 1)  # the balanced setting spreads twice as much
MIDDLE = ("normal", "{}", "normal", "normal")  # the balanced setting alone
ODD = [
    "skewed",
    "failing",
    *(tuple(kind.format(odd) for kind in MIDDLE) for odd in ("skewed", "failing")),
]
BALANCE = [
    *(of_balance((0, 0), seeds) for seeds in (5, 8, 12)),
    *(of_balance(better, seeds) for better in ((6, 0), (3, 3)) for seeds in (5, 8)),
    *(of_balance(better, seeds) for better in ((1, 1), (6, 1)) for seeds in (5, 8)),
    of_balance((-3, -3), 5),
    *(of_balance(better, 5, UNEVEN) for better in ((0, 0), (6, 0))),
    *(of_balance(better, 5, kinds="t3") for better in ((0, 0), (6, 0), (3, 3))),
    *(
        of_balance(better, seeds, kinds=kinds)
        for kinds in ODD
        for better in ((0, 0), (6, 0))
        for seeds in (5, 10)
    ),
]
SITUATIONS = [*families_situations(), *SPREADS, *ensembles_situations(), *BALANCE]
