"""Thresholds of confidence, below which a classifier abstains, that hold on new images by a guarantee.

They are those of conformal risk control (Angelopoulos et al., ICLR 2024): of a loss in 0..1 of each image that only
grows, or only falls, with the threshold, the mean over new images is at most the level, on average over the images
that the threshold is chosen on, if all images come from one distribution. An image with several conditions counts
once, by its mean over them.
"""

import numpy as np


def covering_threshold(confidence: np.ndarray, coverage: float) -> float:
    """The largest threshold at which new images are answered with a probability of `coverage` or more.

    Args:
        confidence: float C x N, of N images under C conditions.
        coverage: in 0..1.

    Returns:
        Images of at least this confidence are answered; 0 where there are too few images to abstain at all.
    """
    conditions, images = confidence.shape
    ordered = np.sort(confidence, axis=None)
    most = ((1 - coverage) * (images + 1) - 1) * conditions
    if most < -1e-9:
        return 0.0
    # Those before it abstain, unless they have the same confidence.
    return float(ordered[min(int(max(most, 0) + 1e-9), len(ordered) - 1)])


def limiting_threshold(confidence: np.ndarray, errors: np.ndarray, level: float) -> float:
    """The smallest threshold at which new images are answered, and wrongly, with a probability of `level` at most.

    Args:
        confidence: float C x N, of N images under C conditions.
        errors: float C x N, 1 where the answer is wrong.
        level: in 0..1.

    Returns:
        Images of at least this confidence are answered, all of them where it is 0; NaN where there are fewer than
        1 / `level` - 1 images, for which nothing is guaranteed.
    """
    conditions, images = confidence.shape
    most = (level * (images + 1) - 1) * conditions
    if most < -1e-9:
        return np.nan
    values, group = np.unique(-confidence, return_inverse=True)
    wrong = np.cumsum(np.bincount(group.ravel(), errors.ravel(), len(values)))
    allowed = np.searchsorted(wrong, most + 1e-9, side="right")
    if allowed == len(values):
        return 0.0
    return float(-values[allowed - 1]) if allowed else float(np.nextafter(-values[0], np.inf))
