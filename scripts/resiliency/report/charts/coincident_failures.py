"""The chart of coincident failures."""

import altair as alt
import pandas as pd

from resiliency.report.style import MANY, MUTED, SHARE, by_legend, finish, notice, point_style, tooltips
from resiliency.report.words import number, percent, plural

CAPTION = "Lower points for pairs of different designs mean that design diversity helps."
PAIRS, SHAPES = ["one design", "two designs"], ["diamond", "circle"]
WORDS = dict(zip(PAIRS, ("the same design", "different designs"), strict=True))
KINDS = dict(zip(PAIRS, ("of one design, which differ in their seeds", "of two designs"), strict=True))
WIDTH, HEIGHT = 820, 195


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """How often two members fail on the same image, against what independence would give, by pair of designs."""
    title = "Do two members fail on the same images more often than by chance?"
    rows = of_pairs(table)
    if rows.empty:
        return notice(title, "no two members trained independently in this study")
    images = next(name for name in ("corrupted", "clean") if (rows["corruption"] == name).any())
    rows = rows[rows["corruption"] == images]
    panel = _panel(rows, _kinds(rows), f"{images} images", colours)
    subtitle = [
        "On the dashed line failures are independent; above it, two members fail together more often",
        f"Each point: two members {', or '.join(KINDS[pair] for pair in _kinds(rows))}; mean over such pairs",
    ]
    if len(rows) <= MANY:
        confidence, images = percent(rows["confidence"].iloc[0], 0), plural(int(rows["images"].max()), "test image")
        subtitle.append(f"Bars: {confidence} intervals over {images}")
    return finish(panel, title, subtitle)


def of_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """The rows on clean and on all corrupted images, with `pair`, and the interval of `joint_failure_rate` as ends."""
    rows = table[table["corruption"].isin(["clean", "corrupted"])].dropna(subset=["joint_failure_rate", "independent"])
    pair = (rows["first"] == rows["second"]).map({True: PAIRS[0], False: PAIRS[1]})
    return rows.assign(
        pair=pair.astype(object),
        least=(rows["independent"] + rows["low"]).clip(lower=0),
        most=rows["independent"] + rows["high"],
    )


def _kinds(rows: pd.DataFrame) -> list[str]:
    """The kinds of pairs that there are."""
    return [pair for pair in PAIRS if (rows["pair"] == pair).any()]


def _panel(rows: pd.DataFrame, kinds: list[str], images: str, colours: list[str]) -> alt.LayerChart:
    many = len(rows) > MANY
    most = 1.05 * max(rows["joint_failure_rate"].max(), rows["most"].max(), 0.001) if len(rows) else 1
    axis = alt.Axis(format=SHARE, tickCount=5)
    x = alt.X("independent:Q", title=f"Both wrong on {images}, if independent", axis=axis).scale(
        domain=[0, most], nice=False
    )
    y = alt.Y("joint_failure_rate:Q", title="Both wrong", axis=axis).scale(domain=[0, most], nice=False)
    of_kinds = {kind: (colours[place], SHAPES[place]) for place, kind in enumerate(PAIRS) if kind in kinds}
    hue, shape = (
        channel("pair:N", title="Members of")
        .scale(domain=kinds, range=[of[place] for of in of_kinds.values()])
        .legend(orient="bottom")
        for place, channel in enumerate((alt.Color, alt.Shape))
    )
    chosen, opacity = by_legend("pair")
    base = alt.Chart(rows).encode(x=x, color=hue, opacity=opacity)
    bars = base.mark_rule().encode(y=alt.Y("least:Q", title="Both wrong"), y2=alt.Y2("most"))
    forms = {"joint_failure_rate": ".2%", "independent": ".2%", "covariance": "+.4f", "low": "+.4f", "high": "+.4f"}
    tooltip = tooltips("first", "second", **forms)
    points = base.mark_point(filled=True, **point_style(len(rows), 70)).encode(y=y, shape=shape, tooltip=tooltip)
    points = points.add_params(chosen) if many else points
    ends = alt.Chart(pd.DataFrame({"end": [0, most]})).mark_line(color=MUTED, strokeDash=[4, 3], strokeWidth=1)
    diagonal = ends.encode(x=alt.X("end:Q"), y=alt.Y("end:Q"))
    chart = diagonal + points if many else diagonal + bars.add_params(chosen) + points
    return chart.properties(width=WIDTH, height=HEIGHT)


def finding(table: pd.DataFrame) -> str:
    """How often both of two members fail on corrupted images, over what independence would give."""
    rows = of_pairs(table)
    images = "corrupted" if (rows["corruption"] == "corrupted").any() else "clean"
    rows = rows[rows["corruption"] == images]
    clauses = []
    for pair in PAIRS:
        pairs = rows[rows["pair"] == pair]
        means = pairs[["joint_failure_rate", "independent"]].mean()
        if means["independent"] > 0:
            rate = means["joint_failure_rate"]
            times = number(rate / means["independent"], 1)
            clauses.append(
                f"Two members of {WORDS[pair]} fail together on {percent(rate)} of {images} images, {times} times as "
                f"often as if failures were independent; {_significant(pairs, pair)}."
            )
    return " ".join(clauses)


def _significant(pairs: pd.DataFrame, kind: str) -> str:
    """Such as "significantly more often for 7 of 8 designs"."""
    more = int((pairs["low"] > 0).sum())
    of = plural(len(pairs), "design") if kind == PAIRS[0] else f"{plural(len(pairs), 'pair')} of designs"
    return f"significantly more often for {f'{more:,}' if more else 'none'} of {of}"
