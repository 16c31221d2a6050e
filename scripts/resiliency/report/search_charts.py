"""Charts of the search, and of ensembles by where their members come from."""

import altair as alt
import pandas as pd

from resiliency.analysis.origins import FAMILIES, ORIGINS
from resiliency.diversity.settings import MAIN
from resiliency.report.diversity_charts import under_main_rule
from resiliency.report.style import INK, MUTED, SHARE, by_legend, finish, notice, panel_title, shades, spread
from resiliency.report.words import KINDS, kind_of, label, plural

WAYS = ["sub-network of the search", "trained independently"]
PALE = "#b5bcc4"
STATES = ["evaluated", "on the front", "chosen"]


def search_front(evaluations: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """All evaluations, their front and the chosen sub-networks; beside them members of the study, over MACs."""
    title = "Sub-networks of the search, and independently trained designs"
    if evaluations.empty:
        return notice(title, "no search in this study")
    points = members[members["origin"].isin(["search", "independent"])].assign(
        way=lambda rows: rows["origin"].map({"search": WAYS[0], "independent": WAYS[1]}),
        corrupted_accuracy=lambda rows: 1 - rows["mean_corruption_error"],
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


def origins(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Accuracies and a diversity of each kind of ensembles by origin: a row at equal size, a row at equal MACs."""
    title = "Where should the members of an ensemble come from?"
    rows = under_main_rule(table)
    bands = [band for equal in ("size", "macs") if (band := _band(rows[rows["equal"] == equal], equal, colours))]
    if not bands:
        return notice(title, "no size has ensembles of more than one origin")
    subtitle = [
        f"Means over ensembles, combined by {label(rows['rule'].iloc[0])}; line: the middle half of the ensembles; "
        "further right: more accurate, or more diverse",
        "Only sizes and costs of which there are ensembles of several origins",
    ]
    chart = alt.vconcat(*bands, spacing=18).resolve_scale(color="independent", yOffset="independent")
    return finish(chart, title, subtitle)


def _evaluations(evaluations: pd.DataFrame, colours: list[str]) -> alt.LayerChart:
    """Validation error over MACs; a line along the front, names beside those that were chosen."""
    named = evaluations["member"].notna()
    state = pd.Series(STATES[0], evaluations.index).mask(evaluations["front"].astype(bool), STATES[1])
    data = evaluations.assign(state=state.mask(named, STATES[2])).dropna(subset=["validation_error", "macs"])
    data = data.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")  # chosen ones on top
    x = _macs(data)
    y = alt.Y("validation_error:Q", title="Validation error").axis(format=SHARE).scale(padding=8, nice=False)
    hue = alt.Color("state:N", title=None, sort=STATES).scale(domain=STATES, range=[PALE, *(colours * 2)[:2]])
    hue = hue.legend(orient="bottom", direction="horizontal", columns=2)
    tooltip = [
        "layers",
        "channels",
        "kernels",
        alt.Tooltip("macs", format=","),
        alt.Tooltip("validation_error", format=".1%"),
        "state",
    ]
    chosen, opacity = by_legend("state")
    points = alt.Chart(data).mark_point(filled=True, size=60).add_params(chosen)
    points = points.encode(x=x, y=y, color=hue, tooltip=tooltip, opacity=opacity)
    front = data[data["front"].astype(bool)]
    line = alt.Chart(front).mark_line(interpolate="step-after", color=MUTED, strokeWidth=1).encode(x=x, y=y)
    names = alt.Chart(data[data["state"] == STATES[2]]).mark_text(align="left", dx=7, dy=-7, color=INK, fontSize=11)
    chart = line + points + names.encode(x=x, y=y, text="member:N")
    return chart.properties(width=270, height=270, title=panel_title("Validation images"))


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
    tooltip = ["member", "family", alt.Tooltip("macs", format=","), alt.Tooltip(column, format=".1%")]
    points = points.encode(x=_macs(members), y=y, color=hue, shape=shape, tooltip=tooltip, opacity=opacity)
    return points.properties(width=230, height=270, title=panel_title(f"Test images, {images}"))


def _macs(rows: pd.DataFrame) -> alt.X:
    reach = [0.85 * rows["macs"].min(), 1.2 * rows["macs"].max()] if len(rows) else [1, 10]
    x = alt.X("macs:Q", title="MACs").axis(format="~s", tickCount=4, labelOverlap=True)
    return x.scale(type="log", domain=reach, nice=False)


def _band(rows: pd.DataFrame, equal: str, colours: list[str]) -> alt.HConcatChart | None:
    """The panels at equal size or at equal MACs, of classes with several origins; None where there are none."""
    several = rows.groupby("least")["origin"].nunique() > 1
    rows = rows[rows["least"].isin(several.index[several])]
    if rows.empty:
        return None
    classes = sorted(rows["least"].unique().tolist())
    names = {least: f"{least:,}" if equal == "size" else f"from {least / 1e6:.3g} M" for least in classes}
    rows = rows.assign(**{equal: rows["least"].map(names)})
    hue = alt.Color(f"{equal}:N", title="Members" if equal == "size" else "MACs in all", sort=list(names.values()))
    hue = hue.scale(domain=list(names.values()), range=shades(colours[0], len(classes)))
    hue = hue.legend(orient="bottom", direction="horizontal")
    panels = [
        _dots(rows[rows["measure"] == measure], title, hue, equal, index)
        for index, (measure, title) in enumerate(_measures(rows))
    ]
    head = "At equal size" if equal == "size" else "At equal cost: MACs within a factor of two"
    return alt.hconcat(*panels, spacing=22).properties(title=panel_title(head, frame="bounds"))


def _measures(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Measures and their names: both accuracies, and of each kind of diversity the last main metric measured."""
    titles = {"clean_accuracy": "Clean accuracy", "corrupted_accuracy": "Corrupted accuracy"}
    measured = set(rows["measure"])
    for kind in KINDS:
        columns = [(m, f"{m}_{images}") for images in ("clean", "corrupted") for m in MAIN if kind_of(m) == kind]
        last = [(metric, column) for metric, column in columns if column in measured][-1:]
        titles |= {column: label(metric) for metric, column in last}
    return [(measure, title) for measure, title in titles.items() if measure in measured]


def _dots(rows: pd.DataFrame, title: str, hue: alt.Color, equal: str, index: int) -> alt.LayerChart:
    """Means of one measure by origin, an offset a class."""
    axis = alt.Axis(labels=not index, ticks=False, minExtent=150 if not index else 0)
    y = alt.Y("origin:N", title=None, sort=[*ORIGINS, *FAMILIES], axis=axis)
    y = y.scale(domain=[name for name in (*ORIGINS, *FAMILIES) if name in set(rows["origin"])])
    offset = alt.YOffset("least:O")
    form = SHARE if title.endswith("accuracy") else "~g"
    x = alt.X("mean:Q", title=None).axis(format=form, tickCount=3, labelOverlap=True)
    chosen, opacity = by_legend(equal)
    base = alt.Chart(rows).encode(y=y, yOffset=offset, color=hue, opacity=opacity)
    line = base.mark_rule(strokeWidth=2).encode(x="lower_quartile:Q", x2="upper_quartile")
    line = line if index else line.add_params(chosen)
    columns = ("mean", "low", "high", "lower_quartile", "upper_quartile")
    tooltip = ["origin", equal, "ensembles", *(alt.Tooltip(column, format=".4f") for column in columns)]
    points = base.mark_point(filled=True, size=55)
    points = points.encode(x=x.scale(zero=False, nice=False, padding=10), tooltip=tooltip)
    lines = list(title.partition(", ")[::2]) if ", " in title else title.rsplit(" ", 1)
    height = alt.Step(38, **{"for": "position"})
    return (line + points).properties(width=118, height=height, title=panel_title(lines))
