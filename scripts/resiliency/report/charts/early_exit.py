"""The chart of what early exit brings: errors over mean MACs, beside ensembles that ask all members always."""

import altair as alt
import pandas as pd

from resiliency.report.style import MUTED, SHARE, finish, notice
from resiliency.report.words import number, percent, plural

CAPTION = "Points to the left of the line cost less at the same error. MACs are means: some images need all members."
STATIC, EARLY = "all members asked", "early exit"


def draw(deployment: pd.DataFrame, table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """The front of ensembles that ask all members, and each ensemble with early exit."""
    title = "What early exit saves"
    front = deployment[deployment["front_macs"].astype(bool)].dropna(subset=["mean_corruption_error"])
    exits = table.dropna(subset=["mean_corruption_error", "macs"])
    front, exits = front[front["macs"] > 0], exits[exits["macs"] > 0]
    if front.empty or exits.empty:
        return notice(title, "no ensembles with probabilities and known MACs in this study")
    columns = ["members", "size", "macs", "mean_corruption_error", "low", "high"]
    both = pd.concat([front[columns].assign(kind=STATIC), exits[columns].assign(kind=EARLY)])
    domain = [0.85 * float(both["macs"].min()), 1.2 * float(both["macs"].max())]
    x = alt.X("macs:Q", title="Mean MACs of an image").scale(type="log", domain=domain, nice=False)
    y = alt.Y("mean_corruption_error:Q", title="Mean corruption error").axis(format=SHARE).scale(zero=False)
    hue = alt.Color("kind:N", title=None).scale(domain=[STATIC, EARLY], range=[MUTED, colours[0]])
    hue = hue.legend(orient="bottom", direction="horizontal")
    shape = alt.Shape("kind:N", title=None).scale(domain=[STATIC, EARLY], range=["circle", "diamond"])
    tooltip = [*map(alt.Tooltip, ("members", "kind")), alt.Tooltip("macs", format=",.0f")]
    tooltip += [alt.Tooltip(column, format=".2%") for column in ("mean_corruption_error", "low", "high")]
    base = alt.Chart(both).encode(x=x.axis(format="~s", tickCount=5), y=y, color=hue)
    line = base.transform_filter(alt.datum.kind == STATIC).mark_line(strokeWidth=1.5)
    bars = base.mark_rule(opacity=0.35).encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))
    points = base.mark_point(filled=True, size=60).encode(shape=shape, tooltip=tooltip)
    subtitle = [
        "Threshold of confidence chosen on one half of the test images; errors and MACs are those on the other",
        "The line is the front of ensembles that ask all of their members for every image",
    ]
    return finish((line + bars + points).properties(width=520, height=320), title, subtitle)


def finding(deployment: pd.DataFrame, table: pd.DataFrame) -> str:
    """How many ensembles early exit makes cheaper, and by how much in the median; and how errors change."""
    exits = table.dropna(subset=["macs", "all_macs"])
    if exits.empty:
        return ""
    saved, worse = 1 - exits["macs"] / exits["all_macs"], (exits["error_change_low"] > 0).sum()
    return (
        f"Early exit saves {percent(saved.median(), 0)} of the MACs of {plural(len(exits), 'ensemble')} (median); "
        f"errors change by {number(100 * exits['error_change'].mean(), 2)} percentage points on average and increase "
        f"significantly in {worse} of {len(exits)}."
    )
