"""Charts of the model to deploy: cost, coverage, calibration and corruptions beside its
competitors; confusions."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.base.names import CATEGORIES, CLEAN, CORRUPTED, HELD_OUT, HELD_OUT_IMAGES
from resiliency.report import style
from resiliency.report.overview import contenders
from resiliency.report.rows import held_out_corruptions, level, of_first_role, under_single
from resiliency.report.words import capital, label, percent, plural, with_interval

WIDTH = 400  # px
STAR = "M0,-1L.3,-.4L1,-.3L.5,.15L.6,.8L0,.5L-.6,.8L-.5,.15L-1,-.3L-.3,-.4Z"
PICK, FRONT, SINGLE, BASELINE = "recommended", "Pareto front", "single member", "baseline"
OTHER = "other candidates"
LOOKS = {PICK: STAR, FRONT: "circle", SINGLE: "triangle-up", BASELINE: "diamond", OTHER: "square"}
COSTS = {"macs": "MACs", "parameters": "parameters"}
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [14, 3], [5, 2, 2, 2, 2, 2])
LOWEST = 1e-3  # smaller errors are drawn here, because 0 has no logarithm
FEWEST = 10  # least number of predictions in a bin that is drawn
NOTHING = "nothing is recommended in this study"
MOST_CLASSES, NUMBERED = 30, 15  # largest number of classes of a matrix, and of one with numbers
MOST_BARS, MOST_ROWS = 15, 30


@style.chart(
    "Further down is more robust, further left is cheaper. Points of the Pareto front whose bars "
    "overlap may be "
    "equally robust."
)
def deployment(table: pd.DataFrame, candidates: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Corrupted error of all candidates over MACs and over parameters, with the fronts, on unseen
    images.

    Candidates far worse than all that are named are left out, since they would take half of the
    axis.
    """
    table = table.dropna(subset=["corrupted_error"])
    candidates = candidates.dropna(subset=["judged_error"])
    if table.empty or candidates.empty:
        return style.notice(
            "no members that were trained on their own, and no ensembles, in this study"
        )
    priced = [cost for cost in COSTS if (candidates[cost] > 0).any()]
    if not priced:
        return style.notice(
            "neither MACs nor parameters of members are known; tables/deployment.csv has their "
            "errors"
        )
    first = table.iloc[0]
    table = table.assign(recommended=table["number"] == contenders(table)[0]["number"])
    on_fronts = _is_unbeaten(table, "macs") | _is_unbeaten(table, "parameters")
    # How far the axis reaches.
    named = table[table["recommended"] | table["baseline"].astype(bool) | on_fronts]
    highest = 1.1 * float(named[["high", "corrupted_error"]].max(axis=None))
    far = candidates["judged_error"] > highest
    table, candidates = table[table["corrupted_error"] <= highest], candidates[~far]
    ends = (
        pd.concat([table["low"], candidates["judged_error"], named["high"]])
        .agg(["min", "max"])
        .tolist()
    )
    y = style.measure(
        alt.Y, "corrupted_error", None, axis={"tickCount": 7}, type="sqrt", domain=ends
    )
    hues = [(colours * 6)[5], colours[0], (colours * 2)[1], style.INK, style.MUTED]
    key = style.told_apart("state", list(LOOKS), hues, shapes=list(LOOKS.values()), legend={})
    panels = [
        _costs(table[table[of] > 0], candidates[candidates[of] > 0], of, y, key, colours[0])
        for of in priced
    ]
    all_of, selection = (
        plural(len(candidates), "candidate"),
        plural(int(first["n_selection_images"]), "test image"),
    )
    subtitle = [
        f"Corrupted error. Pale dots: all {all_of}; labels give ensemble size; bars: "
        f"{level(table)} intervals",
        f"The Pareto front was selected on {selection}, evaluated on the "
        f"{int(first['n_images']):,} others; points "
        "that it dominates there are hidden",
        f"Ensembles combined by {label(first['rule'])}; costs on a logarithmic scale, errors on a "
        "square-root scale",
    ]
    if far.any():
        subtitle.append(
            f"{plural(int(far.sum()), 'candidate')} with errors above {percent(highest)} not shown"
        )
    return alt.hconcat(*panels, spacing=24), subtitle


