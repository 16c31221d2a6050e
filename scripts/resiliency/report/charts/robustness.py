"""Charts of the robustness of members: by size, accuracy and corruption, and on shifted test
sets."""

import altair as alt
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CLEAN, CORRUPTED, averaged
from resiliency.report import style
from resiliency.report.rows import independent, level, measured_on, with_ends
from resiliency.report.words import label, listed, number, plural, points

NO_MEMBERS = "no independently trained members in this study"
BEST, BASELINE, WORST = "best", "baseline", "worst"
MOST_FAMILIES = 20  # number of families in a legend; others are one entry
LEGEND_COLUMNS = 6


def range_finding(members: pd.DataFrame, *others: pd.DataFrame) -> str:
    """The independently trained members with the lowest and the highest error; "" if fewer than two
    have one."""
    measured, called = measured_on(members)
    rows = (
        independent(measured)
        .dropna(subset=["corrupted_error"])
        .sort_values("corrupted_error", kind="stable")
    )
    if len(rows) < 2:
        return ""
    of = (
        " of independently trained members"
        if measured["corrupted_error"].count() > len(rows)
        else ""
    )
    best, worst = (
        f"{with_ends(row, 'corrupted_error')} ({row['member']})"
        for _, row in rows.iloc[[0, -1]].iterrows()
    )
    return f"{called}{of} ranges from {best} to {worst} on all test images."


