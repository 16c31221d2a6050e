"""Units: which of the test images are independent of each other.

Frames of one track, film or burst are wrong together, so that they are one unit: it is drawn, left out or held back
with all of its images. A variance of units is that of the linearised mean over clusters (Cochran, *Sampling
Techniques*, 3rd ed. 1977, sections 6.5 and 9A.2): units may differ in size. Where each image is a unit of its own,
all of this is what it is for independent images."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from resiliency.base.streams import stream
from resiliency.statistics.jackknife import Scale, studentised


def resampled_counts(units: int, resamples: int, seed: int, *names: str | int) -> np.ndarray:
    """How often each of `units` is drawn in each resample of as many with replacement; int64 resamples x units."""
    return stream(seed, "bootstrap", *names).multinomial(units, np.full(units, 1 / units), size=resamples)


@dataclass(frozen=True)
class Units:
    """The units of N images.

    Attributes:
        of_image: int64 N, the unit of each image: 0 to U - 1, numbered in the order of their first images.
    """

    of_image: np.ndarray

    @classmethod
    def single(cls, images: int) -> "Units":
        """Each of so many images is a unit of its own."""
        return cls(np.arange(images))

    @classmethod
    def numbered(cls, keys: np.ndarray) -> "Units":
        """Images with equal `keys`, N of any type, are one unit."""
        return cls(pd.factorize(keys)[0])

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many images each unit has, int64 U."""
        return np.bincount(self.of_image)

    @property
    def number(self) -> int:
        """U."""
        return len(self.sizes)

    @property
    def images(self) -> int:
        """N."""
        return len(self.of_image)

    @property
    def alone(self) -> bool:
        """Whether each image is a unit of its own."""
        return self.number == self.images

    def of(self, images: np.ndarray) -> "Units":
        """The units of some of the images, positions int n or bool N."""
        return Units.numbered(self.of_image[images])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the images of each unit, ... x U, of values ... x N."""
        if self.alone:
            return values
        values = np.asarray(values, np.float64)
        order = np.argsort(self.of_image, kind="stable")
        return np.add.reduceat(values[..., order], np.cumsum(self.sizes) - self.sizes, axis=-1)

    def values(self, values: np.ndarray) -> np.ndarray:
        """Values of units in place of those of images, float64 ... x U from ... x N.

        Their mean is that of the images, and their variance over U that of this mean. They are the values of images
        themselves where each is a unit of its own.
        """
        return values if self.alone else self.from_sums(self.sums(values))

    def from_sums(self, sums: np.ndarray) -> np.ndarray:
        """The `values` of units whose `sums` are known, ... x U."""
        means = sums.sum(axis=-1, keepdims=True) / self.images
        return means + (sums - means * self.sizes) * (self.number / self.images)

    def effective(self, sums: np.ndarray) -> np.ndarray | float:
        """How many independent images would give shares the variance that they have; N at most, float64 ...

        A share of 0 or 1 shows no variance: then as many as there are units.

        Args:
            sums: over the images of each unit of values in 0..1, ... x U.
        """
        if self.alone:
            return self.images
        values = self.from_sums(np.asarray(sums, np.float64))
        shares, variances = values.mean(axis=-1), values.var(axis=-1, ddof=1) / self.number
        of_one = shares * (1 - shares)
        with np.errstate(divide="ignore", invalid="ignore"):
            images = np.where((variances > 0) & (of_one > 0), of_one / variances, self.number)
        return np.minimum(images, self.images)

    def counts(self, resamples: int, seed: int, *names: str | int) -> np.ndarray:
        """How often each image is drawn if units are, with replacement; int64 resamples x N.

        As many as there are of images alone, one fewer of units of several: they are few, and the variance of resamples
        is then that of a sample (Rao and Wu, Journal of the American Statistical Association 83, 1988).
        """
        if self.alone:
            return resampled_counts(self.number, resamples, seed, *names)
        random, chances = stream(seed, "bootstrap", *names), np.full(self.number, 1 / self.number)
        return random.multinomial(self.number - 1, chances, size=resamples)[:, self.of_image]


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
