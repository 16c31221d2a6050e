"""Noise: every value changes on its own. Formulas: Hendrycks and Dietterich, ICLR 2019.

Each function takes uint8 NxHxWx3 images, N random streams and one severity's figures, and returns uint8 NxHxWx3.
"""

from functools import lru_cache

import numpy as np
from scipy.special import pdtr

from resiliency.corruptions.filters import Streams, grey_levels, normals
from resiliency.corruptions.registry import corruption

_STEPS = 2**16


@corruption(
    imagenet_c=(0.08, 0.12, 0.18, 0.26, 0.38),
    cifar_10_c=(0.04, 0.06, 0.08, 0.09, 0.10),
)
def gaussian_noise(images: np.ndarray, streams: Streams, sigma: float) -> np.ndarray:
    """x + n, n normal with standard deviation `sigma` (a share of the full range)."""
    values = normals(streams, images.shape[1:])
    values *= 255 * sigma
    values += images
    return grey_levels(values)


@corruption(
    imagenet_c=(0.15, 0.2, 0.35, 0.45, 0.6),
    cifar_10_c=(0.06, 0.1, 0.12, 0.16, 0.2),
)
def speckle_noise(images: np.ndarray, streams: Streams, sigma: float) -> np.ndarray:
    """x + x n, n normal with standard deviation `sigma`."""
    values = normals(streams, images.shape[1:])
    values *= sigma
    values += 1
    values *= images
    return grey_levels(values)


@corruption(
    imagenet_c=(60, 25, 12, 5, 3),
    cifar_10_c=(500, 250, 100, 75, 50),
)
def shot_noise(images: np.ndarray, streams: Streams, photons: int) -> np.ndarray:
    """Poisson(x `photons`) / `photons`, x in 0..1: counted light, of which white has `photons` on average.

    Drawn by inversion from a table of quantiles, whose probabilities are exact to 2**-17.
    """
    places = _random_steps(streams, images.shape[1:]).astype(np.intp)
    places += images.astype(np.intp) * _STEPS
    return _shot_quantiles(photons).take(places)


@lru_cache(maxsize=1)
def _shot_quantiles(photons: int) -> np.ndarray:
    """uint8 256*2**16: for each grey level its 2**16 equally likely noisy levels, in order."""
    counts = np.arange(photons)
    below = pdtr(counts, np.arange(256)[:, None] * (photons / 255))
    shares = np.diff(np.round(below * _STEPS).astype(np.int64), axis=1, prepend=0, append=_STEPS)
    levels = (np.arange(photons + 1) * 255 // photons).astype(np.uint8)
    return np.repeat(np.tile(levels, 256), shares.ravel())


@corruption(
    imagenet_c=(0.03, 0.06, 0.09, 0.17, 0.27),
    cifar_10_c=(0.01, 0.02, 0.03, 0.05, 0.07),
)
def impulse_noise(images: np.ndarray, streams: Streams, amount: float) -> np.ndarray:
    """Salt and pepper: a share `amount` of the values turns, half of them to 0 and half to 255.

    The thresholds are rounded to 2**-16.
    """
    drawn = _random_steps(streams, images.shape[1:])
    half = round(amount / 2 * _STEPS)
    noisy = images.copy()
    np.putmask(noisy, drawn < half, 0)
    np.putmask(noisy, drawn >= _STEPS - half, 255)
    return noisy


def _random_steps(streams: Streams, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([stream.integers(0, _STEPS, size=shape, dtype=np.uint16) for stream in streams])
