"""The parts of the page, each with the question that it answers.

The first chart of a section that the study has is shown; others, and what is in the template
`section-<anchor>.html.j2` if there is one, are behind a click.
"""

from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page: where links to it lead, the question that it answers, and its name in the navigation."""

    anchor: str
    question: str
    name: str


SECTIONS = (
    Section("deploy", "Which ensemble should I deploy?", "What to deploy"),
    Section("best", "Which ensembles are the most accurate?", "Best ensembles"),
    Section("failures", "Where does it fail?", "Where it fails"),
    Section("designs", "How robust is each design?", "Robust designs"),
    Section("shift", "Which members are more robust than their clean accuracy predicts?", "Effective robustness"),
    Section("ceiling", "How accurate could any vote be?", "Ceiling"),
    Section("size", "How many members does an ensemble need?", "Number of members"),
    Section("origins", "Where should the members of an ensemble come from?", "Origin of members"),
    Section("architecture", "Do different designs fail differently?", "Coincident failures"),
    Section("diversity", "Does diversity correlate with accuracy?", "Diversity and accuracy"),
    Section("joint", "Does joint training help?", "Joint training"),
    Section("search", "What did the architecture search find?", "Architecture search"),
)
APPENDIX = (
    Section("corruptions", "What do the corruptions look like?", "Corruptions"),
    Section("attributions", "Which pixels do members rely on?", "Attributions"),
    Section("training", "Did training converge?", "Training"),
)
