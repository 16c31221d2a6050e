"""The chart of what design diversity buys at equal accuracy, and the facts that answer for a
study."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.left_out import FEWEST_FAMILIES
from resiliency.analysis.swaps import ANY_FAMILY, FAMILY, FOUND, KIND, RATIO, SIZE, TOGETHER
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report import style
from resiliency.report.rows import Row, independent, level, with_ends
from resiliency.report.words import hundredths, label, number, percent, plural

COMMON, UNDETECTED, AGREED = "common_failures", "undetected", "agreed"
WRONG, VOTES = "wrong_at_90", "votes_wrong_at_90"  # VOTES: of four members, by their labels
OUTCOMES = {
    COMMON: "Common failures",
    UNDETECTED: "Undetected errors",
    WRONG: "Wrong at 90% availability",
}
OUTCOMES |= {VOTES: "Wrong at 90%, votes of four"}
RUNGS = {
    SIZE: "size, in one family",
    FAMILY: "family, at equal length and size",
    ANY_FAMILY: "family, whatever else differs",
    KIND: "kind of network",
    TOGETHER: "joint training",
    FOUND: "sub-networks",
}
HELPS, HARMS, NOISE, OPEN, UNKNOWN = "helps", "harms", "noise", "open", "unknown"
ANSWERS = {HELPS: "Fewer undetected errors", HARMS: "More undetected errors", UNKNOWN: "Unknown"}
NOTHING_SHOWN = {
    OPEN: " (not significant)",
    NOISE: " (within the control)",
    UNKNOWN: " (no interval)",
}
TICKS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5]
CLOSE = (0.55, 0.9)  # least end of an axis that has room for this tick
FARTHEST = (0.4, 1.6)  # ratios beyond which points and intervals are cut
ROOM = 1.03  # factor between the ends of the axis and the intervals
STEP = 15  # px of a series in a row
CUT = {
    "ratio_low": "left",
    "ratio_high": "right",
    "control_low": "band_low",
    "control_high": "band_high",
}
ON_LEFT = "datum.ratio < 1"


def headline(table: pd.DataFrame) -> dict[str, Row]:
    """Outcome -> its row of swaps.csv, on the images and of the rung that answer; {} without a
    stranger.

    Rows have `finding` and `said` of pairs of twins and, as `rival` and `over_rival`, of one
    member.

    Images are corrupted ones, else those of the first further test set. The rung is *family at
    equal length and size* if it has intervals, else *family*.
    """
    known = (
        table[(table["twins"] > 0) & table["rung"].isin([FAMILY, ANY_FAMILY])]
        if len(table)
        else table
    )
    if known.empty:
        return {}
    sets = known["images"].unique()
    images = next((of for of in (CORRUPTED, *sets) if of in sets and of != CLEAN), CLEAN)
    own = known[known["images"] == images]
    of_rungs = {rung: rows.set_index("outcome") for rung, rows in own.groupby("rung")}
    has = FAMILY in of_rungs and np.isfinite(of_rungs[FAMILY].loc[UNDETECTED, "ratio_low"])
    answering = of_rungs[FAMILY if has or ANY_FAMILY not in of_rungs else ANY_FAMILY]
    rows = own[own["outcome"] == VOTES].set_index("outcome").to_dict("index") | answering.to_dict(
        "index"
    )
    found = {}
    for outcome, row in rows.items():
        rival = {name: row[f"one_member_{name}"] for name in RATIO} | {
            "control_low": np.nan,
            "control_high": np.nan,
        }
        found[outcome] = row | {"finding": finding(row), "said": factor(row)}
        found[outcome] |= {"rival": finding(rival), "over_rival": factor(rival)}
    return found


def finding(row: Row) -> str:
    """Whether a ratio is certainly below 1, or above; `noise` if within the range of its control,
    if any."""
    if not np.isfinite(row["ratio_low"]):
        return UNKNOWN
    if row["ratio_low"] <= 1 <= row["ratio_high"]:
        return OPEN
    if row["ratio"] < 1:
        return NOISE if row["ratio"] >= row["control_low"] else HELPS
    return NOISE if row["ratio"] <= row["control_high"] else HARMS


def factor(row: Row) -> str:
    """A ratio of swaps.csv with its interval, and if it shows nothing, why."""
    if not np.isfinite(row["ratio"]):
        return "of unknown ratio"
    return f"× {with_ends(row, 'ratio', hundredths)}{NOTHING_SHOWN.get(finding(row), '')}"


def twin_of(members: pd.DataFrame) -> str:
    """What twins among members.csv are, in words: with one seed per design, other designs of a
    family."""
    if independent(members)["design"].duplicated().any():
        return "another seed of the first one’s design"
    return "an equally accurate design of the first one’s family (designs have one seed)"


def told(table: pd.DataFrame, members: pd.DataFrame) -> str:
    """What changes if a stranger replaces the twin, or what is missing for a swap: seeds, families,
    probabilities."""
    of = headline(table)
    if not of:
        alone = table[table["rung"].isin([FAMILY, ANY_FAMILY])] if len(table) else table
        left_out = int(alone["left_out"].max()) if len(alone) else 0
        no_twins = (
            "a swap needs two seeds of a design or two designs of a family, and equally "
            "accurate ones of another"
        )
        no_stranger = (
            f"none of {plural(left_out, 'pair')} of twins has an equally accurate "
            "member of another family"
        )
        return f"Unknown: {no_stranger if left_out else no_twins}."
    first, common, agreed, votes = (of.get(name) for name in (UNDETECTED, COMMON, AGREED, VOTES))
    answer = ANSWERS.get(first["finding"], "Nothing is shown")
    alike = ", as large and as long trained," if first["rung"] == FAMILY else ""
    sentences = [
        f"{answer}: two members give the same wrong class, which no comparison notices, for "
        f"{percent(first['stranger'])} of {label(first['images'])} images instead of "
        f"{percent(first['twin'])}, "
        f"{first['said']}, if the second is an equally accurate member of another family{alike} "
        "and not "
        f"{twin_of(members)}.",
        f"The common-failure factor is {hundredths(common['stranger'])} instead of "
        f"{hundredths(common['twin'])}, "
        f"{common['said']}; it counts coincident failures on test images and is not β of IEC "
        "61508.",
        f"The two agree on {percent(agreed['stranger'])} of the images instead of "
        f"{percent(agreed['twin'])}.",
    ]
    if wrong := of.get(WRONG):
        stranger, twin, one = (percent(wrong[who], 2) for who in ("stranger", "twin", "one_member"))
        answers = f"{stranger} of the images instead of {twin}, {wrong['said']}"
        pair = f"the pair with a stranger {wrong['over_rival']} as many"
        sentences.append(f"At 90% availability, wrong answers are {answers}.")
        sentences.append(f"One network with a threshold, the rival, makes {one}; {pair}.")
    elif votes:
        stranger, twin = (percent(votes[who], 2) for who in ("stranger", "twin"))
        share = f"{stranger} of the images, of one family for {twin}, {votes['said']}"
        sentences.append(
            f"At 90% availability, votes of four members of as many families are wrong for {share}."
        )
    if not wrong:
        more = "" if votes else "wrong answers fall at equal availability, and whether "
        unknown = f"whether {more}the pair beats one network with a threshold"
        sentences.append(f"Open, with predicted labels alone: {unknown}.")
    if first["finding"] == UNKNOWN:
        are = "is" if first["families"] == 1 else "are"
        sentences.append(
            f"An interval needs {FEWEST_FAMILIES} families with strangers; there {are} "
            f"{first['families']}."
        )
    return " ".join(sentences)


@style.chart(
    "Left of 1, pairs with a stranger have less of it than pairs of twins. A grey band holds 95% "
    "of what designs give "
    "that are permuted among equally accurate members, so what lies within it may be noise. Hollow "
    "points have no "
    "interval, since that needs five families. The common-failure factor is P(both wrong) over the "
    "geometric mean of "
    "both errors: coincident failures on test images, not β of IEC 61508. Votes of four have no "
    "control. Arrows name "
    "what lies beyond the frame.",
    told,
)
def swaps(table: pd.DataFrame, members: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """A panel per outcome and a row per rung, with a ratio of strangers to twins per set of
    images."""
    rows = ratios(table)
    if rows.empty:
        return style.notice("no member has a twin and an equally accurate stranger in this study")
    rows = rows.assign(name=rows["rung"].map(RUNGS), of=rows["images"].map(label))
    subtitle = [
        "Factor by which it changes if an equally accurate stranger replaces the twin, of the same "
        "design (or family)",
        f"Rows say in what the stranger differs; bars are {level(table)} intervals, grey bands 95% "
        "of the negative "
        "control",
    ]
    if error := headline(table).get("error"):
        matched, images = number(100 * error["difference"], 2), label(error["images"])
        subtitle.append(
            f"Strangers err {matched} percentage points more than twins, mean on {images} images"
        )
    return ratio_panels(rows, [*RUNGS.values()], colours), subtitle


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of swaps.csv that the chart draws: those of `OUTCOMES` that have a ratio."""
    if table.empty:
        return table
    return table[table["outcome"].isin(OUTCOMES) & np.isfinite(table["ratio"].to_numpy(float))]


