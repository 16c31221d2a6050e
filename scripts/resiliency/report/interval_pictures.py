"""The estimates of an observation drawn on one scale, with intervals, placebos' ranges, margin and smallest effect."""

import math
from collections.abc import Callable

import pandas as pd
from markupsafe import Markup

from resiliency.report import words

WIDE, LINE, EDGE, AXIS = 300, 11, 8, 14  # width, height of a row, free space at both ends, height below the rows
Scale = Callable[[float], float]  # value -> its place
RANGE = ("placebo_low", "placebo_high")


def interval_picture(parts: list[dict]) -> Markup:
    """An observation's parts and labelled controls, a grey band behind each for its placebo; nothing if none is known.

    Args:
        parts: rows of observations.csv that have a verdict.
    """
    drawn = [part for part in parts if not pd.isna(part["low"]) and not pd.isna(part["high"])]
    margin = next((part["margin"] for part in drawn if not pd.isna(part.get("margin"))), 0)
    least = next((part["least"] for part in drawn if part.get("least", 0) > 0), 0)
    values = [part.get(end) for part in drawn for end in ("low", "high", "estimate", *RANGE)]
    reach = max((abs(value) for value in (*values, margin, least) if not pd.isna(value)), default=0)
    if not drawn or not reach:
        return Markup("")
    height = LINE * len(drawn) + AXIS + 4

    def x(value: float) -> float:
        return round(WIDE / 2 + value / reach * (WIDE / 2 - EDGE), 1)

    rows = [_row(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    labels = [_label(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    bands = [_band(part, LINE * row + 2, x) for row, part in enumerate(drawn)]
    label = f"Estimates and intervals of {words.plural(len(drawn), 'part')} around zero"
    head = Markup('<svg class="intervals" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDE, height, label)
    axis = _axis(margin, reach, height - AXIS, x)
    axis.append(_least(least if drawn[0].get("side") != "below" else -least, height - AXIS, x))
    return head + Markup("").join([*bands, *axis, *labels, *rows]) + Markup("</svg>")


def _row(part: dict, y: float, x: Scale) -> Markup:
    """The interval and the estimate of a part."""
    says = f"{part['part']}: {words.estimate(part['estimate'])} {words.bounds(part['low'], part['high'])}"
    return Markup(
        '<g class="{}"><title>{}</title><line x1="{}" x2="{}" y1="{y}" y2="{y}"/><circle cx="{}" cy="{y}" r="3.5"/></g>'
    ).format(part["part_verdict"].replace(" ", "-"), says, x(part["low"]), x(part["high"]), x(part["estimate"]), y=y)


def _label(part: dict, y: float, x: Scale) -> Markup:
    """What a control is told from a part by, on the side where there is more room."""
    if not part.get("reading"):
        return Markup("")
    place, anchor = (0, "start") if x(part["estimate"]) > WIDE / 2 else (WIDE, "end")
    return Markup('<text class="control" x="{}" y="{}" text-anchor="{}">control</text>').format(place, y + 3, anchor)


def _band(part: dict, top: float, x: Scale) -> Markup:
    """The range of the part's placebo."""
    low, high = (part.get(end) for end in RANGE)
    if pd.isna(low) or pd.isna(high):
        return Markup("")
    says = f"{part['part']}: 90% of the draws of the negative control lie in {words.bounds(low, high)}"
    return Markup('<rect class="placebo" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        x(low), top, round(x(high) - x(low), 1), LINE - 1, says
    )


def _least(least: float, bottom: float, x: Scale) -> Markup:
    """The smallest effect of interest, which estimates must exceed; nothing where it is 0."""
    if not least:
        return Markup("")
    says = f"smallest effect of interest: {words.plain(abs(least))}"
    return Markup('<line class="least" x1="{0}" x2="{0}" y1="0" y2="{1}"><title>{2}</title></line>').format(
        x(least), bottom, says
    )


def _axis(margin: float, reach: float, bottom: float, x: Scale) -> list[Markup]:
    """Zero, and the margin on both sides, each with its number unless it is too near another."""
    marks = [Markup('<line class="zero" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x(0), bottom)]
    ticks = [(0, "0")]
    if margin:
        marks += [
            Markup('<line class="margin" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x(side * margin), bottom)
            for side in (-1, 1)
        ]
    shown = margin if margin / reach > 0.2 else _round_below(reach)
    ticks += [(side * shown, f"{'−' if side < 0 else '+'}{shown:.2g}") for side in (-1, 1)]
    return marks + [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            min(max(x(at), 24), WIDE - 24), bottom + 11, says
        )
        for at, says in ticks
    ]


def _round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a positive number."""
    power = 10 ** math.floor(math.log10(value))
    return next(digit for digit in (5, 2, 1) if digit * power <= value * (1 + 1e-9)) * power
