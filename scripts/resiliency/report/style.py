"""The look of all charts, and their five panels: intervals, lines, scatter, heat map and pictures.

Channels are given as objects, such as `alt.X2("high")` for "high": to find the class of a string,
Altair hashes all its schemas again, which takes longer than the rest of a chart. Charts are
composed by one `alt.layer` or `alt.hconcat` with their properties, because every `+` and
`.properties` copies its contents, several times where charts are nested.
"""

from collections.abc import Callable, Iterable, Sequence
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

LABELS = {"labelColor": INK, "labelFontSize": BODY, "titleColor": INK}
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
        **LABELS,
        "domainColor": MUTED,
        "gridColor": GRID,
        "labelLimit": 260,
        "tickColor": MUTED,
        "titleFontSize": BODY,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {
        **LABELS,
        "labelLimit": 260,
        "symbolLimit": 0,
        "symbolSize": 90,
        "titleFontSize": BODY,
        "titleLimit": 400,
    },
    "header": LABELS,
}


def finish(chart: alt.TopLevelMixin, title: str, subtitle: list[str]) -> alt.TopLevelMixin:
    """`chart` itself in the look of the study, under its title and the lines of its subtitle."""
    chart["title"], chart["config"] = alt.TitleParams(text=title, subtitle=subtitle), CONFIG
    return chart


def panel_title(text: str | list[str], **more) -> alt.TitleParams:
    """The small title of one panel of a chart, above its drawing area, or of a row of panels."""
    return alt.TitleParams(
        text=text, fontSize=13, offset=6, **{"frame": "group", "subtitleFontSize": 12} | more
    )


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
    """Contents of tooltips: `fields` as they are, then the fields with these `formats`, by names
    that people read."""
    plain = [field if isinstance(field, alt.Tooltip) else _spoken(field) for field in fields]
    return plain + [_spoken(field, format=form) for field, form in formats.items()]


def _spoken(field: str, **form: str) -> alt.Tooltip:
    return alt.Tooltip(field, title=SPOKEN.get(field, field.replace("_", " ")), **form)


class Key(NamedTuple):
    """Channels that distinguish marks.

    Attributes:
        channels: colour, opacity and perhaps shape and dash, by the values of one column.
        choice: parameter for choosing among these values by a click, which fades the marks of all
            others. Vega-Lite wants it on the first mark that has the legend, and on no other: the
            first panel takes it from here.
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
    legend: dict[str, object] | None = None,
    kind: str = "N",
) -> Key:
    """A colour for each of the `names` in the column `field`, and a shape or a dash if there are
    any.

    Colours and dashes come again from the first if there are fewer; names of one colour then differ
    in shape.

    Args:
        legend: options of the legend, which is below the chart; None for none, and then a click on
            a mark chooses.
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
    # Below 0 towards white, above towards black.
    steps = np.linspace(-0.4, 0.6, count) if count > 1 else [0.0]
    mixed = [pure + abs(step) * ((255 if step < 0 else 0) - pure) for step in steps]
    return ["#" + bytes(rgb.round().astype(np.uint8)).hex() for rgb in mixed]


def measure(
    channel: type,
    field: str,
    title: str | list[str] | None = None,
    form: str = SHARE,
    axis: dict[str, object] | None = None,
    **scale,
) -> alt.X | alt.Y:
    """A quantity along an axis, near its values if no `domain` is given."""
    around = {"nice": False} | (
        {} if scale.keys() & {"domain", "domainMin"} else {"zero": False, "padding": 12}
    )
    # A tick count would make Vega thin given values.
    ticks = {} if axis and "values" in axis else {"tickCount": 5}
    shown = {"format": form, "labelOverlap": "greedy"} | ticks | (axis or {})
    return channel(f"{field}:Q", title=title).axis(**shown).scale(**around | scale)


def from_zero(values: pd.Series) -> bool:
    """Whether an axis of these values, none negative, begins at 0: not if all would lie in its
    upper half."""
    return not values.min() >= values.max() / 2


def names(field: str, order: Sequence[str], **axis) -> alt.Y:
    """Rows of a panel, in this order."""
    return alt.Y(f"{field}:N", title=None, sort=list(order)).axis(ticks=False, **axis)