def ratio_panels(
    rows: pd.DataFrame, order: list[str], colours: list[str], labels: int = 210
) -> alt.TopLevelMixin:
    """Panels of `OUTCOMES` on one logarithmic axis.

    Args:
        rows: rows of `ratios`, with `name` of their row in a panel, one of `order`, and `of`, their
            images.
        labels: px, width of the names.
    """
    series = [*rows["of"].unique()]
    order = [name for name in order if name in set(rows["name"])]
    low, high = FARTHEST
    inside = rows["ratio"].between(low, high)
    ends = rows.loc[inside, ["ratio", *CUT]].clip(low, high).stack()
    frame = [min(float(ends.min()), 0.95) / ROOM, max(float(ends.max()), 1.05) * ROOM]
    said = [with_ends(row, "ratio", hundredths) for row in rows.to_dict("records")]
    arrows = [
        f"← {text}" if ratio < 1 else f"{text} →"
        for text, ratio in zip(said, rows["ratio"], strict=True)
    ]
    rows = rows.assign(
        order=rows["of"].map(series.index),
        **rows[[*CUT]].clip(*frame).rename(columns=CUT),
        beyond=np.where(inside, "", arrows),
        at=np.where(rows["ratio"] < 1, *frame),
    )
    key = style.told_apart("of", series, colours, shapes=style.SHAPES, legend={"title": "Images"})
    drawn = [outcome for outcome in OUTCOMES if outcome in set(rows["outcome"])]
    panels = []
    for outcome in drawn:
        extent = 0 if panels else labels
        y = style.names(
            "name", order, labels=extent > 0, minExtent=extent, maxExtent=extent, labelLimit=extent
        )
        y = y.scale(domain=order)  # in panels that lack some, too
        panels.append(_panel(rows[rows["outcome"] == outcome], frame, y, key, len(series)))
    return alt.hconcat(*panels, spacing=18, bounds="flush")


