"""The chart of exchange rates."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CORRUPTED
from resiliency.report.panels import chart, intervals, measure, told_apart, words_at
from resiliency.report.style import GREY, MUTED, finish, notice, tooltips
from resiliency.report.words import difference, difference_interval, number, percent

TITLE = "What buys robustness?"
CAPTION = (
    "Each row is a total effect: what else changes with it, changes too. A standard deviation between families stands "
    "twice, in all and at equal clean accuracy and size; compare totals with totals. Costs are multiples of what the "
    "row is compared with: ×2 means twice the operations. Standard deviations and ranges are without what noise adds, "
    "so that they are 0 where there is nothing else. Intervals that are far longer than others are cut at the frame."
)
DESIGNS_MIXED, FAMILIES_MIXED = "mixing_designs", "mixing_families"
MIXING = {DESIGNS_MIXED: ("design", "designs"), FAMILIES_MIXED: ("family", "families")}
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
    DESIGNS_MIXED: "any second design, not the better one twice",
    FAMILIES_MIXED: "any second family, not the better one twice",
    "joint_training": "joint training instead of independent",
}
BOUGHT = (
    *("second_member", "third_member", "two_more_members", "doubling_of_parameters", "doubling_of_training"),
    "joint_training",
)
DIFFER = {"family": "families", "family_at_equal_accuracy": "at equal accuracy and size", "another_seed": "seeds"}
KINDS = ("change", "standard deviation or range")
FARTHEST = 3  # multiple of the largest estimate beyond which intervals are cut
ROOM = 0.03  # share of the axis between its ends and the intervals
DOWN, ZERO = 18, 16  # px, from the middle of a row to its interval, and length of the mark of 0 there


def facts(rates: pd.DataFrame) -> dict:
    """The possible purchases, or else the best one; how far units differ; mixing; what else is not significant.

    A row has `significant`: whether its interval excludes 0, None if there is no interval. `any_helps` says whether a
    purchase lowers the error significantly, or may because it has no interval; what raises it comes last.
    """
    rows = [_read(row) for row in _sorted(rates).to_dict("records")]
    if not rows:
        return {}
    bought = [row for row in rows if row["exchange"] in BOUGHT] or rows[:1]
    differ = [row | {"name": DIFFER[name]} for name in DIFFER for row in rows if row["exchange"] == name]
    told = {*BOUGHT, *DIFFER, *MIXING, *(row["exchange"] for row in bought)}
    return {
        "corrupted": rates["images"].iloc[0] == CORRUPTED,
        "bought_rows": [_raising(row) for row in sorted(bought, key=_place)],
        "any_helps": any(row["significant"] is None or row["points_low"] > 0 for row in bought),
        "differ": differ,
        "mixed": [mixing_facts(row) for row in rows if row["exchange"] in MIXING],
        "open": [row for row in rows if row["exchange"] not in told and row["significant"] is False],
    }


def _sorted(rates: pd.DataFrame) -> pd.DataFrame:
    return rates.dropna(subset=["points"]).sort_values("points", ascending=False, kind="stable")


def _read(row: dict) -> dict:
    low, high = row["points_low"], row["points_high"]
    significant = None if np.isnan(low) else bool(low > 0 or high < 0)
    return row | {"name": NAMES[row["exchange"]], "significant": significant} | amount_of(row["points"], low, high)


def _place(row: dict) -> tuple[bool, bool]:
    """Purchases that lower the error significantly come first, those that raise it last."""
    return row["points"] < 0, not row["significant"]


def _raising(row: dict) -> dict:
    """A purchase with its `verb`, and with the amount that it raises the error by if it does."""
    if not row["points"] < 0:
        return row | {"verb": "lowers"}
    return row | {"verb": "raises"} | amount_of(-row["points"], -row["points_high"], -row["points_low"])


def mixing_facts(row: dict) -> dict:
    """How many errors fewer, or more, a pair of two makes than the better one's own pair, from its row."""
    one, several = MIXING[row["exchange"]]
    more = row["points"] < 0
    ends = (-row["points_high"], -row["points_low"]) if more else (row["points_low"], row["points_high"])
    read = _read(row) | {"on": images_of(row["images"])}
    return read | {"one": one, "several": several, "more": more} | amount_of(abs(row["points"]), *ends)


