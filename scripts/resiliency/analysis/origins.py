"""Ensembles by origin of their members, compared at equal size and at equal cost."""

from collections.abc import Iterator, Sequence

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
from resiliency.statistics.intervals import LINEAR, Scale, jackknife

SHARES = ("clean_accuracy", "corrupted_accuracy", "corrupted_error")
ORIGINS = ("one architecture", "several architectures", "sub-networks of a search", "joint training")
FAMILIES = ("one family", "several families")  # in place of architectures where no design has a second seed
COLUMNS = ["rule", "matched_on", "bin_start", "bin_end", "origin", "measure", "ensembles", "mean", "low", "high"]
COLUMNS += ["lower_quartile", "upper_quartile", "advantage", "advantage_low", "advantage_high"]
SIZE_COLUMNS = ["rule", "measure", "size", "ensembles", "possible", "mean", "low", "high", "lower_quartile"]
SIZE_COLUMNS += ["upper_quartile", "change", "change_low", "change_high", "members"]


def summary(
    ensembles: pd.DataFrame, ranges: dict[str, tuple[float, float]], unit: Unit, confidence: float
) -> pd.DataFrame:
    """A row per measure: its weighted mean over ensembles with an interval inside its range, and its quartiles.

    Intervals are NaN if leaving out a unit leaves nothing.

    Args:
        ensembles: rows of ensembles.parquet.
        ranges: column of `ensembles` -> range of its values; infinite at an open end.
        unit: member -> the unit with which it is left out (see `LeftOut`).
    """
    left_out, values = LeftOut(ensembles, unit), ensembles[list(ranges)].to_numpy(float)
    means, known = weighted_means(left_out.weights, values), np.isfinite(values).T
    rows = []
    for (measure, ends), of, some, replicates in zip(ranges.items(), values.T, known, means.T, strict=True):
        scale = Scale(low=ends[0], high=ends[1]) if np.isfinite(ends[0]) else LINEAR
        low, high = jackknife(replicates[counting(left_out.weights, some)], confidence, scale).ends
        lower, upper = weighted_quantiles(of, ensembles["weight"].to_numpy(float), [0.25, 0.75])
        row = {"measure": measure, "ensembles": some.sum(), "mean": replicates[0], "low": low, "high": high}
        rows.append(row | {"lower_quartile": lower, "upper_quartile": upper, "members": len(left_out.members)})
    return pd.DataFrame(rows)


def difference(
    first: pd.DataFrame,
    second: pd.DataFrame,
    weights: tuple[np.ndarray, np.ndarray],
    measures: list[str],
    confidence: float,
) -> np.ndarray:
    """Mean of each measure over the `first` ensembles less that over the `second`, and the ends of its interval.

    Args:
        first, second: rows of ensembles.parquet.
        weights: weights of both, as from `weights_of_both`.

    Returns:
        float64 measures x 3.
    """
    values = [rows[measures].to_numpy(float) for rows in (first, second)]
    one, other = map(weighted_means, weights, values)
    rows = []
    for replicates, *known in zip((one - other).T, *(np.isfinite(of).T for of in values), strict=True):
        kept = np.logical_or(*map(counting, weights, known))
        rows.append([replicates[0], *jackknife(replicates[kept], confidence).ends])
    return np.array(rows)


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


def alike(ensembles: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Ensembles under one rule with one number of members, then those with MACs of all members in one octave."""
    for rule, of_rule in ensembles.groupby("rule", sort=False):
        for size, rows in of_rule.groupby("size"):
            yield {"rule": rule, "matched_on": "size", "bin_start": size, "bin_end": size}, rows
        costs = of_rule[of_rule["macs"] > 0]
        for octave, rows in costs.groupby(np.floor(np.log2(costs["macs"].astype(float))).astype(int)):
            yield {"rule": rule, "matched_on": "macs", "bin_start": 2**octave, "bin_end": 2 ** (octave + 1)}, rows


def origin_table(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The table origins.csv: a row per class of ensembles that are `alike`, origin and measure.

    Measures are `SHARES`, mCE, accuracy on additional test sets, the mean accuracies of the members and the
    diversities; without mCE where the baseline's errors are near zero. Intervals leave out a design with all its seeds,
    a sub-network, or a jointly trained ensemble at a time. Where no design has a second seed, families take the place
    of designs, and the first two origins are `FAMILIES`.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        confidence: level of the intervals, between 0 and 1.
    """
    names = ORIGINS
    if lack_second_seeds(ensembles):
        ensembles, names = by_family(ensembles, members), FAMILIES + ORIGINS[2:]
    images = images_of(ensembles)
    accuracies = [column(name) for column in (accuracy_of, mean_member_accuracy_of) for name in images]
    ranges = dict.fromkeys(SHARES, (0, 1)) | {"mce": (0, np.inf)} | dict.fromkeys(accuracies, (0, 1))
    if "mce_undefined_under" in ensembles and (ensembles["mce_undefined_under"] != "").any():
        del ranges["mce"]
    metrics = (METRICS | ENSEMBLE_METRICS).items()
    of_metrics = {diversity_of(metric, name): record.range for metric, record in metrics for name in images}
    ranges = {name: ends for name, ends in ranges.items() if name in ensembles}
    ranges |= {column: of_metrics[column] for column in ensembles if column in of_metrics}
    labelled = ensembles.assign(source=origin_of(ensembles))
    parts = []
    for key, rows in alike(labelled[labelled["source"] != ""]):
        of_origin = {name: rows[rows["source"] == origin] for name, origin in zip(names, ORIGINS, strict=True)}
        one, several, *_ = of_origin.values()
        for name, chosen in of_origin.items():
            if chosen.empty:
                continue
            # The name before the last dash: the design of an independent member, the ensemble of one trained jointly.
            unit = str if (chosen["origin"] == SEARCH).all() else design_of
            part = summary(chosen, ranges, unit, confidence).assign(**key, origin=name)
            if chosen is several and len(one):
                ends = _advantages(several, one, list(ranges), confidence)
                part[["advantage", "advantage_low", "advantage_high"]] = ends
            parts.append(part.dropna(subset=["mean"]))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=COLUMNS).assign(confidence=confidence)


