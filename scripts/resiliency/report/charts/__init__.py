"""The charts of the report, by topic: each is a function that `style.chart` registers under its name.

A chart takes its tables and draws panels, with the lines of a subtitle; beside it stands what it finds, in sentences.
"""

from resiliency.report.charts import deployment, diversity, ensembles, galleries, robustness, swaps, training
from resiliency.report.style import DRAWINGS
from resiliency.report.words import capital

TOPICS = (deployment, diversity, ensembles, galleries, robustness, swaps, training)


def finding_of(name: str, *tables) -> str:
    """The finding of the chart `name` in its tables, in one line; "" if there is nothing to say."""
    return capital(" ".join(DRAWINGS[name].finding(*tables).split()))
