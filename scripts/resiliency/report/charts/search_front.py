"""The chart of the architecture search."""

import altair as alt
import pandas as pd

from resiliency.report.style import INK, MUTED, SHARE, by_legend, finish, notice, panel_title, spread, tooltips
from resiliency.report.words import percent, plural, quantity

CAPTION = (
    "Sub-networks share the weights of one super-network. No sub-network has fewer validation errors at a lower cost "
    "than those on the front. On test images they can be compared with independently trained designs."
)
WAYS = ["sub-network of the search", "trained independently"]
PALE = "#b5bcc4"
STATES = ["evaluated", "on the front", "chosen"]


def draw(evaluations: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """All evaluations, their front and the chosen sub-networks; beside them members of the study, over MACs."""
    title = "Sub-networks of the search, and independently trained designs"
    if evaluations.empty:
        return notice(title, "no search in this study")
    points = members[members["origin"].isin(["search", "independent"])].assign(
        way=lambda rows: rows["origin"].map({"search": WAYS[0], "independent": WAYS[1]}),
        corrupted_accuracy=lambda rows: 1 - rows["corrupted_error"],
    )
    panels = [_evaluations(evaluations, colours)]
    for column, name in (("clean_accuracy", "clean"), ("corrupted_accuracy", "corrupted")):
        panels.append(_members(points.dropna(subset=[column]), column, name, colours))
    subtitle = [
        f"{plural(len(evaluations), 'sub-network')} evaluated, {int(evaluations['front'].sum()):,} on the front, "
        f"{int(evaluations['member'].notna().sum()):,} chosen",
        "The front: no other has a lower error at as few MACs (multiply-accumulate operations for an image; log scale)",
    ]
    chart = alt.hconcat(*panels, spacing=22).resolve_scale(color="independent", shape="independent")
    return finish(chart, title, subtitle)


def _evaluations(evaluations: pd.DataFrame, colours: list[str]) -> alt.LayerChart:
    """Validation error over MACs; a line along the front, names beside those that were chosen."""
    named = evaluations["member"].notna()
    state = pd.Series(STATES[0], evaluations.index).mask(evaluations["front"].astype(bool), STATES[1])
    data = evaluations.assign(state=state.mask(named, STATES[2])).dropna(subset=["validation_error", "macs"])
    data = data.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")  # chosen ones on top
    x = _macs(data)
    y = alt.Y("validation_error:Q", title="Validation error").axis(format=SHARE)
    y = y.scale(zero=False, padding=12, nice=False)
    hue = alt.Color("state:N", title=None, sort=STATES).scale(domain=STATES, range=[PALE, *(colours * 2)[:2]])
    hue = hue.legend(orient="bottom", direction="horizontal", columns=2)
    tooltip = tooltips("state", "layers", "channels", "kernels", macs=",", validation_error=".1%")
    chosen, opacity = by_legend("state")
    points = alt.Chart(data).mark_point(filled=True, size=60).add_params(chosen)
    points = points.encode(x=x, y=y, color=hue, tooltip=tooltip, opacity=opacity)
    front = data[data["front"].astype(bool)]
    line = alt.Chart(front).mark_line(interpolate="step-after", color=MUTED, strokeWidth=1).encode(x=x, y=y)
    names = alt.Chart(data[data["state"] == STATES[2]]).mark_text(align="left", dx=7, dy=-7, color=INK, fontSize=11)
    chart = line + points + names.encode(x=x, y=y, text=alt.Text("member:N"))
    return chart.properties(width=270, height=200, title=panel_title("Validation images"))


def _members(members: pd.DataFrame, column: str, images: str, colours: list[str]) -> alt.Chart:
    """Accuracy of single members over MACs; the panel of clean images has the legend."""
    y = alt.Y(f"{column}:Q", title="Accuracy").axis(format=SHARE).scale(zero=False, padding=12, nice=False)
    first = images == "clean"
    legend = alt.Legend(orient="bottom", direction="vertical", title=None) if first else None
    hue = alt.Color("way:N", scale=spread(WAYS, [(colours * 2)[1], (colours * 4)[3]]), legend=legend)
    shape = alt.Shape("way:N", legend=legend).scale(domain=WAYS, range=["circle", "triangle-up"])
    chosen, opacity = by_legend("way")
    points = alt.Chart(members).mark_point(filled=True, size=70)
    points = points.add_params(chosen) if first else points
    tooltip = tooltips("member", "family", **{"macs": ",", column: ".1%"})
    points = points.encode(x=_macs(members), y=y, color=hue, shape=shape, tooltip=tooltip, opacity=opacity)
    return points.properties(width=230, height=200, title=panel_title(f"Test images, {images}"))


def _macs(rows: pd.DataFrame) -> alt.X:
    reach = [0.85 * rows["macs"].min(), 1.2 * rows["macs"].max()] if len(rows) else [1, 10]
    x = alt.X("macs:Q", title="MACs").axis(format="~s", tickCount=4, labelOverlap=True)
    return x.scale(type="log", domain=reach, nice=False)


def finding(evaluations: pd.DataFrame, members: pd.DataFrame) -> str:
    """Cost and accuracy of the chosen sub-networks beside those of independent members."""
    clauses = []
    for origin, name in (("search", "Selected sub-networks"), ("independent", "Independently trained members")):
        rows = members[members["origin"] == origin].dropna(subset=["clean_accuracy", "corrupted_error"])
        if len(rows) and len(evaluations):
            right = percent(1 - rows["corrupted_error"].mean())
            cost = f"{quantity(rows['macs'].median())} MACs (median)"
            clauses.append(
                f"{name} need {cost} and classify {percent(rows['clean_accuracy'].mean())} of clean and "
                f"{right} of corrupted test images correctly."
            )
    return " ".join(clauses)
