"""Charts of what ensembles bring: their ceiling, the gain by more members, and exchange rates."""

from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report import style
from resiliency.report.rows import level, on_corrupted, under_main_rule, with_ends
from resiliency.report.words import NO_INTERVAL, capital, in_points, label, percent, plural

LEAST = 1e-4  # smaller shares of images are drawn here, because 0 has no logarithm
# Sizes -> exchange.
STEPS = {(1, 2): "second_member", (2, 3): "third_member", (1, 3): "two_more_members"}
SERIES = ["mean of all ensembles", "best, selected on other images"]
NAMES = {
    "family": "a family better by one SD, in all",
    "family_at_equal_accuracy": "a family better by one SD, at equal accuracy and size",
    "doubling_of_parameters": "a doubling of parameters",
    "doubling_of_training": "a doubling of training",
    "another_seed": "a seed better by one SD",
    "second_member": "a second member",
    "third_member": "a third member",
    "two_more_members": "two more members",
    "mixing_designs": "any second design, not the better one twice",
}
POINTS = ["points", "points_low", "points_high"]
KINDS = ("change", "standard deviation")
FARTHEST = 3  # multiple of the largest estimate beyond which intervals are cut
ROOM = 0.03  # share of the axis between its ends and the intervals
# Px, from the middle of a row to its interval, and length of the mark of 0 there.
DOWN, ZERO = 18, 16


def ceiling_finding(ceiling: pd.DataFrame) -> str:
    """Share of images that all members misclassify, on corrupted images if there are any; "" if
    there is one member."""
    rows = on_corrupted(ceiling[(ceiling["size"] == ceiling["members"]) & (ceiling["members"] > 1)])
    if rows.empty:
        return ""
    row = rows.iloc[0]
    who = "both" if row["members"] == 2 else f"all {row['members']}"
    most = f"At most {percent(1 - row['all_wrong'])} on {label(row['images'])} images"
    return f"{most}: {who} members misclassify the same {with_ends(row, 'all_wrong')}."


