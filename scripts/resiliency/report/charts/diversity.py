"""Charts of what different designs do: coincident failures, and more diverse ensembles."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.left_out import lack_second_seeds
from resiliency.report.panels import chart, intervals, line_through, measure, names, scatter, told_apart
from resiliency.report.rows import heading, how_many, main_pool, measured_columns
from resiliency.report.style import MANY, finish, notice, panel_title, tooltips
from resiliency.report.words import percent, plural

PAIRS, SHAPES = ["one design", "two designs"], ["diamond", "circle"]
KINDS = dict(zip(PAIRS, ("of one design, which differ in their seeds", "of two designs"), strict=True))
GROUPS = ["one design", "different designs"]
FAMILIES = ["one family", "different families"]


def coincidence_facts(table: pd.DataFrame) -> dict:
    """For two members of one design, and of two, how often both fail, and how often if independent, mean over pairs."""
    rows = of_pairs(table)
    images = "corrupted" if (rows["corruption"] == "corrupted").any() else "clean"
    rows = rows[rows["corruption"] == images]
    found: dict = {}
    for kind, name in zip(PAIRS, ("same", "different"), strict=True):
        pairs = rows[rows["pair"] == kind]
        means = pairs[["joint_failure_rate", "independent"]].mean()
        if means["independent"] > 0:
            more = int((pairs["low"] > 0).sum())
            of = {"rate": means["joint_failure_rate"], "more": more, "pairs": len(pairs)}
            found[name] = of | {"times": means["joint_failure_rate"] / means["independent"]}
    return found | {"images": images} if found else {}


@chart("Lower points for pairs of different designs mean that design diversity helps.", coincidence_facts)
def coincident_failures(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """How often two members fail on the same image, against what independence would give, by pair of designs."""
    title = "Do two members fail on the same images more often than by chance?"
    rows = of_pairs(table)
    if rows.empty:
        return notice(title, "no two members trained independently in this study")
    images = next(name for name in ("corrupted", "clean") if (rows["corruption"] == name).any())
    rows = rows[rows["corruption"] == images]
    kinds = [pair for pair in PAIRS if (rows["pair"] == pair).any()]
    places = [PAIRS.index(kind) for kind in kinds]
    key = told_apart(
        "pair",
        kinds,
        [(colours * 2)[place] for place in places],
        shapes=[SHAPES[place] for place in places],
        legend={"title": "Members of", "orient": "bottom"},
    )
    most = 1.05 * max(rows[["joint_failure_rate", "most"]].max(axis=None), 0.001)
    x = measure(alt.X, "independent", f"Both wrong on {images} images, if independent", domain=[0, most])
    y = measure(alt.Y, "joint_failure_rate", "Both wrong", domain=[0, most])
    forms = {"joint_failure_rate": ".2%", "independent": ".2%", "covariance": "+.4f", "low": "+.4f", "high": "+.4f"}
    diagonal = line_through(x, y, pd.DataFrame({"x": [0, most], "y": [0, most]}))
    look = {"up": ("least", "most"), "under": [diagonal], "choose": True, "width": 820, "height": 195}
    panel = scatter(rows, x, y, key, tooltips("first", "second", **forms), **look)
    subtitle = [
        "On the dashed line failures are independent; above it, two members fail together more often",
        f"Each point: two members {', or '.join(KINDS[pair] for pair in kinds)}; mean over such pairs",
    ]
    if len(rows) <= MANY:
        over = plural(int(rows["images"].max()), "test image")
        subtitle.append(f"Bars: {percent(rows['confidence'].iloc[0], 0)} intervals over {over}")
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


def group_facts(ensembles: pd.DataFrame) -> dict:
    """In how many metrics ensembles of different designs have the larger median."""
    pool = compared_ensembles(ensembles)
    columns = measured_columns(pool)
    if pool.empty or not columns:
        return {}
    medians = pool.groupby("group")[list(columns.values())].median()
    one, different = group_names(pool)
    larger = int((medians.loc[different] > medians.loc[one]).sum())
    return {"larger": larger, "metrics_measured": len(columns), "different": different, "members": pool["size"].iloc[0]}


@chart("Points further right mean more diverse ensembles.", group_facts)
def architecture_diversity(ensembles: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Middle half and median of each diversity among ensembles of one design and of different ones, at one size."""
    title = "Are ensembles of different designs more diverse?"
    pool = compared_ensembles(ensembles)
    if pool.empty:
        return notice(title, "no size has both ensembles of one design and ensembles of different designs")
    columns = measured_columns(pool)
    if not columns:
        return notice(title, "no diversity was measured in this study")
    size, groups = pool["size"].iloc[0], group_names(pool)
    scored = main_pool(ensembles)
    key = told_apart("group", groups, (colours * 2)[:2], shapes=SHAPES)
    panels = []
    for metric, column in columns.items():
        values = pool[["group"]].assign(value=pool[column]).dropna().groupby("group")["value"]
        rows = values.describe().reset_index().rename(columns={"25%": "lower", "50%": "median", "75%": "upper"})
        forms = dict.fromkeys(("min", "lower", "median", "upper", "max"), ".4f")
        look = {"bar": 5, "size": 110, "width": 270, "height": 64, "choose": not panels}
        x, y = measure(alt.X, "median", form="~g"), names("group", groups)
        tooltip = tooltips("group", "count", **forms)
        title_of = panel_title(heading(metric, column), frame="bounds")
        panels.append(intervals(rows, x, y, ("lower", "upper"), key, tooltip, title=title_of, **look))
    one, different = (int((pool["group"] == group).sum()) for group in groups)
    other = "no design has a second seed" if groups == FAMILIES else "other seeds"
    subtitle = [
        f"Ensembles of {size} members: {one:,} of {groups[0]} ({other}), {different:,} of {groups[1]}",
        f"They are among {how_many(scored[scored['size'] == size])} of that size",
        "Point: median; bar: middle half of the ensembles. Each panel has its own scale",
    ]
    return finish(alt.concat(*panels, columns=2, spacing=18), title, subtitle)


def compared_ensembles(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles of the smallest size of which there are some of one design and some of different ones, as `group`.

    Families take the place of designs where no design has a second seed.
    """
    pool = main_pool(ensembles)
    groups = group_names(pool)
    counts = pool["families"] if groups == FAMILIES else pool["designs"]
    pool = pool.assign(group=np.select([counts == 1, counts == pool["size"]], groups, ""))
    pool = pool[pool["group"] != ""]
    present = pool.groupby("size")["group"].nunique()
    return pool[pool["size"] == present[present == len(groups)].index.min()]


def group_names(ensembles: pd.DataFrame) -> list[str]:
    """What the two groups are called: of designs, or of families where no design has a second seed."""
    return FAMILIES if lack_second_seeds(ensembles) else GROUPS
