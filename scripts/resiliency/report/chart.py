"""What is known of a chart without what draws it."""

from typing import NamedTuple


class Chart(NamedTuple):
    """A chart as the workflow and the page list it; a function of its name in `charts` draws it.

    Attributes:
        tables: names of those that it draws.
        section: anchor of the section of the page that it belongs to.
        topic, title: as which `snakemake --report` lists it.
        optional: those of `tables` that a study may lack; they are then empty.
        requires: what else a study must have: `corruptions`, `robustness` (these, or test sets in their place), or
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
        """What a study must have for the chart: tables, and what it `requires`."""
        return {*self.tables, *self.requires} - set(self.optional)
