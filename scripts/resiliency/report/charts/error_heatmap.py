"""The heat map of the error of each member under each corruption."""

import altair as alt
import pandas as pd

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT
from resiliency.base.names import CLEAN
from resiliency.report.rows import images_of_data_set, of_designs, without_held_out
from resiliency.report.style import INK, finish, notice, panel_title, tooltips
from resiliency.report.words import label, percent, plural

CAPTION = "Dark cells are large errors."
MOST_MEMBERS = 30  # with more, a row for each design, and for each weight of each joint objective
MOST_ROWS = 60  # the most robust
CELL, LETTER = 34, 8  # px, of a column and of a letter of a title
ROW = 19


def draw(members: pd.DataFrame, errors: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error of each member or design under each corruption, mean over severities, and on each further test set.

    The most robust come first.
    """
    rows = errors[errors["member"].isin(members["member"])].dropna(subset=["error"])
    thing = "member"
    if len(members) > MOST_MEMBERS:
        thing, groups = "design", _groups(members)
        rows = rows.assign(member=rows["member"].map(groups))
    title = f"Top-1 error of each {thing} under each corruption"
    if rows.empty:
        return notice(title, "no errors in this study")
    further = [name for name in rows["test_set"].unique() if name != CLEAN]
    named = rows.assign(corruption=rows["corruption"].mask(rows["test_set"].isin(further), rows["test_set"]))
    cells = named.groupby(["member", "corruption"], sort=False)["error"].mean().reset_index()
    under_corruptions = cells[~cells["corruption"].isin([CLEAN, *further])]
    means = without_held_out(under_corruptions).groupby("member", as_index=False)["error"].mean()
    cells = pd.concat([cells, means.assign(corruption="mean")])
    order = means.sort_values("error", kind="stable")["member"].tolist()
    left_out = len(order[MOST_ROWS:])
    order = order[:MOST_ROWS]
    means_of = f"Mean over severities{' and members' if thing == 'design' else ''}, in %"
    subtitle = [f"{means_of}; most robust {thing} first, by the mean over corruptions", images_of_data_set(rows)]
    if left_out:
        subtitle.append(f"The first {MOST_ROWS} of {left_out + MOST_ROWS:,} {thing}s; the others are in the table")
    panels = error_panels(cells.rename(columns={"member": "row", "corruption": "column"}), order, further)
    return finish(panels, title, subtitle)


def error_panels(cells: pd.DataFrame, order: list[str], further: list[str]) -> alt.HConcatChart:
    """A panel of cells for clean images and the mean, for each category of corruptions, and for further test sets.

    Args:
        cells: row, column (clean, mean, a corruption or a further test set) and error.
        order: the rows that are drawn, from top to bottom.
        further: names of further test sets.
    """
    cells = cells[cells["row"].isin(order)]
    cells = cells.assign(percent=100 * cells["error"], name=cells["column"].map(label))
    groups = {"overall": (CLEAN, "mean")} | CATEGORIES | {"held out": HELD_OUT, "other images": further}
    parts = {name: cells[cells["column"].isin(columns)] for name, columns in groups.items()}
    panels = [
        _heat(part, name, [label(column) for column in groups[name]], order, cells["percent"].max())
        for name, part in parts.items()
        if not part.empty
    ]
    return alt.hconcat(*panels, spacing=8, bounds="flush")


def _groups(members: pd.DataFrame) -> pd.Series:
    """Member -> what its row stands for: its design, or the objective and weight that it was trained jointly under."""
    joint = members["origin"] == "joint"
    weights = members["loss_weight"].map("{:g}".format)
    names = members["design"].mask(joint, members["objective"] + " λ = " + weights)
    return names.mask(members["origin"] == "search", members["member"]).set_axis(members["member"])


def _heat(cells: pd.DataFrame, title: str, columns: list[str], order: list[str], most: float) -> alt.LayerChart:
    """One category of corruptions; all categories share the rows and the colours."""
    rows = alt.Axis(labels=title == "overall", ticks=False, domain=False)
    base = alt.Chart(cells).encode(
        x=alt.X("name:N", title=None, sort=columns).axis(labelAngle=-45, ticks=False, domain=False),
        y=alt.Y("row:N", title=None, axis=rows).scale(domain=order),
    )
    legend = alt.Legend(title="Error (%)", gradientLength=160)
    boxes = base.mark_rect().encode(
        color=alt.Color("percent:Q", legend=legend).scale(scheme="blues", domain=[0, most]),
        tooltip=tooltips(
            alt.Tooltip("row", title="of"), "name", alt.Tooltip("error", title="top-1 error", format=".1%")
        ),
    )
    dark = alt.value("white")
    ink = alt.when(alt.datum["percent"] > 0.62 * most).then(dark).otherwise(alt.value(INK))
    numbers = base.mark_text(fontSize=11, aria=False).encode(text=alt.Text("percent:Q", format=".0f"), color=ink)
    width = max(CELL * cells["name"].nunique(), LETTER * len(title))
    chart = (boxes + numbers).properties(width=width, height=alt.Step(ROW))
    return chart.properties(title=panel_title(title, anchor="middle"), view=alt.ViewConfig(stroke=None))


def finding(members: pd.DataFrame, errors: pd.DataFrame) -> str:
    """The hardest and the easiest corruption, and how often one design is the best."""
    rows = of_designs(members, errors)
    rows = rows[rows["severity"] > 0]
    if rows.empty:
        return ""
    means = rows.groupby("corruption")["error"].mean().sort_values(kind="stable")
    ends = [f"{label(means.index[place])} {{}} (mean error {percent(means.iloc[place])})" for place in (-1, 0)]
    if len(means) == 1:
        return f"{ends[0].format('is the only corruption').capitalize()}."
    text = f"{ends[0].format('is the hardest corruption')}, {ends[1].format('the easiest')}"
    by_design = rows.groupby(["corruption", "design"])["error"].mean().unstack()
    if len(by_design.columns) > 1:
        best = by_design.idxmin(axis=1).value_counts()
        corruptions = plural(len(by_design), "corruption")
        text += f". The lowest error most often belongs to {best.index[0]} ({best.iloc[0]} of {corruptions})"
    return f"{text[0].upper()}{text[1:]}."
