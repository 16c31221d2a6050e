"""Accuracy on shifted images against clean accuracy: what a shift costs beyond what clean accuracy predicts."""

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CORRUPTED
from resiliency.report.panels import Key, chart, line_through, measure, scatter, told_apart
from resiliency.report.style import (
    INK,
    LEGEND_COLUMN,
    MUTED,
    cycled,
    finish,
    legend_columns,
    notice,
    panel_title,
    shapes,
    tooltips,
)
from resiliency.report.words import label, number, plural

TITLE = "Accuracy on shifted images against clean accuracy"
CAPTION = (
    "Members above the line are more robust to the shift than their clean accuracy predicts. This is effective "
    "robustness only if the line is fitted to reference members, which statistics.reference names. Otherwise it is the "
    "residual from a line through the evaluated members themselves. We do not rank members if the line explains less "
    "than half of the variance (R² < 0.5)."
)
COLUMNS, WIDTHS = 3, (800, 375, 245)  # panels of a row, and px of a panel in rows of one, two and three
LEAST_R_SQUARED = 0.5  # below it, a line leaves more of the variance than it explains, and so predicts little
LEAST = 1e-3  # accuracies of less, and of less than this from 1, are drawn here: their logits go to infinity
TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 0.999)


def facts(table: pd.DataFrame) -> dict:
    """On each set of images the member furthest above the line, or that none is, or that the line predicts little."""
    reference = not table["is_reference"].all()
    judged = (table[~table["is_reference"]] if reference else table).dropna(subset=["effective_robustness"])
    sets = []
    for name, rows in judged.groupby("test_set", sort=False):
        best = rows.loc[rows["effective_robustness"].idxmax()]
        if not np.isnan(best["r_squared"]):
            images = "corrupted images" if name == CORRUPTED else label(name)
            weak = bool(best["r_squared"] < LEAST_R_SQUARED)
            sets.append(best.to_dict() | {"images": images, "weak": weak})
    sets.sort(key=lambda of: of["weak"])
    return {"sets": sets, "reference": reference} if sets else {}


@chart(CAPTION, facts)
def effective_robustness(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A panel for each set of shifted images, both axes on the logit scale, with the line that is fitted to members."""
    if table.empty:
        return notice(TITLE, "no members with accuracies on shifted images")
    field = "recipe" if table["recipe"].notna().any() else "family"
    names = list(dict.fromkeys(table[field].dropna()))
    columns = legend_columns(names)
    legend = {"title": field.capitalize(), "columns": columns}
    key = told_apart(field, names, cycled(colours, len(names)), shapes=shapes(names, colours), legend=legend)
    sets = list(dict.fromkeys(table["test_set"]))
    in_a_row = min(len(sets), COLUMNS)
    width = WIDTHS[in_a_row - 1] - LEGEND_COLUMN * (columns - 1) // in_a_row
    panels = [_panel(table[table["test_set"] == name], name, key, name == sets[0], width) for name in sets]
    rows = [alt.hconcat(*panels[start : start + COLUMNS], spacing=28) for start in range(0, len(panels), COLUMNS)]
    reference = table[table["is_reference"]]
    of = plural(reference["member"].nunique(), "member" if table["is_reference"].all() else "reference member")
    if field == "recipe" and reference["recipe"].nunique() == 1:
        of += f" of recipe {reference['recipe'].iloc[0]}"
    subtitle = [f"Line: fitted to {of} on the logit scale; dotted: as accurate as on clean images"]
    return finish(alt.vconcat(*rows, spacing=24), TITLE, subtitle)


def _panel(rows: pd.DataFrame, name: str, key: Key, first: bool, width: int) -> alt.LayerChart:
    """Accuracy of each member on one set of images over its clean accuracy, both as logits."""
    columns = {"x": "clean_accuracy", "y": "accuracy", "y_low": "low", "y_high": "high"}
    logits = {to: logit(rows[column].astype(float).clip(LEAST, 1 - LEAST)) for to, column in columns.items()}
    drawn = rows.assign(**logits)
    title = f"Accuracy on {label(name)} images" if name == CORRUPTED else f"Accuracy on {label(name)}"
    x, y = _axis(alt.X, drawn["x"], "Clean accuracy"), _axis(alt.Y, drawn["y"], title)
    members = ("member", "family", *(["recipe"] if rows["recipe"].notna().any() else []))
    forms = {"clean_accuracy": ".1%", "accuracy": ".1%", "predicted_accuracy": ".1%", "effective_robustness": "+.1%"}
    grid = np.linspace(*_reach(drawn["x"]), 40)
    slope, intercept, r_squared = rows[["slope", "intercept", "r_squared"]].iloc[0]
    over = [line_through(x, y, _within(grid, grid, drawn["y"]), MUTED, [2, 3])]
    if np.isfinite(slope):
        over.append(line_through(x, y, _within(grid, intercept + slope * grid, drawn["y"]), INK, [1, 0]))
    fit = f"; R² of the line {number(r_squared, 2)}" if np.isfinite(r_squared) else ""
    return scatter(
        drawn,
        x,
        y,
        key,
        tooltips(*members, **forms),
        up=("y_low", "y_high"),
        size=45,
        over=over,
        choose=first,
        width=width,
        height=195,
        title=panel_title(f"{label(name)}: {plural(len(rows), 'member')}{fit}"),
    )


def _within(x: np.ndarray, y: np.ndarray, values: pd.Series) -> pd.DataFrame:
    """The points of a line that lie within the axis of `values`."""
    line = pd.DataFrame({"x": x, "y": y})
    return line[line["y"].between(*_reach(values))]


def _reach(values: pd.Series) -> list[float]:
    low, high = values.min(), values.max()
    margin = max(0.06 * (high - low), 0.05)
    return [float(low - margin), float(high + margin)]


def _axis(channel: type, values: pd.Series, title: str) -> alt.X | alt.Y:
    """An axis of logits with ticks at round accuracies."""
    low, high = _reach(values)
    ticks = [tick for tick in TICKS if low <= logit(tick) <= high]
    if len(ticks) < 3:
        ticks = np.unique(np.round(np.linspace(*expit([low, high]), 7), 2)).clip(0.01, 0.99).tolist()
    share = "format(1 / (1 + exp(-datum.value)), '.1~%')"
    axis = {"values": [float(logit(tick)) for tick in ticks], "labelExpr": share}
    return measure(channel, "x" if channel is alt.X else "y", title, axis=axis, domain=_reach(values))
