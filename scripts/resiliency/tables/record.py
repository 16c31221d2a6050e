"""The record of a table and of its columns, and values that many of them share."""

from math import inf
from typing import NamedTuple


class Values(NamedTuple):
    """Possible values of a column, apart from empty cells.

    Attributes:
        words: unit and range, or list of values, as the documentation states it.
        type: `float`, `int`, `bool` or `str`.
        low, high: smallest and largest number.
        among: possible texts; empty for any.
    """

    words: str
    type: type
    low: float = -inf
    high: float = inf
    among: tuple[str, ...] = ()


class Column(NamedTuple):
    """A column, or several whose names differ by placeholders.

    Attributes:
        name: name, with placeholders such as `<images>`.
        meaning: description in words.
        values: possible values.
    """

    name: str
    meaning: str
    values: Values


class Table(NamedTuple):
    """A table of a study.

    Attributes:
        path: path in `results/<study>/`.
        title, topic: title and topic in the list of `snakemake --report`.
        holds: purpose of the table in one line.
        row: meaning of a row.
        columns: columns in the order of the file, as far as that is fixed.
        needs: requirements of the study; see `made`.
        published: whether the kept part of a published study includes it.
    """

    path: str
    title: str
    topic: str
    holds: str
    row: str
    columns: list[Column]
    needs: frozenset[str] = frozenset()
    published: bool = False


def number(words: str, low: float = -inf, high: float = inf) -> Values:
    """Numbers from `low` to `high`."""
    return Values(words, float, low, high)


def whole(words: str, low: float = 0, high: float = inf) -> Values:
    """Whole numbers from `low` to `high`."""
    return Values(words, int, low, high)


def one_of(*among: str, words: str = "") -> Values:
    """One of these texts; `words` name them where that needs more than their list."""
    *first, last = (f"`{value}`" for value in among)
    listed = f"{', '.join(first)} or {last}" if first else last
    return Values(words or listed, str, among=among)


def text(words: str = "text") -> Values:
    """Any text."""
    return Values(words, str)


FRACTION, DIFFERENCE = number("0 to 1", 0, 1), number("−1 to 1", -1, 1)
COUNT, FROM_0, FROM_1 = whole("whole number"), whole("whole number, from 0"), whole("whole number, from 1", 1)
MACS, MORE = whole("whole number, for one image"), number("0 or more", 0)
NATS, ANY = number("nats, 0 or more", 0), number("any number")
FLAG = Values("`True` or `False`", bool)
NAME = text()
DIVERSITY = number("larger is more diverse; range of the metric")
CONFIDENCE = Column("confidence", "nominal coverage of the intervals (`statistics.confidence`)", FRACTION)
RULE = Column("rule", "combination rule", one_of("mean_probability", "weighted_mean", "mean_logit", "plurality_vote"))
JOINED = Column("members", "names of the members, joined by `+`", NAME)
SIZE = Column("size", "number of members", whole("whole number, 1 or more", 1))
OF_SEVERAL = Column("size", "number of members", whole("whole number, 2 or more", 2))
MEMBER_ORIGINS = ("independent", "joint", "search")


def ends(name: str, method: str, values: Values = FRACTION) -> list[Column]:
    """The two ends of the interval of `name`, by `method`."""
    names = (f"{name}_low", f"{name}_high") if name else ("low", "high")
    return [Column(names[0], f"lower end of the interval ({method})", values), Column(names[1], "upper end", values)]


JOINT = [
    Column("objective", "objective of joint training; empty for other origins", text("a key of `joint.objectives`")),
    Column("setting", "objective with its weight, such as `balanced-l0.5`", NAME),
    Column("loss_weight", "weight λ of the objective", MORE),
    Column("seed", "number of the seed within the design or setting", FROM_0),
]
BINS = [
    Column("bin_low", "lower edge of the bin, one of 15 of equal width", FRACTION),
    Column("bin_high", "upper edge", FRACTION),
    Column("predictions", "number of predictions in the bin", COUNT),
    Column("mean_confidence", "mean of their largest probabilities", FRACTION),
    Column("accuracy", "share of them that are right", FRACTION),
]
