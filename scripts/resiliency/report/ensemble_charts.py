"""Charts of what brings diversity: joint training and different designs."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.report.diversity_charts import heading, main_pool, measured
from resiliency.report.style import INK, SHARE, finish, notice, panel_title
from resiliency.report.words import KINDS, kind_of, label, plural

GROUPS = ["one design", "different designs"]
ACCURACIES = {"ensemble": "{}_accuracy", "its members, mean": "mean_member_{}_accuracy"}


def strength(ensembles: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Accuracies and one diversity of each kind over the strength of the joint loss: points per seed, mean lines."""
    title = "What the strength of the joint loss does"
    joint = ensembles[ensembles["origin"] == "joint"]
    if joint.empty:
        return notice(title, "no jointly trained members in this study")
    rule = joint["rule"].iloc[0]
    joint = joint[joint["rule"] == rule]
    rows = []
    for objective in joint["objective"].unique():
        of_one = joint[joint["objective"] == objective]
        rows += [_accuracies_over_strength(of_one, objective, colours), _diversities_over_strength(of_one, colours)]
    subtitle = [
        f"{plural(joint['ensemble'].nunique(), 'jointly trained ensemble')}, combined by {label(rule)}",
        "A point for each seed, a line through their means",
    ]
    return finish(alt.vconcat(*rows, spacing=16).resolve_scale(color="independent"), title, subtitle)


def architecture_diversity(ensembles: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Distribution of each diversity among ensembles of one design and of different designs, at the same size."""
    title = "Are ensembles of different designs more diverse?"
    pool = main_pool(ensembles)
    pool = pool.assign(group=np.select([pool["designs"] == 1, pool["designs"] == pool["size"]], GROUPS, ""))
    pool = pool[pool["group"] != ""]
    groups = pool.groupby("size")["group"].nunique()
    sizes = groups[groups == len(GROUPS)].index
    if sizes.empty:
        return notice(title, "no size has both ensembles of one design and ensembles of different designs")
    pool = pool[pool["size"] == sizes.min()]
    panels = [_boxes(pool, metric, column, colours) for metric, column in measured(pool).items()]
    if not panels:
        return notice(title, "no diversity was measured in this study")
    one, different = (int((pool["group"] == group).sum()) for group in GROUPS)
    subtitle = [
        f"Ensembles of {sizes.min()} members: {one:,} of one design (other seeds), {different:,} of different designs",
        "Box: middle half; bar in it: median; line: smallest to largest; diamond: mean. Each panel has its own scale",
    ]
    return finish(alt.concat(*panels, columns=2, spacing=18), title, subtitle)


def _accuracies_over_strength(joint: pd.DataFrame, objective: str, colours: list[str]) -> alt.HConcatChart:
    """Accuracy of the ensembles and of their members, on clean and on corrupted images."""
    panels = []
    for condition in ("clean", "corrupted"):
        columns = {name: column.format(condition) for name, column in ACCURACIES.items()}
        data = pd.concat([joint[["strength", "seed"]].assign(of=n, value=joint[c]) for n, c in columns.items()])
        hue = alt.Color("of:N", title="Accuracy of").scale(domain=list(ACCURACIES), range=(colours * 2)[:2])
        panel = _over_strength(data.dropna(), hue, SHARE, f"Accuracy on {condition} images")
        panels.append(panel.properties(width=310, height=190))
    return alt.hconcat(*panels, spacing=24).properties(
        title=panel_title(f"Objective: {label(objective)}", frame="bounds")
    )


def _diversities_over_strength(joint: pd.DataFrame, colours: list[str]) -> alt.HConcatChart:
    """The diversity of one metric of each kind, each on its own scale."""
    shown = {kind_of(metric): (metric, column) for metric, column in reversed(measured(joint).items())}
    panels = []
    for kind in (kind for kind in KINDS if kind in shown):
        metric, column = shown[kind]
        data = joint[["strength", "seed"]].assign(of=label(metric), value=joint[column]).dropna()
        told = f"{kind} diversity, {column.rsplit('_', 1)[1]} images"
        panels.append(_over_strength(data, alt.value(colours[0]), "~g", label(metric), subtitle=told))
    return alt.hconcat(*(panel.properties(width=215, height=150) for panel in panels), spacing=24)


def _over_strength(data: pd.DataFrame, hue, form: str, title: str, **more) -> alt.LayerChart:
    """Points of `value` over strength and a line through their means."""
    ticks = alt.Axis(values=sorted(data["strength"].unique().tolist()), format="~g", labelOverlap=True)
    x = alt.X("strength:Q", title="Strength λ", axis=ticks).scale(padding=12, nice=False)
    y = alt.Y("value:Q", title=None).axis(format=form, tickCount=5).scale(zero=False, padding=12, nice=False)
    means = data.groupby(["of", "strength"], sort=False)["value"].mean().reset_index()
    points = alt.Chart(data).mark_point(filled=True, size=55, opacity=0.75)
    points = points.encode(x=x, y=y, color=hue, tooltip=["of", "strength", "seed", alt.Tooltip("value", format=".4f")])
    return (alt.Chart(means).mark_line().encode(x=x, y=y, color=hue) + points).properties(
        title=panel_title(title, **more)
    )


def _boxes(pool: pd.DataFrame, metric: str, column: str, colours: list[str]) -> alt.LayerChart:
    """The distribution of one metric in the two groups."""
    values = pool[["group"]].assign(value=pool[column]).dropna().groupby("group")["value"]
    summary = values.describe().reset_index().rename(columns={"25%": "lower", "50%": "median", "75%": "upper"})
    x = alt.X("lower:Q", title=None).axis(tickCount=5, format="~g").scale(zero=False, nice=False, padding=10)
    base = alt.Chart(summary).encode(
        y=alt.Y("group:N", title=None, sort=GROUPS).axis(ticks=False),
        tooltip=["group", "count", *(alt.Tooltip(c, format=".4f") for c in ("min", "lower", "median", "upper", "max"))],
    )
    hue = alt.Color("group:N", legend=None).scale(domain=GROUPS, range=(colours * 2)[:2])
    line = base.mark_rule(color=INK).encode(x=alt.X("min:Q", title=None), x2="max")
    box = base.mark_bar(size=22).encode(x=x, x2="upper", color=hue)
    median = base.mark_tick(color="white", thickness=3, size=22).encode(x="median:Q")
    mean = base.mark_point(shape="diamond", filled=True, size=60, color=INK, opacity=1).encode(x="mean:Q")
    chart = line + box + median + mean
    return chart.properties(width=270, height=84, title=panel_title(heading(metric, column), frame="bounds"))
