"""Synthetic ceilings of a pool: members whose errors share hard images."""

import numpy as np
import pandas as pd

from resiliency.analysis.ceiling import COLUMNS, REACHED, ceiling_table, failures, sizes_of, unit_of
from resiliency.prediction.reading import all_conditions

IMAGES, CLASSES = 120, 5


def decisions_of(members: int, error: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Decisions int M x N of members that err mostly on the same hard images, and the labels."""
    labels = random.integers(CLASSES, size=IMAGES)
    hard = random.beta(0.4, 0.4 / error, IMAGES)
    wrong = random.random((members, IMAGES)) < hard
    return np.where(wrong, (labels + random.integers(1, CLASSES, wrong.shape)) % CLASSES, labels), labels


def ceiling_of(designs, seeds, corruptions) -> pd.DataFrame:
    """ceiling.csv of `seeds` members of each design."""
    random, members = np.random.default_rng(3), len(designs) * seeds
    if not members:
        return pd.DataFrame(columns=[*COLUMNS, *REACHED, "confidence"])
    table = all_conditions(list(corruptions), [1, 5], {"clean": IMAGES}, {"clean": CLASSES})
    sizes, units = sizes_of(members), unit_of([design for design in designs for _ in range(seeds)])
    errors = 0.05 + 0.05 * table.severity
    of = (failures(*decisions_of(members, error, random), sizes, units) for error in errors)
    ceiling, _ = ceiling_table(table, of, sizes, members, 0.95)
    whole = ceiling["size"] == members
    reached = dict(zip(REACHED, ("a", 0.8, "a+b", 0.85, 0.95, 0.33, 0.2, 0.46), strict=True))
    for column, value in reached.items():
        ceiling[column] = pd.Series(value, index=ceiling.index).where(whole)
    return ceiling.assign(confidence=0.95)
