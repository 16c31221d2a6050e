"""Charts of diversity: its correlation with accuracy, what architectures add to it, and coincident failures."""

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
from resiliency.report.rows import main_pool, measured_columns, under_main_rule
from resiliency.report.style import MANY, finish, notice, panel_title, set_properties, shades, tooltips
from resiliency.report.words import (
    KINDS,
    METRICS,
    hundredths,
    kind_of,
    label,
    listed,
    number,
    percent,
    plural,
    short_label,
)

CONDITIONS = (CLEAN, CORRUPTED)


def known(table: pd.DataFrame, measure: str = "pearson") -> pd.DataFrame:
    """The rows with a known correlation, under the main rule, on clean and on all corrupted images.

    Args:
        measure: pearson; or partial, given the mean accuracy of the members.
    """
    rows = table[(table["measure"] == measure) & table["images"].isin(CONDITIONS)].dropna(subset=["correlation"])
    return under_main_rule(rows)


def significant(rows: pd.DataFrame) -> pd.Series:
    """Whether correlations differ from 0, by p-values corrected by Holm's method for all metrics of a study."""
    return rows["p_holm"] < 1 - rows["confidence"]


def basis(rows: pd.DataFrame) -> str:
    """Number of ensembles and members behind the correlations, in words."""
    most = rows.groupby("size")[["ensembles", "possible"]].max()
    sampled = (most["ensembles"] < most["possible"]).any()
    sample = f" (samples of up to {most['possible'].max():,})" if sampled else ""
    ensembles, members = (
        "Up to " * (rows[column].nunique() > 1) + plural(int(rows[column].max()), column.removesuffix("s"))
        for column in ("ensembles", "members")
    )
    return f"{ensembles}{sample} at a size, of {members}, combined by {label(rows['rule'].iloc[0])}"


MOST_NAMED = 3  # number of metrics that a sentence names one by one
MEASURES = {"pearson": "correlation", "partial": "partial, given the members’ mean accuracy"}
ROW, MARK = 32, 4  # px, least height of a metric, and of one of its marks


def correlation_finding(table: pd.DataFrame) -> str:
    """Which metrics of the chart correlate with accuracy at every size: label-free ones, then those that use labels."""
    plain, given = (_main(known(table, measured)) for measured in MEASURES)
    sentences, by_labels = [], []
    for images in reversed(CONDITIONS):
        rows, controlled = (of[of["images"] == images] for of in (plain, given))
        if rows.empty:
            continue
        free, of_free = (of["metric"].map(label_free).astype(bool) for of in (rows, controlled))
        answer, said = _answer(rows[free], controlled[of_free])
        sentences.append(f"On {images} images, {said}." if sentences else f"{answer} on {images} images: {said}.")
        if labelled := ", ".join(filter(None, _named_by_sign(rows[~free], "r"))):
            by_labels.append(f"on {images} images {labelled}")
    if by_labels:
        sentences.append(f"Metrics that use the labels correlate by construction: {'; '.join(by_labels)}.")
    return " ".join(sentences)


def _answer(rows: pd.DataFrame, given: pd.DataFrame) -> tuple[str, str]:
    """Whether label-free metrics predict accuracy, and which: plainly, and given the members' mean accuracy."""
    if rows.empty:
        return "Unknown without labels", "no label-free metric was measured"
    if not (rows["high"] - rows["low"] < 2).any():
        return "Unknown", "no interval of a correlation is known"
    more, less = _named_by_sign(rows, "r")
    directions = [f"the more accurate ones by {more}"] * bool(more) + [f"the less accurate ones by {less}"] * bool(less)
    count = plural(rows["metric"].nunique(), "label-free metric")
    said = f"the more diverse ensembles are {' and '.join(directions)}"
    answer = "In both directions" if more and less else "Yes" if more else "Yes, but in reverse,"
    if not directions:
        answer, said = "Not significantly", f"none of the {count} below correlates with accuracy at every size"
    rises, falls = _named_by_sign(given, "partial r")
    of_given = [f"rises with {rises}"] * bool(rises) + [f"falls with {falls}"] * bool(falls)
    also = f"; given the members’ mean accuracy, the ensemble’s {' and '.join(of_given)}" if of_given else ""
    return answer, said + also


def _named_by_sign(rows: pd.DataFrame, r: str) -> list[str]:
    """The metrics above 0 at every size, then those below, in words; the largest mean correlation comes first."""
    means, sign = rows.groupby("metric")["correlation"].mean(), np.sign(rows["correlation"]) * significant(rows)
    texts = []
    for wanted in (1, -1):
        all_of = (sign == wanted).groupby(rows["metric"]).all()
        known = means[all_of[all_of].index].sort_values(key=lambda of: -of.abs(), kind="stable")
        named = [(short_label(metric), hundredths(mean)) for metric, mean in known.items()]
        if len(named) > MOST_NAMED:
            ends = " to ".join(f"{mean} ({metric})" for metric, mean in (named[0], named[-1]))
            texts.append(f"{len(named)} of {len(means)} metrics (mean {r} {ends})")
        else:
            texts.append(listed([f"{metric} (mean {r} {mean})" for metric, mean in named]))
    return texts


