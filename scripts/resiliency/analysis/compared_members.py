"""Members and ensembles compared: ranks, numbers of members, the best, effective robustness, and
what was left out.

Effective robustness is accuracy under a shift beyond what accuracy without it predicts (Taori et
al. 2020)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from resiliency.analysis.equal_accuracy import bounded_logit
from resiliency.analysis.left_out import LeftOut, counting, weighted_means, weights_of_both
from resiliency.base.names import (
    CLEAN,
    CLEAN_ON,
    CORRUPTED,
    INDEPENDENT,
    JOINT,
    accuracy_of,
    few_images,
)
from resiliency.base.streams import stream
from resiliency.diversity.representations import applicable
from resiliency.ensembles.pool import is_inaccurate
from resiliency.metrics.classification import accuracy_columns, images_of
from resiliency.prediction.reading import Predictions, additional_test_sets, condition_groups
from resiliency.statistics.correlation import weighted_quantiles
from resiliency.statistics.intervals import (
    DIFFERENCE,
    SHARE,
    UNKNOWN,
    critical,
    jackknife,
    of_linear,
)
from resiliency.statistics.resampling import Resampling, Units

POWER = 0.8
RANKS = [
    "images",
    "member",
    "rank",
    "rank_low",
    "rank_high",
    "error",
    "next_difference",
    "next_low",
    "next_high",
]
RANKS += ["n_images_needed", "n_images"]


def rank_table(
    conditions: pd.DataFrame, predictions: Mapping[str, Predictions], resampling: Resampling
) -> pd.DataFrame:
    """The table member_ranks.csv: the members by their error on each set of images that are not
    few.

    Args:
        predictions: member -> its predictions under the `conditions`; all members know the same
            units of images.
        resampling: number of draws, level of the intervals, and seed.
    """
    units, tables = next(iter(predictions.values())).units_of_test_sets(), []
    for name, chosen in condition_groups(conditions).items():
        of_set = units[conditions.test_set.iloc[chosen[0]]]
        if few_images(name, of_set.number):
            continue
        errors = np.zeros((len(predictions), of_set.n_images))
        for condition in chosen:
            errors += np.stack([~member.correct(condition) for member in predictions.values()])
        rows = rank_rows(list(predictions), errors / len(chosen), resampling, name, of_set)
        tables.append(rows.assign(images=name, n_images=of_set.n_images))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=RANKS)
    return table[RANKS].assign(confidence=resampling.confidence)


def rank_rows(
    members: list[str],
    errors: np.ndarray,
    resampling: Resampling,
    name: str,
    units: Units | None = None,
) -> pd.DataFrame:
    """The ranks on one set of images.

    Args:
        members: names of M members.
        errors: float64 M x N, how often each is wrong on each image.
        resampling: number of draws, level of the intervals, and seed.
        name: name of the set of images, which also names the random stream.
        units: units of the images; None if each image is a unit.
    """
    means, images = errors.mean(axis=1), errors.shape[1]
    units, order = units or Units.single(images), np.argsort(means, kind="stable")
    means, errors = means[order], errors[order]
    covariance = np.cov(units.values(errors), ddof=1).reshape(len(order), -1) / units.number
    spread = np.sqrt(
        np.maximum(np.add.outer(np.diag(covariance), np.diag(covariance)) - 2 * covariance, 0)
    )
    spread[spread < 1e-12] = 0
    values, vectors = np.linalg.eigh(covariance)
    draws = stream(resampling.seed, "ranks", name).standard_normal(
        (resampling.resamples, len(values))
    )
    draws = (draws * np.sqrt(np.maximum(values, 0))) @ vectors.T
    ranks = []
    for place in range(len(order)):
        reach = critical(
            np.abs(draws - draws[:, [place]]), spread[place], resampling.confidence, units
        )
        # Infinite if the difference is that of each image.
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (means - means[place]) / spread[place]
        ranks.append((1 + (apart < -reach).sum(), len(means) - (apart > reach).sum()))
    difference, error = np.append(np.diff(means), np.nan), np.append(np.diag(spread, 1), np.nan)
    of_next = [
        of_linear(value, parts, units, resampling.confidence, DIFFERENCE).ends
        for value, parts in zip(difference, np.diff(errors, axis=0), strict=False)
    ]
    needed = (
        (ndtri((1 + resampling.confidence) / 2) + ndtri(POWER)) ** 2 * images * np.square(error)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(difference > 0, np.ceil(needed / np.square(difference)), np.nan)
    columns = {"member": np.array(members)[order], "rank": np.arange(1, len(order) + 1)}
    columns |= dict(zip(("rank_low", "rank_high"), np.transpose(ranks), strict=True))
    columns |= {"error": means, "next_difference": difference}
    columns |= dict(
        zip(("next_low", "next_high"), np.transpose([*of_next, UNKNOWN.ends]), strict=True)
    )
    return pd.DataFrame(columns | {"n_images_needed": needed})


SHARES = ("clean_accuracy", "corrupted_accuracy", "corrupted_error")
SIZES = [
    "rule",
    "measure",
    "size",
    "ensembles",
    "possible",
    "mean",
    "low",
    "high",
    "lower_quartile",
    "upper_quartile",
]
SIZES += ["change", "change_low", "change_high", "members"]


def size_table(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The table ensemble_sizes.csv: a row per combination rule, measure and number of independent
    members.

    Size 1 is the members of ensembles alone. Intervals leave out one member at a time; they are NaN
    if that leaves nothing.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        confidence: level of the intervals, between 0 and 1.
    """
    ensembles = ensembles[ensembles["origin"] == INDEPENDENT]
    known = [*SHARES, *(accuracy_of(name) for name in images_of(ensembles))]
    measures = [name for name in dict.fromkeys(known) if name in ensembles]
    alone = members.drop(columns="members", errors="ignore").rename(columns={"member": "members"})
    if "corrupted_error" in alone:
        alone = alone.assign(corrupted_accuracy=1 - alone["corrupted_error"])
    parts = []
    for rule, of_rule in ensembles.groupby("rule", sort=False):
        taking_part = {name for names in of_rule["members"] for name in names.split("+")}
        single = alone[alone["members"].isin(taking_part)].assign(
            size=1, weight=1.0, possible=len(taking_part)
        )
        sizes, smaller = [], None
        for size, rows in pd.concat([single, of_rule], ignore_index=True).groupby("size"):
            part = _means(rows, measures, confidence)
            if smaller is not None:
                part[["change", "change_low", "change_high"]] = _changes(
                    rows, smaller, measures, confidence
                )
            sizes.append(part.assign(rule=rule, size=size, possible=int(rows["possible"].iloc[0])))
            smaller = rows
        parts.append(
            pd.concat(sizes).sort_values(
                "measure", key=lambda of: of.map(measures.index), kind="stable"
            )
        )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return (
        table.reindex(columns=SIZES)
        .assign(confidence=confidence)
        .dropna(subset=["mean"], ignore_index=True)
    )


