"""The captions of `snakemake --report`, from what is said elsewhere of charts and tables."""

import re

from resiliency.reference.table import Table
from resiliency.reference.tables import TABLES
from resiliency.report import topics
from resiliency.report.charts import chart_module
from resiliency.report.registry import CHARTS
from resiliency.report.sections import APPENDIX, SECTIONS

QUESTIONS = {section.anchor: section.question for section in SECTIONS + APPENDIX}


def captions() -> dict[str, str]:
    """Path in the repository -> text, in reStructuredText, of each chart and each table."""
    charts = {
        f"charts/{name}": f"**{QUESTIONS[chart.section]}** {_literal(chart_module(name).CAPTION)}\n"
        for name, chart in CHARTS.items()
    }
    named = {table.path.rpartition("/")[2]: table for table in TABLES}
    tables = {f"tables/{name}": _table(named[name]) for name in topics.TABLES}
    return {f"rules/captions/{name}.rst": text for name, text in (charts | tables).items()}


def _table(table: Table) -> str:
    """What a table holds, and then each column with its meaning and its values."""
    columns = [f"- ``{of.name}``: {_literal(of.meaning)} ({_literal(of.values)})\n" for of in table.columns]
    return "".join([f"{_literal(table.holds)} One row per {_literal(table.row)}.\n\n", *columns])


def _literal(text: str) -> str:
    """As reStructuredText: what is within backticks stays as it is, marks elsewhere are literal."""
    parts = re.split(r"`([^`]*)`", text)
    parts[1::2] = [f"``{code}``" for code in parts[1::2]]
    parts[::2] = [re.sub(r"([\\*_|])", r"\\\1", plain) for plain in parts[::2]]
    return "".join(parts)
