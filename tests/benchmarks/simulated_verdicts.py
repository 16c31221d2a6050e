"""Studies whose truth is known, and the verdicts on them by the rules of the pipeline.

A situation is planted as the truth of each part of an observation, so that a verdict is false if it is `supported`
where some part is no larger than 0, or `contradicted` where none is smaller.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.observations import (
    architecture_brings_diversity,
    architecture_matters_more,
    attribution_diversity_is_less_negative,
    balance_is_most_resilient,
)
from resiliency.analysis.verdicts import Observation, verdict_of

CONFIDENCE = 0.95
SIZES = {"8 x 2": (8, 2), "18 x 2": (18, 2), "18 x 3": (18, 3), "30 x 1": (30, 1)}  # designs x seeds
RULE = "mean_probability"


class Situation(NamedTuple):
    """A row of the table of verdicts.

    Attributes:
        observation: 1 to 4.
        name: what is planted, in words.
        size: of the study.
        truths: of each part, such that a positive one supports the statement.
        simulate: random -> the observation.
    """

    observation: int
    name: str
    size: str
    truths: tuple[float, ...]
    simulate: Callable[[np.random.Generator], Observation]


# Observation 1: shares of variance of family, size and clean accuracy


def of_families(family: float, size: float, clean: float, noise: float, families: int, each: int, seeds: int, of: str):
    number = families * each
    names = [f"f{index // each:02}" for index in range(number)]
    total = family**2 + size**2 + clean**2 + noise**2

    def simulate(random: np.random.Generator) -> Observation:
        parameters, accuracy, rest = random.standard_normal((3, number))
        own = random.standard_normal(families).repeat(each)
        error = family * own + size * parameters + clean * accuracy + noise * rest
        designs = pd.DataFrame({"design": [f"d{i:02}" for i in range(number)], "family": names})
        designs["parameters"], designs["clean_accuracy"] = 10 ** (5 + parameters), accuracy
        designs["mean_corruption_error"] = error
        table = designs.loc[np.repeat(designs.index, seeds)].assign(origin="independent")
        table["mean_corruption_error"] += 0.1 * random.standard_normal(len(table))
        return architecture_matters_more(table, 500)

    truths = (family**2 - size**2) / total, (family**2 - clean**2) / total
    description = f"variance of family {family**2:g}, size {size**2:g}, accuracy {clean**2:g}, noise {noise**2:g}"
    return Situation(1, description, f"{number} designs in {families} families" if of == "" else of, truths, simulate)


# Observations 2 and 4: ensembles of two members


@cache
def pairs_of(designs: int, seeds: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """What all pairs of members have in common from study to study, and the design of either member."""
    members = [(d, f"d{d:02}-s{s}") for d in range(designs) for s in range(seeds)]
    both = list(combinations(members, 2))
    first, second = (np.array([pair[i][0] for pair in both]) for i in (0, 1))
    columns = {"members": [f"{a}+{b}" for (_, a), (_, b) in both], "designs": np.where(first == second, 1, 2)}
    table = pd.DataFrame(columns).assign(origin="independent", rule=RULE, size=2, weight=1.0)
    return table.assign(possible=comb(len(members), 2)), first, second


METRICS = {"label_disagreement": "prediction", "jensen_shannon": "prediction"}
METRICS |= {"saliency_cosine": "attribution", "grad_cam_cosine": "attribution", "linear_cka": "activation"}
PAIRS = pd.DataFrame([(kind, metric) for metric, kind in METRICS.items()], columns=["kind", "metric"])
COLUMNS = [
    f"{m}_{i}" for m, k in METRICS.items() for i in (("clean", "corrupted") if k == "prediction" else ("clean",))
]


def _paired(random: np.random.Generator, designs: int, seeds: int, alike: float) -> np.ndarray:
    """A value of each member; seeds of a design share so much of the variance."""
    shared = np.sqrt(alike) * random.standard_normal(designs).repeat(seeds)
    return shared + np.sqrt(1 - alike) * random.standard_normal(designs * seeds)


def of_correlations(differences: tuple[float, float], size: str) -> Situation:
    """Diversities correlate with accuracy, clean and corrupted, so that attributions lead by these differences of r."""
    designs, seeds = SIZES[size]
    table, *_ = pairs_of(designs, seeds)
    members = [np.array(i) for i in zip(*combinations(range(designs * seeds), 2), strict=True)]

    def simulate(random: np.random.Generator) -> Observation:
        def of_pairs() -> np.ndarray:
            """Half of it from members, half of the pair alone; standard normal."""
            own = _paired(random, designs, seeds, 0.85)
            return (own[members[0]] + own[members[1]]) / 2 + np.sqrt(0.5) * random.standard_normal(len(table))

        attribution, columns = of_pairs(), {}
        for metric in ("saliency_cosine_clean", "grad_cam_cosine_clean"):
            columns[metric] = 0.9 * attribution + np.sqrt(0.19) * of_pairs()
        for images, difference in zip(("clean", "corrupted"), differences, strict=True):
            prediction = of_pairs()
            toward, away = difference / 2 / 0.9, -difference / 2 / 0.9  # of r, which 0.9 dilutes
            rest = np.sqrt(max(1 - toward**2 - away**2, 0))
            columns[f"{images}_accuracy"] = toward * attribution + away * prediction + rest * of_pairs()
            columns[f"mean_member_{images}_accuracy"] = of_pairs()
            for metric in ("label_disagreement", "jensen_shannon"):
                columns[f"{metric}_{images}"] = 0.9 * prediction + np.sqrt(0.19) * of_pairs()
        rows = table.assign(**columns)
        return attribution_diversity_is_less_negative(rows, PAIRS, RULE, 500)

    description = f"difference of r: clean {differences[0]:g}, corrupted {differences[1]:g}"
    return Situation(2, description, size, differences, simulate)


def of_diversities(gaps: tuple[float, float, float], size: str) -> Situation:
    """Pairs of different designs are more diverse by these gaps, in predictions, attributions and activations."""
    designs, seeds = SIZES[size]
    table, first, second = pairs_of(designs, seeds)
    gap = dict(zip(("prediction", "attribution", "activation"), gaps, strict=True))
    members = [np.array(i) for i in zip(*combinations(range(designs * seeds), 2), strict=True)]

    def simulate(random: np.random.Generator) -> Observation:
        columns = {}
        for column in COLUMNS:
            kind = next(kind for metric, kind in METRICS.items() if column.startswith(metric))
            own = 0.5 * _paired(random, designs, seeds, 0.85)
            values = gap[kind] * (first != second) + own[members[0]] + own[members[1]]
            columns[column] = values + 0.7 * random.standard_normal(len(table))
        accuracy = {f"mean_member_{images}_accuracy": 0.9 for images in ("clean", "corrupted")}
        rows = table.assign(**columns, **accuracy)
        return architecture_brings_diversity(rows, PAIRS, RULE, 500)

    description = "gap of predictions {:g}, attributions {:g}, activations {:g}".format(*gaps)
    return Situation(4, description, size, gaps, simulate)


# Observation 3: jointly trained ensembles


def of_balance(better: tuple[float, float], seeds: int, spread: tuple[float, ...] = (1, 1, 1, 1)) -> Situation:
    """The balanced setting errs less than either end by so many standard deviations between seeds.

    Args:
        spread: standard deviation of the settings lambda 0, 0.5 and 1, and of another objective.
    """
    images, deviation = 40, 0.01
    settings = [("balanced", 0.0, better[0]), ("balanced", 0.5, 0.0), ("balanced", 1.0, better[1]), ("ncl", 1.0, 1.0)]
    index = [(o, s, k, i) for o, s, _ in settings for k in range(seeds) for i in range(images)]
    rows = pd.DataFrame(index, columns=["objective", "strength", "seed", "image"])

    def simulate(random: np.random.Generator) -> Observation:
        levels = deviation * np.array([level for *_, level in settings])[:, None]
        means = 0.2 + levels + deviation * np.array(spread)[:, None] * random.standard_normal((4, seeds))
        own = 0.02 * random.standard_normal((4, seeds, images))
        errors = rows.assign(error=(means[:, :, None] + 0.2 * random.standard_normal(images) + own).ravel())
        return balance_is_most_resilient(errors, 9, 0.01)

    description = f"better than the ends by {better[0]:g} and {better[1]:g} standard deviations"
    description += "; the balanced setting spreads twice as much" if spread[1] != 1 else ""
    return Situation(3, description, f"{seeds} seeds", better, simulate)


GAP = 1.15  # of diversities: a Cliff's delta of about .5 of single metrics
DRAWN = [((9, 2, 2), "18 x 2"), ((10, 3, 1), "30 x 1"), ((8, 2, 1), ""), ((8, 3, 1), ""), ((16, 2, 1), "")]
UNEVEN = (1, 2, 1, 1)  # the balanced setting spreads twice as much
SITUATIONS = [
    of_families(1.6, 0.4, 0.4, 0.8, 4, 2, 2, "8 x 2"),
    *(
        of_families(*effects, *study, of)
        for effects in ((0, 0, 0, 1), (1, 1, 1, 1), (1, 1, 0, 0.5))
        for study, of in DRAWN
    ),
    *(of_families(1.6, 0.4, 0.4, 0.8, *study, of) for study, of in [*DRAWN, ((9, 2, 3), "18 x 3")]),
    *(of_correlations(d, size) for d in ((0, 0), (0.45, 0), (0.45, 0.45)) for size in SIZES),
    *(of_diversities(g, size) for g in ((0, 0, 0), (GAP, GAP, 0), (GAP, GAP, GAP)) for size in SIZES),
    *(of_balance(b, seeds) for b in ((0, 0), (6, 0), (3, 3)) for seeds in (2, 3, 5, 8)),
    *(of_balance(b, seeds, UNEVEN) for b in ((0, 0), (6, 0)) for seeds in (2, 3, 5)),
]


def rates(situation: Situation, simulations: int, stream: Callable[..., np.random.Generator]) -> dict:
    """How often each verdict is reached, and how often a false one."""
    reached = []
    for simulation in range(simulations):
        random = stream(situation.observation, situation.name, situation.size, simulation)
        observation = situation.simulate(random)
        reached.append(verdict_of(observation, CONFIDENCE)[0])
        if observation.lacking and simulation == 20:
            break  # no study of this size can have a verdict
    falsely = {"supported": min(situation.truths) <= 0, "contradicted": min(situation.truths) >= 0}
    verdicts = {v: reached.count(v) for v in ("supported", "contradicted", "equivalent", "undecided")}
    return {
        "observation": situation.observation,
        "situation": situation.name,
        "size": situation.size,
        "powerful": min(situation.truths) > 0,
        "lacking": bool(observation.lacking),
        "verdicts": verdicts,
        "false": max((verdicts[verdict] for verdict, is_false in falsely.items() if is_false), default=0),
        "simulations": len(reached),
    }
