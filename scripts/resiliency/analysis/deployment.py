"""Which ensemble to deploy: chosen on one half of the test images, evaluated on the other.

`resiliency.analysis.choices` has the halves, the candidates and the rule of the recommendation.
"""

import numpy as np
import pandas as pd

from resiliency.analysis.choices import (
    EFFECTIVE,
    Difference,
    by_size,
    cheapest,
    differences,
    drawn_errors,
    fit_members,
    margin_of,
    pools_of,
    scored_pool,
    shortlist,
    within_limits,
)
from resiliency.base.names import CLEAN, JOINT
from resiliency.ensembles.pool import EnsembleErrors, front, is_inaccurate
from resiliency.ensembles.selection import greedy
from resiliency.ensembles.settings import Limits
from resiliency.metrics.classification import accuracies, accuracy_columns
from resiliency.statistics.intervals import share, share_of_variance
from resiliency.statistics.resampling import Resampling, Units

WORST = ["worst_corruption", "worst_severity", "worst_error", "worst_error_low", "worst_error_high", "worst_class"]
WORST += ["worst_class_error", "worst_class_error_low", "worst_class_error_high"]
WORST += ["quantile", "quantile_error", "quantile_error_low", "quantile_error_high"]
COLUMNS = ["number", "found", "members", "origin", "size", "rule", "macs", "parameters", "front_macs"]
COLUMNS += ["front_parameters", "fit", "instead", "margin", "n_images_needed", "behind", "behind_low", "behind_high"]
COLUMNS += ["baseline", "selection_error", "corrupted_error", "low", "high", "confidence", "optimism"]
COLUMNS += ["clean_accuracy", "n_selection_images", "n_images", "objective", *WORST]
COST = ["cost", "cost_low", "cost_high"]
UNLIMITED = Limits()


def candidate_table(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scored: EnsembleErrors,
    largest: int,
    selection: np.ndarray,
    limits: Limits = UNLIMITED,
    least_accuracy: float = 0,
) -> pd.DataFrame:
    """All candidates for deployment: single members, scored ensembles, and larger greedy ones.

    Jointly trained members are made for each other, so that there are no single or greedy candidates of them. Members
    that are not fit (`fit_members`), or of which the study forms no ensembles, are in no greedy ensemble; ensembles
    with an unfit member are on no front.

    Args:
        members: members.csv, in the order of the predictions.
        ensembles: rows of ensembles.parquet under one combination rule.
        scored: predictions of these members, under the same rule.
        largest: largest number of members of a greedy ensemble.
        selection: int, selection images; all others are evaluation images.
        least_accuracy: least clean accuracy of members of greedy ensembles.

    Returns:
        Columns found (single, scored or greedy), members, origin, size, macs, parameters, selection_error (the
        objective on the first half), judged_error (corrupted error on the other), fit (whether all members are, within
        the limits), front_macs and front_parameters (whether no other fit one has a smaller selection_error for no more
        MACs, or parameters).

    Raises:
        Fault: no candidate is within the limits.
    """
    fit = fit_members(
        scored.accuracy(np.arange(len(members))[:, None], CLEAN, selection), scored.labels(CLEAN)[selection]
    )
    alone, grown = np.flatnonzero(members.origin != JOINT), fit & ~is_inaccurate(members, least_accuracy).to_numpy()
    pools, everything = pools_of(members, ensembles, scored, selection, alone), np.arange(len(scored.labels(CLEAN)))
    larger = [e for e in greedy(scored, alone[grown[alone]], largest, selection) if len(e) > max(pools, default=1)]
    parts = [
        members.iloc[alone].rename(columns={"member": "members"}).assign(found="single", size=1),
        ensembles.assign(found="scored"),
        pd.DataFrame([_described(members.iloc[e], scored.wrong(e, everything).mean(dtype=float)) for e in larger]),
    ]
    columns = ["found", "members", "origin", "size", "macs", "parameters", "corrupted_error"]
    table = pd.concat([part.reindex(columns=columns) for part in parts if len(part)], ignore_index=True)
    table["selection_error"], table["fit"], on_selection = 0.0, False, np.zeros(len(table))
    for pool in [*pools.values(), *(scored_pool(ensemble[None], scored, selection) for ensemble in larger)]:
        rows = np.flatnonzero(table["size"] == pool.ensembles.shape[1])
        table.loc[rows, "fit"] = fit[pool.ensembles].all(axis=1)
        table.loc[rows, "selection_error"], on_selection[rows] = pool.objective, pool.errors
    rest = table.pop("corrupted_error") * len(everything) - on_selection * len(selection)
    table["judged_error"] = (rest / (len(everything) - len(selection))).clip(0, 1)  # not -1e-17
    table["fit"] = within_limits(table, limits)
    errors = table.selection_error.where(table.fit, np.inf).to_numpy()
    for cost in ("macs", "parameters"):
        table[f"front_{cost}"] = front(errors, table[cost].to_numpy())
    return table


