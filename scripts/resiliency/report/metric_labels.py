"""Labels of diversity metrics and attribution methods. Only the report reads them, so that no table depends on them."""

from resiliency.diversity.settings import STAGES

METHODS = {
    "saliency": "Saliency",
    "input_x_gradient": "Input × gradient",
    "integrated_gradients": "Integrated gradients",
    "grad_cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
SIMILARITIES = {"cosine": "cosine", "spearman": "Spearman", "iou": "top-10% IoU", "ssim": "SSIM"}
# Of the diversity that a metric stands for, which grows as members differ more.
METRICS = {
    "disagreement": "Disagreement",
    "double_fault": "Double fault (negated)",
    "q_statistic": "Q statistic (negated)",
    "correlation": "Correlation of correctness (negated)",
    "error_consistency": "Error consistency (negated)",
    "label_disagreement": "Label disagreement",
    "cohen_kappa": "Cohen’s κ of labels (negated)",
    "jensen_shannon": "Jensen–Shannon divergence",
    "probability_cosine": "Probabilities (cosine distance)",
    "entropy": "Entropy E",
    "kohavi_wolpert": "Kohavi–Wolpert variance",
    "interrater_kappa": "Interrater κ (negated)",
    "generalised_diversity": "Generalised diversity",
    "coincident_failure_diversity": "Coincident failure diversity",
    "difficulty": "Difficulty θ (negated)",
    "common_failure": "Common failure (negated)",
    "geometric_ambiguity": "Ambiguity of the geometric mean",
    **{
        f"{method}_{similarity}": f"{METHODS[method]} ({SIMILARITIES[similarity]} distance)"
        for method in METHODS
        for similarity in SIMILARITIES
    },
    "linear_cka": "Features (CKA distance)",
    **{f"linear_cka_{stage}": f"{stage.replace('_', ' ').capitalize()} (CKA distance)" for stage in STAGES},
}
