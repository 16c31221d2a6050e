"""Charts of what ensembles bring: their ceiling, the gain by more members, and exchange rates."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report import style
from resiliency.report.rows import level, on_corrupted, under_main_rule, with_ends
from resiliency.report.words import NO_INTERVAL, capital, in_points, label, percent, plural

LEAST = 1e-4  # smaller shares of images are drawn here, because 0 has no logarithm
STEPS = {(1, 2): "second_member", (2, 3): "third_member", (1, 3): "two_more_members"}  # sizes -> exchange
SERIES = ["mean of all ensembles", "best, selected on other images"]
MIXING = ("mixing_designs", "mixing_families")
NAMES = {
    "family": "a family better by one SD, in all",
    "family_at_equal_accuracy": "a family better by one SD, at equal accuracy and size",
    "best_to_worst_family": "the best family instead of the worst",
    "doubling_of_parameters": "a doubling of parameters",
    "doubling_of_training": "a doubling of training",
    "point_of_clean_accuracy": "one point of clean accuracy",
    "another_seed": "a seed better by one SD",
    "second_member": "a second member",
    "third_member": "a third member",
    "two_more_members": "two more members",
    "mixing_designs": "any second design, not the better one twice",
    "mixing_families": "any second family, not the better one twice",
    "joint_training": "joint training instead of independent",
}
POINTS = ["points", "points_low", "points_high"]
KINDS = ("change", "standard deviation or range")
FARTHEST = 3  # multiple of the largest estimate beyond which intervals are cut
ROOM = 0.03  # share of the axis between its ends and the intervals
DOWN, ZERO = 18, 16  # px, from the middle of a row to its interval, and length of the mark of 0 there


def ceiling_finding(ceiling: pd.DataFrame) -> str:
    """Share of images that all members misclassify, on corrupted images if there are any; "" if there is one member."""
    rows = on_corrupted(ceiling[(ceiling["size"] == ceiling["members"]) & (ceiling["members"] > 1)])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    who = "both" if row["members"] == 2 else f"all {row['members']}"
    most = f"At most {percent(1 - row['all_wrong'])} on {label(row['images'])} images"
    return f"{most}: {who} members misclassify the same {with_ends(row, 'all_wrong')}."


@style.chart(
    "No vote among members is right on an image that all of them misclassify; a mean of probabilities can be. "
    "The share falls as the pool grows, and is not extrapolated beyond its size.",
    ceiling_finding,
)
def ceiling(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Share of images that k members all get wrong, for k from 1 to all, and what independent failures would give.

    On corrupted images, on clean ones and on additional test sets.
    """
    rows = table[((table["severity"] == 0) | (table["images"] == CORRUPTED)) & (table["members"] > 1)]
    if rows.empty:
        return style.notice("fewer than two independent members")
    rows = rows.sort_values("images", key=lambda of: of.map({CORRUPTED: 0, CLEAN: 1}).fillna(2), kind="stable")
    rows = rows.assign(images=rows["images"].map(label))
    key = style.told_apart(
        "images", rows["images"].unique().tolist(), colours, shapes=style.SHAPES[:4], legend={"title": "Images"}
    )
    sizes = {"values": sorted(rows["size"].unique().tolist()), "grid": False}
    x = style.measure(
        alt.X, "size", "Number of members drawn", "d", sizes, type="log", domain=[1, int(rows["size"].max())]
    )
    shares = {"axis": {"values": [0.0001, 0.001, 0.01, 0.1, 1]}, "type": "log", "domain": [LEAST, 1], "clamp": True}
    y = style.measure(alt.Y, "all_wrong", "All members drawn are wrong", **shares)
    ends = ("all_wrong_low", "all_wrong_high")
    tooltip = style.tooltips("images", alt.Tooltip("size", title="members drawn"), all_wrong=".2%")
    tooltip += style.tooltips(**dict.fromkeys(ends, ".2%"), same_wrong=".1%")
    chance = alt.Chart(rows[rows["independent"] >= LEAST]).mark_line(strokeDash=[4, 3])
    chance = chance.encode(x=x, y=alt.Y("independent:Q"), color=key.channels["color"], opacity=key.channels["opacity"])
    panel = style.lines(rows, x, y, key, tooltip, ends=ends, dots=60, under=[chance], width=820, height=185)
    subtitle = [
        f"Average over all subsets of that size of the {plural(int(rows['members'].max()), 'member')}; bars: "
        f"{level(rows)} intervals over images",
        f"Dashed: if failures were independent. Values below {percent(LEAST, 2)} are drawn at the lower end",
    ]
    return panel, subtitle