def _costs(
    table: pd.DataFrame, candidates: pd.DataFrame, cost: str, y: alt.Y, key: style.Key, colour: str
) -> alt.LayerChart:
    """The candidates over one cost; a line of a colour along its front."""
    on_front = _is_unbeaten(table, cost)
    states = [table["recommended"], table["baseline"].astype(bool), on_front, table["size"] == 1]
    rows = table.assign(
        state=np.select(states, [PICK, BASELINE, FRONT, SINGLE], OTHER), on_front=on_front
    )
    rows = rows.sort_values("recommended", kind="stable")
    front = rows[rows["on_front"]].sort_values(cost)
    domain = [0.85 * candidates[cost].min(), 1.2 * candidates[cost].max()]
    x = style.measure(
        alt.X, cost, f"{capital(COSTS[cost])} of all members", "~s", type="log", domain=domain
    )
    cloud = alt.Chart(_cells(candidates, cost)).mark_circle(
        color=style.GREY, size=16, opacity=0.55, aria=False
    )
    cloud = cloud.encode(x=x, y=y, tooltip=[alt.Tooltip("ensembles", title="candidates here")])
    line = alt.Chart(front).mark_line(color=colour, strokeWidth=1.5).encode(x=x, y=y)
    bars = (
        alt.Chart(front)
        .mark_rule(color=colour, opacity=0.45)
        .encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high"))
    )
    errors = dict.fromkeys(("selection_error", "corrupted_error", "low", "high"), ".2%")
    tooltip = style.tooltips("members", "found", "origin", macs=",", parameters=",", **errors)
    size = alt.when(alt.datum.state == PICK).then(alt.value(220)).otherwise(alt.value(64))
    sizes = style.words_at(_apart(front, cost, domain), x, y, "size", dx=7, dy=-10)
    look = {
        "width": WIDTH,
        "height": 240,
        "title": style.panel_title(f"Error against {COSTS[cost]}"),
    }
    marks = {"under": [cloud, bars, line], "over": [sizes], "point": {"size": size}}
    return style.scatter(rows, x, y, key, tooltip, **marks, **look)


def _apart(rows: pd.DataFrame, cost: str, domain: list[float]) -> pd.DataFrame:
    """The rows, sorted by cost, that have room for a number of 26 pixels beside those before
    them."""
    places = (
        WIDTH * np.log10(rows[cost].astype(float) / domain[0]) / np.log10(domain[1] / domain[0])
    )
    kept: list[int] = []
    for index, place in enumerate(places):
        if not kept or place - places.iloc[kept[-1]] >= 26:
            kept.append(index)
    return rows.iloc[kept]


def _is_unbeaten(table: pd.DataFrame, cost: str) -> pd.Series:
    """Which rows of the front, as chosen, are on it as judged too: none as cheap has a lower
    error."""
    chosen = table[table[f"front_{cost}"].astype(bool)].sort_values(
        [cost, "corrupted_error"], kind="stable"
    )
    best = chosen["corrupted_error"].cummin()
    return table.index.isin(best.index[best.diff().fillna(-1) < 0]) & table[f"front_{cost}"].astype(
        bool
    )