@style.chart(
    "A robust design has a line that stays low. Point at a grey line for its design.", range_finding
)
def error_by_severity(
    members: pd.DataFrame, errors: pd.DataFrame, deployment: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """Mean error of each design against severity: the best, the worst and the baseline stand out,
    others are grey."""
    alone, own = independent(members), errors[errors["test_set"] == CLEAN]
    counted = averaged(own.loc[own["corruption"] != CLEAN, "corruption"].unique())
    rows = own[own["corruption"].isin([CLEAN, *counted])].merge(
        alone[["member", "design", "family"]], on="member"
    )
    under = rows[rows["corruption"] != CLEAN]
    if under.empty:
        return style.notice(NO_MEMBERS)
    means = under.groupby("design")["error"].mean().sort_values(kind="stable")
    baseline = (
        deployment.loc[deployment["baseline"].astype(bool), "members"] if len(deployment) else []
    )
    roles = dict.fromkeys(alone.loc[alone["member"].isin(baseline), "design"], BASELINE)
    roles |= {means.index[-1]: WORST, means.index[0]: BEST}
    looks = {
        BEST: (colours[0], "circle"),
        BASELINE: (style.INK, "square"),
        WORST: ((colours * 6)[5], "diamond"),
    }
    names = {
        design: f"{role}: {design}" for role in looks for design in roles if roles[design] == role
    }
    others = plural(len(means) - len(roles), "other design")
    curves = (
        rows.groupby(["family", "design", "severity"], sort=False)["error"].mean().reset_index()
    )
    curves["name"] = curves["design"].map(names).fillna(others)
    grey = curves["name"] == others
    shown = {name: looks[roles[design]] for design, name in names.items()}
    shown |= {others: (style.GREY, "circle")} if grey.any() else {}
    hues, shapes = zip(*shown.values(), strict=True)
    key = style.told_apart("name", list(shown), hues, shapes=shapes, legend={"columns": 2})
    ticks = {"values": sorted(curves["severity"].unique().tolist()), "grid": False}
    x = style.measure(alt.X, "severity", "Severity (0: clean images)", "d", ticks)
    y = style.measure(alt.Y, "error", "Top-1 error", zero=style.from_zero(curves["error"]))
    look = {
        "detail": "design",
        "tooltip": style.tooltips("design", "family", "severity", error=".1%"),
    }
    layers = (
        [style.lines(curves[grey], x, y, key, dots=18, stroke=1.2, **look)] if grey.any() else []
    )
    layers.append(style.lines(curves[~grey], x, y, key, dots=70, stroke=3, **look))
    counts, images = rows.groupby("design")["member"].nunique(), int(rows["n_images"].max())
    fewest, most = int(counts.min()), plural(int(counts.max()), "member")
    members_of = most if fewest == counts.max() else f"{fewest} to {most}"
    over = plural(images, "test image") if images else "an unknown number of test images"
    corruptions = plural(under["corruption"].nunique(), "corruption")
    said = f"Mean over {corruptions} and {members_of} of each design; {over}"
    return alt.layer(*layers, width=800, height=260), [said]


@style.chart(
    "If size or clean accuracy determined robustness, points of all families would fall along a "
    "line.",
    range_finding,
)
def size_accuracy_robustness(members: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Corrupted error, or that on natural shifts, against size where that is known and against
    clean accuracy."""
    measured, called = measured_on(members)
    rows = independent(measured).dropna(subset=["corrupted_error"])
    if rows.empty:
        return style.notice(NO_MEMBERS)
    largest = rows["family"].value_counts().index
    if len(largest) > MOST_FAMILIES:
        kept = rows["family"].isin(largest[: MOST_FAMILIES - 1])
        rows = rows.assign(family=rows["family"].where(kept, "other families"))
    families = rows["family"].unique().tolist()
    legend = {"title": "Family", "columns": LEGEND_COLUMNS}
    key = style.told_apart("family", families, colours, shapes=style.SHAPES, legend=legend)
    y = style.measure(alt.Y, "corrupted_error", called)
    tooltip = style.tooltips("member", "family", parameters=",", clean_accuracy=".1%")
    tooltip.append(alt.Tooltip("corrupted_error", title=called.lower(), format=".1%"))
    look = {"up": ("corrupted_error_low", "corrupted_error_high"), "width": 385, "height": 320}
    sized = rows.dropna(subset=["parameters"])
    panels = []
    if len(sized):
        sizes = sized["parameters"]
        reach = {"type": "log", "domain": [0.7 * sizes.min(), 1.4 * sizes.max()]}
        x = style.measure(
            alt.X,
            "parameters",
            "Parameters (log scale)",
            "~s",
            {"values": _decades(sizes)},
            **reach,
        )
        panels.append(style.scatter(sized, x, y, key, tooltip, **look))
    x, ends = (
        style.measure(alt.X, "clean_accuracy", "Clean accuracy"),
        ("clean_accuracy_low", "clean_accuracy_high"),
    )
    panels.append(style.scatter(rows, x, y, key, tooltip, across=ends, **look))
    count = f"{plural(len(rows), 'independently trained member')}; lower is more robust"
    count += (
        f", {len(sized):,} with a known number of parameters" if 0 < len(sized) < len(rows) else ""
    )
    bars = [f"Bars: {level(rows)} intervals over test images"] if len(rows) <= style.MANY else []
    return alt.hconcat(*panels, spacing=28), [count, *bars]


def _decades(values: pd.Series) -> list[int]:
    """Ticks of a logarithmic axis of `values`: 1, 2 and 5 of each decade, or only 1 if there are
    many decades."""
    steps = (1, 2, 5) if values.max() < 300 * values.min() else (1,)
    return [
        step * 10**e
        for e in range(int(np.log10(values.min())), int(np.log10(values.max())) + 2)
        for step in steps
    ]


# Panels of a row, and px of a panel in rows of one, two and three.
COLUMNS, WIDTHS = 3, (800, 375, 245)
LEAST_R_SQUARED = 0.5  # below it, a line explains less variance than it leaves
LEAST = 1e-3  # accuracies closer to 0 or 1 are drawn here, because their logits go to infinity
TICKS = (
    0.001,
    0.01,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.85,
    0.9,
    0.92,
    0.94,
    0.96,
    0.98,
    0.99,
    0.999,
)


def shift_finding(table: pd.DataFrame) -> str:
    """On each set of images the member furthest above the line, or that none is, or that the line
    predicts little."""
    judged = table if table["is_reference"].all() else table[~table["is_reference"]]
    judged = judged.dropna(subset=["effective_robustness", "r_squared"])
    if judged.empty:
        return "Unknown: a line needs three members that differ in clean accuracy."
    best = judged.loc[judged.groupby("images", sort=False)["effective_robustness"].idxmax()]
    on = best["images"].map(label) + (best["images"] == CORRUPTED).map({True: " images", False: ""})
    above = best["member"] + " on " + on + " (" + best["effective_robustness"].map(points) + ")"
    weak = best["r_squared"] < LEAST_R_SQUARED
    none = ~weak & (best["effective_robustness"] < 0.0005)
    sentences = {
        "Furthest above the line, in percentage points of accuracy: {}.": above[~weak & ~none],
        "No member lies 0.1 percentage points or more above the line on {}.": on[none],
        "No member can be named on {}, where clean accuracy hardly predicts accuracy: compare "
        "errors there.": on[weak],
    }
    return " ".join(said.format(listed(of.tolist())) for said, of in sentences.items() if len(of))


@style.chart(
    "Members above the line are more robust to the shift than their clean accuracy predicts. This "
    "is effective "
    "robustness only if the line is fitted to reference members, which statistics.reference names. "
    "Otherwise it is the "
    "residual from a line through the evaluated members themselves. We do not rank members if the "
    "line explains less "
    "than half of the variance (R² < 0.5).",
    shift_finding,
)
def effective_robustness(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """A panel for each set of shifted images, both axes on the logit scale, with the line that is
    fitted to members."""
    if table.empty:
        return style.notice("no members with accuracies on shifted images")
    field = "recipe" if table["recipe"].notna().any() else "family"
    legend = {"title": field.capitalize(), "columns": LEGEND_COLUMNS}
    key = style.told_apart(
        field, table[field].dropna().unique().tolist(), colours, shapes=style.SHAPES, legend=legend
    )
    width = WIDTHS[min(table["images"].nunique(), COLUMNS) - 1]
    panels = [_panel(of, images, key, width) for images, of in table.groupby("images", sort=False)]
    reference = table[table["is_reference"]]
    of = plural(
        reference["member"].nunique(),
        "member" if table["is_reference"].all() else "reference member",
    )
    if field == "recipe" and reference["recipe"].nunique() == 1:
        of += f" of recipe {reference['recipe'].iloc[0]}"
    subtitle = [f"Line: fitted to {of} on the logit scale; dotted: as accurate as on clean images"]
    return alt.concat(*panels, columns=COLUMNS, spacing=28), subtitle


def _panel(rows: pd.DataFrame, name: str, key: style.Key, width: int) -> alt.LayerChart:
    """Accuracy of each member on one set of images over its clean accuracy, both as logits."""
    columns = {"x": "clean_accuracy", "y": "accuracy", "y_low": "low", "y_high": "high"}
    logits = {
        to: logit(rows[column].astype(float).clip(LEAST, 1 - LEAST))
        for to, column in columns.items()
    }
    drawn = rows.assign(**logits)
    up = drawn[["y", "y_low", "y_high"] if len(rows) <= style.MANY else ["y"]].stack()
    called = f"Accuracy on {label(name)}" + " images" * (name == CORRUPTED)
    x, y = _axis(alt.X, drawn["x"], "Clean accuracy"), _axis(alt.Y, up, called)
    members = ("member", "family", *(["recipe"] if rows["recipe"].notna().any() else []))
    forms = {
        "clean_accuracy": ".1%",
        "accuracy": ".1%",
        "predicted_accuracy": ".1%",
        "effective_robustness": "+.1%",
    }
    slope, intercept, r_squared = rows[["slope", "intercept", "r_squared"]].iloc[0]
    grid = np.linspace(*_reach(drawn["x"]), 40)
    over = []
    for colour, dash, values in (
        (style.MUTED, (2, 3), grid),
        (style.INK, (1, 0), intercept + slope * grid),
    ):
        line = pd.DataFrame({"x": grid, "y": values})
        over.append(style.line_through(x, y, line[line["y"].between(*_reach(up))], colour, dash))
    fit = f"; R² of the line {number(r_squared, 2)}" if np.isfinite(r_squared) else ""
    title = style.panel_title(f"{label(name)}: {plural(len(rows), 'member')}{fit}")
    look = {
        "up": ("y_low", "y_high"),
        "size": 45,
        "over": over,
        "width": width,
        "height": 195,
        "title": title,
    }
    return style.scatter(drawn, x, y, key, style.tooltips(*members, **forms), **look)


def _reach(values: pd.Series) -> list[float]:
    low, high = values.min(), values.max()
    margin = max(0.06 * (high - low), 0.05)
    return [float(low - margin), float(high + margin)]


def _axis(channel: type, values: pd.Series, title: str) -> alt.X | alt.Y:
    """An axis of logits with ticks at round accuracies."""
    low, high = _reach(values)
    ticks = [tick for tick in TICKS if low <= logit(tick) <= high]
    if len(ticks) < 3:
        ticks = (
            np.unique(np.round(np.linspace(*expit([low, high]), 7), 2)).clip(0.01, 0.99).tolist()
        )
    share = "format(1 / (1 + exp(-datum.value)), '.1~%')"
    axis = {"values": [float(logit(tick)) for tick in ticks], "labelExpr": share}
    return style.measure(
        channel, "x" if channel is alt.X else "y", title, axis=axis, domain=[low, high], zero=False
    )
