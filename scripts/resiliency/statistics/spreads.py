"""Standard deviations between units, without what noise adds to them."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from resiliency.statistics.intervals import LOG, studentised


class Spread(NamedTuple):
    """A standard deviation and its interval; 0 if the variance is no larger than that of noise."""

    deviation: float
    low: float
    high: float


def without_image_noise(value: np.ndarray | float, without: np.ndarray) -> np.ndarray | float:
    """A statistic with an error of order 1 / n removed: G times itself less G - 1 times its mean without a group.

    Args:
        value: statistic on all images, of any shape.
        without: the statistic without each of G groups of images of about equal size, G x that shape; if G is 0,
            `value` is returned.
    """
    groups = len(without)
    return groups * value - (groups - 1) * np.mean(without, axis=0) if groups else value


def spread(
    replicates: np.ndarray, freedom: float, without: np.ndarray, confidence: float, noise: float = 0.0
) -> Spread:
    """The root of a variance over units less that of noise.

    The interval is that of the measured variance on the logarithm, less the noise (as Williams, Biometrika 49, 1962).
    Its standard error is the jackknife's, but no smaller than sqrt(2 / freedom), that of normal values, because the
    jackknife's is itself uncertain with few units. The variance over images is added.

    Args:
        replicates: float 1 + U, measured variance of all units, then without each.
        freedom: degrees of freedom of the measured variance.
        without: float G, measured variance without each group of images; empty if images cannot be left out.
        confidence: level of the interval, between 0 and 1.
        noise: variance that is noise on any images.

    Returns:
        The deviation and the ends of its interval; 0 if the variance is 0.
    """
    variance = replicates[0]
    noise = noise + variance - without_image_noise(variance, without)
    if variance <= 0:
        return Spread(0.0, 0.0, 0.0)
    with np.errstate(divide="ignore"):
        _, error, units = studentised(replicates, LOG)
        images = (len(without) - 1) * np.var(np.log(without)) if len(without) else 0.0
    reach = stdtrit(units, (1 + confidence) / 2) * np.sqrt(max(error**2, 2 / freedom) + images)
    ends = np.array([variance, variance * np.exp(-reach), variance * np.exp(reach)]) - noise
    return Spread(*np.sqrt(np.maximum(ends, 0)).tolist())
