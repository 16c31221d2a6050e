"""Negative controls: an observation's statistics on data from which its effect was removed, and nothing else."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

DRAWS = 1_000
BEYOND = 0.05  # share of draws that may lie beyond one end of the range


@dataclass(frozen=True)
class Placebo:
    """Draws of all statistics of an observation, by the code that computes them.

    Attributes:
        estimates: float64 D x k, D >= 200 draws (or all patterns, where there are fewer) of the k parts and controls.
        errors: float64 D x k, their standard errors on the scale of each part.
        freedom: float64 k, degrees of freedom of the errors.
        removed: what was done to the data, in words, such as "families permuted among designs".
    """

    estimates: np.ndarray
    errors: np.ndarray
    freedom: np.ndarray
    removed: str = ""

    @property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of the range of each statistic, float64 k; at most `BEYOND` of its draws lie beyond an end.

        An end is a draw. Of n differences whose signs are flipped there are 2^n draws, the study itself among them: of
        32 one lies beyond the end, so that the study does only if all five differences have the same sign; of 16 none
        does. NaN where no draw is defined.
        """
        ends = [_ends(of_part[np.isfinite(of_part)]) for of_part in self.estimates.T]
        low, high = np.array(ends).reshape(-1, 2).T
        return low, high

    @property
    def middle(self) -> np.ndarray:
        """The median of the defined draws of each statistic, float64 k; NaN where there is none."""
        defined = [of_part[np.isfinite(of_part)] for of_part in self.estimates.T]
        return np.array([np.median(of_part) if len(of_part) else np.nan for of_part in defined])

    def bounds(self, sign: int) -> np.ndarray:
        """The end of each range that statistics of this sign must lie beyond, float64 k."""
        return self.range[1 if sign > 0 else 0]

    def with_images(self, variances: np.ndarray, freedom: int) -> Self:
        """The same with variances over images, float64 k or D x k, in the squares of the errors (`Part.with_images`).

        Degrees of freedom are those of the mean variances of all draws.
        """
        squares = self.errors**2
        added = np.broadcast_to(np.where(np.isfinite(variances), variances, 0), squares.shape)
        known = np.isfinite(squares)
        own = np.where(known, squares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        mean = added.mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            both = (own + mean) ** 2 / (own**2 / self.freedom + mean**2 / freedom)
        both = np.where((mean > 0) & np.isfinite(both), both, self.freedom)
        return replace(self, errors=np.sqrt(squares + added), freedom=both)


def _ends(draws: np.ndarray) -> tuple[float, float]:
    if not len(draws):
        return np.nan, np.nan
    ascending, beyond = np.sort(draws), int(BEYOND * len(draws))
    return float(ascending[beyond]), float(ascending[-1 - beyond])
