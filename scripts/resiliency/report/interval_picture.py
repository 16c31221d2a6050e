"""The small picture of the intervals of an observation."""

import pandas as pd
from markupsafe import Markup

from resiliency.report import words

WIDE, LINE, MARGIN = 300, 9, 8


def interval_picture(parts: list[dict]) -> Markup:
    """The estimates and intervals of an observation's parts around zero, drawn; nothing if none is known."""
    drawn = [part for part in parts if not pd.isna(part["low"]) and not pd.isna(part["high"])]
    reach = max((abs(part[end]) for part in drawn for end in ("low", "high", "estimate")), default=0)
    if not reach:
        return Markup("")

    def x(value: float) -> float:
        return round(WIDE / 2 + value / reach * (WIDE / 2 - MARGIN), 1)

    height = LINE * len(drawn) + 18
    label = f"Estimates and intervals of {words.plural(len(drawn), 'part')} around zero"
    marks = [
        Markup('<line class="zero" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(WIDE / 2, height - 14),
        Markup('<text x="{}" y="{}" text-anchor="middle">0</text>').format(WIDE / 2, height - 2),
    ]
    for row, part in enumerate(drawn):
        y = LINE * row + 6
        says = f"{part['part']}: {words.estimate(part['estimate'])} {words.interval(part['low'], part['high'])}"
        marks.append(
            Markup(
                '<g class="{}"><title>{}</title><line x1="{}" x2="{}" y1="{y}" y2="{y}"/>'
                '<circle cx="{}" cy="{y}" r="3.5"/></g>'
            ).format(
                part["part_verdict"].replace(" ", "-"), says, x(part["low"]), x(part["high"]), x(part["estimate"]), y=y
            )
        )
    head = Markup('<svg class="intervals" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDE, height, label)
    return head + Markup("").join(marks) + Markup("</svg>")
