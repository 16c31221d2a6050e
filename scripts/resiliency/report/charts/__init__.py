"""The charts of the report: a module for each that `registry` lists, loaded by its name.

A module has
    draw: takes the chart's tables, in the order of the registry, and the colours; returns the chart.
    finding: takes the same tables; returns what the chart shows, by rules, or "" where there is nothing to say.
    CAPTION: how to read the chart.
"""

from importlib import import_module
from types import ModuleType


def chart_module(name: str) -> ModuleType:
    """The module of the chart `name`."""
    return import_module(f"{__name__}.{name}")