def amount_of(points: float, low: float, high: float) -> dict[str, str]:
    """The `amount` of percentage points in words, and the `ends` of its interval, with equally many decimals."""
    ends = low / 100, high / 100
    return {"amount": difference(points / 100, *ends), "ends": difference_interval(*ends)}


def images_of(name: str) -> str:
    """The images whose error it is, in words."""
    return "corrupted images" if name == CORRUPTED else "natural shifts"


@chart(CAPTION, facts)
def exchange_rates(rates: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """An interval per row, the largest on top, with its cost and the unit that it generalises to above it."""
    rows = _sorted(rates)
    if rows.empty:
        return notice(TITLE, "too few families, designs and ensembles in this study")
    records = [_read(row) for row in rows.to_dict("records")]
    rows = rows.assign(
        name=[f"{row['name'][0].upper()}{row['name'][1:]}" for row in records],
        kind=np.where(rows["spread"], KINDS[1], KINDS[0]),
        cost=[_cost(row) for row in records],
        line=[_line(row) for row in records],
    )
    frame = frame_of(rows, FARTHEST)
    rows = rows.assign(left=rows["points_low"].clip(*frame), right=rows["points_high"].clip(*frame))
    key = told_apart(
        "kind",
        KINDS,
        [colours[0], (colours * 6)[5]],
        shapes=["circle", "diamond"],
        legend={"orient": "bottom", "direction": "horizontal", "symbolType": "circle"},
    )
    y = alt.Y("name:N", title=None, sort=rows["name"].tolist(), axis=None)
    left, text = alt.X(value=2), {"align": "left"}
    words = [
        words_at(rows, left, y, "name", dy=-16, fontSize=13, fontWeight="bold", **text),
        words_at(rows, left, y, "line", dy=1, fontSize=12, color=MUTED, **text),
    ]
    zero = alt.Chart(rows).mark_tick(
        orient="vertical", size=ZERO, thickness=1, yOffset=DOWN, color=GREY
    )  # below the words
    forms = dict.fromkeys(("points", "points_low", "points_high"), ".2f")
    panel = intervals(
        rows,
        measure(alt.X, "points", "Fewer errors, in percentage points", ".3~g", {"grid": False}, domain=frame),
        y,
        ("left", "right"),
        key,
        [*tooltips("name", **forms), *tooltips("cost", "unit", "units")],
        under=[zero.encode(x=alt.XDatum(0), y=y)],
        over=words,
        size=90,
        down=DOWN,
        choose=True,
        width=800,
        height=alt.Step(58),
    )
    level, images = percent(rates["confidence"].iloc[0], 0), images_of(rates["images"].iloc[0])
    subtitle = [
        f"Reduction of the error on {images}, with {level} intervals over the units named",
        "Beside the numbers: relative cost (×2: twice)",
        "SD: standard deviation, without what noise adds",
    ]
    return finish(panel, TITLE, subtitle)


def frame_of(rows: pd.DataFrame, farthest: float) -> list[float]:
    """The ends of the axis, of 0 and all intervals and a little wider, so that only those that are cut reach them.

    Args:
        farthest: multiple of the largest estimate beyond which intervals are cut.
    """
    far = farthest * rows["points"].abs().max() or 1.0
    ends = rows[["points", "points_low", "points_high"]].clip(-far, far).stack()
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = ROOM * (high - low)
    return [max(low - room, -far), min(high + room, far)]


def _line(row: dict) -> str:
    """The estimate, what it costs and the units of its interval."""
    estimate = f"{row['amount']} {row['ends']}".rstrip()
    return f"{estimate}; {_cost(row)}; {row['units']} {row['unit']}"


def _cost(row: dict) -> str:
    """Words such as "inference ×2, training ×2"."""
    costs = {"inference": row["inference_cost"], "training": row["training_cost"]}
    known = {name: cost for name, cost in costs.items() if not np.isnan(cost)}
    if not known:
        return "cost differs"
    return ", ".join(f"{name} ×{number(cost, 2).rstrip('0').rstrip('.')}" for name, cost in known.items())