def listed(candidates: pd.DataFrame) -> pd.Series:
    """Which candidates are rows of deployment.csv, bool: see `deployment_table`."""
    fronts = [column for column in candidates if column.startswith("front_")]
    picked = candidates[fronts].any(axis=1) | (candidates.found != "scored")
    known = candidates.dropna(subset=["selection_error"])
    picked |= candidates.index.isin(known.groupby("origin").selection_error.idxmin())
    return picked | candidates.index.isin(known[known.fit].groupby("size").selection_error.idxmin())


def deployment_table(
    candidates: pd.DataFrame,
    members: pd.DataFrame,
    scored: EnsembleErrors,
    selection: np.ndarray,
    evaluation: np.ndarray,
    baseline: str,
    resampling: Resampling,
    margin: float | None = None,
) -> pd.DataFrame:
    """The rows of deployment.csv, ordered by MACs.

    They are single members, both fronts, greedy ensembles, and the best one of each origin and of each size.

    Args:
        candidates: table from `candidate_table`.
        selection: images on which ensembles were selected.
        evaluation: images on which nothing was selected.
        baseline: name of the baseline member; empty if there is none.
        resampling: resampling of the selection and evaluation images.
        margin: how much worse than a row its cheaper replacement may be; None for the default of `margin_of`.

    Returns:
        `COLUMNS`, then `COST` where costs chose, `EFFECTIVE` where images are in
        units, and the accuracy on additional test sets; docs/tables.md describes them. A row that is not
        fit has itself as `instead`.
    """
    picked = listed(candidates)
    compared = candidates.assign(**_compared(candidates, members, scored, selection, picked, resampling, margin))
    table = compared[picked].sort_values(["macs", "selection_error"], kind="stable")
    numbers = pd.Series(np.arange(1, len(table) + 1), table.index)
    table = table.assign(number=numbers, instead=numbers[table.instead].to_numpy()).reset_index(drop=True)
    harder = (candidates.judged_error - candidates.selection_error).mean()
    units = scored.units(CLEAN).of(evaluation)
    counts = units.counts(resampling.resamples, resampling.seed, "images").astype(np.float64)
    confidence = resampling.confidence
    for rows, of_size in by_size(table, members):
        errors = np.empty((len(rows), len(evaluation)))
        for place, (row, ensemble) in enumerate(zip(rows, of_size, strict=True)):
            wrong = scored.wrong(ensemble, np.concatenate([selection, evaluation]))
            errors[place] = wrong[:, len(selection) :].mean(axis=0, dtype=np.float64)
            for column, value in worst_cases(scored, wrong, selection, evaluation, units, counts, confidence).items():
                table.loc[row, column] = value
        table.loc[rows, "corrupted_error"] = errors.mean(axis=1)
        table.loc[rows, ["low", "high"]] = np.transpose(share(errors, units, confidence).ends)
        if scored.costs is not None:
            costs = scored.image_costs(of_size, evaluation)
            table.loc[rows, COST[0]] = costs.mean(axis=1)
            of_costs = share(costs, units, confidence, largest=scored.costs.max())
            table.loc[rows, COST[1:]] = np.transpose(of_costs.ends)
        table.loc[rows, "clean_accuracy"] = scored.accuracy(of_size, CLEAN, evaluation)
        if not units.alone:
            table.loc[rows, EFFECTIVE] = scored.effective_images(of_size, CLEAN, evaluation, confidence)
        for column, values in _further_accuracies(scored, of_size, confidence).items():
            table.loc[rows, column] = values
    optimism = table.corrupted_error - table.selection_error - harder
    table["optimism"] = optimism if scored.objective == "mean" else np.nan
    table = table.assign(
        rule=scored.rule,
        objective=scored.objective,
        baseline=table.members == baseline,
        confidence=confidence,
        n_selection_images=len(scored.labels(CLEAN)) - len(evaluation),
        n_images=len(evaluation),
    )
    columns = COLUMNS + [column for column in (*COST, EFFECTIVE) if column in table]
    return table[columns + [column for test_set in scored.further for column in accuracy_columns(test_set)]]


