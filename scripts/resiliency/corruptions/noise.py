"""Noise of Hendrycks and Dietterich (ICLR 2019): every value changes on its own; see
`registry.Corruption`."""

from functools import lru_cache

import numpy as np

from resiliency.base.machine import compiled
from resiliency.corruptions.filters import (
    ROUNDING_MARGIN,
    STEPS,
    Streams,
    grey_levels,
    looked_up,
    normal_quantiles,
    normals,
    random_steps,
)
from resiliency.corruptions.registry import corruption


@corruption(
    imagenet_c=(0.08, 0.12, 0.18, 0.26, 0.38),
    cifar_10_c=(0.04, 0.06, 0.08, 0.09, 0.10),
)
def gaussian_noise(images: np.ndarray, streams: Streams, sigma: float) -> np.ndarray:
    """x + n, n normal with standard deviation `sigma` (a share of the full range).

    As x is an integer, n is truncated first: the 2**16 values that it may take are a table of
    integers.
    """
    levels = looked_up(random_steps(streams, images.shape[1:]), _normal_levels(sigma))
    levels += images
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)


@lru_cache(maxsize=1)
def _normal_levels(sigma: float) -> np.ndarray:
    """int16 2**16: equally likely grey levels of normal noise, rounded down, in order."""
    return np.floor(normal_quantiles() * (255 * sigma) + ROUNDING_MARGIN).astype(np.int16)


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
    """Poisson(x `photons`) / `photons`, x in 0..1: counted light, with `photons` counts for white
    on average.

    Drawn by inversion from a table of quantiles, whose probabilities are exact to 2**-17.
    """
    noisy = np.empty_like(images)
    steps = random_steps(streams, images.shape[1:]).reshape(-1)
    _count_light(images.reshape(-1), steps, *_shot_quantiles(photons), noisy.reshape(-1))
    return noisy


@compiled()
def _count_light(
    values: np.ndarray, steps: np.ndarray, starts: np.ndarray, levels: np.ndarray, noisy: np.ndarray
) -> None:
    """Set `noisy` (uint8 V) to the quantiles of `values` (uint8 V) that `steps` (uint16 V) pick
    from these tables."""
    for i in range(len(values)):
        noisy[i] = levels[starts[np.int64(values[i]) << 8 | steps[i] >> 8] + (steps[i] & 255)]


@lru_cache(maxsize=1)
def _shot_quantiles(photons: int) -> tuple[np.ndarray, np.ndarray]:
    """For each grey level its 2**16 equally likely noisy levels, in order, in blocks of 256, mostly
    constant.

    Returns:
        int32 2**16, where the 256 blocks of each grey level start, and the blocks, uint8, of which
        equal constant ones are kept once: all of them together do not fit into a processor's cache.
    """
    means = np.arange(256)[:, None] * (photons / 255)
    # Of each probability to the last.
    ratios = np.hstack([np.exp(-means), means / np.arange(1, photons)])
    below = ratios.cumprod(axis=1).cumsum(axis=1)
    shares = np.diff(np.round(below * STEPS).astype(np.int64), axis=1, prepend=0, append=STEPS)
    levels = (np.arange(photons + 1) * 255 // photons).astype(np.uint8)
    blocks = np.repeat(np.tile(levels, 256), shares.ravel()).reshape(STEPS, 256)
    mixed = blocks[:, 0] != blocks[:, -1]
    places = np.where(mixed, 255 + np.cumsum(mixed), blocks[:, 0]).astype(np.int32)
    constant = np.repeat(np.arange(256, dtype=np.uint8), 256)
    return places * 256, np.concatenate([constant, blocks[mixed].ravel()])


@corruption(
    imagenet_c=(0.03, 0.06, 0.09, 0.17, 0.27),
    cifar_10_c=(0.01, 0.02, 0.03, 0.05, 0.07),
)
def impulse_noise(images: np.ndarray, streams: Streams, amount: float) -> np.ndarray:
    """Salt and pepper: a share `amount` of the values turns, half of them to 0 and half to 255.

    The thresholds are rounded to 2**-16.
    """
    drawn = random_steps(streams, images.shape[1:])
    half = round(amount / 2 * STEPS)
    noisy = images * (drawn >= half)
    salt = (drawn >= STEPS - half).view(np.uint8)
    salt *= 255
    noisy |= salt
    return noisy
