"""One exchange rate: by how much something lowers the error, for what, and the table of several."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.statistics.spreads import Spread

POINTS = 100  # percentage points in a share


class Exchange(NamedTuple):
    """What something buys in error, as shares, and what it costs.

    Attributes:
        exchange: what is bought, such as `second_member`.
        reduction: by how much it lowers the error; below 0 where it raises it.
        low, high: the interval.
        unit: what the interval takes for a sample, in the plural.
        units: their number.
        inference: multiply-accumulate operations with it, as a multiple of those without it; NaN where that is open.
        training: the same of training, or of the number of trainings.
        designs, members, ensembles: how many are behind the estimate; 0 where none are.
        spread: whether it is a standard deviation or a range, which cannot be below 0.
    """

    exchange: str
    reduction: float
    low: float
    high: float
    unit: str
    units: int
    inference: float = np.nan
    training: float = np.nan
    designs: int = 0
    members: int = 0
    ensembles: int = 0
    spread: bool = False

    @classmethod
    def of_part(cls, exchange: str, part: Part, confidence: float, unit: str, **more: float) -> Self:
        """One whose statistic has a standard error."""
        return cls(exchange, part.estimate, *part.interval(confidence), unit, part.units, **more)

    @classmethod
    def of_spread(cls, exchange: str, spread: Spread, unit: str, units: int, **more: float) -> Self:
        """A standard deviation between units."""
        return cls(exchange, *spread, unit, units, spread=True, **more)


def with_image_groups(part: Part, without: Sequence[float]) -> Part:
    """`part` with the variance over images, from its statistic without each of G groups; itself where G is 0.

    The variance is that of a delete-a-group jackknife (Kott, Journal of Official Statistics 17, 2001).
    """
    values = part.scale.to(np.asarray(without, float))
    return part.with_images(float((len(values) - 1) * values.var()), len(values) - 1) if len(values) else part


def table_of(exchanges: Iterable[Exchange], measured_on: str, confidence: float) -> pd.DataFrame:
    """A row per exchange rate, as docs/tables.md describes exchange_rates.csv."""
    table = pd.DataFrame(exchanges, columns=Exchange._fields)
    for column in ("reduction", "low", "high"):
        table[column] *= POINTS
    names = {"reduction": "points", "low": "points_low", "high": "points_high"}
    names |= {"inference": "inference_cost", "training": "training_cost"}
    return table.rename(columns=names).assign(images=measured_on, confidence=confidence)