def size_finding(sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame) -> str:
    """After which size no step lowers the error significantly, and the step after it, or the last one.

    Steps that are exchanges have the intervals of exchange_rates.csv, so that the page has one interval of each.
    """
    rows = errors_of(sizes)
    if rows["size"].nunique() < 2:
        return ""
    rows = rows[rows["images"] == rows["images"].iloc[0]].sort_values("size")
    rows = rows.assign(before=rows["size"].shift()).to_dict("records")
    exchanges = {row["exchange"]: row for row in rates.to_dict("records") if row["images"] == rows[0]["images"]}
    for row in rows:
        if of := exchanges.get(STEPS.get((row["before"], row["size"]))):
            row |= {"change_low": -of["points_high"] / 100, "change_high": -of["points_low"] / 100}
    enough = max([rows[0]["size"], *(row["size"] for row in rows[1:] if row["change_high"] < 0)])
    step = next((row for row in rows[1:] if row["size"] > enough), rows[-1])
    change, low, high = (step[f"change{end}"] for end in ("", "_low", "_high"))
    least, before = ("one" if size == 1 else f"{size:g}" for size in (enough, step["before"]))
    the_step = f"the step from {before} to {step['size']} members"
    error, verb = f"the mean error on {step['images']} images", "lowers" if change < 0 else "raises"
    by = in_points(*((-change, -high, -low) if change < 0 else (change, low, high)))
    if all(np.isnan(row["change_low"]) for row in rows[1:]):
        return f"Unknown: too few members for an interval. {capital(the_step)} {verb} {error} by {by}."
    if enough == rows[-1]["size"]:
        return f"At least {enough}; larger ones were not averaged. {capital(the_step)} still {verb} {error} by {by}."
    if np.isnan(low):
        return f"At least {least}: {the_step} {verb} {error} by {by} {NO_INTERVAL}."
    changes = f"raises {error} by" if low > 0 else f"does not significantly change {error}:"
    return f"As few as {least}: {the_step} {changes} {in_points(change, low, high)}."


