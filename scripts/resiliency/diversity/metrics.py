"""The registries of diversity metrics: of pairs, and of whole ensembles.

A new metric is a function and a line here; `report/metric_labels.py` has what charts call it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from resiliency.base.extensions import loaded, refused
from resiliency.diversity import predictions, representations
from resiliency.diversity.settings import METHODS, STAGES

# What the metrics of pairs of a kind can take, and those of whole ensembles.
SOURCES = {
    "prediction": ("correct", "predicted", "probabilities"),
    "attribution": METHODS,
    "activation": ("features", *STAGES),
}
ENSEMBLE_SOURCES = {"shares", "failures", "log_sums"}


def unchanged(raw: np.ndarray) -> np.ndarray:
    """Of a raw value that grows with diversity."""
    return raw


def negative(raw: np.ndarray) -> np.ndarray:
    """Of a raw value that falls as diversity grows."""
    return -raw


def complement(raw: np.ndarray) -> np.ndarray:
    """Of a similarity that is 1 for members that are alike."""
    return 1 - raw


@dataclass(frozen=True)
class Metric:
    """A pairwise metric.

    Attributes:
        kind: `prediction`, `attribution` or `activation`.
        source: what `raw` takes: `correct` (bool M x N), `predicted` (int M x N), `probabilities` (M x N x K; the
            metric must be a mean over images, which come in chunks), the name of an attribution method (maps
            M x N x H x W), `features` (a list of M arrays N x D) or the name of a stage (Gram matrices M x N x N).
        raw: -> float M x M, as the literature defines it.
        diversity: turns the raw value into one that grows with diversity.

    Raises:
        ValueError: on a source that metrics of the kind cannot have, see `SOURCES`.
    """

    kind: str
    source: str
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        if self.source not in SOURCES.get(self.kind, ()):
            raise ValueError(f"a metric of kind {self.kind!r} cannot have source {self.source!r}; see SOURCES")


@dataclass(frozen=True)
class EnsembleMetric:
    """A metric of whole ensembles, all of them of predictions.

    Attributes:
        kind: as of `Metric`.
        sources: what `raw` takes, in order: `shares` (E x (L + 1)), `failures` (E x L), `log_sums` (E); see `counts`.
        raw: -> float64 E, as the literature defines it.
        diversity: turns the raw value into one that grows with diversity.

    Raises:
        ValueError: on a source that is not in `ENSEMBLE_SOURCES`.
    """

    kind: ClassVar[str] = "prediction"
    sources: tuple[str, ...]
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        if not self.sources or not set(self.sources) <= ENSEMBLE_SOURCES:
            raise ValueError(f"sources {self.sources!r} are not among {', '.join(sorted(ENSEMBLE_SOURCES))}")


def _right(shares: np.ndarray) -> np.ndarray:
    return np.arange(shares.shape[1], dtype=np.float64)


def entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy E: mean of min(l, L - l) / (L - ceil(L / 2)); float64 E in 0..1, larger is more diverse."""
    right = _right(shares)
    size = len(right) - 1
    return shares @ (np.minimum(right, size - right) / (size // 2))


def kohavi_wolpert(shares: np.ndarray) -> np.ndarray:
    """Kohavi-Wolpert variance: mean of l (L - l) / L^2 (Kohavi and Wolpert 1996).

    float64 E in 0..1/4, larger is more diverse; (L - 1) / (2 L) of the mean disagreement of pairs.
    """
    right = _right(shares)
    size = len(right) - 1
    return shares @ (right * (size - right) / size**2)


def interrater_kappa(shares: np.ndarray) -> np.ndarray:
    """Interrater agreement of correctness: 1 - mean of l (L - l) / (L (L - 1) p (1 - p)), p the mean accuracy (Fleiss).

    float64 E in -1/(L - 1)..1, larger is less diverse. Members that are all always right, or all never: 1.
    """
    size = shares.shape[1] - 1
    accuracy = shares @ _right(shares) / size
    chance = (size - 1) / size * accuracy * (1 - accuracy)
    return 1 - np.divide(kohavi_wolpert(shares), chance, out=np.zeros_like(chance), where=chance > 1e-12)


def generalised_diversity(shares: np.ndarray) -> np.ndarray:
    """Generalised diversity 1 - p(2) / p(1) (Partridge and Krzanowski 1997).

    p(1) is the probability that a member drawn at random fails, p(2) that two drawn without replacement both do.
    float64 E in 0..1, larger is more diverse. Without any failure: 0.
    """
    size = shares.shape[1] - 1
    failing = size - _right(shares)
    one, two = shares @ (failing / size), shares @ (failing * (failing - 1) / (size * (size - 1)))
    return 1 - np.divide(two, one, out=np.ones_like(one), where=one > 0)


def coincident_failure_diversity(shares: np.ndarray) -> np.ndarray:
    """Coincident failure diversity: mean of l / (L - 1) over the images on which any member fails (as above).

    float64 E in 0..1: 1 where failures never coincide, 0 where all members fail together, or none ever does.
    """
    right = _right(shares)
    size = len(right) - 1
    failures = 1 - shares[:, size]
    total = shares[:, :size] @ (right[:size] / (size - 1))
    return np.divide(total, failures, out=np.zeros_like(total), where=failures > 1e-12)


def difficulty(shares: np.ndarray) -> np.ndarray:
    """Difficulty theta: variance over images of l / L (Hansen and Salamon 1990).

    float64 E in 0..1/4, larger is less diverse. 0 where all images are as hard, as when all members are always right.
    """
    share = _right(shares) / (shares.shape[1] - 1)
    return np.maximum(shares @ share**2 - (shares @ share) ** 2, 0)


def common_failure(shares: np.ndarray, failures: np.ndarray) -> np.ndarray:
    """Rate at which all members fail together, less what it would be were failures independent.

    shares[:, 0] - prod_i q_i, after Eckhardt and Lee (1985) and Littlewood and Miller (1989).

    Args:
        failures: float64 E x L, failure rate q_i of each member.

    Returns:
        float64 E in -1..1, larger is less diverse.
    """
    return shares[:, 0] - failures.prod(axis=1)


def geometric_ambiguity(log_sums: np.ndarray) -> np.ndarray:
    """Diversity term of the bias-variance-diversity decomposition of cross-entropy (Wood et al., JMLR 2023).

    (1/L) sum_i CE(p_i, y) - CE(p_geo, y), with p_geo the normalised geometric mean of the members' probabilities, is
    the mean over images of -ln sum_k exp((1/L) sum_i ln p_ik), and so does not depend on the label.

    Args:
        log_sums: float64 E, mean over images of ln sum_k exp((1/L) sum_i ln p_ik).

    Returns:
        float64 E, in nats, 0 up; larger is more diverse.
    """
    return np.maximum(-log_sums, 0)


METRICS = {
    "disagreement": Metric("prediction", "correct", predictions.disagreement, unchanged),
    "double_fault": Metric("prediction", "correct", predictions.double_fault, negative),
    "q_statistic": Metric("prediction", "correct", predictions.q_statistic, negative),
    "correlation": Metric("prediction", "correct", predictions.correlation, negative),
    "error_consistency": Metric("prediction", "correct", predictions.error_consistency, negative),
    "label_disagreement": Metric("prediction", "predicted", predictions.label_disagreement, unchanged),
    "cohen_kappa": Metric("prediction", "predicted", predictions.cohen_kappa, negative),
    "jensen_shannon": Metric("prediction", "probabilities", predictions.jensen_shannon, unchanged),
    "probability_cosine": Metric("prediction", "probabilities", predictions.probability_cosine, complement),
    **{
        f"{method}_{name}": Metric("attribution", method, raw, complement)
        for method in METHODS
        for name, raw in representations.SIMILARITIES.items()
    },
    "linear_cka": Metric("activation", "features", representations.linear_cka, complement),
    **{f"linear_cka_{stage}": Metric("activation", stage, representations.gram_cka, complement) for stage in STAGES},
}


ENSEMBLE_METRICS = {
    "entropy": EnsembleMetric(("shares",), entropy, unchanged),
    "kohavi_wolpert": EnsembleMetric(("shares",), kohavi_wolpert, unchanged),
    "interrater_kappa": EnsembleMetric(("shares",), interrater_kappa, negative),
    "generalised_diversity": EnsembleMetric(("shares",), generalised_diversity, unchanged),
    "coincident_failure_diversity": EnsembleMetric(("shares",), coincident_failure_diversity, unchanged),
    "difficulty": EnsembleMetric(("shares",), difficulty, negative),
    "common_failure": EnsembleMetric(("shares", "failures"), common_failure, negative),
    "geometric_ambiguity": EnsembleMetric(("log_sums",), geometric_ambiguity, unchanged),
}

for _name, _metric in loaded("metrics", METRICS | ENSEMBLE_METRICS):
    if isinstance(_metric, Metric):
        METRICS[_name] = _metric
    elif isinstance(_metric, EnsembleMetric):
        ENSEMBLE_METRICS[_name] = _metric
    else:
        raise refused("metrics", _name, "is neither a Metric nor an EnsembleMetric; see resiliency.diversity.metrics")
