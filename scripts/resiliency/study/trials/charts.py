"""A trial of a chart that another package adds, as far as it goes without the tables of a study."""

from inspect import signature
from types import ModuleType

from resiliency.base.extensions import extensions
from resiliency.base.faults import available
from resiliency.report.chart import Chart
from resiliency.report.registry import CHARTS
from resiliency.tables import TABLES

REQUIREMENTS = {"corruptions", "robustness", "joint"}


def chart_fault(module: ModuleType) -> str:
    """What keeps a module from being a chart; empty if nothing does, as far as is known before its tables are made.

    The catalogue is known here alone: charts are not drawn again because of other words in it.
    """
    chart: Chart = module.CHART
    drawn = {table for name, of in CHARTS.items() if name not in extensions("charts") for table in of.tables}
    if unknown := {*chart.tables} - (drawn | TABLES.keys()):
        return available("table", min(unknown), sorted(drawn | TABLES.keys()))
    if unknown := {*chart.optional} - {*chart.tables}:
        return f"optional: {min(unknown)!r} is not one of its tables"
    if unknown := {*chart.requires} - REQUIREMENTS:
        return f"requires: {min(unknown)!r} is not one of {', '.join(sorted(REQUIREMENTS))}"
    for name, text in {"topic": chart.topic, "title": chart.title, "CAPTION": module.CAPTION}.items():
        if not isinstance(text, str):
            return f"{name} is of type {type(text).__name__}, expected str"
    for name, arguments in {"draw": (*chart.tables, "colours"), "finding": chart.tables}.items():
        try:
            signature(getattr(module, name)).bind(*arguments)
        except TypeError as error:
            return f"{name} does not take {len(arguments)} arguments, {', '.join(arguments)} ({error})"
    return ""
