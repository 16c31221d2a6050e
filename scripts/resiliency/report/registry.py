"""The registry of the charts: what each needs and where it stands, known without what draws it."""

from resiliency.extensions import loaded, refused
from resiliency.report.chart import Chart
from resiliency.report.sections import APPENDIX, SECTIONS

# In the order in which the charts of a section stand on the page.
CHARTS = {
    "deployment": Chart(("deployment", "candidates"), "deploy", "Deployment", "Error and cost"),
    "under_corruptions": Chart(("contenders",), "deploy", "Deployment", "Recommended model under each corruption"),
    "risk_coverage": Chart(("deployment", "risk_coverage"), "deploy", "Deployment", "Risk and coverage"),
    "ensemble_size": Chart(
        ("ensemble_sizes", "candidates"), "size", "Ensembles", "Number of members", optional=("candidates",)
    ),
    "error_by_severity": Chart(
        ("members", "corruption_errors"), "designs", "Members", "Error by severity", requires=("corruptions",)
    ),
    "size_accuracy_robustness": Chart(
        ("members",), "designs", "Members", "Size, accuracy and robustness", requires=("robustness",)
    ),
    "effective_robustness": Chart(("effective_robustness",), "shift", "Members", "Accuracy on shifted images"),
    "correlations": Chart(("correlations",), "diversity", "Diversity", "Correlation with accuracy"),
    "coincident_failures": Chart(("coincident_failures",), "architecture", "Diversity", "Coincident failures"),
    "ceiling": Chart(("ceiling",), "architecture", "Ensembles", "Ceiling of any vote"),
    "origins": Chart(("origins",), "origins", "Ensembles", "Origin of the members"),
    "loss_weight": Chart(("ensembles",), "joint", "Ensembles", "Joint training by weight λ", requires=("joint",)),
    "search_front": Chart(("evaluations", "members"), "search", "Members", "Front of the architecture search"),
    "gallery": Chart(("gallery",), "corruptions", "Images", "Corruptions"),
    "error_heatmap": Chart(("members", "corruption_errors"), "errors", "Members", "Error under each corruption"),
    "contender_calibration": Chart(
        ("contender_calibration",), "calibration", "Deployment", "Calibration of the recommended model"
    ),
    "calibration": Chart(("members", "calibration"), "calibration", "Members", "Calibration"),
    "correlation_heatmap": Chart(("correlations",), "metrics", "Diversity", "Correlation with accuracy, all metrics"),
    "diversity_accuracy": Chart(
        ("ensembles", "correlations"), "metrics", "Diversity", "Diversity and accuracy of each ensemble"
    ),
    "architecture_diversity": Chart(
        ("ensembles",), "designs_diversity", "Diversity", "Ensembles of one design and of several"
    ),
    "attribution_gallery": Chart(
        ("attribution_gallery", "attribution_distances"), "attributions", "Images", "Attribution maps"
    ),
    "learning_curves": Chart(("histories",), "training", "Members", "Learning curves"),
}

ANCHORS = {section.anchor for section in SECTIONS + APPENDIX}

for _name, _module in loaded("charts", tuple(CHARTS)):
    _chart = getattr(_module, "CHART", None)
    if not isinstance(_chart, Chart) or not {"draw", "finding", "CAPTION"} <= set(dir(_module)):
        raise refused("charts", _name, "is not a module with CHART, draw, finding and CAPTION")
    if _chart.section not in ANCHORS:
        raise refused("charts", _name, f"section {_chart.section!r} is not one of {', '.join(sorted(ANCHORS))}")
    CHARTS[_name] = _chart
