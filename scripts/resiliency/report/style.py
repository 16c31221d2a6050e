"""The one look of all charts."""

from collections.abc import Sequence
from itertools import cycle, islice
from math import ceil

import altair as alt

INK = "#1f2328"
MUTED = "#57606a"
GRID = "#e4e7eb"
GREY = "#b5bcc4"  # colour of marks behind others
BODY = 12
SHARE = "~%"
WIDTH = 880
PICTURE = 64  # px, side of an image in a gallery
FADED = 0.08
LEGEND_COLUMN, LEGEND_ROWS = 130, 13  # px, and names, of a column of a legend beside a chart
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [14, 3], [5, 2, 2, 2, 2, 2])
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
    "line": {"strokeWidth": 2},
}


MANY = 300  # points in a panel, beyond which they are small and have no bars


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


def tooltips(*fields: str | alt.Tooltip, **formats: str) -> list[alt.Tooltip]:
    """Contents of tooltips: `fields` as they are, then the fields with these `formats`."""
    plain = [field if isinstance(field, alt.Tooltip) else alt.Tooltip(field) for field in fields]
    return plain + [alt.Tooltip(field, format=form) for field, form in formats.items()]


SPOKEN = {
    "low": "interval, lower end",
    "high": "interval, upper end",
    "p_holm": "corrected p-value",
    "macs": "MACs",
    "of": "accuracy of",
    "found": "found by",
    "size": "members in all",
    "loss_weight": "weight λ",
    "min": "smallest",
    "max": "largest",
    "lower": "lower quartile",
    "upper": "upper quartile",
    "count": "ensembles",
    "share": "share of ensembles",
    "joint_failure_rate": "both wrong",
    "independent": "both wrong, if independent",
}


def with_spoken_titles(spec: dict | list) -> dict | list:
    """`spec`, a specification or a part of one, whose tooltips call each field by a name that people read."""
    if isinstance(spec, list):
        return [with_spoken_titles(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    named = {key: with_spoken_titles(part) if key not in ("datasets", "data") else part for key, part in spec.items()}
    tooltip = named.get("tooltip")
    entries = tooltip if isinstance(tooltip, list) else [tooltip]
    for entry in entries:
        if isinstance(entry, dict) and "field" in entry:
            entry.setdefault("title", SPOKEN.get(entry["field"], entry["field"].replace("_", " ")))
    return named


def notice(title: str, text: str) -> alt.TopLevelMixin:
    """A chart that says why there is nothing to draw; the report leaves it out, by its `usermeta`."""
    words = alt.Chart(alt.Data(values=[{"text": text}])).mark_text(fontSize=15, color=MUTED).encode(text="text:N")
    return finish(words.properties(width=WIDTH - 80, height=90, usermeta={"nothing": text}), title, [])


def legend_columns(names: list[str]) -> int:
    """How many columns keep a legend of these names about as high as a chart."""
    return max(1, ceil(len(names) / LEGEND_ROWS))


def cycled(values: Sequence, count: int) -> list:
    """So many of the values, again from the first if there are fewer."""
    return list(islice(cycle(values), count))


def shapes(names: list[str], colours: list[str]) -> list[str]:
    """A shape for each name; names that share one of the `cycled` colours have different ones."""
    count = len(colours)
    return [SHAPES[(place % count + place // count) % len(SHAPES)] for place in range(len(names))]


def shades(colour: str, count: int) -> list[str]:
    """`count` shades of `colour`, from a light one to a dark one."""
    steps = [0.0] if count == 1 else [step / (count - 1) - 0.4 for step in range(count)]
    return [_mixed(colour, "#ffffff" if step < 0 else "#000000", abs(step)) for step in steps]


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
