"""Charts of the model to deploy beside its competitors: cost, coverage, calibration, each corruption."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES
from resiliency.report.overview import contenders
from resiliency.report.panels import (
    Key,
    chart,
    from_zero,
    intervals,
    line_through,
    lines,
    measure,
    names,
    scatter,
    told_apart,
    words_at,
)
from resiliency.report.rows import compared_with, held_out_corruptions, of_first_role, under_single
from resiliency.report.style import DASHES, GREY, INK, MUTED, cycled, finish, notice, panel_title, tooltips
from resiliency.report.words import label, listed, percent, plural, quantity, with_interval

CELLS = 48, 32
SIDES = 400, 240  # px
STAR = "M0,-1L.3,-.4L1,-.3L.5,.15L.6,.8L0,.5L-.6,.8L-.5,.15L-1,-.3L-.3,-.4Z"
PICK, FRONT, SINGLE, BASELINE = "recommended", "Pareto front", "single member", "baseline"
OTHER = "other candidates"
SHAPES = {PICK: STAR, FRONT: "circle", SINGLE: "triangle-up", BASELINE: "diamond", OTHER: "square"}
COSTS = {"macs": "MACs", "parameters": "parameters"}
APART = 26  # px, least horizontal distance of two numbers beside points
REFERENCE = "max_probability"
LEAST_COVERAGE = 0.5  # below which nobody would deploy
LOWEST = 1e-3  # smaller errors are drawn here, because 0 has no logarithm
TICKS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
FEWEST = 10  # least number of predictions in a bin that is drawn
HUES = (0, 3, 5, 7)  # positions of the roles' colours, in the order of the roles
MARKS = ["circle", "square", "triangle-up", "diamond"]
SIGNS = {"difference_high": -1, "difference_low": 1}  # end of a difference that excludes 0 -> its sign: fewer, more


def deployment_finding(table: pd.DataFrame, candidates: pd.DataFrame) -> str:
    """Error and cost of the recommended model and its competitors; a model of several roles comes once."""
    rows = contenders(table)
    of_models: dict[str, list[str]] = {}
    for row in rows:
        of_models.setdefault(row["members"], []).append(row["role"].lower())
    sentences = []
    for members, (role, *also) in of_models.items():
        row = next(row for row in rows if row["members"] == members)
        the = "The" if sentences else "On corrupted images not used for selection, the"
        too = f", also the {listed(also)}," if also else ""
        ends = (row["corrupted_error"], row["corrupted_error_low"], row["corrupted_error_high"])
        cost = f" at {quantity(row['macs'])} MACs" if row["macs"] == row["macs"] else ""
        sentences.append(f"{the} {role} ({called(row)}){too} has an error of {with_interval(*ends)}{cost}.")
    return " ".join(sentences)


def called(row: dict | pd.Series) -> str:
    """The name of a single member, or the number of members of an ensemble."""
    return f"{row['size']} members" if row["size"] > 1 else row["members"]


@chart(
    "Further down is more robust, further left is cheaper. Points of the Pareto front whose bars overlap may be "
    "equally robust.",
    deployment_finding,
)
def deployment(table: pd.DataFrame, candidates: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Corrupted error of all candidates over MACs and over parameters, with the fronts, on unseen images.

    Candidates far worse than all that are named are left out, since they would take half of the axis.
    """
    title = "Error and cost of the candidates"
    table = table.dropna(subset=["corrupted_error"])
    candidates = candidates.dropna(subset=["judged_error"])
    if table.empty or candidates.empty:
        return notice(title, "no members that were trained on their own, and no ensembles, in this study")
    first = table.iloc[0]
    table = table.assign(recommended=table["number"] == contenders(table)[0]["number"])
    on_fronts = _is_unbeaten(table, "macs") | _is_unbeaten(table, "parameters")
    named = table[table["recommended"] | table["baseline"].astype(bool) | on_fronts]  # how far the axis reaches
    highest = 1.1 * float(named[["high", "corrupted_error"]].max(axis=None))
    far = candidates["judged_error"] > highest
    table, candidates = table[table["corrupted_error"] <= highest], candidates[~far]
    ends = pd.concat([table["low"], candidates["judged_error"], named["high"]])
    reach = [float(ends.min()), float(ends.max())]
    priced = [cost for cost in COSTS if (candidates[cost] > 0).any()]
    if not priced:
        return notice(title, "neither MACs nor parameters of members are known; tables/deployment.csv has their errors")
    panels = [
        _costs(table[table[cost] > 0], candidates[candidates[cost] > 0], cost, cost == priced[0], reach, colours)
        for cost in priced
    ]
    subtitle = [
        f"Pale dots: all {plural(len(candidates), 'candidate')}; labels give ensemble size; "
        f"bars: {percent(first['confidence'], 0)} intervals",
        f"The Pareto front was selected on {plural(int(first['n_selection_images']), 'test image')}, evaluated on the "
        f"{int(first['n_images']):,} others; points that it dominates there are hidden",
        f"Ensembles combined by {label(first['rule'])}; costs on a logarithmic scale, errors on a square-root scale",
    ]
    if far.any():
        subtitle.append(f"{plural(int(far.sum()), 'candidate')} with errors above {percent(highest)} not shown")
    return finish(alt.hconcat(*panels, spacing=24), title, subtitle)


