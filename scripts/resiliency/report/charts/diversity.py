"""Charts of diversity: its correlation with accuracy, and what architectures add to it."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.left_out import lack_second_seeds
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.report import style, words
from resiliency.report.rows import (
    independent,
    level,
    measured_columns,
    under_main_rule,
)


def known(table: pd.DataFrame, measure: str = "pearson") -> pd.DataFrame:
    """The rows of correlations.csv with a value of the measure, under the main rule, on clean and
    corrupted images."""
    rows = table[(table["measure"] == measure) & table["images"].isin([CLEAN, CORRUPTED])].dropna(
        subset=["correlation"]
    )
    return under_main_rule(rows)


def significant(rows: pd.DataFrame) -> pd.Series:
    """Whether correlations differ from 0, by p-values corrected by Holm's method for all metrics of
    a study."""
    return rows["p_holm"] < 1 - rows["confidence"]


MOST_NAMED = 3  # number of metrics that a sentence names, those with the largest correlations
MEASURES = {"pearson": "correlation", "partial": "partial, given the members’ mean accuracy"}


def correlation_finding(table: pd.DataFrame) -> str:
    """Which label-free metrics of the chart correlate with accuracy at every size, and which given
    the members' mean.

    On corrupted images if there are any, else on clean ones.
    """
    known_rows = [_main(known(table, measured)) for measured in MEASURES]
    if known_rows[0].empty:
        return ""
    images = CORRUPTED if (known_rows[0]["images"] == CORRUPTED).any() else CLEAN
    rows, given = (
        of[(of["images"] == images) & of["metric"].map(label_free).astype(bool)]
        for of in known_rows
    )
    if rows.empty:
        return f"Unknown without labels on {images} images: no label-free metric was measured."
    if not (rows["high"] - rows["low"] < 2).any():
        return f"Unknown on {images} images: no interval of a correlation is known."
    signs = zip(("rises", "falls"), _named_by_sign(given, "partial r"), strict=True)
    of_given = words.listed([f"{moves} with {named}" for moves, named in signs if named])
    also = f"; given the members’ mean accuracy, the ensemble’s {of_given}" if of_given else ""
    more, less = _named_by_sign(rows, "r")
    if not more and not less:
        none = f"none of the {words.plural(rows['metric'].nunique(), 'label-free metric')} below"
        return (
            f"Not significantly on {images} images: {none} correlates with accuracy at every "
            f"size{also}."
        )
    answer = "In both directions" if more and less else "Yes" if more else "Yes, but in reverse,"
    directions = [
        f"the {kind} accurate ones by {named}"
        for kind, named in (("more", more), ("less", less))
        if named
    ]
    return (
        f"{answer} on {images} images: the more diverse ensembles are "
        f"{words.listed(directions)}{also}."
    )


def _named_by_sign(rows: pd.DataFrame, r: str) -> list[str]:
    """The metrics above 0 at every size, then those below, in words; the largest mean correlation
    comes first."""
    means, sign = (
        rows.groupby("metric")["correlation"].mean(),
        np.sign(rows["correlation"]) * significant(rows),
    )
    texts = []
    for wanted in (1, -1):
        found = means[(sign == wanted).groupby(rows["metric"]).all()]
        found = found.sort_values(key=lambda of: -of.abs(), kind="stable")
        named = [
            f"{words.short_label(metric)} (mean {r} {words.hundredths(mean)})"
            for metric, mean in found.items()
        ]
        further = [f"{len(named) - MOST_NAMED} more"] * (len(named) > MOST_NAMED)
        texts.append(words.listed(named[:MOST_NAMED] + further))
    return texts


def label_free(metric: str) -> bool:
    """Whether a metric does not know the labels, which contain accuracy."""
    return words.kind_of(metric) != "prediction" or metric in LABEL_FREE


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The main metrics; all that are label-free, if none of them is."""
    own = rows[rows["metric"].isin(MAIN)]
    return (
        own
        if own["metric"].map(label_free).any()
        else rows[rows["metric"].isin([*MAIN, *LABEL_FREE])]
    )


