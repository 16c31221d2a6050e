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
        title: what it shows.
        section: anchor of its section of the page.
        tables: names of the tables that it draws.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: further requirements: `corruptions`, `robustness` (corruptions, or test sets in their place), or
            `joint` for joint training.
    """

    title: str
    section: str
    tables: tuple[str, ...]
    optional: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """Its topic in the list of `snakemake --report`: the name of its section."""
        return next(section.name for section in SECTIONS + APPENDIX if section.anchor == self.section)

    @property
    def needs(self) -> set[str]:
        """Requirements of the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)


# In the order in which the charts of a section stand on the page; the first is shown, others are behind a click.
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
        "Robustness against model size and clean accuracy", "designs", ("members",), requires=("robustness",)
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
    "coincident_failures": Chart(
        "Do two members fail on the same images more often than by chance?", "architecture", ("coincident_failures",)
    ),
    "architecture_diversity": Chart("Are ensembles of different designs more diverse?", "architecture", ("ensembles",)),
    "correlations": Chart("Correlation of diversity with ensemble accuracy", "diversity", ("correlations",)),
    "loss_weight": Chart(
        "What the weight of a joint loss does", "joint", ("ensembles", "members"), requires=("joint",)
    ),
    "search_front": Chart(
        "Sub-networks of the search, and independently trained designs", "search", ("evaluations", "members")
    ),
    "confusions": Chart("What the recommended model confuses", "failures", ("confusions",)),
    "class_errors": Chart(
        "Error of the recommended model on each class under each corruption",
        "failures",
        ("class_errors",),
        requires=("corruptions",),
    ),
    "failure_gallery": Chart("Failures of the recommended model", "failures", ("failure_pictures", "deployment")),
    "gallery": Chart("One test image under each corruption", "corruptions", ("gallery",)),
    "attribution_gallery": Chart(
        "Which pixels do members of different families rely on?",
        "attributions",
        ("attribution_gallery", "attribution_distances"),
    ),
    "learning_curves": Chart("Learning curves", "training", ("histories",)),
}
