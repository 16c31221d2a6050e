"""Resiliency to corruptions, relative to a baseline (Hendrycks and Dietterich, ICLR 2019)."""

import numpy as np
import pandas as pd

# Relative standard error above which the US National Center for Health Statistics calls an estimate unreliable (Klein
# et al., Statistical Notes 24, 2002); a ratio to a denominator that is known less well says little.
LARGEST_RELATIVE_ERROR = 0.3
# Mean top-1 error over severities 1 to 5 on ImageNet-C (Hendrycks et al., AugMix, ICLR 2020, published code).
ALEXNET_ERRORS = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
PUBLISHED_ERRORS = {"alexnet": ALEXNET_ERRORS}  # baselines that are no members


def corruption_errors(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """CE of each corruption: its error as a fraction of the baseline's, both averaged over severities.

    Args:
        errors, baseline: ... x corruptions, top-1 error averaged over severities.

    Returns:
        ... x corruptions; NaN where the baseline makes no error, since the ratio is not defined there.
    """
    return np.divide(errors, baseline, out=np.full(np.broadcast(errors, baseline).shape, np.nan), where=baseline > 0)


def mean_corruption_error(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Compute mCE: mean over corruptions of the error relative to the baseline (Hendrycks and Dietterich 2019).

    Args:
        errors: floats ... x corruptions, in 0..1: top-1 error under each corruption, averaged over severities.
        baseline: errors of the baseline, in 0..1; broadcast against `errors`.

    Returns:
        float64 of the leading shape, 0 or more; 1 for the baseline. NaN if the baseline makes no error under some
        corruption.
    """
    return corruption_errors(errors, baseline).mean(axis=-1)


def relative_mean_corruption_error(
    errors: np.ndarray, clean: float, baseline: np.ndarray, baseline_clean: float
) -> np.ndarray:
    """Relative mCE: as mCE, but of the errors in excess of those on clean images.

    NaN if the baseline loses nothing, or gains, under a corruption: the ratio is not defined there.
    """
    return mean_corruption_error(errors - clean, baseline - baseline_clean)


def baseline_errors(errors: pd.DataFrame, baseline: str, corruptions: list[str]) -> np.ndarray:
    """Top-1 error of the baseline under each corruption, averaged over severities; float64, one per corruption.

    Args:
        errors: table corruption_errors.csv.
        baseline: name of a member, or of `PUBLISHED_ERRORS`.
        corruptions: names of the corruptions, in the order of the result.
    """
    if baseline in PUBLISHED_ERRORS:
        return np.array([PUBLISHED_ERRORS[baseline][corruption] for corruption in corruptions])
    means = errors[errors.member == baseline].groupby("corruption").error.mean()
    return means[corruptions].to_numpy()
