"""The chart of errors as corruptions grow more severe."""

from itertools import cycle

import altair as alt
import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.report.line_labels import draw_labels, line_labels
from resiliency.report.member_errors import (
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
    labels = line_labels(ends, "error", domain, HEIGHT)
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
        words = draw_labels(labels, x, "error", "design", ["design", "family"], color=hues, opacity=opacity)
        chart = alt.layer(chart, *words)
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
