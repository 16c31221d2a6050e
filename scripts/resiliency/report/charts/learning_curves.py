"""The chart of how training went."""

from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.member_tables import FEWEST_EPOCHS, LITTLE, late_gain
from resiliency.report.style import SHARE, WIDTH, by_legend, finish, notice, panel_title, shades, spread, tooltips
from resiliency.report.words import percent, plain, plural, points

CAPTION = (
    "What still gains a point or more would probably gain from longer training. A flat end alone does not mean that it "
    "would not, because the learning rate falls to zero. Members whose lines stay low have not learnt. Lines of one "
    "panel differ in the seed, or in the weight of the joint loss."
)
POINTS = 6000
TRAINING = ["design", "family", "origin", "objective", "loss_weight", "seed"]
FEW, MANY = 4, 6  # panels side by side
GAP = 16
LABELS = 32  # room for those of an axis


class Measure(NamedTuple):
    """How one measure is drawn: height of its panels, format of its axis."""

    height: int
    form: str


MEASURES = {"validation_accuracy": Measure(76, SHARE), "training_loss": Measure(48, "~g")}
EACH = ["seed", "epoch", *MEASURES]


def draw(histories: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Validation accuracy and training loss over epochs: panels per design and per objective, a line per training."""
    title = "Learning curves"
    runs = histories[histories["origin"].isin(["independent", "joint"])].dropna(subset=list(MEASURES))
    if runs.empty:
        return notice(title, "no members were trained in this study")
    curves = runs.groupby([*TRAINING, "epoch"], dropna=False, sort=False)[list(MEASURES)].mean().round(5).reset_index()
    trainings = curves.groupby(TRAINING, dropna=False, sort=False)
    most = max(2, POINTS // trainings.ngroups)
    thinned = pd.concat([_thinned(curve, most) for _, curve in trainings])
    blocks = [block(thinned, colours) for block in (_by_design, _by_objective)]
    subtitle = [
        "Above: accuracy on validation images, the figure that after the last epoch; below: training loss",
        f"A line over epochs for each of {plural(trainings.ngroups, 'training')}",
    ]
    if len(thinned) < len(curves):
        subtitle.append(f"Lines go through {most} evenly spaced epochs where there were more")
    rows = alt.vconcat(*(block for block in blocks if block), spacing=26).resolve_scale(color="independent")
    return finish(rows, title, subtitle)


def _thinned(curve: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many epochs of a training, evenly spaced, the first and the last among them."""
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, most).round().astype(int))]


def _by_design(curves: pd.DataFrame, colours: list[str]) -> alt.ConcatChart | None:
    """Independent training: a panel per design, coloured by family, which it names, all on the same scales."""
    curves = curves[curves["origin"] == "independent"]
    if curves.empty:
        return None
    families = list(curves["family"].unique())
    hue = alt.Color("family:N", scale=spread(families, colours), legend=None)
    curves = curves.sort_values("family", key=lambda names: names.map(families.index), kind="stable")
    columns = FEW if curves["design"].nunique() <= 2 * FEW else MANY
    return _grid(curves[["design", "family", *EACH]], hue, columns, list(MEASURES)).properties(
        title=panel_title("Trained independently")
    )


def _by_objective(curves: pd.DataFrame, colours: list[str]) -> alt.ConcatChart | None:
    """Joint training: a panel per objective, coloured by weight; their losses differ in kind, and so in scale."""
    curves = curves[curves["origin"] == "joint"]
    if curves.empty:
        return None
    loss_weights = sorted(curves["loss_weight"].unique().tolist())
    hue = alt.Color("loss_weight:O", title="Weight λ").scale(
        domain=loss_weights, range=shades(colours[0], len(loss_weights))
    )
    hue = hue.legend(orient="bottom", direction="horizontal", symbolType="stroke", symbolStrokeWidth=2)
    chart = _grid(curves[["objective", "loss_weight", *EACH]], hue, FEW, ["validation_accuracy"])
    return chart.properties(title=panel_title("Trained jointly; each objective has a loss of its own"))


