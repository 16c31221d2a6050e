"""How many units would decide an observation, by simulating its rule (see `resiliency.analysis.rule`)."""

from typing import NamedTuple

import numpy as np

from resiliency.analysis.parts import Part, p_values
from resiliency.analysis.rule import DECIDED, PValues, decide
from resiliency.base.streams import stream

POWER = 0.8
MOST = 1_000
STUDIES = 2_000


class Need(NamedTuple):
    """Units that decide with a probability of `POWER` if all estimates are right.

    Attributes:
        units: None where not even `MOST` do.
        verdict: what most studies of so many units would then have; empty without `units`.
    """

    units: int | None
    verdict: str


def units_to_decide(parts: list[Part], sign: int, margin: float, minimum: int, confidence: float) -> Need:
    """What would decide an observation with these parts: more units than it has, and at least `minimum`.

    Parts are simulated as independent of each other. Nothing is known where a part has no standard error.
    """
    if not parts or not all(np.isfinite([part.estimate, part.error]).all() and part.units for part in parts):
        return Need(None, "")

    def simulated(units: int) -> np.ndarray:
        return decide(_simulated_p_values(parts, sign, margin, units), 1 - confidence)[0]

    def enough(units: int) -> bool:
        return np.isin(simulated(units), DECIDED).mean() >= POWER

    low, high = max(minimum, *(part.units + 1 for part in parts)) - 1, MOST
    if low >= high or not enough(high):
        return Need(None, "")
    while high - low > 1:
        middle = int(np.sqrt(low * high)) if high > 4 * low else (low + high) // 2
        middle = max(middle, low + 1)
        low, high = (low, middle) if enough(middle) else (middle, high)
    verdicts = simulated(high)
    return Need(high, max(DECIDED, key=lambda verdict: (verdicts == verdict).sum()))


def _simulated_p_values(parts: list[Part], sign: int, margin: float, units: int) -> PValues:
    """p-values of studies of so many units whose truth is the estimates: normal, with errors estimated on their own."""
    columns = []
    for index, part in enumerate(parts):
        random = stream(0, "power", index)
        error, freedom = part.with_units(units)
        estimates = part.scale.to(part.estimate) + error * random.standard_normal(STUDIES)
        errors = error * np.sqrt(random.chisquare(freedom, STUDIES) / freedom)
        columns.append(p_values(sign * estimates, errors, freedom, float(part.scale.to(margin))))
    return PValues(*(np.stack(of, axis=1) for of in zip(*columns, strict=True)))
