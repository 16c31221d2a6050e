"""Simulated studies whose exchange rates are known: members and pairs with planted effects, in ten groups of images."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.without_images import EnsembleTables, WithoutImages

GROUPS = 10
RULE = "mean_probability"
PAIR, TRIPLE = 0.03, 0.04  # gains of ensembles on the mean of their members


class Planted(NamedTuple):
    """Standard deviations of errors, as shares: between families, designs, seeds; and of a group of images."""

    family: float = 0.0
    design: float = 0.0
    seed: float = 0.0
    images: float = 0.0
    mixed: float = 0.0  # what pairs of two designs gain beyond `PAIR`


class Study(NamedTuple):
    """The tables, and the true error of each design."""

    members: pd.DataFrame
    of_ensembles: EnsembleTables
    designs: np.ndarray


def study(planted: Planted, rng: np.random.Generator, families: int = 8, designs: int = 1, seeds: int = 2) -> Study:
    """`designs` of each of the families, each with so many seeds; every pair and every ensemble of three is scored."""
    of_family = np.repeat(np.arange(families), designs)
    true = 0.3 + (rng.normal(size=families) * planted.family)[of_family]
    true = true + rng.normal(size=len(true)) * planted.design
    design = np.repeat(np.arange(len(true)), seeds)
    errors = true[design] + rng.normal(size=len(design)) * planted.seed
    on_groups = errors[:, None] + rng.normal(size=(len(errors), GROUPS)) * planted.images
    names = [f"d{number:02}-s{place % seeds}" for place, number in enumerate(design)]
    members = pd.DataFrame({"member": names, "design": [name.partition("-")[0] for name in names]}).assign(
        origin="independent",
        family=[f"f{of_family[number]:02}" for number in design],
        macs=1000.0,
        parameters=1000,
        objective=np.nan,
        recipe="",
        architecture="a",
        clean_accuracy=0.9,
        corrupted_error=on_groups.mean(axis=1),
    )
    without = (on_groups.sum(axis=1, keepdims=True) - on_groups) / (GROUPS - 1)
    everything = _ensembles(members, members["corrupted_error"].to_numpy(), planted.mixed)
    in_turn = [_ensembles(members, of, planted.mixed).assign(without=group) for group, of in enumerate(without.T)]
    scores = [
        members[["member"]].assign(without=group, images=450, clean_accuracy=0.9, corrupted_error=of)
        for group, of in enumerate(without.T)
    ]
    images = WithoutImages(pd.concat(in_turn), pd.concat(scores))
    empty = pd.DataFrame(columns=["objective", "loss_weight", "seed", "image", "error"])
    return Study(members, EnsembleTables(everything, empty, images), true)


def _ensembles(members: pd.DataFrame, errors: np.ndarray, mixed: float) -> pd.DataFrame:
    designs = members["design"].to_numpy()
    tables = []
    for size, gain in ((2, PAIR), (3, TRIPLE)):
        chosen = np.array(list(combinations(range(len(members)), size)))
        mean = errors[chosen].mean(axis=1)
        count = np.array([len(set(row)) for row in designs[chosen]])
        table = pd.DataFrame({"members": ["+".join(row) for row in members["member"].to_numpy()[chosen]]})
        tables.append(
            table.assign(
                size=size,
                weight=1.0,
                designs=count,
                origin="independent",
                rule=RULE,
                mean_member_corrupted_accuracy=1 - mean,
                corrupted_accuracy=1 - mean + gain + mixed * (count > 1),
            )
        )
    return pd.concat(tables, ignore_index=True)


def better_by(study: Study, planted: Planted) -> float:
    """What mixing two designs truly brings against the pair of the better one, mean over pairs, as a share."""
    first, second = np.array(list(combinations(study.designs, 2))).T
    return planted.mixed - np.abs(first - second).mean() / 2
