"""The one look of all charts: colours, shapes and other keys, axes, titles, tooltips."""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

INK = "#1f2328"
MUTED = "#57606a"
GRID = "#e4e7eb"
GREY = "#b5bcc4"  # colour of marks behind others
BODY = 12
SHARE = "~%"
WIDTH = 880
PICTURE = 64  # px, side of an image in a gallery
FADED = 0.08
MANY = 300  # points in a panel, beyond which they are small and have no bars
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

CONFIG = {
    "aria": False,  # labels of marks and axes would be in units of their scale, such as logits
    "background": "white",
    "font": "Arial, 'Liberation Sans', Helvetica, sans-serif",
    "padding": 12,
    "view": {"stroke": GRID},
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 17,
        "frame": "bounds",
        "offset": 16,
        "subtitleColor": MUTED,
        "subtitleFontSize": 13,
        "subtitleLineHeight": 17,
        "subtitlePadding": 6,
    },
    "axis": {
        "domainColor": MUTED,
        "gridColor": GRID,
        "labelColor": INK,
        "labelFontSize": BODY,
        "labelLimit": 260,
        "tickColor": MUTED,
        "titleColor": INK,
        "titleFontSize": BODY,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": BODY,
        "labelLimit": 260,
        "symbolLimit": 0,
        "symbolSize": 90,
        "titleColor": INK,
        "titleFontSize": BODY,
        "titleLimit": 400,
    },
    "header": {"labelColor": INK, "labelFontSize": BODY, "titleColor": INK},
}


def finish(chart: alt.TopLevelMixin, title: str, subtitle: list[str]) -> alt.TopLevelMixin:
    """`chart` in the look of the study, under its title and the lines of its subtitle."""
    return set_properties(chart, title=alt.TitleParams(text=title, subtitle=subtitle), config=CONFIG)


def set_properties(chart: alt.TopLevelMixin, **properties: object) -> alt.TopLevelMixin:
    """`chart` itself, which gets these properties.

    `chart.properties` copies all charts that it is made of, and theirs several times, which takes most of the drawing.
    """
    for name, value in properties.items():
        chart[name] = value
    return chart


def panel_title(text: str | list[str], **more) -> alt.TitleParams:
    """The small title of one panel of a chart, above its drawing area, or of a row of panels."""
    return alt.TitleParams(text=text, fontSize=13, offset=6, **{"frame": "group", "subtitleFontSize": 12} | more)


SPOKEN = {
    "low": "interval, lower end",
    "high": "interval, upper end",
    "p_holm": "corrected p-value",
    "macs": "MACs",
    "found": "found by",
    "who": "model",
    "size": "members in all",
    "loss_weight": "weight λ",
    "min": "smallest",
    "max": "largest",
    "lower": "lower quartile",
    "upper": "upper quartile",
    "count": "ensembles",
    "share": "share of the class",
    "all_wrong_low": "interval, lower end",
    "all_wrong_high": "interval, upper end",
    "same_wrong": "of these, same answer",
    "said": "each member",
    "joint_failure_rate": "both wrong",
    "independent": "both wrong, if independent",
}


def tooltips(*fields: str | alt.Tooltip, **formats: str) -> list[alt.Tooltip]:
    """Contents of tooltips: `fields` as they are, then the fields with these `formats`, by names that people read."""
    plain = [field if isinstance(field, alt.Tooltip) else _spoken(field) for field in fields]
    return plain + [_spoken(field, format=form) for field, form in formats.items()]


def _spoken(field: str, **form: str) -> alt.Tooltip:
    return alt.Tooltip(field, title=SPOKEN.get(field, field.replace("_", " ")), **form)


class Key(NamedTuple):
    """Channels that distinguish marks.

    Attributes:
        channels: colour, opacity and perhaps shape and dash, by the values of one column.
        choice: parameter for choosing among these values by a click, which fades the marks of all others. Vega-Lite
            wants it on the first mark that has the legend, and on no other: the first panel takes it from here.
    """

    channels: dict[str, object]
    choice: list[alt.Parameter] | None = None


