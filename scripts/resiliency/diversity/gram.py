"""Gram matrices of features, apart from what is made of them, so that a new metric predicts nothing again."""

import numpy as np


def gram(features: np.ndarray) -> np.ndarray:
    """Inner products float64 N x N of centred features, float N x D."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    return centred @ centred.T
