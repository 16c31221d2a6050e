"""The chart of how well calibrated the recommended model and what it has to beat are."""

import altair as alt
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.rows import role_names, roles
from resiliency.report.style import MUTED, SHARE, finish, notice, panel_title, tooltips
from resiliency.report.words import percent

CAPTION = "Points below the diagonal show overconfidence."
TITLE = "How well calibrated is the recommended model?"
SIDE = 290
FEWEST = 10  # predictions in a bin that is drawn


def draw(bins: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Reliability diagrams of all roles: a panel for each set of images."""
    if bins.empty:
        return notice(TITLE, "no model to deploy has probabilities")
    rows = bins.assign(who=role_names(bins))
    hue, shape, chosen, opacity = roles(rows, colours)
    names = [name for name in (CLEAN, CORRUPTED) if (rows["images"] == name).any()]
    panels = []
    for name in names:
        of_images = rows[rows["images"] == name]
        axis = alt.Axis(format=SHARE, values=[0, 0.25, 0.5, 0.75, 1])
        x = alt.X("mean_confidence:Q", title="Confidence", axis=axis).scale(domain=[0, 1])
        y = alt.Y("accuracy:Q", title="Accuracy", axis=axis).scale(domain=[0, 1])
        tooltip = tooltips("who", predictions=",", mean_confidence=".1%", accuracy=".1%")
        drawn = of_images[of_images["predictions"] >= FEWEST]
        base = alt.Chart(drawn).encode(x=x, y=y, color=hue, opacity=opacity)
        line, points = base.mark_line(strokeWidth=1.5), base.mark_point(filled=True, size=60)
        ends = alt.Chart(pd.DataFrame({"end": [0, 1]})).mark_line(color=MUTED, strokeDash=[4, 3], strokeWidth=1)
        chart = ends.encode(x=alt.X("end:Q", axis=axis), y=alt.Y("end:Q", axis=axis))
        chart += line.add_params(chosen) if name == names[0] else line
        chart += points.encode(shape=shape, tooltip=tooltip)
        panels.append(chart.properties(width=SIDE, height=SIDE, title=panel_title(f"{name.capitalize()} images")))
    subtitle = [
        "On the diagonal, confidence equals accuracy; below it, answers are overconfident",
        f"15 bins of confidence, those with {FEWEST} predictions or more; images of the evaluation half",
    ]
    return finish(alt.hconcat(*panels, spacing=28), TITLE, subtitle)


def finding(bins: pd.DataFrame) -> str:
    """The expected calibration error of each role on each set of images."""
    clauses = []
    for name, of_images in bins.groupby("images", sort=False):
        gaps = [f"{percent(_gap(rows))} for the {role}" for role, rows in of_images.groupby("role", sort=False)]
        clauses.append(
            f"On {name} images, the expected calibration error before temperature scaling is {', '.join(gaps)}."
        )
    return " ".join(clauses)


def _gap(rows: pd.DataFrame) -> float:
    return (rows["accuracy"] - rows["mean_confidence"]).abs() @ rows["predictions"] / rows["predictions"].sum()
