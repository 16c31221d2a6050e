"""The charts of the report, by topic: each is a function that `panels.chart` registers under its name.

A chart builds its title, what it draws from its tables and its panels; the facts of one are what its sentence in
findings.txt.j2 says.
"""

from resiliency.report.charts import (
    deployment,
    diversity,
    ensembles,
    exchange_rates,
    failures,
    galleries,
    robustness,
    swaps,
    training,
)
from resiliency.report.panels import DRAWINGS
from resiliency.report.templates import said
from resiliency.report.words import capital

TOPICS = (deployment, diversity, ensembles, exchange_rates, failures, galleries, robustness, swaps, training)
FINDINGS = "findings.txt.j2"


def caption_of(name: str) -> str:
    """Instructions for reading the chart `name`."""
    return DRAWINGS[name].caption


def finding_of(name: str, *tables) -> str:
    """The finding of the chart `name` in its tables, by rules; "" if there is nothing to say."""
    facts = tell(*tables) if (tell := DRAWINGS[name].facts) else {}
    return capital(said(FINDINGS, name, **facts)) if facts else ""
