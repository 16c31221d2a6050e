"""The chart of errors as corruptions grow more severe."""

from itertools import cycle

import altair as alt
import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from resiliency.base.names import CLEAN
from resiliency.report.rows import (
    NO_MEMBERS,
    extremes,
    images_of_data_set,
    independent,
    of_data_set,
    of_designs,
    robustness_range,
    without_held_out,
)
from resiliency.report.style import (
    DASHES,
    INK,
    LEGEND_COLUMN,
    SHARE,
    by_click,
    by_legend,
    finish,
    legend_columns,
    notice,
    tooltips,
)
from resiliency.report.words import plural

CAPTION = "A robust design has a line that stays low. Lines of one family share a colour."
WIDTH, HEIGHT = 790, 240
MOST_CURVES = 24  # beyond these, a curve for each family
# Names beside the ends of lines, in place of a legend.
FONT = 11
APART = 13  # px between two labels
FARTHEST = 26  # px between a label and the end of its line
OFFSET = 16  # px between a line and its label
LETTER = 6.2  # px, mean width of a letter of FONT


def draw(members: pd.DataFrame, errors: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Top-1 error, mean over corruptions and seeds, against severity: a line per design, coloured by family."""
    title = "Top-1 error of each design as corruptions grow more severe"
    rows = without_held_out(of_data_set(errors)).merge(
        independent(members)[["member", "design", "family", "seed"]], on="member"
    )
    if rows.empty:
        return notice(title, NO_MEMBERS)
    if rows["design"].nunique() > MOST_CURVES:
        title = "Top-1 error of each family as corruptions grow more severe"
        rows = rows.assign(design=rows["family"])
    curves = rows.groupby(["family", "design", "severity"], sort=False)["error"].mean().reset_index()
    curves["name"] = [_curve_name(*pair) for pair in zip(curves["family"], curves["design"], strict=True)]
    severities = sorted(curves["severity"].unique().tolist())
    ticks = alt.Axis(values=severities, format="d", labelExpr="datum.value == 0 ? 'clean' : datum.label")
    domain = 0.0, 1.04 * float(curves["error"].max()) or 1.0
    x = alt.X("severity:Q", title="Severity", axis=ticks).scale(nice=False, padding=12)
    ends = curves[curves["severity"] == severities[-1]]
    labels = line_labels(ends, domain, HEIGHT)
    order = ends.sort_values("error", ascending=False, kind="stable")["name"].tolist()
    hues, dashes = _curve_styles(curves, order, colours, legend=labels is None)
    chosen, opacity = by_legend("name") if labels is None else by_click("name")
    base = alt.Chart(curves).encode(
        x=x,
        y=alt.Y("error:Q", title="Top-1 error").axis(format=SHARE).scale(domain=domain, nice=False),
        color=hues,
        opacity=opacity,
        tooltip=tooltips("design", "family", "severity", alt.Tooltip("error", title="top-1 error", format=".1%")),
    )
    lines = base.mark_line().encode(strokeDash=dashes).add_params(chosen)
    chart = lines + base.mark_point(filled=True, size=45)
    if labels is not None:
        chart = alt.layer(chart, *_draw_labels(labels, x, color=hues, opacity=opacity))
    width = WIDTH - LEGEND_COLUMN * (legend_columns(order) - 1)
    return finish(chart.properties(width=width, height=HEIGHT), title, [_basis(rows)])


def _basis(rows: pd.DataFrame) -> str:
    """What a mean over the errors in `rows` is over."""
    corruptions = rows.loc[rows["corruption"] != CLEAN, "corruption"].nunique()
    members = rows.groupby("design")["member"].nunique()
    fewest, most = int(members.min()), int(members.max())
    of = plural(most, "member") if fewest == most else f"{fewest} to {plural(most, 'member')}"
    return f"Mean over {plural(corruptions, 'corruption')} and {of} of each line; {images_of_data_set(rows)}"


def _curve_name(family: str, design: str) -> str:
    return design if design == family else f"{design} ({family})"


def _curve_styles(
    curves: pd.DataFrame, order: list[str], colours: list[str], legend: bool
) -> tuple[alt.Color, alt.StrokeDash]:
    """A colour per family and, among designs of one colour, a dash per design; in a legend, names come in `order`."""
    families = list(dict.fromkeys(curves["family"]))
    of_family = dict(zip(families, cycle(colours), strict=False))
    hues = {name: of_family[family] for name, family in zip(curves["name"], curves["family"], strict=True)}
    dashes = {}
    for colour in colours:
        dashes |= dict(zip((name for name in hues if hues[name] == colour), cycle(DASHES), strict=False))
    title = "Family" if set(order) <= set(families) else "Design (family)"
    drawn = (
        alt.Legend(
            title=title,
            symbolType="stroke",
            symbolSize=500,
            symbolStrokeWidth=2,
            rowPadding=0,
            columns=legend_columns(order),
        )
        if legend
        else None
    )
    return (
        alt.Color("name:N", legend=drawn).scale(domain=order, range=[hues[name] for name in order]),
        alt.StrokeDash("name:N", legend=drawn).scale(domain=order, range=[dashes[name] for name in order]),
    )


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


def line_labels(ends: pd.DataFrame, domain: tuple[float, float], height: int) -> pd.DataFrame | None:
    """`ends`, a row for each line, with the `place` of its label on the axis of errors; None where labels do not fit.

    Args:
        domain: least and largest value of that axis, which is linear.
        height: of the chart, px.
    """
    low, high = domain
    placed = places(height * (high - ends["error"].to_numpy(float)) / (high - low), height)
    return None if placed is None else ends.assign(place=high - placed * (high - low) / height)


def _draw_labels(labels: pd.DataFrame, x: alt.X, **encoding) -> tuple[alt.Chart, alt.Chart]:
    """A thin line from the end of each line to its label, and the label, which Vega-Lite lets one click by its tooltip.

    Args:
        labels: as `line_labels` returns it.
        encoding: colour and opacity.
    """
    base = alt.Chart(labels).encode(x=x, **encoding)
    leaders = base.mark_rule(strokeWidth=1, xOffset=4, x2Offset=OFFSET - 2, aria=False).encode(
        x2=alt.X2("severity"), y=alt.Y("error:Q"), y2=alt.Y2("place")
    )
    most = round(LETTER * labels["design"].str.len().max()) + OFFSET
    words = base.mark_text(align="left", dx=OFFSET, fontSize=FONT, limit=most, cursor="pointer", aria=False)
    text, tooltip = alt.Text("design:N"), tooltips("design", "family")
    return leaders, words.encode(y=alt.Y("place:Q"), text=text, color=alt.ColorValue(INK), tooltip=tooltip)


def finding(members: pd.DataFrame, errors: pd.DataFrame) -> str:
    """The most and the least robust member, and errors of the best and the worst design at both ends."""
    rows = without_held_out(of_designs(members, errors))
    if rows.empty:
        return ""
    clauses = [robustness_range(members)]
    for severity in sorted({0, rows["severity"].max()}):
        means = rows[rows["severity"] == severity].groupby("design")["error"].mean().sort_values(kind="stable")
        where = "On clean images" if severity == 0 else f"At severity {severity}"
        if len(means):
            clauses.append(f"{where}, {_designs(means)}.")
    return " ".join(filter(None, clauses))


def _designs(means: pd.Series) -> str:
    """Such as "the error of designs ranges from 8.0 % (convnext) to 31.2 % (vit)", or the error of the only design."""
    return f"the error of {'designs ranges from' if len(means) > 1 else 'the only design is'} {extremes(means)}"