def label_free(metric: str) -> bool:
    """Whether a metric does not know the labels, which contain accuracy."""
    return kind_of(metric) != "prediction" or metric in LABEL_FREE


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The main metrics; all that are label-free, if none of them is."""
    own = rows[rows["metric"].isin(MAIN)]
    return own if own["metric"].map(label_free).any() else rows[rows["metric"].isin([*MAIN, *LABEL_FREE])]


@chart(
    "Left of the zero line, more diverse ensembles are less accurate. Less accurate members often form more diverse "
    "ensembles. The partial correlation controls for the mean accuracy of the members: it correlates the residuals of "
    "diversity and accuracy after regressing both on that mean. Metrics that use the labels, such as double fault, "
    "correlate with accuracy by construction. Filled marks are significant: their p-values are corrected by Holm's "
    "method for all metrics of one size and set of images. Error bars are uncorrected.",
    correlation_finding,
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
    conditions = [name for name in CONDITIONS if (rows["images"] == name).any()]
    bands = []
    for kind in kinds:
        of_kind = rows[rows["kind"] == kind]
        height = max(ROW, MARK * (of_kind["place"].nunique() + 1))
        metrics = [metric for metric in METRICS if metric in set(of_kind["metric"])]
        order = [_named(metric) for metric in sorted(metrics, key=label_free, reverse=True)]
        panels = []
        for condition in conditions:
            part = of_kind[of_kind["images"] == condition]
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
WHOSE = {PAIRS[1]: ("different designs", "pairs of designs"), PAIRS[0]: ("the same design", "designs")}
DESIGNS = dict(zip(PAIRS, ("of one design, which differ in their seeds", "of two designs"), strict=True))
GROUPS = ["one design", "different designs"]
FAMILIES = ["one family", "different families"]


def coincidence_finding(table: pd.DataFrame) -> str:
    """How often two members of different designs, and of one, fail together, and how often if independent."""
    rows, sentences = of_pairs(table), []
    for kind, (whose, counted) in WHOSE.items():
        pairs = rows[rows["pair"] == kind]
        both, chance = pairs[["joint_failure_rate", "independent"]].mean()
        if chance > 0:
            often = f"{number(both / chance, 1)} times as often as by chance"
            share = f"{percent(both)} of {pairs['images'].iloc[0]} images"
            certain = f"significantly for {(pairs['low'] > 0).sum() or 'none'} of {len(pairs):,} {counted}"
            sentences.append(f"Two members of {whose} fail together {often} ({share}), {certain}.")
    return " ".join(sentences)


@chart("Lower points for pairs of different designs mean that design diversity helps.", coincidence_finding)
def coincident_failures(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """How often two members fail on the same image, against what independence would give, by pair of designs."""
    title = "Do two members fail on the same images more often than by chance?"
    rows = of_pairs(table)
    if rows.empty:
        return notice(title, "no two members trained independently in this study")
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
    x = measure(alt.X, "independent", f"Both wrong on {rows['images'].iloc[0]} images, if independent", domain=ends)
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
        over = plural(int(rows["n_images"].max()), "test image")
        subtitle.append(f"Bars: {percent(rows['confidence'].iloc[0], 0)} intervals over {over}")
    return finish(panel, title, subtitle)


def of_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """The rows on all corrupted images, else on clean ones, with `pair` and the ends of `joint_failure_rate`."""
    rows = table[table["images"].isin([CLEAN, CORRUPTED])].dropna(subset=["joint_failure_rate", "independent"])
    rows = rows[rows["images"] == (CORRUPTED if (rows["images"] == CORRUPTED).any() else CLEAN)]
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
    scored = main_pool(ensembles).query("size == @size")
    count, possible = plural(len(scored), "ensemble"), int(scored["possible"].iloc[0])
    sampled = "" if len(scored) == possible else f", a sample of {possible:,}"
    key = told_apart("group", groups, (colours * 2)[:2], shapes=SHAPES)
    panels = []
    for metric, column in columns.items():
        values = pool[["group"]].assign(value=pool[column]).dropna().groupby("group")["value"]
        rows = values.describe().reset_index().rename(columns={"25%": "lower", "50%": "median", "75%": "upper"})
        forms = dict.fromkeys(("min", "lower", "median", "upper", "max"), ".4f")
        look = {"bar": 5, "size": 110, "width": 270, "height": 64, "choose": not panels}
        x, y = measure(alt.X, "median", form="~g"), names("group", groups)
        tooltip = tooltips("group", "count", **forms)
        images = f"({column.rsplit('_', 1)[1]} images)"
        title_of = panel_title(f"{KINDS[kind_of(metric)]}: {label(metric)} {images}", frame="bounds")
        panels.append(intervals(rows, x, y, ("lower", "upper"), key, tooltip, title=title_of, **look))
    one, different = (int((pool["group"] == group).sum()) for group in groups)
    other = "no design has a second seed" if groups == FAMILIES else "other seeds"
    subtitle = [
        f"Ensembles of {size} members: {one:,} of {groups[0]} ({other}), {different:,} of {groups[1]}",
        f"They are among {count}{sampled} of that size",
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
