"""The entry of a chart in the registry, without the code that draws it."""

from typing import NamedTuple


class Chart(NamedTuple):
    """A chart as the workflow and the page list it; a function of its name in `charts` draws it.

    Attributes:
        tables: names of the tables that it draws.
        section: anchor of its section of the page.
        topic, title: topic and title in the list of `snakemake --report`.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: further requirements: `corruptions`, `robustness` (corruptions, or test sets in their place), or
            `joint` for joint training.
    """

    tables: tuple[str, ...]
    section: str
    topic: str
    title: str
    optional: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        """Requirements of the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)
