"""Observation 3: corruption error of balanced joint training, less that of both ends, paired by seed."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation

SEEDS = 2
SEEDS_ALONE = 5  # from so many seeds on, their own spread is known well enough; with fewer it is pooled
UNLIKE = 1.5  # times the pooled variance: what differences vary by where one of four settings spreads twice as much
ENDS = {0.0: "independent training", 1.0: "ensemble loss alone"}


class Spread(NamedTuple):
    """Variance between seeds of a setting's error, with seeds paired: of one seed, and its degrees of freedom."""

    variance: float
    freedom: int


def balance_is_most_resilient(image_errors: pd.DataFrame, members: int, margin: float) -> Observation:
    """Test observation 3: a balanced joint loss gives the most robust ensembles.

    The statistics are the corrupted error of the balanced objective at 0 < lambda < 1 minus the error at lambda 0
    (independent training), and minus the error at lambda 1 (only the ensemble's loss), from -1 to 1, paired by seed.
    The balanced setting is the mean over all weights strictly between 0 and 1. With five or more seeds, the variance
    between seeds is that of the paired differences. With fewer, it is the residual variance of settings and seeds,
    pooled over all joint settings of any objective, times `UNLIKE`, because settings may differ in variance. The
    variance over images of the mean difference is added.

    Args:
        image_errors: one row per jointly trained ensemble and image. Columns: objective; loss_weight, lambda;
            seed; image; error, the share of corrupted conditions that the ensemble gets wrong, 0 to 1.
        members: number of members trained with the objective balanced.
        margin: largest negligible difference of corrupted error.

    Returns:
        The statistics, for `observation_table`; `missing` names what the rule needs and the tables do not have, if any.
    """
    errors = image_errors.set_index(["objective", "loss_weight", "seed", "image"]).error.unstack()
    of_balanced = errors[errors.index.get_level_values("objective") == "balanced"].droplevel("objective")
    balanced = {
        loss_weight: of_weight.droplevel("loss_weight") for loss_weight, of_weight in of_balanced.groupby("loss_weight")
    }
    middles = sorted(loss_weight for loss_weight in balanced if 0 < loss_weight < 1)
    seeds = _common_seeds(balanced, [*middles, *ENDS]) if middles else []
    parts, resampled, missing = [], "seeds and images", ""
    if len(seeds) >= SEEDS:
        between = np.mean([balanced[loss_weight].loc[seeds].to_numpy() for loss_weight in middles], axis=0)
        pooled = _pooled_spread(_trained_apart(errors)) if len(seeds) < SEEDS_ALONE else None
        for end, name in ENDS.items():
            difference = between - balanced[end].loc[seeds].to_numpy()
            weights = ", ".join(f"{weight:g}" for weight in middles)
            comparison = f"lambda = {weights} against lambda = {end:g} ({name})"
            parts.append(_part(comparison, difference, len(middles), pooled))
        if pooled:
            resampled += f"; variance of seeds pooled over {pooled[1]} joint settings, taken {UNLIKE:g} times"
    else:
        missing = f"needs {SEEDS} seeds of objective balanced at lambda 0, 1 and between"
    return Observation(
        number=3,
        statement="A loss that balances individual and ensemble accuracy gives the most resilient jointly trained "
        "ensembles.",
        statistic="difference of corrupted error",
        sign=-1,
        margin=margin,
        unit="seeds",
        minimum=SEEDS,
        resampled=resampled,
        parts=parts,
        missing=missing,
        designs=0,
        members=members if parts else 0,
        ensembles=len(of_balanced) if parts else 0,
        images=len(of_balanced.columns) if parts else 0,
    )


def _common_seeds(balanced: dict[float, pd.DataFrame], loss_weights: list[float]) -> list:
    """The seeds that there are at all weights."""
    return sorted(set.intersection(*(set(balanced[s].index) if s in balanced else set() for s in loss_weights)))


def _trained_apart(errors: pd.DataFrame) -> pd.DataFrame:
    """`errors` with one objective alone at lambda 0, where all of them train alike."""
    index = errors.index.to_frame()
    return errors[~((index["loss_weight"] == 0) & index.duplicated(["loss_weight", "seed"]))]


def _pooled_spread(errors: pd.DataFrame) -> tuple[Spread, int]:
    """The spread of seeds over all settings, and how many settings those are: those with the seeds that most have."""
    means = errors.mean(axis=1).unstack("seed")
    means = means[means.notna().sum(axis=1) == means.notna().sum(axis=1).max()].dropna(axis=1).to_numpy()
    settings, seeds = means.shape
    residual = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (settings - 1) * (seeds - 1)
    return Spread(float((residual**2).sum() / freedom), freedom), settings


def _part(name: str, difference: np.ndarray, middles: int, pooled: tuple[Spread, int] | None) -> Part:
    """The comparison with one end, from differences float seeds x images with the mean of so many weights."""
    seeds, images = difference.shape
    if pooled:
        (variance, freedom), settings = pooled
        variance *= 1 + 1 / middles
    else:
        variance, freedom, settings = difference.mean(axis=1).var(ddof=1), seeds - 1, 2

    def error_of(count: int) -> tuple[float, float]:
        """Standard error and degrees of freedom with so many seeds, `settings` of which are pooled below five."""
        own = freedom if count == seeds else (count - 1) * (settings - 1 if count < SEEDS_ALONE else 1)
        return np.sqrt(variance / count * (UNLIKE if pooled and count < SEEDS_ALONE else 1)), own

    part = Part(name, float(difference.mean()), *error_of(seeds), units=seeds, planned=error_of)
    return part.with_images(difference.mean(axis=0).var(ddof=1) / images, images - 1)
