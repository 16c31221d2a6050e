"""The table of differences on the console, and the chart of them."""

import altair as alt
import pandas as pd

from resiliency.comparison.differences import RECOMMENDED
from resiliency.report import style, words
from resiliency.report.panels import intervals, line_at, measure, names, told_apart
from resiliency.report.settings import OKABE_ITO

LABELS, WIDTH, STEP = 400, 300, 20  # pixels: labels, a panel, and a study in a row
MOST = 30  # number of members that the chart shows


def printed(differences: pd.DataFrame) -> str:
    """A line per row of the table: percentage points with their interval, or why there are none, and the model."""
    lines = [("study", "images", "points more errors", "model")]
    for row in differences.itertuples():
        ends = row.low, row.high
        value = f"{words.difference(row.difference, *ends)} {words.difference_interval(*ends)}".rstrip()
        if pd.notna(row.low):
            value += " (not significant)" if row.low <= 0 <= row.high else " (significant)"
        known = [value] if pd.notna(row.difference) else []
        lines.append((row.study, row.images, ", ".join([*known, *filter(None, [row.not_comparable])]), row.model))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def differences_chart(differences: pd.DataFrame) -> alt.TopLevelMixin:
    """Differences of recommended models and of shared members, a panel per kind of images.

    Args:
        differences: table from `difference_table`, with at least one difference.
    """
    rows = differences.dropna(subset=["difference"])
    points = {name: 100 * rows[of] for name, of in (("value", "difference"), ("low", "low"), ("high", "high"))}
    rows = rows.assign(**points).assign(name=rows["model"].where(rows["question"] != RECOMMENDED, RECOMMENDED))
    largest = rows["value"].abs().groupby(rows["name"]).max().drop(RECOMMENDED, errors="ignore").nlargest(MOST).index
    rows = rows[rows["name"].isin([RECOMMENDED, *largest])]
    studies, order = list(rows["study"].unique()), [RECOMMENDED, *sorted(largest)]
    key = told_apart("study", studies, style.cycled(OKABE_ITO, len(studies)), legend={"orient": "bottom"})
    panels = [
        intervals(
            of_images,
            measure(alt.X, "value", "Difference in error (percentage points)", ".3~g"),
            names("name", order, labelLimit=LABELS),
            ("low", "high"),
            key,
            style.tooltips("study", "model", value=".2f", low=".2f", high=".2f"),
            offset="study",
            under=[line_at(alt.X, 0)],
            choose=images == rows["images"].iloc[0],
            width=WIDTH,
            height=alt.Step(STEP),
            title=style.panel_title(f"On {images} images"),
        )
        for images, of_images in rows.groupby("images", sort=False)
    ]
    level = words.percent(rows["confidence"].iloc[0], 0)
    subtitle = [
        f"Error less that of {rows['reference'].iloc[0]}: left of 0 are fewer errors. Paired {level} intervals for",
        f"these networks, for all comparisons at once; at most the {MOST} members that differ most.",
    ]
    return style.finish(alt.hconcat(*panels, spacing=30), "Which models make fewer errors?", subtitle)
