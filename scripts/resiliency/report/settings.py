"""Charts and sections of the page, as rules know them, their settings, and names of metrics as
people read them."""

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from resiliency.base.settings import Settings
from resiliency.diversity.settings import STAGES

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]

PAGE_FILES = (
    *sorted(path.name for path in Path(__file__).parent.glob("*.j2")),
    "report.css",
    "report.js",
)
ROW = "THIS_ROW"  # stands for the number of a row of deployment.csv in the command that exports it
# Tables of the page, as far as a study has them.
PAGE_TABLES = [
    "members",
    "corruption_errors",
    "observations",
    "skipped",
    "ensembles",
    "deployment",
    "best_ensembles",
]
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
SIMILARITIES = {"cosine": "cosine", "spearman": "Spearman"}
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
    **{
        f"linear_cka_{stage}": f"{stage.replace('_', ' ').capitalize()} (CKA distance)"
        for stage in STAGES
    },
}


class Charts(Settings):
    colours: list[Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]] = Field(
        OKABE_ITO,
        min_length=1,
        description="colours of families and settings; the default, by Okabe and Ito, is "
        "colour-blind safe",
    )
    pixels_per_point: float = Field(2, ge=0.1, le=10, description="scale of the PNG files")


class Section(NamedTuple):
    """A part of the page: where links to it lead, the question that it answers, and its name in the
    navigation.

    A template `section-<anchor>.html.j2` stands before its charts, `after-<anchor>.html.j2` after
    them.
    """

    anchor: str
    question: str
    name: str


SECTIONS = (
    Section("deploy", "Should I deploy an ensemble?", "What to deploy"),
    Section("architecture", "What does design diversity buy?", "Design diversity"),
    Section("exchange", "What is architecture worth?", "What architecture is worth"),
    Section("joint", "Does joint training help?", "Joint training"),
    Section("diversity", "Does diversity predict accuracy?", "Diversity and accuracy"),
    Section("failures", "Where does it fail?", "Where it fails"),
    Section("best", "Which ensembles are the most accurate?", "Best ensembles"),
    Section("designs", "How robust is each design?", "Robust designs"),
    Section(
        "shift",
        "Which members are more robust than their clean accuracy predicts?",
        "Effective robustness",
    ),
    Section("size", "How many members does an ensemble need?", "Number of members"),
    Section("search", "What did the architecture search find?", "Architecture search"),
)
APPENDIX = (
    Section("ceiling", "How accurate could any vote be?", "Ceiling"),
    Section("corruptions", "What do the corruptions look like?", "Corruptions"),
    Section("attributions", "Which pixels do members rely on?", "Attributions"),
    Section("training", "Did training converge?", "Training"),
)


class Chart(NamedTuple):
    """A chart as the workflow and the page list it; a function of its name in `charts` draws it.

    Attributes:
        title: what it shows.
        section: anchor of its section of the page.
        tables: names of the tables that it draws.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: further requirements: `corruptions`, `robustness` (corruptions, or test sets in
            their place), or `joint` for joint training.
    """

    title: str
    section: str
    tables: tuple[str, ...]
    optional: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """Its topic in the list of `snakemake --report`: the name of its section."""
        return next(
            section.name for section in SECTIONS + APPENDIX if section.anchor == self.section
        )

    @property
    def needs(self) -> set[str]:
        """Requirements of the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)


# In the order in which the charts of a section stand on the page; the first is shown, others are
# behind a click.
CHARTS = {
    "exchange_rates": Chart("What buys robustness?", "exchange", ("exchange_rates",)),
    "deployment": Chart("Error and cost of the candidates", "deploy", ("deployment", "candidates")),
    "risk_coverage": Chart("Error against coverage", "deploy", ("deployment", "risk_coverage")),
    "contender_calibration": Chart(
        "How well calibrated is the recommended model?", "deploy", ("contender_calibration",)
    ),
    "under_corruptions": Chart(
        "Recommended model, best ensemble, best member and baseline", "failures", ("contenders",)
    ),
    "error_by_severity": Chart(
        "Top-1 error of each design as corruptions grow more severe",
        "designs",
        ("members", "corruption_errors", "deployment"),
        optional=("deployment",),
        requires=("corruptions",),
    ),
    "size_accuracy_robustness": Chart(
        "Robustness against model size and clean accuracy",
        "designs",
        ("members",),
        requires=("robustness",),
    ),
    "effective_robustness": Chart(
        "Accuracy on shifted images against clean accuracy", "shift", ("effective_robustness",)
    ),
    "ceiling": Chart("How often are all members wrong?", "ceiling", ("ceiling",)),
    "ensemble_size": Chart(
        "Error against the number of members",
        "size",
        ("ensemble_sizes", "candidates", "exchange_rates"),
        optional=("candidates", "exchange_rates"),
    ),
    "swaps": Chart("What does design diversity buy?", "architecture", ("swaps", "members")),
    "architecture_diversity": Chart(
        "Are ensembles of different designs more diverse?", "architecture", ("ensembles",)
    ),
    "correlations": Chart(
        "Correlation of diversity with ensemble accuracy", "diversity", ("correlations",)
    ),
    "loss_weight": Chart(
        "What the weight of a joint loss does",
        "joint",
        ("ensembles", "members"),
        requires=("joint",),
    ),
    "search_front": Chart(
        "Sub-networks of the search, and independently trained designs",
        "search",
        ("evaluations", "members"),
    ),
    "confusions": Chart("What the recommended model confuses", "failures", ("confusions",)),
    "class_errors": Chart(
        "Error of the recommended model on each class under each corruption",
        "failures",
        ("class_errors",),
        requires=("corruptions",),
    ),
    "failure_gallery": Chart(
        "Failures of the recommended model", "failures", ("failure_pictures",)
    ),
    "gallery": Chart("One test image under each corruption", "corruptions", ("gallery",)),
    "attribution_gallery": Chart(
        "Which pixels do members of different families rely on?",
        "attributions",
        ("attribution_gallery", "attribution_distances"),
    ),
    "learning_curves": Chart("Learning curves", "training", ("histories",)),
}
