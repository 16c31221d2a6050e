"""Ensembles by origin of their members, compared at equal size and at equal cost."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import (
    LeftOut,
    Unit,
    by_family,
    counting,
    lack_second_seeds,
    weighted_means,
    weights_of_both,
)
from resiliency.base.names import (
    CLEAN,
    INDEPENDENT,
    JOINT,
    SEARCH,
    accuracy_of,
    design_of,
    diversity_of,
    mean_member_accuracy_of,
)
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.metrics.classification import accuracy_columns, images_of
from resiliency.statistics.correlation import weighted_quantiles
from resiliency.statistics.resampling import interval_within, jackknife_interval

SHARES = ("clean_accuracy", "corrupted_accuracy", "corrupted_error")

ORIGINS = ("one architecture", "several architectures", "sub-networks of a search", "joint training")
FAMILIES = ("one family", "several families")  # in place of architectures where no design has a second seed
CLASS = ["rule", "matched_on", "bin_start", "bin_end"]
COLUMNS = [*CLASS, "origin", "measure", "ensembles", "mean", "low", "high", "lower_quartile", "upper_quartile"]
COLUMNS += ["advantage", "advantage_low", "advantage_high", "confidence"]


def summary(
    ensembles: pd.DataFrame, ranges: dict[str, tuple[float, float]], unit: Unit, confidence: float
) -> pd.DataFrame:
    """The mean of each measure over ensembles, and its quartiles, with the ensembles' weights.

    Args:
        ensembles: rows of ensembles.parquet.
        ranges: column of `ensembles` -> range of its values; infinite at an open end.
        unit: member -> the unit with which it is left out (see `LeftOut`).
        confidence: level of the intervals, between 0 and 1.

    Returns:
        A row per measure: measure, ensembles (how many have it), mean, its interval low and high (inside its range),
        lower_quartile, upper_quartile, and members (how many take part). NaN if leaving out a unit leaves nothing.
    """
    measures = list(ranges)
    left_out, values = LeftOut(ensembles, unit), ensembles[measures].to_numpy(float)
    means, known = weighted_means(left_out.weights, values), np.isfinite(values).T
    low, high = np.transpose(
        [
            interval_within(replicates[counting(left_out.weights, some)], confidence, *ends)
            for replicates, some, ends in zip(means.T, known, ranges.values(), strict=True)
        ]
    )
    weights = ensembles["weight"].to_numpy(float)
    quartiles = np.transpose([weighted_quantiles(column, weights, [0.25, 0.75]) for column in values.T])
    columns = {"measure": measures, "ensembles": known.sum(axis=1), "mean": means[0]}
    columns |= {"low": low, "high": high, "lower_quartile": quartiles[0], "upper_quartile": quartiles[1]}
    return pd.DataFrame(columns | {"members": len(left_out.members)})


def difference(
    first: pd.DataFrame,
    second: pd.DataFrame,
    weights: tuple[np.ndarray, np.ndarray],
    measures: list[str],
    confidence: float,
) -> np.ndarray:
    """Mean of each measure over the `first` ensembles less that over the `second`, and its interval.

    Args:
        first, second: rows of ensembles.parquet.
        weights: weights of both groups, as from `weights_of_both`.
        measures, confidence: as for `summary`.

    Returns:
        float64 measures x 3: difference, low and high.
    """
    values = [rows[measures].to_numpy(float) for rows in (first, second)]
    one, other = (weighted_means(*of_group) for of_group in zip(weights, values, strict=True))
    known = [np.isfinite(of_group).T for of_group in values]
    kept = [np.logical_or(*map(counting, weights, some)) for some in zip(*known, strict=True)]
    replicates = [of_measure[rows] for of_measure, rows in zip((one - other).T, kept, strict=True)]
    return np.array([[of_measure[0], *jackknife_interval(of_measure, confidence)] for of_measure in replicates])


def origin_of(ensembles: pd.DataFrame) -> np.ndarray:
    """Which of `ORIGINS` each row of ensembles.parquet has; "" if none.

    Independent members are of one architecture (other seeds), or each of another; mixtures of both have no origin, nor
    have members that are trained jointly at weight 0, which is independent training.
    """
    independent, joint = ensembles["origin"] == INDEPENDENT, ensembles["origin"] == JOINT
    conditions = [
        independent & (ensembles["designs"] == 1),
        independent & (ensembles["designs"] == ensembles["size"]),
        ensembles["origin"] == SEARCH,
        joint & (ensembles["loss_weight"] > 0),
    ]
    return np.select(conditions, ORIGINS, "")


def origins_or_families(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """`origin_table`; of families in place of architectures where no design has a second seed.

    Its first two origins are then `FAMILIES`, and families are what intervals leave out.
    """
    if not lack_second_seeds(ensembles):
        return origin_table(ensembles, confidence)
    table = origin_table(by_family(ensembles, members), confidence)
    return table.assign(origin=table["origin"].replace(dict(zip(ORIGINS, FAMILIES, strict=False))))


def origin_table(ensembles: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """A row per combination rule, in the order of the ensembles, class of those that are alike, origin and measure.

    Classes are, where `matched_on` is "size", the numbers of members; where it is "macs", octaves of the MACs of all
    members together. Measures are `SHARES`, mCE, accuracy on additional test sets, the mean accuracies of the members
    and the diversities; without mCE where the baseline's errors are near zero.

    Args:
        ensembles: ensembles.parquet.
        confidence: level of the intervals, which leave out one unit at a time (see `resiliency.statistics.resampling`):
            a design with all its seeds, a sub-network, or a jointly trained ensemble.

    Returns:
        `COLUMNS`, as docs/tables.md describes them; advantages as from `_advantages`. Intervals are NaN if leaving
        out some unit leaves nothing.
    """
    images = images_of(ensembles)
    accuracies = [column(name) for column in (accuracy_of, mean_member_accuracy_of) for name in images]
    ranges = dict.fromkeys(SHARES, (0, 1)) | {"mce": (0, np.inf)} | dict.fromkeys(accuracies, (0, 1))
    if "mce_undefined_under" in ensembles and (ensembles["mce_undefined_under"] != "").any():
        del ranges["mce"]
    metric_ranges = {
        diversity_of(metric, name): record.range
        for metric, record in (METRICS | ENSEMBLE_METRICS).items()
        for name in images
    }
    ranges = {name: ends for name, ends in ranges.items() if name in ensembles}
    ranges |= {column: metric_ranges[column] for column in ensembles if column in metric_ranges}
    labelled = ensembles.assign(source=origin_of(ensembles))
    sizes = labelled.assign(matched_on="size", bin_start=labelled["size"], bin_end=labelled["size"])
    costs = labelled[labelled["macs"] > 0]
    octave = np.floor(np.log2(costs["macs"].astype(float))).astype(int)
    costs = costs.assign(matched_on="macs", bin_start=2**octave, bin_end=2 ** (octave + 1))
    rows = pd.concat([sizes, costs], ignore_index=True)
    rows = rows[rows["source"] != ""]
    parts = []
    for key, alike in rows.groupby(CLASS):
        of_origin = {name: chosen for name in ORIGINS if len(chosen := alike[alike["source"] == name])}
        for name, chosen in of_origin.items():
            # The name before the last dash: the design of an independent member, the ensemble of one trained jointly.
            unit = str if (chosen["origin"] == SEARCH).all() else design_of
            part = summary(chosen, ranges, unit, confidence).assign(**dict(zip(CLASS, key, strict=True)), origin=name)
            if name == ORIGINS[1] and ORIGINS[0] in of_origin:
                ends = _advantages(chosen, of_origin[ORIGINS[0]], list(ranges), confidence)
                part[["advantage", "advantage_low", "advantage_high"]] = ends
            parts.append(part.dropna(subset=["mean"]))
    table = pd.concat(parts) if parts else pd.DataFrame()
    table = table.reindex(columns=COLUMNS).assign(confidence=confidence)
    rules = list(ensembles["rule"].unique())
    return table.sort_values(
        ["rule", "matched_on", "bin_start"],
        key=lambda column: column.map(rules.index) if column.name == "rule" else column,
        ascending=[True, False, True],
        kind="stable",
        ignore_index=True,
    )


def _advantages(several: pd.DataFrame, one: pd.DataFrame, measures: list[str], confidence: float) -> np.ndarray:
    """Mean of each measure of several designs less that of one design, of the same designs; measures x 3.

    A design with one seed forms no ensemble of its own, so a mean over all ensembles would compare other members, too.
    Of several designs, those ensembles count whose designs all form ensembles of their own. Those of one design are
    weighted to have as many members of each design (direct standardisation), so both sides have equally good members.

    Returns:
        The advantage and the ends of its interval, which leaves out one design at a time; NaN if there is none.
    """
    names = sorted({design for designs in map(_designs, one["members"]) for design in designs})
    several = several[[set(_designs(members)).issubset(names) for members in several["members"]]]
    if several.empty:
        return np.full((len(measures), 3), np.nan)
    first, second = weights_of_both(several, one, design_of)
    of_several, of_one = (
        np.array([[designs.count(name) for name in names] for designs in map(_designs, rows["members"])])
        for rows in (several, one)
    )
    wanted, present = first @ of_several, second @ of_one
    second = second * (np.divide(wanted, present, out=np.zeros(wanted.shape), where=present > 0) @ of_one.T)
    return difference(several, one, (first, second), measures, confidence)


def _designs(members: str) -> list[str]:
    """The designs of members that are joined by +."""
    return [design_of(name) for name in members.split("+")]


SIZE_COLUMNS = ["rule", "measure", "size", "ensembles", "possible", "mean", "low", "high", "lower_quartile"]
SIZE_COLUMNS += ["upper_quartile", "change", "change_low", "change_high", "members", "confidence"]


def size_table(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """A row per combination rule, in the order of the ensembles, measure and number of members.

    Ensembles are those of independent members; size 1 is these members alone. Measures are clean_accuracy,
    corrupted_accuracy, corrupted_error and accuracy on additional test sets, those that the study has.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        confidence: level of the intervals, which leave out one member at a time (see
            `resiliency.statistics.resampling`).

    Returns:
        `SIZE_COLUMNS`, as docs/tables.md describes them. Intervals are NaN if leaving out some member leaves
        nothing.
    """
    ensembles = ensembles[ensembles["origin"] == INDEPENDENT]
    measures = [*SHARES, *(accuracy_of(name) for name in images_of(ensembles))]
    measures = [name for name in dict.fromkeys(measures) if name in ensembles]
    parts = []
    for rule, of_rule in ensembles.groupby("rule", sort=False):
        pool = pd.concat([_alone(members, of_rule), of_rule], ignore_index=True)
        sizes = {size: rows for size, rows in pool.groupby("size") if len(rows)}
        smaller = None
        for size, rows in sizes.items():
            part = summary(rows, dict.fromkeys(measures, (0, 1)), str, confidence)
            if smaller is not None:
                changes = difference(rows, smaller, weights_of_both(rows, smaller, str), measures, confidence)
                part[["change", "change_low", "change_high"]] = changes
            parts.append(part.assign(rule=rule, size=size, possible=int(rows["possible"].iloc[0])))
            smaller = rows
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    table = table.reindex(columns=SIZE_COLUMNS).assign(confidence=confidence).dropna(subset=["mean"])
    rules = list(ensembles["rule"].unique())
    return table.sort_values(
        ["rule", "measure", "size"],
        key=lambda column: column.map((rules + measures).index) if column.name != "size" else column,
        kind="stable",
        ignore_index=True,
    )


def _alone(members: pd.DataFrame, ensembles: pd.DataFrame) -> pd.DataFrame:
    """The members that take part in ensembles, as ensembles of one."""
    taking_part = {name for names in ensembles["members"] for name in names.split("+")}
    alone = members[members["member"].isin(taking_part)].drop(columns="members", errors="ignore")
    alone = alone.rename(columns={"member": "members"}).assign(size=1, weight=1.0, possible=len(taking_part))
    if "corrupted_error" in alone:
        alone["corrupted_accuracy"] = 1 - alone["corrupted_error"]
    return alone.reindex(columns=[column for column in ensembles if column in alone])


MOST = 10


def best_table(members: pd.DataFrame, ensembles: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """The `MOST` ensembles of each size, and members as size 1, with the highest clean accuracy.

    Ties go to the most robust.

    The best of thousands on some images is less good on others: accuracy on additional test sets, which nothing was
    selected on, is the one to believe.

    Args:
        members: members.csv.
        ensembles: rows of ensembles.parquet under one rule.
        test_sets: names of the additional test sets.

    Returns:
        Columns as docs/tables.md describes them; intervals of accuracy are each of one ensemble alone.
    """
    of_sets = [column for name in test_sets for column in accuracy_columns(name)]
    columns = ["size", "members", "origin", "corrupted_error", *of_sets]
    single = members[members["origin"] != JOINT].rename(columns={"member": "members"}).assign(size=1)
    table = pd.concat([single[columns], ensembles[ensembles["origin"] != JOINT][columns]], ignore_index=True)
    table["ensembles"] = table.groupby("size")["members"].transform("size")
    order = {"size": False, accuracy_of(CLEAN): False, "corrupted_error": True}
    table = table.sort_values([*order], ascending=[*order.values()], kind="stable")
    table["rank"] = table.groupby("size").cumcount() + 1
    table = table[table["rank"] <= MOST].reset_index(drop=True)
    return table[["size", "rank", "members", "ensembles", "origin", "corrupted_error", *of_sets]]
