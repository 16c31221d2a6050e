"""What an engineer asks of the model to deploy, answered in the sentences of `deployment.txt.j2`."""

import re
from collections.abc import Callable
from functools import partial

import pandas as pd

from resiliency.report import deployment_facts as facts
from resiliency.report import words
from resiliency.report.contender_roles import compared_with
from resiliency.report.overview import contenders
from resiliency.report.templates import sentences


def deployment_answers(
    deployment: pd.DataFrame,
    selective: pd.DataFrame,
    temperatures: pd.DataFrame,
    members: pd.DataFrame,
    classes: list[str] | None,
    study: str,
    thresholds: pd.DataFrame | None = None,
    compared: pd.DataFrame | None = None,
) -> list[tuple[str, str]]:
    """Questions and answers about the recommended model: which, why, how good, when to abstain, worst case, cost.

    Args:
        deployment, selective, temperatures, members: tables of these names.
        classes: names of the classes; None where they are not known.
        study: its name.
        thresholds, compared: thresholds.csv and contenders.csv, where the study has them.
    """
    rows = contenders(deployment)
    if not rows:
        return []
    row = rows[0]
    text = sentences("deployment.txt.j2", compared_with, with_interval).render(
        row=row,
        study=study,
        classes=classes,
        choice=facts.choice_facts(row, deployment, compared),
        errors=facts.error_facts(row),
        calibration=facts.calibration_facts(temperatures[temperatures["members"] == row["members"]]),
        confidence=facts.confidence_facts(selective[selective["members"] == row["members"]]),
        thresholds=facts.threshold_facts(row["members"], thresholds),
        costs=facts.cost_facts(rows, members),
        delivery=facts.delivery_facts(row, deployment, members),
    )
    return by_heading(text)


def by_heading(text: str) -> list[tuple[str, str]]:
    """Each heading, a line that begins with ##, and the lines below it in one."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return [(heading, " ".join(lines.split())) for heading, _, lines in (part.partition("\n") for part in parts)]


def with_interval(of: facts.Figure, form: Callable = words.percent, **digits: int) -> str:
    return words.with_interval(*of, partial(form, **digits))
