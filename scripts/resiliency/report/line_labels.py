"""Names beside the ends of lines, in place of a legend."""

import altair as alt
import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from resiliency.report.style import INK

FONT = 11
APART = 13  # px between two labels
FARTHEST = 26  # px between a label and the end of its line
OFFSET = 16  # px between a line and its label
LETTER = 6.2  # px, mean width of a letter of FONT


def places(ends: np.ndarray, height: float) -> np.ndarray | None:
    """Where labels of lines stand that end at `ends`: as near as they can without overlap.

    Args:
        ends: (lines,) px from the top, in any order.
        height: of the chart, px.

    Returns:
        (lines,) px from the top, at least APART px from each other; None where a label would be farther than FARTHEST
        px from its line. The sum of squared distances is the least (isotonic regression).
    """
    order = np.argsort(ends, kind="stable")
    steps = APART * np.arange(len(ends))
    room = height - steps[-1] if len(ends) else 0
    if room < 0:
        return None
    placed = np.empty(len(ends))
    placed[order] = np.clip(isotonic_regression(ends[order] - steps).x, 0, room) + steps
    return placed if np.abs(placed - ends).max(initial=0) <= FARTHEST else None


def line_labels(ends: pd.DataFrame, y: str, domain: tuple[float, float], height: int) -> pd.DataFrame | None:
    """`ends`, a row for each line, with the `place` of its label on the axis of `y`; None where labels do not fit.

    Args:
        domain: least and largest value of that axis, which is linear.
        height: of the chart, px.
    """
    low, high = domain
    placed = places(height * (high - ends[y].to_numpy(float)) / (high - low), height)
    return None if placed is None else ends.assign(place=high - placed * (high - low) / height)


def draw_labels(
    labels: pd.DataFrame, x: alt.X, y: str, text: str, tooltip: list[str], **encoding
) -> tuple[alt.Chart, alt.Chart]:
    """A thin line from the end of each line to its label, and the label.

    Args:
        labels: as `line_labels` returns it, with the columns of `x` and `encoding`.
        text: column of what labels say.
        tooltip: columns of that of labels; Vega-Lite takes no clicks on marks without one.
        encoding: colour and opacity.
    """
    base = alt.Chart(labels).encode(x=x, **encoding)
    leaders = base.mark_rule(strokeWidth=1, xOffset=4, x2Offset=OFFSET - 2, aria=False).encode(
        x2=alt.X2(x.shorthand.partition(":")[0]), y=alt.Y(f"{y}:Q"), y2=alt.Y2("place")
    )
    most = round(LETTER * labels[text].str.len().max()) + OFFSET
    words = base.mark_text(align="left", dx=OFFSET, fontSize=FONT, limit=most, cursor="pointer", aria=False)
    text, tooltip = alt.Text(f"{text}:N"), [*map(alt.Tooltip, tooltip)]
    return leaders, words.encode(y=alt.Y("place:Q"), text=text, color=alt.ColorValue(INK), tooltip=tooltip)
