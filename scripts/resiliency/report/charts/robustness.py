"""Charts of the robustness of members: by size, accuracy and corruption, and on shifted test sets."""

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.panels import (
    Key,
    chart,
    from_zero,
    line_through,
    lines,
    measure,
    scatter,
    told_apart,
)
from resiliency.report.rows import (
    NO_MEMBERS,
    images_of_data_set,
    independent,
    measured_on,
    of_data_set,
    without_held_out,
)
from resiliency.report.style import (
    GREY,
    INK,
    LEGEND_COLUMN,
    MANY,
    MUTED,
    cycled,
    finish,
    legend_columns,
    notice,
    panel_title,
    shapes,
    tooltips,
)
from resiliency.report.words import label, number, percent, plural, points, with_interval

BEST, BASELINE, WORST = "best", "baseline", "worst"
MOST_FAMILIES = 20  # number of families in a legend; others are one entry


def range_finding(members: pd.DataFrame, *others: pd.DataFrame) -> str:
    """The independently trained members with the lowest and the highest error; "" if fewer than two have one."""
    measured, called = measured_on(members)
    rows = independent(measured).dropna(subset=["corrupted_error"]).sort_values("corrupted_error", kind="stable")
    if len(rows) < 2:
        return ""
    of = " of independently trained members" if measured["corrupted_error"].count() > len(rows) else ""
    columns = ["corrupted_error", "corrupted_error_low", "corrupted_error_high"]
    best, worst = (f"{with_interval(*row[columns])} ({row['member']})" for _, row in rows.iloc[[0, -1]].iterrows())
    return f"{called}{of} ranges from {best} to {worst} on all test images."


@chart("A robust design has a line that stays low. Point at a grey line for its design.", range_finding)
def error_by_severity(
    members: pd.DataFrame, errors: pd.DataFrame, deployment: pd.DataFrame, colours: list[str]
) -> alt.TopLevelMixin:
    """Mean error of each design against severity: the best, the worst and the baseline stand out, others are grey."""
    title = "Top-1 error of each design as corruptions grow more severe"
    columns = ["member", "design", "family"]
    rows = without_held_out(of_data_set(errors)).merge(independent(members)[columns], on="member")
    if rows.empty:
        return notice(title, NO_MEMBERS)
    roles = _roles_of_designs(rows, members, deployment)
    curves = rows.groupby(["family", "design", "severity"], sort=False)["error"].mean().reset_index()
    others = plural(curves["design"].nunique() - len(roles), "other design")
    curves["name"] = curves["design"].map(roles).fillna(others)
    named = list(roles.values())
    looks = {BEST: (colours[0], "circle"), BASELINE: (INK, "square"), WORST: ((colours * 6)[5], "diamond")}
    order = [*named, others] if others in set(curves["name"]) else named
    hues, marks = zip(*(looks.get(name.partition(":")[0], (GREY, "circle")) for name in order), strict=True)
    key = told_apart("name", order, hues, shapes=marks, legend={"orient": "bottom", "columns": 2})
    x = measure(
        alt.X, "severity", "Severity (0: clean images)", "d", {"values": sorted(set(curves["severity"])), "grid": False}
    )
    y = measure(alt.Y, "error", "Top-1 error", zero=from_zero(curves["error"]))
    tooltip = tooltips("design", "family", "severity", error=".1%")
    look = {"detail": "design", "tooltip": tooltip, "x": x, "y": y, "key": key}
    stands_out = curves["name"].isin(named)
    layers = [lines(curves[~stands_out], dots=18, stroke=1.2, **look)] if (~stands_out).any() else []
    layers.append(lines(curves[stands_out], dots=70, stroke=3, choose=True, **look))
    return finish(alt.layer(*layers, width=800, height=260), title, [_means(rows)])


