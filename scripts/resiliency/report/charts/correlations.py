"""The chart of the correlation of diversity with accuracy."""

import altair as alt
import pandas as pd

from resiliency.diversity.settings import MAIN
from resiliency.report.pearson import CONDITIONS, NO_CORRELATIONS, basis, known, significant, signs
from resiliency.report.style import INK, by_legend, finish, notice, panel_title, set_properties, shades, tooltips
from resiliency.report.words import KINDS, METRICS, label, number, percent, short_label

CAPTION = (
    "Left of the zero line, more diverse ensembles are less accurate. Less accurate members often form more diverse "
    "ensembles. The partial correlation controls for the mean accuracy of the members: it correlates the residuals of "
    "diversity and accuracy after regressing both on that mean. Metrics that use the labels, such as double fault, "
    "correlate with accuracy by construction. Filled marks are significant: their p-values are corrected by Holm's "
    "method for all metrics of one size and set of images. Error bars are uncorrected."
)
KINDS_OF_R = {"pearson": "correlation", "partial": "partial, given the members’ mean accuracy"}
SHAPES = ["circle", "diamond"]
ROW, MARK = 32, 4  # px, least height of a metric, and of one of its marks
LISTED = 3  # metrics that a finding names one by one


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Correlation of each main metric with ensemble accuracy, plain and partial, by kind, condition and size.

    The table has the other metrics too; here they would only repeat what these say.
    """
    title = "Correlation of diversity with ensemble accuracy"
    rows = _main(pd.concat([known(table), known(table, "partial")], ignore_index=True))
    if rows.empty:
        return notice(title, NO_CORRELATIONS)
    rows = rows.assign(
        name=rows["metric"].map(label), significant=significant(rows), of=rows["measure"].map(KINDS_OF_R)
    )
    sizes = sorted(rows["size"].unique().tolist())
    rows["place"] = 2 * rows["size"].map(sizes.index) + (rows["measure"] == "partial")
    hue = alt.Color("size:O", title="Members in an ensemble").legend(orient="bottom", direction="horizontal")
    hue = hue.scale(domain=sizes, range=shades(colours[0], len(sizes)))
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    bands = [
        _correlation_band(rows[rows["kind"] == kind], kind, hue, first=kind == kinds[0], last=kind == kinds[-1])
        for kind in kinds
    ]
    subtitle = [
        "Circles: Pearson correlation; diamonds: partial correlation, given the members’ mean accuracy",
        f"Filled: significant; bars: {percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each member",
        "Right of zero: the more diverse, the more accurate",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _correlation_band(rows: pd.DataFrame, kind: str, hue: alt.Color, first: bool, last: bool) -> alt.HConcatChart:
    """The metrics of one kind: clean accuracy on the left, corrupted accuracy on the right."""
    panels = []
    for condition in [name for name in CONDITIONS if (rows["condition"] == name).any()]:
        left = not panels
        panel = _correlation_panel(rows[rows["condition"] == condition], hue, left, last, legend=first and left)
        height = max(ROW, MARK * (rows["place"].nunique() + 1))
        if first:
            set_properties(panel, title=panel_title(f"{condition.capitalize()} accuracy", anchor="middle"))
        panels.append(set_properties(panel, width=340, height=alt.Step(height, **{"for": "position"})))
    return alt.hconcat(*panels, spacing=24, bounds="flush", title=panel_title(label(kind), frame="bounds"))


def _correlation_panel(rows: pd.DataFrame, hue: alt.Color, left: bool, last: bool, legend: bool) -> alt.LayerChart:
    """Intervals and points around a zero line: a band per metric, in it an offset per size."""
    names = [label(metric) for metric in METRICS if label(metric) in set(rows["name"])]
    names_axis = alt.Axis(labels=left, minExtent=200 if left else 0, maxExtent=200 if left else 0, ticks=False)
    ticks = alt.Axis(labels=last, ticks=last, values=[-1, -0.5, 0, 0.5, 1], format="~g")
    chosen, opacity = by_legend("size")
    position = {
        "y": alt.Y("name:N", title=None, sort=names, axis=names_axis),
        "yOffset": alt.YOffset("place:O").scale(paddingOuter=0.5),
        "color": hue,
        "opacity": opacity,
    }
    x = alt.X("correlation:Q", title="Correlation" if last else None, axis=ticks).scale(domain=[-1, 1])
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK).encode(x=alt.X("zero:Q", axis=ticks))
    bars = alt.Chart(rows.dropna(subset=["low", "high"])).mark_rule(strokeWidth=2.5)
    named = alt.Tooltip("name", title="metric"), alt.Tooltip("of", title="measure")
    forms = {"correlation": "+.2f", "low": "+.2f", "high": "+.2f", "p_holm": ".2g"}
    tooltip = tooltips(*named, "size", "ensembles", **forms)
    points = alt.Chart(rows).mark_point(size=50, strokeWidth=2, fillOpacity=1).encode(x=x, tooltip=tooltip, **position)
    shape = alt.Shape("of:N", legend=None).scale(domain=list(KINDS_OF_R.values()), range=SHAPES)
    points = points.encode(shape=shape)
    points = points.encode(fill=alt.when("datum.significant").then(hue).otherwise(alt.value("white")))
    bars = bars.encode(x=alt.X("low:Q"), x2=alt.X2("high"), **position)
    return alt.layer(zero, bars.add_params(chosen) if legend else bars, points)


def finding(table: pd.DataFrame) -> str:
    """Which main metrics correlate with accuracy at every size, plainly and given the members' mean accuracy."""
    sentences = []
    plain, given = _main(known(table)), _main(known(table, "partial"))
    for condition in CONDITIONS:
        of_condition = plain[plain["condition"] == condition]
        if of_condition.empty:
            continue
        clauses = _clauses(of_condition, "r")
        if clauses:
            others = any(sign == 0 for sign, _ in signs(of_condition).values())
            statement = f"accuracy correlates {clauses}" + (
                ". No other metric is significant at every size" if others else ""
            )
        elif (of_condition["high"] - of_condition["low"] < 2).any():
            statement = "no correlation of diversity with accuracy is significant at every size"
        else:
            statement = "the study has too few members for intervals of correlations"
        controlled = _clauses(given[given["condition"] == condition], "partial r")
        then = f". Given the members’ mean accuracy, it correlates {controlled}" if controlled else ""
        sentences.append(f"On {condition} images, {statement}{then}.")
    return " ".join(sentences)


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["metric"].isin(MAIN)]


def _clauses(rows: pd.DataFrame, symbol: str) -> str:
    """Such as "positively with diversity in Double fault (mean r 0.75)"; empty where nothing is significant."""
    of_metrics, clauses = signs(rows), []
    for sign, word in ((1, "positively"), (-1, "negatively")):
        means = {metric: r for metric, (its_sign, r) in of_metrics.items() if its_sign == sign}
        if len(means) > LISTED:
            ends = [
                f"{number(means[m], 2)} ({short_label(m)})"
                for m in (min(means, key=means.get), max(means, key=means.get))
            ]
            clauses.append(f"{word} with {len(means)} of {len(of_metrics)} metrics (mean {symbol} {' to '.join(ends)})")
        elif means:
            metrics = [f"{short_label(metric)} (mean {symbol} {number(r, 2)})" for metric, r in means.items()]
            clauses.append(f"{word} with diversity in {', '.join(metrics)}")
    return ". It correlates ".join(clauses)
