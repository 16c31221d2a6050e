"""The registry of the charts: a line for each, in the order in which those of a section stand on the page."""

from types import ModuleType

# isort: off
from resiliency.report.charts import (  # noqa: F401
    deployment,
    under_corruptions,
    risk_coverage,
    ensemble_size,
    error_by_severity,
    size_accuracy_resiliency,
    effective_robustness,
    correlations,
    coincident_failures,
    origins,
    strength,
    search_front,
    gallery,
    error_heatmap,
    contender_calibration,
    calibration,
    early_exit,
    correlation_heatmap,
    diversity_accuracy,
    architecture_diversity,
    attribution_gallery,
    learning_curves,
)

CHARTS = {name: module.CHART for name, module in list(globals().items()) if isinstance(module, ModuleType)}
