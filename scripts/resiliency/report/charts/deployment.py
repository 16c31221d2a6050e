"""The chart of which ensemble to deploy."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.report.overview import contenders
from resiliency.report.style import INK, MUTED, SHARE, by_legend, finish, notice, panel_title, tooltips
from resiliency.report.words import label, percent, plural, quantity, with_interval

CAPTION = (
    "Further down is more robust, further left is cheaper. Points of the Pareto front whose bars overlap may be "
    "equally robust."
)
CELLS = 48, 32
SIDES, PADDING = (400, 240), 6  # px
ON_A_PHONE = 1.6  # times narrower
# Where labels stand, so that none covers another or a point: px right and down, of a label from its point.
PLACES = ((6, -10), (6, 11), (-6, -10), (-6, 11), (0, -14), (0, 15))
LETTER, LINE = 6.5, 11  # px, width and height of a letter of 11 px
POINT = 7  # px, a side of a point
CLOUD = "#b5bcc4"
STAR = "M0,-1L.3,-.4L1,-.3L.5,.15L.6,.8L0,.5L-.6,.8L-.5,.15L-1,-.3L-.3,-.4Z"
PICK, FRONT, SINGLE, BASELINE = "recommended", "Pareto front", "single member", "baseline"
OTHER = "other candidates"
SHAPES = {PICK: STAR, FRONT: "circle", SINGLE: "triangle-up", BASELINE: "diamond", OTHER: "square"}
COSTS = {"macs": "MACs", "parameters": "parameters"}


def draw(table: pd.DataFrame, candidates: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Corrupted error of all candidates over MACs and over parameters, with the fronts, on unseen images.

    Candidates far worse than all that are named are left out, since they would take half of the axis.
    """
    title = "Error and cost of the candidates"
    table = table.dropna(subset=["corrupted_error"])
    candidates = candidates.dropna(subset=["judged_error"])
    if table.empty or candidates.empty:
        return notice(title, "no members that were trained on their own, and no ensembles, in this study")
    first = table.iloc[0]
    table = table.assign(recommended=table["number"] == contenders(table)[0]["number"])
    named = table[_is_named(table)]
    highest = 1.1 * float(named[["high", "corrupted_error"]].max(axis=None))
    far = candidates["judged_error"] > highest
    table, candidates = table[table["corrupted_error"] <= highest], candidates[~far]
    ends = pd.concat([table["low"], candidates["judged_error"], named["high"]])
    reach = [float(ends.min()), float(ends.max())]
    priced = [cost for cost in COSTS if (candidates[cost] > 0).any()]
    if not priced:
        return notice(title, "neither MACs nor parameters of members are known; tables/deployment.csv has their errors")
    panels = [
        _panel(table[table[cost] > 0], candidates[candidates[cost] > 0], cost, cost == priced[0], reach, colours)
        for cost in priced
    ]
    subtitle = [
        f"Pale points: all {plural(len(candidates), 'candidate')}; numbers, where there is room, count members; "
        f"bars are {percent(first['confidence'], 0)} intervals",
        f"The Pareto front was selected on {plural(int(first['selection_images']), 'test image')}; a point is shown "
        f"if none beats it on the {int(first['images']):,} others",
        f"Ensembles combined by {label(first['rule'])}; costs on a logarithmic scale, errors on a square-root scale",
    ]
    if far.any():
        subtitle.append(f"{plural(int(far.sum()), 'candidate')} with errors above {percent(highest)} not shown")
    return finish(alt.hconcat(*panels, spacing=24), title, subtitle)


def _panel(
    table: pd.DataFrame, candidates: pd.DataFrame, cost: str, left: bool, reach: list[float], colours: list[str]
) -> alt.LayerChart:
    """The candidates over one cost; a line along its front."""
    on_front = _is_unbeaten(table, cost)
    states = [table["recommended"], table["baseline"].astype(bool), on_front, table["size"] == 1]
    rows = table.assign(state=np.select(states, [PICK, BASELINE, FRONT, SINGLE], OTHER))
    domain = [0.85 * candidates[cost].min(), 1.2 * candidates[cost].max()]
    x = alt.X(f"{cost}:Q", title=f"{COSTS[cost][0].upper()}{COSTS[cost][1:]} of all members").axis(
        format="~s", tickCount=5, labelOverlap=True
    )
    x = x.scale(type="log", domain=domain, nice=False)
    y = alt.Y("corrupted_error:Q", title="Corrupted error" if left else None)
    y = y.axis(format=SHARE, labels=left, tickCount=7)
    y = y.scale(type="sqrt", domain=reach, padding=PADDING, nice=False, zero=False)
    hues = dict(zip(SHAPES, [(colours * 6)[5], colours[0], (colours * 2)[1], INK, MUTED], strict=True))
    hue = alt.Color("state:N", title=None).scale(domain=list(hues), range=list(hues.values()))
    shape = alt.Shape("state:N", title=None).scale(domain=list(SHAPES), range=list(SHAPES.values()))
    legend = alt.Legend(orient="bottom", direction="horizontal")
    cloud = alt.Chart(_cells(candidates, cost)).mark_circle(color=CLOUD, size=16, opacity=0.55, aria=False)
    cloud = cloud.encode(x=x, y=y, tooltip=[alt.Tooltip("ensembles", title="candidates here")])
    front = alt.Chart(rows[on_front])
    line = front.mark_line(color=colours[0], strokeWidth=1.5).encode(x=x, y=y)
    bars = front.mark_rule(color=colours[0], opacity=0.45).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high"))
    errors = dict.fromkeys(("selection_error", "corrupted_error", "low", "high"), ".2%")
    tooltip = tooltips("members", "found", "origin", macs=",", parameters=",", **errors)
    chosen, opacity = by_legend("state")
    points = alt.Chart(rows.sort_values("recommended", kind="stable")).mark_point(filled=True)
    size = alt.when(alt.datum.state == PICK).then(alt.value(220)).otherwise(alt.value(64))
    points = points.encode(
        x=x, y=y, color=hue.legend(legend), shape=shape.legend(legend), tooltip=tooltip, opacity=opacity, size=size
    )
    points = points.add_params(chosen) if left else points
    counts = alt.Chart(_counts(rows, on_front, cost, domain, reach)).mark_text(color=INK, fontSize=11)
    counts = counts.encode(x=x, y=y, text=alt.Text("size:Q"))
    title = panel_title(f"Error against {COSTS[cost]}")
    return alt.layer(cloud, bars, line, points, counts, width=SIDES[0], height=SIDES[1], title=title)


