"""Accuracy on each set of images: the columns that hold it, and its interval."""

import re

import numpy as np
import pandas as pd
from scipy.special import ndtri

from resiliency.base.names import accuracy_of, mean_member_accuracy_of

MEAN_ACCURACY = re.compile(mean_member_accuracy_of("(.*)"))


def images_of(table: pd.DataFrame) -> list[str]:
    """Names of the images that `table` tells accuracies on.

    Those of ensembles.parquet are clean, corrupted and the further test sets, those of by_corruption.parquet the
    corruptions.
    """
    return [match[1] for match in map(MEAN_ACCURACY.fullmatch, table) if match]


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{accuracy_of(test_set)}{suffix}" for suffix in ("", "_low", "_high")]


def accuracies(test_set: str, shares: np.ndarray, images: float, confidence: float) -> dict[str, np.ndarray]:
    """The columns of `accuracy_columns`, of the shape of `shares` each.

    Args:
        shares: float64, of the images of the test set that are answered rightly; a tie may count in part.
        images: their number; NaN where it is not known, nor is the interval.
        confidence: of the interval.
    """
    return dict(zip(accuracy_columns(test_set), (shares, *wilson(shares, images, confidence)), strict=True))


def wilson(shares: np.ndarray, images: float | np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of the interval of a proportion, float64 in 0..1, of the shape of `shares`.

    Wilson, Journal of the American Statistical Association 22, 1927.

    Args:
        shares: float64 in 0..1.
        images: the number of images that each is a share of; NaN if it is not known.
        confidence: nominal coverage.
    """
    square = ndtri((1 + confidence) / 2) ** 2 / images
    middle = shares + square / 2
    half = np.sqrt(square * (shares * (1 - shares) + square / 4))
    return np.clip((middle - half) / (1 + square), 0, 1), np.clip((middle + half) / (1 + square), 0, 1)


def wilson_of_means(
    means: np.ndarray, variances: np.ndarray, images: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """As `wilson`, of means over images that are no proportions: of as many images as would give one the same variance.

    Args:
        means: float64 in 0..1.
        variances: of these means, of the same shape; where they are 0, or means are 0 or 1, all images count.
    """
    of_one = means * (1 - means)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where((variances > 0) & (of_one > 0), of_one / variances, images)
    return wilson(means, effective, confidence)
