"""Accuracy on shifted images against clean accuracy: what a shift costs beyond what clean accuracy predicts."""

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CORRUPTED
from resiliency.report.style import (
    INK,
    LEGEND_COLUMN,
    MANY,
    MUTED,
    SHARE,
    by_legend,
    finish,
    legend_columns,
    notice,
    panel_title,
    point_style,
    shapes,
    spread,
    tooltips,
)
from resiliency.report.words import interval, label, number, percent, plural, points

CAPTION = (
    "Members above the line are more robust to the shift than their clean accuracy predicts. This is effective "
    "robustness only if the line is fitted to reference members, which statistics.reference names. Otherwise it is the "
    "residual from a line through the evaluated members themselves. We do not rank members if the line explains less "
    "than half of the variance (R² < 0.5)."
)
TITLE = "Accuracy on shifted images against clean accuracy"
COLUMNS, WIDTHS = 3, (800, 375, 245)  # panels of a row, and px of a panel in rows of one, two and three
STEPS = 40
LEAST_R_SQUARED = 0.5  # below it, a line leaves more of the variance than it explains, and so predicts little
LEAST = 1e-3  # accuracies of less, and of less than this from 1, are drawn here: their logits go to infinity


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A panel for each set of shifted images, both axes on the logit scale, with the line that is fitted to members."""
    if table.empty:
        return notice(TITLE, "no members with accuracies on shifted images")
    by_recipe = table["recipe"].notna().any()
    field = "recipe" if by_recipe else "family"
    names = list(dict.fromkeys(table[field].dropna()))
    chosen, opacity = by_legend(field)
    legend = alt.Legend(title=field.capitalize(), columns=legend_columns(names))
    hue = alt.Color(f"{field}:N", legend=legend).scale(spread(names, colours))
    shape = alt.Shape(f"{field}:N", legend=legend).scale(shapes(names, colours))
    sets = list(dict.fromkeys(table["test_set"]))
    in_a_row = min(len(sets), COLUMNS)
    width = WIDTHS[in_a_row - 1] - LEGEND_COLUMN * (legend_columns(names) - 1) // in_a_row
    panels = [
        _panel(table[table["test_set"] == name], name, (hue, shape), opacity, chosen if index == 0 else None, width)
        for index, name in enumerate(sets)
    ]
    rows = [alt.hconcat(*panels[start : start + COLUMNS], spacing=28) for start in range(0, len(panels), COLUMNS)]
    reference = table[table["is_reference"]]
    of = plural(reference["member"].nunique(), "reference member" if _has_reference(table) else "member")
    if by_recipe and reference["recipe"].nunique() == 1:
        of += f" of recipe {reference['recipe'].iloc[0]}"
    subtitle = [f"Line: fitted to {of} on the logit scale; dotted: as accurate as on clean images"]
    return finish(alt.vconcat(*rows, spacing=24), TITLE, subtitle)


def _panel(
    rows: pd.DataFrame,
    name: str,
    encodings: tuple[alt.Color, alt.Shape],
    opacity: alt.Opacity,
    chosen: alt.Parameter | None,
    width: int,
) -> alt.LayerChart:
    hue, shape = encodings
    drawn = rows.assign(**{c: rows[c].clip(LEAST, 1 - LEAST) for c in ("clean_accuracy", "accuracy", "low", "high")})
    drawn = drawn.assign(x=logit(drawn["clean_accuracy"]), y=logit(drawn["accuracy"].astype(float)))
    drawn = drawn.assign(y_low=logit(drawn["low"].astype(float)), y_high=logit(drawn["high"].astype(float)))
    x = alt.X("x:Q", title="Clean accuracy").axis(**_axis(drawn["x"])).scale(domain=_reach(drawn["x"]), nice=False)
    title = f"Accuracy on {label(name)} images" if name == "corrupted" else f"Accuracy on {label(name)}"
    y = alt.Y("y:Q", title=title).axis(**_axis(drawn["y"])).scale(domain=_reach(drawn["y"]), nice=False)
    names = ("member", "family", "recipe") if rows["recipe"].notna().any() else ("member", "family")
    forms = {"clean_accuracy": ".1%", "accuracy": ".1%", "predicted_accuracy": ".1%", "effective_robustness": "+.1%"}
    tooltip = tooltips(*names, **forms)
    base = alt.Chart(drawn).encode(x=x, color=hue, opacity=opacity)
    many = len(drawn) > MANY
    layers = [base.mark_point(filled=True, **point_style(len(drawn), 45)).encode(y=y, shape=shape, tooltip=tooltip)]
    intervals = drawn.dropna(subset=["low", "high"])
    if len(intervals) and not many:
        ends = {"y": alt.Y("y_low:Q"), "y2": alt.Y2("y_high")}
        layers.insert(0, alt.Chart(intervals).mark_rule().encode(x=x, color=hue, opacity=opacity, **ends))
    if chosen is not None:
        layers[0] = layers[0].add_params(chosen)
    ends = _reach(drawn["x"])
    grid = np.linspace(*ends, STEPS)
    same = _within(pd.DataFrame({"x": grid, "y": grid}), drawn["y"])
    layers.append(alt.Chart(same).mark_line(strokeDash=[2, 3], color=MUTED, strokeWidth=1).encode(x=x, y=y))
    slope, intercept = rows[["slope", "intercept"]].iloc[0]
    if np.isfinite(slope):
        line = _within(pd.DataFrame({"x": grid, "y": intercept + slope * grid}), drawn["y"])
        layers.append(alt.Chart(line).mark_line(color=INK, strokeWidth=1.5).encode(x=x, y=y))
    r_squared = rows["r_squared"].iloc[0]
    fit = f"; R² of the line {number(r_squared, 2)}" if np.isfinite(r_squared) else ""
    title = panel_title(f"{label(name)}: {plural(len(rows), 'member')}{fit}")
    return alt.layer(*layers, width=width, height=195, title=title)


def _within(line: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    return line[line["y"].between(*_reach(values))]


def _reach(values: pd.Series) -> list[float]:
    low, high = values.min(), values.max()
    margin = max(0.06 * (high - low), 0.05)
    return [float(low - margin), float(high + margin)]


TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 0.999)


def _axis(values: pd.Series) -> dict:
    """Ticks at round accuracies, of which axes hold the logits."""
    low, high = _reach(values)
    ticks = [tick for tick in TICKS if low <= logit(tick) <= high]
    if len(ticks) < 3:
        low, high = expit([low, high])
        ticks = np.unique(np.round(np.linspace(low, high, 7), 2)).clip(0.01, 0.99).tolist()
    return {
        "values": [float(logit(tick)) for tick in ticks],
        "labelExpr": "format(1 / (1 + exp(-datum.value)), '.1~%')",
        "labelOverlap": True,
        "format": SHARE,
    }


def _images_label(name: str) -> str:
    return "corrupted images" if name == CORRUPTED else label(name)


def _has_reference(table: pd.DataFrame) -> bool:
    """Whether the line is fitted to reference members, and not to all that are judged."""
    return not table["is_reference"].all()


def finding(table: pd.DataFrame) -> str:
    """How far members lie from the line on each set of images, and who lies furthest above it."""
    clauses, judged = [], table[~table["is_reference"]] if _has_reference(table) else table
    judged = judged.dropna(subset=["effective_robustness"])
    weak = judged[judged["r_squared"] < LEAST_R_SQUARED].drop_duplicates("test_set")
    judged = judged[judged["r_squared"] >= LEAST_R_SQUARED]
    for name, rows in judged.groupby("test_set", sort=False):
        best = rows.loc[rows["effective_robustness"].idxmax()]
        where = f"{_images_label(name)} (R² {number(best['r_squared'], 2)})"
        if best["effective_robustness"] <= 0:
            clauses.append(f"On {where}, no member lies above the line.")
            continue
        ends = f" {interval(best['low'], best['high'], percent)}" if pd.notna(best["low"]) else ""
        clauses.append(
            f"On {where}, {best['member']} lies furthest above the line, by "
            f"{points(best['effective_robustness'])} percentage points (accuracy {percent(best['accuracy'])}{ends})."
        )
    clauses += [
        f"Clean accuracy hardly predicts accuracy on {_images_label(row.test_set)} (R² {number(row.r_squared, 2)}): "
        "compare members by their errors there, not by their distance from the line."
        for row in weak.itertuples()
    ]
    line = "The line is fitted to the reference members."
    line = line if _has_reference(table) else "The line is fitted to all members of the study."
    return " ".join([*clauses, line]) if clauses else ""
