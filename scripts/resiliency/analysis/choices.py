"""Selection among ensembles on one half of the test images, with evaluation on the other: what all choices share.

The best of thousands of ensembles looks better than it is on the images that it was selected on. Corrupted images are
test images (published sets have no others), so these are split: one half is for selection, and the other, which the
selection has not seen, evaluates it. `EnsembleErrors` has the objective under corruptions by which they are selected.

The one recommended costs less than the best and is shown to be hardly worse; no worse one is taken to save less than a
tenth of the cost. The best of many candidates is compared with each of the others on the selection images, in pairs.
The largest standardised deviation of these differences over all candidates, in resamples of the images, gives one
critical value for all comparisons (max-t; Romano and Wolf, Econometrica 2005), and upper bounds that hold for all of
them with the stated confidence. A candidate is not inferior if its bound is within a margin that is fixed beforehand
(Piaggio et al., JAMA 2012): that no difference was found is no evidence of a small one, least of all with few images.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN
from resiliency.base.streams import stream
from resiliency.data.split import sample_of_groups, stratified_sample
from resiliency.ensembles.combination import VOTE, member_weights
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.settings import Limits
from resiliency.metrics.classification import accuracies, near_chance
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import critical
from resiliency.statistics.resampling import Resampling, Units, resampled_counts

BEARABLE = {"clean": 0.1, "class": 0.5, "condition": 0.5}  # largest error of a model to use: clean, in the worst others
EFFECTIVE = "n_clean_effective_images"  # column of deployment.csv if images are grouped in units


def clean_accuracy(row: dict | pd.Series) -> dict[str, np.ndarray]:
    """The clean accuracy of a row of deployment.csv with the ends of its interval (Wilson's), under their names."""
    return accuracies(CLEAN, row["clean_accuracy"], row.get(EFFECTIVE, row["n_images"]), row["confidence"])


def priced(rows: pd.DataFrame) -> str:
    """The column that holds the cost of `rows`: macs, or size if no MACs are known."""
    return "macs" if rows["macs"].notna().any() else "size"


def known_rows(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows whose errors are known both on the selection images and on evaluation images."""
    return deployment.dropna(subset=["selection_error", "corrupted_error"])


def eligible(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be best: known ones whose members are all fit."""
    rows = known_rows(deployment)
    return rows[rows["fit"].astype(bool)]


def best_member(deployment: pd.DataFrame) -> pd.Series | None:
    """The best row of a single member; if an ensemble is recommended, of those that cost no more. None if none is.

    A member of unknown cost may be it.
    """
    rows = eligible(deployment)
    alone = rows[rows["size"] == 1]
    if len(alone) and (chosen := recommended_row(rows))["size"] > 1:
        alone = alone[~(alone[priced(rows)] > chosen[priced(rows)])]
    return best_row(alone) if len(alone) else None


def best_row(rows: pd.DataFrame) -> pd.Series:
    """The eligible row with the least selection_error; errors on evaluation images are unknown when one chooses."""
    return rows.loc[rows["selection_error"].idxmin()]


def shortcomings(row: dict | pd.Series) -> dict[str, float]:
    """The estimated errors of a row of deployment.csv with which no model should be used as it is, by name."""
    errors = {"clean": 1 - row["clean_accuracy"], "class": row["worst_class_error"], "condition": row["worst_error"]}
    return {name: error for name, error in errors.items() if error > BEARABLE[name]}


def recommended_row(rows: pd.DataFrame) -> pd.Series:
    """The row to deploy in place of the best of these eligible `rows` of deployment.csv."""
    return rows[rows["number"] == best_row(rows)["instead"]].iloc[0]


def halves(labels: np.ndarray, seed: int, units: Units | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the images on which ensembles are selected, and of the others, on which they are evaluated.

    Args:
        labels: int N.
        units: units of these images, none of which is split between the halves; None if each image is a unit.
    """
    selection = _half(labels, seed, units or Units.single(len(labels)))
    return selection, np.setdiff1d(np.arange(len(labels)), selection)


def _half(labels: np.ndarray, seed: int, units: Units) -> np.ndarray:
    """Sorted indices of about half of the images, in whole units; a class of one unit is in the other half."""
    if units.alone:
        return stratified_sample(labels, len(labels) // 2, seed, "deployment")
    selection = sample_of_groups(labels, units.of_image, len(labels) // 2, 1, seed, "deployment")
    if len(selection):
        return selection
    some = stream(seed, "deployment").permutation(units.number)[: units.number // 2]  # each is the only one of a class
    return np.flatnonzero(np.isin(units.of_image, some))


class Pool(NamedTuple):
    """Ensembles of one size, on the selection images.

    Attributes:
        ensembles: int E x size, positions of the members of each ensemble.
        objective: float64 E, value by which ensembles are selected; less is better.
        errors: float64 E, mean error over the conditions by which ensembles are selected.
    """

    ensembles: np.ndarray
    objective: np.ndarray
    errors: np.ndarray


def pools_of(
    members: pd.DataFrame, ensembles: pd.DataFrame, scored: EnsembleErrors, selection: np.ndarray, alone: np.ndarray
) -> dict[int, Pool]:
    """Size -> candidates of that size: single members, and all scored ensembles.

    Args:
        members: rows of members.csv, in the order of the predictions.
        ensembles: rows of ensembles.parquet of these members under one combination rule.
        scored: predictions of the members under that rule.
        selection: int, selection images.
        alone: int, members that are candidates by themselves.
    """
    groups = {1: alone[:, None]} if len(alone) else {}
    groups |= {of.shape[1]: np.sort(of, axis=1) for _, of in by_size(ensembles, members)}
    return {size: scored_pool(of, scored, selection) for size, of in groups.items()}


def scored_pool(ensembles: np.ndarray, scored: EnsembleErrors, selection: np.ndarray) -> Pool:
    """The `Pool` of ensembles (int E x size) on these images."""
    errors = scored.condition_errors(ensembles, selection)
    losses = errors if scored.costs is None else scored.condition_costs(ensembles, selection)
    return Pool(ensembles, scored.chosen_by(losses), errors.mean(axis=1))


def by_size(table: pd.DataFrame, members: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `table` by number of members, with the positions of their members: int E and int E x size."""
    position = {member: index for index, member in enumerate(members.member)}
    sizes = table["size"].to_numpy()
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        names = table.members.iloc[rows].str.split("+")
        yield rows, np.array([[position[member] for member in of_ensemble] for of_ensemble in names])


def deployable(
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    rule: str,
    objective: str,
    quantile: float,
    costs: np.ndarray | None = None,
) -> tuple[pd.DataFrame, EnsembleErrors]:
    """All members with predictions, of which ensembles may be deployed, and their errors.

    Args:
        members: members.csv.
        rule: combination rule; plurality vote replaces it if some members have decisions only.
        objective, quantile, costs: criterion of selection, passed to `EnsembleErrors`.
    """
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    return members, EnsembleErrors(in_order, member_weights(members), rule, objective, quantile, costs)


FAR_BELOW = 0.75
MARGIN, SHARE = 0.01, 0.1  # a cheaper model may be worse by a point, or a tenth of the error
SAVING = 0.1  # least share of the cost that is worth a worse model
SHORTLIST = 1000
GROUPS = 500
CHUNK = 50  # number of ensembles at a time


class Difference(NamedTuple):
    """Error of each of K candidates less that of one of them, float64 K each, with the ends of one-sided intervals.

    Attributes:
        low: the candidate is at least this much worse.
        high: the candidate is at most this much worse.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def fit_members(accuracies: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Members that are neither near chance nor far below the others, so that a deployed ensemble may have them; bool M.

    A member is far below the others if its clean accuracy, above that of the most frequent class, is less than
    `FAR_BELOW` of the median member's. If no member is left, all are fit.

    Args:
        accuracies: float M, accuracy on clean selection images.
        labels: int N, labels of these images.
    """
    above = accuracies - np.bincount(labels).max() / len(labels)
    fit = (above >= FAR_BELOW * np.median(above)) & ~np.array([near_chance(a, labels) for a in accuracies])
    return fit if fit.any() else np.ones(len(fit), bool)


def drawn_errors(
    scored: EnsembleErrors, ensembles: list[np.ndarray], images: np.ndarray, resampling: Resampling
) -> np.ndarray:
    """The objective of K ensembles (int size each) in each resample of the `images`; float64 K x R.

    Units of images are drawn; more than `GROUPS` of them in random groups of equal size, whose means vary as much.
    """
    units = scored.units(CLEAN).of(images)
    groups = np.arange(units.number) % GROUPS
    groups = stream(resampling.seed, "groups of images").permutation(groups) if len(groups) > GROUPS else groups
    groups = groups[units.of_image]
    counts = resampled_counts(
        groups.max() + 1, resampling.resamples, resampling.seed, "comparison with the best", alone=units.alone
    )
    drawn_images = (counts @ np.bincount(groups)).astype(np.float32)
    drawn, sizes = np.empty((len(ensembles), len(counts))), np.array([len(ensemble) for ensemble in ensembles])
    counts, of_mean = counts.T.astype(np.float32), scored.objective in ("mean", "cost")
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        several = len(rows) if of_mean else CHUNK
        for start in range(0, len(rows), several):
            some = rows[start : start + several]
            losses = scored.losses_in_groups(np.stack([ensembles[row] for row in some]), images, groups)
            parts = [_mean(losses)] if of_mean else list(losses)  # the mean of the resamples, for less work
            for row, of_row in zip(some, np.stack(parts, axis=1), strict=True):
                drawn[row] = scored.chosen_by((of_row @ counts / drawn_images).T)
    return drawn


def _mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, only one of which is in memory at a time."""
    total, count = np.zeros((), np.float32), np.float32(0)
    for array in arrays:
        total, count = total + array, count + np.float32(1)
    return total / count


def differences(errors: np.ndarray, drawn: np.ndarray, reference: int, units: Units, confidence: float) -> Difference:
    """Differences of K candidates from the one at `reference`, simultaneous for all of them.

    Args:
        errors: float K, error of each candidate.
        drawn: float K x R, error in each resample, the same resamples for all candidates.
        units: units of the images that are resampled.
        confidence: probability that no difference exceeds its `high`, and that none is below its `low`.
    """
    value = errors - errors[reference]
    deviations = drawn - drawn[reference] - value[:, None]
    spread = deviations.std(axis=1)
    # By chance the truly best may look as much worse than the reference as others look better.
    reach = critical(-deviations.T, spread, confidence, units)
    return Difference(value, value - reach * spread, value + reach * spread)


def margin_of(error: float, margin: float | None, objective: str) -> float:
    """How much worse than a model with this error, or cost, a cheaper one may be.

    It is `margin`, or by default `SHARE` of the error, and no more than `MARGIN`, which does not limit costs.
    """
    if margin is not None:
        return margin
    return SHARE * error if objective == "cost" else min(MARGIN, SHARE * error)


class Instead(NamedTuple):
    """The position of the row to deploy instead of another, and the number of images for a cheaper one.

    Attributes:
        n_images: number of selection images at which the bound of a cheaper row would be within the margin if
            differences stay as they are; NaN if a cheaper row is chosen already, or no number would do.
    """

    place: int
    n_images: float


def cheapest(table: pd.DataFrame, difference: Difference, reference: int, margin: float, n_images: int) -> Instead:
    """The row to deploy instead of that at `reference`: it is fit and, by its upper bound, worse by at most `margin`.

    It has no more members. Of these rows the one with the least error that saves at least `SAVING` of the cost is
    taken, then again instead of that one, until none does: none is taken for less. The cost is MACs, or the number of
    members if no MACs are known. A row whose cost is unknown is taken only if it is the reference and no row of known
    cost will do. Ties go to the smaller cost, then to fewer members.

    Args:
        table: rows with fit, size, macs and selection_error.
        difference: differences of the rows from the reference.
        margin: 0 or more, in units of the objective.
        n_images: number of units over which the differences are means.
    """
    costs = table[priced(table[table.fit])].fillna(np.inf).to_numpy(float)
    sizes, errors, place = table["size"].to_numpy(), table.selection_error.to_numpy(), reference
    eligible = table.fit.to_numpy(bool) & (sizes <= sizes[reference]) & np.isfinite(costs)
    allowed = eligible & (difference.high <= margin)
    while (cheaper := allowed & (costs <= (1 - SAVING) * costs[place])).any():
        place = int(np.lexsort([sizes, costs, np.where(cheaper, errors, np.inf)])[0])
    cheaper = eligible & (costs <= (1 - SAVING) * costs[reference])
    return Instead(place, _images_needed(difference, cheaper, margin, n_images) if place == reference else np.nan)


def _images_needed(difference: Difference, cheaper: np.ndarray, margin: float, n_images: int) -> float:
    """`Instead.n_images`, of rows that are `cheaper`: bounds approach differences as the root of the images grows."""
    room = margin - difference.value[cheaper]
    if not (room > 0).any():
        return np.nan
    reach = (difference.high - difference.value)[cheaper]
    return float(np.ceil(n_images * ((reach / room)[room > 0] ** 2).min()))


def within_limits(candidates: pd.DataFrame, limits: Limits) -> np.ndarray:
    """Whether each candidate is fit and within the limits of cost, bool K; False if its cost is unknown.

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
                    f"deployment.limits.{key}: expected a limit that some fit model keeps, got {most:,.10g}; {remedy}"
                )
            within = kept
    return within


def limit_columns(limits: Limits) -> dict[str, float]:
    """Columns of deployment.csv that repeat the limits which the study sets."""
    return {f"limit_{key}": most for key, most in limits if most is not None}


def shortlist(candidates: pd.DataFrame, picked: np.ndarray) -> np.ndarray:
    """Positions of the candidates that are compared: those `picked` (bool) and the `SHORTLIST` with the least error."""
    fit = np.flatnonzero(candidates.fit)
    best = fit[np.argsort(candidates.selection_error.to_numpy()[fit], kind="stable")[:SHORTLIST]]
    return np.union1d(np.flatnonzero(picked), best)
