"""The chart of the diversity of ensembles against their accuracy."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.report.rows import heading, how_many, judged_on, main_pool, measured_columns
from resiliency.report.style import SHARE, WIDTH, finish, notice, panel_title, set_properties
from resiliency.report.words import label, number, plural, short_label
from resiliency.statistics.correlation import weighted_quantiles

CAPTION = (
    "Each panel shows all ensembles of one size. A rising line means that more diverse ensembles are more accurate."
)
BINS = {"diversity": 24, "accuracy": 12}
PROFILE = 10
FEWEST = 8  # ensembles of which quarters are compared
SPACING = 14


def draw(ensembles: pd.DataFrame, table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Where ensembles lie in diversity and accuracy: a row per metric, a column per size; binned counts.

    Args:
        table: the correlations, written into the panels.
    """
    images = judged_on(ensembles)
    title = f"Diversity of ensembles against their accuracy on {images} images"
    pool = main_pool(ensembles)
    pool = pool.assign(accuracy=pool[f"{images}_accuracy"])
    columns = measured_columns(pool)
    if not columns or pool["accuracy"].isna().all():
        return notice(title, "no ensembles of independently trained members in this study")
    rule = pool["rule"].iloc[0]
    chosen = (table["measure"] == "pearson") & (table["condition"] == images) & (table["rule"] == rule)
    correlations = table[chosen].set_index(["metric", "size"])["correlation"].to_dict()
    rows = [_clouds(pool, metric, column, correlations, colours) for metric, column in columns.items()]
    subtitle = [
        f"{how_many(pool)} of independently trained members, combined by {label(rule)}",
        "Shade: share of the ensembles of that size; line: mean accuracy at that diversity; r: Pearson correlation",
    ]
    return finish(alt.vconcat(*rows, spacing=10), title, subtitle)


def _clouds(
    pool: pd.DataFrame, metric: str, column: str, correlations: dict[tuple[str, int], float], colours: list[str]
) -> alt.HConcatChart:
    """The panels of one metric, side by side by size, on the same axes."""
    data = pool[["size", "accuracy", "weight"]].assign(diversity=pool[column]).dropna()
    edges = [np.histogram_bin_edges(data[c], bins) for c, bins in BINS.items()]
    sizes = sorted(pool["size"].unique().tolist())
    width = min((WIDTH - 130) / len(sizes) - SPACING, 400)
    panels = []
    for size in sizes:
        r = correlations.get((metric, size), float("nan"))
        cloud = _cloud(data[data["size"] == size], edges, first=size == sizes[0], colour=colours[1 % len(colours)])
        title = panel_title(f"{plural(size, 'member')}, r = {number(r, 2)}", anchor="middle", fontWeight="normal")
        panels.append(set_properties(cloud, width=width, height=95, title=title))
    return alt.hconcat(*panels, spacing=SPACING, title=panel_title(heading(metric, column), frame="bounds"))


def _cloud(data: pd.DataFrame, edges: list[np.ndarray], first: bool, colour: str) -> alt.LayerChart:
    """Shares of ensembles in cells of diversity and accuracy, and the mean accuracy over diversity."""
    x = alt.X("x:Q", title=None).axis(tickCount=4, labelOverlap=True, format="~g", grid=False)
    x = x.scale(domain=edges[0][[0, -1]].tolist(), nice=False)
    y = alt.Y("y:Q", title="Accuracy" if first else None).axis(format=SHARE, tickCount=3, labels=first, grid=False)
    y = y.scale(domain=edges[1][[0, -1]].tolist(), nice=False)
    share = alt.Color("share:Q", title="Share of ensembles").scale(scheme="blues", domainMin=0)
    share = share.legend(orient="bottom", format=SHARE, tickCount=4)
    cells = (
        alt.Chart(_cells(data, edges))
        .mark_rect(aria=False)
        .encode(x=x, x2=alt.X2("x2"), y=y, y2=alt.Y2("y2"), color=share)
    )
    cells = cells.encode(tooltip=[alt.Tooltip("ensembles"), alt.Tooltip("share", format=".1%")])
    line = alt.Chart(_profile(data, edges[0])).mark_line(color=colour).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    return cells + line


def _cells(data: pd.DataFrame, edges: list[np.ndarray]) -> pd.DataFrame:
    """The cells that hold ensembles: their corners, the number of ensembles and the share of all that it stands for."""
    counts, across, up = np.histogram2d(data["diversity"], data["accuracy"], edges)
    weights = np.histogram2d(data["diversity"], data["accuracy"], edges, weights=data["weight"])[0]
    i, j = np.nonzero(counts)
    corners = {"x": across[i], "x2": across[i + 1], "y": up[j], "y2": up[j + 1]}
    shares = weights[i, j] / max(weights.sum(), 1)
    return pd.DataFrame(corners | {"share": shares}).round(5).assign(ensembles=counts[i, j].astype(int))


def _profile(data: pd.DataFrame, edges: np.ndarray) -> pd.DataFrame:
    """Mean accuracy of the ensembles in each of a few bins of diversity, at the mean diversity of the bin."""
    bins = pd.cut(data["diversity"], np.linspace(edges[0], edges[-1], PROFILE + 1), include_lowest=True)
    columns = ["diversity", "accuracy"]
    sums = data[columns].mul(data["weight"], axis=0).groupby(bins, observed=True).sum()
    means = sums.div(data["weight"].groupby(bins, observed=True).sum(), axis=0)
    return means.set_axis(["x", "y"], axis="columns").reset_index(drop=True)


def finding(ensembles: pd.DataFrame, table: pd.DataFrame) -> str:
    """Accuracy of the most diverse quarter of the largest ensembles less that of the least diverse: both extremes."""
    images = judged_on(ensembles)
    pool = main_pool(ensembles).dropna(subset=[f"{images}_accuracy"])
    pool = pool[pool["size"] == pool["size"].max()]
    if len(pool) < FEWEST:
        return ""
    gaps = {}
    for metric, column in measured_columns(pool).items():
        rows = pool.dropna(subset=[column])
        weights = rows["weight"].to_numpy(float)
        low, high = weighted_quantiles(rows[column].to_numpy(float), weights, [0.25, 0.75])
        quarters = (rows[column] >= high).to_numpy(), (rows[column] <= low).to_numpy()
        most, least = (np.average(rows[f"{images}_accuracy"][of], weights=weights[of]) for of in quarters)
        gaps[metric] = most - least
    if len(gaps) < 2:
        return ""
    last, *_, first = sorted(gaps, key=gaps.get)
    extremes = [f"{_lead(gaps[metric])} for {short_label(metric)}" for metric in (first, last)]
    return (
        f"Among ensembles of {pool['size'].iloc[0]}, the most diverse quarter {extremes[0]}, and {extremes[1]}. "
        f"Accuracies are on {images} images{'; the other metrics lie between' if len(gaps) > 2 else ''}."
    )


def _lead(gap: float) -> str:
    """Such as "is 4.2 points more accurate than the least diverse one"."""
    return f"is {number(100 * abs(gap), 1)} points {'more' if gap >= 0 else 'less'} accurate than the least diverse one"
