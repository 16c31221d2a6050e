"""Pairs of two designs against the pair of the better one: a contrast that noise does not move."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from resiliency.statistics.units import spread, without_image_noise


class Pairs(NamedTuple):
    """Mean errors of pairs of members of D designs, each of which forms pairs of its own.

    Attributes:
        own: float D, of the pairs of one design.
        mixed: float D x D, symmetric, of the pairs of one member of each; NaN on the diagonal and where there are none.
        variances: float D, of the error of a member between the seeds of a design.
        seeds: int D.
    """

    own: np.ndarray
    mixed: np.ndarray
    variances: np.ndarray
    seeds: np.ndarray

    def without(self, design: int) -> Self:
        """The same without one design."""
        kept = np.arange(len(self.own)) != design
        return Pairs(self.own[kept], self.mixed[np.ix_(kept, kept)], self.variances[kept], self.seeds[kept])

    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """The first and the second design of each pair of designs that there is."""
        return np.nonzero(np.triu(np.isfinite(self.mixed), 1))


class Contrast(NamedTuple):
    """Pairs of two designs against the pair of the better one.

    Attributes:
        replicates: float 1 + D, of all designs and without each.
        without: float G, without each group of images.
        ends: the contrast where designs differ by as much as they may, and by as little.
    """

    replicates: np.ndarray
    without: np.ndarray
    ends: tuple[float, float]

    def interval(self, low: float, high: float) -> tuple[float, float]:
        """The interval, from the jackknife's and that of how far designs differ.

        Leaving out designs says too little of chance differences, and of how much larger than measured true ones may
        be. Distances of the upper ends are added in squares (Zou and Donner, Statistics in Medicine 27, 2008).
        """
        value, (least, most) = self.replicates[0], self.ends
        return min(low, least), value + np.hypot(high - value, most - value)


def against_better(pairs: Pairs, without: Sequence[Pairs], confidence: float) -> Contrast:
    """How much less a pair of two designs errs than a pair of the better of the two, mean over pairs of designs.

    The better of two designs seems better than it is, because the errors that judge it make it the better one. So
    with own_A the error of pairs of A, and mixed_AB of pairs of one member of each, the mean of

        min(own_A, own_B) - mixed_AB = (own_A + own_B) / 2 - mixed_AB - |own_A - own_B| / 2

    is computed with distances |own_A - own_B| that are shrunk by the root of the share of their mean square that is
    not noise, of seeds and images. Of normal values that gives the mean distance without noise.

    Args:
        pairs: of all images.
        without: without each of G groups of images; empty where images are held fixed.
        confidence: of the interval of how far designs differ.
    """
    each = [pairs.without(design) for design in range(len(pairs.own))]
    fewer = [[of.without(design) for of in without] for design in range(len(pairs.own))]
    shrunk = [_shrunk(of, of_images) for of, of_images in zip((pairs, *each), (without, *fewer), strict=True)]
    replicates = [_contrast(of, by) for of, by in zip((pairs, *each), shrunk, strict=True)]
    squares = np.array([_mean_square(of) for of in (pairs, *each)])
    of_images = np.array([_mean_square(of) for of in without])
    differ = spread(squares, len(pairs.own) - 1, of_images, confidence, _noise_of_seeds(pairs))
    ends = [of / np.sqrt(squares[0]) if squares[0] else 0.0 for of in (differ.high, differ.low)]
    of_groups = np.array([_contrast(of, shrunk[0]) for of in without])
    largest, smallest = (_contrast(pairs, by) for by in ends)
    return Contrast(np.array(replicates), of_groups, (largest, smallest))


def _shrunk(pairs: Pairs, without: Sequence[Pairs]) -> float:
    """What distances are multiplied by: the root of the share of their mean square that is no noise."""
    square = _mean_square(pairs)
    beyond_seeds = [_mean_square(of) - _noise_of_seeds(of) for of in (pairs, *without)]
    true = without_image_noise(beyond_seeds[0], beyond_seeds[1:])
    return float(np.sqrt(np.clip(true / square, 0, 1))) if square > 0 else 0.0


def _contrast(pairs: Pairs, shrunk: float) -> float:
    """The contrast with distances multiplied by `shrunk`."""
    first, second = pairs.known()
    if not len(first):
        return np.nan
    average = (pairs.own[first] + pairs.own[second]) / 2 - pairs.mixed[first, second]
    return float(average.mean() - shrunk * np.abs(pairs.own[first] - pairs.own[second]).mean() / 2)


def _mean_square(pairs: Pairs) -> float:
    first, second = pairs.known()
    return float(np.mean((pairs.own[first] - pairs.own[second]) ** 2)) if len(first) else np.nan


def _noise_of_seeds(pairs: Pairs) -> float:
    """Mean square of the distance of two designs that are alike but for their seeds.

    The error of all pairs of k seeds varies as the mean error of k members does.
    """
    first, second = pairs.known()
    freedom = pairs.seeds - 1
    variance = (pairs.variances * freedom).sum() / freedom.sum()
    return float(np.mean(variance * (1 / pairs.seeds[first] + 1 / pairs.seeds[second]))) if len(first) else np.nan
