"""The chart of ensembles by where their members come from."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.origins import FAMILIES, ORIGINS
from resiliency.ensembles.combination import VOTE
from resiliency.report.rows import under_main_rule
from resiliency.report.style import INK, SHARE, by_legend, finish, notice, panel_title, shades, tooltips
from resiliency.report.words import difference_interval, label, percent, points, quantity, with_interval

CAPTION = (
    "Only ensembles of the same size, or of about the same cost, are compared. The means compare different members. "
    "The difference below them does not: it uses only designs with at least two seeds and weights each equally in "
    "single- and mixed-architecture ensembles. It is no advice: whoever knows the better design compares with that "
    "one, as *What buys robustness?* does."
)
CHANGE = "several − one"
WIDTH, NAMES = 320, 150  # px, of a panel and of the names beside the first
MEASURES = {"corrupted_accuracy": "Corrupted accuracy", "clean_accuracy": "Clean accuracy"}  # the first that is known
NOT_SIGNIFICANT = ", which is not significant"
PAIR = 2  # of two votes without probabilities, the accuracy is the mean of the members'


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Accuracy of ensembles by origin: a panel at equal size, a panel at equal MACs.

    With intervals; below each panel what several architectures, or families, change.
    """
    title = "Ensembles by the origin of their members"
    rows = under_main_rule(table)
    measure = next((name for name in MEASURES if (rows["measure"] == name).any()), "")
    rows = rows[rows["measure"] == measure]
    names = [name for name in (*ORIGINS, *FAMILIES) if name in set(rows["origin"])]
    panels: list[alt.VConcatChart] = []
    for matched_on in ("size", "macs"):
        panel = _panel(rows[rows["matched_on"] == matched_on], matched_on, names, colours, first=not panels)
        panels += [panel] if panel else []
    if not panels:
        return notice(title, "no size has ensembles of more than one origin")
    confidence = percent(rows["confidence"].iloc[0], 0)
    subtitle = [
        f"Means over ensembles, combined by {label(rows['rule'].iloc[0])}; bars: {confidence} intervals",
        "Only sizes and costs of which there are ensembles of several origins; differences are over the same designs",
    ]
    scales = alt.ScaleResolveMap(color="independent", yOffset="independent")
    return finish(alt.hconcat(*panels, spacing=30, resolve=alt.Resolve(scale=scales)), title, subtitle)


def _panel(
    rows: pd.DataFrame, matched_on: str, names: list[str], colours: list[str], first: bool
) -> alt.VConcatChart | None:
    """The means at equal size or at equal MACs, of classes with several origins; None where there are none."""
    several = rows.groupby("bin_start")["origin"].nunique() > 1
    rows = rows[rows["bin_start"].isin(several.index[several])]
    if rows.empty:
        return None
    classes = sorted(rows["bin_start"].unique().tolist())
    labels = {least: f"{least:,}" if matched_on == "size" else f"from {quantity(least)}" for least in classes}
    rows = rows.assign(**{matched_on: rows["bin_start"].map(labels)})
    hue = alt.Color(
        f"{matched_on}:N", title="Members" if matched_on == "size" else "MACs in all", sort=list(labels.values())
    )
    hue = hue.scale(domain=list(labels.values()), range=shades(colours[0], len(classes)))
    hue = hue.legend(orient="bottom", direction="horizontal")
    head = "At equal size" if matched_on == "size" else "At equal cost: MACs within a factor of two"
    parts = [_dots(rows, MEASURES[rows["measure"].iloc[0]], hue, matched_on, names, first)]
    if rows["advantage"].notna().any():
        parts.append(_changes(rows.dropna(subset=["advantage"]), hue, matched_on, first))
    return alt.vconcat(*parts, spacing=4, title=panel_title(head))


def _dots(
    rows: pd.DataFrame, title: str, hue: alt.Color, matched_on: str, names: list[str], first: bool
) -> alt.LayerChart:
    """Mean accuracy by origin, with their intervals, an offset a class."""
    y = alt.Y("origin:N", title=None, sort=names, axis=_names(first)).scale(domain=names)
    x = alt.X("mean:Q", title=title).scale(zero=False, nice=False, padding=10)
    forms = dict.fromkeys(("mean", "low", "high", "lower_quartile", "upper_quartile"), ".4f")
    tooltip = tooltips("origin", matched_on, "ensembles", **forms)
    bars, dots = _marks(
        rows, x.axis(format=SHARE, tickCount=5, labelOverlap=True), ("low", "high"), y, hue, matched_on, tooltip
    )
    return alt.layer(bars.add_params(by_legend(matched_on)[0]), dots, width=WIDTH, height=_step())


