"""Combination rules: how an ensemble answers.

Every rule is a mean: of the values that it gives to each member's classes, weighted or not. The answer is the class
with the largest mean, the first of those that share it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

LEAST = np.float32(1e-12)


def logarithms(probabilities: np.ndarray, largest: int = 0) -> np.ndarray:
    """ln p; a probability below 1e-12 counts as 1e-12."""
    return np.log(np.maximum(probabilities, LEAST))


def votes(probabilities: np.ndarray, largest: int) -> np.ndarray:
    """1 for the most probable class, and for every class so little of its probability that it only breaks ties."""
    values = probabilities / np.float32(2 * largest)
    voted = probabilities.argmax(axis=-1)[..., None]
    np.put_along_axis(values, voted, np.take_along_axis(values, voted, axis=-1) + 1, axis=-1)
    return values


@dataclass(frozen=True)
class Rule:
    """A combination rule.

    Attributes:
        values: (probabilities float32 ... x K, members of the largest ensemble) -> float32 of that shape.
        mean: what the ensemble's probabilities are: the arithmetic or the normalised geometric mean of the members', or
            None where it has none.
        weighted: whether members count by their validation accuracy.
    """

    values: Callable[[np.ndarray, int], np.ndarray]
    mean: Literal["arithmetic", "geometric"] | None
    weighted: bool = False


RULES = {
    "mean_probability": Rule(lambda probabilities, largest: probabilities, "arithmetic"),
    "weighted_mean": Rule(lambda probabilities, largest: probabilities, "arithmetic", weighted=True),
    "mean_logit": Rule(logarithms, "geometric"),
    "plurality_vote": Rule(votes, None),
}


def rule_of(name: str, size: int) -> Rule:
    """The rule `name` for an ensemble of `size` members with probabilities; one member answers with its own, by any."""
    return RULES["mean_probability" if size == 1 else name]


def member_weights(members: pd.DataFrame) -> np.ndarray:
    """How much each member (a row of members.csv) counts under a weighted rule: its validation accuracy.

    Returns:
        float64 M, no less than 1e-6, so that no ensemble has weights that sum to 0.
    """
    return members.validation_accuracy.to_numpy(float).clip(1e-6)
