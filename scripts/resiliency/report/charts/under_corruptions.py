"""The chart of the recommended model beside what it has to beat under each corruption."""

import altair as alt
import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.base.names import HELD_OUT_IMAGES
from resiliency.report.rows import compared_with, held_out_corruptions, of_first_role, role_names, roles, under_single
from resiliency.report.style import SHARE, finish, notice, tooltips
from resiliency.report.words import label, percent, plural, with_interval

CAPTION = (
    "Selected on half of the test images, evaluated on the other half. A difference is significant if its interval, "
    "widened for the number of corruptions, excludes 0."
)
TITLE = "Recommended model, best ensemble, best member and baseline"
BAND = 20


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error of each role under each corruption, with intervals; the corruption that is hardest for the first on top."""
    table = under_single(table, with_held_out=True)
    if table.empty:
        return notice(TITLE, "no members that were trained on their own, and no ensembles, in this study")
    first = of_first_role(table)
    held_out = held_out_corruptions(table)
    names = {name: label(name) + " (held out)" * (name in held_out) for name in table["corruption"].unique()}
    order = [names[name] for name in first.sort_values("error", ascending=False, kind="stable")["corruption"]]
    rows = table.assign(name=table["corruption"].map(names), who=role_names(table))
    hue, shape, chosen, opacity = roles(rows, colours)
    y = alt.Y("name:N", title=None, sort=order).axis(ticks=False, grid=True, tickBand="extent", labelPadding=8)
    base = alt.Chart(rows).encode(y=y, yOffset=alt.YOffset("role:N", sort=list(ROLES)), color=hue, opacity=opacity)
    x = alt.X("error:Q", title="Top-1 error, mean over severities").axis(format=SHARE)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high"))
    tooltip = tooltips("who", alt.Tooltip("name", title="corruption"), error=".1%", low=".1%", high=".1%")
    tooltip.append(alt.Tooltip("difference", title="recommended model minus this one", format="+.1%"))
    points = base.mark_point(filled=True, size=65).encode(x=x, shape=shape, tooltip=tooltip)
    subtitle = [
        f"{plural(int(table['images'].iloc[0]), 'test image')} of the evaluation half; bars: "
        f"{percent(table['confidence'].iloc[0], 0)} intervals over images"
    ]
    chart = (bars.add_params(chosen) + points).properties(width=800, height=alt.Step(BAND, **{"for": "position"}))
    return finish(chart, TITLE, subtitle)


def finding(table: pd.DataFrame) -> str:
    """Where the first role errs most, and under how many corruptions it makes fewer errors than the others."""
    compared = under_single(table).dropna(subset=["difference"])
    clauses, seen = [], set(table["members"].iloc[:1])
    who = f"The {table['role'].iloc[0]} ({table['members'].iloc[0].replace('+', ' + ')})" if len(table) else ""
    for role, rows in compared.groupby("role", sort=False):
        members = rows["members"].iloc[0]
        if members in seen:
            continue
        seen.add(members)
        also = role != "baseline" and (compared.loc[compared["role"] == "baseline", "members"] == members).any()
        other = f"{role}{', which is the baseline' if also else ''} ({members})"
        clauses.append(f"{'It' if clauses else who} {_counts(rows)}, compared with the {other}.")
    return " ".join([_hardest(table), *clauses, *_held_out(table)]).strip()


def _hardest(table: pd.DataFrame) -> str:
    """Such as "The recommended model's error is highest under fog: 12.0% [8.1, 16.2]"; empty if nothing is known."""
    rows = of_first_role(table)
    rows = under_single(rows).dropna(subset=["error"])
    if rows.empty:
        return ""
    row = rows.loc[rows["error"].idxmax()]
    error = with_interval(row["error"], row["low"], row["high"])
    return f"The {row['role']}'s error is highest under {label(row['corruption'])}: {error}."


def _held_out(table: pd.DataFrame) -> list[str]:
    """The error of each role under the corruptions by which nothing was selected; empty without such."""
    rows = table[table["corruption"] == HELD_OUT_IMAGES].dropna(subset=["error"])
    if rows.empty:
        return []
    first, count = rows.iloc[0], plural(len(held_out_corruptions(table)), "corruption")
    error = with_interval(first["error"], first["low"], first["high"])
    sentences = [f"Under {count} that took no part in the selection, the {first['role']}'s error is {error}."]
    for row in rows[rows["members"] != first["members"]].dropna(subset=["difference"]).to_dict("records"):
        other = f"that of the {row['role']}"
        sentences.append(f"It is {compared_with(row, other)}.")
    return sentences


def _counts(rows: pd.DataFrame) -> str:
    """Such as "makes fewer errors under 8 of 15 corruptions, significantly fewer under 4"."""
    fewer, more = (rows["difference_high"] < 0).sum(), (rows["difference_low"] > 0).sum()
    worse = f" and significantly more under {more}" if more else ""
    return (
        f"makes fewer errors under {(rows['difference'] < 0).sum()} of {plural(len(rows), 'corruption')}, "
        f"significantly fewer under {fewer or 'none'}{worse}"
    )