def cell_names(channel: type, field: str, order: Sequence, title=None, **axis) -> alt.X | alt.Y:
    """Rows or columns of a heat map or of pictures, without ticks."""
    kind = "O" if all(isinstance(name, int) for name in order) else "N"
    shown = {"ticks": False, "domain": False} | axis
    return channel(f"{field}:{kind}", title=title).axis(**shown).scale(domain=list(order))


# A chart without its title, and the lines of its subtitle.
Drawn = tuple[alt.TopLevelMixin, list[str]]
Ends = tuple[str, str]  # columns of the lower and the upper end of an interval
DASHED = [4, 3]


class Drawing(NamedTuple):
    """A chart as modules of `charts` register it.

    Attributes:
        draw: function of the chart's tables, in the order of the registry, and the colours.
        caption: how to read the chart.
        finding: function of the same tables; returns the answer to the question of the section that
            the chart is the first of, "" if there is nothing to say.
    """

    draw: Callable[..., Drawn]
    caption: str
    finding: Callable[..., str]


DRAWINGS: dict[str, Drawing] = {}


def chart(
    caption: str, finding: Callable[..., str] = lambda *tables: ""
) -> Callable[[Callable], Callable]:
    """Register a function that draws the chart of its name."""

    def register(draw: Callable[..., Drawn]) -> Callable[..., Drawn]:
        DRAWINGS[draw.__name__] = Drawing(draw, caption, finding)
        return draw

    return register


def notice(text: str) -> Drawn:
    """A chart that says why there is nothing to draw; the report leaves it out, by its
    `usermeta`."""
    words = (
        alt.Chart(alt.Data(values=[{"text": text}]))
        .mark_text(fontSize=15, color=MUTED)
        .encode(text="text:N")
    )
    return words.properties(width=WIDTH - 80, height=90, usermeta={"nothing": text}), []


def line_at(x: float, colour: str = INK) -> alt.Chart:
    """A vertical line across a panel."""
    return (
        alt.Chart(pd.DataFrame({"at": [x]}))
        .mark_rule(color=colour, strokeDash=[1, 0])
        .encode(x=alt.X("at:Q"))
    )


def line_through(
    x: alt.X, y: alt.Y, points: pd.DataFrame, colour: str = MUTED, dash: Sequence[int] = DASHED
):
    """A line to compare points with, through columns `x` and `y` of `points`, on the axes of a
    panel."""
    axes = {name: channel.copy() for name, channel in (("x", x), ("y", y))}
    for name, channel in axes.items():
        channel.shorthand = f"{name}:Q"
    line = alt.Chart(points).mark_line(color=colour, strokeDash=list(dash), strokeWidth=1.3)
    return line.encode(**axes)


def scatter(
    rows: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    key: Key,
    tooltip: list,
    *,
    across: Ends | None = None,
    up: Ends | None = None,
    size: float = 70,
    bar: float = 1.2,
    down: float = 0,
    hollow: bool = False,
    under: Iterable[alt.Chart] = (),
    over: Iterable[alt.Chart] = (),
    point: dict[str, object] | None = None,
    **properties,
) -> alt.LayerChart:
    """Points with intervals across and up; many points have none.

    Args:
        bar: width of the intervals in pixels.
        down: distance in pixels by which all marks are shifted down.
        hollow: whether points have an outline in the colour of the key, and a fill of their own.
        under, over: charts that are drawn before and after the points.
        point: further channels of points.
    """
    few = len(rows) <= MANY
    # Many points are small and translucent.
    look = {"size": size} if few else {"size": 14, "fillOpacity": 0.5}
    marks = []
    if across and few:
        marks.append(
            _bars(rows, key, bar, down, x=alt.X(f"{across[0]}:Q"), x2=alt.X2(across[1]), y=y)
        )
    if up and few:
        marks.append(_bars(rows, key, bar, down, y=alt.Y(f"{up[0]}:Q"), y2=alt.Y2(up[1]), x=x))
    points = alt.Chart(rows).mark_point(
        **{"filled": not hollow, "fillOpacity": 1, "yOffset": down} | look
    )
    marks.append(
        points.encode(x=x, y=y, tooltip=tooltip, **_without(key, "strokeDash") | (point or {}))
    )
    return _layered([*under, *marks, *over], key, properties)


