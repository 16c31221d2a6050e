"""The registries of diversity metrics: of pairs, and of whole ensembles.

A new metric is a function and a line here; `report/metric_labels.py` has what charts call it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from resiliency.diversity import counts, predictions, representations
from resiliency.diversity.settings import METHODS, STAGES


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
        source: what `raw` takes: `correct` (bool M x N), `predicted` (int M x N), `probabilities` (M x N x K; the
            metric must be a mean over images, which come in chunks), the name
            of an attribution method (maps M x N x H x W), `features` (a list of M arrays N x D) or the name of a stage
            (Gram matrices M x N x N).
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
    "correlation": Metric("prediction", "correct", predictions.correlation, _negative),
    "error_consistency": Metric("prediction", "correct", predictions.error_consistency, _negative),
    "label_disagreement": Metric("prediction", "predicted", predictions.label_disagreement, _unchanged),
    "cohen_kappa": Metric("prediction", "predicted", predictions.cohen_kappa, _negative),
    "jensen_shannon": Metric("prediction", "probabilities", predictions.jensen_shannon, _unchanged),
    "probability_cosine": Metric("prediction", "probabilities", predictions.probability_cosine, _complement),
    **{
        f"{method}_{name}": Metric("attribution", method, raw, _complement)
        for method in METHODS
        for name, raw in representations.SIMILARITIES.items()
    },
    "linear_cka": Metric("activation", "features", representations.linear_cka, _complement),
    **{f"linear_cka_{stage}": Metric("activation", stage, representations.gram_cka, _complement) for stage in STAGES},
}


@dataclass(frozen=True)
class EnsembleMetric:
    """A metric of whole ensembles, all of them of predictions.

    Attributes:
        kind: as of `Metric`.
        sources: what `raw` takes, in order: `shares` (E x (L + 1)), `failures` (E x L), `log_sums` (E); see `counts`.
        raw: -> float64 E, as the literature defines it.
        diversity: turns the raw value into one that grows with diversity.
    """

    kind: ClassVar[str] = "prediction"
    sources: tuple[str, ...]
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]


ENSEMBLE_METRICS = {
    "entropy": EnsembleMetric(("shares",), counts.entropy, _unchanged),
    "kohavi_wolpert": EnsembleMetric(("shares",), counts.kohavi_wolpert, _unchanged),
    "interrater_kappa": EnsembleMetric(("shares",), counts.interrater_kappa, _negative),
    "generalised_diversity": EnsembleMetric(("shares",), counts.generalised_diversity, _unchanged),
    "coincident_failure_diversity": EnsembleMetric(("shares",), counts.coincident_failure_diversity, _unchanged),
    "difficulty": EnsembleMetric(("shares",), counts.difficulty, _negative),
    "common_failure": EnsembleMetric(("shares", "failures"), counts.common_failure, _negative),
    "geometric_ambiguity": EnsembleMetric(("log_sums",), counts.geometric_ambiguity, _unchanged),
}
