"""The charts of the report: a module for each that `registry` lists, loaded by its name.

A module has
    draw: takes the chart's tables, in the order of the registry, and the colours; returns the chart.
    finding: takes the same tables; returns what the chart shows, by rules, or "" where there is nothing to say.
    CAPTION: how to read the chart.

Channels are given as objects, such as `alt.X2("high")` for "high": Altair hashes the schemas of all its classes anew to
find that of a string, which takes longer than all else of a chart. Charts are put together by one `alt.layer` or
`alt.hconcat` with their properties, for every `+` and `.properties` copies what is in them.
"""

from importlib import import_module
from types import ModuleType

from resiliency.base.extensions import extensions


def chart_module(name: str) -> ModuleType:
    """The module of the chart `name`."""
    added = extensions("charts").get(name)
    return added.load() if added else import_module(f"{__name__}.{name}")