def _advantages(several: pd.DataFrame, one: pd.DataFrame, measures: list[str], confidence: float) -> np.ndarray:
    """The `difference` of several designs and one design, of the same designs; NaN if there is none.

    A design with one seed forms no ensemble of its own, so a mean over all ensembles would compare other members, too.
    Of several designs, those ensembles count whose designs all form ensembles of their own. Those of one design are
    weighted to have as many members of each design (direct standardisation), so both sides have equally good members.
    """
    in_several, in_one = ([list(map(design_of, of.split("+"))) for of in rows["members"]] for rows in (several, one))
    names = sorted({design for designs in in_one for design in designs})
    kept = [set(designs).issubset(names) for designs in in_several]
    if not any(kept):
        return np.full((len(measures), 3), np.nan)
    several, in_several = several[kept], [designs for designs, keep in zip(in_several, kept, strict=True) if keep]
    of_several, of_one = (
        np.array([[designs.count(name) for name in names] for designs in of]) for of in (in_several, in_one)
    )
    first, second = weights_of_both(several, one, design_of)
    wanted, present = first @ of_several, second @ of_one
    second = second * (np.divide(wanted, present, out=np.zeros(wanted.shape), where=present > 0) @ of_one.T)
    return difference(several, one, (first, second), measures, confidence)


def size_table(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The table ensemble_sizes.csv: a row per combination rule, measure and number of independent members.

    Size 1 is the members of ensembles alone. Intervals leave out one member at a time.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        confidence: level of the intervals, between 0 and 1.
    """
    ensembles = ensembles[ensembles["origin"] == INDEPENDENT]
    measures = dict.fromkeys([*SHARES, *(accuracy_of(name) for name in images_of(ensembles))], (0, 1))
    measures = {name: ends for name, ends in measures.items() if name in ensembles}
    alone = members.drop(columns="members", errors="ignore").rename(columns={"member": "members"})
    if "corrupted_error" in alone:
        alone = alone.assign(corrupted_accuracy=1 - alone["corrupted_error"])
    parts = []
    for rule, of_rule in ensembles.groupby("rule", sort=False):
        taking_part = {name for names in of_rule["members"] for name in names.split("+")}
        single = alone[alone["members"].isin(taking_part)].assign(size=1, weight=1.0, possible=len(taking_part))
        sizes, smaller = [], None
        for size, rows in pd.concat([single, of_rule], ignore_index=True).groupby("size"):
            part = summary(rows, measures, str, confidence)
            if smaller is not None:
                changes = difference(rows, smaller, weights_of_both(rows, smaller, str), list(measures), confidence)
                part[["change", "change_low", "change_high"]] = changes
            sizes.append(part.assign(rule=rule, size=size, possible=int(rows["possible"].iloc[0])))
            smaller = rows
        order = list(measures).index
        parts.append(pd.concat(sizes).sort_values("measure", key=lambda of: of.map(order), kind="stable"))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=SIZE_COLUMNS).assign(confidence=confidence).dropna(subset=["mean"], ignore_index=True)


MOST = 10


def best_table(members: pd.DataFrame, ensembles: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """The table best_ensembles.csv: the `MOST` of each size with the highest clean accuracy, then the most robust.

    Size 1 is members alone. The best of thousands on some images is less good on others: accuracy on additional test
    sets, which nothing was selected on, is the one to believe.

    Args:
        members: members.csv.
        ensembles: rows of ensembles.parquet under one rule.
        test_sets: names of the test sets.
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
