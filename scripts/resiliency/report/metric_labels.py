"""Labels of diversity metrics and attribution methods. Only the report reads them, so that no table depends on them."""

from resiliency.diversity.settings import STAGES

METHODS = {
    "saliency": "Saliency",
    "input_x_gradient": "Input × gradient",
    "integrated_gradients": "Integrated gradients",
    "grad_cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
SIMILARITIES = {"cosine": "cosine", "spearman": "Spearman", "iou": "IoU of top 10 %", "ssim": "SSIM"}
# Of the diversity that a metric stands for, which grows as members differ more.
METRICS = {
    "disagreement": "Disagreement",
    "double_fault": "Double fault, sign reversed",
    "q_statistic": "Q statistic, sign reversed",
    "correlation": "Correlation of correctness, sign reversed",
    "error_consistency": "Error consistency, sign reversed",
    "label_disagreement": "Disagreement of labels",
    "cohen_kappa": "Cohen’s κ of labels, sign reversed",
    "jensen_shannon": "Jensen–Shannon divergence",
    "probability_cosine": "Probabilities, 1 − cosine",
    "entropy": "Entropy E",
    "kohavi_wolpert": "Kohavi–Wolpert variance",
    "interrater_kappa": "Interrater κ, sign reversed",
    "generalised_diversity": "Generalised diversity",
    "coincident_failure_diversity": "Coincident failure diversity",
    "difficulty": "Difficulty θ, sign reversed",
    "common_failure": "Common failure, sign reversed",
    "geometric_ambiguity": "Ambiguity of the geometric mean",
    **{
        f"{method}_{similarity}": f"{METHODS[method]}, 1 − {SIMILARITIES[similarity]}"
        for method in METHODS
        for similarity in SIMILARITIES
    },
    "linear_cka": "Features, 1 − linear CKA",
    **{f"linear_cka_{stage}": f"{stage.replace('_', ' ').capitalize()}, 1 − linear CKA" for stage in STAGES},
}