def intervals(
    rows: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    ends: Ends,
    key: Key,
    tooltip: list,
    offset: str = "",
    **more,
) -> alt.LayerChart:
    """Points with intervals across, a row for each name; in a row, one below the other by the
    column `offset`."""
    if offset:
        place = alt.YOffset(f"{offset}:O").scale(paddingOuter=0.5)
        key = Key(key.channels | {"yOffset": place}, key.choice)
    return scatter(rows, x, y, key, tooltip, across=ends, **{"bar": 2.5, "size": 55} | more)


def lines(
    rows: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    key: Key,
    tooltip: list,
    *,
    ends: Ends | None = None,
    band: Ends | None = None,
    dots: float = 45,
    stroke: float = 2,
    detail: str = "",
    under: Iterable[alt.Chart] = (),
    **properties,
) -> alt.LayerChart:
    """Lines, with points of the size `dots` or none, intervals up, and a band; one per value of the
    column `detail`."""
    base = alt.Chart(rows)
    marks = []
    if band:
        area = base.mark_area(opacity=0.15).encode(x=x, y=alt.Y(f"{band[0]}:Q"), y2=alt.Y2(band[1]))
        marks.append(area.encode(**_without(key, "shape", "opacity", "strokeDash")))
    if ends:
        marks.append(_bars(rows, key, stroke, y=alt.Y(f"{ends[0]}:Q"), y2=alt.Y2(ends[1]), x=x))
    strokes = base.mark_line(strokeWidth=stroke).encode(
        x=x, y=y, tooltip=tooltip, **_without(key, "shape")
    )
    marks.append(strokes.encode(detail=alt.Detail(f"{detail}:N")) if detail else strokes)
    if dots:
        points = base.mark_point(filled=True, size=dots, opacity=1)
        marks.append(points.encode(x=x, y=y, tooltip=tooltip, **_without(key, "strokeDash")))
    return _layered([*under, *marks], key, properties)


def heat(
    cells: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    colour: alt.Color,
    tooltip: list,
    *,
    form: str = "",
    dark: object = None,
    **properties,
) -> alt.LayerChart:
    """Cells coloured by a value, and the values as numbers if they have a `form`, white where
    `dark` is true."""
    base = alt.Chart(cells).encode(x=x, y=y)
    layers = [base.mark_rect().encode(color=colour, tooltip=tooltip)]
    if form:
        ink = alt.ColorValue(**alt.when(dark).then(alt.value("white")).otherwise(alt.value(INK)))
        text = alt.Text(colour.shorthand, format=form)
        layers.append(base.mark_text(fontSize=11, aria=False).encode(text=text, color=ink))
    return alt.layer(*layers, **properties)


def pictures(cells: pd.DataFrame, x: alt.X, y: alt.Y, tooltip: list, gap: int = 2) -> alt.Chart:
    """Pictures of equal size: `picture` is a data URL, `name` what it shows."""
    lossless = cells["picture"].str.startswith("data:image/png").all()
    step = alt.Step(PICTURE + gap)
    base = alt.Chart(cells, view=alt.ViewConfig(stroke=None), width=step, height=step)
    marks = base.mark_image(width=PICTURE, height=PICTURE, smooth=not lossless)
    return marks.encode(x=x, y=y, url=alt.Url("picture:N"), description="name:N", tooltip=tooltip)


def words_at(rows: pd.DataFrame, x: alt.X, y: alt.Y, text: str, **mark) -> alt.Chart:
    """Text of a column at points."""
    words = alt.Chart(rows).mark_text(**{"color": INK, "fontSize": 11, "aria": False} | mark)
    return words.encode(x=x, y=y, text=alt.Text(f"{text}:N"))


def _bars(rows: pd.DataFrame, key: Key, width: float, down: float = 0, **place) -> alt.Chart:
    marks = alt.Chart(rows).mark_rule(strokeWidth=width, yOffset=down)
    return marks.encode(**place, **_without(key, "shape", "strokeDash"))


def _without(key: Key, *names: str) -> dict[str, object]:
    return {name: channel for name, channel in key.channels.items() if name not in names}


def _layered(layers: list[alt.Chart], key: Key, properties: dict[str, object]) -> alt.LayerChart:
    if key.choice:
        coloured = [
            place for place, of in enumerate(layers) if of.encoding.color == key.channels["color"]
        ]
        layers[coloured[0]] = layers[coloured[0]].add_params(key.choice.pop())
    return alt.layer(*layers, **properties)
