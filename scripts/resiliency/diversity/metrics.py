"""The registries of diversity metrics: of pairs, and of whole ensembles.

A new metric is a function and a line here; `METRIC_LABELS` of `report/settings.py` has what charts call it. A diversity
is the raw value, its negative or 1 less it, so that it grows with diversity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from operator import neg as negative
from operator import pos as unchanged
from typing import ClassVar

import numpy as np

from resiliency.diversity import predictions, representations
from resiliency.diversity.settings import METHODS, STAGES

# What the metrics of pairs of a kind can take, and those of whole ensembles.
SOURCES = {
    "prediction": ("correct", "predicted", "probabilities"),
    "attribution": METHODS,
    "activation": ("features", *STAGES),
}
ENSEMBLE_SOURCES = {"shares", "failures", "log_sums"}


def complement(raw: np.ndarray) -> np.ndarray:
    """The diversity of a similarity that is 1 for members that are alike."""
    return 1 - raw


@dataclass(frozen=True)
class Metric:
    """A pairwise metric.

    Attributes:
        kind: `prediction`, `attribution` or `activation`.
        source: input of `raw`: `correct` (bool M x N), `predicted` (int M x N), `probabilities` (M x N x K; the metric
            must be a mean over images, which come in chunks), the name of an attribution method (maps M x N x H x W),
            `features` (a list of M arrays N x D) or the name of a stage (Gram matrices M x N x N).
        raw: -> float M x M, as the literature defines it.
        diversity: function from the raw value to one that grows with diversity.
        range: smallest and largest diversity; infinite at an open end.

    Raises:
        ValueError: metrics of the kind cannot have this source; see `SOURCES`.
    """

    kind: str
    source: str
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]
    range: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        if self.source not in SOURCES.get(self.kind, ()):
            raise ValueError(f"a metric of kind {self.kind!r} cannot have source {self.source!r}; see SOURCES")


@dataclass(frozen=True)
class EnsembleMetric:
    """A metric of the predictions of whole ensembles.

    Attributes:
        kind: always `prediction`.
        sources: inputs of `raw`, in order: `shares` (E x (L + 1)), `failures` (E x L), `log_sums` (E); see
            `diversity.predictions`.
        raw: -> float64 E, as the literature defines it.
        diversity: function from the raw value to one that grows with diversity.
        range: smallest and largest diversity; infinite at an open end.

    Raises:
        ValueError: a source is not in `ENSEMBLE_SOURCES`.
    """

    kind: ClassVar[str] = "prediction"
    sources: tuple[str, ...]
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]
    range: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        if not self.sources or not set(self.sources) <= ENSEMBLE_SOURCES:
            raise ValueError(f"sources {self.sources!r} are not among {', '.join(sorted(ENSEMBLE_SOURCES))}")


METRICS = {
    "disagreement": Metric("prediction", "correct", predictions.disagreement, unchanged, (0, 1)),
    "double_fault": Metric("prediction", "correct", predictions.double_fault, negative, (-1, 0)),
    "q_statistic": Metric("prediction", "correct", predictions.q_statistic, negative, (-1, 1)),
    "correlation": Metric("prediction", "correct", predictions.correlation, negative, (-1, 1)),
    "error_consistency": Metric("prediction", "correct", predictions.error_consistency, negative, (-1, 1)),
    "label_disagreement": Metric("prediction", "predicted", predictions.label_disagreement, unchanged, (0, 1)),
    "cohen_kappa": Metric("prediction", "predicted", predictions.cohen_kappa, negative, (-1, 1)),
    "jensen_shannon": Metric("prediction", "probabilities", predictions.jensen_shannon, unchanged, (0, 1)),
    "probability_cosine": Metric("prediction", "probabilities", predictions.probability_cosine, complement, (0, 1)),
    **{
        f"{method}_{name}": Metric(
            "attribution", method, representations.SIMILARITIES[name], complement, (0, 1) if name == "iou" else (0, 2)
        )
        for method in METHODS
        for name in representations.SIMILARITIES
    },
    "linear_cka": Metric("activation", "features", representations.linear_cka, complement),
    **{f"linear_cka_{stage}": Metric("activation", stage, representations.gram_cka, complement) for stage in STAGES},
}


ENSEMBLE_METRICS = {
    "entropy": EnsembleMetric(("shares",), predictions.entropy, unchanged, (0, 1)),
    "kohavi_wolpert": EnsembleMetric(("shares",), predictions.kohavi_wolpert, unchanged, (0, 0.25)),
    "interrater_kappa": EnsembleMetric(("shares",), predictions.interrater_kappa, negative),
    "generalised_diversity": EnsembleMetric(("shares",), predictions.generalised_diversity, unchanged, (0, 1)),
    "coincident_failure_diversity": EnsembleMetric(
        ("shares",), predictions.coincident_failure_diversity, unchanged, (0, 1)
    ),
    "difficulty": EnsembleMetric(("shares",), predictions.difficulty, negative, (-0.25, 0)),
    "common_failure": EnsembleMetric(("shares", "failures"), predictions.common_failure, negative, (-1, 1)),
    "geometric_ambiguity": EnsembleMetric(("log_sums",), predictions.geometric_ambiguity, unchanged, (0, inf)),
}
