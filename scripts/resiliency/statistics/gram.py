"""Gram matrices of features, computed once for all metrics, so that a new metric needs no predictions."""

import numpy as np

VALUES = 2**24  # number of float64 values in memory at a time


def gram(features: np.ndarray) -> np.ndarray:
    """Inner products float64 N x N of centred features, float N x D: a sum over parts of the D."""
    count, width = features.shape
    inner = np.zeros((count, count))
    columns = max(1, VALUES // max(count, 1))
    for start in range(0, width, columns):
        part = features[:, start : start + columns]
        centred = part - part.mean(axis=0, dtype=np.float64)
        inner += centred @ centred.T
    return inner
