"""Swaps at equal accuracy in simulated studies: coverage, the control without an effect, and time
beside a plain loop.

Run by hand: python tests/benchmarks/swaps.py [--studies 400] What is hard is common to all members,
a family, a design, or one member; without an effect, to all or one. The value to hold is the mean
over 16 studies of 40 families and 3,000 images.
"""

from argparse import ArgumentParser
from functools import cache
from time import process_time
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.analysis import swaps
from resiliency.analysis.pair_counts import PairCounts, pair_counts
from resiliency.analysis.swaps import FAMILY, control, rungs
from resiliency.prediction.reading import Condition, Predictions, Truth, condition_table

CONFIDENCE, IMAGES, LARGE, FAMILIES = 0.95, 500, 16, (26, 11, 8, 5)
OUTCOMES, WEIGHTS = (
    ["common_failures", "undetected"],
    {True: (1.2, 0.7, 0.4, 0.9), False: (1.2, 0, 0, 1.21)},
)


def study(
    random: np.random.Generator, families: int, n_images: int, effect: bool = True
) -> tuple[pd.DataFrame, PairCounts]:
    """Members of two designs a family and two seeds, and the counts of their pairs."""
    place = np.arange(4 * families)
    family, design = place // 4, place // 2
    members = {
        "family": family.astype(str),
        "design": design.astype(str),
        "seed": place % 2,
        "setting": "",
    }
    table = pd.DataFrame(
        members | {"parameters": 1e5 * (1 + 2 * (design % 2)), "training_epochs": 7.0}
    )
    causes = zip(WEIGHTS[effect], (place * 0, family, design, place), strict=True)
    hard = sum(weight * random.standard_normal((of[-1] + 1, n_images))[of] for weight, of in causes)
    shift = 0.15 * random.standard_normal(design[-1] + 1)[design] + 0.05 * random.standard_normal(
        len(place)
    )
    errors = expit(logit(random.uniform(0.15, 0.5, families))[family] + shift)
    wrong = (
        hard
        > np.array([np.quantile(of, 1 - error) for of, error in zip(hard, errors, strict=True)])[
            :, None
        ]
    )
    own, alike = (
        random.integers(1, 10, (len(place), n_images)),
        1 + random.integers(3, size=n_images),
    )
    shared = random.integers(1, 10, (families, n_images))[family] if effect else own
    which = random.random((len(place), n_images))
    answers = np.where(which < 0.5, alike, np.where(which < 0.75, shared, own))
    decided, truths = np.where(wrong, answers, 0), {"clean": Truth(np.zeros(n_images, int))}
    conditions = condition_table([Condition("clean", "clean", 0, n_images, 10)])
    predictions = [Predictions(conditions, {"clean": row[None]}, truths) for row in decided]
    return table.assign(origin="independent", loss_weight=np.nan), pair_counts(predictions, [0], 0)


def rows(
    seed: int, families: int, n_images: int, effect: bool = True, controlled: bool = False
) -> pd.DataFrame:
    """The rows of the headline's rung and of `OUTCOMES`; without the control unless it is asked
    for."""
    members, counts = study(np.random.default_rng([seed, families]), families, n_images, effect)
    known = {
        "rungs": lambda of: {FAMILY: rungs(of)[FAMILY]},
        "control": control if controlled else lambda *_: ({}, 0),
    }
    with patch.multiple(swaps, **known):
        table = swaps.swap_table(members, {"clean": counts}, CONFIDENCE, 0)
    return table[table.outcome.isin(OUTCOMES)].set_index("outcome")


@cache
def truth() -> pd.Series:
    """The ratios that intervals should hold: means over studies of many families and images."""
    return (
        pd.concat([rows(900 + seed, 40, 3000) for seed in range(LARGE)])
        .groupby(level=0)["ratio"]
        .mean()
    )


def covered(families: int, studies: int, controlled: int) -> dict:
    """How many intervals there are, and lie below and above the truth; how many ratios lie in the
    control's range.

    Fewer than five families with an equally accurate stranger have no interval.
    """
    of = pd.concat([rows(seed, families, IMAGES) for seed in range(studies)]).dropna(
        subset=["ratio_low"]
    )
    none = pd.concat([rows(seed, families, IMAGES, False, True) for seed in range(controlled)])
    none, row = none.dropna(subset=["control_low"]), {"families": families}
    for name in OUTCOMES:
        own, without = of.loc[[name]], none.loc[[name]]
        counts = {
            "below": (own.ratio_high < truth()[name]).sum(),
            "above": (own.ratio_low > truth()[name]).sum(),
        }
        counts["inside"] = (
            (without.control_low <= without.ratio) & (without.ratio <= without.control_high)
        ).sum()
        counts |= {"studies": len(own), "controlled": len(without)}
        row[name] = {key: int(count) for key, count in counts.items()}
    return row


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    number = parser.parse_args().studies
    for layout in FAMILIES:
        print(covered(layout, number, number // 5), flush=True)
    start = process_time()
    members, counts = study(np.random.default_rng(0), 67, 80_000)
    middle = process_time()
    swaps.swap_table(members, {"clean": counts}, CONFIDENCE, 0)
    print(
        f"268 members, 80,000 images: count {middle - start:.1f} CPU s, table "
        f"{process_time() - middle:.1f} CPU s"
    )
