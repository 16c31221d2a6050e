"""The chart of what joint training does."""

from typing import NamedTuple

import altair as alt
import pandas as pd
from scipy.special import stdtrit

from resiliency.report.rows import measured_columns, under_main_rule
from resiliency.report.style import SHARE, by_legend, finish, notice, panel_title, set_properties, tooltips
from resiliency.report.words import OBJECTIVES, kind_of, label, percent, plain, plural, with_interval

CAPTION = (
    "Above a dashed line, joint training beats independent training. Observation 3 claims that the robustness of the "
    "balanced loss peaks between λ = 0 and λ = 1."
)
SERIES = ["ensemble", "its members, mean"]
WIDTH, HEIGHT, LABELS = 126, 92, 36


class Quantity(NamedTuple):
    """What a column of panels shows: of the ensemble and, if it has a second column of the table, of its members."""

    title: str
    subtitle: list[str]
    columns: list[str]
    form: str


ACCURACIES = [
    Quantity("Accuracy", ["on clean images"], ["clean_accuracy", "mean_member_clean_accuracy"], SHARE),
    Quantity(
        "Corrupted accuracy",
        ["accuracy on", "corrupted images"],
        ["corrupted_accuracy", "mean_member_corrupted_accuracy"],
        SHARE,
    ),
]


