"""Charts of ensembles: their ceiling, and the gain by more members."""

from functools import partial

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.panels import (
    chart,
    from_zero,
    lines,
    measure,
    one_colour,
    told_apart,
    words_at,
)
from resiliency.report.rows import under_main_rule
from resiliency.report.style import cycled, finish, notice, panel_title, tooltips
from resiliency.report.words import NO_INTERVAL, capital, in_points, label, percent, plural, with_interval

LEAST = 1e-4  # smaller shares of images are drawn here, because 0 has no logarithm
STEPS = {(1, 2): "second_member", (2, 3): "third_member", (1, 3): "two_more_members"}  # sizes -> exchange
ENDS = ("", "_low", "_high")  # of the columns of a value and its interval
BOTH = {"corrupted_error": "corrupted", "clean_accuracy": "clean"}  # measure -> images, in the order of panels


def ceiling_finding(ceiling: pd.DataFrame) -> str:
    """Share of images that all members misclassify, and the part of the remaining gain that the best ensemble reaches.

    On corrupted images if there are any, else on clean ones; "" if there is but one member.
    """
    if ceiling.empty:
        return ""
    rows = ceiling[(ceiling["size"] == ceiling["members"]) & (ceiling["members"] > 1)]
    rows = rows[rows["images"] == (CORRUPTED if (rows["images"] == CORRUPTED).any() else CLEAN)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    who = "both" if row["members"] == 2 else f"all {row['members']}"
    same = with_interval(*(row[f"all_wrong{end}"] for end in ENDS))
    most = f"At most {percent(1 - row['all_wrong'])} on {label(row['images'])} images"
    said = f"{most}: {who} members misclassify the same {same}."
    if np.isnan(row["reached"]):
        return said
    gap = with_interval(*(row[f"reached{end}"] for end in ENDS), form=partial(percent, digits=0))
    member, reached = (f"{{}} ({percent(row[f'best_{of}_accuracy'])})" for of in ("member", "ensemble"))
    member = f"{member.format(row['best_member'])}, the best member whatever it costs"
    reached = reached.format("The best ensemble")
    if row["reached_low"] > 0:
        return f"{said} {reached} closes {gap} of the gap between {member}, and this ceiling."
    if row["reached_high"] < 0:
        return f"{said} {reached} is worse than {member}."
    return f"{said} {reached} does not differ significantly from {member}: it closes {gap} of the gap to this ceiling."


@chart(
    "No vote among members is right on an image that all of them misclassify; a mean of probabilities can be. "
    "The share falls as the pool grows, and is not extrapolated beyond its size.",
    ceiling_finding,
)
def ceiling(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Share of images that k members all get wrong, for k from 1 to all, and what independent failures would give."""
    title = "How often are all members wrong?"
    rows = drawn_rows(table)
    if rows.empty:
        return notice(title, "fewer than two independent members")
    images, most = list(dict.fromkeys(rows["images"])), int(rows["size"].max())
    key = told_apart(
        "images",
        images,
        cycled(colours, len(images)),
        shapes=cycled(["circle", "square", "triangle-up", "diamond"], len(images)),
        legend={"title": "Images"},
    )
    sizes = {"values": sorted(rows["size"].unique().tolist()), "grid": False}
    x = measure(alt.X, "size", "Number of members drawn", "d", sizes, type="log", domain=[1, most])
    shares = {"values": [0.0001, 0.001, 0.01, 0.1, 1]}
    wrong = "All members drawn are wrong"
    y = measure(alt.Y, "share", wrong, axis=shares, type="log", domain=[LEAST, 1], clamp=True)
    tooltip = tooltips("images", alt.Tooltip("size", title="members drawn"))
    tooltip += [alt.Tooltip("share", title="all wrong", format=".2%"), *tooltips(low=".2%", high=".2%")]
    tooltip.append(alt.Tooltip("same_wrong", title="of these, same answer", format=".1%"))
    chance = alt.Chart(rows[rows["independent"] >= LEAST]).mark_line(strokeDash=[4, 3])
    chance = chance.encode(x=x, y=alt.Y("independent:Q"), color=key.channels["color"], opacity=key.channels["opacity"])
    ends = ("low", "high")
    panel = lines(rows, x, y, key, tooltip, ends=ends, dots=60, under=[chance], choose=True)
    panel.width, panel.height = 820, 185
    subtitle = [
        f"Average over all subsets of that size of the {plural(int(rows['members'].max()), 'member')}; bars: "
        f"{percent(rows['confidence'].iloc[0], 0)} intervals over images",
        f"Dashed: if failures were independent. Values below {percent(LEAST, 2)} are drawn at the lower end",
    ]
    return finish(panel, title, subtitle)


def drawn_rows(ceiling: pd.DataFrame) -> pd.DataFrame:
    """The rows of clean images, of the mean over corruptions and of additional test sets, with `images` and `share`."""
    if ceiling.empty:
        return ceiling
    rows = ceiling[(ceiling["severity"] == 0) | (ceiling["images"] == CORRUPTED)]
    rows = rows[rows["members"] > 1]
    ends = {"share": "all_wrong", "low": "all_wrong_low", "high": "all_wrong_high"}
    shares = {name: rows[column].clip(lower=LEAST) for name, column in ends.items()}
    order = rows["images"].map({CORRUPTED: 0, CLEAN: 1}).fillna(2)
    return rows.assign(images=rows["images"].map(label), order=order, **shares).sort_values("order", kind="stable")


def size_finding(sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame) -> str:
    """After which size no step lowers the error significantly, and the step after it, or the last one.

    Steps that are exchanges have the intervals of exchange_rates.csv, so that the page has one interval of each.
    """
    rows = errors_of(sizes)
    if rows.empty or rows["size"].nunique() < 2:
        return ""
    rows = rows[rows["images"] == rows["images"].iloc[0]].sort_values("size")
    rows = rows.assign(before=rows["size"].shift()).to_dict("records")
    exchanges = {row["exchange"]: row for row in rates.to_dict("records") if row["images"] == rows[0]["images"]}
    for row in rows:
        if of := exchanges.get(STEPS.get((row["before"], row["size"]))):
            row |= {"change_low": -of["points_high"] / 100, "change_high": -of["points_low"] / 100}
    lower = [row for row in rows[1:] if row["change_high"] < 0]
    enough = (lower[-1] if lower else rows[0])["size"]
    step = next((row for row in rows[1:] if row["size"] > enough), rows[-1])
    change, low, high = (step[f"change{end}"] for end in ENDS)
    the_step = f"the step from {_counted(step['before'])} to {step['size']} members"
    error, verb = f"the mean error on {step['images']} images", "lowers" if change < 0 else "raises"
    by = in_points(*((-change, -high, -low) if change < 0 else (change, low, high)))
    if all(np.isnan(row["change_low"]) for row in rows[1:]):
        return f"Unknown: too few members for an interval. {capital(the_step)} {verb} {error} by {by}."
    if enough == rows[-1]["size"]:
        return f"At least {enough}; larger ones were not averaged. {capital(the_step)} still {verb} {error} by {by}."
    if np.isnan(low):
        return f"At least {_counted(enough)}: {the_step} {verb} {error} by {by} {NO_INTERVAL}."
    changes = f"raises {error} by" if low > 0 else f"does not significantly change {error}:"
    return f"As few as {_counted(enough)}: {the_step} {changes} {in_points(change, low, high)}."


def _counted(size: float) -> str:
    return "one" if size == 1 else f"{size:g}"


@chart(
    "A flat line means that additional members bring little, although each costs as much as the first. Bars "
    "leave out one member at a time: they say little about other designs or families, for which they would be wider. "
    "Intervals of steps that exchange_rates.csv has are over its units.",
    size_finding,
)
def ensemble_size(
    sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame, colours: list[str]
) -> alt.TopLevelMixin:
    """Mean error of all ensembles of each size with its interval, the middle half of them, and the best of each."""
    title = "Error against the number of members"
    rows = errors_of(sizes)
    if rows.empty:
        return notice(title, "no ensembles of independently trained members in this study")
    images = list(dict.fromkeys(rows["images"]))
    panels = []
    for name in images:
        best = best_of_sizes(candidates) if name == "corrupted" else pd.DataFrame()
        panels.append(_sizes(rows[rows["images"] == name], best, name, colours, 400 if len(images) > 1 else 820))
    subtitle = [
        f"Mean over ensembles formed of {plural(int(rows['members'].max()), 'member')}, combined by "
        f"{label(rows['rule'].iloc[0])}; bars: {percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each "
        "member",
        "Shaded: the middle half of the ensembles",
    ]
    return finish(alt.hconcat(*panels, spacing=28), title, subtitle)


def errors_of(sizes: pd.DataFrame) -> pd.DataFrame:
    """The rows of ensemble_sizes.csv that are drawn, as errors, on corrupted images first, then on clean ones.

    Returns:
        Its columns, with images (corrupted or clean) and error; all ends are of errors.
    """
    parts = []
    for measured, images in BOTH.items():
        rows = under_main_rule(sizes)
        rows = rows[rows["measure"] == measured].assign(images=images).rename(columns={"mean": "error"})
        if measured == "clean_accuracy":
            rows["error"] = 1 - rows["error"]
            for low, high in (("low", "high"), ("lower_quartile", "upper_quartile")):
                rows[low], rows[high] = 1 - rows[high], 1 - rows[low]
            rows[["change", "change_low", "change_high"]] = -rows[["change", "change_high", "change_low"]].to_numpy()
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def best_of_sizes(candidates: pd.DataFrame) -> pd.DataFrame:
    """The candidate of each size with the least error on the selection images: size, members, judged_error."""
    if candidates.empty:
        return candidates
    evaluated = candidates.dropna(subset=["selection_error", "judged_error"])
    return evaluated.loc[evaluated.groupby("size")["selection_error"].idxmin(), ["size", "members", "judged_error"]]


def _sizes(rows: pd.DataFrame, best: pd.DataFrame, images: str, colours: list[str], width: int) -> alt.LayerChart:
    """Mean and middle half of the errors by size, and the best of each size as a second line."""
    most = int(max(rows["size"].max(), best["size"].max() if len(best) else 0))
    axis = {"values": list(range(1, most + 1)), "grid": False}
    x = measure(alt.X, "size", "Members", "d", axis, domain=[1, most], padding=14)
    shown = pd.concat([rows["error"], *([best["judged_error"]] if len(best) else [])])
    y = measure(alt.Y, "error", f"Error on {images} images", zero=from_zero(shown))
    mean = alt.Tooltip("error", title="mean error", format=".1%")
    ends = dict.fromkeys(("low", "high", "lower_quartile", "upper_quartile"), ".1%")
    over = _line_label(rows.iloc[[-1]].assign(error=rows[["error", "high"]].iloc[-1].max()), x, y, "mean of all", -10)
    if len(best):
        drawn = best.rename(columns={"judged_error": "error"})
        fields = tooltips("size", "members", error=".1%")
        second = one_colour((colours * 6)[5])
        second.channels["shape"] = alt.value("diamond")
        over = [
            lines(drawn, x, y, second, fields, dots=80),
            _line_label(drawn.iloc[[-1]], x, y, "best, selected on other images", 16),
            over,
        ]
    return lines(
        rows,
        x,
        y,
        one_colour(colours[0]),
        tooltips("size", alt.Tooltip("ensembles", format=","), mean, **ends),
        ends=("low", "high"),
        band=("lower_quartile", "upper_quartile"),
        dots=70,
        over=over if isinstance(over, list) else [over],
    ).properties(width=width, height=190, title=panel_title(f"{images.capitalize()} images"))


def _line_label(row: pd.DataFrame, x: alt.X, y: alt.Y, text: str, down: float) -> alt.Chart:
    """The name of a line, above or below its last point."""
    return words_at(row.assign(text=text), x, y, "text", align="right", dy=down, dx=8, fontWeight="bold")