def _roles_of_designs(rows: pd.DataFrame, members: pd.DataFrame, deployment: pd.DataFrame) -> dict[str, str]:
    """Design -> such as "best: pvt_wide", of the best, the baseline's and the worst, by the error under corruptions."""
    under = rows[rows["corruption"] != CLEAN] if (rows["corruption"] != CLEAN).any() else rows
    means = under.groupby("design")["error"].mean().sort_values(kind="stable")
    roles = {means.index[-1]: WORST, means.index[0]: BEST}
    if len(deployment) and deployment["baseline"].astype(bool).any():
        member = deployment.loc[deployment["baseline"].astype(bool), "members"].iloc[0]
        for design in independent(members).loc[independent(members)["member"] == member, "design"]:
            roles = {design: BASELINE} | roles
    place = [BEST, BASELINE, WORST].index
    return {design: f"{role}: {design}" for design, role in sorted(roles.items(), key=lambda pair: place(pair[1]))}


def _means(rows: pd.DataFrame) -> str:
    """Words for the conditions over which the errors in `rows` are averaged."""
    corruptions = rows.loc[rows["corruption"] != CLEAN, "corruption"].nunique()
    counts = rows.groupby("design")["member"].nunique()
    fewest, most = int(counts.min()), int(counts.max())
    of = plural(most, "member") if fewest == most else f"{fewest} to {plural(most, 'member')}"
    return f"Mean over {plural(corruptions, 'corruption')} and {of} of each design; {images_of_data_set(rows)}"


