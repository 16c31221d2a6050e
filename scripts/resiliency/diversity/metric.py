"""The definition of a diversity metric: of pairs, and of whole ensembles."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from resiliency.diversity.settings import METHODS, STAGES

# What the metrics of pairs of a kind can take, and those of whole ensembles.
SOURCES = {
    "prediction": ("correct", "predicted", "probabilities"),
    "attribution": METHODS,
    "activation": ("features", *STAGES),
}
ENSEMBLE_SOURCES = {"shares", "failures", "log_sums"}


def unchanged(raw: np.ndarray) -> np.ndarray:
    """The diversity of a raw value that grows with diversity."""
    return raw


def negative(raw: np.ndarray) -> np.ndarray:
    """The diversity of a raw value that falls as diversity grows."""
    return -raw


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