def _means(ensembles: pd.DataFrame, measures: list[str], confidence: float) -> pd.DataFrame:
    """A row per measure: its weighted mean over ensembles, with an interval, and its quartiles."""
    left_out, values = LeftOut(ensembles), ensembles[measures].to_numpy(float)
    known, rows = np.isfinite(values).T, []
    means = weighted_means(left_out.weights, values).T
    for measure, of, some, replicates in zip(measures, values.T, known, means, strict=True):
        low, high = jackknife(replicates[counting(left_out.weights, some)], confidence, SHARE).ends
        lower, upper = weighted_quantiles(of, ensembles["weight"].to_numpy(float), [0.25, 0.75])
        row = {
            "measure": measure,
            "ensembles": some.sum(),
            "mean": replicates[0],
            "low": low,
            "high": high,
        }
        rows.append(
            row
            | {"lower_quartile": lower, "upper_quartile": upper, "members": len(left_out.members)}
        )
    return pd.DataFrame(rows)


def _changes(
    larger: pd.DataFrame, smaller: pd.DataFrame, measures: list[str], confidence: float
) -> np.ndarray:
    """Mean of each measure over `larger` ensembles less that over `smaller`, and its interval;
    float64 measures x 3."""
    values = [rows[measures].to_numpy(float) for rows in (larger, smaller)]
    weights = weights_of_both(larger, smaller, str)
    one, other = map(weighted_means, weights, values)
    rows = []
    for replicates, *known in zip(
        (one - other).T, *(np.isfinite(of).T for of in values), strict=True
    ):
        kept = np.logical_or(*map(counting, weights, known))
        rows.append([replicates[0], *jackknife(replicates[kept], confidence).ends])
    return np.array(rows)


