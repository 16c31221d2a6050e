"""How the images of a study are drawn again, for bootstrap intervals."""

from typing import NamedTuple

import numpy as np

from resiliency.streams import stream


class Resampling(NamedTuple):
    """The bootstrap of a study: number of resamples, confidence of the intervals, and the study's seed."""

    resamples: int
    confidence: float
    seed: int


def resampled_counts(units: int, resamples: int, seed: int, *names: str | int) -> np.ndarray:
    """How often each of `units` is drawn in each resample of as many with replacement; int64 resamples x units."""
    return stream(seed, "bootstrap", *names).multinomial(units, np.full(units, 1 / units), size=resamples)