def draw(ensembles: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Accuracy on clean and corrupted images and a diversity of each kind over lambda: a row per objective."""
    title = "What the weight of a joint loss does"
    joint = jointly_trained(ensembles)
    if joint.empty:
        return notice(title, "no jointly trained members in this study")
    rule = joint["rule"].iloc[0]
    columns = [_values(joint, quantity) for quantity in _quantities(joint)]
    objectives = joint["objective"].unique().tolist()
    drawn = [objective for objective in objectives if objective != "independent"] or objectives
    dashed = "; dashed: mean of independent training, which is λ = 0"
    rows = [_row(columns, objective, drawn, colours) for objective in drawn]
    subtitle = [
        "A point for each seed, a line through their means" + (dashed if (joint["loss_weight"] == 0).any() else ""),
        "All panels of a column share their vertical scale",
        f"{plural(joint['ensemble'].nunique(), 'jointly trained ensemble')}, combined by {label(rule)}",
    ]
    return finish(alt.vconcat(*rows, spacing=10), title, subtitle)


def jointly_trained(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles that were trained jointly, under the main combination rule."""
    return under_main_rule(ensembles[ensembles["origin"] == "joint"].dropna(subset=["corrupted_accuracy"]))


def _quantities(joint: pd.DataFrame) -> list[Quantity]:
    """The accuracies, and the diversity of the first metric of each kind."""
    first = {}
    for metric, column in measured_columns(joint).items():
        first.setdefault(kind_of(metric), (metric, column))
    diversities = [
        Quantity(f"{kind} diversity".capitalize(), [*label(metric).split(", "), _images(column)], [column], "~g")
        for kind, (metric, column) in first.items()
    ]
    return ACCURACIES + diversities


def _images(column: str) -> str:
    return f"on {column.rsplit('_', 1)[1]} images"


def _values(joint: pd.DataFrame, quantity: Quantity) -> tuple[Quantity, pd.DataFrame]:
    """A quantity with its values: a row per ensemble and series."""
    keys = joint[["objective", "loss_weight", "seed"]]
    series = zip(SERIES, quantity.columns, strict=False)
    return quantity, pd.concat([keys.assign(of=of, value=joint[c].round(5)) for of, c in series]).dropna()


def _row(
    columns: list[tuple[Quantity, pd.DataFrame]], objective: str, objectives: list[str], colours: list[str]
) -> alt.HConcatChart:
    """The panels of one objective; the first row has their titles, the last the title of the horizontal axes."""
    lines = max(len(quantity.subtitle) for quantity, _ in columns)
    panels = []
    for quantity, values in columns:
        first = objective == objectives[0] and not panels
        panel = _panel(values, objective, quantity.form, objective == objectives[-1], first, colours)
        if objective == objectives[0]:
            subtitle = quantity.subtitle + [""] * (lines - len(quantity.subtitle))
            set_properties(panel, title=panel_title(quantity.title, subtitle=subtitle))
        panels.append(set_properties(panel, width=WIDTH, height=HEIGHT))
    name = panel_title(f"{objective}: {OBJECTIVES[objective]}", frame="bounds")
    return alt.hconcat(*panels, spacing=LABELS + 12, bounds="flush", title=name)


def _panel(
    values: pd.DataFrame, objective: str, form: str, last: bool, first: bool, colours: list[str]
) -> alt.LayerChart:
    """One quantity over the weight of one objective, on the scale of all `values`, and independent training."""
    own = values[values["objective"] == objective]
    loss_weights = sorted(own["loss_weight"].unique().tolist())
    ticks = alt.Axis(values=loss_weights, labelExpr="'' + datum.value", labelOverlap=True, grid=False)
    x = alt.X("loss_weight:Q", title="Weight λ" if last else None, axis=ticks)
    x = x.scale(domain=[0, max([1, *loss_weights])], padding=8, nice=False)
    y = alt.Y("value:Q", title=None).axis(format=form, tickCount=3)
    y = y.scale(domain=[values["value"].min(), values["value"].max()], padding=8, nice=False, zero=False)
    hue = alt.Color("of:N", title="Accuracy of", sort=SERIES).scale(domain=SERIES, range=(colours * 2)[:2])
    hue = hue.legend(orient="bottom", direction="horizontal", symbolType="stroke", symbolStrokeWidth=2, symbolOpacity=1)
    shape = alt.Shape("of:N", legend=None).scale(domain=SERIES, range=["circle", "diamond"])
    chosen, opacity = by_legend("of")
    base = alt.Chart(own).encode(x=x, y=y, color=hue, opacity=opacity)
    points = base.mark_point(filled=True, size=34).encode(
        shape=shape, tooltip=tooltips("of", "loss_weight", "seed", value=".4f")
    )
    means = own.groupby(["of", "loss_weight"], sort=False)["value"].mean().reset_index()
    independent = values[values["loss_weight"] == 0].groupby("of", sort=False)["value"].mean().reset_index()
    rule = alt.Chart(independent).mark_rule(strokeDash=[4, 3]).encode(y=y, color=hue, opacity=opacity)
    rule = rule.add_params(chosen) if first else rule
    return alt.layer(rule, alt.Chart(means).mark_line().encode(x=x, y=y, color=hue, opacity=opacity), points)


def finding(ensembles: pd.DataFrame, members: pd.DataFrame) -> str:
    """For each objective, its most robust weight against independent training; means with intervals over seeds."""
    joint = jointly_trained(ensembles)
    if joint.empty:
        return ""
    # Independent training is the same under every objective.
    independent = joint[joint["loss_weight"] == 0].drop_duplicates("seed")["corrupted_accuracy"]
    confidence = members["confidence"].max()
    clauses = []
    for objective, rows in joint[joint["loss_weight"] > 0].groupby("objective", sort=False):
        means = rows.groupby("loss_weight")["corrupted_accuracy"].mean()
        best = f"At the best of {len(means)} weights" if len(means) > 1 else "At its only weight"
        loss_weight = plain(means.idxmax())
        reached = _mean(rows.loc[rows["loss_weight"] == means.idxmax(), "corrupted_accuracy"], confidence)
        clauses.append(f"{best} (λ = {loss_weight}), the {objective} loss reaches {reached} on corrupted images.")
    if clauses and len(independent):
        clauses.append(f"Independent training reaches {_mean(independent, confidence)}.")
    return " ".join(clauses)


def _mean(accuracies: pd.Series, confidence: float) -> str:
    """The mean over seeds, with the interval of Student's t where there are several."""
    mean, seeds = accuracies.mean(), len(accuracies)
    if seeds < 2:
        return f"{percent(mean)} (one seed)"
    half = stdtrit(seeds - 1, (1 + confidence) / 2) * accuracies.sem()
    return f"{with_interval(mean, max(mean - half, 0), min(mean + half, 1))} over {seeds} seeds"