@style.chart(
    "A flat line means that additional members bring little, although each costs as much as the first. Bars "
    "leave out one member at a time: they say little about other designs or families, for which they would be wider. "
    "Intervals of steps that exchange_rates.csv has are over its units.",
    size_finding,
)
def ensemble_size(
    sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """Mean error of all ensembles of each size with its interval, the middle half of them, and the best of each."""
    means = errors_of(sizes)
    if means.empty:
        return style.notice("no ensembles of independently trained members in this study")
    rows = means.assign(of=SERIES[0], ensemble="")
    if len(candidates):
        judged = candidates.dropna(subset=["selection_error", "judged_error"])
        best = judged.loc[judged.groupby("size")["selection_error"].idxmin(), ["size", "members", "judged_error"]]
        best = best.rename(columns={"judged_error": "error", "members": "ensemble"})
        rows = pd.concat([rows, best.assign(of=SERIES[1], images=CORRUPTED)])
    names = [name for name in SERIES if name in set(rows["of"])]
    key = style.told_apart(
        "of", names, [colours[0], (colours * 6)[5]], shapes=["circle", "diamond"], legend={"symbolOpacity": 1}
    )
    most = int(rows["size"].max())
    ticks = {"values": [*range(1, most + 1)], "grid": False}
    x = style.measure(alt.X, "size", "Members", "d", ticks, domain=[1, most], padding=14)
    ends, band = ("low", "high"), ("lower_quartile", "upper_quartile")
    tooltip = style.tooltips(
        alt.Tooltip("of", title="line"),
        "size",
        "ensemble",
        ensembles=",",
        error=".1%",
        **dict.fromkeys(ends + band, ".1%"),
    )
    images, panels = means["images"].unique(), []
    for name in images:
        drawn = rows[rows["images"] == name]
        y = style.measure(alt.Y, "error", f"Error on {name} images", zero=style.from_zero(drawn["error"]))
        size = {"width": 400 if len(images) > 1 else 820, "height": 190}
        title = style.panel_title(f"{capital(name)} images")
        panels.append(style.lines(drawn, x, y, key, tooltip, ends=ends, band=band, dots=70, title=title, **size))
    subtitle = [
        f"Mean over ensembles formed of {plural(int(means['members'].max()), 'member')}, combined by "
        f"{label(means['rule'].iloc[0])}; bars: {level(means)} intervals, leaving out each member",
        "Shaded: the middle half of the ensembles",
    ]
    return alt.hconcat(*panels, spacing=28), subtitle


def errors_of(sizes: pd.DataFrame) -> pd.DataFrame:
    """The rows of ensemble_sizes.csv that are drawn, as errors, on corrupted images first, then on clean ones.

    Returns:
        Its columns, with images (corrupted or clean) and error; all ends are of errors.
    """
    rows = under_main_rule(sizes)
    corrupted, clean = (rows[rows["measure"] == measured] for measured in ("corrupted_error", "clean_accuracy"))
    turned = clean.assign(
        mean=1 - clean["mean"],
        low=1 - clean["high"],
        high=1 - clean["low"],
        lower_quartile=1 - clean["upper_quartile"],
        upper_quartile=1 - clean["lower_quartile"],
        change=-clean["change"],
        change_low=-clean["change_high"],
        change_high=-clean["change_low"],
    )
    both = [corrupted.assign(images=CORRUPTED), turned.assign(images=CLEAN)]
    return pd.concat(both, ignore_index=True).rename(columns={"mean": "error"})


def _sorted(rates: pd.DataFrame) -> pd.DataFrame:
    return rates.dropna(subset=["points"]).sort_values("points", ascending=False, kind="stable")


def amount_of(points: float, low: float, high: float) -> str:
    """Percentage points with their interval, such as "2.2 [−0.1, 4.6]"."""
    return in_points(points / 100, low / 100, high / 100, unit="")


def _amounts(rows: pd.DataFrame) -> pd.Series:
    return pd.Series([amount_of(*ends) for ends in rows[POINTS].to_numpy()], rows.index)


def images_of(name: str) -> str:
    """The images whose error it is, in words."""
    return "corrupted images" if name == CORRUPTED else "natural shifts"


@style.chart(
    "Each row is a total effect: what else changes with it, changes too. A standard deviation between families stands "
    "twice, in all and at equal clean accuracy and size; compare totals with totals. Costs are multiples of what the "
    "row is compared with: ×2 means twice the operations. Standard deviations and ranges are without what noise adds, "
    "so that they are 0 where there is nothing else. Intervals that are far longer than others are cut at the frame.",
)
def exchange_rates(rates: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """An interval per row, the largest on top, with its cost and the unit that it generalises to above it."""
    rows = _sorted(rates)
    if rows.empty:
        return style.notice("too few families, designs and ensembles in this study")
    frame = frame_of(rows, FARTHEST)
    ends = {"left": rows["points_low"].clip(*frame), "right": rows["points_high"].clip(*frame)}
    named = {"name": rows["exchange"].map(NAMES).map(capital), "kind": np.where(rows["spread"], KINDS[1], KINDS[0])}
    rows = rows.assign(**ends, **named, cost=[_cost(row) for row in rows.itertuples()])
    key = style.told_apart("kind", KINDS, [colours[0], (colours * 6)[5]], shapes=["circle", "diamond"], legend={})
    y = alt.Y("name:N", title=None, sort=rows["name"].tolist(), axis=None)
    line = _amounts(rows) + "; " + rows["cost"] + "; " + rows["units"].astype(str) + " " + rows["unit"]
    left, bold = alt.X(value=2), {"fontSize": 13, "fontWeight": "bold"}
    over = [
        style.words_at(rows, left, y, "name", align="left", dy=-16, **bold),
        style.words_at(rows.assign(line=line), left, y, "line", align="left", dy=1, fontSize=12, color=style.MUTED),
    ]
    below_words = {"orient": "vertical", "size": ZERO, "thickness": 1, "yOffset": DOWN, "color": style.GREY}
    x = style.measure(alt.X, "points", "Fewer errors, in percentage points", ".3~g", {"grid": False}, domain=frame)
    zero = alt.Chart(rows).mark_tick(**below_words).encode(x=alt.XDatum(0), y=y)
    tooltip = style.tooltips("name", **dict.fromkeys(POINTS, ".2f")) + style.tooltips("cost", "unit", "units")
    look = {"size": 90, "down": DOWN, "width": 800, "height": alt.Step(58)}
    panel = style.intervals(rows, x, y, ("left", "right"), key, tooltip, under=[zero], over=over, **look)
    subtitle = [
        f"Reduction of the error on {images_of(rows['images'].iloc[0])}, with {level(rows)} intervals over the units "
        "named",
        "Beside the numbers: relative cost (×2: twice)",
        "SD: standard deviation, without what noise adds",
    ]
    return panel, subtitle


def frame_of(rows: pd.DataFrame, farthest: float) -> list[float]:
    """The ends of the axis, of 0 and all intervals and a little wider, so that only those that are cut reach them.

    Args:
        farthest: multiple of the largest estimate beyond which intervals are cut.
    """
    far = farthest * rows["points"].abs().max() or 1.0
    ends = rows[POINTS].clip(-far, far).stack()
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = ROOM * (high - low)
    return [max(low - room, -far), min(high + room, far)]


def _cost(row: tuple) -> str:
    """Words such as "inference ×2, training ×2"."""
    costs = {"inference": row.inference_cost, "training": row.training_cost}
    return ", ".join(f"{name} ×{round(cost, 2):g}" for name, cost in costs.items() if cost == cost) or "cost differs"
