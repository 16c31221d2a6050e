"""Blurs. Formulas: Hendrycks and Dietterich, ICLR 2019, as in the package imagecorruptions.

Each function takes uint8 NxHxWx3 images, N random streams and one severity's figures, and returns uint8 NxHxWx3.
"""

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from resiliency.corruptions.filters import Streams, blurred, grey_levels, map_images, motion_blurred, zoom_map
from resiliency.corruptions.registry import corruption


@corruption(
    imagenet_c=(1, 2, 3, 4, 6),
    cifar_10_c=(0.4, 0.6, 0.7, 0.8, 1),
    draws=False,
)
def gaussian_blur(images: np.ndarray, streams: Streams, sigma: float) -> np.ndarray:
    """A Gaussian of `sigma` pixels."""
    return grey_levels(map_images(images, lambda image: blurred(image, sigma)))


@corruption(
    imagenet_c=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    cifar_10_c=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    draws=False,
)
def defocus_blur(images: np.ndarray, streams: Streams, radius: float, alias: float) -> np.ndarray:
    """A disk of `radius` pixels, its edge softened by a Gaussian of `alias` pixels; the image mirrored outwards."""
    kernel = _disk(radius, alias)
    return grey_levels(map_images(images, lambda image: cv2.filter2D(image, -1, kernel)))


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
    angles = [stream.uniform(-45, 45) for stream in streams]
    return grey_levels(map_images(images, lambda image, angle: motion_blurred(image, radius, sigma, angle), angles))


@corruption(
    imagenet_c=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    cifar_10_c=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    further=({"centred": False}, {"centred": True}),
    draws=False,
)
def zoom_blur(images: np.ndarray, streams: Streams, stop: float, step: float, centred: bool) -> np.ndarray:
    """The mean of the image and of its zooms by 1, 1 + `step`, ... up to, but without, `stop`."""
    height, width = images.shape[1:3]
    maps = [zoom_map(height, width, float(factor), centred) for factor in np.arange(1, stop, step)]

    def zooms(image: np.ndarray) -> np.ndarray:
        total = image.copy()
        for x, y in maps:
            total += cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return total / (len(maps) + 1)

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
    before = grey_levels(map_images(images, lambda image: blurred(image, sigma)))
    after = _scattered(before, streams, shift, iterations)
    return grey_levels(map_images(after, lambda image: blurred(image, sigma)))


def _scattered(images: np.ndarray, streams: Streams, shift: int, iterations: int) -> np.ndarray:
    """`images` after the copies, exactly as if they were made one after the other, but a wave of them at a time.

    Pixels are packed into one number each and laid out HWxN, so that a wave is one gather and one scatter.
    """
    count, height, width = images.shape[:3]
    order, ends = _waves(height, width, shift)
    packed = np.zeros((height * width, count, 4), np.uint8)
    packed[..., :3] = images.reshape(count, -1, 3).swapaxes(0, 1)
    pixels = packed.view(np.uint32).reshape(-1)
    targets = order[:, None] * count + np.arange(count)
    for _ in range(iterations):
        sources = targets + _offsets(streams, width, shift, len(order)) * count
        for start, end in pairwise(ends):
            pixels[targets[start:end]] = pixels[sources[start:end]]
    return np.ascontiguousarray(packed[..., :3].swapaxes(0, 1)).reshape(images.shape)


def _offsets(streams: Streams, width: int, shift: int, count: int) -> np.ndarray:
    """intp `count`xN: random offsets of neighbours in an image whose rows are `width` pixels long."""
    moves = np.arange(-shift, shift)
    table = (moves[:, None] * width + moves).ravel()
    drawn = [stream.integers(0, len(table), size=count, dtype=np.uint8) for stream in streams]
    return table[np.stack(drawn, axis=1)]


@lru_cache(maxsize=8)
def _waves(height: int, width: int, shift: int) -> tuple[np.ndarray, list[int]]:
    """The pixels in an order of waves: their places in the image, and where each wave begins and the last one ends.

    A copy depends on another only if one reads what the other writes: they start at most `shift` rows and columns
    apart. So if each row starts `shift` + 1 steps after the one below it, the copies that fall on the same step are
    independent, and of two that are not the earlier one keeps its turn.
    """
    rows = np.arange(height - shift, shift, -1)
    columns = np.arange(width - shift, shift, -1)
    places = (rows[:, None] * width + columns).ravel()
    steps = (np.arange(len(rows))[:, None] * (shift + 1) + np.arange(len(columns))).ravel()
    order = np.argsort(steps, kind="stable")
    ends = np.searchsorted(steps[order], np.arange(steps.max() + 2))
    return places[order], ends.tolist()
