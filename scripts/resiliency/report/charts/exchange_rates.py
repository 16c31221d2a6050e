"""The chart of exchange rates."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CORRUPTED
from resiliency.report.panels import Drawn, chart, intervals, notice, words_at
from resiliency.report.rows import level
from resiliency.report.style import GREY, MUTED, measure, told_apart, tooltips
from resiliency.report.words import capital, in_points

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


def finding(rates: pd.DataFrame) -> str:
    """What is shown to lower the error, what to raise it, and what is not; all rows of the chart in its order."""
    rows = _sorted(rates)
    if rows.empty:
        return ""
    low, high = rows["points_low"], rows["points_high"]
    groups = {
        f"Shown to lower the error on {images_of(rows['images'].iloc[0])}, in percentage points": low > 0,
        "Shown to raise it": high < 0,
        "Not significant (below 0: it rises)": (low <= 0) & (high >= 0),
        "No interval, since there are too few units": low.isna(),
    }
    rows = rows.mask(high < 0, rows.assign(points=-rows["points"], points_low=-high, points_high=-low))
    said = rows["exchange"].map(NAMES) + ", " + _amounts(rows)
    first, *others = [f"{group}: {'; '.join(said[of]) or 'nothing'}." for group, of in groups.items()]
    return " ".join([first, *(text for text in others if not text.endswith("nothing."))])


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


@chart(
    "Each row is a total effect: what else changes with it, changes too. A standard deviation between families stands "
    "twice, in all and at equal clean accuracy and size; compare totals with totals. Costs are multiples of what the "
    "row is compared with: ×2 means twice the operations. Standard deviations and ranges are without what noise adds, "
    "so that they are 0 where there is nothing else. Intervals that are far longer than others are cut at the frame.",
    finding,
)
def exchange_rates(rates: pd.DataFrame, colours: list[str]) -> Drawn:
    """An interval per row, the largest on top, with its cost and the unit that it generalises to above it."""
    rows = _sorted(rates)
    if rows.empty:
        return notice("too few families, designs and ensembles in this study")
    frame = frame_of(rows, FARTHEST)
    ends = {"left": rows["points_low"].clip(*frame), "right": rows["points_high"].clip(*frame)}
    named = {"name": rows["exchange"].map(NAMES).map(capital), "kind": np.where(rows["spread"], KINDS[1], KINDS[0])}
    rows = rows.assign(**ends, **named, cost=[_cost(row) for row in rows.itertuples()])
    key = told_apart("kind", KINDS, [colours[0], (colours * 6)[5]], shapes=["circle", "diamond"], legend={})
    y = alt.Y("name:N", title=None, sort=rows["name"].tolist(), axis=None)
    line = _amounts(rows) + "; " + rows["cost"] + "; " + rows["units"].astype(str) + " " + rows["unit"]
    left, bold = alt.X(value=2), {"fontSize": 13, "fontWeight": "bold"}
    words = [
        words_at(rows, left, y, "name", align="left", dy=-16, **bold),
        words_at(rows.assign(line=line), left, y, "line", align="left", dy=1, fontSize=12, color=MUTED),
    ]
    below_words = {"orient": "vertical", "size": ZERO, "thickness": 1, "yOffset": DOWN, "color": GREY}
    x = measure(alt.X, "points", "Fewer errors, in percentage points", ".3~g", {"grid": False}, domain=frame)
    zero = alt.Chart(rows).mark_tick(**below_words).encode(x=alt.XDatum(0), y=y)
    tooltip = tooltips("name", **dict.fromkeys(POINTS, ".2f")) + tooltips("cost", "unit", "units")
    look = {"size": 90, "down": DOWN, "width": 800, "height": alt.Step(58)}
    panel = intervals(rows, x, y, ("left", "right"), key, tooltip, under=[zero], over=words, **look)
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