def _panel(
    rows: pd.DataFrame, frame: list[float], y: alt.Y, key: style.Key, series: int
) -> alt.LayerChart:
    """The ratios of one outcome on so many `series` of images."""
    ticks = [
        of for of in TICKS if frame[0] <= of <= frame[1] and (of != CLOSE[1] or frame[0] > CLOSE[0])
    ]
    x = style.measure(
        alt.X, "ratio", "Ratio to twins", ".1f", {"values": ticks}, domain=frame, type="log"
    )
    place = alt.YOffset("order:O").scale(paddingOuter=0.5, domain=list(range(series)))
    inside, beyond = rows[rows["beyond"] == ""], rows[rows["beyond"] != ""]
    band = alt.Chart(inside.dropna(subset=["band_low", "band_high"]))
    band = band.mark_bar(color=style.GREY, opacity=0.55, height=STEP - 3)
    band = band.encode(x=alt.X("band_low:Q"), x2=alt.X2("band_high"), y=y, yOffset=place)
    inwards = {
        "align": alt.expr(f"{ON_LEFT} ? 'left' : 'right'"),
        "dx": alt.expr(f"{ON_LEFT} ? 2 : -2"),
    }
    arrows = style.words_at(
        beyond, alt.X("at:Q"), y, "beyond", color=style.MUTED, **inwards
    ).encode(yOffset=place)
    fill = (
        alt.when("isValid(datum.ratio_low)")
        .then(key.channels["color"])
        .otherwise(alt.value("white"))
    )
    forms = dict.fromkeys(
        ("ratio", "ratio_low", "ratio_high", "control_low", "control_high"), ".3f"
    )
    forms |= {"twin": ".4f", "stranger": ".4f"}
    tooltip = style.tooltips(
        "name", alt.Tooltip("of", title="images"), "families", "twins", **forms
    )
    look = {
        "under": [band, style.line_at(1)],
        "over": [arrows],
        "hollow": True,
        "point": {"fill": fill},
    }
    look |= {"title": style.panel_title(OUTCOMES[rows["outcome"].iloc[0]], anchor="middle")}
    size = {"width": 205, "height": alt.Step(STEP, **{"for": "offset"})}
    return style.intervals(
        inside, x, y, ("left", "right"), key, tooltip, offset="order", **look, **size
    )
