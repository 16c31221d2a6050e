"""Accuracy on each set of images: the columns that hold it, and its interval."""

import re

import pandas as pd
from scipy.stats import binomtest

MEAN_ACCURACY = re.compile("mean_member_(.*)_accuracy")


def images_of(table: pd.DataFrame) -> list[str]:
    """Names of the images that `table` tells accuracies on.

    Those of ensembles.parquet are clean, corrupted and the further test sets, those of by_corruption.parquet the
    corruptions.
    """
    return [match[1] for match in map(MEAN_ACCURACY.fullmatch, table) if match]


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{test_set}_accuracy{suffix}" for suffix in ("", "_low", "_high")]


def wilson(right: int, images: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval (1927) of the probability of a right answer, of which there are `right` on `images`."""
    interval = binomtest(right, images).proportion_ci(confidence, method="wilson")
    return interval.low, interval.high
