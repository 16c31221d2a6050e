"""The chart of how well calibrated members are."""

import altair as alt
import pandas as pd

from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.style import MUTED, SHARE, by_legend, finish, notice, panel_title, shapes, spread
from resiliency.report.words import label, percent

CAPTION = "Points below the diagonal show overconfidence."
COLUMNS = 4
SIDE = 165
FEWEST = 10  # predictions in a bin that is drawn


def draw(members: pd.DataFrame, table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Reliability diagrams: accuracy against confidence, a panel per design, a line per set of images."""
    title = "Confidence and accuracy of members"
    bins = pooled(members, table)
    if bins.empty:
        return notice(title, "no independently trained members in this study")
    designs = members.loc[members["design"].isin(bins["design"]), "design"].unique().tolist()
    images = bins["images"].unique().tolist()
    scales = spread(images, colours), shapes(images, colours)
    panels = [_panel(bins[bins["design"] == design], design, design == designs[0], *scales) for design in designs]
    subtitle = [
        "On the diagonal, confidence equals accuracy; below it, members are overconfident",
        f"Predictions in 15 bins of confidence, all members of a design; point size: their number, {FEWEST} at least",
        "Gap: mean distance of accuracy from confidence",
    ]
    return finish(alt.concat(*panels, columns=COLUMNS, spacing=16), title, subtitle)


def pooled(members: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The bins of calibration.csv of independent members, those of a design taken together.

    Returns:
        Columns design, images, bin_low, predictions, right (their number), mean_confidence and accuracy.
    """
    designs = members.loc[members["origin"] == "independent", ["member", "design"]]
    rows = table.dropna(subset=["mean_confidence"]).merge(designs, on="member")
    sums = rows.assign(right=rows["accuracy"] * rows["predictions"], sure=rows["mean_confidence"] * rows["predictions"])
    keys = ["design", "images", "bin_low"]
    bins = sums.groupby(keys, sort=False)[["predictions", "right", "sure"]].sum().reset_index()
    bins["mean_confidence"], bins["accuracy"] = bins["sure"] / bins["predictions"], bins["right"] / bins["predictions"]
    return bins.drop(columns="sure")


def _panel(bins: pd.DataFrame, design: str, first: bool, hues: alt.Scale, kinds: alt.Scale) -> alt.LayerChart:
    axis = alt.Axis(format=SHARE, values=[0, 0.5, 1])
    x = alt.X("mean_confidence:Q", title="Confidence", axis=axis).scale(domain=[0, 1])
    y = alt.Y("accuracy:Q", title="Accuracy" if first else None, axis=axis).scale(domain=[0, 1])
    legend = alt.Legend(title="Test images", orient="bottom", direction="horizontal")
    hue = alt.Color("images:N", scale=hues, legend=legend)
    shape = alt.Shape("images:N", scale=kinds, legend=legend)
    chosen, opacity = by_legend("images")
    size = alt.Size("predictions:Q", legend=None).scale(range=[12, 160])
    tooltip = [alt.Tooltip("images"), alt.Tooltip("predictions", format=",")]
    tooltip.append(alt.Tooltip("mean_confidence", title="mean confidence", format=".1%"))
    tooltip.append(alt.Tooltip("accuracy", format=".1%"))
    base = alt.Chart(bins[bins["predictions"] >= FEWEST]).encode(x=x, y=y, color=hue, opacity=opacity)
    line = base.mark_line(strokeWidth=1.5)
    points = base.mark_point(filled=True).encode(size=size, shape=shape, tooltip=tooltip)
    ends = alt.Chart(pd.DataFrame({"end": [0, 1]})).mark_line(color=MUTED, strokeDash=[4, 3], strokeWidth=1)
    diagonal = ends.encode(x=alt.X("end:Q", axis=axis), y=alt.Y("end:Q", axis=axis))
    title = panel_title(design, subtitle=f"gap {_gaps(bins)}")
    return (diagonal + (line.add_params(chosen) if first else line) + points).properties(
        width=SIDE, height=SIDE, title=title
    )


def _gaps(bins: pd.DataFrame) -> str:
    """Such as "0.4 % clean, 6.1 % corrupted"."""
    gaps = []
    for name, rows in bins.groupby("images", sort=False):
        gap = (rows["accuracy"] - rows["mean_confidence"]).abs() @ rows["predictions"] / rows["predictions"].sum()
        gaps.append(f"{percent(gap)} {label(name)}")
    return ", ".join(gaps)


def finding(members: pd.DataFrame, table: pd.DataFrame) -> str:
    """Mean confidence against accuracy."""
    bins = pooled(members, table)
    clauses = []
    for name in dict.fromkeys(bins["images"]):
        rows = bins[bins["images"] == name]
        sure, right = (
            rows[c] @ rows["predictions"] / rows["predictions"].sum() for c in ("mean_confidence", "accuracy")
        )
        clauses.append(f"On {_called(name)}, mean confidence is {percent(sure)} and accuracy {percent(right)}")
    return " ".join(f"{clause}." for clause in clauses)


def _called(name: str) -> str:
    """What to call images: "clean images", "corrupted images", or "images of photos" where `name` is a test set."""
    return f"{name} images" if name in (CLEAN, CORRUPTED) else f"images of {label(name)}"
