"""Standard deviations between units, without what noise adds to them, and their intervals.

The variance of measured values is that of the true ones plus that of noise, so its root is too large, and above 0 where
units do not differ at all. Noise that falls as 1 / n with n images is taken off by a jackknife over groups of them
(Quenouille, Biometrika 43, 1956).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from resiliency.statistics.jackknife import Scale, studentised

LOG = Scale(np.log, np.exp)


class Spread(NamedTuple):
    """A standard deviation and its interval; 0 where the variance is no larger than that of noise."""

    deviation: float
    low: float
    high: float


def without_image_noise(value: np.ndarray | float, without: np.ndarray) -> np.ndarray | float:
    """A statistic with an error of order 1 / n removed: G times itself less G - 1 times its mean without a group.

    Args:
        value: of all images, of any shape.
        without: the same without each of G groups of images of about equal size, G x that shape; without groups,
            `value` stays.
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
        replicates: float 1 + U: the measured variance, of all units and without each.
        freedom: its degrees of freedom.
        without: float G: the measured variance without each group of images; empty where images cannot be left out.
        confidence: of the interval.
        noise: variance that is noise whatever the images.

    Returns:
        The deviation and the ends of its interval; 0 where the variance is 0.
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
