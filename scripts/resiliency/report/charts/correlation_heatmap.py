"""The heat map of the correlation of every diversity metric with accuracy."""

import altair as alt
import pandas as pd

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT
from resiliency.report.pearson import CONDITIONS, NO_CORRELATIONS, basis, known, significant, signs
from resiliency.report.style import INK, finish, notice, panel_title, set_properties, tooltips
from resiliency.report.words import KINDS, METRICS, label, number

CAPTION = (
    "Bold correlations are significant: their p-values are corrected by Holm's method for all metrics of one size and "
    "set of images. Metrics that use the labels, such as double fault, correlate with accuracy by construction."
)
CORRUPTIONS = {name for names in (*CATEGORIES.values(), HELD_OUT) for name in names}
CELL = 42
ROW = 19
NAMES = 250
HEADING = 84  # px, of the longest line of a heading


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pearson correlation of every metric with accuracy on each set of images, at every size, sorted by kind."""
    title = "Every diversity metric against accuracy"
    conditions = [name for name in table["condition"].unique() if name not in CORRUPTIONS]
    rows = known(table, conditions=conditions)
    if rows.empty:
        return notice(title, NO_CORRELATIONS)
    rows = rows.assign(name=rows["metric"].map(label), significant=significant(rows))
    sizes = sorted(rows["size"].unique().tolist())
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    bands, pitch = [], max(CELL * len(sizes) + 20, HEADING)
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        panels = [
            _heat(of_kind[of_kind["condition"] == condition], sizes, left=condition == "clean", last=kind == kinds[-1])
            for condition in conditions
        ]
        if kind == kinds[0]:
            panels = [
                set_properties(panel, title=panel_title(_heading(condition), anchor="middle", limit=pitch))
                for panel, condition in zip(panels, conditions, strict=True)
            ]
        name = panel_title(label(kind), frame="bounds")
        bands.append(alt.hconcat(*panels, spacing=pitch - CELL * len(sizes), bounds="flush", title=name))
    subtitle = [
        "Pearson correlation; blue: the more diverse, the more accurate; orange: the less accurate",
        f"Bold: p < {number(1 - rows['confidence'].iloc[0], 2)}, corrected for all metrics",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _heading(condition: str) -> list[str]:
    """Lines such as Clean, accuracy; or On, photos, a further test set."""
    return [condition.capitalize(), "accuracy"] if condition in CONDITIONS else ["On", label(condition)]


def _heat(rows: pd.DataFrame, sizes: list[int], left: bool, last: bool) -> alt.LayerChart:
    """The metrics of one kind under one condition: a row each, a column per size."""
    present = set(rows["name"])
    names = [label(metric) for metric in METRICS if label(metric) in present]
    names_axis = alt.Axis(labels=left, minExtent=NAMES * left, maxExtent=NAMES * left, ticks=False, domain=False)
    columns = alt.Axis(labels=last, ticks=False, domain=False, labelAngle=0)
    base = alt.Chart(rows).encode(
        x=alt.X("size:O", title=["Members in", "an ensemble"] if last else None, axis=columns).scale(domain=sizes),
        y=alt.Y("name:N", title=None, axis=names_axis).scale(domain=names),
    )
    legend = alt.Legend(title="Correlation", orient="right", gradientLength=140, format="~g")
    hue = alt.Color("correlation:Q", legend=legend).scale(scheme="blueorange", reverse=True, domain=[-1, 1])
    forms = {"correlation": "+.2f", "low": "+.2f", "high": "+.2f", "p_holm": ".2g"}
    tooltip = tooltips(alt.Tooltip("name", title="metric"), "size", "condition", "ensembles", **forms)
    layers = [base.mark_rect().encode(color=hue, tooltip=tooltip)]
    for weight, predicate in (("bold", "datum.significant"), ("normal", "!datum.significant")):
        dark = abs(alt.datum["correlation"]) > 0.75
        ink = alt.ColorValue(**alt.when(dark).then(alt.value("white")).otherwise(alt.value(INK)))
        text = base.transform_filter(predicate).mark_text(fontSize=11, fontWeight=weight, aria=False)
        layers.append(text.encode(text=alt.Text("correlation:Q", format=".2f"), color=ink))
    return alt.layer(*layers, width=alt.Step(CELL), height=alt.Step(ROW), view=alt.ViewConfig(stroke=None))


def finding(table: pd.DataFrame) -> str:
    """How many metrics of each kind correlate with accuracy on corrupted images at every size, by sign."""
    rows = known(table)
    images = "corrupted" if (rows["condition"] == "corrupted").any() else "clean"
    rows = rows[rows["condition"] == images]
    counts = []
    for kind, name in KINDS.items():
        of_kind = [sign for sign, _ in signs(rows[rows["kind"] == kind]).values()]
        if of_kind:
            signed = f"({of_kind.count(1)} positively, {of_kind.count(-1)} negatively)"
            counts.append(f"{name.lower()} {len(of_kind) - of_kind.count(0)} of {len(of_kind)} {signed}")
    subject = f"Metrics that correlate significantly with accuracy on {images} images at every size"
    return f"{subject}: {'; '.join(counts)}." if counts else ""
