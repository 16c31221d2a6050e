"""The chart of how often members all fail together, by their number."""

import altair as alt
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.style import by_legend, finish, notice, spread, tooltips
from resiliency.report.words import interval, label, percent, plural

TITLE = "How often are all members wrong?"
CAPTION = (
    "No vote among members is right on an image that all of them misclassify; a mean of probabilities can be. "
    "The share falls as the pool grows, and is not extrapolated beyond its size."
)
LEAST = 1e-4


def draw(ceiling: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Share of images that k members all get wrong, for k from 1 to all, and what independent failures would give."""
    rows = drawn_rows(ceiling)
    if rows.empty:
        return notice(TITLE, "fewer than two independent members")
    names = list(dict.fromkeys(rows["images"]))
    most = int(rows["size"].max())
    x = alt.X("size:Q", title="Number of members drawn").scale(type="log", domain=[1, most], nice=False)
    x = x.axis(values=sorted(rows["size"].unique().tolist()), format="d", grid=False, labelOverlap=True)
    y = alt.Y("share:Q", title="Images that all members drawn get wrong").scale(
        type="log", domain=[LEAST, 1], clamp=True, nice=False
    )
    y = y.axis(format="~%", values=[0.0001, 0.001, 0.01, 0.1, 1])
    chosen, opacity = by_legend("images")
    base = alt.Chart(rows).encode(
        x=x, color=alt.Color("images:N", title="Images", scale=spread(names, colours)), opacity=opacity
    )
    shares = alt.Tooltip("share", title="all wrong", format=".2%"), *tooltips(low=".2%", high=".2%")
    same = alt.Tooltip("same_wrong", title="of these, same answer", format=".1%")
    tooltip = tooltips("images", alt.Tooltip("size", title="members drawn"), *shares, same)
    bars = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))
    dots = base.mark_point(filled=True, size=60).encode(y=y, tooltip=tooltip)
    chance = base.transform_filter(alt.datum.independent >= LEAST)
    chance = chance.mark_line(strokeDash=[4, 3]).encode(y=alt.Y("independent:Q"))
    subtitle = [
        f"Mean over all sets of so many of the {plural(int(rows['members'].max()), 'member')}; bars: "
        f"{percent(rows['confidence'].iloc[0], 0)} intervals over images",
        f"Dashed: if failures were independent. Values below {percent(LEAST, 2)} are drawn at the lower end",
    ]
    lines = base.mark_line().encode(y=y).add_params(chosen)
    chart = alt.layer(lines, chance, bars, dots).properties(width=820, height=185)
    return finish(chart, TITLE, subtitle)


def drawn_rows(ceiling: pd.DataFrame) -> pd.DataFrame:
    """The rows of clean images, of the mean over corruptions and of further test sets, with `images` and `share`."""
    if ceiling.empty:
        return ceiling
    rows = ceiling[(ceiling["severity"] == 0) | (ceiling["condition"] == CORRUPTED)]
    rows = rows[rows["members"] > 1]
    ends = {"share": "all_wrong", "low": "all_wrong_low", "high": "all_wrong_high"}
    shares = {name: rows[column].clip(lower=LEAST) for name, column in ends.items()}
    order = rows["condition"].map({CORRUPTED: 0, CLEAN: 1}).fillna(2)
    return rows.assign(images=rows["condition"].map(label), order=order, **shares).sort_values("order", kind="stable")


def finding(ceiling: pd.DataFrame) -> str:
    """The share of images that all members misclassify, and how much of the way to the ceiling an ensemble comes.

    On corrupted images if there are any, else on clean ones; empty if there is but one member.

    Args:
        ceiling: ceiling.csv.
    """
    if ceiling.empty:
        return ""
    rows = ceiling[(ceiling["size"] == ceiling["members"]) & (ceiling["members"] > 1)]
    images = CORRUPTED if (rows["condition"] == CORRUPTED).any() else CLEAN
    rows = rows[rows["condition"] == images]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    ends = interval(row["all_wrong_low"], row["all_wrong_high"], percent)
    who = "Both members" if row["members"] == 2 else f"All {row['members']:,} members"
    first = (
        f"{who} misclassify the same {percent(row['all_wrong'])} {ends} of {label(images)} images: "
        f"no vote among them can be right on more than {percent(1 - row['all_wrong'])}."
    )
    if pd.isna(row["reached"]):
        return first
    ends = interval(row["reached_low"], row["reached_high"], lambda share: percent(share, 0))
    accuracy = f"{percent(row['best_member_accuracy'])} to {percent(row['best_ensemble_accuracy'])}"
    way = f"{percent(row['reached'], 0)} {ends} of the way to this ceiling"
    if row["reached_low"] > 0:
        return f"{first} The best ensemble of these members improves on the best of them, from {accuracy}: {way}."
    if row["reached_high"] < 0:
        return f"{first} The best ensemble of these members is worse than the best of them, from {accuracy}: {way}."
    return f"{first} The best ensemble of these members does not differ significantly from the best of them: {way}."
