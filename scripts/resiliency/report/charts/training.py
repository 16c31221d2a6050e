"""Charts of training: learning curves, the weight of a joint loss, and the search for sub-networks."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.member_tables import FEWEST_EPOCHS, LITTLE, late_gain
from resiliency.report.panels import Key, chart, lines, measure, one_colour, scatter, told_apart, words_at
from resiliency.report.rows import measured_columns, under_main_rule
from resiliency.report.style import (
    GREY,
    MUTED,
    SHARE,
    WIDTH,
    finish,
    notice,
    panel_title,
    set_properties,
    shades,
    tooltips,
)
from resiliency.report.words import OBJECTIVES, in_points, kind_of, label, percent, plain, plural, points, quantity
from resiliency.statistics.intervals import jackknife

POINTS = 6000  # number of points of all learning curves
TRAINING = ["design", "family", "origin", "objective", "loss_weight", "seed"]
VALIDATION = "validation_accuracy"
GAP, LABELS = 16, 32  # px, between panels, and of the labels of an axis
SERIES = ["ensemble", "its members, mean"]
STROKES = {"orient": "bottom", "direction": "horizontal", "symbolType": "stroke", "symbolStrokeWidth": 2}
WAYS = ["sub-network of the search", "trained independently"]
AVERAGES = {"corrupted_error": "mean", "macs": "median"}
STATES = ["evaluated", "on the front", "chosen"]


def curve_finding(histories: pd.DataFrame) -> str:
    """How many designs and settings of joint training gained a point or more at the end, and which of them the most."""
    rows = histories.dropna(subset=[VALIDATION])
    rows = rows[rows["origin"].isin(["independent", "joint"])]
    names = [_training_name(row.origin, row.design, row.objective, row.loss_weight) for row in rows.itertuples()]
    gains = pd.Series({name: late_gain(group, fewest=2) for name, group in rows.groupby(names)}, dtype=float).dropna()
    if gains.empty:
        return ""
    late, joint = gains[gains >= LITTLE], (rows["origin"] == "joint").any()
    trained = f"{len(gains)} designs and settings of joint training" if joint else plural(len(gains), "design")
    end = "over the last fifth of the epochs"
    said = f"Yes: none of {trained} gained a percentage point or more of validation accuracy {end}."
    if len(late):
        answer = "No" if len(late) == len(gains) else "Not entirely"
        was, them = ("was", "it") if len(late) == 1 else ("were", "them")
        said = f"{answer}: {len(late)} of {trained} {was} still improving; train {them} longer."
        most = f"that of {late.idxmax()}: {points(late.max())} percentage points of validation accuracy"
        said += f" The largest gain {end} is {most}."
    short = rows.groupby(names)["epoch"].max().min() < FEWEST_EPOCHS
    return said + " With fewer than five epochs, the last one counts." * bool(short)


def _training_name(origin: str, design: str, objective: str, loss_weight: float) -> str:
    """The design, or the setting of joint training; at weight 0 all objectives are the same."""
    if origin != "joint":
        return design
    return f"{objective} at λ = {plain(loss_weight)}" if loss_weight else "joint training at λ = 0"


@chart(
    "A flat end does not mean that longer training would bring nothing, because the learning rate falls to zero. "
    "Members whose lines stay low have not learnt. Lines of one panel differ in the seed, or in the weight of the "
    "joint loss. Training losses are in tables/histories.csv.",
    curve_finding,
)
def learning_curves(histories: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Validation accuracy over epochs: panels per design and per objective, a line per training."""
    title = "Learning curves"
    runs = histories[histories["origin"].isin(["independent", "joint"])].dropna(subset=[VALIDATION])
    if runs.empty:
        return notice(title, "no members were trained in this study")
    curves = runs.groupby([*TRAINING, "epoch"], dropna=False, sort=False)[VALIDATION].mean().round(5).reset_index()
    trainings = curves.groupby(TRAINING, dropna=False, sort=False)
    most = max(2, POINTS // trainings.ngroups)
    kept = [np.unique(np.linspace(0, count - 1, most).round().astype(int)) for count in trainings.size()]
    thinned = pd.concat([curve.iloc[at] for (_, curve), at in zip(trainings, kept, strict=True)])
    alone, together = (thinned[thinned["origin"] == origin] for origin in ("independent", "joint"))
    blocks = []
    if len(alone):
        blocks.append(_grid(alone, "design", one_colour(colours[0]), "Trained independently"))
    if len(together):
        weights = sorted(together["loss_weight"].unique().tolist())
        legend = STROKES | {"title": "Weight λ"}
        key = told_apart("loss_weight", weights, shades(colours[0], len(weights)), legend=legend, kind="O")
        blocks.append(_grid(together, "objective", key, "Trained jointly"))
    subtitle = [
        "Accuracy on validation images, the figure that after the last epoch; all panels on one scale",
        f"A line over epochs for each of {plural(trainings.ngroups, 'training')}",
    ]
    if len(thinned) < len(curves):
        subtitle.append(f"Lines go through {most} evenly spaced epochs where there were more")
    rows = alt.vconcat(*blocks, spacing=26).resolve_scale(color="independent")
    return finish(rows, title, subtitle)


def _grid(curves: pd.DataFrame, by: str, key: Key, title: str) -> alt.ConcatChart:
    """A panel for each value of the column `by`, on one scale."""
    columns = 4 if curves[by].nunique() <= 8 else 6
    width = (WIDTH - 20 - LABELS) / columns - GAP
    ends = [curves[VALIDATION].min(), curves[VALIDATION].max()]
    drawn = curves[[by, "family", "loss_weight", "seed", "epoch", VALIDATION]]
    named = by == "design" and (curves["family"] != curves["design"]).any()
    panels = []
    for index, (name, of) in enumerate(drawn.groupby(by, sort=False)):
        left = index % columns == 0
        epochs = {"values": sorted({1, int(of["epoch"].max())}), "grid": False}
        extent = {"labels": left, "ticks": left, "minExtent": LABELS * left, "maxExtent": LABELS * left, "tickCount": 2}
        x = measure(alt.X, "epoch", form="d", axis=epochs, padding=0)
        y = measure(alt.Y, VALIDATION, axis=extent, domain=ends if ends[0] < ends[1] else [0, 1], padding=8)
        last = percent(of.loc[of["epoch"] == of["epoch"].max(), VALIDATION].mean())
        subtitle = [last, of["family"].iloc[0]] if named else last
        look = {"width": width, "height": 76, "title": panel_title(name, subtitle=subtitle, limit=width)}
        tooltip = tooltips(by, "loss_weight", "seed") if by == "objective" else tooltips(by, "family", "seed")
        panels.append(lines(of, x, y, key, tooltip, dots=0, stroke=1.2, detail="seed", choose=not panels, **look))
    spacing = {"column": GAP, "row": 14}
    return alt.concat(*panels, columns=columns, align="each", spacing=spacing, title=panel_title(title))


def joint_finding(ensembles: pd.DataFrame, members: pd.DataFrame) -> str:
    """The best setting of joint training against independent training of the same ensembles, on corrupted images.

    The interval of their mean difference over seeds is Student's, corrected by Bonferroni for the number of settings
    that the best is selected from; it needs two seeds of both.
    """
    joint = jointly_trained(ensembles)
    settings = joint[joint["loss_weight"] > 0].groupby(["objective", "loss_weight"], sort=False)
    if joint.empty or not settings.ngroups:
        return ""
    objective, weight = best = settings["corrupted_accuracy"].mean().idxmax()
    by_seed = settings.get_group(best).set_index("seed")["corrupted_accuracy"]
    alone = joint[joint["loss_weight"] == 0].drop_duplicates("seed").set_index("seed")["corrupted_accuracy"]
    several, level = settings.ngroups > 1, 1 - (1 - members["confidence"].max()) / settings.ngroups
    setting = f"the {objective} loss at λ = {plain(weight)}"
    setting += f", the best of {settings.ngroups} settings," if several else ""
    said = f"{setting} reaches {percent(by_seed.mean())} accuracy on corrupted images"
    if alone.empty:
        return f"Unknown: {said}, and the study has no independent training (λ = 0) to compare with."
    said += f" and independent training {percent(alone.mean())}"
    differences = (by_seed - alone).dropna()
    if len(differences) < 2:
        return f"Unknown (one seed): {said}."
    mean, seeds = differences.mean(), len(differences)
    low, high = jackknife(np.array([mean, *(differences.sum() - differences) / (seeds - 1)]), level).ends
    corrected = "; corrected for the choice of the best" if several else ""
    answer = "Yes" if low > 0 else "No" if high < 0 else "Not significantly"
    difference = in_points(mean, low, high)
    return f"{answer}: {said}, a difference of {difference} ({seeds} seeds{corrected})."


def jointly_trained(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles that were trained jointly, under the main combination rule."""
    return under_main_rule(ensembles[ensembles["origin"] == "joint"].dropna(subset=["corrupted_accuracy"]))


@chart(
    "Above a dashed line, joint training beats independent training. Observation 3 claims that the robustness of the "
    "balanced loss peaks between λ = 0 and λ = 1.",
    joint_finding,
)
def loss_weight(ensembles: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Accuracy on clean and corrupted images and a diversity of each kind over lambda: a row per objective."""
    title = "What the weight of a joint loss does"
    joint = jointly_trained(ensembles)
    if joint.empty:
        return notice(title, "no jointly trained members in this study")
    columns = _quantities(joint)
    drawn = [name for name in joint["objective"].unique() if name != "independent"] or ["independent"]
    rows = []
    for objective in drawn:
        panels = []
        for head, (values, form) in columns.items():
            place = {"first": not rows and not panels, "last": objective == drawn[-1]}
            panel = _weights(values, objective, form, colours, **place)
            lines_of = list(head) + [""] * (max(map(len, columns)) - len(head))
            head_of = {} if rows else {"title": panel_title(lines_of[0], subtitle=lines_of[1:])}
            panels.append(set_properties(panel, width=126, height=92, **head_of))
        name = panel_title(f"{objective}: {OBJECTIVES[objective]}", frame="bounds")
        rows.append(alt.hconcat(*panels, spacing=48, bounds="flush", title=name))
    dashed = "; dashed: mean of independent training, which is λ = 0"
    subtitle = [
        "A point for each seed, a line through their means" + (dashed if (joint["loss_weight"] == 0).any() else ""),
        "All panels of a column share their vertical scale",
        f"{plural(joint['ensemble'].nunique(), 'jointly trained ensemble')}, combined by "
        f"{label(joint['rule'].iloc[0])}",
    ]
    return finish(alt.vconcat(*rows, spacing=10), title, subtitle)


def _quantities(joint: pd.DataFrame) -> dict[tuple[str, ...], tuple[pd.DataFrame, str]]:
    """Lines of a heading -> values, a row per ensemble and series, and their format: accuracies, and a diversity each
    of the first metric of each kind."""
    accuracies = {
        ("Accuracy", "on clean images"): ["clean_accuracy", "mean_member_clean_accuracy"],
        ("Accuracy", "on corrupted images"): ["corrupted_accuracy", "mean_member_corrupted_accuracy"],
    }
    found = {head: (_values(joint, columns), SHARE) for head, columns in accuracies.items()}
    kinds = set()
    for metric, column in measured_columns(joint).items():
        if (kind := kind_of(metric)) not in kinds:
            kinds.add(kind)
            head = f"{kind} diversity".capitalize(), *label(metric).split(", "), f"on {column.rsplit('_', 1)[1]} images"
            found[head] = _values(joint, [column]), "~g"
    return found


def _values(joint: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    keys = joint[["objective", "loss_weight", "seed"]]
    series = zip(SERIES, columns, strict=False)
    return pd.concat([keys.assign(of=of, value=joint[column].round(5)) for of, column in series]).dropna()


def _weights(
    values: pd.DataFrame, objective: str, form: str, colours: list[str], *, first: bool, last: bool
) -> alt.LayerChart:
    """One quantity over the weight of one objective, on the scale of all `values`, and independent training."""
    own = values[values["objective"] == objective]
    weights = sorted(own["loss_weight"].unique().tolist())
    ticks = {"values": weights, "labelExpr": "'' + datum.value", "grid": False}
    x = measure(alt.X, "loss_weight", "Weight λ" if last else None, "~g", ticks, domain=[0, max([1, *weights])])
    ends = [values["value"].min(), values["value"].max()] if len(values) else [0, 1]
    y = measure(alt.Y, "value", None, form, {"tickCount": 3}, domain=ends, padding=8)
    x.scale.padding = 8
    legend = STROKES | {"title": "Accuracy of", "symbolOpacity": 1}
    key = told_apart("of", SERIES, (colours * 2)[:2], shapes=["circle", "diamond"], legend=legend)
    key.channels["shape"].legend = None
    alone = values[values["loss_weight"] == 0].groupby("of", sort=False)["value"].mean().reset_index()
    colour = {name: key.channels[name] for name in ("color", "opacity")}
    rule = alt.Chart(alone).mark_rule(strokeDash=[4, 3]).encode(y=y, **colour)
    means = own.groupby(["of", "loss_weight"], sort=False)["value"].mean().reset_index()
    line = alt.Chart(means).mark_line().encode(x=x, y=y, **colour)
    tooltip = tooltips("of", "loss_weight", "seed", value=".4f")
    return scatter(own, x, y, key, tooltip, size=34, under=[rule, line], choose=first)


def search_finding(evaluations: pd.DataFrame, members: pd.DataFrame) -> str:
    """Accuracy and cost of the chosen sub-networks beside those of independent members, means and medians."""
    known = members.dropna(subset=["clean_accuracy", "corrupted_error"])
    found, alone = (known[known["origin"] == origin] for origin in ("search", "independent"))
    if found.empty or evaluations.empty:
        return ""
    own = f"{plural(len(found), 'chosen sub-network')} with {_averages(found)}"
    if alone.empty:
        return f"{own} (means, and the median of MACs)."
    errors, macs = (found[column].agg(how) - alone[column].agg(how) for column, how in AVERAGES.items())
    worse = "Nothing better: " if errors > 0 and macs > 0 else ""
    others = f"{plural(len(alone), 'independently trained member')} with {_averages(alone)}"
    return f"{worse}{own}, {others} (means, and medians of MACs, without intervals)."


def _averages(rows: pd.DataFrame) -> str:
    accuracies = percent(1 - rows["corrupted_error"].mean()), percent(rows["clean_accuracy"].mean())
    said, macs = "{} accuracy on corrupted images and {} on clean ones".format(*accuracies), rows["macs"].median()
    return f"{said} at {quantity(macs)} MACs" if macs == macs else said


@chart(
    "Sub-networks share the weights of one super-network. No sub-network has fewer validation errors at a lower cost "
    "than those on the front. On test images they can be compared with independently trained designs.",
    search_finding,
)
def search_front(evaluations: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """All evaluations, their front and the chosen sub-networks; beside them members of the study, over MACs."""
    title = "Sub-networks of the search, and independently trained designs"
    if evaluations.empty:
        return notice(title, "no search in this study")
    networks = members[members["origin"].isin(["search", "independent"])]
    networks = networks.assign(
        way=networks["origin"].map(dict(zip(("search", "independent"), WAYS, strict=True))),
        corrupted_accuracy=1 - networks["corrupted_error"],
    )
    hues = [(colours * 2)[1], (colours * 4)[3]]
    legend = {"orient": "bottom", "direction": "vertical"}
    key = told_apart("way", WAYS, hues, shapes=["circle", "triangle-up"], legend=legend)
    panels = []
    for images in ("clean", "corrupted"):
        column = f"{images}_accuracy"
        rows = networks.dropna(subset=[column])
        y, tooltip = measure(alt.Y, column, "Accuracy"), tooltips("member", "family", **{"macs": ",", column: ".1%"})
        look = {"width": 230, "height": 200, "title": panel_title(f"Test images, {images}")}
        panels.append(scatter(rows, _macs(rows), y, key, tooltip, choose=images == "clean", **look))
    subtitle = [
        f"{plural(len(evaluations), 'sub-network')} evaluated, {int(evaluations['front'].sum()):,} on the front, "
        f"{int(evaluations['member'].notna().sum()):,} chosen",
        "The front: no other has a lower error at as few MACs (multiply-accumulate operations for an image; log scale)",
    ]
    drawn = alt.hconcat(_evaluations(evaluations, colours), alt.hconcat(*panels, spacing=22), spacing=22)
    drawn = drawn.resolve_scale(color="independent", shape="independent")
    return finish(drawn, title, subtitle)


def _evaluations(evaluations: pd.DataFrame, colours: list[str]) -> alt.LayerChart:
    """Validation error over MACs; a line along the front, names beside those that were chosen."""
    state = pd.Series(STATES[0], evaluations.index).mask(evaluations["front"].astype(bool), STATES[1])
    rows = evaluations.assign(state=state.mask(evaluations["member"].notna(), STATES[2]))
    rows = rows.dropna(subset=["validation_error", "macs"])
    rows = rows.sort_values("state", key=lambda states: states.map(STATES.index), kind="stable")  # chosen ones on top
    x, y = _macs(rows), measure(alt.Y, "validation_error", "Validation error")
    legend = {"orient": "bottom", "direction": "horizontal", "columns": 2}
    shapes = ["circle", "square", "diamond"]
    key = told_apart("state", STATES, [GREY, *(colours * 2)[:2]], shapes=shapes, legend=legend)
    front = alt.Chart(rows[rows["front"].astype(bool)])
    front = front.mark_line(interpolate="step-after", color=MUTED, strokeWidth=1).encode(x=x, y=y)
    chosen = words_at(rows[rows["state"] == STATES[2]], x, y, "member", align="left", dx=7, dy=-7)
    tooltip = tooltips("state", "layers", "channels", macs=",", validation_error=".1%")
    look = {"width": 270, "height": 200, "title": panel_title("Validation images")}
    return scatter(rows, x, y, key, tooltip, size=60, under=[front], over=[chosen], choose=True, **look)


def _macs(rows: pd.DataFrame) -> alt.X:
    reach = [0.85 * rows["macs"].min(), 1.2 * rows["macs"].max()] if len(rows) else [1, 10]
    return measure(alt.X, "macs", "MACs", "~s", {"tickCount": 4}, type="log", domain=reach)
