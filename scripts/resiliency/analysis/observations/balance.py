"""Observation 3: corruption error of balanced joint training, less that of both ends, paired by seed."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation

SEEDS = 2
SEEDS_ALONE = 5  # from so many seeds on, their own spread is known well enough; with fewer it is pooled
ENDS = {0.0: "independent training", 1.0: "ensemble loss alone"}


class Spread(NamedTuple):
    """Variance between seeds of a setting's error, with seeds paired: of one seed, and its degrees of freedom."""

    variance: float
    freedom: int


def balance_is_most_resilient(image_errors: pd.DataFrame, members: int, margin: float) -> Observation:
    """Mean corruption error of the balanced objective at 0 < lambda < 1, less that at lambda 0, and at 1.

    The balanced setting is the mean over all strengths strictly between 0 and 1; lambda 0 is independent training, 1
    the ensemble's loss alone. From five seeds on, the spread between seeds is that of the paired differences. With
    fewer it is pooled over all joint settings of the study, whatever their objective, on the assumption that it is
    alike: the residual variance of settings and seeds. The variance over images of the mean difference is added to it;
    degrees of freedom are Welch and Satterthwaite's (Biometrics Bulletin 2, 1946).

    Args:
        image_errors: a row per jointly trained ensemble and image: objective, strength, seed, image, and error, the
            share of corrupted conditions that the ensemble gets wrong.
        members: number of members trained with the objective `balanced`.
        margin: difference of mean corruption error that counts as none.
    """
    balanced = image_errors[image_errors.objective == "balanced"]
    middles = sorted(s for s in balanced.strength.unique() if 0 < s < 1)
    seeds = _common_seeds(balanced, [*middles, *ENDS]) if middles else []
    parts, resampled, lacking = [], "seeds and images", ""
    if len(seeds) >= SEEDS:
        chosen = balanced[balanced.seed.isin(seeds)]
        pooled = _pooled(image_errors) if len(seeds) < SEEDS_ALONE else None
        parts = [_part(chosen, middles, end, name, pooled) for end, name in ENDS.items()]
        if pooled:
            resampled += f"; spread of seeds pooled over {pooled[1]} joint settings, assumed to be alike"
    else:
        lacking = f"needs {SEEDS} seeds of objective balanced at lambda 0, 1 and between"
    return Observation(
        number=3,
        statement="A loss that balances individual and ensemble accuracy gives the most resilient jointly trained "
        "ensembles.",
        statistic="difference of mean corruption error",
        sign=-1,
        margin=margin,
        unit="seeds",
        minimum=SEEDS,
        resampled=resampled,
        parts=parts,
        lacking=lacking,
        designs=0,
        members=members if parts else 0,
        ensembles=len(balanced.groupby(["strength", "seed"])) if parts else 0,
        images=balanced.image.nunique() if parts else 0,
    )


def _common_seeds(balanced: pd.DataFrame, strengths: list[float]) -> list:
    """The seeds that there are at all strengths."""
    of_strength = [set(balanced.seed[balanced.strength == strength]) for strength in strengths]
    return sorted(set.intersection(*of_strength))


def _pooled(errors: pd.DataFrame) -> tuple[Spread, int]:
    """The spread of seeds over all settings, and how many settings those are: those with the seeds that most have."""
    means = errors.pivot_table(values="error", index=["objective", "strength"], columns="seed", aggfunc="mean")
    means = means[means.notna().sum(axis=1) == means.notna().sum(axis=1).max()].dropna(axis=1).to_numpy()
    settings, seeds = means.shape
    residual = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (settings - 1) * (seeds - 1)
    return Spread(float((residual**2).sum() / freedom), freedom), settings


def _part(
    balanced: pd.DataFrame, middles: list[float], end: float, name: str, pooled: tuple[Spread, int] | None
) -> Part:
    """The comparison with one end, from rows of the seeds that are compared."""
    between = _by_seed_and_image(balanced[balanced.strength.isin(middles)])
    difference = (between - _by_seed_and_image(balanced[balanced.strength == end])).to_numpy()
    seeds, images = difference.shape
    of_images = difference.mean(axis=0).var(ddof=1) / images
    if pooled:
        (variance, freedom), settings = pooled
        variance *= 1 + 1 / len(middles)
    else:
        variance, freedom, settings = difference.mean(axis=1).var(ddof=1), seeds - 1, 2

    def error_of(count: int) -> tuple[float, float]:
        """Standard error and degrees of freedom with so many seeds, `settings` of which are pooled below five."""
        if count == seeds:
            of_seeds, own = variance / count, freedom
        else:
            own = (count - 1) * (settings - 1 if count < SEEDS_ALONE else 1)
            of_seeds = variance / count
        total = of_seeds + of_images
        if total == 0:
            return 0.0, own
        return np.sqrt(total), total**2 / (of_seeds**2 / own + of_images**2 / (images - 1))

    error, degrees = error_of(seeds)
    share = of_images / error**2 if error else np.nan
    told = f"0 < lambda < 1 against lambda = {end:g} ({name})"
    return Part(told, float(difference.mean()), error, degrees, units=seeds, planned=error_of, image_share=share)


def _by_seed_and_image(errors: pd.DataFrame) -> pd.DataFrame:
    return errors.pivot_table(values="error", index="seed", columns="image", aggfunc="mean")