MOST = 10


def best_table(
    members: pd.DataFrame, ensembles: pd.DataFrame, test_sets: Sequence[str]
) -> pd.DataFrame:
    """The table best_ensembles.csv: the `MOST` of each size with the highest clean accuracy, then
    the most robust.

    Size 1 is members alone. The best of thousands on some images is less good on others: accuracy
    on additional test sets, which nothing was selected on, is the one to believe.

    Args:
        members: members.csv.
        ensembles: rows of ensembles.parquet under one rule.
        test_sets: names of the test sets.
    """
    of_sets = [column for name in test_sets for column in accuracy_columns(name)]
    columns = ["size", "members", "origin", "corrupted_error", *of_sets]
    single = (
        members[members["origin"] != JOINT].rename(columns={"member": "members"}).assign(size=1)
    )
    table = pd.concat(
        [single[columns], ensembles[ensembles["origin"] != JOINT][columns]], ignore_index=True
    )
    table["ensembles"] = table.groupby("size")["members"].transform("size")
    order = {"size": False, accuracy_of(CLEAN): False, "corrupted_error": True}
    table = table.sort_values([*order], ascending=[*order.values()], kind="stable")
    table["rank"] = table.groupby("size").cumcount() + 1
    table = table[table["rank"] <= MOST].reset_index(drop=True)
    return table[["size", "rank", "members", "ensembles", "origin", "corrupted_error", *of_sets]]


def fitted_line(accuracy: np.ndarray, shifted: np.ndarray) -> dict[str, float]:
    """The line logit(shifted accuracy) = intercept + slope * logit(accuracy) of least squares, as
    Taori et al. fit it.

    Args:
        accuracy, shifted: float n in 0..1, accuracy of each reference member without and with the
            shift; members that lack one are ignored.

    Returns:
        `slope`, `intercept`, `r_squared`, the share of the variance that the line explains, and
        `reference_members`, their number; NaN if fewer than two reference members differ in
        accuracy.
    """
    finite = np.isfinite(accuracy) & np.isfinite(shifted)
    x, y = bounded_logit(accuracy[finite]), bounded_logit(shifted[finite])
    slope, intercept, explained = np.full(3, np.nan)
    if len(x) > 1 and np.ptp(x) >= 1e-9:
        slope, intercept = np.polyfit(x, y, 1)
        left, spread = np.square(y - intercept - slope * x).sum(), np.square(y - y.mean()).sum()
        # Any two members lie on a line.
        explained = 1 - left / spread if spread and len(x) > 2 else np.nan
    return {
        "slope": slope,
        "intercept": intercept,
        "r_squared": explained,
        "reference_members": len(x),
    }


