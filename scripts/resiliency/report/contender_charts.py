"""Charts of the best ensemble beside the best member and the baseline."""

import altair as alt
import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.style import MUTED, SHARE, by_legend, finish, notice, panel_title
from resiliency.report.words import label, percent, plural

SHAPES = ["circle", "triangle-up", "diamond"]
UNDER = "Best ensemble, best member and baseline under each corruption"
TRUSTED = "Are the probabilities of the best ensemble right?"
BAND, SIDE = 30, 290
FEWEST = 10  # predictions in a bin that is drawn


def under_corruptions(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error of each role under each corruption, with intervals; the corruption that is hardest for the first on top."""
    if table.empty:
        return notice(UNDER, "no members that were trained on their own, and no ensembles, in this study")
    first = table[table["role"] == table["role"].iloc[0]]
    order = [label(name) for name in first.sort_values("error", ascending=False, kind="stable")["corruption"]]
    rows = table.assign(name=table["corruption"].map(label), who=_named(table))
    hue, shape, chosen, opacity = _roles(rows, colours)
    y = alt.Y("name:N", title=None, sort=order).axis(ticks=False, grid=True, tickBand="extent")
    base = alt.Chart(rows).encode(y=y, yOffset=alt.YOffset("role:N", sort=list(ROLES)), color=hue, opacity=opacity)
    x = alt.X("error:Q", title="Top-1 error, mean over severities").axis(format=SHARE)
    bars = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high")
    tooltip = [alt.Tooltip("who", title="who"), alt.Tooltip("name", title="corruption")]
    tooltip += [alt.Tooltip("error", title="error", format=".1%")]
    tooltip += [
        alt.Tooltip(end, title=f"interval, {side} end", format=".1%")
        for end, side in (("low", "lower"), ("high", "upper"))
    ]
    tooltip.append(alt.Tooltip("difference", title="best less this one", format="+.1%"))
    points = base.mark_point(filled=True, size=65).encode(x=x, shape=shape, tooltip=tooltip)
    subtitle = [
        f"{plural(int(table['images'].iloc[0]), 'test image')} on which nothing was chosen; bars: "
        f"{percent(table['confidence'].iloc[0], 0)} intervals over images"
    ]
    chart = (bars.add_params(chosen) + points).properties(width=640, height=alt.Step(BAND, **{"for": "position"}))
    return finish(chart, UNDER, subtitle)


def under_corruptions_finding(table: pd.DataFrame) -> str:
    """Under how many corruptions the best ensemble makes fewer errors than the others, and significantly so."""
    compared = table.dropna(subset=["difference"])
    clauses, seen = [], set(table["members"].iloc[:1])
    for role, rows in compared.groupby("role", sort=False):
        members = rows["members"].iloc[0]
        if members in seen:
            continue
        seen.add(members)
        also = role != "baseline" and (compared.loc[compared["role"] == "baseline", "members"] == members).any()
        clauses.append(f"against the {role}{', which is the baseline' if also else ''} ({members}), it {_counts(rows)}")
    if not clauses:
        return ""
    first = table.iloc[0]
    return f"The {first['role']} ({first['members'].replace('+', ' + ')}): {'; '.join(clauses)}."


def _counts(rows: pd.DataFrame) -> str:
    """Such as "makes fewer errors under 8 of 15 corruptions, significantly fewer under 4"."""
    fewer, more = (rows["difference_high"] < 0).sum(), (rows["difference_low"] > 0).sum()
    worse = f" and significantly more under {more}" if more else ""
    return (
        f"makes fewer errors under {(rows['difference'] < 0).sum()} of {plural(len(rows), 'corruption')}, "
        f"significantly fewer under {fewer or 'none'}{worse}"
    )


def contender_calibration(bins: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Reliability diagrams of the best ensemble, the best member and the baseline: a panel for each set of images."""
    if bins.empty:
        return notice(TRUSTED, "neither the best ensemble nor the best member has probabilities")
    rows = bins.assign(who=_named(bins))
    hue, shape, chosen, opacity = _roles(rows, colours)
    names = [name for name in (CLEAN, CORRUPTED) if (rows["images"] == name).any()]
    panels = []
    for name in names:
        of_images = rows[rows["images"] == name]
        axis = alt.Axis(format=SHARE, values=[0, 0.25, 0.5, 0.75, 1])
        x = alt.X("confidence:Q", title="Confidence", axis=axis).scale(domain=[0, 1])
        y = alt.Y("accuracy:Q", title="Accuracy", axis=axis).scale(domain=[0, 1])
        tooltip = [alt.Tooltip("who", title="who"), alt.Tooltip("predictions", title="predictions", format=",")]
        tooltip += [alt.Tooltip(column, title=column, format=".1%") for column in ("confidence", "accuracy")]
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
        f"15 bins of confidence, those with {FEWEST} predictions or more; images on which nothing was chosen",
    ]
    return finish(alt.hconcat(*panels, spacing=28), TRUSTED, subtitle)


def contender_calibration_finding(bins: pd.DataFrame) -> str:
    """The expected calibration error of each role on each set of images."""
    clauses = []
    for name, of_images in bins.groupby("images", sort=False):
        gaps = [f"{percent(_gap(rows))} for the {role}" for role, rows in of_images.groupby("role", sort=False)]
        clauses.append(f"on {name} images {', '.join(gaps)}")
    return f"Expected calibration error, before any temperature scaling: {'; '.join(clauses)}." if clauses else ""


def _gap(rows: pd.DataFrame) -> float:
    return (rows["accuracy"] - rows["confidence"]).abs() @ rows["predictions"] / rows["predictions"].sum()


def _named(table: pd.DataFrame) -> pd.Series:
    """Such as "best member (vit-s0)", or "best ensemble (4 members)"."""
    description = table["members"].mask(table["size"] > 1, table["size"].astype(str) + " members")
    return table["role"] + " (" + description.astype(str) + ")"


def _roles(rows: pd.DataFrame, colours: list[str]) -> tuple[alt.Color, alt.Shape, alt.Parameter, alt.Opacity]:
    """The colour and the shape of each role, and the choice of roles by a click in the legend."""
    names = rows.drop_duplicates("role").set_index("role")["who"]
    places = [ROLES.index(role) for role in names.index]
    legend = alt.Legend(title=None, orient="top", direction="horizontal", labelLimit=320)
    hue = alt.Color("who:N", legend=legend).scale(
        domain=names.tolist(), range=[colours[(0, 5, 7)[place] % len(colours)] for place in places]
    )
    shape = alt.Shape("who:N", legend=legend).scale(domain=names.tolist(), range=[SHAPES[place] for place in places])
    return hue, shape, *by_legend("who")
