"""The order in which classes are looked through for the answer of an ensemble, most of which never are."""

from typing import NamedTuple

import numpy as np

PANEL = 16  # classes at a time


class Candidates(NamedTuple):
    """Classes of N images in panels of 16: the label, then from the largest value of any member down.

    Attributes:
        labels: int64 N.
        classes: int32 N x C, C classes with padding.
        values: float32 N x M x C, of the members for them, -inf for padding.
        bounds: float32 N x M x C / 16, the largest value of a member beyond each panel; -inf beyond the last.
    """

    labels: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    bounds: np.ndarray


def candidates(values: np.ndarray, labels: np.ndarray) -> Candidates:
    """The classes of values float32 N x M x K in order; labels int N."""
    images, members, count = values.shape
    most = values.max(axis=1)
    most[np.arange(images), labels] = np.inf
    padded = -(-count // PANEL) * PANEL
    classes = np.zeros((images, padded), np.int32)
    classes[:, :count] = np.argsort(-most, axis=1)
    ordered = np.full((images, members, padded), -np.inf, np.float32)
    ordered[:, :, :count] = np.take_along_axis(values, classes[:, None, :count], axis=2)
    of_panels = ordered.reshape(images, members, -1, PANEL).max(axis=3)
    bounds = np.full_like(of_panels, -np.inf)
    bounds[:, :, :-1] = np.maximum.accumulate(of_panels[:, :, :0:-1], axis=2)[:, :, ::-1]
    return Candidates(np.asarray(labels, np.int64), classes, ordered, bounds)
