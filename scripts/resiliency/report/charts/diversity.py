"""Charts of diversity: its correlation with accuracy, what architectures add to it, and coincident failures."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.left_out import lack_second_seeds
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.report.panels import (
    chart,
    from_zero,
    intervals,
    line_at,
    line_through,
    measure,
    names,
    scatter,
    told_apart,
)
from resiliency.report.rows import heading, how_many, main_pool, measured_columns, under_main_rule
from resiliency.report.style import MANY, finish, notice, panel_title, set_properties, shades, tooltips
from resiliency.report.words import KINDS, METRICS, kind_of, label, percent, plural, short_label

CONDITIONS = (CLEAN, CORRUPTED)
SAME = ["rule", "size", "condition", "metric"]


def known(table: pd.DataFrame, measure: str = "pearson", conditions: Sequence[str] = CONDITIONS) -> pd.DataFrame:
    """The rows with a known correlation, under the main rule and for the given images.

    Args:
        measure: pearson; or partial, given the mean accuracy of the members.
    """
    rows = table[(table["measure"] == measure) & table["condition"].isin(conditions)].dropna(subset=["correlation"])
    return under_main_rule(rows)


def significant(rows: pd.DataFrame) -> pd.Series:
    """Whether correlations differ from 0, by p-values corrected by Holm's method for all metrics of a study."""
    return rows["p_holm"] < 1 - rows["confidence"]


def free_correlations(table: pd.DataFrame, conditions: Sequence[str], size: int) -> pd.DataFrame:
    """Pearson's and partial correlations of all label-free metrics in ensembles of `size` members.

    Columns `partial`, `partial_low` and `partial_high` stand beside those of Pearson's r.
    """
    rows = known(table, conditions=conditions)
    rows = rows[rows["metric"].map(label_free).astype(bool) & (rows["size"] == size)]
    given = known(table, "partial", conditions)[[*SAME, "correlation", "low", "high"]]
    columns = {"correlation": "partial", "low": "partial_low", "high": "partial_high"}
    return rows.merge(given.rename(columns=columns), on=SAME, how="left")


def basis(rows: pd.DataFrame) -> str:
    """Number of ensembles and members behind the correlations, in words."""
    counts = f"{_largest_count(rows, 'ensembles')}{_sample_size(rows)} at a size, of {_largest_count(rows, 'members')}"
    return f"{counts}, combined by {label(rows['rule'].iloc[0])}"


