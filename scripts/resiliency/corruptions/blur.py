"""Blurs of Hendrycks and Dietterich (ICLR 2019), as in imagecorruptions; see
`registry.Corruption`."""

from functools import lru_cache, partial

import cv2
import numpy as np

from resiliency.base.machine import compiled
from resiliency.corruptions.filters import (
    ROUNDING_MARGIN,
    TOGETHER,
    Streams,
    blurred,
    copy_neighbours,
    grey_levels,
    map_images,
    motion_blurred,
    packed,
    random_steps,
    truncate,
    unpacked,
    zoom_line,
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


# Up to this side cv2.filter2D sums under a kernel in float32; under larger ones by Fourier
# transforms in float64.
LARGEST_SUMMED = 11


@corruption(
    imagenet_c=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    cifar_10_c=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    draws=False,
)
def defocus_blur(images: np.ndarray, streams: Streams, radius: float, alias: float) -> np.ndarray:
    """A disk of `radius` pixels, its edge softened by a Gaussian of `alias` pixels; the image
    mirrored outwards."""
    kernel = _disk(radius, alias)
    if len(kernel) <= LARGEST_SUMMED:
        floats = images.astype(np.float32)
        return grey_levels(
            map_images(floats, lambda image, out: cv2.filter2D(image, -1, kernel, out))
        )
    (height, width), reach = images.shape[1:3], len(kernel) // 2
    wider = cv2.copyMakeBorder(
        images.reshape(-1, width, 3), 0, 0, reach, reach, cv2.BORDER_REFLECT_101
    )
    steps, below, columns = _steps(radius, alias)
    places = (3 * (below * (width + 2 * reach + 1) + columns)).astype(np.uint64)
    rows, blurry = np.pad(np.arange(height), reach, "reflect"), np.empty_like(images)
    # Each addition errs by half a unit in the last place of the largest sum on the way, and so does
    # each factor.
    error = len(steps) * 2.0**-23 * 255 * (1 + 2 * kernel.max() * (width + 2 * reach))
    shape, levels = (len(images), height, -1), (np.float32(ROUNDING_MARGIN), np.float32(error))
    _sum_steps(wider.reshape(shape), rows, steps, places, *levels, blurry.reshape(shape))
    return blurry


@lru_cache(maxsize=16)
def _disk(radius: float, alias: float) -> np.ndarray:
    """float32 weights of the published disk: on a grid of 17x17 up to a radius of 8, its border of
    zeros cut off."""
    reach = 8 if radius <= 8 else radius
    steps = np.arange(-reach, reach + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).astype(np.float32)
    size = 3 if radius <= 8 else 5
    soft = cv2.GaussianBlur(disk / disk.sum(), (size, size), sigmaX=alias)
    margin = np.flatnonzero(soft.any(axis=0))[0]
    return soft[margin : len(soft) - margin, margin : len(soft) - margin].copy()


@lru_cache(maxsize=16)
def _steps(radius: float, alias: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the disk's weights change along its rows, from the middle one down; those above mirror
    those below.

    Returns:
        by how much each change lowers the weight, float64, halved in the middle row; the number of
        rows below the middle, int64; and of columns to the left of it, int64. Zeros follow, up to a
        multiple of `TOGETHER`.
    """
    kernel = _disk(radius, alias).astype(np.float64)
    steps = -np.diff(kernel[len(kernel) // 2 :], axis=1, prepend=0, append=0)
    steps[0] /= 2
    below, columns = np.nonzero(steps)
    lacking = (0, -len(below) % TOGETHER)
    return np.pad(steps[below, columns], lacking), np.pad(below, lacking), np.pad(columns, lacking)


@compiled(fastmath={"contract"})
def _sum_steps(
    images: np.ndarray,
    rows: np.ndarray,
    steps: np.ndarray,
    places: np.ndarray,
    margin: np.float32,
    error: np.float32,
    out: np.ndarray,
) -> None:
    """Set `out` to images under a kernel that is constant along most of its rows.

    A run of equal weights is a difference of two sums from the left border, which are whole numbers
    and exact. Values are summed in float32, and in float64 where that may change a grey level.

    Args:
        images: uint8 N x H x V, wider than `out` by the reach R of the kernel on both sides.
        rows: int64 H + 2 R, the row of the image that stands for each row of a taller one.
        steps: float64, by how much the kernel's weights change, a multiple of `TOGETHER`; places:
            uint64, where they do, in values of the rows from the middle one down, which have V + 3
            each.
        margin: number that is added before values are truncated.
        error: bound of the error of a sum in float32.
        out: uint8 N x H x 3 W.
    """
    (count, height, wide), values, reach = (
        images.shape,
        out.shape[2],
        (len(rows) - out.shape[1]) // 2,
    )
    sums, both = (
        np.zeros((height, wide + 3), np.float32),
        np.empty((reach + 1, wide + 3), np.float32),
    )
    flat, total = both.reshape(-1), np.empty(values, np.float32)
    distance, single, half = np.empty(values, np.float32), steps.astype(np.float32), np.float32(0.5)
    for n in range(count):
        for y in range(height):
            red = green = blue = 0
            for i in range(0, wide, 3):
                red, green, blue = (
                    red + images[n, y, i],
                    green + images[n, y, i + 1],
                    blue + images[n, y, i + 2],
                )
                sums[y, i + 3], sums[y, i + 4], sums[y, i + 5] = red, green, blue
        for y in range(height):
            for r in range(reach + 1):
                above, under = sums[rows[y + reach - r]], sums[rows[y + reach + r]]
                for i in range(wide + 3):
                    both[r, i] = above[i] + under[i]
            total[:] = 0
            for k in range(0, len(steps), TOGETHER):
                u, v, w, z = single[k], single[k + 1], single[k + 2], single[k + 3]
                a, b = flat[places[k] :], flat[places[k + 1] :]
                c, d = flat[places[k + 2] :], flat[places[k + 3] :]
                for i in range(values):
                    total[i] = total[i] + u * a[i] + v * b[i] + w * c[i] + z * d[i]
            for i in range(values):
                level = total[i] + margin
                distance[i] = abs(level - np.floor(level + half))
            for i in range(values):
                if distance[i] < error:
                    exact = 0.0
                    for k in range(len(steps)):
                        exact += steps[k] * flat[places[k] + np.uint64(i)]
                    total[i] = exact
            truncate(total, margin, out[n, y])


@corruption(
    imagenet_c=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    cifar_10_c=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
)
def motion_blur(images: np.ndarray, streams: Streams, radius: int, sigma: float) -> np.ndarray:
    """Half a Gaussian of `sigma` pixels over 2 `radius` + 1 steps, along a line within 45 degrees
    of the horizontal."""
    return grey_levels(motion_blurred(images, radius, sigma, streams.uniform(-45, 45).tolist()))


@corruption(
    imagenet_c=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    cifar_10_c=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    further=({"centred": False}, {"centred": True}),
    draws=False,
)
def zoom_blur(
    images: np.ndarray, streams: Streams, stop: float, step: float, centred: bool
) -> np.ndarray:
    """The mean of the image and of its zooms by 1, 1 + `step`, ... up to, but without, `stop`."""
    (height, width), margin = images.shape[1:3], np.float32(ROUNDING_MARGIN)
    wider = cv2.copyMakeBorder(
        images.reshape(-1, width, 3), 0, 0, 0, 1, cv2.BORDER_REPLICATE
    ).astype(np.float32)
    zoomed, rows = np.empty_like(images), wider.reshape(len(images), height, -1)
    zooms = _zooms(height, width, stop, step, centred)
    _mean_of_zooms(rows, *zooms, margin, zoomed.reshape(len(images), height, -1))
    return zoomed


@lru_cache(maxsize=16)
def _zooms(
    height: int, width: int, stop: float, step: float, centred: bool
) -> tuple[np.ndarray, ...]:
    """`above`, `below`, `before`, `ends` and `behind` as `_mean_of_zooms` takes them."""
    factors = np.arange(1, stop, step)[1:].tolist()  # a zoom by 1 changes nothing
    lines = ((zoom_line(side, factor, centred) for factor in factors) for side in (height, width))
    (above, below), (before, behind) = (
        map(np.stack, zip(*of_side, strict=True)) for of_side in lines
    )
    ends = np.stack(
        [np.searchsorted(shifts, shifts, "right") for shifts in np.arange(width) - before]
    )
    return above, below, before, ends, np.repeat(behind, 3, axis=1)


@compiled(fastmath={"contract"})
def _mean_of_zooms(
    images: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    before: np.ndarray,
    ends: np.ndarray,
    behind: np.ndarray,
    margin: np.float32,
    out: np.ndarray,
) -> None:
    """Set `out` to the mean of each image, counted twice, and its zooms, linear first along rows as
    in cv2.remap.

    Each row is stretched once per zoom. Where neighbours come from neighbours, they are a run,
    handled together.

    Args:
        images: float32 N x H x V, V = 3 (W + 1): a pixel that no weight is given to is behind each
            row.
        above: int64 F x H, row from which each row of a zoom comes; below: float32 F x H, weight of
            the row after it.
        before: int64 F x W, pixel from which each pixel of a row comes; ends: int64 F x W, where
            its run ends.
        behind: float32 F x 3 W, weight of the pixel after it, for each channel.
        margin: number that is added before values are truncated.
        out: uint8 N x H x 3 W.
    """
    (zooms, height), values = above.shape, out.shape[2]
    rows, total = np.empty((zooms, 2, values), np.float32), np.empty(values, np.float32)
    held = np.empty((zooms, 2), np.int64)
    for n in range(len(images)):
        held[:] = -1
        for y in range(height):
            row = images[n, y]
            for i in range(values):
                total[i] = 2 * row[i]
            for f in range(zooms):
                first, last, weight = above[f, y], min(above[f, y] + 1, height - 1), below[f, y]
                for source in (first, last):
                    if held[f, source % 2] != source:
                        _stretch(
                            images[n, source], before[f], ends[f], behind[f], rows[f, source % 2]
                        )
                        held[f, source % 2] = source
                one, other = rows[f, first % 2], rows[f, last % 2]
                for i in range(values):
                    total[i] += one[i] + weight * (other[i] - one[i])
            for i in range(values):
                total[i] /= np.float32(zooms + 2)
            truncate(total, margin, out[n, y])


@compiled(fastmath={"contract"})
def _stretch(
    row: np.ndarray, before: np.ndarray, ends: np.ndarray, behind: np.ndarray, out: np.ndarray
) -> None:
    """Set a row of a zoom (float32 3 W) from one of an image; arguments as of `_mean_of_zooms`."""
    x = 0
    while x < len(ends):
        near, weights, run = row[3 * before[x] :], behind[3 * x :], out[3 * x : 3 * ends[x]]
        far = near[3:]
        for i in range(len(run)):
            run[i] = near[i] + weights[i] * (far[i] - near[i])
        x = ends[x]


@corruption(
    imagenet_c=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    cifar_10_c=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
)
def glass_blur(
    images: np.ndarray, streams: Streams, sigma: float, shift: int, iterations: int
) -> np.ndarray:
    """Pixels replaced by random neighbours between two Gaussian blurs of `sigma` pixels.

    From the bottom right to the top left, each pixel takes the colour of one whose offsets are
    drawn from -`shift` to `shift` - 1. Two quirks of the published code are kept on purpose,
    because published errors were measured with them: it means to swap the two pixels, but assigns
    NumPy views to each other, which copies; and it never draws `shift`.
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
