"""The chart of what different designs do for diversity."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.member_tables import lack_second_seeds
from resiliency.report.rows import heading, how_many, main_pool, measured_columns
from resiliency.report.style import INK, finish, notice, panel_title, tooltips
from resiliency.report.words import plural

CAPTION = "Boxes further right mean more diverse ensembles."
GROUPS = ["one design", "different designs"]
FAMILIES = ["one family", "different families"]


def draw(ensembles: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Distribution of each diversity among ensembles of one design and of different designs, at the same size."""
    title = "Are ensembles of different designs more diverse?"
    pool = compared_ensembles(ensembles)
    if pool.empty:
        return notice(title, "no size has both ensembles of one design and ensembles of different designs")
    size = pool["size"].iloc[0]
    scored = main_pool(ensembles)
    scored = scored[scored["size"] == size]
    panels = [_boxes(pool, metric, column, colours) for metric, column in measured_columns(pool).items()]
    if not panels:
        return notice(title, "no diversity was measured in this study")
    names = group_names(scored)
    one, different = (int((pool["group"] == group).sum()) for group in names)
    other = "no design has a second seed" if names == FAMILIES else "other seeds"
    subtitle = [
        f"Ensembles of {size} members: {one:,} of {names[0]} ({other}), {different:,} of {names[1]}",
        f"They are among {how_many(scored)} of that size",
        "Box: middle half; bar in it: median; line: smallest to largest; diamond: mean. Each panel has its own scale",
    ]
    return finish(alt.concat(*panels, columns=2, spacing=18), title, subtitle)


def compared_ensembles(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles of the smallest size of which there are some of one design and some of different ones, as `group`.

    Families take the place of designs where no design has a second seed.
    """
    pool = main_pool(ensembles)
    names = group_names(pool)
    counts = pool["families"] if names == FAMILIES else pool["designs"]
    pool = pool.assign(group=np.select([counts == 1, counts == pool["size"]], names, ""))
    pool = pool[pool["group"] != ""]
    groups = pool.groupby("size")["group"].nunique()
    return pool[pool["size"] == groups[groups == len(names)].index.min()]


def group_names(ensembles: pd.DataFrame) -> list[str]:
    """What the two groups are called: of designs, or of families where no design has a second seed."""
    return FAMILIES if lack_second_seeds(ensembles) else GROUPS


def _boxes(pool: pd.DataFrame, metric: str, column: str, colours: list[str]) -> alt.LayerChart:
    """The distribution of one metric in the two groups."""
    names = group_names(pool)
    values = pool[["group"]].assign(value=pool[column]).dropna().groupby("group")["value"]
    summary = values.describe().reset_index().rename(columns={"25%": "lower", "50%": "median", "75%": "upper"})
    x = alt.X("lower:Q", title=None).axis(tickCount=5, format="~g").scale(zero=False, nice=False, padding=10)
    base = alt.Chart(summary).encode(
        y=alt.Y("group:N", title=None, sort=names).axis(ticks=False),
        tooltip=tooltips("group", "count", **dict.fromkeys(("min", "lower", "median", "upper", "max"), ".4f")),
    )
    hue = alt.Color("group:N", legend=None).scale(domain=names, range=(colours * 2)[:2])
    line = base.mark_rule(color=INK).encode(x=alt.X("min:Q", title=None), x2=alt.X2("max"))
    box = base.mark_bar(size=22).encode(x=x, x2=alt.X2("upper"), color=hue)
    median = base.mark_tick(color="white", thickness=3, size=22).encode(x=alt.X("median:Q"))
    mean = base.mark_point(shape="diamond", filled=True, size=60, color=INK, opacity=1).encode(x=alt.X("mean:Q"))
    title = panel_title(heading(metric, column), frame="bounds")
    return alt.layer(line, box, median, mean, width=270, height=84, title=title)


def finding(ensembles: pd.DataFrame) -> str:
    """In how many metrics ensembles of different designs have the larger median."""
    pool = compared_ensembles(ensembles)
    columns = measured_columns(pool)
    if pool.empty or not columns:
        return ""
    medians = pool.groupby("group")[list(columns.values())].median()
    one, different = group_names(pool)
    larger = int((medians.loc[different] > medians.loc[one]).sum())
    return (
        f"Among ensembles of {pool['size'].iloc[0]} members, those of {different} have the larger median diversity in "
        f"{larger} of {plural(len(columns), 'metric')}."
    )
