"""The registries of diversity metrics: of pairs, and of whole ensembles.

A new metric is a function and a line here; `METRIC_LABELS` of `report/words.py` has what charts call it.
"""

from resiliency.base.extensions import loaded, refused
from resiliency.diversity import counts, predictions, representations
from resiliency.diversity.metric import EnsembleMetric, Metric, complement, negative, unchanged
from resiliency.diversity.settings import METHODS, STAGES

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
    "entropy": EnsembleMetric(("shares",), counts.entropy, unchanged),
    "kohavi_wolpert": EnsembleMetric(("shares",), counts.kohavi_wolpert, unchanged),
    "interrater_kappa": EnsembleMetric(("shares",), counts.interrater_kappa, negative),
    "generalised_diversity": EnsembleMetric(("shares",), counts.generalised_diversity, unchanged),
    "coincident_failure_diversity": EnsembleMetric(("shares",), counts.coincident_failure_diversity, unchanged),
    "difficulty": EnsembleMetric(("shares",), counts.difficulty, negative),
    "common_failure": EnsembleMetric(("shares", "failures"), counts.common_failure, negative),
    "geometric_ambiguity": EnsembleMetric(("log_sums",), counts.geometric_ambiguity, unchanged),
}

for _name, _metric in loaded("metrics", METRICS | ENSEMBLE_METRICS):
    if isinstance(_metric, Metric):
        METRICS[_name] = _metric
    elif isinstance(_metric, EnsembleMetric):
        ENSEMBLE_METRICS[_name] = _metric
    else:
        raise refused("metrics", _name, "is neither a Metric nor an EnsembleMetric; see resiliency.diversity.metric")
