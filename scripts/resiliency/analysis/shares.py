"""Intervals of shares of images."""

import numpy as np

from resiliency.metrics.accuracy import wilson
from resiliency.statistics.bootstrap import interval


def share_interval(share: float, drawn: np.ndarray, images: float, confidence: float) -> tuple[float, float]:
    """The percentile interval of a share, or Wilson's of a share of 0 or 1, which is the same in every resample.

    Args:
        share: in 0..1.
        drawn: float R, the share in each resample of the images.
        images: their number; an image counts once, under however many conditions.
        confidence: of the interval.
    """
    if share in (0, 1) and images:
        low, high = wilson(np.float64(share), images, confidence)
        return float(low), float(high)
    return interval(drawn, confidence)
