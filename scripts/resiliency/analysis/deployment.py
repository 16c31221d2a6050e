"""Which ensemble to deploy: chosen on one half of the test images, evaluated on the other.

`resiliency.analysis.judging` has the halves, `EnsembleErrors` the objective by which ensembles are
selected.

The one recommended costs less than the best and is shown to be hardly worse; no worse one is taken
to save less than a tenth of the cost. The best of many candidates is compared with each of the
others on the selection images, in pairs. The largest standardised deviation of these differences
over all candidates, in resamples of the images, gives one critical value for all comparisons
(max-t; Romano and Wolf, Econometrica 2005), and upper bounds that hold for all of them with the
stated confidence. A candidate is not inferior if its bound is within a margin that is fixed
beforehand (Piaggio et al., JAMA 2012): that no difference was found is no evidence of a small one,
least of all with few images.
"""

from collections.abc import Iterator
from functools import reduce

import numpy as np
import pandas as pd

from resiliency.analysis.contenders import EFFECTIVE, priced
from resiliency.analysis.judging import Resampled
from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN, JOINT
from resiliency.base.streams import stream
from resiliency.ensembles.combination import VOTE
from resiliency.ensembles.pool import EnsembleErrors, front, greedy, is_inaccurate
from resiliency.ensembles.settings import Deployment, Limits
from resiliency.metrics.classification import accuracies, accuracy_columns, near_chance
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import critical, share, share_of_variance
from resiliency.statistics.resampling import Resampling, Units, resampled_counts

FAR_BELOW = 0.75
MARGIN, SHARE = 0.01, 0.1  # a cheaper model may be worse by a point, or a tenth of the error
SAVING = 0.1  # least share of the cost that is worth a worse model
SHORTLIST = 1000
GROUPS = 500
CHUNK = 50  # number of ensembles at a time
UNLIMITED = Limits()
WORST = [
    "worst_corruption",
    "worst_severity",
    "worst_error",
    "worst_error_low",
    "worst_error_high",
    "worst_class",
]
WORST += ["worst_class_error", "worst_class_error_low", "worst_class_error_high"]
WORST += ["quantile", "quantile_error", "quantile_error_low", "quantile_error_high"]
COLUMNS = [
    "number",
    "found",
    "members",
    "origin",
    "size",
    "rule",
    "macs",
    "parameters",
    "front_macs",
]
COLUMNS += [
    "front_parameters",
    "fit",
    "instead",
    "margin",
    "n_images_needed",
    "behind",
    "behind_low",
    "behind_high",
]
COLUMNS += [
    "baseline",
    "selection_error",
    "corrupted_error",
    "low",
    "high",
    "confidence",
]
COLUMNS += ["clean_accuracy", "n_selection_images", "n_images", "objective", *WORST]
COST = ["cost", "cost_low", "cost_high"]


def deployable(
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    rule: str,
    settings: Deployment,
    costs: np.ndarray | None = None,
) -> tuple[pd.DataFrame, EnsembleErrors]:
    """All members with predictions, of which ensembles may be deployed, and their errors.

    Args:
        members: members.csv.
        rule: combination rule; plurality vote replaces it if some members have decisions only.
        settings, costs: criterion of selection.
    """
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    criterion = settings.objective, settings.quantile, costs
    return members, EnsembleErrors(in_order, rule, *criterion)