def _cells(candidates: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Places of candidates: a point per occupied cell of a grid, at their mean, with their
    number."""
    costs, errors = candidates[cost].astype(float), candidates["judged_error"].round(5)
    bins = [pd.cut(np.log10(costs), 48, labels=False), pd.cut(errors, 32, labels=False)]
    groups = pd.DataFrame({cost: costs, "corrupted_error": errors}).groupby(bins)
    return groups.mean().round(5).assign(ensembles=groups.size()).reset_index(drop=True)


@style.chart(
    "The further a line falls towards the left, the better its confidence score identifies wrong "
    "predictions. "
    "Lines may cross: compare them at the coverage that you need.",
)
def risk_coverage(
    deployment: pd.DataFrame, curves: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """Risk over coverage, a panel for each set of images: the recommended model by each score,
    others by one."""
    curves, parts = curves[curves["coverage"] >= 0.5].dropna(subset=["risk"]), []
    for row in contenders(deployment):
        of = curves[
            (curves["members"] == row["members"])
            & (curves["score"].eq("max_probability") | (not parts))
        ]
        scores = of["score"].str.replace("_", " ").str.replace("max ", "maximum ")
        parts.append(of.assign(who=f"{row['role'].lower()}, " + scores))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if rows.empty:
        return style.notice("no ensemble or member whose answers differ in confidence")
    hues = [*(colours * 6)[:6], style.INK]  # no line is as pale as the seventh colour
    legend = {"direction": "vertical", "labelLimit": 320, "symbolType": "stroke"}
    legend |= {"symbolSize": 500, "symbolStrokeWidth": 2}
    key = style.told_apart("who", rows["who"].unique().tolist(), hues, dashes=DASHES, legend=legend)
    x = style.measure(alt.X, "coverage", "Images answered", domain=[0.5, 1])
    y = style.measure(
        alt.Y, "drawn", "Error of the answers (log scale)", axis={"tickCount": 8}, type="log"
    )
    tooltip, size = style.tooltips("who", coverage=".0%", risk=".2%"), {"width": 280, "height": 240}
    panels = [
        style.lines(of, x, y, key, tooltip, dots=0, title=style.panel_title(label(images)), **size)
        for images, of in rows.assign(drawn=rows["risk"].clip(lower=LOWEST)).groupby(
            "images", sort=False
        )
    ]
    return alt.concat(*panels, columns=3, spacing=24), [
        "Images are answered in order of confidence; at the right end all are answered",
        "Images of the evaluation half; corrupted: all corruptions and severities together",
        f"Errors below {percent(LOWEST)} are drawn at the lower end",
    ]


@style.chart("Points below the diagonal show overconfidence.")
def contender_calibration(bins: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Reliability diagrams of all roles: a panel for each set of images."""
    if bins.empty:
        return style.notice("no model to deploy has probabilities")
    rows, key = by_role(bins, colours)
    whole = {"axis": {"values": [0, 0.25, 0.5, 0.75, 1]}, "domain": [0, 1]}
    x = style.measure(alt.X, "mean_confidence", "Confidence", **whole)
    y = style.measure(alt.Y, "accuracy", "Accuracy", **whole)
    diagonal = style.line_through(x, y, pd.DataFrame({"x": [0, 1], "y": [0, 1]}))
    tooltip = style.tooltips("who", predictions=",", mean_confidence=".1%", accuracy=".1%")
    look = {"under": [diagonal], "dots": 60, "width": 290, "height": 290}
    panels = [
        style.lines(
            of, x, y, key, tooltip, title=style.panel_title(f"{images.capitalize()} images"), **look
        )
        for images in (CLEAN, CORRUPTED)
        if len(of := rows[(rows["images"] == images) & (rows["predictions"] >= FEWEST)])
    ]
    return alt.hconcat(*panels, spacing=28), [
        "On the diagonal, confidence equals accuracy; below it, answers are overconfident",
        f"15 bins of confidence, those with {FEWEST} predictions or more; images of the evaluation "
        "half",
    ]


def by_role(table: pd.DataFrame, colours: list[str]) -> tuple[pd.DataFrame, style.Key]:
    """The rows with names such as "best ensemble (4 members)" as `who`, and the colour and the
    shape of each name."""
    description = table["members"].mask(table["size"] > 1, table["size"].astype(str) + " members")
    rows = table.assign(who=table["role"] + " (" + description.astype(str) + ")")
    hues = [(colours * 8)[place] for place in (0, 3, 5, 7)]
    legend = {"orient": "top", "labelLimit": 320}
    key = style.told_apart(
        "who", rows["who"].unique().tolist(), hues, shapes=style.SHAPES[:4], legend=legend
    )
    return rows, key


def corruption_finding(table: pd.DataFrame) -> str:
    """Where the first role errs most, and its error on average and under corruptions beyond the
    selection."""
    first = of_first_role(table.dropna(subset=["error"]))
    single = under_single(first)
    if single.empty:
        return ""
    hardest = single.loc[single["error"].idxmax()]
    role, where = hardest["role"], hardest["corruption"]
    if hardest["error"] == 0:
        return f"Nowhere: the {role} makes no errors under any corruption."
    columns = first[["corruption", "error", "low", "high"]].itertuples(index=False)
    errors = {corruption: with_interval(*ends) for corruption, *ends in columns}
    mean = (
        f", and of {errors[CORRUPTED]} on average over corruptions" if CORRUPTED in errors else ""
    )
    said = f"Most under {label(where)}: the {role} has an error of {errors[where]} there{mean}."
    if HELD_OUT_IMAGES in errors:
        count = plural(len(held_out_corruptions(table)), "corruption")
        said += (
            f" Under {count} that took no part in the selection, its error is "
            f"{errors[HELD_OUT_IMAGES]}."
        )
    return said


@style.chart(
    "Selected on half of the test images, evaluated on the other half. A difference is significant "
    "if its interval, "
    "which holds together with those of all corruptions, excludes 0.",
    corruption_finding,
)
def under_corruptions(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Error of each role under each corruption, with intervals; the corruption that is hardest for
    the first on top."""
    table = under_single(table, with_held_out=True)
    if table.empty:
        return style.notice(
            "no members that were trained on their own, and no ensembles, in this study"
        )
    held_out = table["corruption"].isin(held_out_corruptions(table))
    named = table["corruption"].map(label) + held_out.map({True: " (extra)", False: ""})
    place = table["role"].map(list(ROLES).index)
    rows, key = by_role(table.assign(name=named, place=place), colours)
    order = (
        of_first_role(rows).sort_values("error", ascending=False, kind="stable")["name"].tolist()
    )
    zero = style.from_zero(rows[["low", "error", "high"]].stack())
    title = "Top-1 error, mean over severities (square-root scale)"
    error = style.measure(alt.X, "error", title, type="sqrt", zero=zero)
    tooltip = style.tooltips(
        "who", alt.Tooltip("name", title="corruption"), error=".1%", low=".1%", high=".1%"
    )
    tooltip.append(
        alt.Tooltip("difference", title="recommended model minus this one", format="+.1%")
    )
    rows_of = style.names("name", order, grid=True, tickBand="extent", labelPadding=8)
    look = {
        "offset": "place",
        "bar": 2,
        "width": 800,
        "height": alt.Step(22, **{"for": "position"}),
    }
    images = plural(int(table["n_images"].iloc[0]), "test image")
    said = (
        f"{images} of the evaluation half; bars: {level(table)} intervals over images; hardest "
        "corruption first"
    )
    return style.intervals(rows, error, rows_of, ("low", "high"), key, tooltip, **look), [said]


@style.chart(
    "Shares are of the images of a class. Images are those of the evaluation half; corrupted "
    "images are counted under "
    "all conditions together.",
)
def confusions(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """A cell per class and predicted class, or, of many classes, a bar for each of the most
    frequent confusions."""
    rows = of_first_role(table.dropna(subset=["share"]))
    if rows.empty:
        return style.notice(NOTHING)
    rows = rows.assign(wrong=rows["class"] != rows["predicted"])
    classes = list(dict.fromkeys([*rows["class"], *rows["predicted"]]))
    few = len(classes) <= MOST_CLASSES
    most = float(100 * rows.loc[rows["wrong"], "share"].max()) if rows["wrong"].any() else 1
    panels = []
    for images, of in rows.groupby("images", sort=False):
        title = style.panel_title(f"{images.capitalize()} images")
        panels.append(_matrix(of, classes, most, title) if few else _bars(of, colours, title))
    shares = "share of the images of each class (row) by predicted class (column), in %"
    frequent = f"the {MOST_BARS} most frequent confusions of {len(classes):,} classes"
    size = int(rows["size"].iloc[0])
    who = f"{plural(size, 'member')} together" if size > 1 else rows["members"].iloc[0]
    return alt.hconcat(*panels, spacing=30), [f"{who}: {shares if few else frequent}"]


def _matrix(
    rows: pd.DataFrame, classes: list[str], most: float, title: alt.TitleParams
) -> alt.LayerChart:
    """A matrix of confusions; wrong answers are coloured, on a scale up to `most` percent, right
    ones are not."""
    cells = rows.assign(percent=100 * rows["share"])
    angle = -45 if len(classes) <= NUMBERED else -90
    x = style.cell_names(
        alt.X, "predicted", classes, "predicted class", labelAngle=angle, labelOverlap=False
    )
    y = style.cell_names(alt.Y, "class", classes, "class", labelOverlap=False)
    legend = alt.Legend(title="Confused (%)", gradientLength=160)
    colour = alt.Color("percent:Q", legend=legend).scale(scheme="oranges", domain=[0, most])
    tooltip = style.tooltips("class", "predicted", "answers", share=".1%")
    base = alt.Chart(cells).encode(x=x, y=y)
    right = base.transform_filter("!datum.wrong").mark_rect(color="white").encode(tooltip=tooltip)
    layers = [right, style.heat(cells[cells["wrong"]], x, y, colour, tooltip)]
    if len(classes) <= NUMBERED:
        ink = alt.when("!datum.wrong").then(alt.value(style.MUTED))
        ink = (
            ink.when(alt.datum["percent"] > 0.62 * most)
            .then(alt.value("white"))
            .otherwise(alt.value(style.INK))
        )
        shown = base.transform_filter("datum.percent >= 0.5").mark_text(fontSize=10, aria=False)
        layers.append(shown.encode(text=alt.Text("percent:Q", format=".0f"), color=ink))
    step = alt.Step(max(330 / len(classes), 13))
    return alt.layer(*layers, width=step, height=step, title=title)


def _bars(rows: pd.DataFrame, colours: list[str], title: alt.TitleParams) -> alt.Chart:
    wrong = (
        rows[rows["wrong"]]
        .sort_values(["share", "answers"], ascending=False, kind="stable")
        .head(MOST_BARS)
    )
    named = wrong.assign(pair=wrong["class"] + " → " + wrong["predicted"])
    x = style.measure(alt.X, "share", "Share of the images of the class", zero=True, padding=0)
    y = alt.Y("pair:N", title=None, sort=None)
    bars = alt.Chart(named, width=330, height=alt.Step(19), title=title).mark_bar(color=colours[0])
    return bars.encode(
        x=x, y=y, tooltip=style.tooltips("class", "predicted", "answers", share=".1%")
    )


@style.chart(
    "Dark cells are large errors. Few images stand behind a cell: the table has the intervals."
)
def class_errors(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Error on each class, clean and under each corruption, mean over severities; the hardest
    classes come first."""
    rows = of_first_role(table.dropna(subset=["error"]))
    if rows.empty:
        return style.notice(NOTHING)
    order = (
        rows[rows["corruption"] == CORRUPTED]
        .sort_values("error", ascending=False, kind="stable")["class"]
        .tolist()
    )
    cells = rows.assign(row=rows["class"], column=rows["corruption"].replace(CORRUPTED, "mean"))
    counts = rows.drop_duplicates("class")["n_images"]
    least = f"{counts.min():,} to " if counts.min() < counts.max() else ""
    of_each = f"{least}{plural(int(counts.max()), 'image')} of each class, of the evaluation half"
    subtitle = [f"Mean over severities, in %; hardest class first; {of_each}"]
    if len(order) > MOST_ROWS:
        subtitle.append(
            f"The first {MOST_ROWS} of {len(order):,} classes; the others are in the table"
        )
    return error_panels(cells, order[:MOST_ROWS]), subtitle


def error_panels(cells: pd.DataFrame, order: list[str]) -> alt.HConcatChart:
    """A panel of cells for clean images and the mean, and for each category of corruptions.

    Args:
        cells: row, column (clean, mean or a corruption) and error.
        order: names of the rows, from top to bottom.
    """
    cells = cells[cells["row"].isin(order)]
    cells = cells.assign(percent=100 * cells["error"], name=cells["column"].map(label))
    most = float(cells["percent"].max()) or 1
    legend = alt.Legend(title="Error (%)", gradientLength=160)
    colour = alt.Color("percent:Q", legend=legend).scale(scheme="blues", domain=[0, most])
    error = alt.Tooltip("error", title="top-1 error", format=".1%")
    panels = []
    for name, columns in ({"overall": (CLEAN, "mean")} | CATEGORIES | {"extra": HELD_OUT}).items():
        part = cells[cells["column"].isin(columns)]
        if part.empty:
            continue
        x = alt.X("name:N", title=None, sort=[label(column) for column in columns])
        x = x.axis(labelAngle=-45, ticks=False, domain=False)
        y = style.cell_names(alt.Y, "row", order, labels=not panels)
        tooltip = style.tooltips(alt.Tooltip("row", title="of"), "name", error)
        width = max(34 * part["name"].nunique(), 8 * len(name))  # 8 px for a letter of the title
        look = {"width": width, "height": alt.Step(19), "view": alt.ViewConfig(stroke=None)}
        look |= {
            "title": style.panel_title(name, anchor="middle"),
            "dark": alt.datum["percent"] > 0.62 * most,
        }
        panels.append(style.heat(part, x, y, colour, tooltip, form=".0f", **look))
    return alt.hconcat(*panels, spacing=8, bounds="flush")
