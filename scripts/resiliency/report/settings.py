"""Settings of charts, and names of metrics as people read them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from resiliency.base.settings import Settings
from resiliency.diversity.settings import STAGES

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]

PAGE_FILES = (*sorted(path.name for path in Path(__file__).parent.glob("*.j2")), "report.css", "report.js")
ROW = "THIS_ROW"  # stands for the number of a row of deployment.csv in the command that exports it
# Tables of the page, as far as a study has them.
PAGE_TABLES = ["members", "corruption_errors", "observations", "skipped", "ensembles", "deployment", "best_ensembles"]
PAGE_TABLES += ["selective_prediction", "temperatures", "thresholds", "contenders", "member_ranks"]
PAGE_TABLES += ["effective_robustness", "exchange_rates", "ensemble_sizes", "choosing", "swaps"]
CHART_SUFFIXES = (".html", ".svg", ".png", ".vl.json")

METHODS = {
    "saliency": "Saliency",
    "input_x_gradient": "Input × gradient",
    "integrated_gradients": "Integrated gradients",
    "grad_cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
SIMILARITIES = {"cosine": "cosine", "spearman": "Spearman", "iou": "top-10% IoU", "ssim": "SSIM"}
# Labels of the diversity, which grows as members differ more.
METRIC_LABELS = {
    "disagreement": "Disagreement of correctness",
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


class Charts(Settings):
    colours: list[Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]] = Field(
        OKABE_ITO,
        min_length=1,
        description="colours of families and settings; the default, by Okabe and Ito, is colour-blind safe",
    )
    pixels_per_point: float = Field(2, ge=0.1, le=10, description="scale of the PNG files")