def _changes(rows: pd.DataFrame, hue: alt.Color, matched_on: str, first: bool) -> alt.LayerChart:
    """What several architectures change, with intervals around zero, an offset a class."""
    y = alt.Y("change:N", title=None, axis=_names(first)).scale(domain=[CHANGE])
    rows = rows.assign(change=CHANGE)
    x = alt.X("advantage:Q", title="Difference").axis(format=SHARE, tickCount=5, labelOverlap=True)
    x = x.scale(nice=False, padding=10)
    ends = ("advantage_low", "advantage_high")
    tooltip = tooltips(matched_on, **dict.fromkeys(("advantage", *ends), "+.4f"))
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK).encode(x=alt.X("zero:Q"))
    return alt.layer(zero, *_marks(rows, x, ends, y, hue, matched_on, tooltip), width=WIDTH, height=_step())


def _marks(
    rows: pd.DataFrame, x: alt.X, ends: tuple[str, str], y: alt.Y, hue: alt.Color, matched_on: str, tooltip: list
) -> tuple[alt.Chart, alt.Chart]:
    """Intervals, where they are known, and points."""
    encoding = {"y": y, "yOffset": alt.YOffset("bin_start:O"), "color": hue, "opacity": by_legend(matched_on)[1]}
    bars = alt.Chart(rows.dropna(subset=list(ends))).mark_rule(strokeWidth=2)
    bars = bars.encode(x=alt.X(f"{ends[0]}:Q"), x2=alt.X2(ends[1]), **encoding)
    dots = alt.Chart(rows).mark_point(filled=True, size=55).encode(x=x, tooltip=tooltip, **encoding)
    return bars, dots


def _step() -> alt.Step:
    """The height of a row."""
    return alt.Step(30, **{"for": "position"})


def _names(first: bool) -> alt.Axis:
    """The axis of names, which the first panel has for both."""
    return alt.Axis(labels=first, ticks=False, minExtent=NAMES if first else 0)


def finding(table: pd.DataFrame) -> str:
    """Accuracy by origin at the size with most origins, and what several architectures bring.

    On corrupted images; on clean ones where the study has no others.
    """
    rows, images = _of_one_size(table)
    if rows.empty:
        return ""
    said = advantage(table)
    means = [
        f"{with_interval(row['mean'], row['low'], row['high'])} ({row['origin']})"
        for _, row in rows.sort_values("mean", ascending=False).iterrows()
    ]
    of_size = f"Ensembles of {rows['bin_start'].iloc[0]} members have mean {images} accuracies"
    return f"{f'{said}. ' if said else ''}{of_size} from {means[-1]} to {means[0]}."


def advantage(table: pd.DataFrame) -> str:
    """What several architectures, or families, bring in accuracy, with its interval; "" if that is not known."""
    row, images = advantage_row(table)
    return "" if row is None else _advantage(row, images)


def advantage_row(table: pd.DataFrame) -> tuple[pd.Series | None, str]:
    """The row of origins.csv that `advantage` describes, None if there is none; its images, clean or corrupted."""
    rows, images = _of_one_size(table)
    known = rows.dropna(subset=["advantage"])
    return (None if known.empty else known.iloc[0]), images


def _of_one_size(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rows of accuracy by origin, of the least size with most origins, and of which images; none if one origin is all.

    Pairs that vote by labels alone count only where no larger size has as many origins: by chance, a tie of two gives
    them the mean accuracy of their members, whatever their designs.
    """
    images = "corrupted" if (table["measure"] == "corrupted_accuracy").any() else "clean"
    rows = under_main_rule(table[(table["matched_on"] == "size") & (table["measure"] == f"{images}_accuracy")])
    rows = rows.dropna(subset=["mean"])
    counts = rows.groupby("bin_start")["origin"].nunique()
    if counts.empty or counts.max() < 2:
        return rows.head(0), images
    sizes = counts.index[counts == counts.max()]
    votes = rows["rule"].iloc[0] == VOTE
    size = next((size for size in sizes if size > PAIR), sizes[0]) if votes else sizes[0]
    return rows[rows["bin_start"] == size], images


def _advantage(row: pd.Series, images: str) -> str:
    difference, low, high = row["advantage"], row["advantage_low"], row["advantage_high"]
    kind = row["origin"].removeprefix("several ")
    same = "families" if kind == "families" else "designs"
    verb = "raises" if low > 0 else "lowers" if high < 0 else "changes"
    size = points(abs(difference) if verb == "lowers" else difference)
    of = f"{images} accuracy of ensembles of {row['bin_start']}"
    statement = (
        f"Against the average of the same {same} alone, mixing {kind} {verb} the {of} by {size} percentage points"
    )
    if np.isnan(low) or np.isnan(high):
        return f"{statement} (no interval: too few designs)"
    ends = difference_interval(*((-high, -low) if verb == "lowers" else (low, high)))
    return f"{statement} {ends}{NOT_SIGNIFICANT if verb == 'changes' else ''}"