@chart(
    "If size or clean accuracy determined robustness, points of all families would fall along a line.", range_finding
)
def size_accuracy_robustness(members: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Corrupted error, or that on natural shifts, against size where that is known and against clean accuracy."""
    measured, called = measured_on(members)
    rows = independent(measured).dropna(subset=["corrupted_error"])
    if rows.empty:
        return notice("Robustness against model size and against clean accuracy", NO_MEMBERS)
    largest = rows["family"].value_counts().index
    if len(largest) > MOST_FAMILIES:  # one name for all others
        rows = rows.assign(
            family=rows["family"].where(rows["family"].isin(largest[: MOST_FAMILIES - 1]), "other families")
        )
    families = rows["family"].unique().tolist()
    key = told_apart(
        "family", families, cycled(colours, len(families)), shapes=shapes(families, colours), legend={"title": "Family"}
    )
    y = measure(alt.Y, "corrupted_error", called)
    error = alt.Tooltip("corrupted_error", title=called.lower(), format=".1%")
    look = {
        "tooltip": [*tooltips("member", "family", parameters=",", clean_accuracy=".1%"), error],
        "up": ("corrupted_error_low", "corrupted_error_high"),
        "width": 300,
        "height": 320,
    }
    sized = rows.dropna(subset=["parameters"])
    accuracy = measure(alt.X, "clean_accuracy", "Clean accuracy")
    across = ("clean_accuracy_low", "clean_accuracy_high")
    panels = []
    if len(sized):
        sizes = sized["parameters"]
        reach = {"type": "log", "domain": [0.7 * sizes.min(), 1.4 * sizes.max()]}
        x = measure(alt.X, "parameters", "Parameters (log scale)", "~s", {"values": _decades(sizes)}, **reach)
        panels.append(scatter(sized, x, y, key, choose=True, **look))
    panels.append(scatter(rows, accuracy, y, key, across=across, choose=not panels, **look))
    count = f"{plural(len(rows), 'independently trained member')}; lower is more robust"
    count += f", {len(sized):,} with a known number of parameters" if 0 < len(sized) < len(rows) else ""
    level = f"Bars: {percent(rows['confidence'].iloc[0], 0)} intervals over test images"
    title = (
        "Robustness against model size and against clean accuracy" if len(sized) else "Robustness and clean accuracy"
    )
    return finish(alt.hconcat(*panels, spacing=28), title, [count, level][: 2 if len(rows) <= MANY else 1])


def _decades(values: pd.Series) -> list[int]:
    """Ticks of a logarithmic axis of `values`: 1, 2 and 5 of each decade, or only 1 if there are many decades."""
    steps = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    return [step * 10**e for e in range(int(np.log10(values.min())), int(np.log10(values.max())) + 2) for step in steps]


TITLE = "Accuracy on shifted images against clean accuracy"
CAPTION = (
    "Members above the line are more robust to the shift than their clean accuracy predicts. This is effective "
    "robustness only if the line is fitted to reference members, which statistics.reference names. Otherwise it is the "
    "residual from a line through the evaluated members themselves. We do not rank members if the line explains less "
    "than half of the variance (R² < 0.5)."
)
COLUMNS, WIDTHS = 3, (800, 375, 245)  # panels of a row, and px of a panel in rows of one, two and three
LEAST_R_SQUARED = 0.5  # below it, a line explains less variance than it leaves
LEAST = 1e-3  # accuracies closer to 0 or 1 are drawn here, because their logits go to infinity
TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 0.999)


def shift_finding(table: pd.DataFrame) -> str:
    """On each set of images the member furthest above the line, or that none is, or that the line predicts little."""
    reference = not table["is_reference"].all()
    judged = (table[~table["is_reference"]] if reference else table).dropna(subset=["effective_robustness"])
    if judged.empty:
        return ""
    best = judged.loc[judged.groupby("images", sort=False)["effective_robustness"].idxmax()]
    best = best.dropna(subset=["r_squared"])
    weak = best["r_squared"] < LEAST_R_SQUARED
    sentences = [_most_robust(row) for row in pd.concat([best[~weak], best[weak]]).to_dict("records")]
    sentences = sentences or ["Unknown: a line needs three members that differ in clean accuracy."]
    members = "the reference members" if reference else "all members of the study"
    return " ".join([*sentences, f"The line is fitted to {members}."])


def _most_robust(row: dict) -> str:
    """Which member is the most robust on a set of images for its clean accuracy, by its row of the table."""
    on = f"On {'corrupted images' if row['images'] == CORRUPTED else label(row['images'])}"
    explained = f"R² {number(row['r_squared'], 2)}"
    if row["r_squared"] < LEAST_R_SQUARED:
        weak = f"{on}, none can be named: clean accuracy hardly predicts accuracy there ({explained})."
        return f"{weak} Compare members by their errors."
    if row["effective_robustness"] < 0.0005:
        return f"{on}, no member lies 0.1 percentage points or more above the line ({explained})."
    above = f"{points(row['effective_robustness'])} percentage points above the line"
    accuracy = with_interval(row["accuracy"], row["low"], row["high"])
    who = f"{row['member']} is the most robust for its clean accuracy"
    return f"{on}, {who}: {above} (accuracy {accuracy}; {explained})."


@chart(CAPTION, shift_finding)
def effective_robustness(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A panel for each set of shifted images, both axes on the logit scale, with the line that is fitted to members."""
    if table.empty:
        return notice(TITLE, "no members with accuracies on shifted images")
    field = "recipe" if table["recipe"].notna().any() else "family"
    names = list(dict.fromkeys(table[field].dropna()))
    columns = legend_columns(names)
    legend = {"title": field.capitalize(), "columns": columns}
    key = told_apart(field, names, cycled(colours, len(names)), shapes=shapes(names, colours), legend=legend)
    sets = list(dict.fromkeys(table["images"]))
    in_a_row = min(len(sets), COLUMNS)
    width = WIDTHS[in_a_row - 1] - LEGEND_COLUMN * (columns - 1) // in_a_row
    panels = [_panel(table[table["images"] == name], name, key, name == sets[0], width) for name in sets]
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
    bars = [drawn["y_low"], drawn["y_high"]] if len(rows) <= MANY else []
    up = pd.concat([drawn["y"], *bars])
    x, y = _axis(alt.X, drawn["x"], "Clean accuracy"), _axis(alt.Y, up, title)
    members = ("member", "family", *(["recipe"] if rows["recipe"].notna().any() else []))
    forms = {"clean_accuracy": ".1%", "accuracy": ".1%", "predicted_accuracy": ".1%", "effective_robustness": "+.1%"}
    grid = np.linspace(*_reach(drawn["x"]), 40)
    slope, intercept, r_squared = rows[["slope", "intercept", "r_squared"]].iloc[0]
    over = [line_through(x, y, _within(grid, grid, up), MUTED, [2, 3])]
    if np.isfinite(slope):
        over.append(line_through(x, y, _within(grid, intercept + slope * grid, up), INK, [1, 0]))
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
    return measure(channel, "x" if channel is alt.X else "y", title, axis=axis, domain=_reach(values), zero=False)
