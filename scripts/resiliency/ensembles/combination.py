"""Combination rules: how an ensemble answers.

Every rule is a mean: of the values that it gives to each member's classes, weighted or not. The answer is the class
with the largest mean, the first of those that share it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST = 1e-12


def _unchanged(values: np.ndarray, largest: int = 0) -> np.ndarray:
    return values


def logarithms(probabilities: np.ndarray, largest: int = 0) -> np.ndarray:
    """ln p; a probability below 1e-12 counts as 1e-12."""
    return np.log(np.maximum(probabilities, LEAST))


def votes(probabilities: np.ndarray, largest: int) -> np.ndarray:
    """1 for the most probable class, and for every class so little of its probability that it only breaks ties."""
    voted = probabilities.argmax(axis=2)[..., None] == np.arange(probabilities.shape[2])
    return voted + probabilities / np.float32(2 * largest)


def normalised(scores: np.ndarray) -> np.ndarray:
    """Probabilities B x K x N from scores B x K x N that are means of logarithms."""
    values = np.exp(scores)
    return values / values.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Rule:
    """A combination rule.

    Attributes:
        values: (probabilities float32 M x N x K, members of the largest ensemble) -> float32 M x N x K.
        probabilities: mean of the values B x K x N -> the ensembles' probabilities; None where it has none.
        weighted: whether members count by their validation accuracy.
    """

    values: Callable[[np.ndarray, int], np.ndarray]
    probabilities: Callable[[np.ndarray], np.ndarray] | None
    weighted: bool = False


RULES = {
    "mean_probability": Rule(_unchanged, _unchanged),
    "weighted_mean": Rule(_unchanged, _unchanged, weighted=True),
    "mean_logit": Rule(logarithms, normalised),
    "plurality_vote": Rule(votes, None),
}


def member_weights(members: pd.DataFrame) -> np.ndarray:
    """How much each member (a row of members.csv) counts under a weighted rule: its validation accuracy.

    Returns:
        float64 M, no less than 1e-6, so that no ensemble has weights that sum to 0.
    """
    return members.validation_accuracy.to_numpy(float).clip(1e-6)
