"""What is said of a table and of its columns, and what many of them share."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.names import CLEAN, CORRUPTED


class Column(NamedTuple):
    """A column, or several whose names differ by placeholders.

    Attributes:
        name: with placeholders such as `<images>`.
        meaning: in words.
        values: unit and range, or the values that there are.
    """

    name: str
    meaning: str
    values: str


class Table(NamedTuple):
    """A table of a study.

    Attributes:
        path: in `results/<study>/`.
        holds: what it is for, in a line.
        row: what a row is.
        columns: in the order of the file, as far as that is fixed.
    """

    path: str
    holds: str
    row: str
    columns: list[Column]


def expanded(table: Table, further: Iterable[str] = (), corruptions: Iterable[str] = ()) -> dict[str, Column]:
    """Name of each column that `table` may have -> its description, without placeholders.

    Args:
        further: names of the further test sets.
        corruptions: names of the corruptions.
    """
    further = list(further)
    names = {
        "images": [CLEAN, CORRUPTED, *further],
        "test set": [CLEAN, *further],
        "further": further,
        "corruption": list(corruptions),
        "ensemble metric": list(ENSEMBLE_METRICS),
        "pair metric": list(METRICS),
    }
    return {name: column for column in table.columns for name in _filled(column.name, names)}


def _filled(name: str, names: dict[str, list[str]]) -> Iterator[str]:
    placeholder = re.search("<(.+?)>", name)
    if not placeholder:
        yield name
        return
    for value in names[placeholder[1]]:
        yield from _filled(name.replace(placeholder[0], value, 1), names)


FRACTION, DIFFERENCE, COUNT, NAME = "0 to 1", "−1 to 1", "whole number", "text"
MACS, MORE = "whole number, for one image", "0 or more"
DIVERSITY = "larger is more diverse; range of the metric"
CONFIDENCE = Column("confidence", "nominal coverage of the intervals (`statistics.confidence`)", FRACTION)
RULE = Column("rule", "combination rule", "`mean_probability`, `weighted_mean`, `mean_logit` or `plurality_vote`")
JOINED = Column("members", "names of the members, joined by `+`", NAME)
SIZE = Column("size", "number of members", "whole number, 1 or more")
OF_SEVERAL = Column("size", "number of members", "whole number, 2 or more")
ORIGIN = "`independent` (trained alone, loaded, or known by predictions or scores), `joint` or `search`"


def ends(name: str, method: str, values: str = FRACTION) -> list[Column]:
    """The two ends of the interval of `name`, by `method`."""
    names = (f"{name}_low", f"{name}_high") if name else ("low", "high")
    return [Column(names[0], f"lower end of the interval ({method})", values), Column(names[1], "upper end", values)]


JOINT = [
    Column("objective", "objective of joint training; empty for other origins", "a key of `joint.objectives`"),
    Column("setting", "objective with its strength, such as `balanced-l0.5`", NAME),
    Column("strength", "strength λ of the objective", MORE),
    Column("seed", "number of the seed within the design or setting", "whole number, from 0"),
]
BINS = [
    Column("bin_low", "lower edge of the bin, one of 15 of equal width", FRACTION),
    Column("bin_high", "upper edge", FRACTION),
    Column("predictions", "number of predictions in the bin", COUNT),
    Column("mean_confidence", "mean of their largest probabilities", FRACTION),
    Column("accuracy", "share of them that are right", FRACTION),
]