@style.chart(
    "Less accurate members often form more diverse ensembles. The partial correlation controls for "
    "the mean accuracy "
    "of the members: it correlates the residuals of diversity and accuracy after regressing both "
    "on that mean. "
    "All p-values are corrected by Holm's method for all metrics of one size and set of images; "
    "bars are uncorrected.",
    correlation_finding,
)
def correlations(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Correlation of each main metric with ensemble accuracy, plain and partial, by kind, condition
    and size."""
    rows = _main(pd.concat([known(table, measured) for measured in MEASURES], ignore_index=True))
    if rows.empty:
        return style.notice("no correlations: too few ensembles in this study")
    sizes, kinds = sorted(rows["size"].unique().tolist()), list(words.KINDS)
    measured = [metric for metric in words.METRICS if metric in set(rows["metric"])]
    metrics = sorted(
        measured, key=lambda metric: (kinds.index(words.kind_of(metric)), not label_free(metric))
    )
    rows = rows.assign(
        name=rows["metric"].map(_named),
        significant=significant(rows),
        of=rows["measure"].map(MEASURES),
        place=2 * rows["size"].map(sizes.index) + (rows["measure"] == "partial"),
    )
    legend = {"title": "Members in an ensemble"}
    key = style.told_apart(
        "size", sizes, style.shades(colours[0], len(sizes)), legend=legend, kind="O"
    )
    x = style.measure(
        alt.X, "correlation", "Correlation", "~g", {"values": [-1, -0.5, 0, 0.5, 1]}, domain=[-1, 1]
    )
    shape = alt.Shape("of:N", legend=None).scale(
        domain=list(MEASURES.values()), range=["circle", "diamond"]
    )
    fill = alt.when("datum.significant").then(key.channels["color"]).otherwise(alt.value("white"))
    what = [
        alt.Tooltip("name", title="metric"),
        alt.Tooltip("of", title="measure"),
        "size",
        "ensembles",
    ]
    tooltip = style.tooltips(*what, correlation="+.2f", low="+.2f", high="+.2f", p_holm=".2g")
    look = {"under": [style.line_at(0)], "point": {"shape": shape, "fill": fill}, "hollow": True}
    height = max(32, 4 * (rows["place"].nunique() + 1))
    look |= {"offset": "place", "width": 290, "height": alt.Step(height, **{"for": "position"})}
    panels = []
    for images, of in rows.groupby("images", sort=False):
        extent = dict.fromkeys(("minExtent", "maxExtent", "labelLimit"), 0 if panels else 320)
        y = style.names("name", map(_named, metrics), labels=not panels, **extent)
        title = style.panel_title(f"{images.capitalize()} accuracy", anchor="middle")
        panels.append(style.intervals(of, x, y, ("low", "high"), key, tooltip, title=title, **look))
    left_out = "member" if (rows["units"] == rows["members"]).all() else "design"
    most = rows[["ensembles", "possible", "members"]].max().astype(int)
    sampled = (
        f", samples of up to {most['possible']:,}"
        if (rows["ensembles"] < rows["possible"]).any()
        else ""
    )
    return alt.hconcat(*panels, spacing=24, bounds="flush"), [
        "Circles: Pearson correlation; diamonds: partial correlation, given the members’ mean "
        "accuracy",
        f"Filled: significant; bars: {level(rows)} intervals, leaving out each {left_out}",
        "Right of zero: the more diverse, the more accurate; *: uses the labels, so correlates by "
        "construction",
        f"At most {words.plural(most['ensembles'], 'ensemble')} at a size{sampled}, of "
        f"{most['members']} members, "
        f"combined by {words.label(rows['rule'].iloc[0])}",
    ]


def _named(metric: str) -> str:
    uses_labels = "" if label_free(metric) else "\N{NO-BREAK SPACE}*"
    return f"{words.KINDS[words.kind_of(metric)]}: {words.label(metric)}{uses_labels}"


SHAPES = ("diamond", "circle")
GROUPS = {
    "designs": ["one design", "different designs"],
    "families": ["one family", "different families"],
}


@style.chart("Points further right mean more diverse ensembles.")
def architecture_diversity(ensembles: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Middle half and median of each diversity among ensembles of one design and of different ones.

    They have the smallest size that has both; families take the place of designs where no design
    has a second seed.
    """
    pool = under_main_rule(independent(ensembles))
    of = "families" if lack_second_seeds(ensembles) else "designs"
    grouped = pool.assign(
        group=np.select([pool[of] == 1, pool[of] == pool["size"]], GROUPS[of], "")
    )
    grouped = grouped[grouped["group"] != ""]
    sizes = grouped.groupby("size")["group"].nunique()
    if not (sizes == 2).any():
        return style.notice(
            "no size has both ensembles of one design and ensembles of different designs"
        )
    size = sizes.index[sizes == 2].min()
    scored, grouped = pool[pool["size"] == size], grouped[grouped["size"] == size]
    measured = measured_columns(grouped)
    if not measured:
        return style.notice("no diversity was measured in this study")
    groups = (
        grouped.melt("group", list(measured.values()))
        .dropna()
        .groupby(["variable", "group"])["value"]
    )
    rows = (
        groups.describe()
        .rename(columns={"25%": "lower", "50%": "median", "75%": "upper"})
        .reset_index()
    )
    key = style.told_apart("group", GROUPS[of], (colours * 2)[:2], shapes=SHAPES)
    x, y = style.measure(alt.X, "median", form="~g"), style.names("group", GROUPS[of])
    tooltip = style.tooltips(
        "group", "count", **dict.fromkeys(("min", "lower", "median", "upper", "max"), ".4f")
    )
    look, ends = {"bar": 5, "size": 110, "width": 270, "height": 64}, ("lower", "upper")
    panels = []
    for metric, column in measured.items():
        text = (
            f"{words.KINDS[words.kind_of(metric)]}: {words.label(metric)} "
            f"({column.rsplit('_', 1)[1]} images)"
        )
        title = style.panel_title(text, frame="bounds")
        panels.append(
            style.intervals(
                rows[rows["variable"] == column], x, y, ends, key, tooltip, title=title, **look
            )
        )
    possible = int(scored["possible"].iloc[0])
    sampled = "" if len(scored) == possible else f", a sample of {possible:,}"
    one, different = ((grouped["group"] == group).sum() for group in GROUPS[of])
    other = "no design has a second seed" if of == "families" else "other seeds"
    return alt.concat(*panels, columns=2, spacing=18), [
        f"Ensembles of {size} members: {one:,} of {GROUPS[of][0]} ({other}), {different:,} of "
        f"{GROUPS[of][1]}",
        f"They are among {words.plural(len(scored), 'ensemble')}{sampled} of that size",
        "Point: median; bar: middle half of the ensembles. Each panel has its own scale",
    ]
