"""Charts of the correlation of diversity with accuracy."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from resiliency.corruption_names import CATEGORIES, HELD_OUT
from resiliency.diversity.settings import MAIN
from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.diversity_charts import under_main_rule
from resiliency.report.style import INK, by_legend, finish, notice, panel_title, shades
from resiliency.report.words import KINDS, METRICS, label, percent, plural

CONDITIONS = (CLEAN, CORRUPTED)
CORRUPTIONS = {name for names in (*CATEGORIES.values(), HELD_OUT) for name in names}
CELL = 42
ROW = 19
NAMES = 250
NOTHING = "no correlations: too few ensembles in this study"


def correlations(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pearson correlation of each main metric with ensemble accuracy, with its interval, by kind, condition and size.

    The table has the other metrics too; here they would only repeat what these say.
    """
    title = "Does diversity correlate with ensemble accuracy?"
    rows = pearson(table)
    rows = rows[rows["metric"].isin(MAIN)]
    if rows.empty:
        return notice(title, NOTHING)
    rows = rows.assign(name=rows["metric"].map(label))
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
        _basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def correlation_heatmap(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pearson correlation of every metric with accuracy on each set of images, at every size, sorted by kind."""
    title = "Every diversity metric against accuracy"
    conditions = [name for name in table["condition"].unique() if name not in CORRUPTIONS]
    rows = pearson(table, conditions)
    if rows.empty:
        return notice(title, NOTHING)
    rows = rows.assign(name=rows["metric"].map(label), clear=(rows["low"] > 0) | (rows["high"] < 0))
    sizes = sorted(rows["size"].unique().tolist())
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    bands = []
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        panels = [
            _heat(of_kind[of_kind["condition"] == condition], sizes, left=condition == "clean", last=kind == kinds[-1])
            for condition in conditions
        ]
        if kind == kinds[0]:
            panels = [
                panel.properties(title=panel_title(_heading(condition), anchor="middle"))
                for panel, condition in zip(panels, conditions, strict=True)
            ]
        band = alt.hconcat(*panels, spacing=20, bounds="flush")
        bands.append(band.properties(title=panel_title(label(kind), frame="bounds")))
    subtitle = [
        "Pearson correlation; blue: the more diverse, the more accurate; orange: the less accurate",
        f"Bold: the {percent(rows['confidence'].iloc[0], 0)} interval over members excludes 0",
        _basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def pearson(table: pd.DataFrame, conditions: Sequence[str] = CONDITIONS) -> pd.DataFrame:
    """Pearson's correlations that are known, under the main rule, on these images."""
    rows = table[(table["measure"] == "pearson") & table["condition"].isin(conditions)].dropna(subset=["correlation"])
    return under_main_rule(rows)


def _heading(condition: str) -> str:
    """Such as "Clean accuracy", or "On photos", a further test set."""
    return f"{condition.capitalize()} accuracy" if condition in CONDITIONS else f"On {label(condition)}"


def _basis(rows: pd.DataFrame) -> str:
    """What the correlations are of."""
    counts = f"{_most(rows, 'ensembles')}{_sampled(rows)} at a size, of {_most(rows, 'members')}"
    return f"{counts}, combined by {label(rows['rule'].iloc[0])}"


def _heat(rows: pd.DataFrame, sizes: list[int], left: bool, last: bool) -> alt.LayerChart:
    """The metrics of one kind under one condition: a row each, a column per size."""
    present = set(rows["name"])
    names = [label(metric) for metric in METRICS if label(metric) in present]
    names_axis = alt.Axis(labels=left, minExtent=NAMES * left, maxExtent=NAMES * left, ticks=False, domain=False)
    columns = alt.Axis(labels=last, ticks=False, domain=False, labelAngle=0)
    base = alt.Chart(rows).encode(
        x=alt.X("size:O", title="Members in an ensemble" if last else None, axis=columns).scale(domain=sizes),
        y=alt.Y("name:N", title=None, axis=names_axis).scale(domain=names),
    )
    legend = alt.Legend(title="Correlation", orient="right", gradientLength=140, format="~g")
    hue = alt.Color("correlation:Q", legend=legend).scale(scheme="blueorange", reverse=True, domain=[-1, 1])
    tooltip = [alt.Tooltip("name", title="metric"), "size", "condition", "ensembles"]
    tooltip += [alt.Tooltip(column, format="+.2f") for column in ("correlation", "low", "high")]
    chart = base.mark_rect().encode(color=hue, tooltip=tooltip)
    for weight, predicate in (("bold", "datum.clear"), ("normal", "!datum.clear")):
        dark = abs(alt.datum["correlation"]) > 0.75
        ink = alt.when(dark).then(alt.value("white")).otherwise(alt.value(INK))
        text = base.transform_filter(predicate).mark_text(fontSize=11, fontWeight=weight, aria=False)
        chart += text.encode(text=alt.Text("correlation:Q", format=".2f"), color=ink)
    return chart.properties(width=alt.Step(CELL), height=alt.Step(ROW), view=alt.ViewConfig(stroke=None))


def _sampled(rows: pd.DataFrame) -> str:
    """How large the samples are drawn from; nothing where all ensembles are there."""
    most = rows.groupby("size")[["ensembles", "possible"]].max()
    return f" (samples of up to {most['possible'].max():,})" if (most["ensembles"] < most["possible"]).any() else ""


def _most(rows: pd.DataFrame, column: str) -> str:
    """The count in `column` of what it names, or that it is at most so."""
    most = plural(int(rows[column].max()), column.removesuffix("s"))
    return most if rows[column].nunique() == 1 else f"Up to {most}"


def _correlation_band(rows: pd.DataFrame, kind: str, hue: alt.Color, first: bool, last: bool) -> alt.HConcatChart:
    """The metrics of one kind: clean accuracy on the left, corrupted accuracy on the right."""
    panels = []
    for condition in [name for name in CONDITIONS if (rows["condition"] == name).any()]:
        left = condition == "clean"
        panel = _correlation_panel(rows[rows["condition"] == condition], hue, left, last, legend=first and left)
        panel = panel.properties(width=300, height=alt.Step(54, **{"for": "position"}))
        if first:
            panel = panel.properties(title=panel_title(f"{condition.capitalize()} accuracy", anchor="middle"))
        panels.append(panel)
    row = alt.hconcat(*panels, spacing=24, bounds="flush")
    return row.properties(title=panel_title(label(kind), frame="bounds"))


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
    tooltip = [alt.Tooltip("name", title="metric"), "size", "ensembles"]
    tooltip += [alt.Tooltip(column, format="+.2f") for column in ("correlation", "low", "high")]
    points = alt.Chart(rows).mark_point(filled=True, size=50).encode(x=x, tooltip=tooltip, **position)
    bars = bars.encode(x="low:Q", x2="high", **position)
    return zero + (bars.add_params(chosen) if legend else bars) + points
