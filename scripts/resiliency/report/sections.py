"""The parts of the page, each with the question that it answers."""

from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page: where links to it lead and the question that it answers."""

    anchor: str
    question: str


SECTIONS = (
    Section("deploy", "Which ensemble should I deploy?"),
    Section("best", "Which ensembles are the most accurate?"),
    Section("size", "How many members does an ensemble need?"),
    Section("designs", "How robust is each design?"),
    Section("shift", "Which members are more robust than their clean accuracy predicts?"),
    Section("diversity", "Does diversity correlate with accuracy?"),
    Section("architecture", "Do different designs fail differently?"),
    Section("origins", "Where should the members of an ensemble come from?"),
    Section("joint", "Does joint training help?"),
    Section("search", "What did the architecture search find?"),
)
APPENDIX = (
    Section("corruptions", "What do the corruptions look like?"),
    Section("errors", "How does each member do under each corruption?"),
    Section("calibration", "Can the probabilities be trusted?"),
    Section("metrics", "What are the correlations of all metrics?"),
    Section("designs_diversity", "Are ensembles of different designs more diverse?"),
    Section("attributions", "Which pixels do members rely on?"),
    Section("training", "Did training converge?"),
)
