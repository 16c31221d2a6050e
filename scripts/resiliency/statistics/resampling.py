"""Units of images, and resamples of them.

Frames of one track, film or burst are wrong together, so that they are one unit of images: it is
drawn, left out or held back with all of its images. A variance of units is that of the linearised
mean over clusters (Cochran, *Sampling Techniques*, 3rd ed. 1977, sections 6.5 and 9A.2): units may
differ in size. Where each image is a unit of its own, all of this is what it is for independent
images.

If there are very many units, groups are left out in place of single ones, which changes the
variance little and its degrees of freedom to those of the groups (Kott, Journal of Official
Statistics 17, 2001)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from resiliency.base.streams import stream

MOST_UNITS, GROUPS = 200, 100


def in_groups(units: Iterable[str]) -> dict[str, str]:
    """Unit -> what is left out with it: itself; or, of more than 200 units, one of 100 random
    groups."""
    names = sorted(set(units))
    if len(names) <= MOST_UNITS:
        return {name: name for name in names}
    drawn = stream(0, "groups of the jackknife").permutation(len(names)) % GROUPS
    return {name: f"group {group:03}" for name, group in zip(names, drawn.tolist(), strict=True)}


def resampled_counts(
    units: int, resamples: int, seed: int, *names: str | int, alone: bool = True
) -> np.ndarray:
    """How often each unit is drawn in each resample, with replacement; int64 resamples x units.

    As many are drawn as there are of images `alone`; of units of several, which are few, one fewer,
    so that a mean has the variance over resamples that it has over units (Rao and Wu, Journal of
    the American Statistical Association 83, 1988).
    """
    draws = units if alone else max(units - 1, 1)
    return stream(seed, "bootstrap", *names).multinomial(
        draws, np.full(units, 1 / units), size=resamples
    )


@dataclass(frozen=True)
class Units:
    """The units of N images.

    Attributes:
        of_image: int64 N, unit of each image, 0 to U - 1, numbered in the order of their first
            images.
    """

    of_image: np.ndarray

    @classmethod
    def single(cls, n_images: int) -> "Units":
        """Units of one image each."""
        return cls(np.arange(n_images))

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
        """Number of units, U."""
        return len(self.sizes)

    @property
    def n_images(self) -> int:
        """Number of images, N."""
        return len(self.of_image)

    @property
    def alone(self) -> bool:
        """Whether each image is a unit of its own."""
        return self.number == self.n_images

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

        Their mean is that of the images, and their variance over U that of this mean. They are the
        values of images themselves where each is a unit of its own.
        """
        return values if self.alone else self.from_sums(self.sums(values))

    def from_sums(self, sums: np.ndarray) -> np.ndarray:
        """The `values` of units whose `sums` are known, ... x U."""
        means = sums.sum(axis=-1, keepdims=True) / self.n_images
        return means + (sums - means * self.sizes) * (self.number / self.n_images)

    def variance_of_mean(self, values: np.ndarray) -> np.ndarray | float:
        """The variance that the mean of values, ... x N, has over units; float64 ...

        With U / (U - 1) of units of several images, which may be few; without it where each image
        is a unit, so that the variance of a proportion is p (1 - p) / N.
        """
        freedom = self.number if self.alone else max(self.number - 1, 1)
        return self.values(values).var(axis=-1) / freedom

    def reach(self, confidence: float) -> float:
        """How many standard errors the interval of a mean reaches to either side: Student's t of U
        - 1.

        It is that of the normal distribution where each image is a unit.
        """
        tail = (1 + confidence) / 2
        return float(ndtri(tail) if self.alone else stdtrit(max(self.number - 1, 1), tail))

    def effective(self, sums: np.ndarray, confidence: float) -> np.ndarray | float:
        """How many independent images would give shares intervals as long as they have; N at most,
        float64 ...

        They are those that would have the variance over units, fewer as Student's t reaches further
        than the normal distribution. A share of 0 or 1 shows no variance; the result is then the
        number of units. If few units are wrong, or right, they seldom vary as much as others would:
        the result is at most what gives Wilson's interval, at two standard errors, the end that it
        has if none is.

        Args:
            sums: sums over the images of each unit of values in 0..1, ... x U.
            confidence: level of the intervals, between 0 and 1.
        """
        if self.alone:
            return self.n_images
        values = self.from_sums(np.asarray(sums, np.float64))
        shares, variances = values.mean(axis=-1), values.var(axis=-1, ddof=1) / self.number
        of_one = shares * (1 - shares) * (ndtri((1 + confidence) / 2) / self.reach(confidence)) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            images = np.where((variances > 0) & (of_one > 0), of_one / variances, self.number)
            end, rarer = 4 / (self.number + 4), np.minimum(shares, 1 - shares)
            most = np.where(rarer < end, 4 * end * (1 - end) / (end - rarer) ** 2, np.inf)
        return np.minimum(np.minimum(images, most), self.n_images)

    def counts(self, resamples: int, seed: int, *names: str | int) -> np.ndarray:
        """How often each image is drawn if units are, as from `resampled_counts`; int64 resamples x
        N."""
        counts = resampled_counts(self.number, resamples, seed, *names, alone=self.alone)
        return counts if self.alone else counts[:, self.of_image]


class Resampling(NamedTuple):
    """The bootstrap of a study: number of resamples, level of the intervals, and the study's
    seed."""

    resamples: int
    confidence: float
    seed: int