def _is_named(table: pd.DataFrame) -> pd.Series:
    """Which rows the chart names or has on a front: they set how far its axis reaches."""
    fronts = [_is_unbeaten(table, cost) for cost in COSTS]
    return table["recommended"] | table["baseline"].astype(bool) | fronts[0] | fronts[1]


def _is_unbeaten(table: pd.DataFrame, cost: str) -> pd.Series:
    """Which rows of the front, as chosen, are on it as judged too: none as cheap has a lower error."""
    chosen = table[table[f"front_{cost}"].astype(bool)].sort_values([cost, "corrupted_error"], kind="stable")
    best = chosen["corrupted_error"].cummin()
    return table.index.isin(best.index[best.diff().fillna(-1) < 0]) & table[f"front_{cost}"].astype(bool)


def _counts(
    rows: pd.DataFrame, on_front: pd.Series, cost: str, domain: list[float], reach: list[float]
) -> pd.DataFrame:
    """Where numbers of members stand, in the units of the axes, beside those points of the front that have room."""
    (left, right), (low, high) = np.log10(domain), np.sqrt(reach)
    width, height = SIDES[0], SIDES[1] - 2 * PADDING
    span = high - low or 1
    across = width * (np.log10(rows[cost].astype(float)) - left) / (right - left)
    down = PADDING + height * (high - np.sqrt(rows["corrupted_error"].astype(float))) / span
    points = np.column_stack([across, down])
    sizes = rows.loc[on_front, "size"]
    letters = sizes.astype(str).str.len().to_numpy()
    taken = np.column_stack([points, np.full((len(rows), 2), POINT)])
    places = free_places(points[on_front], letters, taken, ON_A_PHONE)
    back = {
        cost: 10 ** (left + places[:, 0] * (right - left) / width),
        "corrupted_error": (high - (places[:, 1] - PADDING) * span / height).clip(0) ** 2,
    }
    return pd.DataFrame(back | {"size": sizes.to_numpy()}).dropna()


def free_places(points: np.ndarray, letters: np.ndarray, taken: np.ndarray, stretch: float = 1) -> np.ndarray:
    """The middle of each label, at the first of `PLACES` that is free; NaN where none is, so that a label is left out.

    Args:
        points: (labels, 2) px right and down, the points that labels are of; earlier ones choose first.
        letters: (labels,) number of letters of each.
        taken: (boxes, 4) px, middle right and down, width and height of what labels must not cover.
        stretch: how many times wider all boxes count across, for a chart that may be drawn as much narrower.
    """
    boxes, found = [tuple(box) for box in taken], np.full((len(points), 2), np.nan)
    for index, (point, count) in enumerate(zip(points, letters, strict=True)):
        for place in PLACES:
            middle = point + np.array(place)
            box = (*middle, LETTER * count, LINE)
            if not any(_overlap(box, other, stretch) for other in boxes):
                boxes.append(box)
                found[index] = middle
                break
    return found


def _overlap(one: tuple, other: tuple, stretch: float) -> bool:
    across, down = abs(one[0] - other[0]), abs(one[1] - other[1])
    return across < stretch * (one[2] + other[2]) / 2 and down < (one[3] + other[3]) / 2


def _cells(candidates: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Where candidates are: a point for each cell of a grid that holds some, at their mean, and their number."""
    places = {cost: candidates[cost].astype(float), "corrupted_error": candidates["judged_error"].round(5)}
    across, up = CELLS
    bins = [
        pd.cut(np.log10(places[cost]), across, labels=False),
        pd.cut(places["corrupted_error"], up, labels=False),
    ]
    groups = pd.DataFrame(places).groupby(bins)
    return groups.mean().round(5).assign(ensembles=groups.size()).reset_index(drop=True)


def finding(table: pd.DataFrame, candidates: pd.DataFrame) -> str:
    """Error and cost of the recommended model and of what it has to beat on images that the choice has not seen."""
    clauses, rows = [], contenders(table)
    for place, row in enumerate(rows):
        if row["members"] in (earlier["members"] for earlier in rows[:place]):
            continue
        same = [later["role"].lower() for later in rows[place + 1 :] if later["members"] == row["members"]]
        also = f", also the {same[0]}," if same else ""
        who = f"({row['size']} members)" if row["size"] > 1 else f"({row['members']})"
        cost = "" if np.isnan(row["macs"]) else f" at {quantity(row['macs'])} MACs"
        error = with_interval(row["corrupted_error"], row["corrupted_error_low"], row["corrupted_error_high"])
        clauses.append(f"he {row['role'].lower()} {who}{also} has an error of {error}{cost}")
    return f"On corrupted images not used for selection, t{'. T'.join(clauses)}." if clauses else ""
