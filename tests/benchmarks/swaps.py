"""Swaps at equal accuracy in simulated studies: coverage, the control without an effect, and time beside a plain loop.

Run by hand: python tests/benchmarks/swaps.py [--studies 400]
What is hard is common to all members, a family, a design, or one member; without an effect, to all or one.
The value to hold is the mean over 16 studies of 40 families and 3,000 images.
"""

from argparse import ArgumentParser
from time import process_time

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.analysis.pair_counts import PairCounts, pair_counts
from resiliency.analysis.swaps import FAMILY, swap_table
from resiliency.prediction.reading import Condition, Predictions, Truth, condition_table

OUTCOMES, WEIGHTS = ["common_failures", "undetected"], {True: (1.2, 0.7, 0.4, 0.9), False: (1.2, 0, 0, 1.21)}


def study(
    random: np.random.Generator, families: int, n_images: int, effect: bool = True
) -> tuple[pd.DataFrame, PairCounts]:
    """Members of two designs a family and two seeds, and the counts of their pairs."""
    place = np.arange(4 * families)
    family, design = place // 4, place // 2
    members = {"family": family.astype(str), "design": design.astype(str), "seed": place % 2, "setting": ""}
    table = pd.DataFrame(members | {"parameters": 1e5 * (1 + 2 * (design % 2)), "training_epochs": 7.0})
    causes = zip(WEIGHTS[effect], (place * 0, family, design, place), strict=True)
    hard = sum(weight * random.standard_normal((of[-1] + 1, n_images))[of] for weight, of in causes)
    shift = 0.15 * random.standard_normal(design[-1] + 1)[design] + 0.05 * random.standard_normal(len(place))
    errors = expit(logit(random.uniform(0.15, 0.5, families))[family] + shift)
    wrong = hard > np.array([np.quantile(of, 1 - error) for of, error in zip(hard, errors, strict=True)])[:, None]
    own, alike = random.integers(1, 10, (len(place), n_images)), 1 + random.integers(3, size=n_images)
    shared = random.integers(1, 10, (families, n_images))[family] if effect else own
    which = random.random((len(place), n_images))
    answers = np.where(which < 0.5, alike, np.where(which < 0.75, shared, own))
    decided, truths = np.where(wrong, answers, 0), {"clean": Truth(np.zeros(n_images, int))}
    conditions = condition_table([Condition("clean", "clean", 0, n_images, 10)])
    predictions = [Predictions(conditions, {"clean": row[None]}, truths) for row in decided]
    return table.assign(origin="independent", loss_weight=np.nan), pair_counts(predictions, [0], 0)


def rows(seed: int, families: int, n_images: int, effect: bool) -> pd.DataFrame:
    """The rows of the headline's rung and of `OUTCOMES`."""
    members, counts = study(np.random.default_rng([seed, families]), families, n_images, effect)
    table = swap_table(members, {"clean": counts}, 0.95, 0)
    return table[(table.rung == FAMILY) & table.outcome.isin(OUTCOMES)].set_index("outcome")


def covered(families: int, n_images: int, studies: int, effect: bool, value: pd.Series) -> pd.DataFrame:
    """How often the interval holds `value`, and how often the ratio lies in the control's range."""
    of = pd.concat([rows(seed, families, n_images, effect) for seed in range(studies)])
    of = of.assign(value=value, below=of.ratio_high < value, above=of.ratio_low > value)
    of["inside"] = (of.control_low <= of.ratio) & (of.ratio <= of.control_high)
    means = of.groupby(level=0)[["value", "ratio", "below", "above", "inside"]].mean()
    return means.assign(covered=1 - means.below - means.above, families=families, images=n_images, effect=effect)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    number = parser.parse_args().studies
    large = pd.concat([rows(900 + seed, 40, 3000, True) for seed in range(16)]).groupby(level=0)["ratio"].mean()
    layouts = [(26, 500), (11, 500), (8, 500), (26, 150)]
    parts = [
        covered(*of, number, effect, large if effect else large * 0 + 1) for of in layouts for effect in (True, False)
    ]
    print(pd.concat(parts).round(3).to_string())
    start = process_time()
    members, counts = study(np.random.default_rng(0), 67, 80_000)
    middle = process_time()
    swap_table(members, {"clean": counts}, 0.95, 0)
    print(f"268 members, 80,000 images: count {middle - start:.1f} CPU s, table {process_time() - middle:.1f} CPU s")
