"""The small picture of an observation: its estimates and intervals around zero, as SVG within the page."""

import math
from collections.abc import Callable, Iterator

import pandas as pd
from markupsafe import Markup

from resiliency.report import words

WIDE, LINE, EDGE, AXIS = 300, 11, 8, 14  # width, height of a row, free space at both ends, height below the rows
BANDS = {"placebo": "negative control", "accuracy": "data in which accuracy alone acts"}  # control -> what it is
ENDS = ("low", "high")


def interval_picture(parts: list[dict]) -> Markup:
    """An observation's parts and labelled controls, a band behind each for its control; nothing if none is known.

    Args:
        parts: rows of observations.csv that have a verdict.
    """
    drawn = [part for part in parts if not pd.isna(part["low"]) and not pd.isna(part["high"])]
    margin = next((part["margin"] for part in drawn if not pd.isna(part.get("margin"))), 0)
    least = next((part["least"] for part in drawn if part.get("least", 0) > 0), 0)
    columns = ("low", "high", "estimate", *(f"{band}_{end}" for band in BANDS for end in ENDS))
    values = [margin, least, *(part.get(column, math.nan) for part in drawn for column in columns)]
    reach = max((abs(value) for value in values if not math.isnan(value)), default=0)
    if not drawn or not reach:
        return Markup("")
    bottom = LINE * len(drawn) + 4

    def x(value: float) -> float:
        return round(WIDE / 2 + value / reach * (WIDE / 2 - EDGE), 1)

    def line_at(kind: str, value: float, says: str = "") -> Markup:
        return _mark("line", says, kind, x1=x(value), x2=x(value), y1=0, y2=bottom)

    bands = [band for row, part in enumerate(drawn) for band in _bands(part, LINE * row + 2, x)]
    rows = [_row(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    axis = [line_at("zero", 0)] + [line_at("margin", side * margin) for side in (-1, 1) if margin]
    if least:
        sign = -1 if drawn[0].get("side") == "below" else 1
        axis.append(line_at("least", sign * least, f"smallest effect of interest: {words.plain(least)}"))
    end = margin if margin / reach > 0.2 else _round_below(reach)
    for value in (0, -end, end):
        says = f"{'−' if value < 0 else '+'}{end:.2g}" if value else "0"
        axis.append(_text(says, x=min(max(x(value), 24), WIDE - 24), y=bottom + 11, anchor="middle"))
    label = f"Estimates and intervals of {words.plural(len(drawn), 'part')} around zero"
    head = Markup('<svg class="intervals" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    inside = Markup("").join([*bands, *axis, *rows])
    return head.format(WIDE, bottom + AXIS, label) + inside + Markup("</svg>")


def _bands(part: dict, top: float, x: Callable[[float], float]) -> Iterator[Markup]:
    """The ranges of a part's controls."""
    for band, control in BANDS.items():
        low, high = (part.get(f"{band}_{end}", math.nan) for end in ENDS)
        if not math.isnan(low) and not math.isnan(high):
            says = f"{part['part']}: 90% of the draws of the {control} lie in {words.bounds(low, high)}"
            width = round(x(high) - x(low), 1)
            yield _mark("rect", says, band, x=x(low), y=top, width=width, height=LINE - 1)


def _row(part: dict, y: float, x: Callable[[float], float]) -> Markup:
    """The interval and the estimate of a part; a control is labelled on the side with more room."""
    low, high, estimate = part["low"], part["high"], part["estimate"]
    says = f"{part['part']}: {words.estimate(estimate)} {words.bounds(low, high)}"
    marks = _mark("line", x1=x(low), x2=x(high), y1=y, y2=y) + _mark("circle", cx=x(estimate), cy=y, r=3.5)
    drawn = _mark("g", says, part["part_verdict"].replace(" ", "-"), inside=marks)
    at, anchor = (0, "start") if x(estimate) > WIDE / 2 else (WIDE, "end")
    return _text("control", x=at, y=y + 3, anchor=anchor, kind="control") + drawn if part.get("reading") else drawn


def _mark(tag: str, says: str = "", kind: str = "", inside: str = "", **attributes: float | str) -> Markup:
    """An element of the picture of this class, with a title that a pointer shows."""
    given = ({"class": kind} if kind else {}) | {name.replace("_", "-"): value for name, value in attributes.items()}
    listed = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in given.items())
    title = Markup("<title>{}</title>").format(says) if says else ""
    return Markup("<{0}{1}>{2}{3}</{0}>").format(tag, listed, title, inside)


def _text(says: str, x: float, y: float, anchor: str, kind: str = "") -> Markup:
    return _mark("text", kind=kind, inside=says, x=x, y=y, text_anchor=anchor)


def _round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a positive number."""
    power = 10 ** math.floor(math.log10(value))
    return next(digit for digit in (5, 2, 1) if digit * power <= value * (1 + 1e-9)) * power
