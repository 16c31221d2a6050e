"""The confusion matrix of the recommended model, on clean and on corrupted images."""

import altair as alt
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.rows import of_first_role
from resiliency.report.style import INK, MUTED, finish, notice, panel_title, tooltips
from resiliency.report.words import label, percent

CAPTION = (
    "Shares are of the images of a class. Images are those of the evaluation half; corrupted images are counted under "
    "all conditions together."
)
TITLE = "What the recommended model confuses"
MOST_CLASSES, NUMBERED = 30, 15
MOST_BARS = 15
SIDE = 330  # px of a panel


def draw(confusions: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A cell per class and predicted class, or, of many classes, a bar for each of the most frequent confusions."""
    rows = of_first_role(confusions.dropna(subset=["share"]))
    if rows.empty:
        return notice(TITLE, "nothing is recommended in this study")
    rows = rows.assign(wrong=rows["class"] != rows["predicted"])
    classes = list(dict.fromkeys([*rows["class"], *rows["predicted"]]))
    few = len(classes) <= MOST_CLASSES
    panels = [
        (_heat(part, classes, rows) if few else _bars(part, colours)).properties(title=panel_title(label(name)))
        for name in (CLEAN, CORRUPTED)
        if len(part := rows[rows["images"] == name])
    ]
    subtitle = [
        f"{rows['members'].iloc[0].replace('+', ' + ')}: "
        + (
            "share of the images of each class (row) by predicted class (column), in %"
            if few
            else f"the {MOST_BARS} most frequent confusions of {len(classes):,} classes"
        )
    ]
    return finish(alt.hconcat(*panels, spacing=30), TITLE, subtitle)


def _heat(rows: pd.DataFrame, classes: list[str], everything: pd.DataFrame) -> alt.LayerChart:
    """Wrong answers are coloured, on one scale for all panels; right ones are not."""
    size = SIDE / len(classes)
    most = 100 * everything.loc[everything["wrong"], "share"].max() if everything["wrong"].any() else 1
    cells = rows.assign(percent=100 * rows["share"])
    axis = {"ticks": False, "domain": False, "labelOverlap": True}
    base = alt.Chart(cells).encode(
        x=alt.X("predicted:N", title="predicted class", axis=alt.Axis(labelAngle=-45, **axis)).scale(domain=classes),
        y=alt.Y("class:N", title="class", axis=alt.Axis(**axis)).scale(domain=classes),
    )
    legend = alt.Legend(title="Confused (%)", gradientLength=160)
    colour = alt.Color("percent:Q", legend=legend).scale(scheme="oranges", domain=[0, most])
    tooltip = tooltips("class", "predicted", "answers", share=".1%")
    boxes = base.transform_filter("datum.wrong").mark_rect().encode(color=colour, tooltip=tooltip)
    right = base.transform_filter("!datum.wrong").mark_rect(color="white").encode(tooltip=tooltip)
    chart = right + boxes
    if len(classes) <= NUMBERED:
        ink = alt.when("!datum.wrong").then(alt.value(MUTED))
        ink = ink.when(alt.datum["percent"] > 0.62 * most).then(alt.value("white")).otherwise(alt.value(INK))
        shown = base.transform_filter("datum.percent >= 0.5").mark_text(fontSize=10, aria=False)
        chart += shown.encode(text=alt.Text("percent:Q", format=".0f"), color=ink)
    return chart.properties(width=alt.Step(size), height=alt.Step(size))


def _bars(rows: pd.DataFrame, colours: list[str]) -> alt.Chart:
    wrong = rows[rows["wrong"]].sort_values("answers", ascending=False, kind="stable").head(MOST_BARS)
    named = wrong.assign(pair=wrong["class"] + " → " + wrong["predicted"])
    return (
        alt.Chart(named)
        .mark_bar(color=colours[0])
        .encode(
            x=alt.X("share:Q", title="Share of the images of the class").axis(format="%"),
            y=alt.Y("pair:N", title=None, sort=None),
            tooltip=tooltips("class", "predicted", "answers", share=".1%"),
        )
        .properties(width=SIDE, height=alt.Step(19))
    )


def finding(confusions: pd.DataFrame) -> str:
    """The most frequent confusion on corrupted images, and how often the best member makes it."""
    rows = confusions[confusions["images"] == CORRUPTED].dropna(subset=["share"])
    own = of_first_role(rows)
    wrong = own[own["class"] != own["predicted"]]
    if wrong.empty:
        return ""
    top = wrong.loc[wrong["share"].idxmax()]
    text = (
        f"On corrupted images, the recommended model most often mistakes {top['class']} for {top['predicted']}: "
        f"{percent(top['share'])} of the answers to images of {top['class']}"
    )
    others = rows[rows["members"] != top["members"]]
    same = others[(others["class"] == top["class"]) & (others["predicted"] == top["predicted"])]
    compared = f" (best member: {percent(same['share'].sum())})" if len(others) else ""
    return f"{text}{compared}."
