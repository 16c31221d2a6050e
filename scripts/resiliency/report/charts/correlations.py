"""The chart of the correlation of diversity with accuracy."""

import altair as alt
import pandas as pd

from resiliency.diversity.settings import MAIN
from resiliency.report.pearson import CONDITIONS, NO_CORRELATIONS, basis, pearson, significant, signs
from resiliency.report.style import INK, by_legend, finish, notice, panel_title, set_properties, shades
from resiliency.report.words import KINDS, METRICS, label, number, percent, short_label

CAPTION = (
    "Left of the zero line, more diverse ensembles are less accurate. Filled marks are significant: their p-values are "
    "corrected for all metrics of one size and set of images by Holm's method. Bars are intervals of each correlation "
    "alone, without this correction."
)


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pearson correlation of each main metric with ensemble accuracy, with its interval, by kind, condition and size.

    The table has the other metrics too; here they would only repeat what these say.
    """
    title = "Does diversity correlate with ensemble accuracy?"
    rows = pearson(table)
    rows = rows[rows["metric"].isin(MAIN)]
    if rows.empty:
        return notice(title, NO_CORRELATIONS)
    rows = rows.assign(name=rows["metric"].map(label), significant=significant(rows))
    sizes = sorted(rows["size"].unique().tolist())
    hue = alt.Color("size:O", title="Members in an ensemble").legend(orient="bottom", direction="horizontal")
    hue = hue.scale(domain=sizes, range=shades(colours[0], len(sizes)))
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    bands = [
        _correlation_band(rows[rows["kind"] == kind], kind, hue, first=kind == kinds[0], last=kind == kinds[-1])
        for kind in kinds
    ]
    subtitle = [
        f"Pearson correlation; bars: {percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each member",
        "Right of zero: the more diverse, the more accurate",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _correlation_band(rows: pd.DataFrame, kind: str, hue: alt.Color, first: bool, last: bool) -> alt.HConcatChart:
    """The metrics of one kind: clean accuracy on the left, corrupted accuracy on the right."""
    panels = []
    for condition in [name for name in CONDITIONS if (rows["condition"] == name).any()]:
        left = condition == "clean"
        panel = _correlation_panel(rows[rows["condition"] == condition], hue, left, last, legend=first and left)
        if first:
            set_properties(panel, title=panel_title(f"{condition.capitalize()} accuracy", anchor="middle"))
        panels.append(set_properties(panel, width=300, height=alt.Step(54, **{"for": "position"})))
    return alt.hconcat(*panels, spacing=24, bounds="flush", title=panel_title(label(kind), frame="bounds"))


def _correlation_panel(rows: pd.DataFrame, hue: alt.Color, left: bool, last: bool, legend: bool) -> alt.LayerChart:
    """Intervals and points around a zero line: a band per metric, in it an offset per size."""
    names = [label(metric) for metric in METRICS if label(metric) in set(rows["name"])]
    names_axis = alt.Axis(labels=left, minExtent=200 if left else 0, maxExtent=200 if left else 0, ticks=False)
    ticks = alt.Axis(labels=last, ticks=last, values=[-1, -0.5, 0, 0.5, 1], format="~g")
    chosen, opacity = by_legend("size")
    position = {
        "y": alt.Y("name:N", title=None, sort=names, axis=names_axis),
        "yOffset": alt.YOffset("size:O").scale(paddingOuter=0.3),
        "color": hue,
        "opacity": opacity,
    }
    x = alt.X("correlation:Q", title="Correlation" if last else None, axis=ticks).scale(domain=[-1, 1])
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK).encode(x=alt.X("zero:Q", axis=ticks))
    bars = alt.Chart(rows.dropna(subset=["low", "high"])).mark_rule(strokeWidth=2.5)
    tooltip = [alt.Tooltip("name", title="metric"), *map(alt.Tooltip, ("size", "ensembles"))]
    tooltip += [alt.Tooltip(column, format="+.2f") for column in ("correlation", "low", "high")]
    tooltip.append(alt.Tooltip("p_holm", format=".2g"))
    points = alt.Chart(rows).mark_point(size=50, strokeWidth=2, fillOpacity=1).encode(x=x, tooltip=tooltip, **position)
    points = points.encode(fill=alt.when("datum.significant").then(hue).otherwise(alt.value("white")))
    bars = bars.encode(x=alt.X("low:Q"), x2=alt.X2("high"), **position)
    return alt.layer(zero, bars.add_params(chosen) if legend else bars, points)


def finding(table: pd.DataFrame) -> str:
    """Which main metrics correlate with accuracy at every size, positively or negatively."""
    sentences = []
    rows = pearson(table)
    rows = rows[rows["metric"].isin(MAIN)]
    for condition in CONDITIONS:
        of_condition = rows[rows["condition"] == condition]
        if of_condition.empty:
            continue
        of_metrics, clauses = signs(of_condition), []
        for sign, word in ((1, "positively"), (-1, "negatively")):
            metrics = [
                f"{short_label(m)} (mean r {number(r, 2)})" for m, (clear, r) in of_metrics.items() if clear == sign
            ]
            if metrics:
                clauses.append(f"{word} with diversity in {', '.join(metrics)}")
        if clauses:
            others = any(clear == 0 for clear, _ in of_metrics.values())
            statement = f"accuracy correlates {' and '.join(clauses)}" + (
                "; no other metric is significant at every size" if others else ""
            )
        elif (of_condition["high"] - of_condition["low"] < 2).any():
            statement = "no correlation of diversity with accuracy is significant at every size"
        else:
            statement = "the study has too few members for intervals of correlations"
        sentences.append(f"On {condition} images, {statement}.")
    return " ".join(sentences)
