"""What a chart of the report consists of."""

from collections.abc import Callable
from typing import NamedTuple

import altair as alt


class Chart(NamedTuple):
    """A chart: how it is drawn, what is said of it, what it needs and where it stands.

    Attributes:
        draw: takes `tables`, in their order, and the colours; returns the chart.
        finding: takes `tables`; returns what the chart shows, by rules, or "" where there is nothing to say.
        caption: how to read it.
        tables: names of those that it draws.
        section: anchor of the section of the page that it belongs to.
        topic, title: as which `snakemake --report` lists it.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: what else a study must have: `corruptions`, or `joint` for joint training.
    """

    draw: Callable[..., alt.TopLevelMixin]
    finding: Callable[..., str]
    caption: str
    tables: tuple[str, ...]
    section: str
    topic: str
    title: str
    optional: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        """What a study must have for the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)