def told_apart(
    field: str,
    names: Sequence,
    hues: Sequence[str],
    *,
    shapes: Sequence[str] | None = None,
    dashes: Sequence[list[int]] | None = None,
    legend: dict | None = None,
    kind: str = "N",
) -> Key:
    """A colour for each of the `names` in the column `field`, and a shape or a dash if there are any.

    Colours and dashes come again from the first if there are fewer; names of one colour then differ in shape.

    Args:
        legend: options of the legend, which is below the chart; None for none, and then a click on a mark chooses.
    """
    drawn = None if legend is None else alt.Legend(**{"title": None, "orient": "bottom"} | legend)
    ranges = {
        "color": (alt.Color, cycled(hues, len(names))),
        "shape": (alt.Shape, shapes and shapes_of(names, hues, shapes)),
        "strokeDash": (alt.StrokeDash, dashes and cycled(dashes, len(names))),
    }
    channels = {
        name: channel(f"{field}:{kind}", legend=drawn).scale(domain=list(names), range=values)
        for name, (channel, values) in ranges.items()
        if values is not None
    }
    bind = alt.Undefined if legend is None else "legend"
    choice = alt.selection_point(fields=[field], name=f"chosen_{field}", bind=bind)
    opacity = alt.OpacityValue(**alt.when(choice).then(alt.value(1)).otherwise(alt.value(FADED)))
    return Key(channels | {"opacity": opacity}, [choice])


def one_colour(colour: str) -> Key:
    return Key({"color": alt.value(colour)})


def cycled(values: Sequence, count: int) -> list:
    """So many of the values, again from the first if there are fewer."""
    return list(islice(cycle(values), count))


def shapes_of(names: Sequence, colours: Sequence[str], shapes: Sequence[str] = SHAPES) -> list[str]:
    """A shape for each name; names that share one of the `cycled` colours have different ones."""
    count = len(colours)
    return [shapes[(place % count + place // count) % len(shapes)] for place in range(len(names))]


def shades(colour: str, count: int) -> list[str]:
    """`count` shades of `colour`, from a light one to a dark one."""
    pure = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    steps = np.linspace(-0.4, 0.6, count) if count > 1 else [0.0]  # below 0 towards white, above towards black
    mixed = [pure + abs(step) * ((255 if step < 0 else 0) - pure) for step in steps]
    return ["#" + bytes(rgb.round().astype(np.uint8)).hex() for rgb in mixed]


def measure(
    channel: type,
    field: str,
    title: str | list[str] | None = None,
    form: str = SHARE,
    axis: dict | None = None,
    **scale,
) -> alt.X | alt.Y:
    """A quantity along an axis, near its values if no `domain` is given."""
    around = {"nice": False} | ({} if scale.keys() & {"domain", "domainMin"} else {"zero": False, "padding": 12})
    ticks = {} if axis and "values" in axis else {"tickCount": 5}  # a tick count would make Vega thin given values
    shown = {"format": form, "labelOverlap": "greedy"} | ticks | (axis or {})
    return channel(f"{field}:Q", title=title).axis(**shown).scale(**around | scale)


def from_zero(values: pd.Series) -> bool:
    """Whether an axis of these values, none negative, begins at 0: not if all would lie in its upper half."""
    return not values.min() >= values.max() / 2


def names(field: str, order: Sequence[str], **axis) -> alt.Y:
    """Rows of a panel, in this order."""
    return alt.Y(f"{field}:N", title=None, sort=list(order)).axis(ticks=False, **axis)


def cell_names(channel: type, field: str, order: Sequence, title=None, **axis) -> alt.X | alt.Y:
    """Rows or columns of a heat map or of pictures, without ticks."""
    kind = "O" if all(isinstance(name, int) for name in order) else "N"
    shown = {"ticks": False, "domain": False} | axis
    return channel(f"{field}:{kind}", title=title).axis(**shown).scale(domain=list(order))
