"""Blurs. Formulas: Hendrycks and Dietterich, ICLR 2019, as in the package imagecorruptions.

Each function takes uint8 NxHxWx3 images, N random streams (none if it draws nothing) and one severity's figures, and
returns uint8 NxHxWx3.
"""

from functools import lru_cache, partial

import cv2
import numpy as np

from resiliency.corruptions.filters import (
    Streams,
    blurred,
    copy_neighbours,
    grey_levels,
    map_images,
    motion_blurred,
    packed,
    random_steps,
    unpacked,
    with_fourth_channel,
    zoom_map,
)
from resiliency.corruptions.registry import corruption


@corruption(
    imagenet_c=(1, 2, 3, 4, 6),
    cifar_10_c=(0.4, 0.6, 0.7, 0.8, 1),
    draws=False,
)
def gaussian_blur(images: np.ndarray, streams: Streams, sigma: float) -> np.ndarray:
    """A Gaussian of `sigma` pixels."""
    return grey_levels(map_images(images, partial(blurred, sigma=sigma)))


@corruption(
    imagenet_c=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    cifar_10_c=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    draws=False,
)
def defocus_blur(images: np.ndarray, streams: Streams, radius: float, alias: float) -> np.ndarray:
    """A disk of `radius` pixels, its edge softened by a Gaussian of `alias` pixels; the image mirrored outwards."""
    kernel = _disk(radius, alias)
    floats = images.astype(np.float32)
    return grey_levels(map_images(floats, lambda image, out: cv2.filter2D(image, -1, kernel, out)))


@lru_cache(maxsize=16)
def _disk(radius: float, alias: float) -> np.ndarray:
    """float32 weights of the published disk: on a grid of 17x17 up to a radius of 8, its border of zeros cut off."""
    reach = 8 if radius <= 8 else radius
    steps = np.arange(-reach, reach + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.float32)
    size = 3 if radius <= 8 else 5
    soft = cv2.GaussianBlur(disk / disk.sum(), (size, size), sigmaX=alias)
    margin = np.flatnonzero(soft.any(axis=0))[0]
    return soft[margin : len(soft) - margin, margin : len(soft) - margin].copy()


@corruption(
    imagenet_c=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    cifar_10_c=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
)
def motion_blur(images: np.ndarray, streams: Streams, radius: int, sigma: float) -> np.ndarray:
    """Half a Gaussian of `sigma` pixels over 2 `radius` + 1 steps, along a line within 45 degrees of the horizontal."""
    return grey_levels(motion_blurred(images, radius, sigma, streams.uniform(-45, 45).tolist()))


@corruption(
    imagenet_c=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    cifar_10_c=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    further=({"centred": False}, {"centred": True}),
    draws=False,
)
def zoom_blur(images: np.ndarray, streams: Streams, stop: float, step: float, centred: bool) -> np.ndarray:
    """The mean of the image and of its zooms by 1, 1 + `step`, ... up to, but without, `stop`."""
    height, width = images.shape[1:3]
    factors = np.arange(1, stop, step)
    maps = [zoom_map(height, width, float(factor), centred) for factor in factors[1:]]  # the first one changes nothing

    def zooms(image: np.ndarray, out: np.ndarray) -> None:
        pixels = with_fourth_channel(image)
        total = 2 * pixels
        for x, y in maps:
            total += cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        total /= len(factors) + 1
        cv2.cvtColor(total, cv2.COLOR_RGBA2RGB, out)

    return grey_levels(map_images(images, zooms))


@corruption(
    imagenet_c=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    cifar_10_c=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
)
def glass_blur(images: np.ndarray, streams: Streams, sigma: float, shift: int, iterations: int) -> np.ndarray:
    """Pixels replaced by random neighbours between two Gaussian blurs of `sigma` pixels.

    From the bottom right to the top left, each pixel takes the colour of one whose offsets are drawn from -`shift` to
    `shift` - 1. Two quirks of the published code are kept on purpose, because published errors were measured with them:
    it means to swap the two pixels, but assigns NumPy views to each other, which copies; and it never draws `shift`.
    """
    before = grey_levels(map_images(images, partial(blurred, sigma=sigma)))
    after = scattered(before, streams, shift, iterations)
    return grey_levels(map_images(after, partial(blurred, sigma=sigma)))


def scattered(images: np.ndarray, streams: Streams, shift: int, iterations: int) -> np.ndarray:
    """`images` (uint8 NxHxWx3) after `iterations` rounds of copies."""
    height, width = images.shape[1:3]
    moves, pixels = np.arange(-shift, shift), packed(images)
    for _ in range(iterations):
        drawn = random_steps(streams, (height - 2 * shift, width - 2 * shift))
        copy_neighbours(pixels, drawn, (moves[:, None] * width + moves).ravel(), shift)
    return unpacked(pixels)
