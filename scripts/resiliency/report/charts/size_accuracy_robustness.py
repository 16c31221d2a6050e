"""The chart of resiliency against model size and against clean accuracy."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.report.rows import NO_MEMBERS, independent, measured_on, robustness_range
from resiliency.report.style import MANY, SHARE, by_legend, finish, notice, point_style, shapes, spread, tooltips
from resiliency.report.words import number, percent, plural

CAPTION = "If size or clean accuracy determined robustness, points of all families would fall along one line."
RANKED = {"size": "parameters", "clean accuracy": "clean_accuracy"}
MOST_FAMILIES = 20  # in the legend; others are one entry


def draw(members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Corrupted error against number of parameters and against clean accuracy, by family, with intervals.

    Where no number of parameters is known, against clean accuracy only. Where the study has no corruptions but names
    test sets in their place, the mean error on these.
    """
    title = "Robustness against model size and against clean accuracy"
    measured, error = measured_on(members)
    points = independent(measured).dropna(subset=["corrupted_error"])
    if points.empty:
        return notice(title, NO_MEMBERS)
    points = points.assign(family=_largest_families(points["family"]))
    with_size = points.dropna(subset=["parameters"])
    chosen, opacity = by_legend("family")
    accuracy = alt.X("clean_accuracy:Q", title="Clean accuracy").axis(format=SHARE, tickCount=5)
    accuracy = accuracy.scale(zero=False, padding=16, nice=False)
    by_accuracy = _against(points, accuracy, error, colours, chosen if with_size.empty else None)
    if len(points) <= MANY:
        bars = alt.Chart(points.dropna(subset=["clean_accuracy_low", "clean_accuracy_high"])).mark_rule()
        by_accuracy += bars.encode(
            x=alt.X("clean_accuracy_low:Q"),
            x2=alt.X2("clean_accuracy_high"),
            y=alt.Y("corrupted_error:Q"),
            color=alt.Color("family:N"),
            opacity=opacity,
        )
    subtitle = [f"{plural(len(points), 'independently trained member')}; lower is more resilient"]
    if len(points) <= MANY:
        subtitle.append(f"Bars: {percent(points['confidence'].iloc[0], 0)} intervals over test images")
    if with_size.empty:
        return finish(by_accuracy, "Robustness against clean accuracy", subtitle)
    if len(with_size) < len(points):
        subtitle[0] += f", {len(with_size):,} with a known number of parameters"
    return finish(
        alt.hconcat(_against_size(with_size, error, colours, chosen), by_accuracy, spacing=28), title, subtitle
    )


def _largest_families(families: pd.Series) -> pd.Series:
    """`families` with one name for those that are not among the largest, if there are too many for a legend."""
    counts = families.value_counts()
    if len(counts) <= MOST_FAMILIES:
        return families
    return families.where(families.isin(counts.index[: MOST_FAMILIES - 1]), "other families")


def _against_size(points: pd.DataFrame, error: str, colours: list[str], chosen: alt.Parameter) -> alt.LayerChart:
    """Corrupted error over the number of parameters, of members where that is known."""
    sizes = points["parameters"]
    x = alt.X("parameters:Q", title="Parameters (log scale)").axis(format="~s", values=_decades(sizes))
    x = x.scale(type="log", domain=[0.7 * sizes.min(), 1.4 * sizes.max()], nice=False)
    return _against(points, x, error, colours, chosen)


def _decades(values: pd.Series) -> list[int]:
    """Ticks of a logarithmic axis of `values`: 1, 2 and 5 of each decade, or only 1 where there are many decades."""
    steps = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    return [step * 10**e for e in range(int(np.log10(values.min())), int(np.log10(values.max())) + 2) for step in steps]


def _against(
    points: pd.DataFrame, x: alt.X, called: str, colours: list[str], chosen: alt.Parameter | None = None
) -> alt.LayerChart:
    """Corrupted error of each member, or what is `called` so, with its interval, over `x`."""
    families = points["family"].unique().tolist()
    error = alt.Y("corrupted_error:Q", title=called)
    error = error.scale(zero=False, padding=16, nice=False).axis(format=SHARE)
    hue = alt.Color("family:N", title="Family", scale=spread(families, colours))
    shape = alt.Shape("family:N", title="Family", scale=shapes(families, colours))
    what = alt.Tooltip("corrupted_error", title=called.lower(), format=".1%")
    tooltip = [*tooltips("member", "family", parameters=",", clean_accuracy=".1%"), what]
    opacity = by_legend("family")[1]
    dots = alt.Chart(points).mark_point(filled=True, **point_style(len(points), 80))
    dots = dots.encode(x=x, y=error, color=hue, shape=shape, tooltip=tooltip, opacity=opacity)
    ends = ["corrupted_error_low", "corrupted_error_high"]
    bars = alt.Chart(points.dropna(subset=ends)).mark_rule()
    bars = bars.encode(x=x, y=alt.Y(f"{ends[0]}:Q"), y2=alt.Y2(ends[1]), color=alt.Color("family:N"), opacity=opacity)
    bars = bars.add_params(chosen) if chosen else bars
    return (bars + dots).properties(width=300, height=320)


def finding(members: pd.DataFrame) -> str:
    """The range of corrupted errors, and how their ranks correlate with those of size and clean accuracy."""
    points = independent(measured_on(members)[0]).dropna(subset=["corrupted_error"])
    if len(points) < 3:
        return ""
    correlations = {name: _rank_correlation(points, column) for name, column in RANKED.items()}
    coefficients = " and ".join(f"{number(r, 2)} with {name}" for name, r in correlations.items() if r == r)
    correlated = f" Its rank correlation over members is {coefficients}." if coefficients else ""
    return f"{robustness_range(members)}{correlated}"


def _rank_correlation(points: pd.DataFrame, column: str) -> float:
    """That of corrupted error with a column, over the members that have it; NaN where either does not vary."""
    ranks = points[["corrupted_error", column]].dropna().rank()
    return ranks.iloc[:, 0].corr(ranks.iloc[:, 1]) if (ranks.nunique() > 1).all() else float("nan")
