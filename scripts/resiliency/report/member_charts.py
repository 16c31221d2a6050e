"""Charts of single members: how resilient each one is."""

from itertools import cycle

import altair as alt
import numpy as np
import pandas as pd

from resiliency.corruption_names import CATEGORIES, HELD_OUT
from resiliency.names import CLEAN
from resiliency.report.line_labels import draw_labels, line_labels
from resiliency.report.style import DASHES, INK, SHARE, by_click, by_legend, finish, notice, panel_title, shapes, spread
from resiliency.report.words import label, percent, plural

HEIGHT = 380
MOST_CURVES = 24  # beyond these, a curve for each family
MOST_ROWS = 60  # of the heat map, the most resilient members
CELL = 34
ROW = 19
NO_MEMBERS = "no independently trained members in this study"


def error_by_severity(members: pd.DataFrame, errors: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Top-1 error, mean over corruptions and seeds, against severity: a line per design, coloured by family."""
    title = "Top-1 error of each design as corruptions grow more severe"
    rows = of_data_set(errors).merge(_independent(members)[["member", "design", "family", "seed"]], on="member")
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
        tooltip=["design", "family", "severity", alt.Tooltip("error", title="top-1 error", format=".1%")],
    )
    lines = base.mark_line().encode(strokeDash=dashes).add_params(chosen)
    chart = lines + base.mark_point(filled=True, size=45)
    if labels is not None:
        words = draw_labels(labels, x, "error", "design", ["design", "family"], color=hues, opacity=opacity)
        chart = alt.layer(chart, *words)
    return finish(chart.properties(width=680, height=HEIGHT), title, [_basis(rows)])


def error_heatmap(members: pd.DataFrame, errors: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error of each member under each corruption, mean over severities, and on each further test set.

    The most resilient members come first.
    """
    title = "Top-1 error of each member under each corruption"
    rows = errors[errors["member"].isin(members["member"])].dropna(subset=["error"])
    if rows.empty:
        return notice(title, "no errors in this study")
    further = [name for name in rows["test_set"].unique() if name != CLEAN]
    named = rows.assign(corruption=rows["corruption"].mask(rows["test_set"].isin(further), rows["test_set"]))
    cells = named.groupby(["member", "corruption"], sort=False)["error"].mean().reset_index()
    means = cells[~cells["corruption"].isin([CLEAN, *further])].groupby("member", as_index=False)["error"].mean()
    cells = pd.concat([cells, means.assign(corruption="mean")])
    cells["percent"] = 100 * cells["error"]
    cells["name"] = cells["corruption"].map(label)
    first = means if len(means) else cells[cells["corruption"] == CLEAN]
    order = first.sort_values("error", kind="stable")["member"].tolist()
    left_out = len(order[MOST_ROWS:])
    order = order[:MOST_ROWS]
    cells = cells[cells["member"].isin(order)]
    groups = {"overall": (CLEAN, "mean")} | CATEGORIES | {"held out": HELD_OUT, "other images": further}
    parts = {name: cells[cells["corruption"].isin(columns)] for name, columns in groups.items()}
    panels = [
        _heat(
            part,
            name if len(means) or name != "overall" else "",
            [label(c) for c in groups[name]],
            order,
            cells["percent"].max(),
        )
        for name, part in parts.items()
        if not part.empty
    ]
    means_of = "Mean over severities, in %; most resilient member first, by the mean over corruptions"
    subtitle = [means_of if len(means) else "In %", images_of_data_set(rows)]
    if left_out:
        subtitle.append(f"The first {MOST_ROWS} of {left_out + MOST_ROWS:,} members; the others are in the table")
    return finish(alt.hconcat(*panels, spacing=8, bounds="flush"), title, subtitle)


def size_accuracy_resiliency(members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Mean corruption error against number of parameters and against clean accuracy, by family, with intervals."""
    title = "Resiliency against model size and against clean accuracy"
    points = _independent(members).dropna(subset=["mean_corruption_error"])
    if points.empty:
        return notice(title, NO_MEMBERS)
    size = alt.X("parameters:Q", title="Parameters (log scale)").axis(
        format="~s", values=_decades(points["parameters"])
    )
    accuracy = alt.X("clean_accuracy:Q", title="Clean accuracy").axis(format=SHARE, tickCount=5)
    reach = [0.7 * points["parameters"].min(), 1.4 * points["parameters"].max()]
    chosen, opacity = by_legend("family")
    by_size = _against(points, size.scale(type="log", domain=reach, nice=False), colours, chosen)
    by_accuracy = _against(points, accuracy.scale(zero=False, padding=16, nice=False), colours)
    bars = alt.Chart(points.dropna(subset=["clean_accuracy_low", "clean_accuracy_high"])).mark_rule()
    by_accuracy += bars.encode(
        x="clean_accuracy_low:Q",
        x2="clean_accuracy_high",
        y="mean_corruption_error:Q",
        color="family:N",
        opacity=opacity,
    )
    confidence = percent(points["confidence"].iloc[0], 0)
    subtitle = [
        f"{plural(len(points), 'independently trained member')}; lower is more resilient",
        f"Bars: {confidence} intervals over test images",
    ]
    return finish(alt.hconcat(by_size, by_accuracy, spacing=28), title, subtitle)


def of_data_set(errors: pd.DataFrame) -> pd.DataFrame:
    """The rows of corruption_errors.csv on the data set's own test images."""
    return errors[errors["test_set"] == CLEAN]


def images_of_data_set(errors: pd.DataFrame) -> str:
    """How many test images the data set has, such as "540 test images"."""
    return plural(int(of_data_set(errors)["images"].max()), "test image")


def _independent(members: pd.DataFrame) -> pd.DataFrame:
    return members[members["origin"] == "independent"]


def _decades(values: pd.Series) -> list[int]:
    """Ticks of a logarithmic axis of `values`: 1, 2 and 5 of each decade, or only 1 where there are many decades."""
    steps = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    return [step * 10**e for e in range(int(np.log10(values.min())), int(np.log10(values.max())) + 2) for step in steps]


def _basis(rows: pd.DataFrame) -> str:
    """What a mean over the errors in `rows` is over."""
    corruptions = rows.loc[rows["corruption"] != CLEAN, "corruption"].nunique()
    over = f"{plural(corruptions, 'corruption')} and {plural(rows['seed'].nunique(), 'seed')}"
    return f"Mean over {over}; {images_of_data_set(rows)}"


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
    drawn = alt.Legend(title=title, symbolType="stroke", symbolSize=500, symbolStrokeWidth=2) if legend else None
    return (
        alt.Color("name:N", legend=drawn).scale(domain=order, range=[hues[name] for name in order]),
        alt.StrokeDash("name:N", legend=drawn).scale(domain=order, range=[dashes[name] for name in order]),
    )


def _heat(cells: pd.DataFrame, title: str, columns: list[str], order: list[str], most: float) -> alt.LayerChart:
    """One category of corruptions; all categories share the rows and the colours."""
    first = title in ("overall", "")
    rows = alt.Axis(labels=first, ticks=False, domain=False)
    base = alt.Chart(cells).encode(
        x=alt.X("name:N", title=None, sort=columns).axis(labelAngle=-45, ticks=False, domain=False),
        y=alt.Y("member:N", title=None, axis=rows).scale(domain=order),
    )
    legend = alt.Legend(title="Error (%)", gradientLength=160)
    boxes = base.mark_rect().encode(
        color=alt.Color("percent:Q", legend=legend).scale(scheme="blues", domain=[0, most]),
        tooltip=["member", "name", alt.Tooltip("error", title="top-1 error", format=".1%")],
    )
    dark = alt.value("white")
    ink = alt.when(alt.datum["percent"] > 0.62 * most).then(dark).otherwise(alt.value(INK))
    numbers = base.mark_text(fontSize=11, aria=False).encode(text=alt.Text("percent:Q", format=".0f"), color=ink)
    chart = (boxes + numbers).properties(width=alt.Step(CELL), height=alt.Step(ROW))
    return chart.properties(title=panel_title(title, anchor="middle"), view=alt.ViewConfig(stroke=None))


def _against(points: pd.DataFrame, x: alt.X, colours: list[str], chosen: alt.Parameter | None = None) -> alt.LayerChart:
    """Mean corruption error of each member, with its interval, over `x`."""
    families = points["family"].unique().tolist()
    error = alt.Y("mean_corruption_error:Q", title="Mean corruption error")
    error = error.scale(zero=False, padding=16, nice=False).axis(format=SHARE)
    hue = alt.Color("family:N", title="Family", scale=spread(families, colours))
    shape = alt.Shape("family:N", title="Family", scale=shapes(families, colours))
    tooltip = ["member", "family", alt.Tooltip("parameters", format=",")]
    tooltip += [alt.Tooltip(c, title=label(c), format=".1%") for c in ("clean_accuracy", "mean_corruption_error")]
    opacity = by_legend("family")[1]
    dots = alt.Chart(points).mark_point(filled=True, size=80)
    dots = dots.encode(x=x, y=error, color=hue, shape=shape, tooltip=tooltip, opacity=opacity)
    ends = ["mean_corruption_error_low", "mean_corruption_error_high"]
    bars = alt.Chart(points.dropna(subset=ends)).mark_rule()
    bars = bars.encode(x=x, y=f"{ends[0]}:Q", y2=ends[1], color="family:N", opacity=opacity)
    bars = bars.add_params(chosen) if chosen else bars
    return (bars + dots).properties(width=300, height=320)
