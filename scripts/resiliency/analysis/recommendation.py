"""Which candidate to deploy: the cheapest that is shown to be hardly worse than the best.

The best of many candidates is compared with each of the others on the selection images, in pairs. The largest
standardised deviation of these differences over all candidates, in resamples of the images, gives one critical value
for all comparisons (max-t; Romano and Wolf, Econometrica 2005), and upper bounds that hold for all of them with the
stated confidence. A candidate is not inferior if its bound is within a margin that is fixed beforehand (Piaggio et al.,
JAMA 2012): that no difference was found is no evidence of a small one, least of all with few images.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import LATENCY, priced
from resiliency.analysis.left_out import Resampling
from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN
from resiliency.base.streams import stream
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.settings import Limits
from resiliency.reliability import near_chance
from resiliency.statistics.units import resampled_counts

FAR_BELOW = 0.75
MARGIN, SHARE = 0.01, 0.1  # by which a cheaper model may be worse: a point, or a tenth of the error
SHORTLIST = 1000
GROUPS = 500
CHUNK = 50  # ensembles


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
    """Members that ensembles to deploy may have, bool M: neither near chance nor far below the others.

    A member is far below the others if its clean accuracy, above that of the most frequent class, is less than
    `FAR_BELOW` of the median member's. If no member is left, all are fit.

    Args:
        accuracies: float M, on clean selection images.
        labels: int N, of these images.
    """
    above = accuracies - np.bincount(labels).max() / len(labels)
    fit = (above >= FAR_BELOW * np.median(above)) & ~np.array([near_chance(a, labels) for a in accuracies])
    return fit if fit.any() else np.ones(len(fit), bool)


def drawn_errors(
    scored: EnsembleErrors, ensembles: list[np.ndarray], images: np.ndarray, resampling: Resampling
) -> np.ndarray:
    """The objective of K ensembles (int size each) in each resample of the `images`; float64 K x R.

    Units of images are drawn; more than `GROUPS` in random groups of as many, whose means vary as much.
    """
    units = scored.units(CLEAN).of(images)
    groups = np.arange(units.number) % GROUPS
    groups = stream(resampling.seed, "groups of images").permutation(groups) if len(groups) > GROUPS else groups
    groups = groups[units.of_image]
    counts = resampled_counts(groups.max() + 1, resampling.resamples, resampling.seed, "comparison with the best")
    drawn_images = (counts @ np.bincount(groups)).astype(np.float32)
    drawn, sizes = np.empty((len(ensembles), len(counts))), np.array([len(ensemble) for ensemble in ensembles])
    counts, of_mean = counts.T.astype(np.float32), scored.objective in ("mean", "cost")
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        several = len(rows) if of_mean else CHUNK
        for start in range(0, len(rows), several):
            some = rows[start : start + several]
            losses = scored.losses_in_groups(np.stack([ensembles[row] for row in some]), images, groups)
            if of_mean:  # the mean of the resamples, for less work
                losses = [_mean(losses)]
            for row, of_row in zip(some, np.stack(list(losses), axis=1), strict=True):
                drawn[row] = scored.chosen_by((of_row @ counts / drawn_images).T)
    return drawn


def _mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, of which one is in memory at a time."""
    total = count = np.float32(0)
    for array in arrays:
        total, count = total + array, count + np.float32(1)
    return total / count


def differences(errors: np.ndarray, drawn: np.ndarray, reference: int, confidence: float) -> Difference:
    """Differences of K candidates from the one at `reference`, simultaneous for all of them.

    Args:
        errors: float K.
        drawn: float K x R, the same in each resample.
        confidence: that no difference lies above its `high`; likewise for `low`.
    """
    value = errors - errors[reference]
    deviations = drawn - drawn[reference] - value[:, None]
    spread = deviations.std(axis=1)
    known = spread > 0
    reach = 0.0
    if known.any():
        # As much as others look better than the reference by chance, the truly best may look worse than the reference.
        reach = np.quantile((-deviations[known] / spread[known, None]).max(axis=0), confidence)
    return Difference(value, value - reach * spread, value + reach * spread)


def margin_of(error: float, margin: float | None, objective: str) -> float:
    """How much worse than a model with this error, or cost, a cheaper one may be.

    It is `margin`, or by default `SHARE` of the error, and no more than `MARGIN`, which does not limit costs.
    """
    if margin is not None:
        return margin
    return SHARE * error if objective == "cost" else min(MARGIN, SHARE * error)


class Instead(NamedTuple):
    """What to deploy in place of a row, by its position, and with how many images that could be a cheaper one.

    Attributes:
        images: of the choice, with which the bound of some cheaper row would be within the margin, if differences stay;
            NaN where a cheaper row already is, or where no number of images would do.
    """

    place: int
    images: float


def cheapest(
    table: pd.DataFrame, difference: Difference, reference: int, margin: float, images: int, cost: str = "macs"
) -> Instead:
    """The cheapest row that is fit and worse by at most `margin`, by its upper bound, than that at `reference`.

    It has no more members. A row whose cost is unknown is taken only if it is the reference and no row of known cost
    will do. Of equals, fewer members count, then the smaller error.

    Args:
        table: rows with fit, size, macs and selection_error, perhaps with latency_ms.
        difference: theirs from the reference.
        margin: 0 or more, in units of the objective.
        images: number of units that the differences are means over.
        cost: its column; members count where no cost is known.
    """
    costs = table[priced(table[table.fit], cost)].to_numpy(float)
    eligible = table.fit.to_numpy(bool) & (table["size"] <= table["size"].iloc[reference]).to_numpy()
    eligible &= costs <= costs[reference] if np.isfinite(costs[reference]) else np.isfinite(costs)
    allowed, place = np.flatnonzero(eligible & (difference.high <= margin)), reference
    if len(allowed):
        order = np.lexsort([table.selection_error.iloc[allowed], table["size"].iloc[allowed], costs[allowed]])
        place = int(allowed[order[0]])
    cheaper = eligible & (costs < costs[reference])
    return Instead(place, _images_needed(difference, cheaper, margin, images) if place == reference else np.nan)


def _images_needed(difference: Difference, cheaper: np.ndarray, margin: float, images: int) -> float:
    """`Instead.images`, of rows that are `cheaper`: bounds approach differences as the root of the images grows."""
    room = margin - difference.value[cheaper]
    if not (room > 0).any():
        return np.nan
    reach = (difference.high - difference.value)[cheaper]
    return float(np.ceil(images * ((reach / room)[room > 0] ** 2).min()))


def within_limits(candidates: pd.DataFrame, limits: Limits) -> np.ndarray:
    """Whether each candidate is fit and costs at most what is allowed, bool K; not if its cost is unknown.

    Args:
        candidates: with fit, size and macs, and with latency_ms if milliseconds are limited.

    Raises:
        Fault: none does.
    """
    within = candidates["fit"].to_numpy(bool)
    for key, column in (("members", "size"), ("macs", "macs"), ("milliseconds", LATENCY)):
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
