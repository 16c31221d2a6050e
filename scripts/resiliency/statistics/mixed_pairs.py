"""Pairs of two designs against the pair of the better one: a contrast that noise does not move."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from resiliency.statistics.spreads import without_image_noise


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


def against_better(pairs: Pairs, without: Sequence[Pairs]) -> tuple[np.ndarray, np.ndarray]:
    """How much less a pair of two designs errs than a pair of the better of the two, mean over pairs of designs.

    The better of two designs seems better than it is, because the errors that judge it make it the better one. So
    with own_A the error of pairs of A, and mixed_AB of pairs of one member of each, the mean of

        min(own_A, own_B) - mixed_AB = (own_A + own_B) / 2 - mixed_AB - |own_A - own_B| / 2

    is computed with distances |own_A - own_B| that are shrunk by the root of the share of their mean square that is
    not noise, of seeds and images. Of normal values that gives the mean distance without noise. Where designs are
    alike, the share is below 0 as often as above it, and so is the shrunk distance: else chance alone would speak
    against mixing.

    Args:
        pairs: of all images.
        without: without each of G groups of images; empty where images are held fixed.

    Returns:
        Replicates, float 1 + D, of all designs and without each; and float G, without each group of images.
    """
    replicates = [_contrast(pairs, share := _share_of_truth(pairs, without))]
    for design in range(len(pairs.own)):
        kept = pairs.without(design)
        replicates.append(_contrast(kept, _share_of_truth(kept, [of.without(design) for of in without])))
    return np.array(replicates), np.array([_contrast(of, share) for of in without])


def _contrast(pairs: Pairs, share: float) -> float:
    first, second = pairs.known()
    if not len(first):
        return np.nan
    average = (pairs.own[first] + pairs.own[second]) / 2 - pairs.mixed[first, second]
    distance = np.abs(pairs.own[first] - pairs.own[second])
    return float(average.mean() - np.sign(share) * np.sqrt(abs(share)) * distance.mean() / 2)


def _share_of_truth(pairs: Pairs, without: Sequence[Pairs]) -> float:
    """The share of the mean squared distance between designs' own pairs that is no noise; -1 to 1."""

    def beyond_seeds(of: Pairs) -> float:
        return _mean_square(of) - _noise_of_seeds(of)

    first, _ = pairs.known()
    square = _mean_square(pairs) if len(first) else 0.0
    true = without_image_noise(beyond_seeds(pairs), [beyond_seeds(of) for of in without]) if square else 0.0
    return float(np.clip(true / square, -1, 1)) if square else 0.0


def _mean_square(pairs: Pairs) -> float:
    first, second = pairs.known()
    return float(np.mean((pairs.own[first] - pairs.own[second]) ** 2))


def _noise_of_seeds(pairs: Pairs) -> float:
    """Mean square of the distance of two designs that are alike but for their seeds.

    The error of all pairs of k seeds varies as the mean error of k members does.
    """
    first, second = pairs.known()
    freedom = pairs.seeds - 1
    variance = (pairs.variances * freedom).sum() / freedom.sum()
    return float(np.mean(variance * (1 / pairs.seeds[first] + 1 / pairs.seeds[second])))