def _costs(
    table: pd.DataFrame, candidates: pd.DataFrame, cost: str, left: bool, reach: list[float], colours: list[str]
) -> alt.LayerChart:
    """The candidates over one cost; a line along its front."""
    on_front = _is_unbeaten(table, cost)
    states = [table["recommended"], table["baseline"].astype(bool), on_front, table["size"] == 1]
    rows = table.assign(state=np.select(states, [PICK, BASELINE, FRONT, SINGLE], OTHER))
    rows = rows.sort_values("recommended", kind="stable")
    on_front = on_front.loc[rows.index]
    domain = [0.85 * candidates[cost].min(), 1.2 * candidates[cost].max()]
    name = f"{COSTS[cost][0].upper()}{COSTS[cost][1:]} of all members"
    x = measure(alt.X, cost, name, "~s", type="log", domain=domain)
    axis = {"labels": left, "tickCount": 7}
    y = measure(alt.Y, "corrupted_error", "Corrupted error" if left else None, axis=axis, type="sqrt", domain=reach)
    hues = [(colours * 6)[5], colours[0], (colours * 2)[1], INK, MUTED]
    legend = {"orient": "bottom", "direction": "horizontal"}
    key = told_apart("state", list(SHAPES), hues, shapes=list(SHAPES.values()), legend=legend)
    cloud = alt.Chart(_cells(candidates, cost)).mark_circle(color=GREY, size=16, opacity=0.55, aria=False)
    cloud = cloud.encode(x=x, y=y, tooltip=[alt.Tooltip("ensembles", title="candidates here")])
    front = alt.Chart(rows[on_front])
    line = front.mark_line(color=colours[0], strokeWidth=1.5).encode(x=x, y=y)
    bars = front.mark_rule(color=colours[0], opacity=0.45).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high"))
    errors = dict.fromkeys(("selection_error", "corrupted_error", "low", "high"), ".2%")
    size = alt.when(alt.datum.state == PICK).then(alt.value(220)).otherwise(alt.value(64))
    labelled = _apart(rows[on_front].sort_values(cost), cost, domain)
    return scatter(
        rows,
        x,
        y,
        key,
        tooltips("members", "found", "origin", macs=",", parameters=",", **errors),
        under=[cloud, bars, line],
        over=[words_at(labelled, x, y, "size", dx=7, dy=-10)],
        point={"size": size},
        choose=left,
        width=SIDES[0],
        height=SIDES[1],
        title=panel_title(f"Error against {COSTS[cost]}"),
    )


def _apart(rows: pd.DataFrame, cost: str, domain: list[float]) -> pd.DataFrame:
    """The rows, sorted by cost, that have room for a number beside those before them."""
    places = SIDES[0] * np.log10(rows[cost].astype(float) / domain[0]) / np.log10(domain[1] / domain[0])
    kept: list[int] = []
    for index, place in enumerate(places):
        if not kept or place - places.iloc[kept[-1]] >= APART:
            kept.append(index)
    return rows.iloc[kept]


def _is_unbeaten(table: pd.DataFrame, cost: str) -> pd.Series:
    """Which rows of the front, as chosen, are on it as judged too: none as cheap has a lower error."""
    chosen = table[table[f"front_{cost}"].astype(bool)].sort_values([cost, "corrupted_error"], kind="stable")
    best = chosen["corrupted_error"].cummin()
    return table.index.isin(best.index[best.diff().fillna(-1) < 0]) & table[f"front_{cost}"].astype(bool)


