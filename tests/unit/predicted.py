"""Predictions of members on one test set, for tests."""

import numpy as np

from resiliency.names import CLEAN
from resiliency.prediction.conditions import all_conditions
from resiliency.prediction.reading import Predictions, Truth


def conditions_of(corruptions, severities, images: int, classes: int = 3):
    """The table of conditions of a study with no test set but its own."""
    return all_conditions(corruptions, severities, {CLEAN: images}, {CLEAN: classes})


def predictions_of(table, labels: np.ndarray, logits: np.ndarray) -> Predictions:
    """Of one member with `logits` C x N x K on the images of the data set."""
    return Predictions(table, {CLEAN: logits}, {CLEAN: Truth(labels)})
