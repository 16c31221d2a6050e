"""Studies of observation 1a whose closeness is known: designs in families, all studies of a
situation at once."""

from functools import cache
from typing import NamedTuple

import numpy as np

from resiliency.analysis.left_out import p_values
from resiliency.analysis.observations.architecture import FAMILIES, MARGIN, WITHIN
from resiliency.analysis.verdicts import NOT_TESTED, decide
from resiliency.statistics.closeness import CONTESTS, Families, replicates, share_within
from resiliency.statistics.intervals import FISHER

CONFIDENCE = 0.95
POOLS = {  # designs of each family
    "8 families of 2": (2,) * 8,  # as digits and cifar10_cpu
    "8 families of 3": (3,) * 8,
    "16 families of 3": (3,) * 16,
    "24 families of 3": (3,) * 24,
    "14 families of 1 to 22": (22, 16, 8, 6, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1),  # as imagenet_published
}
# Distributions.
WORDS = {"normal": "normal", "t3": "t₃", "skewed": "skewed", "failing": "one failing in ten"}
FAILURE = 5.0  # standard deviations of the others by which a failing training errs more
PAIRS = 50_000  # pairs of designs that a truth is computed from


class Effects(NamedTuple):
    """Standard deviations of what moves the error: family, size, clean accuracy and chance."""

    family: float
    size: float
    accuracy: float
    noise: float = 0.7


# (distribution, share between families) -> effects of size and accuracy at which closeness is 0
# against both, and at which it is at the margin.
AT_ZERO = {("normal", 0.5): 1.703, ("normal", 0.8): 4.062, ("t3", 0.5): 1.361, ("t3", 0.8): 2.936}
AT_ZERO |= {("skewed", 0.5): 1.486}
AT_MARGIN = {("normal", 0.5): 0.984, ("t3", 0.5): 0.685}


def standard(random: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of mean 0 and variance 1: normal, Student's t with 3 degrees of freedom, exponential,
    or failing ones."""
    if kind == "failing":
        failed = random.standard_normal(shape) + FAILURE * (random.random(shape) < 0.1)
        return (failed - 0.1 * FAILURE) / np.sqrt(1 + 0.09 * FAILURE**2)
    if kind == "t3":
        return random.standard_t(3, shape) / np.sqrt(3)
    return random.exponential(1, shape) - 1 if kind == "skewed" else random.standard_normal(shape)


def drawn(
    random: np.random.Generator,
    effects: Effects,
    between: float,
    kind: str,
    sizes: tuple[int, ...],
    studies: int,
) -> np.ndarray:
    """Studies as `resiliency.statistics.closeness` takes them, float studies x n x 3.

    Args:
        between: share of the variance of size, and of accuracy, that lies between families.
        kind: of the distribution of what families have in common; all else is normal.
    """
    family, count = np.repeat(np.arange(len(sizes)), sizes), len(sizes)
    predictors = [
        np.sqrt(between) * standard(random, kind, (studies, count))[:, family]
        + np.sqrt(1 - between) * random.standard_normal((studies, len(family)))
        for _ in range(2)
    ]
    error = effects.family * standard(random, kind, (studies, count))[:, family]
    error += effects.size * predictors[0] + effects.accuracy * predictors[1]
    return np.stack(
        [*predictors, error + effects.noise * random.standard_normal(error.shape)], axis=2
    )


@cache
def truth(effects: Effects, between: float, kind: str) -> tuple[float, float]:
    """closeness of family against size and against accuracy, as infinitely many families have
    it."""
    random = np.random.default_rng(0)
    values = [drawn(random, effects, between, kind, (2,), PAIRS) for _ in range(2)]
    slopes = np.array([effects.size, effects.accuracy])
    deltas = []
    for own, other in ((0, 1), (1, 0)):
        contests = []
        for allowed in ((own,), (own, other)):
            left = [v[:, :, 2] - v[:, :, list(allowed)] @ slopes[list(allowed)] for v in values]
            further = [index for index in allowed if index != own]
            inside = values[0][:, :, 2] - values[0][:, :, further] @ slopes[further]
            contests.append(_greater(left[0][:, 0] - left[1][:, 0], inside[:, 0] - inside[:, 1]))
        deltas.append(np.mean(contests))
    return float(deltas[0]), float(deltas[1])


def _greater(across: np.ndarray, within: np.ndarray) -> float:
    """P(|across| > |within|) - P(|across| < |within|)."""
    across, within = np.sort(np.abs(across)), np.abs(within)
    return float(1 - 2 * np.mean(np.searchsorted(across, within)) / len(across))


def verdicts(
    random: np.random.Generator,
    effects: Effects,
    between: float,
    kind: str,
    pool: str,
    studies: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of `architecture_matters_more`, without its placebo, on so many studies, str S,
    and of its part."""
    sizes = POOLS[pool]
    families = Families.of(np.repeat(np.arange(len(sizes)), sizes))
    values = drawn(random, effects, between, kind, sizes, studies)
    of_all = FISHER.to(replicates(values, families, CONTESTS[:1]))
    errors = np.sqrt((len(sizes) - 1) * of_all[:, 1:].var(axis=1))
    p = p_values(of_all[:, 0], errors, families.large - 1, float(FISHER.to(MARGIN)))
    reached, each = decide(p, 1 - CONFIDENCE)
    tested = (share_within(values, families)[:, 0] >= WITHIN) & (families.large >= FAMILIES)
    return np.where(tested, reached, NOT_TESTED), np.where(tested[:, None], each, NOT_TESTED)