def _cells(candidates: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Places of candidates: a point per occupied cell of a grid, at their mean, with their number."""
    costs, errors = candidates[cost].astype(float), candidates["judged_error"].round(5)
    bins = [pd.cut(np.log10(costs), CELLS[0], labels=False), pd.cut(errors, CELLS[1], labels=False)]
    groups = pd.DataFrame({cost: costs, "corrupted_error": errors}).groupby(bins)
    return groups.mean().round(5).assign(ensembles=groups.size()).reset_index(drop=True)


@chart(
    "The further a line falls towards the left, the better its confidence score identifies wrong predictions. "
    "Lines may cross: compare them at the coverage that you need.",
)
def risk_coverage(deployment: pd.DataFrame, curves: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Risk over coverage, a panel for each set of images: the recommended model by each score, and others."""
    title = "Error against coverage"
    rows = _curves(deployment, curves)
    if rows.empty:
        return notice(title, "no ensemble or member whose answers differ in confidence")
    images, who = (list(dict.fromkeys(rows[column])) for column in ("images", "who"))
    hues = cycled([*cycled(colours, 6), INK], len(who))  # no line is as pale as the seventh colour
    looks = dict(zip(who, zip(hues, cycled(DASHES, len(who)), strict=True), strict=True))
    means = rows[rows["images"] == images[-1]].groupby("who")["risk"].mean().reindex(who)
    order = means.sort_values(ascending=False, kind="stable").index.tolist()  # lines meet at full coverage
    legend = {"orient": "bottom", "direction": "vertical", "labelLimit": 320, "symbolType": "stroke"}
    key = told_apart(
        "who",
        order,
        [looks[name][0] for name in order],
        dashes=[looks[name][1] for name in order],
        legend=legend | {"symbolSize": 500, "symbolStrokeWidth": 2},
    )
    rows = rows.assign(drawn=rows["risk"].clip(lower=LOWEST))
    x = measure(alt.X, "coverage", "Images answered", domain=[LEAST_COVERAGE, 1])
    axis, tooltip = {"values": TICKS}, tooltips("who", coverage=".0%", risk=".2%")
    panels = []
    for name in images:
        y = measure(alt.Y, "drawn", None if panels else "Error of the answers (log scale)", axis=axis, type="log")
        y.scale.domainMin, y.scale.padding, y.scale.zero = LOWEST, alt.Undefined, alt.Undefined
        look = {"dots": 0, "choose": not panels, "width": 300, "height": 240, "title": panel_title(label(name))}
        panels.append(lines(rows[rows["images"] == name], x, y, key, tooltip, **look))
    subtitle = [
        "Images are answered in order of confidence; at the right end all are answered",
        "Images of the evaluation half; corrupted: all corruptions and severities together",
        f"Errors below {percent(LOWEST)} are drawn at the lower end",
    ]
    return finish(alt.concat(*panels, columns=3, spacing=24), title, subtitle)


def _curves(deployment: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Columns images, coverage, risk and who: the first contender under each score, the others under the first."""
    parts = []
    for row in contenders(deployment):
        of = curves[(curves["members"] == row["members"]) & (curves["coverage"] >= LEAST_COVERAGE)]
        of = of.dropna(subset=["risk"])
        of = of[of["score"] == REFERENCE] if parts else of
        scores = of["score"].str.replace("_", " ").str.replace("max ", "maximum ")
        parts.append(of.assign(who=f"{row['role'].lower()}, " + scores))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


@chart("Points below the diagonal show overconfidence.")
def contender_calibration(bins: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Reliability diagrams of all roles: a panel for each set of images."""
    title = "How well calibrated is the recommended model?"
    if bins.empty:
        return notice(title, "no model to deploy has probabilities")
    rows = bins.assign(who=role_names(bins))
    key = roles(rows, colours)
    panels = []
    for name in (name for name in (CLEAN, CORRUPTED) if (rows["images"] == name).any()):
        drawn = rows[(rows["images"] == name) & (rows["predictions"] >= FEWEST)]
        axis = {"values": [0, 0.25, 0.5, 0.75, 1]}
        x = measure(alt.X, "mean_confidence", "Confidence", axis=axis, domain=[0, 1])
        y = measure(alt.Y, "accuracy", "Accuracy", axis=axis, domain=[0, 1])
        diagonal = line_through(x, y, pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
        tooltip = tooltips("who", predictions=",", mean_confidence=".1%", accuracy=".1%")
        look = {"dots": 60, "width": 290, "height": 290, "title": panel_title(f"{name.capitalize()} images")}
        panels.append(lines(drawn, x, y, key, tooltip, under=[diagonal], choose=not panels, **look))
    subtitle = [
        "On the diagonal, confidence equals accuracy; below it, answers are overconfident",
        f"15 bins of confidence, those with {FEWEST} predictions or more; images of the evaluation half",
    ]
    return finish(alt.hconcat(*panels, spacing=28), title, subtitle)


def role_names(table: pd.DataFrame) -> pd.Series:
    """Names such as "best member (vit-s0)", or "best ensemble (4 members)"."""
    description = table["members"].mask(table["size"] > 1, table["size"].astype(str) + " members")
    return table["role"] + " (" + description.astype(str) + ")"


def roles(rows: pd.DataFrame, colours: list[str]) -> Key:
    """The colour and the shape of each role in the column `who`."""
    who = rows.drop_duplicates("role").set_index("role")["who"]
    places = [ROLES.index(role) for role in who.index]
    hues = [colours[HUES[place] % len(colours)] for place in places]
    legend = {"orient": "top", "direction": "horizontal", "labelLimit": 320}
    return told_apart("who", who.tolist(), hues, shapes=[MARKS[place] for place in places], legend=legend)


def corruption_finding(table: pd.DataFrame) -> str:
    """Where the first role errs most, and under how many corruptions it makes fewer or more errors than others."""
    first = of_first_role(table).dropna(subset=["error"])
    single = under_single(first)
    if single.empty:
        return ""
    role, hardest = first["role"].iloc[0], single.loc[single["error"].idxmax()]
    mean = "".join(f", and of {_error(row)} on average over corruptions" for row in _rows(first, CORRUPTED))
    sentences = [
        f"Most under {label(hardest['corruption'])}: the {role} has an error of {_error(hardest)} there{mean}."
    ]
    if hardest["error"] == 0:
        sentences = [f"Nowhere: the {role} makes no errors under any corruption."]
    others = under_single(table).dropna(subset=["difference_low"])
    for _, rows in others[others["members"] != first["members"].iloc[0]].groupby("members", sort=False):
        rows_of_one = rows[rows["role"] == rows["role"].iloc[0]]
        fewer, more = ((rows_of_one[end] * sign > 0).sum() or "none" for end, sign in SIGNS.items())
        who = f"{' and '.join(rows['role'].unique())} ({called(rows.iloc[0])})"
        of = f"{fewer} of {plural(len(rows_of_one), 'corruption')}, and significantly more under {more}"
        sentences.append(f"It makes significantly fewer errors than the {who} under {of}.")
    held_out = _rows(table.dropna(subset=["error"]), HELD_OUT_IMAGES)
    if held_out:
        count = plural(len(held_out_corruptions(table)), "corruption")
        sentences.append(f"Under {count} that took no part in the selection, its error is {_error(held_out[0])}.")
    for row in held_out:
        if row["members"] != held_out[0]["members"] and pd.notna(row["difference"]):
            sentences.append(f"That is {compared_with(row, 'that of the ' + row['role'])}.")
    return " ".join(sentences)


def _rows(table: pd.DataFrame, images: str) -> list[dict]:
    return table[table["corruption"] == images].to_dict("records")


def _error(row: dict | pd.Series) -> str:
    return with_interval(row["error"], row["low"], row["high"])


@chart(
    "Selected on half of the test images, evaluated on the other half. A difference is significant if its interval, "
    "which holds together with those of all corruptions, excludes 0.",
    corruption_finding,
)
def under_corruptions(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error of each role under each corruption, with intervals; the corruption that is hardest for the first on top."""
    title = "Recommended model, best ensemble, best member and baseline"
    table = under_single(table, with_held_out=True)
    if table.empty:
        return notice(title, "no members that were trained on their own, and no ensembles, in this study")
    held_out = held_out_corruptions(table)
    called = {name: label(name) + " (extra)" * (name in held_out) for name in table["corruption"].unique()}
    rows = table.assign(name=table["corruption"].map(called), who=role_names(table))
    order = of_first_role(rows).sort_values("error", ascending=False, kind="stable")["name"].tolist()
    rows["place"] = rows["role"].map(list(ROLES).index)
    zero = from_zero(rows[["low", "error", "high"]].stack())
    error = measure(alt.X, "error", "Top-1 error, mean over severities (square-root scale)", type="sqrt", zero=zero)
    tooltip = tooltips("who", alt.Tooltip("name", title="corruption"), error=".1%", low=".1%", high=".1%")
    tooltip.append(alt.Tooltip("difference", title="recommended model minus this one", format="+.1%"))
    rows_of = names("name", order, grid=True, tickBand="extent", labelPadding=8)
    look = {"offset": "place", "bar": 2, "choose": True}
    size = {"width": 800, "height": alt.Step(22, **{"for": "position"})}
    panel = intervals(rows, error, rows_of, ("low", "high"), roles(rows, colours), tooltip, **look, **size)
    subtitle = [
        f"{plural(int(table['n_images'].iloc[0]), 'test image')} of the evaluation half; bars: "
        f"{percent(table['confidence'].iloc[0], 0)} intervals over images; hardest corruption first"
    ]
    return finish(panel, title, subtitle)
