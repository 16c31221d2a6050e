"""The registries of diversity metrics: of pairs, and of whole ensembles.

A new metric is a function and a line here; `METRIC_LABELS` of `report/settings.py` has what charts call it.
"""

from math import inf

from resiliency.diversity import predictions, representations
from resiliency.diversity.metric import EnsembleMetric, Metric, complement, negative, unchanged
from resiliency.diversity.settings import METHODS, STAGES

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
        f"{method}_{name}": Metric("attribution", method, raw, complement, (0, 1) if name == "iou" else (0, 2))
        for method in METHODS
        for name, raw in representations.SIMILARITIES.items()
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