def robustness_table(members: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """The table effective_robustness.csv: a row per shifted set and member that is not trained
    jointly.

    Shifted are corrupted images, if there are any, and additional test sets. Clean accuracy is that
    on the classes of the shifted set, if members.csv has it.

    Args:
        members: members.csv.
        reference: recipe of the reference members; None for all recipes.
    """
    named = [name.removesuffix("_accuracy") for name in members if name.endswith("_accuracy")]
    further = [
        name
        for name in named
        if name not in (CLEAN, "validation") and not name.startswith(CLEAN_ON)
    ]
    corrupted = [CORRUPTED] if members["corrupted_error"].notna().any() else []
    chosen = members[members["origin"] != JOINT]
    is_reference = chosen["recipe"] == reference if reference else pd.Series(True, chosen.index)
    parts = []
    for name in corrupted + further:
        clean = chosen.get(f"{CLEAN_ON}{name}_accuracy", chosen["clean_accuracy"]).astype(float)
        ends = [chosen.get(f"{name}_accuracy_{end}") for end in ("low", "high")]
        if name == CORRUPTED:
            ends = [1 - chosen[f"corrupted_error_{end}"].astype(float) for end in ("high", "low")]
        accuracy = 1 - chosen["corrupted_error"] if name == CORRUPTED else chosen[accuracy_of(name)]
        line = fitted_line(clean[is_reference].to_numpy(), accuracy[is_reference].to_numpy(float))
        predicted = expit(line["intercept"] + line["slope"] * bounded_logit(clean.to_numpy()))
        part = chosen[["member", "family", "recipe"]].assign(
            is_reference=is_reference,
            images=name,
            clean_accuracy=clean,
            accuracy=accuracy,
            low=ends[0],
            high=ends[1],
            predicted_accuracy=predicted,
            effective_robustness=accuracy.astype(float) - predicted,
            **line,
        )
        parts.append(part.dropna(subset=["accuracy"]))
    return pd.concat(parts, ignore_index=True)


NO_STAGES = "the network lists no feature stages (feature_info)"
# Kind of a member's predictions -> what is left out for it, and why.
LEFT_OUT = {
    "decisions": {
        "probabilities": "only predicted labels are available: no calibration, no diversity of "
        "probabilities, no "
        "rule except plurality_vote",
        "attributions and activations": "only predicted labels are available; these need the "
        "network",
    },
    "logits": {"attributions and activations": "only logits are available; these need the network"},
    "probabilities": {
        "attributions and activations": "only probabilities are available; these need the network"
    },
    "scores": {
        "ensembles": "only accuracies are available; an ensemble needs predictions per image",
        "probabilities": "only accuracies are available: no calibration",
        "attributions and activations": "only accuracies are available; these need the network",
    },
}
# Table that the study lacks -> why.
LACKING = {
    "ensembles": "the study has no members with predictions, or too few for an ensemble",
    "attribution_distances": "no member has a network, which attributions need",
    "histories": "no member is trained here",
    "deployment": "no corruptions, on which ensembles to deploy are selected, or no ensembles",
    "effective_robustness": "no shifted images",
}


def skipped_table(
    members: pd.DataFrame,
    attributions: dict[str, dict[str, str]],
    stages: dict[str, np.ndarray],
    kinds: dict[str, str],
    left_out: dict[str, str],
    lacking: list[str],
    for_few: list[str],
    conditions: pd.DataFrame,
    min_clean_accuracy: float,
) -> pd.DataFrame:
    """Columns member ("" for the study as a whole), skipped and reason; members known by their
    networks first.

    Args:
        members: members.csv.
        attributions: member -> attribution method that does not apply to it -> reason.
        stages: member -> array by which its feature stages are compared; NaN if it has none.
        kinds: imported member -> kind of its predictions.
        left_out: what imported files hold and the study does not use -> reason.
        lacking: tables that the study lacks.
        for_few: tables among these that it lacks because of few clean images.
        min_clean_accuracy: least clean accuracy of a member of an ensemble.
    """
    rows = [(member, *item) for member, reasons in attributions.items() for item in reasons.items()]
    applies = zip(stages, applicable(list(stages.values())), strict=True)
    rows += [(member, "stages", NO_STAGES) for member, has_stages in applies if not has_stages]
    rows += [("", *item) for item in left_out.items()]
    n_images = conditions.drop_duplicates("test_set").set_index("test_set")["n_images"]
    of_study = (
        [*for_few, "intervals of corrupted errors", "verdicts on the observations"]
        if for_few
        else []
    )
    rows += [("", item, few_images(CLEAN, int(n_images[CLEAN]))) for item in of_study]
    for name in [] if "member_ranks" in for_few else additional_test_sets(conditions):
        if n_images[name] and (reason := few_images(name, int(n_images[name]))):  # 0 if unknown
            rows.append(("", f"member_ranks on {name}", reason))
    rows += [
        ("", table, LACKING[table])
        for table in lacking
        if table in LACKING and table not in for_few
    ]
    rows += [
        (member, item, why)
        for member, kind in kinds.items()
        for item, why in LEFT_OUT[kind].items()
    ]
    for row, inaccurate in zip(
        members.itertuples(), is_inaccurate(members, min_clean_accuracy), strict=True
    ):
        if row.member in kinds and pd.isna(row.parameters):
            rows.append(
                (
                    row.member,
                    "observation 1",
                    "no parameters: neither a table nor an architecture gives them",
                )
            )
        if inaccurate:
            why = (
                f"clean accuracy {row.clean_accuracy:.1%}, less than the "
                f"{min_clean_accuracy:.1%} of the study"
            )
            rows.append((row.member, "ensembles", why))
    return pd.DataFrame(rows, columns=["member", "skipped", "reason"])
