"""The chart of what buys robustness."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.base.names import CORRUPTED
from resiliency.report.style import GRID, INK, MUTED, finish, notice, spread, tooltips
from resiliency.report.words import interval, listed, number, percent

TITLE = "What buys robustness?"
CAPTION = (
    "Each row is a total effect: what else changes with it, changes too. A standard deviation between families stands "
    "twice, in all and at equal clean accuracy and size; compare totals with totals. Costs are multiples of what the "
    "row is compared with: ×2 means twice the operations. Standard deviations and ranges are without what noise adds, "
    "so that they are 0 where there is nothing else. Intervals that are far longer than others are cut at the frame."
)
DESIGNS_MIXED, FAMILIES_MIXED = "mixing_designs", "mixing_families"
MIXING = {DESIGNS_MIXED: "design", FAMILIES_MIXED: "family"}
SPREADS = {
    "family": "families",
    "family_at_equal_accuracy": "families at equal accuracy and size",
    "best_to_worst_family": "the best and the worst family",
    "another_seed": "seeds of one design",
}
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
    "mixing_designs": "two designs, not the better one twice",
    "mixing_families": "two families, not the better one twice",
    "joint_training": "joint training instead of independent",
}
ANSWER = ("second_member", "two_more_members", "doubling_of_parameters")
DIFFER = {"family": "families", "family_at_equal_accuracy": "at equal accuracy and size", "another_seed": "seeds"}
KINDS = ("change", "standard deviation or range")
WIDTH, STEP = 800, 58
FARTHEST = 3  # times the largest estimate, beyond which intervals are cut


def draw(rates: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """An interval per row, the largest on top, with its cost and the unit that it generalises to above it."""
    rows = rates.dropna(subset=["points"]).sort_values("points", ascending=False, kind="stable")
    if rows.empty:
        return notice(TITLE, "too few families, designs and ensembles in this study")
    rows = rows.assign(
        name=[_capital(NAMES[exchange]) for exchange in rows["exchange"]],
        kind=np.where(rows["spread"], KINDS[1], KINDS[0]),
        cost=[_cost(row) for row in rows.to_dict("records")],
    )
    rows["line"] = [f"{_estimate(row)}; {_beside(row)}" for row in rows.to_dict("records")]
    y = alt.Y("name:N", title=None, sort=rows["name"].tolist(), axis=None)
    x = alt.X("points:Q", title="Fewer errors, in percentage points").axis(grid=False).scale(domain=_frame(rows))
    hue = alt.Color("kind:N", title=None, scale=spread(list(KINDS), [colours[0], (colours * 6)[5]]))
    hue = hue.legend(orient="bottom", direction="horizontal", symbolType="circle")
    shape = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=list(KINDS), range=["circle", "diamond"]))
    base = alt.Chart(rows).encode(y=y)
    forms = dict.fromkeys(("points", "points_low", "points_high"), ".2f")
    tooltip = [*tooltips("name", **forms), *tooltips("cost", "unit", "units")]
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=GRID, strokeWidth=2).encode(x=alt.X("zero:Q"))
    bars = base.transform_filter("isValid(datum.points_low)").mark_rule(strokeWidth=3, yOffset=18, clip=True)
    bars = bars.encode(x=alt.X("points_low:Q"), x2=alt.X2("points_high"), color=hue)
    dots = base.mark_point(filled=True, size=90, opacity=1, yOffset=18)
    dots = dots.encode(x=x, color=hue, shape=shape, tooltip=tooltip)
    text = {"align": "left", "dx": 2}
    names = base.mark_text(color=INK, fontSize=13, fontWeight="bold", dy=-16, **text)
    lines = base.mark_text(color=MUTED, fontSize=12, dy=1, **text)
    left = alt.value(0)
    layers = [zero, bars, dots, names.encode(x=left, text="name:N"), lines.encode(x=left, text="line:N")]
    chart = alt.layer(*layers, width=WIDTH, height=alt.Step(STEP))
    level = percent(rates["confidence"].iloc[0], 0)
    subtitle = [
        f"What each lowers the error on {images_of(rates)} by, with {level} intervals over the units named",
        "Beside the numbers: what it costs, as a multiple of what it is compared with",
        "SD: standard deviation, without what noise adds",
    ]
    return finish(chart, TITLE, subtitle)


def _frame(rows: pd.DataFrame) -> list[float]:
    """The ends of the axis, with 0, all estimates and, up to `FARTHEST`, their intervals."""
    far = FARTHEST * rows["points"].abs().max() or 1.0
    shown = rows[["points", "points_low", "points_high"]].clip(-far, far).stack()
    return [min(float(shown.min()), 0.0), max(float(shown.max()), 0.0)]


def images_of(rates: pd.DataFrame) -> str:
    """The images whose error it is, in words."""
    return "corrupted images" if rates["images"].iloc[0] == CORRUPTED else "natural shifts"


def _estimate(row: dict) -> str:
    """Such as "2.2 [−0.1, 4.6]"."""
    return f"{number(row['points'], 1)} {interval(row['points_low'], row['points_high'], _points)}".rstrip()


def _points(value: float) -> str:
    return number(value, 1)


def _beside(row: dict) -> str:
    """What it costs and the units of its interval."""
    return f"{row['cost']}; {row['units']} {row['unit']}"


def _cost(row: dict) -> str:
    """Such as "inference ×2, training ×2"."""
    costs = {"inference": row["inference_cost"], "training": row["training_cost"]}
    known = {name: cost for name, cost in costs.items() if not np.isnan(cost)}
    if not known:
        return "cost differs"
    return ", ".join(f"{name} ×{number(cost, 2).rstrip('0').rstrip('.')}" for name, cost in known.items())


def finding(rates: pd.DataFrame) -> str:
    """What one more member and a doubling buy, how far families and seeds differ, what mixing does, what is open."""
    rows = rates.dropna(subset=["points"]).sort_values("points", ascending=False, kind="stable")
    if rows.empty:
        return ""
    noise = rows["points_low"] <= 0
    sentences = [_bought(rows), _differ(rows), mixing(rates)]
    sentences.append(_named(rows[noise & rows["spread"]], "no more than noise", SPREADS))
    changes = rows[noise & (rows["points_high"] >= 0) & ~rows["spread"]]
    sentences.append(_named(changes[~changes["exchange"].isin(MIXING)], "not significant", NAMES))
    return " ".join(f"{_capital(sentence)}." for sentence in sentences if sentence)


def _bought(rows: pd.DataFrame) -> str:
    """What one more member and the doublings buy; without them, what buys most."""
    chosen = rows[rows["exchange"].isin(ANSWER)]
    first, *others = (chosen if len(chosen) else rows.head(1)).to_dict("records")
    error = "corrupted error" if first["images"] == CORRUPTED else "error"
    clauses = [f"{NAMES[first['exchange']]} buys {_in_points(first)} of {error}"]
    return listed(clauses + [f"{NAMES[row['exchange']]} {_estimate(row)}" for row in others])


def _in_points(row: dict) -> str:
    """Such as "2.2 percentage points [−0.1, 4.6]"."""
    value, _, ends = _estimate(row).partition(" ")
    return f"{value} percentage points {ends}".rstrip()


def _differ(rows: pd.DataFrame) -> str:
    """How far families, and seeds of one design, differ; "" where neither is known."""
    known = rows.set_index("exchange", drop=False)
    spreads = [known.loc[name].to_dict() for name in DIFFER if name in known.index]
    if not spreads:
        return ""
    first, *others = spreads
    clauses = [f"{DIFFER[first['exchange']]} differ by {_in_points(first)} (standard deviation)"]
    return ", ".join(clauses + [f"{DIFFER[row['exchange']]} by {_estimate(row)}" for row in others])


def _named(rows: pd.DataFrame, what: str, names: dict[str, str]) -> str:
    return f"{what}: {listed([names[exchange] for exchange in rows['exchange']])}" if len(rows) else ""


def mixing(rates: pd.DataFrame) -> str:
    """How a pair of two designs compares with the better design's own pair; "" if that is not known."""
    rows = rates[rates["exchange"].isin(MIXING)].dropna(subset=["points"]).to_dict("records")
    return " ".join(mixed(row, images_of(rates)) for row in rows)


def mixed(row: dict, images: str) -> str:
    """The same, of a row of exchange_rates.csv."""
    kind = MIXING[row["exchange"]]
    plural = {"design": "designs", "family": "families"}[kind]
    better = f"on {images} than the better {kind}'s own pair"
    return f"a pair of two {plural} makes {fewer(row)} errors {better}{significance(row)}"


def fewer(row: dict) -> str:
    """Such as "1.6 percentage points [−1.4, 4.7] more"."""
    if row["points"] >= 0:
        return f"{_in_points(row)} fewer"
    turned = {"points": -row["points"], "points_low": -row["points_high"], "points_high": -row["points_low"]}
    return f"{_in_points(turned)} more"


def significance(row: dict) -> str:
    """What the interval says if it does not exclude 0; "" if it does."""
    if np.isnan(row["points_low"]):
        return " (no interval: too few units)"
    return "" if row["points_low"] > 0 or row["points_high"] < 0 else " (not significant)"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