def _compared(
    candidates: pd.DataFrame,
    members: pd.DataFrame,
    scored: EnsembleErrors,
    selection: np.ndarray,
    picked: np.ndarray,
    resampling: Resampling,
    margin: float | None,
) -> dict[str, pd.Series]:
    """behind with its ends; of those `picked` (bool) margin, n_images_needed and instead, the index of a candidate."""
    places = shortlist(candidates, picked)
    some, names = candidates.iloc[places], {member: place for place, member in enumerate(members.member)}
    ensembles = [np.array([names[name] for name in joined.split("+")]) for joined in some.members]
    errors, drawn = some.selection_error.to_numpy(), drawn_errors(scored, ensembles, selection, resampling)
    # Among equals this is the cheapest, which comes first in the table.
    best = np.lexsort([some["macs"], some.selection_error.where(some.fit & picked[places], np.inf)])[0]
    units = scored.units(CLEAN).of(selection)
    of_best = differences(errors, drawn, best, units, resampling.confidence)
    columns = dict(zip(("behind", "behind_low", "behind_high"), of_best, strict=True))
    rows = np.flatnonzero(picked[places])
    table, instead = some.iloc[rows], pd.Series(candidates.index, candidates.index)
    margins, needed = (pd.Series(np.nan, candidates.index) for _ in range(2))
    for place, row in enumerate(rows):
        if table.fit.iloc[place]:
            of_row = differences(errors, drawn, row, units, resampling.confidence)
            of_rows = Difference(*(values[rows] for values in of_row))
            own, most = table.index[place], margin_of(errors[row], margin, scored.objective)
            other, needed[own] = cheapest(table, of_rows, place, most, len(selection))
            instead[own], margins[own] = table.index[other], most
    columns = {name: pd.Series(values, some.index) for name, values in columns.items()}
    return columns | {"instead": instead, "margin": margins, "n_images_needed": needed}


def worst_cases(
    scored: EnsembleErrors,
    wrong: np.ndarray,
    selection: np.ndarray,
    evaluation: np.ndarray,
    units: Units,
    counts: np.ndarray,
    confidence: float,
) -> dict[str, object]:
    """`WORST` of one ensemble: condition and class with its largest errors, and a quantile of errors.

    The largest of many errors is partly chance; so condition and class are chosen on one half of the images, and the
    errors in them are those on the other. The class is the one with the largest corrupted error, of those that both
    halves have, if there are any.

    Args:
        wrong: float32 C x (selection and evaluation images), from `EnsembleErrors.wrong`.
        units: units of the evaluation images.
        counts: float64 R x n, how often each resample draws each evaluation image.
        confidence: level of the intervals, between 0 and 1.
    """
    labels = scored.labels(CLEAN)
    before, after = wrong[:, : len(selection)], wrong[:, len(selection) :]
    worst = before.mean(axis=1, dtype=np.float64).argmax()
    condition = scored.predictions[0].conditions.iloc[scored.corrupted[worst]]
    # Sums of integers are exact in float64, so that the first of several classes with equal errors is the worst.
    wrongly = np.bincount(labels[selection], before.sum(axis=0, dtype=np.float64))
    of_classes = wrongly / np.maximum(len(before) * np.bincount(labels[selection]), 1)
    known = np.unique(labels[evaluation])
    worst_class = known[np.pad(of_classes, (0, labels.max() + 1 - len(of_classes)))[known].argmax()]
    of_class = labels[evaluation] == worst_class
    drawn = counts @ after.T.astype(np.float64) / counts.sum(axis=1, keepdims=True)
    errors = after.mean(axis=1, dtype=np.float64)
    columns = {"worst_corruption": condition.corruption, "worst_severity": condition.severity}
    columns |= share(after[worst], units, confidence).columns("worst_error", errors[worst])
    in_class = after[:, of_class].mean(axis=0, dtype=np.float64)
    columns |= {"worst_class": worst_class, "quantile": scored.quantile}
    columns |= share(in_class, units.of(of_class), confidence).columns("worst_class_error", in_class.mean())
    quantile, of_resamples = (np.quantile(values, scored.quantile, axis=-1) for values in (errors, drawn))
    reach = units.reach(confidence)
    of_quantile = share_of_variance(quantile, of_resamples.var(), units.number, confidence, reach)
    return columns | of_quantile.columns("quantile_error", float(quantile))


def _further_accuracies(scored: EnsembleErrors, ensembles: np.ndarray, confidence: float) -> dict[str, np.ndarray]:
    """Accuracy with its interval on each additional test set, float64 E each, by name of column."""
    columns = {}
    for test_set in scored.further:
        everything = np.arange(len(scored.labels(test_set)))
        shares = scored.accuracy(ensembles, test_set, everything)
        effective = scored.effective_images(ensembles, test_set, everything, confidence)
        columns |= accuracies(test_set, shares, effective, confidence)
    return columns


def _described(members: pd.DataFrame, error: float) -> dict:
    """The ensemble of these members, which greedy selection found, and its corrupted error on all images."""
    return {
        "found": "greedy",
        "members": "+".join(members.member),
        "origin": "+".join(members.origin.unique()),
        "size": len(members),
        "macs": members.macs.sum(skipna=False),
        "parameters": members.parameters.sum(skipna=False),
        "corrupted_error": error,
    }
