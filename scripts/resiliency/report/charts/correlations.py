"""Charts of the correlation of diversity with the accuracy of ensembles."""

import altair as alt
import pandas as pd

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.report.panels import cell_names, chart, heat, intervals, line_at, measure, names, told_apart
from resiliency.report.pearson import CONDITIONS, NO_CORRELATIONS, basis, known, significant, signs
from resiliency.report.style import finish, notice, panel_title, set_properties, shades, tooltips
from resiliency.report.words import KINDS, METRICS, kind_of, label, number, percent, short_label

MEASURES = {"pearson": "correlation", "partial": "partial, given the members’ mean accuracy"}
ROW, MARK = 32, 4  # px, least height of a metric, and of one of its marks
CORRUPTIONS = {name for group in (*CATEGORIES.values(), HELD_OUT) for name in group}
CELL, LINE, COLUMN, HEADING = 42, 19, 250, 84  # px, of cells, of names, and of the longest line of a heading


def facts(table: pd.DataFrame) -> dict:
    """Which main metrics correlate with accuracy at every size, on corrupted images first: `images`.

    Of label-free metrics first, plainly and given the members' mean accuracy, then of those that use the labels.
    """
    plain, given = (_main(known(table, measured)) for measured in MEASURES)
    images = []
    for condition in reversed(CONDITIONS):
        rows = plain[plain["condition"] == condition]
        if len(rows):
            controlled = given[given["condition"] == condition]
            free, of_free = (of["metric"].map(label_free).astype(bool) for of in (rows, controlled))
            raw, controlled = _counts(rows[free]), _counts(controlled[of_free])
            images.append({"name": condition, "free": raw, "given": controlled, "by_labels": _counts(rows[~free])})
    return {"images": images} if images else {}


