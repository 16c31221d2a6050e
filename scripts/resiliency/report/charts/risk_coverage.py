"""The chart of what abstaining brings: error over the share of images that are answered."""

from itertools import cycle

import altair as alt
import pandas as pd

from resiliency.report.overview import contenders
from resiliency.report.style import DASHES, SHARE, by_legend, finish, notice, panel_title, tooltips
from resiliency.report.words import label, percent

CAPTION = (
    "The further a line falls towards the left, the better its confidence score identifies wrong predictions. "
    "Lines may cross: compare them at the coverage that you need."
)
REFERENCE = "max_probability"
LEAST = 0.5  # coverage below which nobody would deploy
LOWEST = 1e-3  # errors of less are drawn here: 0 has no logarithm
COLUMNS = 3
TICKS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]


def draw(deployment: pd.DataFrame, curves: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Risk over coverage, a panel for each set of images: the recommended model by each score, and others."""
    title = "Error against coverage"
    lines = _lines(deployment, curves)
    if lines.empty:
        return notice(title, "no ensemble or member whose answers differ in confidence")
    names = list(dict.fromkeys(lines["images"]))
    encodings = _encodings(lines, colours)
    panels = [_panel(lines[lines["images"] == name], name, name == names[0], *encodings) for name in names]
    subtitle = [
        "Images are answered in order of confidence; at the right end all are answered",
        "Images of the evaluation half; corrupted: all corruptions and severities together",
        f"Errors below {percent(LOWEST)} are drawn at the lower end",
    ]
    return finish(alt.concat(*panels, columns=COLUMNS, spacing=24), title, subtitle)


def finding(deployment: pd.DataFrame, curves: pd.DataFrame) -> str:
    """The error of the recommended model on corrupted images at full coverage and at 90 and 80 %."""
    lines = _lines(deployment, curves)
    rows = lines[lines["images"] == "corrupted"] if len(lines) else lines
    if rows.empty:
        return ""
    risks = rows[rows["who"] == rows["who"].iloc[0]].set_index("coverage")["risk"]
    if not {0.8, 0.9, 1.0} <= set(risks.index):
        return ""
    who, _, score = rows["who"].iloc[0].partition(", ")
    return (
        f"On corrupted images, the error of the {who} is {percent(risks[1.0])} overall, {percent(risks[0.9])} at 90% "
        f"coverage and {percent(risks[0.8])} at 80% coverage (confidence: {score})."
    )


def _lines(deployment: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Columns images, coverage, risk and who: the first contender under each score, the others under the first."""
    parts = []
    for row in contenders(deployment):
        of = curves[(curves["members"] == row["members"]) & (curves["coverage"] >= LEAST)].dropna(subset=["risk"])
        if parts:
            of = of[of["score"] == REFERENCE]
        parts.append(of.assign(who=[f"{row['role'].lower()}, {label_of(score)}" for score in of["score"]]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def label_of(score: str) -> str:
    """What to call a score of confidence."""
    return score.replace("_", " ").replace("max ", "maximum ")


def _encodings(lines: pd.DataFrame, colours: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """A colour and a dash for each line. They meet at full coverage; the legend has the one with most errors first."""
    names = list(dict.fromkeys(lines["who"]))
    last = lines[lines["images"] == lines["images"].iloc[-1]]
    order = last.groupby("who")["risk"].mean().reindex(names).sort_values(ascending=False, kind="stable").index.tolist()
    legend = alt.Legend(title=None, orient="bottom", direction="vertical", labelLimit=320, symbolType="stroke")
    legend.symbolSize, legend.symbolStrokeWidth = 500, 2
    hues, dashes = dict(zip(names, cycle(colours), strict=False)), dict(zip(names, cycle(DASHES), strict=False))
    return (
        alt.Color("who:N", legend=legend).scale(domain=order, range=[hues[name] for name in order]),
        alt.StrokeDash("who:N", legend=legend).scale(domain=order, range=[dashes[name] for name in order]),
    )


def _panel(lines: pd.DataFrame, name: str, first: bool, hue: alt.Color, dash: alt.StrokeDash) -> alt.Chart:
    x = alt.X("coverage:Q", title="Images answered").scale(domain=[LEAST, 1]).axis(format=SHARE, tickCount=5)
    y = alt.Y("drawn:Q", title="Error of the answers (log scale)" if first else None)
    y = y.axis(format=SHARE, values=TICKS).scale(type="log", domainMin=LOWEST, nice=False)
    chosen, opacity = by_legend("who")
    tooltip = tooltips("who", coverage=".0%", risk=".2%")
    chart = (
        alt.Chart(lines.assign(drawn=lines["risk"].clip(lower=LOWEST)))
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=hue, strokeDash=dash, opacity=opacity, tooltip=tooltip)
    )
    chart = chart.add_params(chosen) if first else chart
    return chart.properties(width=300, height=240, title=panel_title(label(name)))