def signs(rows: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Metric -> 1 or -1 if its correlations are `significant` with that sign at every size, else 0; and their mean."""
    found, sign = {}, np.sign(rows["correlation"]) * significant(rows)
    for metric in (metric for metric in METRICS if metric in set(rows["metric"])):
        of_metric = rows["metric"] == metric
        all_signs = set(sign[of_metric])
        found[metric] = int(all_signs.pop()) if len(all_signs) == 1 else 0, rows.loc[of_metric, "correlation"].mean()
    return found


def _sample_size(rows: pd.DataFrame) -> str:
    """The size of the population that ensembles were sampled from; empty if none was left out."""
    most = rows.groupby("size")[["ensembles", "possible"]].max()
    return f" (samples of up to {most['possible'].max():,})" if (most["ensembles"] < most["possible"]).any() else ""


def _largest_count(rows: pd.DataFrame, column: str) -> str:
    """The count in `column` in words, with "Up to" if it varies."""
    most = plural(int(rows[column].max()), column.removesuffix("s"))
    return most if rows[column].nunique() == 1 else f"Up to {most}"


MEASURES = {"pearson": "correlation", "partial": "partial, given the members’ mean accuracy"}
ROW, MARK = 32, 4  # px, least height of a metric, and of one of its marks


def correlation_facts(table: pd.DataFrame) -> dict:
    """Which metrics of the chart correlate with accuracy at every size, on corrupted images first: `images`.

    Of the label-free ones first, plainly and given the members' mean accuracy, then of those that use the labels.
    """
    plain, given = (_main(known(table, measured)) for measured in MEASURES)
    images = []
    for condition in reversed(CONDITIONS):
        rows = plain[plain["condition"] == condition]
        if len(rows):
            controlled = given[given["condition"] == condition]
            free, of_free = (of["metric"].map(label_free).astype(bool) for of in (rows, controlled))
            raw, controlled = _counts(rows[free]), _counts(controlled[of_free])
            by_labels = _counts(rows[~free])
            images.append({"name": condition, "free": raw, "given": controlled, "by_labels": by_labels})
    return {"images": images} if images else {}


def label_free(metric: str) -> bool:
    """Whether a metric does not know the labels, which contain accuracy."""
    return kind_of(metric) != "prediction" or metric in LABEL_FREE


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The main metrics; all that are label-free, if none of them is."""
    own = rows[rows["metric"].isin(MAIN)]
    return own if own["metric"].map(label_free).any() else rows[rows["metric"].isin([*MAIN, *LABEL_FREE])]


def _counts(rows: pd.DataFrame) -> dict:
    """Number of metrics, whether any interval is known, and metrics significant at every size, by sign.

    `positive` and `negative` hold metrics with their mean correlation, the largest first.
    """
    found = signs(rows)
    by_sign = {
        name: sorted(
            ({"metric": short_label(metric), "r": r} for metric, (own, r) in found.items() if own == sign),
            key=lambda of: -abs(of["r"]),
        )
        for name, sign in (("positive", 1), ("negative", -1))
    }
    return {"metrics": len(found), "known": bool((rows["high"] - rows["low"] < 2).any())} | by_sign


@chart(
    "Left of the zero line, more diverse ensembles are less accurate. Less accurate members often form more diverse "
    "ensembles. The partial correlation controls for the mean accuracy of the members: it correlates the residuals of "
    "diversity and accuracy after regressing both on that mean. Metrics that use the labels, such as double fault, "
    "correlate with accuracy by construction. Filled marks are significant: their p-values are corrected by Holm's "
    "method for all metrics of one size and set of images. Error bars are uncorrected.",
    correlation_facts,
)
def correlations(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Correlation of each main metric with ensemble accuracy, plain and partial, by kind, condition and size."""
    title = "Correlation of diversity with ensemble accuracy"
    rows = _main(pd.concat([known(table, measured) for measured in MEASURES], ignore_index=True))
    if rows.empty:
        return notice(title, "no correlations: too few ensembles in this study")
    sizes = sorted(rows["size"].unique().tolist())
    rows = rows.assign(
        name=rows["metric"].map(_named),
        significant=significant(rows),
        of=rows["measure"].map(MEASURES),
        place=2 * rows["size"].map(sizes.index) + (rows["measure"] == "partial"),
    )
    legend = {"title": "Members in an ensemble", "orient": "bottom", "direction": "horizontal"}
    key = told_apart("size", sizes, shades(colours[0], len(sizes)), legend=legend, kind="O")
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    conditions = [name for name in CONDITIONS if (rows["condition"] == name).any()]
    bands = []
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        height = max(ROW, MARK * (of_kind["place"].nunique() + 1))
        metrics = [metric for metric in METRICS if metric in set(of_kind["metric"])]
        order = [_named(metric) for metric in sorted(metrics, key=label_free, reverse=True)]
        panels = []
        for condition in conditions:
            part = of_kind[of_kind["condition"] == condition]
            panel = _panel(part, order, key, not panels, kind == kinds[-1], kind == kinds[0] and not panels)
            if kind == kinds[0]:
                set_properties(panel, title=panel_title(f"{condition.capitalize()} accuracy", anchor="middle"))
            panels.append(set_properties(panel, width=340, height=alt.Step(height, **{"for": "position"})))
        name = panel_title(label(kind), frame="bounds")
        bands.append(alt.hconcat(*panels, spacing=24, bounds="flush", title=name))
    left_out = "member" if (rows["units"] == rows["members"]).all() else "design"
    subtitle = [
        "Circles: Pearson correlation; diamonds: partial correlation, given the members’ mean accuracy",
        f"Filled: significant; bars: {percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each {left_out}",
        "Right of zero: the more diverse, the more accurate; *: uses the labels, so correlates by construction",
        basis(rows),
    ]
    return finish(alt.vconcat(*bands, spacing=8), title, subtitle)


def _named(metric: str) -> str:
    return label(metric) + ("" if label_free(metric) else "\N{NO-BREAK SPACE}*")


def _panel(rows: pd.DataFrame, order: list[str], key, left: bool, last: bool, choose: bool) -> alt.LayerChart:
    """Correlations of the metrics of one kind with accuracy on one set of images, around zero."""
    ticks = {"labels": last, "ticks": last, "values": [-1, -0.5, 0, 0.5, 1]}
    x = measure(alt.X, "correlation", "Correlation" if last else None, "~g", ticks, domain=[-1, 1])
    extent = 220 if left else 0
    y = names("name", order, labels=left, minExtent=extent, maxExtent=extent)
    shape = alt.Shape("of:N", legend=None).scale(domain=list(MEASURES.values()), range=["circle", "diamond"])
    fill = alt.when("datum.significant").then(key.channels["color"]).otherwise(alt.value("white"))
    told = alt.Tooltip("name", title="metric"), alt.Tooltip("of", title="measure")
    forms = {"correlation": "+.2f", "low": "+.2f", "high": "+.2f", "p_holm": ".2g"}
    return intervals(
        rows,
        x,
        y,
        ("low", "high"),
        key,
        tooltips(*told, "size", "ensembles", **forms),
        offset="place",
        under=[line_at(alt.X, 0)],
        point={"shape": shape, "fill": fill},
        hollow=True,
        choose=choose,
    )


PAIRS, SHAPES = ["one design", "two designs"], ["diamond", "circle"]
DESIGNS = dict(zip(PAIRS, ("of one design, which differ in their seeds", "of two designs"), strict=True))
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
    rates = rows[["independent", "joint_failure_rate", "least", "most"]].stack()
    ends = [0 if from_zero(rates) else 0.95 * rates.min(), 1.05 * max(rates.max(), 0.001)]
    x = measure(alt.X, "independent", f"Both wrong on {images} images, if independent", domain=ends)
    y = measure(alt.Y, "joint_failure_rate", "Both wrong", domain=ends)
    forms = {"joint_failure_rate": ".2%", "independent": ".2%", "covariance": "+.4f", "low": "+.4f", "high": "+.4f"}
    diagonal = line_through(x, y, pd.DataFrame({"x": ends, "y": ends}))
    look = {"up": ("least", "most"), "under": [diagonal], "choose": True, "width": 820, "height": 195}
    panel = scatter(rows, x, y, key, tooltips("first", "second", **forms), **look)
    subtitle = [
        "On the dashed line failures are independent; above it, two members fail together more often",
        f"Each point: two members {', or '.join(DESIGNS[pair] for pair in kinds)}; mean over such pairs",
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


@chart("Points further right mean more diverse ensembles.")
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
    """Ensembles of the smallest size that has some of one design and some of different designs, as `group`.

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
    """The names of the two groups: of designs, or of families if no design has a second seed."""
    return FAMILIES if lack_second_seeds(ensembles) else GROUPS
