"""Names and numbers as people read them. Only reports read them, so that no table depends on a
label."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from resiliency.diversity import metrics
from resiliency.report.settings import METRIC_LABELS

if TYPE_CHECKING:
    from typing_extensions import TypeIs

MINUS = "−"
PREFIXES = ("", "k", "M", "G", "T")
NOTHING = "–"
NO_INTERVAL = "(no interval: too few units)"

KINDS = {"prediction": "Predictions", "attribution": "Attributions", "activation": "Activations"}
METRICS = {
    name: metric
    for kind in KINDS
    for name, metric in (metrics.METRICS | metrics.ENSEMBLE_METRICS).items()
    if metric.kind == kind
}
OBJECTIVES = {  # joint objective -> what its loss adds to the members' own
    "independent": "the members' loss only",
    "balanced": "from the members' loss (λ = 0) to the ensemble's (λ = 1)",
    "gncl": "generalised negative correlation",
    "ncl": "negative correlation of probabilities",
    "kl": "Kullback–Leibler divergence from the ensemble",
}


def kind_of(metric: str) -> str:
    """The kind of diversity that `metric` measures, a key of KINDS."""
    return METRICS[metric].kind


def label(name: str) -> str:
    """The label of a metric, kind, rule, corruption or setting."""
    return METRIC_LABELS.get(name) or KINDS.get(name, name.replace("_", " "))


def short_label(metric: str) -> str:
    """The label of a metric without its suffix in brackets, which goes before it if the metric is
    negated."""
    name, _, suffix = label(metric).partition(" (")
    return f"negated {name}" if suffix == "negated)" else name


def plural(count: int, thing: str) -> str:
    """Words such as "1 image" and "6,868 ensembles"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as a percentage, such as 12.3%."""
    if fraction is not None and math.isinf(fraction):
        return "∞" if fraction > 0 else f"{MINUS}∞"
    return NOTHING if _missing(fraction) else f"{100 * fraction:.{digits}f}%".replace("-", MINUS)


def number(value: float | None, digits: int = 3) -> str:
    """A number with `digits` decimals, or from 1,000 a whole number with separators."""
    if _missing(value):
        return NOTHING
    value = round(value, digits) + 0.0  # no negative zero
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}").replace("-", MINUS)


whole, one_digit, hundredths = (partial(number, digits=digits) for digits in (0, 1, 2))


def quantity(value: float | None) -> str:
    """A number with three significant digits and a prefix, such as 719 k or 7.6 G; 0 to 10¹⁵."""
    if _missing(value):
        return NOTHING
    place = next(
        (n for n in range(len(PREFIXES)) if abs(value) < 999.5 * 1000**n), len(PREFIXES) - 1
    )
    return f"{value / 1000**place:.3g} {PREFIXES[place]}".rstrip().replace("-", MINUS)


def points(share: float, digits: int = 1) -> str:
    """A difference of shares in percentage points, such as 1.2."""
    return number(100 * share, digits)


def estimate(value: float | None) -> str:
    """A statistic with three decimals, a small one with four."""
    return number(value, 3 if _missing(value) or abs(value) >= 0.1 else 4)


def plain(value: float) -> str:
    """A number with all of its digits and without an exponent, such as 0.00001."""
    return np.format_float_positional(value, trim="-")


def interval(low: float | None, high: float | None, form=number) -> str:
    """An interval, such as [1.8, 3.7], formatted by `form` without units; empty if unknown.

    The page says once of which level its intervals are.
    """
    return (
        ""
        if _missing(low) or _missing(high)
        else f"[{form(low).removesuffix('%')}, {form(high).removesuffix('%')}]"
    )


def bounds(low: float | None, high: float | None) -> str:
    """Bounds of an estimate, such as [0.234, 0.495]; empty if they are unknown.

    They have three decimals, small ones four, or five if four do not show on which side of 0 they
    are.
    """
    ends = [end for end in (low, high) if not _missing(end) and end]
    small = all(abs(end) < 0.1 for end in ends)
    digits = next(
        (digits for digits in (3 + small, 4) if all(round(end, digits) for end in ends)), 5
    )
    return interval(low, high, partial(number, digits=digits))


def difference(value: float, low: float | None, high: float | None) -> str:
    """A difference of shares in percentage points, with as many decimals as its interval."""
    return points(value, _decimals(low, high))


def difference_interval(low: float | None, high: float | None) -> str:
    """An interval of a difference of shares, in percentage points.

    It has one to three decimals, the fewest that show on which side of 0 its ends are.
    """
    return interval(low, high, partial(points, digits=_decimals(low, high)))


def _decimals(low: float | None, high: float | None) -> int:
    ends = [100 * end for end in (low, high) if not _missing(end) and end]
    return next((digits for digits in (1, 2) if all(round(end, digits) for end in ends)), 3)


def in_points(value: float, low: float, high: float, *, unit: str = " percentage points") -> str:
    """A difference of shares, such as "3.3 percentage points [1.0, 5.6]"."""
    return f"{difference(value, low, high)}{unit} {difference_interval(low, high)}".rstrip()


def with_interval(
    value: float, low: float | None, high: float | None, *, form: Callable[[float], str] = percent
) -> str:
    """A value and its interval, if known, such as 5.4% [4.4, 6.7]."""
    return f"{form(value)} {interval(low, high, form)}".rstrip()


def duration(seconds: float | None) -> str:
    """Seconds as h, min and s."""
    if _missing(seconds):
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def listed(names: Sequence[str]) -> str:
    """Words such as "fog, snow and frost"; "" for none."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def capital(text: str) -> str:
    """`text` with a capital letter first."""
    return text[:1].upper() + text[1:]


def first_of(names: Sequence[str], most: int) -> str:
    """The first names, joined by commas, and how many more there are."""
    return ", ".join(names[:most]) + (
        f" and {len(names) - most:,} more" if len(names) > most else ""
    )


def _missing(value: float | None) -> "TypeIs[None]":
    return value is None or (isinstance(value, float) and math.isnan(value))
