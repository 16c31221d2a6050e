"""Predictions of members on one test set, for tests."""

from collections.abc import Iterable

import numpy as np

from resiliency.base.names import CLEAN
from resiliency.ensembles.combination import Outputs
from resiliency.metrics.classification import scaled
from resiliency.prediction.reading import Predictions, Truth, all_conditions


def conditions_of(corruptions, severities, n_images: int, classes: int = 3):
    """The table of conditions of a study with no test set but its own."""
    return all_conditions(corruptions, severities, {CLEAN: n_images}, {CLEAN: classes})


def logits_of(
    members: int, n_images: int, seed: int, skill: float = 1.0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Logits of three classes under four conditions, 4 x N x 3 of each member, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_images) % 3)
    values = rng.standard_normal((members, 4, n_images, 3))
    values[..., np.arange(n_images), labels] += skill
    return list(values.astype(np.float16)), labels


def drawn(members: int, n_images: int, corruptions: Iterable[str] = ("fog",), severities=(1, 2, 3)):
    """The table of conditions, predictions of each member, and labels."""
    logits, labels = logits_of(members, n_images, 0)
    table = conditions_of(list(corruptions), list(severities), n_images)
    return table, [predictions_of(table, labels, of) for of in logits], labels


def predictions_of(table, labels: np.ndarray, logits: np.ndarray) -> Predictions:
    """Of one member with `logits` C x N x K on the images of the data set."""
    return Predictions(table, {CLEAN: logits}, {CLEAN: Truth(labels)})


def confidences_of(part: Outputs, temperature: float) -> dict[str, np.ndarray]:
    """Score -> confidence at a temperature, of those scores that are known."""
    values = {"vote_agreement": part.agreement}
    if part.mutual_information is not None:
        values = {"mutual_information": -part.mutual_information} | values
    if part.log_probabilities is not None:
        probabilities = np.exp(scaled(part.log_probabilities, temperature))
        values = {"max_probability": probabilities.max(axis=-1)} | values
    return {score: of for score, of in values.items() if of is not None}