def label_free(metric: str) -> bool:
    """Whether a metric does not know the labels, which contain accuracy."""
    return kind_of(metric) != "prediction" or metric in LABEL_FREE


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The main metrics; all that are label-free, if none of them is."""
    own = rows[rows["metric"].isin(MAIN)]
    return own if own["metric"].map(label_free).any() else rows[rows["metric"].isin([*MAIN, *LABEL_FREE])]


def _counts(rows: pd.DataFrame) -> dict:
    """How many metrics there are, whether their intervals tell anything, and those significant at every size by sign.

    `positive` and `negative` hold metrics with their mean correlation, the largest first.
    """
    found = signs(rows)
    by_sign = {
        name: sorted(
            ({"metric": short_label(metric), "r": r} for metric, (own, r) in found.items() if own == sign),
            key=lambda of: -abs(of["r"]),
        )
        for name, sign in (("positive", 1), ("negative", -1))
    }
    return {"metrics": len(found), "known": bool((rows["high"] - rows["low"] < 2).any())} | by_sign


@chart(
    "Left of the zero line, more diverse ensembles are less accurate. Less accurate members often form more diverse "
    "ensembles. The partial correlation controls for the mean accuracy of the members: it correlates the residuals of "
    "diversity and accuracy after regressing both on that mean. Metrics that use the labels, such as double fault, "
    "correlate with accuracy by construction. Filled marks are significant: their p-values are corrected by Holm's "
    "method for all metrics of one size and set of images. Error bars are uncorrected.",
    facts,
)
def correlations(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Correlation of each main metric with ensemble accuracy, plain and partial, by kind, condition and size."""
    title = "Correlation of diversity with ensemble accuracy"
    rows = _main(pd.concat([known(table, measured) for measured in MEASURES], ignore_index=True))
    if rows.empty:
        return notice(title, NO_CORRELATIONS)
    sizes = sorted(rows["size"].unique().tolist())
    rows = rows.assign(
        name=rows["metric"].map(_named),
        significant=significant(rows),
        of=rows["measure"].map(MEASURES),
        place=2 * rows["size"].map(sizes.index) + (rows["measure"] == "partial"),
    )
    legend = {"title": "Members in an ensemble", "orient": "bottom", "direction": "horizontal"}
    key = told_apart("size", sizes, shades(colours[0], len(sizes)), legend=legend, kind="O")
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    conditions = [name for name in CONDITIONS if (rows["condition"] == name).any()]
    bands = []
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        height = max(ROW, MARK * (of_kind["place"].nunique() + 1))
        metrics = [metric for metric in METRICS if metric in set(of_kind["metric"])]
        order = [_named(metric) for metric in sorted(metrics, key=label_free, reverse=True)]
        panels = []
        for condition in conditions:
            part = of_kind[of_kind["condition"] == condition]
            panel = _panel(part, order, key, not panels, kind == kinds[-1], kind == kinds[0] and not panels)
            if kind == kinds[0]:
                set_properties(panel, title=panel_title(f"{condition.capitalize()} accuracy", anchor="middle"))
            panels.append(set_properties(panel, width=340, height=alt.Step(height, **{"for": "position"})))
        name = panel_title(label(kind), frame="bounds")
        bands.append(alt.hconcat(*panels, spacing=24, bounds="flush", title=name))
    subtitle = [
        "Circles: Pearson correlation; diamonds: partial correlation, given the members’ mean accuracy",
        f"Filled: significant; bars: {percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each member",
        "Right of zero: the more diverse, the more accurate; *: uses the labels, so correlates by construction",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _named(metric: str) -> str:
    return label(metric) + ("" if label_free(metric) else " *")


def _panel(rows: pd.DataFrame, order: list[str], key, left: bool, last: bool, choose: bool) -> alt.LayerChart:
    """Correlations of the metrics of one kind with accuracy on one set of images, around zero."""
    ticks = {"labels": last, "ticks": last, "values": [-1, -0.5, 0, 0.5, 1]}
    x = measure(alt.X, "correlation", "Correlation" if last else None, "~g", ticks, domain=[-1, 1])
    extent = 220 if left else 0
    y = names("name", order, labels=left, minExtent=extent, maxExtent=extent)
    shape = alt.Shape("of:N", legend=None).scale(domain=list(MEASURES.values()), range=["circle", "diamond"])
    fill = alt.when("datum.significant").then(key.channels["color"]).otherwise(alt.value("white"))
    told = alt.Tooltip("name", title="metric"), alt.Tooltip("of", title="measure")
    forms = {"correlation": "+.2f", "low": "+.2f", "high": "+.2f", "p_holm": ".2g"}
    return intervals(
        rows,
        x,
        y,
        ("low", "high"),
        key,
        tooltips(*told, "size", "ensembles", **forms),
        offset="place",
        under=[line_at(alt.X, 0)],
        point={"shape": shape, "fill": fill},
        hollow=True,
        choose=choose,
    )


def heatmap_facts(table: pd.DataFrame) -> dict:
    """How many metrics of each kind correlate with accuracy on corrupted images at every size, by sign."""
    rows = known(table)
    images = "corrupted" if (rows["condition"] == "corrupted").any() else "clean"
    rows = rows[rows["condition"] == images]
    kinds = []
    for kind, name in KINDS.items():
        if found := [sign for sign, _ in signs(rows[rows["kind"] == kind]).values()]:
            kinds.append({"name": name.lower(), "all": len(found), "plus": found.count(1), "minus": found.count(-1)})
    return {"images": images, "kinds": kinds} if kinds else {}


@chart(
    "Bold correlations are significant: their p-values are corrected by Holm's method for all metrics of one size and "
    "set of images. Metrics that use the labels, such as double fault, correlate with accuracy by construction.",
    heatmap_facts,
)
def correlation_heatmap(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pearson correlation of every metric with accuracy on each set of images, at every size, sorted by kind."""
    title = "Every diversity metric against accuracy"
    conditions = [name for name in table["condition"].unique() if name not in CORRUPTIONS]
    rows = known(table, conditions=conditions)
    if rows.empty:
        return notice(title, NO_CORRELATIONS)
    rows = rows.assign(name=rows["metric"].map(label), significant=significant(rows))
    sizes = sorted(rows["size"].unique().tolist())
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    pitch = max(CELL * len(sizes) + 20, HEADING)
    bands = []
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        panels = []
        for name in conditions:
            panel = _cells(of_kind[of_kind["condition"] == name], sizes, not panels, kind == kinds[-1])
            if kind == kinds[0]:
                set_properties(panel, title=panel_title(_heading(name), anchor="middle", limit=pitch))
            panels.append(panel)
        spacing = pitch - CELL * len(sizes)
        bands.append(
            alt.hconcat(*panels, spacing=spacing, bounds="flush", title=panel_title(label(kind), frame="bounds"))
        )
    subtitle = [
        "Pearson correlation; blue: the more diverse, the more accurate; orange: the less accurate",
        f"Bold: p < {number(1 - rows['confidence'].iloc[0], 2)}, corrected for all metrics",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _heading(condition: str) -> list[str]:
    """Lines such as Clean, accuracy; or On, photos, a further test set."""
    return [condition.capitalize(), "accuracy"] if condition in CONDITIONS else ["On", label(condition)]


def _cells(rows: pd.DataFrame, sizes: list[int], left: bool, last: bool) -> alt.LayerChart:
    """The metrics of one kind under one condition: a row each, a column per size."""
    order = [label(metric) for metric in METRICS if metric in set(rows["metric"])]
    extent = COLUMN * left
    legend = alt.Legend(title="Correlation", orient="right", gradientLength=140, format="~g")
    forms = {"correlation": "+.2f", "low": "+.2f", "high": "+.2f", "p_holm": ".2g"}
    title = ["Members in", "an ensemble"] if last else None
    return heat(
        rows,
        cell_names(alt.X, "size", sizes, title, labels=last, labelAngle=0),
        cell_names(alt.Y, "name", order, labels=left, minExtent=extent, maxExtent=extent),
        alt.Color("correlation:Q", legend=legend).scale(scheme="blueorange", reverse=True, domain=[-1, 1]),
        tooltips(alt.Tooltip("name", title="metric"), "size", "condition", "ensembles", **forms),
        form=".2f",
        dark=abs(alt.datum["correlation"]) > 0.75,
        bold="significant",
        width=alt.Step(CELL),
        height=alt.Step(LINE),
        view=alt.ViewConfig(stroke=None),
    )
