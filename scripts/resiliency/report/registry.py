"""The registry of the charts, with their requirements and places, and the sections of the page."""

from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page: where links to it lead, the question that it answers, and its name in the navigation.

    A template `section-<anchor>.html.j2` stands before its charts, `after-<anchor>.html.j2` after them.
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
    Section("shift", "Which members are more robust than their clean accuracy predicts?", "Effective robustness"),
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
        tables: names of the tables that it draws.
        section: anchor of its section of the page.
        topic, title: topic and title in the list of `snakemake --report`.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: further requirements: `corruptions`, `robustness` (corruptions, or test sets in their place), or
            `joint` for joint training.
    """

    tables: tuple[str, ...]
    section: str
    topic: str
    title: str
    optional: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        """Requirements of the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)


# In the order in which the charts of a section stand on the page; the first is shown, others are behind a click.
CHARTS = {
    "exchange_rates": Chart(("exchange_rates",), "exchange", "Observations", "What buys robustness?"),
    "deployment": Chart(("deployment", "candidates"), "deploy", "Deployment", "Error and cost"),
    "risk_coverage": Chart(("deployment", "risk_coverage"), "deploy", "Deployment", "Risk and coverage"),
    "contender_calibration": Chart(
        ("contender_calibration",), "deploy", "Deployment", "Calibration of the recommended model"
    ),
    "under_corruptions": Chart(("contenders",), "failures", "Deployment", "Recommended model under each corruption"),
    "error_by_severity": Chart(
        ("members", "corruption_errors", "deployment"),
        "designs",
        "Members",
        "Error by severity",
        optional=("deployment",),
        requires=("corruptions",),
    ),
    "size_accuracy_robustness": Chart(
        ("members",), "designs", "Members", "Size, accuracy and robustness", requires=("robustness",)
    ),
    "effective_robustness": Chart(("effective_robustness",), "shift", "Members", "Accuracy on shifted images"),
    "ceiling": Chart(("ceiling",), "ceiling", "Ensembles", "Ceiling of any vote"),
    "ensemble_size": Chart(
        ("ensemble_sizes", "candidates", "exchange_rates"),
        "size",
        "Ensembles",
        "Number of members",
        optional=("candidates", "exchange_rates"),
    ),
    "swaps": Chart(("swaps", "members"), "architecture", "Diversity", "What does design diversity buy?"),
    "coincident_failures": Chart(("coincident_failures",), "architecture", "Diversity", "Coincident failures"),
    "architecture_diversity": Chart(
        ("ensembles",), "architecture", "Diversity", "Ensembles of one design and of several"
    ),
    "correlations": Chart(("correlations",), "diversity", "Diversity", "Correlation with accuracy"),
    "loss_weight": Chart(
        ("ensembles", "members"), "joint", "Ensembles", "Joint training by weight λ", requires=("joint",)
    ),
    "search_front": Chart(("evaluations", "members"), "search", "Members", "Front of the architecture search"),
    "confusions": Chart(("confusions",), "failures", "Deployment", "Confusions of the recommended model"),
    "class_errors": Chart(
        ("class_errors",),
        "failures",
        "Deployment",
        "Error on each class under each corruption",
        requires=("corruptions",),
    ),
    "failure_gallery": Chart(
        ("failure_pictures", "deployment"), "failures", "Deployment", "Failures of the recommended model"
    ),
    "gallery": Chart(("gallery",), "corruptions", "Images", "Corruptions"),
    "attribution_gallery": Chart(
        ("attribution_gallery", "attribution_distances"), "attributions", "Images", "Attribution maps"
    ),
    "learning_curves": Chart(("histories",), "training", "Members", "Learning curves"),
}