def candidate_table(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scorer: EnsembleErrors,
    largest: int,
    selection: np.ndarray,
    limits: Limits = UNLIMITED,
    least_accuracy: float = 0,
) -> pd.DataFrame:
    """All candidates for deployment: single members, scored ensembles, and larger greedy ones.

    Jointly trained members are made for each other, so that there are no single or greedy
    candidates of them. Members that are not fit (`fit_members`), or of which the study forms no
    ensembles, are in no greedy ensemble; ensembles with an unfit member are on no front.

    Args:
        members: members.csv, in the order of the predictions.
        ensembles: rows of ensembles.parquet under one combination rule.
        scorer: predictions of these members, under the same rule.
        largest: largest number of members of a greedy ensemble.
        selection: int, selection images; all others are evaluation images.
        least_accuracy: least clean accuracy of members of greedy ensembles.

    Returns:
        Columns found (single, scored or greedy), members, origin, size, macs, parameters,
        selection_error (the objective on the first half), judged_error (corrupted error on the
        other), fit (whether all members are, within the limits), front_macs and front_parameters
        (whether no other fit one has a smaller selection_error for no more MACs, or parameters).

    Raises:
        Fault: no candidate is within the limits.
    """
    everything, labels = np.arange(len(scorer.labels(CLEAN))), scorer.labels(CLEAN)[selection]
    fit = fit_members(scorer.accuracy(np.arange(len(members))[:, None], CLEAN, selection), labels)
    alone = np.flatnonzero(members.origin != JOINT)
    grown = alone[fit[alone] & ~is_inaccurate(members, least_accuracy).to_numpy()[alone]]
    scored_up_to, found = max([1, *ensembles["size"].unique()]), []
    for ensemble in greedy(scorer, grown, largest, selection)[scored_up_to:]:
        own, error = members.iloc[ensemble], scorer.wrong(ensemble, everything).mean(dtype=float)
        names, origins = "+".join(own.member), "+".join(own.origin.unique())
        row = {
            "found": "greedy",
            "members": names,
            "origin": origins,
            "size": len(own),
            "corrupted_error": error,
        }
        found.append(row | {cost: own[cost].sum(skipna=False) for cost in ("macs", "parameters")})
    single = (
        members.iloc[alone].rename(columns={"member": "members"}).assign(found="single", size=1)
    )
    columns = ["found", "members", "origin", "size", "macs", "parameters", "corrupted_error"]
    parts = [
        part.reindex(columns=columns)
        for part in (single, ensembles.assign(found="scored"), pd.DataFrame(found))
    ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table["selection_error"], table["fit"], on_selection = 0.0, False, np.zeros(len(table))
    for rows, of_size in by_size(table, members):
        of_size = np.sort(of_size, axis=1)
        errors = scorer.condition_errors(of_size, selection)
        losses = errors if scorer.costs is None else scorer.condition_costs(of_size, selection)
        table.loc[rows, "fit"] = fit[of_size].all(axis=1)
        table.loc[rows, "selection_error"], on_selection[rows] = (
            scorer.chosen_by(losses),
            errors.mean(axis=1),
        )
    rest = table.pop("corrupted_error") * len(everything) - on_selection * len(selection)
    table["judged_error"] = (rest / (len(everything) - len(selection))).clip(0, 1)  # not -1e-17
    table["fit"] = within_limits(table, limits)
    errors = table.selection_error.where(table.fit, np.inf).to_numpy()
    for cost in ("macs", "parameters"):
        table[f"front_{cost}"] = front(errors, table[cost].to_numpy())
    return table


def fit_members(accuracies: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Members that are neither near chance nor far below the others, so that a deployed ensemble
    may have them; bool M.

    A member is far below the others if its clean accuracy, above that of the most frequent class,
    is less than `FAR_BELOW` of the median member's. If no member is left, all are fit.

    Args:
        accuracies: float M, accuracy on clean selection images.
        labels: int N, labels of these images.
    """
    above = accuracies - np.bincount(labels).max() / len(labels)
    fit = (above >= FAR_BELOW * np.median(above)) & ~np.array(
        [near_chance(a, labels) for a in accuracies]
    )
    return fit if fit.any() else np.ones(len(fit), bool)


def by_size(table: pd.DataFrame, members: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `table` by number of members, with the positions of their members: int E and int E x
    size."""
    position = {member: index for index, member in enumerate(members.member)}
    sizes = table["size"].to_numpy()
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        names = table.members.iloc[rows].str.split("+")
        yield (
            rows,
            np.array([[position[member] for member in of_ensemble] for of_ensemble in names]),
        )


def within_limits(candidates: pd.DataFrame, limits: Limits) -> np.ndarray:
    """Whether each candidate is fit and within the limits of cost, bool K; False if its cost is
    unknown.

    Args:
        candidates: table with fit, size and macs.

    Raises:
        Fault: no fit candidate is within the limits.
    """
    within = candidates["fit"].to_numpy(bool)
    for key, column in (("members", "size"), ("macs", "macs")):
        most = getattr(limits, key)
        if most is not None:
            costs = candidates[column]
            kept, least = within & (costs <= most).to_numpy(), costs[within].min()
            if within.any() and not kept.any():
                unknown = "the costs of all models are unknown; remove it, or limit the members"
                remedy = unknown if pd.isna(least) else f"allow at least {least:,.10g}"
                raise Fault(
                    f"deployment.limits.{key}: expected a limit that some fit model keeps, got "
                    f"{most:,.10g}; {remedy}"
                )
            within = kept
    return within


def deployment_table(
    candidates: pd.DataFrame,
    members: pd.DataFrame,
    scorer: EnsembleErrors,
    selection: np.ndarray,
    evaluation: np.ndarray,
    baseline: str,
    resampling: Resampling,
    margin: float | None = None,
) -> pd.DataFrame:
    """The rows of deployment.csv, ordered by MACs.

    They are single members, both fronts, greedy ensembles, and the best one of each origin and of
    each size.

    Args:
        candidates: table from `candidate_table`.
        selection: images on which ensembles were selected.
        evaluation: images on which nothing was selected.
        baseline: name of the baseline member; empty if there is none.
        resampling: resampling of the selection and evaluation images.
        margin: how much worse than a row its cheaper replacement may be; None for the default of
            `margin_of`.

    Returns:
        `COLUMNS`, then `COST` where costs chose, `EFFECTIVE` where images are in units, and the
        accuracy on additional test sets; docs/tables.md describes them. A row that is not fit has
        itself as `instead`.
    """
    table = recommended(candidates, members, scorer, selection, resampling, margin)
    table = table.sort_values(["macs", "selection_error"], kind="stable")
    numbers = pd.Series(np.arange(1, len(table) + 1), table.index)
    table = table.assign(number=numbers, instead=numbers[table.instead].to_numpy()).reset_index(
        drop=True
    )
    table = table.join(evaluated(table, members, scorer, selection, evaluation, resampling))
    table = table.assign(
        rule=scorer.rule,
        objective=scorer.objective,
        baseline=table.members == baseline,
        confidence=resampling.confidence,
        n_selection_images=len(selection),
        n_images=len(evaluation),
    )
    columns = COLUMNS + [column for column in (*COST, EFFECTIVE) if column in table]
    return table[
        columns + [column for test_set in scorer.further for column in accuracy_columns(test_set)]
    ]


def recommended(
    candidates: pd.DataFrame,
    members: pd.DataFrame,
    scorer: EnsembleErrors,
    selection: np.ndarray,
    resampling: Resampling,
    margin: float | None,
) -> pd.DataFrame:
    """The candidates that `deployment_table` lists, with `behind` and its ends, and what to deploy
    in place of each.

    Returns:
        Beside the columns of `candidates` behind, behind_low, behind_high, instead (an index),
        margin, n_images_needed.
    """
    picked = candidates.front_macs | candidates.front_parameters | (candidates.found != "scored")
    known = candidates.dropna(subset=["selection_error"])
    picked |= candidates.index.isin(known.groupby("origin").selection_error.idxmin())
    picked |= candidates.index.isin(known[known.fit].groupby("size").selection_error.idxmin())
    places = shortlist(candidates, picked)
    some, names = (
        candidates.iloc[places],
        {member: place for place, member in enumerate(members.member)},
    )
    ensembles = [np.array([names[name] for name in joined.split("+")]) for joined in some.members]
    errors, drawn = (
        some.selection_error.to_numpy(),
        drawn_errors(scorer, ensembles, selection, resampling),
    )
    # Among equals this is the cheapest, which comes first in the table.
    best = np.lexsort(
        [some["macs"], some.selection_error.where(some.fit & picked[places], np.inf)]
    )[0]
    units, rows = scorer.units(CLEAN).of(selection), np.flatnonzero(picked[places])

    def differences_from(place: int) -> pd.DataFrame:
        return (
            differences(errors, drawn, place, units, resampling.confidence)
            .iloc[rows]
            .set_index(table.index)
        )

    table = some.iloc[rows]
    instead, margins, needed = list(table.index), *np.full((2, len(rows)), np.nan)
    for place in np.flatnonzero(table.fit):
        margins[place] = margin_of(errors[rows[place]], margin, scorer.objective)
        of_row = differences_from(rows[place])
        other, needed[place] = cheapest(table, of_row, place, margins[place], len(selection))
        instead[place] = table.index[other]
    return table.join(differences_from(best)).assign(
        instead=instead, margin=margins, n_images_needed=needed
    )


def shortlist(candidates: pd.DataFrame, picked: np.ndarray) -> np.ndarray:
    """Positions of the candidates that are compared: those `picked` (bool) and the `SHORTLIST` with
    the least error."""
    fit = np.flatnonzero(candidates.fit)
    best = fit[np.argsort(candidates.selection_error.to_numpy()[fit], kind="stable")[:SHORTLIST]]
    return np.union1d(np.flatnonzero(picked), best)


def drawn_errors(
    scorer: EnsembleErrors, ensembles: list[np.ndarray], images: np.ndarray, resampling: Resampling
) -> np.ndarray:
    """The objective of K ensembles (int size each) in each resample of the `images`; float64 K x R.

    Units of images are drawn; more than `GROUPS` of them in random groups of equal size, whose
    means vary as much.
    """
    units = scorer.units(CLEAN).of(images)
    groups = np.arange(units.number) % GROUPS
    groups = (
        stream(resampling.seed, "groups of images").permutation(groups)
        if len(groups) > GROUPS
        else groups
    )
    groups = groups[units.of_image]
    counts = resampled_counts(
        groups.max() + 1,
        resampling.resamples,
        resampling.seed,
        "comparison with the best",
        alone=units.alone,
    )
    drawn_images = (counts @ np.bincount(groups)).astype(np.float32)
    drawn, sizes = (
        np.empty((len(ensembles), len(counts))),
        np.array([len(ensemble) for ensemble in ensembles]),
    )
    counts, of_mean = counts.T.astype(np.float32), scorer.objective in ("mean", "cost")
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        several = len(rows) if of_mean else CHUNK
        for start in range(0, len(rows), several):
            some = rows[start : start + several]
            losses = scorer.losses_in_groups(
                np.stack([ensembles[row] for row in some]), images, groups
            )
            # The resamples of the mean are less work than the mean of the resamples.
            parts = (
                [reduce(np.add, losses) / np.float32(len(scorer.corrupted))]
                if of_mean
                else list(losses)
            )
            for row, of_row in zip(some, np.stack(parts, axis=1), strict=True):
                drawn[row] = scorer.chosen_by((of_row @ counts / drawn_images).T)
    return drawn


def differences(
    errors: np.ndarray, drawn: np.ndarray, reference: int, units: Units, confidence: float
) -> pd.DataFrame:
    """Differences of K candidates from the one at `reference`, with one-sided bounds that hold for
    all of them.

    Args:
        errors: float K, error of each candidate.
        drawn: float K x R, error in each resample, the same resamples for all candidates.
        units: units of the images that are resampled.
        confidence: probability that no difference exceeds its upper bound, and that none is below
            its lower one.

    Returns:
        `behind`, and its bounds `behind_low` and `behind_high`, float64 in K rows.
    """
    value = errors - errors[reference]
    deviations = drawn - drawn[reference] - value[:, None]
    spread = deviations.std(axis=1)
    # By chance the truly best may look as much worse than the reference as others look better.
    reach = critical(-deviations.T, spread, confidence, units)
    return pd.DataFrame(
        {
            "behind": value,
            "behind_low": value - reach * spread,
            "behind_high": value + reach * spread,
        }
    )


def margin_of(error: float, margin: float | None, objective: str) -> float:
    """How much worse than a model with this error, or cost, a cheaper one may be.

    It is `margin`, or by default `SHARE` of the error, and no more than `MARGIN`, which does not
    limit costs.
    """
    if margin is not None:
        return margin
    return SHARE * error if objective == "cost" else min(MARGIN, SHARE * error)


def cheapest(
    table: pd.DataFrame, difference: pd.DataFrame, reference: int, margin: float, n_images: int
) -> tuple[int, float]:
    """The row to deploy instead of that at `reference`: it is fit and, by its upper bound, worse by
    at most `margin`.

    It has no more members. Of these rows the one with the least error that saves at least `SAVING`
    of the cost is taken, then again instead of that one, until none does: none is taken for less.
    The cost is MACs, or the number of members if no MACs are known. A row whose cost is unknown is
    taken only if it is the reference and no row of known cost will do. Ties go to the smaller cost,
    then to fewer members.

    Args:
        table: rows with fit, size, macs and selection_error.
        difference: `differences` of the rows from the reference.
        margin: 0 or more, in units of the objective.
        n_images: number of units over which the differences are means.

    Returns:
        The position of the row, and the number of selection images at which the bound of a cheaper
        row would be within the margin if differences stay as they are, since bounds approach
        differences as the root of the images grows. NaN if a cheaper row is taken already, or no
        number would do.
    """
    costs = table[priced(table[table.fit])].fillna(np.inf).to_numpy(float)
    sizes, errors, place = table["size"].to_numpy(), table.selection_error.to_numpy(), reference
    eligible = table.fit.to_numpy(bool) & (sizes <= sizes[reference]) & np.isfinite(costs)
    allowed = eligible & (difference.behind_high <= margin).to_numpy()
    while (cheaper := allowed & (costs <= (1 - SAVING) * costs[place])).any():
        place = int(np.lexsort([sizes, costs, np.where(cheaper, errors, np.inf)])[0])
    behind, high = difference.behind.to_numpy(), difference.behind_high.to_numpy()
    near = eligible & (costs <= (1 - SAVING) * costs[reference]) & (behind < margin)
    if place != reference or not near.any():
        return place, np.nan
    return place, float(
        np.ceil(n_images * (((high - behind) / (margin - behind))[near] ** 2).min())
    )


def evaluated(
    table: pd.DataFrame,
    members: pd.DataFrame,
    scorer: EnsembleErrors,
    selection: np.ndarray,
    evaluation: np.ndarray,
    resampling: Resampling,
) -> pd.DataFrame:
    """Errors, worst cases, costs and accuracies of the rows of `table` on the evaluation images, by
    its index."""
    conditions, level, parts = scorer.predictions[0].conditions, resampling.confidence, []
    half = Resampled(conditions, evaluation, resampling, {CLEAN: scorer.units(CLEAN)})
    units = half.units[CLEAN]
    for rows, of_size in by_size(table, members):
        errors, worst = np.empty((len(rows), len(evaluation))), []
        for place, ensemble in enumerate(of_size):
            wrong = scorer.wrong(ensemble, np.concatenate([selection, evaluation]))
            errors[place] = wrong[:, len(selection) :].mean(axis=0, dtype=np.float64)
            worst.append(worst_cases(scorer, wrong, selection, half))
        part, ends = pd.DataFrame(worst, rows), share(errors, units, level).ends
        part["corrupted_error"], part["low"], part["high"] = errors.mean(axis=1), *ends
        if scorer.costs is not None:
            costs = scorer.image_losses(of_size, evaluation)
            interval = share(costs, units, level, largest=scorer.costs.max())
            part = part.assign(**interval.columns("cost", costs.mean(axis=1)))
        part["clean_accuracy"] = scorer.accuracy(of_size, CLEAN, evaluation)
        if not units.alone:
            part[EFFECTIVE] = scorer.effective_images(of_size, CLEAN, evaluation, level)
        for test_set in scorer.further:
            everything = np.arange(len(scorer.labels(test_set)))
            effective = scorer.effective_images(of_size, test_set, everything, level)
            part = part.assign(
                **accuracies(
                    test_set, scorer.accuracy(of_size, test_set, everything), effective, level
                )
            )
        parts.append(part)
    return pd.concat(parts)


def worst_cases(
    scorer: EnsembleErrors, wrong: np.ndarray, selection: np.ndarray, half: Resampled
) -> dict[str, object]:
    """`WORST` of one ensemble: condition and class with its largest errors, and a quantile of
    errors.

    The largest of many errors is partly chance; so condition and class are chosen on one half of
    the images, and the errors in them are those on the other. The class is the one with the largest
    corrupted error, of those that both halves have, if there are any.

    Args:
        wrong: float32 C x (selection and evaluation images), from `EnsembleErrors.wrong`.
        half: the evaluation images.
    """
    labels, evaluation, counts = scorer.labels(CLEAN), half.images[CLEAN], half.counts[CLEAN]
    units, confidence = half.units[CLEAN], half.confidence
    before, after = wrong[:, : len(selection)], wrong[:, len(selection) :]
    worst = before.mean(axis=1, dtype=np.float64).argmax()
    condition = scorer.predictions[0].conditions.iloc[scorer.corrupted[worst]]
    # Sums of integers are exact in float64, so that the first of several classes with equal errors
    # is the worst.
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
    columns |= {"worst_class": worst_class, "quantile": scorer.quantile}
    columns |= share(in_class, units.of(of_class), confidence).columns(
        "worst_class_error", in_class.mean()
    )
    quantile, of_resamples = (
        np.quantile(values, scorer.quantile, axis=-1) for values in (errors, drawn)
    )
    reach = units.reach(confidence)
    of_quantile = share_of_variance(quantile, of_resamples.var(), units.number, confidence, reach)
    return columns | of_quantile.columns("quantile_error", float(quantile))