def _grid(curves: pd.DataFrame, hue: alt.Color, columns: int, shared: list[str]) -> alt.ConcatChart:
    """A panel for each value of the first column of `curves`; `shared` measures have one scale."""
    labelled = 1 if shared == list(MEASURES) else columns  # columns of panels that have labels of their own
    width = (WIDTH - 20 - labelled * LABELS) / columns - GAP
    field = curves.columns[1]
    ends = {measure: [curves[measure].min(), curves[measure].max()] for measure in shared}
    named = field == "family" and (curves[field] != curves[curves.columns[0]]).any()
    panels = []
    for index, (name, of_one) in enumerate(curves.groupby(curves.columns[0], sort=False)):
        measures = [
            _lines(of_one, measure, hue, ends.get(measure), labels=measure not in shared or index % columns == 0)
            for measure in MEASURES
        ]
        last = of_one.loc[of_one["epoch"] == of_one["epoch"].max(), "validation_accuracy"].mean()
        if not panels and field == "loss_weight":
            measures[0] = measures[0].add_params(by_legend(field)[0])
        family = of_one[field].iloc[0] if field == "family" else name
        subtitle = [percent(last), family] if named else percent(last)
        measures[0] = measures[0].properties(title=panel_title(name, subtitle=subtitle, limit=width))
        panels.append(alt.vconcat(*(m.properties(width=width) for m in measures), spacing=6, bounds="flush"))
    return alt.concat(*panels, columns=columns, align="each", spacing={"column": GAP, "row": 14})


def _lines(curves: pd.DataFrame, measure: str, hue: alt.Color, ends: list[float] | None, labels: bool) -> alt.Chart:
    """One measure over epochs, on a scale between `ends` or on its own."""
    extent = LABELS if labels else 0
    last = measure == list(MEASURES)[-1]
    reach = sorted({1, int(curves["epoch"].max())})
    x = alt.X("epoch:Q", title=None).axis(labels=last, ticks=last, values=reach, format="d", grid=False)
    x = x.scale(zero=False, nice=False)
    y = alt.Y(f"{measure}:Q", title=None).axis(
        labels=labels, ticks=labels, minExtent=extent, maxExtent=extent, tickCount=2, format=MEASURES[measure].form
    )
    y = y.scale(zero=False, nice=False, padding=8, **({"domain": ends} if ends else {}))
    lines = alt.Chart(curves).mark_line(strokeWidth=1.2)
    lines = lines.encode(x=x, y=y, color=hue, detail=alt.Detail("seed:N"), tooltip=tooltips(*curves.columns[:3]))
    lines = lines.encode(opacity=by_legend("loss_weight")[1]) if "loss_weight" in curves else lines
    return lines.properties(height=MEASURES[measure].height)


def finding(histories: pd.DataFrame) -> str:
    """How many designs and settings of joint training gained a point or more at the end, and which of them the most."""
    rows = histories.dropna(subset=["validation_accuracy"])
    rows = rows[rows["origin"].isin(["independent", "joint"])]
    names = [_training_name(row.origin, row.design, row.objective, row.loss_weight) for row in rows.itertuples()]
    gains = pd.Series({name: late_gain(group, fewest=2) for name, group in rows.groupby(names)}, dtype=float).dropna()
    if gains.empty:
        return ""
    late = gains[gains >= LITTLE]
    jointly = (rows["origin"] == "joint").any()
    trained = f"{len(gains)} designs and settings of joint training" if jointly else plural(len(gains), "design")
    least = rows.groupby(names)["epoch"].max().min()
    short = " Of fewer than five epochs, the last one counts." if least < FEWEST_EPOCHS else ""
    rose = "Over the last fifth of the epochs, mean validation accuracy rose a percentage point or more"
    if late.empty:
        return f"{rose} above its best before, for none of {trained}.{short}"
    return (
        f"{rose} above its best before, for {len(late)} of {trained}. "
        f"The largest gain is that of {late.idxmax()}: {points(late.max())} points.{short}"
    )


def _training_name(origin: str, design: str, objective: str, loss_weight: float) -> str:
    """The design, or the setting of joint training; at weight 0 all objectives train alike."""
    if origin != "joint":
        return design
    return f"{objective} at λ = {plain(loss_weight)}" if loss_weight else "joint training at λ = 0"
