"""How many units would decide an observation, by the power of its rule (see `resiliency.analysis.verdicts`)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import nct, norm
from scipy.stats import t as student

from resiliency.analysis.parts import Part

POWER = 0.8
MOST = 100_000


class Need(NamedTuple):
    """Units that decide with a probability of `POWER`.

    Attributes:
        estimated: if all estimates are right; None where no number does.
        verdict: the verdict that `estimated` units would then give.
        at_margin: for a verdict of supported, if every part is as large as the margin; None where no number does.
    """

    estimated: int | None
    verdict: str
    at_margin: int | None


def needed(parts: list[Part], sign: int, margin: float, minimum: int, confidence: float, corrected: float) -> Need:
    """What would decide an observation with these parts; nothing is known where a part has no standard error.

    Args:
        sign, margin, minimum: of the observation.
        confidence, corrected: of the one-sided bounds that support, and that contradict.
    """
    if not parts or not all(np.isfinite([part.estimate, part.error]).all() and part.units for part in parts):
        return Need(None, "", None)
    least = max(minimum, 2)
    effects = [sign * float(part.scale.to(part.estimate)) for part in parts]
    margins = [float(part.scale.to(margin)) for part in parts]
    rules = {
        "supported": (_supports, 1 - confidence),
        "contradicted": (_contradicts, 1 - corrected),
        "equivalent": (_equivalent, 1 - confidence),
    }
    by_verdict = {
        verdict: _least_units(lambda units, of=of, a=alpha: of(parts, effects, margins, units, a), least)
        for verdict, (of, alpha) in rules.items()
    }
    by_verdict = {verdict: units for verdict, units in by_verdict.items() if units is not None}
    verdict = min(by_verdict, key=by_verdict.get, default="")
    at_margin = _least_units(lambda units: _supports(parts, margins, margins, units, 1 - confidence), least)
    return Need(by_verdict.get(verdict), verdict, at_margin)


def _least_units(power: Callable[[int], float], least: int) -> int | None:
    """The smallest number of units with enough power, which grows with it; None beyond `MOST`."""
    if power(MOST) < POWER:
        return None
    low, high = least - 1, MOST  # too few, or below what is allowed; enough
    while high - low > 1:
        middle = int(np.sqrt(low * high)) if high > 4 * low else (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _supports(parts: list[Part], effects: list[float], _: list[float], units: int, alpha: float) -> float:
    """At least so probable: each part is above 0."""
    return 1 - sum(1 - _detects(part, effect, units, alpha) for part, effect in zip(parts, effects, strict=True))


def _contradicts(parts: list[Part], effects: list[float], _: list[float], units: int, alpha: float) -> float:
    """At least so probable: some part is below 0."""
    return max(_detects(part, -effect, units, alpha) for part, effect in zip(parts, effects, strict=True))


def _equivalent(parts: list[Part], effects: list[float], margins: list[float], units: int, alpha: float) -> float:
    """At least so probable: each part is within the margin."""
    missed = 0.0
    for part, effect, margin in zip(parts, effects, margins, strict=True):
        missed += sum(1 - _detects(part, room, units, alpha) for room in (margin - effect, margin + effect))
    return 1 - missed


def _detects(part: Part, effect: float, units: int, alpha: float) -> float:
    """Power of a one-sided t-test of so large an effect."""
    error, freedom = part.with_units(units)
    if error <= 0:
        return float(effect > 0)
    threshold, shift = student.ppf(1 - alpha, freedom), effect / error
    power = nct.sf(threshold, freedom, shift) if abs(shift) < 30 else np.nan
    return float(power if np.isfinite(power) else norm.sf(threshold - shift))
