"""The registry of pairwise diversity metrics. A new metric is a function and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resiliency.diversity import predictions, representations


def _unchanged(raw: np.ndarray) -> np.ndarray:
    return raw


def _negative(raw: np.ndarray) -> np.ndarray:
    return -raw


def _complement(raw: np.ndarray) -> np.ndarray:
    return 1 - raw


@dataclass(frozen=True)
class Metric:
    """A pairwise metric.

    Attributes:
        kind: `prediction`, `attribution` or `activation`.
        source: what `raw` takes: `correct` (bool M x N), `probabilities` (M x N x K), the name of an attribution
            method (maps M x N x H x W) or `features` (a list of M arrays N x D).
        raw: -> float M x M, as the literature defines it.
        diversity: turns the raw value into one that grows with diversity.
    """

    kind: str
    source: str
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]


METRICS = {
    "disagreement": Metric("prediction", "correct", predictions.disagreement, _unchanged),
    "double_fault": Metric("prediction", "correct", predictions.double_fault, _negative),
    "q_statistic": Metric("prediction", "correct", predictions.q_statistic, _negative),
    "jensen_shannon": Metric("prediction", "probabilities", predictions.jensen_shannon, _unchanged),
    "saliency_cosine": Metric("attribution", "saliency", representations.cosine_similarity, _complement),
    "integrated_gradients_cosine": Metric(
        "attribution", "integrated_gradients", representations.cosine_similarity, _complement
    ),
    "linear_cka": Metric("activation", "features", representations.linear_cka, _complement),
}
