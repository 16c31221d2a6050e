"""Charts of training: learning curves, the weight of a joint loss, and the search for
sub-networks."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.member_tables import FEWEST_EPOCHS, LITTLE, late_gain
from resiliency.report import style, words
from resiliency.report.rows import measured_columns, under_main_rule
from resiliency.statistics.intervals import jackknife

POINTS = 6000  # number of points of all learning curves
TRAINING = ["design", "family", "origin", "objective", "loss_weight", "seed"]
VALIDATION = "validation_accuracy"
SERIES = ["ensemble", "its members, mean"]
WAYS = {"search": "sub-network of the search", "independent": "trained independently"}
THINGS = {"search": "chosen sub-network", "independent": "independently trained member"}
AVERAGES = {"corrupted_error": "mean", "clean_accuracy": "mean", "macs": "median", "origin": "size"}
STATES = ["evaluated", "on the front", "chosen"]


def curve_finding(histories: pd.DataFrame) -> str:
    """How many designs and settings of joint training gained a percentage point or more at the
    end."""
    rows = histories.dropna(subset=[VALIDATION])
    rows = rows[rows["origin"].isin(["independent", "joint"])]
    joint = rows["origin"] == "joint"
    setting = (
        rows["objective"].astype(str)
        + " at λ = "
        + rows["loss_weight"].map(words.plain).astype(str)
    )
    # There all objectives are the same.
    setting = setting.where(rows["loss_weight"] != 0, "joint training at λ = 0")
    trainings = rows.groupby(rows["design"].mask(joint, setting))
    gains = pd.Series(
        {name: late_gain(group, fewest=2) for name, group in trainings}, dtype=float
    ).dropna()
    if gains.empty:
        return ""
    late = gains[gains >= LITTLE]
    trained = words.plural(len(gains), "design")
    trained = f"{len(gains)} designs and settings of joint training" if joint.any() else trained
    gained = (
        "gained a percentage point or more of validation accuracy over the last fifth of the epochs"
    )
    said = f"Yes: none of {trained} {gained}."
    if len(late):
        answer = "No" if len(late) == len(gains) else "Not entirely"
        said = (
            f"{answer}: {len(late)} of {trained} {gained}; train "
            f"{'it' if len(late) == 1 else 'them'} longer."
        )
    short = trainings["epoch"].max().min() < FEWEST_EPOCHS
    return said + " With fewer than five epochs, the last one counts." * bool(short)


@style.chart(
    "A flat end does not mean that longer training would bring nothing, because the learning rate "
    "falls to zero. "
    "Members whose lines stay low have not learnt. Lines of one panel differ in the seed, or in "
    "the weight of the "
    "joint loss. Training losses are in tables/histories.csv.",
    curve_finding,
)
def learning_curves(histories: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Validation accuracy over epochs: panels per design and per objective, a line per training."""
    runs = histories[histories["origin"].isin(["independent", "joint"])].dropna(subset=[VALIDATION])
    if runs.empty:
        return style.notice("no members were trained in this study")
    curves = (
        runs.groupby([*TRAINING, "epoch"], dropna=False, sort=False)[VALIDATION]
        .mean()
        .round(5)
        .reset_index()
    )
    trainings = curves.groupby(TRAINING, dropna=False, sort=False)
    step = -(-len(curves) // POINTS)
    thinned = curves[(trainings["epoch"].transform("max") - curves["epoch"]) % step == 0]
    ends = [thinned[VALIDATION].min(), thinned[VALIDATION].max()]
    ends = ends if ends[0] < ends[1] else [0, 1]
    alone, together = (thinned[thinned["origin"] == origin] for origin in ("independent", "joint"))
    blocks = []
    if len(alone):
        key = style.Key({"color": alt.value(colours[0])})
        blocks.append(_grid(alone, "design", key, ends, "Trained independently"))
    if len(together):
        weights = sorted(together["loss_weight"].unique().tolist())
        legend = {"symbolType": "stroke", "symbolStrokeWidth": 2, "title": "Weight λ"}
        key = style.told_apart(
            "loss_weight", weights, style.shades(colours[0], len(weights)), legend=legend, kind="O"
        )
        blocks.append(_grid(together, "objective", key, ends, "Trained jointly"))
    subtitle = [
        "Accuracy on validation images, the figure that after the last epoch; all panels on one "
        "scale",
        f"A line over epochs for each of {words.plural(trainings.ngroups, 'training')}",
    ]
    subtitle += [f"Lines go through the last epoch and every {step} epochs before it"] * (step > 1)
    return alt.vconcat(*blocks, spacing=26).resolve_scale(color="independent"), subtitle


def _grid(
    curves: pd.DataFrame, by: str, key: style.Key, ends: list[float], title: str
) -> alt.FacetChart:
    """A panel for each value of the column `by`, on one scale."""
    columns = 4 if curves[by].nunique() <= 8 else 6
    of = curves.groupby(by, sort=False)
    at_end = (
        curves[curves["epoch"] == of["epoch"].transform("max")]
        .groupby(by)[VALIDATION]
        .mean()
        .map(words.percent)
    )
    below = curves[by].map(at_end)
    if by == "design" and (curves["family"] != curves["design"]).any():
        below += "|" + curves["family"]
    drawn = curves[[by, "family", "loss_weight", "seed", "epoch", VALIDATION]].assign(
        panel=curves[by] + "|" + below
    )
    ticks = {"values": sorted({1, int(curves["epoch"].max())}), "grid": False}
    x = style.measure(alt.X, "epoch", form="d", axis=ticks, padding=0)
    y = style.measure(alt.Y, VALIDATION, axis={"tickCount": 2}, domain=ends, padding=8)
    tooltip = (
        style.tooltips(by, "loss_weight", "seed")
        if by == "objective"
        else style.tooltips(by, "family", "seed")
    )
    look = {"dots": 0, "stroke": 1.2, "detail": "seed", "width": 780 / columns - 16, "height": 76}
    header = alt.Header(labelExpr="split(datum.label, '|')", labelAnchor="start", labelPadding=4)
    facet = alt.Facet("panel:N", title=None, sort=drawn["panel"].unique().tolist(), header=header)
    spacing = {"column": 16, "row": 14}
    panel = style.lines(drawn, x, y, key, tooltip, **look)
    return panel.facet(facet, columns=columns, spacing=spacing, title=style.panel_title(title))


def joint_finding(ensembles: pd.DataFrame, members: pd.DataFrame) -> str:
    """The best setting of joint training against independent training of the same ensembles, on
    corrupted images.

    The interval of their mean difference over seeds is Student's, corrected by Bonferroni for the
    number of settings that the best is selected from; it needs two seeds of both.
    """
    joint = jointly_trained(ensembles)
    settings = joint[joint["loss_weight"] > 0].groupby(["objective", "loss_weight"], sort=False)
    if not settings.ngroups:
        return ""
    objective, weight = best = settings["corrupted_accuracy"].mean().idxmax()
    by_seed = settings.get_group(best).set_index("seed")["corrupted_accuracy"]
    alone = (
        joint[joint["loss_weight"] == 0]
        .drop_duplicates("seed")
        .set_index("seed")["corrupted_accuracy"]
    )
    several, level = settings.ngroups > 1, 1 - (1 - members["confidence"].max()) / settings.ngroups
    setting = f"the {objective} loss at λ = {words.plain(weight)}"
    setting += f", the best of {settings.ngroups} settings," if several else ""
    said = f"{setting} reaches {words.percent(by_seed.mean())} accuracy on corrupted images"
    if alone.empty:
        return (
            f"Unknown: {said}, and the study has no independent training (λ = 0) to compare with."
        )
    said += f" and independent training {words.percent(alone.mean())}"
    differences = (by_seed - alone).dropna()
    if len(differences) < 2:
        return f"Unknown (one seed): {said}."
    mean, seeds = differences.mean(), len(differences)
    low, high = jackknife(
        np.array([mean, *(differences.sum() - differences) / (seeds - 1)]), level
    ).ends
    corrected = "; corrected for the choice of the best" if several else ""
    answer = "Yes" if low > 0 else "No" if high < 0 else "Not significantly"
    difference = words.in_points(mean, low, high)
    return f"{answer}: {said}, a difference of {difference} ({seeds} seeds{corrected})."


def jointly_trained(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles that were trained jointly, under the main combination rule."""
    return under_main_rule(
        ensembles[ensembles["origin"] == "joint"].dropna(subset=["corrupted_accuracy"])
    )


@style.chart(
    "Above a dashed line, joint training beats independent training. Observation 3 claims that the "
    "robustness of the "
    "balanced loss peaks between λ = 0 and λ = 1.",
    joint_finding,
)
def loss_weight(ensembles: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Accuracy on clean and corrupted images and a diversity of each kind over lambda: a row per
    objective."""
    joint = jointly_trained(ensembles)
    if joint.empty:
        return style.notice("no jointly trained members in this study")
    quantities = _quantities(joint)
    most = max(map(len, quantities))
    drawn = [name for name in joint["objective"].unique() if name != "independent"] or [
        "independent"
    ]
    legend = {"title": "Accuracy of", "symbolOpacity": 1}
    key = style.told_apart(
        "of", SERIES, (colours * 2)[:2], shapes=["circle", "diamond"], legend=legend
    )
    rows = []
    for objective in drawn:
        panels = []
        for head, values in quantities.items():
            lines = [*head[1:], *[""] * (most - len(head))]
            title = alt.Undefined if rows else style.panel_title(head[0], subtitle=lines)
            form = style.SHARE if head[0] == "Accuracy" else "~g"
            panels.append(
                _weights(values, objective, form, key, objective == drawn[-1], title=title)
            )
        name = style.panel_title(f"{objective}: {words.OBJECTIVES[objective]}", frame="bounds")
        rows.append(alt.hconcat(*panels, spacing=48, bounds="flush", title=name))
    dashed = "; dashed: mean of independent training, which is λ = 0"
    ensembles = words.plural(joint["ensemble"].nunique(), "jointly trained ensemble")
    return alt.vconcat(*rows, spacing=10), [
        "A point for each seed, a line through their means"
        + dashed * bool((joint["loss_weight"] == 0).any()),
        "All panels of a column share their vertical scale",
        f"{ensembles}, combined by {words.label(joint['rule'].iloc[0])}",
    ]


def _quantities(joint: pd.DataFrame) -> dict[tuple[str, ...], pd.DataFrame]:
    """Lines of a heading -> values, a row per ensemble and series: accuracies, and the first
    diversity of each kind."""
    columns = {
        ("Accuracy", f"on {images} images"): [
            f"{images}_accuracy",
            f"mean_member_{images}_accuracy",
        ]
        for images in ("clean", "corrupted")
    }
    measured = measured_columns(joint)
    for kind in dict.fromkeys(map(words.kind_of, measured)):
        metric, column = next(of for of in measured.items() if words.kind_of(of[0]) == kind)
        of_metric, on = words.label(metric).split(", "), f"on {column.rsplit('_', 1)[1]} images"
        columns[f"{kind.capitalize()} diversity", *of_metric, on] = [column]
    keys, values = ["objective", "loss_weight", "seed"], {}
    for head, names in columns.items():
        named = joint[[*keys, *names]].rename(columns=dict(zip(names, SERIES, strict=False)))
        values[head] = named.melt(keys, var_name="of").round({"value": 5}).dropna()
    return values


def _weights(
    values: pd.DataFrame, objective: str, form: str, key: style.Key, last: bool, **look
) -> alt.LayerChart:
    """One quantity over the weight of one objective, on the scale of all `values`, and independent
    training."""
    own = values[values["objective"] == objective]
    weights = sorted(own["loss_weight"].unique().tolist())
    ticks = {"values": weights, "labelExpr": "'' + datum.value", "grid": False}
    title, reach = "Weight λ" if last else None, [0, max([1, *weights])]
    x = style.measure(alt.X, "loss_weight", title, "~g", ticks, domain=reach, padding=8)
    ends = [values["value"].min(), values["value"].max()] if len(values) else [0, 1]
    y = style.measure(alt.Y, "value", None, form, {"tickCount": 3}, domain=ends, padding=8)
    alone = (
        values[values["loss_weight"] == 0].groupby("of", sort=False)["value"].mean().reset_index()
    )
    means = own.groupby(["of", "loss_weight"], sort=False)["value"].mean().reset_index()
    colour = {name: key.channels[name] for name in ("color", "opacity")}
    rule = alt.Chart(alone).mark_rule(strokeDash=[4, 3]).encode(y=y, **colour)
    line = alt.Chart(means).mark_line().encode(x=x, y=y, **colour)
    tooltip = style.tooltips(
        alt.Tooltip("of", title="accuracy of"), "loss_weight", "seed", value=".4f"
    )
    return style.scatter(
        own, x, y, key, tooltip, size=34, under=[rule, line], width=126, height=92, **look
    )


def search_finding(evaluations: pd.DataFrame, members: pd.DataFrame) -> str:
    """Accuracy and cost of the chosen sub-networks beside those of independent members, means and
    medians."""
    known = members.dropna(subset=["clean_accuracy", "corrupted_error"])
    averages = {origin: of.agg(AVERAGES) for origin, of in known.groupby("origin")}
    if "search" not in averages or evaluations.empty:
        return ""
    texts, worse = [], ""
    for origin in filter(averages.__contains__, THINGS):
        error, clean, macs, count = averages[origin]
        on = (
            f"{words.percent(1 - error)} accuracy on corrupted images and {words.percent(clean)} "
            "on clean ones"
        )
        cost = f" at {words.quantity(macs)} MACs" if macs == macs else ""
        texts.append(f"{words.plural(int(count), THINGS[origin])} with {on}{cost}")
    if "independent" in averages:
        more = averages["search"] > averages["independent"]
        worse = "Nothing better: " * bool(more["corrupted_error"] and more["macs"])
    return f"{worse}{', '.join(texts)} (means, and medians of MACs, without intervals)."


@style.chart(
    "Sub-networks share the weights of one super-network. No sub-network has fewer validation "
    "errors at a lower cost "
    "than those on the front. On test images they can be compared with independently trained "
    "designs.",
    search_finding,
)
def search_front(
    evaluations: pd.DataFrame, members: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """All evaluations, their front and the chosen sub-networks; beside them members of the study,
    over MACs."""
    if evaluations.empty:
        return style.notice("no search in this study")
    networks = members.assign(
        way=members["origin"].map(WAYS), corrupted_accuracy=1 - members["corrupted_error"]
    )
    networks = networks.dropna(subset=["way"])
    hues, shapes = [(colours * 2)[1], (colours * 4)[3]], ["circle", "triangle-up"]
    key = style.told_apart(
        "way", [*WAYS.values()], hues, shapes=shapes, legend={"direction": "vertical"}
    )
    panels = []
    for images in ("clean", "corrupted"):
        column = f"{images}_accuracy"
        rows, y = networks.dropna(subset=[column]), style.measure(alt.Y, column, "Accuracy")
        tooltip = style.tooltips("member", "family", **{"macs": ",", column: ".1%"})
        look = {"width": 230, "height": 200, "title": style.panel_title(f"Test images, {images}")}
        panels.append(style.scatter(rows, _macs(rows), y, key, tooltip, **look))
    front, chosen = int(evaluations["front"].sum()), int(evaluations["member"].notna().sum())
    drawn = alt.hconcat(
        _evaluations(evaluations, colours), alt.hconcat(*panels, spacing=22), spacing=22
    )
    return drawn.resolve_scale(color="independent", shape="independent"), [
        f"{words.plural(len(evaluations), 'sub-network')} evaluated, {front:,} on the front, "
        f"{chosen:,} chosen",
        "The front: no other has a lower error at as few MACs (multiply-accumulate operations for "
        "an image; log scale)",
    ]


def _evaluations(evaluations: pd.DataFrame, colours: list[str]) -> alt.LayerChart:
    """Validation error over MACs; a line along the front, names beside those that were chosen."""
    state = pd.Series(STATES[0], evaluations.index).mask(
        evaluations["front"].astype(bool), STATES[1]
    )
    rows = evaluations.assign(state=state.mask(evaluations["member"].notna(), STATES[2]))
    rows = rows.dropna(subset=["validation_error", "macs"])
    # Chosen ones on top.
    rows = rows.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")
    x, y = _macs(rows), style.measure(alt.Y, "validation_error", "Validation error")
    shapes = ["circle", "square", "diamond"]
    key = style.told_apart(
        "state", STATES, [style.GREY, *(colours * 2)[:2]], shapes=shapes, legend={"columns": 2}
    )
    front = alt.Chart(rows[rows["front"].astype(bool)])
    front = front.mark_line(interpolate="step-after", color=style.MUTED, strokeWidth=1).encode(
        x=x, y=y
    )
    chosen = style.words_at(
        rows[rows["state"] == STATES[2]], x, y, "member", align="left", dx=7, dy=-7
    )
    tooltip = style.tooltips("state", "layers", "channels", macs=",", validation_error=".1%")
    look = {"width": 270, "height": 200, "title": style.panel_title("Validation images")}
    return style.scatter(rows, x, y, key, tooltip, size=60, under=[front], over=[chosen], **look)


def _macs(rows: pd.DataFrame) -> alt.X:
    reach = [0.85 * rows["macs"].min(), 1.2 * rows["macs"].max()] if len(rows) else [1, 10]
    return style.measure(alt.X, "macs", "MACs", "~s", {"tickCount": 4}, type="log", domain=reach)
