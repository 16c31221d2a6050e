"""Members whose figures say little: what training failed of, or what too few images tell."""

import numpy as np

NEAR = 0.1  # share of the way from chance to no error that a member must have gone
FEWEST_STEPS = 100
FEWEST_IMAGES = 100
NEAR_CHANCE, FEW_STEPS, FEW_IMAGES = "near chance", "few optimisation steps", "few test images"


def member_warnings(accuracy: float, labels: np.ndarray, steps: int | None) -> list[str]:
    """What to beware of in the figures of a member: some of NEAR_CHANCE, FEW_STEPS and FEW_IMAGES.

    Args:
        accuracy: on the clean test images.
        labels: int N, of these images.
        steps: of the optimiser, or None for a member that was not trained here.
    """
    warnings = {
        NEAR_CHANCE: near_chance(accuracy, labels),
        FEW_STEPS: steps is not None and steps < FEWEST_STEPS,
        FEW_IMAGES: len(labels) < FEWEST_IMAGES,
    }
    return [warning for warning, holds in warnings.items() if holds]


def near_chance(accuracy: float, labels: np.ndarray) -> bool:
    """Whether a member is hardly better than to answer the most frequent class always.

    So it is if it has not gone `NEAR` of the way from there to no error, or lies within two standard errors of it.

    Args:
        accuracy: of the member, 0 to 1.
        labels: int N, 0 up.
    """
    chance = np.bincount(labels).max() / len(labels)
    error = np.sqrt(chance * (1 - chance) / len(labels))
    return bool(accuracy < chance + max(NEAR * (1 - chance), 2 * error))