@style.chart(
    "No vote among members is right on an image that all of them misclassify; a mean of "
    "probabilities can be. "
    "The share falls as the pool grows, and is not extrapolated beyond its size.",
    ceiling_finding,
)
def ceiling(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Share of images that k members all get wrong, for k from 1 to all, and what independent
    failures would give.

    On corrupted images, on clean ones and on additional test sets.
    """
    rows = table[
        ((table["severity"] == 0) | (table["images"] == CORRUPTED)) & (table["members"] > 1)
    ]
    if rows.empty:
        return style.notice("fewer than two independent members")
    rows = rows.sort_values(
        "images", key=lambda of: of.map({CORRUPTED: 0, CLEAN: 1}).fillna(2), kind="stable"
    )
    rows = rows.assign(images=rows["images"].map(label))
    images, sizes = rows["images"].unique().tolist(), sorted(rows["size"].unique().tolist())
    key = style.told_apart(
        "images", images, colours, shapes=style.SHAPES[:4], legend={"title": "Images"}
    )
    scale = {"axis": {"values": sizes, "grid": False}, "type": "log", "domain": [1, sizes[-1]]}
    x = style.measure(alt.X, "size", "Number of members drawn", "d", **scale)
    shares = {
        "axis": {"values": [0.0001, 0.001, 0.01, 0.1, 1]},
        "type": "log",
        "domain": [LEAST, 1],
        "clamp": True,
    }
    y = style.measure(alt.Y, "all_wrong", "All members drawn are wrong", **shares)
    ends = ("all_wrong_low", "all_wrong_high")
    tooltip = style.tooltips("images", alt.Tooltip("size", title="members drawn"), all_wrong=".2%")
    tooltip += style.tooltips(**dict.fromkeys(ends, ".2%"), same_wrong=".1%")
    chance = alt.Chart(rows[rows["independent"] >= LEAST]).mark_line(strokeDash=[4, 3])
    chance = chance.encode(
        x=x, y=alt.Y("independent:Q"), color=key.channels["color"], opacity=key.channels["opacity"]
    )
    panel = style.lines(
        rows, x, y, key, tooltip, ends=ends, dots=60, under=[chance], width=820, height=185
    )
    members = plural(int(rows["members"].max()), "member")
    return panel, [
        f"Average over all subsets of that size of the {members}; bars: {level(rows)} intervals "
        "over images",
        f"Dashed: if failures were independent. Values below {percent(LEAST, 2)} are drawn at the "
        "lower end",
    ]


def size_finding(sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame) -> str:
    """After which size no step lowers the error significantly, and what the step after it, or the
    last one, changes.

    Steps that are exchanges have the intervals of exchange_rates.csv, so that the page has one
    interval of each.
    """
    rows = errors_of(sizes)
    if rows["size"].nunique() < 2:
        return ""
    images = rows["images"].iloc[0]
    rows = rows[rows["images"] == images].sort_values("size").to_dict("records")
    exchanges = {
        row["exchange"]: row for row in rates.to_dict("records") if row["images"] == images
    }
    steps = []
    for before, row in pairwise(rows):
        low, high = row["change_low"], row["change_high"]
        if of := exchanges.get(STEPS.get((before["size"], row["size"]))):
            low, high = -of["points_high"] / 100, -of["points_low"] / 100
        steps.append((before["size"], row["size"], row["change"], low, high))
    enough = max([rows[0]["size"], *(size for _, size, *_, high in steps if high < 0)])
    before, size, change, low, high = next((step for step in steps if step[1] > enough), steps[-1])
    answer = f"{'At least' if np.isnan(low) else 'As few as'} {enough}"
    if size == enough:
        answer = f"At least {enough}; larger ones were not averaged"
    elif all(np.isnan(low) for *_, low, _ in steps):
        answer = "Unknown"
    by = in_points(change, low, high) + f" {NO_INTERVAL}" * bool(np.isnan(low))
    return (
        f"{answer}. From {before} to {size} members, the mean error on {images} images changes "
        f"by {by}."
    )


@style.chart(
    "A flat line means that additional members bring little, although each costs as much as the "
    "first. Bars "
    "leave out one member at a time: they say little about other designs or families, for which "
    "they would be wider. "
    "Intervals of steps that exchange_rates.csv has are over its units.",
    size_finding,
)
def ensemble_size(
    sizes: pd.DataFrame, candidates: pd.DataFrame, rates: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """Mean error of all ensembles of each size with its interval, the middle half of them, and the
    best of each."""
    means = errors_of(sizes)
    if means.empty:
        return style.notice("no ensembles of independently trained members in this study")
    rows = means.assign(of=SERIES[0], ensemble="")
    if len(candidates):
        judged = candidates.dropna(subset=["selection_error", "judged_error"])
        best = judged.loc[
            judged.groupby("size")["selection_error"].idxmin(), ["size", "members", "judged_error"]
        ]
        best = best.rename(columns={"judged_error": "error", "members": "ensemble"})
        rows = pd.concat([rows, best.assign(of=SERIES[1], images=CORRUPTED)])
    names = [name for name in SERIES if name in set(rows["of"])]
    hues, legend = [colours[0], (colours * 6)[5]], {"symbolOpacity": 1}
    key = style.told_apart("of", names, hues, shapes=["circle", "diamond"], legend=legend)
    most = int(rows["size"].max())
    ticks = {"values": [*range(1, most + 1)], "grid": False}
    x = style.measure(alt.X, "size", "Members", "d", ticks, domain=[1, most], padding=14)
    ends, band = ("low", "high"), ("lower_quartile", "upper_quartile")
    shares = dict.fromkeys(("error", *ends, *band), ".1%")
    tooltip = style.tooltips(
        alt.Tooltip("of", title="line"), "size", "ensemble", ensembles=",", **shares
    )
    images, panels = means["images"].unique(), []
    for name in images:
        drawn = rows[rows["images"] == name]
        y = style.measure(
            alt.Y, "error", f"Error on {name} images", zero=style.from_zero(drawn["error"])
        )
        size = {"width": 400 if len(images) > 1 else 820, "height": 190}
        title = style.panel_title(f"{capital(name)} images")
        panels.append(
            style.lines(
                drawn, x, y, key, tooltip, ends=ends, band=band, dots=70, title=title, **size
            )
        )
    return alt.hconcat(*panels, spacing=28), [
        f"Mean over ensembles formed of {plural(int(means['members'].max()), 'member')}, combined "
        "by "
        f"{label(means['rule'].iloc[0])}; bars: {level(means)} intervals, leaving out each member",
        "Shaded: the middle half of the ensembles",
    ]


def errors_of(sizes: pd.DataFrame) -> pd.DataFrame:
    """The rows of ensemble_sizes.csv that are drawn, as errors, on corrupted images first, then on
    clean ones.

    Returns:
        Its columns, with images (corrupted or clean) and error; all ends are of errors.
    """
    rows = under_main_rule(sizes)
    corrupted, clean = (
        rows[rows["measure"] == measured] for measured in ("corrupted_error", "clean_accuracy")
    )
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


def amount_of(points: float, low: float, high: float) -> str:
    """Percentage points with their interval, such as "2.2 [−0.1, 4.6]"."""
    return in_points(points / 100, low / 100, high / 100, unit="")


def images_of(name: str) -> str:
    """The images whose error it is, in words."""
    return "corrupted images" if name == CORRUPTED else "natural shifts"


@style.chart(
    "Each row is a total effect: what else changes with it, changes too. A standard deviation "
    "between families stands "
    "twice, in all and at equal clean accuracy and size; compare totals with totals. Standard "
    "deviations and ranges "
    "are without what noise adds. Intervals that are far longer than others are cut at the frame."
)
def exchange_rates(rates: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """An interval per row, the largest on top, with its cost and the unit that it generalises to
    above it."""
    rows = rates.dropna(subset=["points"]).sort_values("points", ascending=False, kind="stable")
    if rows.empty:
        return style.notice("too few families, designs and ensembles in this study")
    frame = frame_of(rows, FARTHEST)
    ends = {"left": rows["points_low"].clip(*frame), "right": rows["points_high"].clip(*frame)}
    named = {
        "name": rows["exchange"].map(NAMES).map(capital),
        "kind": np.where(rows["spread"], KINDS[1], KINDS[0]),
    }
    costs = rows[["inference_cost", "training_cost"]].rename(
        columns=lambda name: name.removesuffix("_cost")
    )
    paid = [
        ", ".join(f"{name} ×{round(cost, 2):g}" for name, cost in row.dropna().items())
        or "cost differs"
        for _, row in costs.iterrows()
    ]
    rows = rows.assign(**ends, **named, cost=paid)
    key = style.told_apart(
        "kind", KINDS, [colours[0], (colours * 6)[5]], shapes=["circle", "diamond"], legend={}
    )
    y = alt.Y("name:N", title=None, sort=rows["name"].tolist(), axis=None)
    amounts = pd.Series([amount_of(*ends) for ends in rows[POINTS].to_numpy()], rows.index)
    line = amounts + "; " + rows["cost"] + "; " + rows["units"].astype(str) + " " + rows["unit"]
    left, bold = alt.X(value=2), {"fontSize": 13, "fontWeight": "bold"}
    over = [
        style.words_at(rows, left, y, "name", align="left", dy=-16, **bold),
        style.words_at(
            rows.assign(line=line),
            left,
            y,
            "line",
            align="left",
            dy=1,
            fontSize=12,
            color=style.MUTED,
        ),
    ]
    below_words = {
        "orient": "vertical",
        "size": ZERO,
        "thickness": 1,
        "yOffset": DOWN,
        "color": style.GREY,
    }
    x = style.measure(
        alt.X, "points", "Fewer errors, in percentage points", ".3~g", {"grid": False}, domain=frame
    )
    zero = alt.Chart(rows).mark_tick(**below_words).encode(x=alt.XDatum(0), y=y)
    tooltip = style.tooltips("name", **dict.fromkeys(POINTS, ".2f")) + style.tooltips(
        "cost", "unit", "units"
    )
    look = {"size": 90, "down": DOWN, "width": 800, "height": alt.Step(58)}
    panel = style.intervals(
        rows, x, y, ("left", "right"), key, tooltip, under=[zero], over=over, **look
    )
    images = images_of(rows["images"].iloc[0])
    return panel, [
        f"Reduction of the error on {images}, with {level(rows)} intervals over the units named",
        "Beside the numbers: relative cost (×2: twice the operations); SD: standard deviation",
    ]


def frame_of(rows: pd.DataFrame, farthest: float) -> list[float]:
    """The ends of the axis, of 0 and all intervals and a little wider, so that only those that are
    cut reach them.

    Intervals are cut beyond `farthest` times the largest estimate.
    """
    far = farthest * rows["points"].abs().max() or 1.0
    ends = rows[POINTS].clip(-far, far).stack()
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = ROOM * (high - low)
    return [max(low - room, -far), min(high + room, far)]
