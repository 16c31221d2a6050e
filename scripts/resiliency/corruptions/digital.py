"""Digital changes of Hendrycks and Dietterich (ICLR 2019), as in imagecorruptions; see
`registry.Corruption`."""

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from resiliency.base.machine import compiled
from resiliency.corruptions.filters import (
    ROUNDING_MARGIN,
    Streams,
    gaussian_kernel,
    grey_levels,
    in_three_channels,
    map_images,
    packed,
    uniforms,
    unpacked,
)
from resiliency.corruptions.registry import corruption


@corruption(
    imagenet_c=(0.4, 0.3, 0.2, 0.1, 0.05),
    cifar_10_c=(0.75, 0.5, 0.4, 0.3, 0.15),
    draws=False,
)
def contrast(images: np.ndarray, streams: Streams, factor: float) -> np.ndarray:
    """(x - m) `factor` + m, m the mean of each image's channel."""
    means = np.array([cv2.mean(image)[:3] for image in images])
    rows = np.tile((means * (1 - factor)).astype(np.float32), images.shape[2])[:, None]
    paler = images * np.float32(factor)
    paler.reshape(*images.shape[:2], -1)[...] += rows
    return grey_levels(paler)


@corruption(
    imagenet_c=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    cifar_10_c=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    draws=False,
)
def saturate(images: np.ndarray, streams: Streams, factor: float, shift: float) -> np.ndarray:
    """s `factor` + `shift` in place of the saturation s of hue, saturation and value.

    Hue and value stay, so that the distance of each channel from the value v = max(r, g, b) is
    multiplied by the ratio of the new saturation to the old one, (v - min(r, g, b)) / v. Grey has
    the hue of red, as in scikit-image.
    """
    red, green, blue = (
        of.reshape(images.shape[:3]) for of in cv2.split(images.reshape(-1, *images.shape[2:]))
    )
    value = np.maximum(np.maximum(red, green), blue).astype(np.float32)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    grey = chroma == 0
    old = chroma / np.maximum(value, 1)
    new = np.clip(old * np.float32(factor) + np.float32(shift), 0, 1)
    old[grey] = 1
    ratio = new / old
    saturated = in_three_channels(value)
    saturated -= (saturated - images) * in_three_channels(ratio)
    if shift:
        saturated[grey, 1:] = (value * (1 - new))[grey, None]
    return grey_levels(saturated)


@corruption(
    # imagenet_c: the package's 250 times (.05 .065 .085 .1 .12), times .005
    imagenet_c=(
        (0.0625, 0.01, 0),
        (0.08125, 0.01, 0),
        (0.10625, 0.01, 0),
        (0.125, 0.01, 0),
        (0.15, 0.01, 0),
    ),
    cifar_10_c=(
        (0, 0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
)
def elastic_transform(
    images: np.ndarray, streams: Streams, displacement: float, sigma: float, corners: float
) -> np.ndarray:
    """Pixels moved by smooth random displacements, after a random affine map that shifts three
    points by `corners`.

    Displacements are uniform in -1..1 times `displacement` of the height, blurred by `sigma` of the
    height and width; `corners` is a share of the shorter side. With `corners` 0 there is no affine
    map.
    """
    height, width = images.shape[1:3]
    moves = uniforms(streams, (2, height, width))
    moves *= displacement * height
    down, across = gaussian_kernel(sigma * height, 3), gaussian_kernel(sigma * width, 3)
    if not corners and displacement * height < width:
        # All at once: OpenCV's calls take longer than they blur and move a small image.
        margin = len(down) // 2
        wider = np.take(moves, np.pad(np.arange(height), margin, "symmetric"), axis=2)
        smooth = cv2.sepFilter2D(
            wider.reshape(-1, width), -1, across, down, borderType=cv2.BORDER_REFLECT
        )
        pixels = np.empty(images.shape[:3], np.int32)
        _move(packed(images), smooth.reshape(wider.shape), margin, pixels)
        return unpacked(pixels)
    y, x = np.indices((height, width), dtype=np.float32)
    reach = corners * min(height, width)
    shifts = streams.uniform(-reach, reach, (3, 2)).astype(np.float32)

    def moved(image: np.ndarray, shift: np.ndarray, move: np.ndarray, out: np.ndarray) -> None:
        # To cv2.remap, four channels take a third of the time of three, with the same result.
        pixels: np.ndarray = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).astype(np.float32)
        if corners:
            pixels = _sheared(pixels, shift)
        dy, dx = (
            cv2.sepFilter2D(part, -1, across, down, borderType=cv2.BORDER_REFLECT) for part in move
        )
        pixels = cv2.remap(pixels, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB, out)

    return grey_levels(map_images(images, moved, shifts, moves))


def _sheared(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """`image` (float32 HxWx4) under the affine map that moves three points around its middle by
    `shift` (3x2)."""
    height, width = image.shape[:2]
    middle, reach = np.float32([width // 2, height // 2]), min(height, width) // 3
    points = middle + np.float32([[reach, reach], [reach, -reach], [-reach, -reach]])
    matrix = cv2.getAffineTransform(points, points + shift)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)


@compiled(fastmath={"contract"})
def _move(pixels: np.ndarray, moves: np.ndarray, skipped: int, moved: np.ndarray) -> None:
    """Set `moved` to values from between the pixels of a mirrored image, linear first along rows as
    in cv2.remap.

    Loops over a row do one thing each, which a processor does to many pixels at once.

    Args:
        pixels: int32 N x H x W, channels in the lower three bytes.
        moves: float32 N x 2 x H' x W, after `skipped` rows how far below and behind each pixel its
            values come from; less than H and W.
        moved: int32 N x H x W.
    """
    height, width = pixels.shape[1:]
    places, near = np.empty((4, width), np.uint32), np.empty((4, width), np.int32)
    below, behind = np.empty(width, np.float32), np.empty(width, np.float32)
    margin, byte = np.float32(ROUNDING_MARGIN), np.int32(255)
    for n in range(len(pixels)):
        image = pixels[n].reshape(-1)
        for y in range(height):
            down, across, row = moves[n, 0, y + skipped], moves[n, 1, y + skipped], moved[n, y]
            _locate(np.float32(y), down, across, height, places, below, behind)
            for k in range(4):
                for x in range(width):
                    near[k, x] = image[places[k, x]]
            row[:] = 0
            for bits in range(0, 24, 8):
                shift = np.int32(bits)
                for x in range(width):
                    one, two = (
                        np.float32(near[0, x] >> shift & byte),
                        np.float32(near[1, x] >> shift & byte),
                    )
                    three, four = (
                        np.float32(near[2, x] >> shift & byte),
                        np.float32(near[3, x] >> shift & byte),
                    )
                    upper, lower = one + behind[x] * (two - one), three + behind[x] * (four - three)
                    row[x] |= np.int32(upper + below[x] * (lower - upper) + margin) << shift


@compiled()
def _locate(
    y: np.float32,
    down: np.ndarray,
    across: np.ndarray,
    height: int,
    places: np.ndarray,
    below: np.ndarray,
    behind: np.ndarray,
) -> None:
    """Set `places` (uint32 4xW) to the four pixels around where each one of row `y` comes from.

    `below` and `behind` (float32 W) are set to the weights of the lower and of the right ones.
    """
    one, rows, columns = np.int32(1), np.int32(height), np.int32(len(down))
    for x in range(len(down)):
        v, u = y + down[x], np.float32(np.int32(x)) + across[x]
        top, left = np.int32(np.floor(v)), np.int32(np.floor(u))
        below[x], behind[x] = v - np.float32(top), u - np.float32(left)
        upper, lower = _mirrored(top, rows) * columns, _mirrored(top + one, rows) * columns
        near, far = _mirrored(left, columns), _mirrored(left + one, columns)
        places[0, x], places[1, x], places[2, x], places[3, x] = (
            upper + near,
            upper + far,
            lower + near,
            lower + far,
        )


@compiled()
def _mirrored(index: np.int32, count: np.int32) -> np.int32:
    """The place of `index`, from -`count` to 2 `count` - 1, in a row of `count` that is mirrored at
    both ends."""
    index ^= index >> np.int32(31)
    return min(index, np.int32(2) * count - np.int32(1) - index)


@corruption(
    imagenet_c=(0.6, 0.5, 0.4, 0.3, 0.25),
    cifar_10_c=(0.95, 0.9, 0.85, 0.75, 0.65),
    further=({"enlarge": "nearest"}, {"enlarge": "box"}),
    draws=False,
)
def pixelate(images: np.ndarray, streams: Streams, scale: float, enlarge: str) -> np.ndarray:
    """Shrunk to `scale` by averaging, and enlarged again by `enlarge`: "nearest" or "box"."""
    coarse = np.empty_like(images)
    _coarsen(images, *(_cells(side, scale, enlarge) for side in images.shape[1:3]), coarse)
    return coarse


@lru_cache(maxsize=16)
def _cells(side: int, scale: float, enlarge: str) -> tuple[np.ndarray, ...]:
    """The cells along a side of the image, as Pillow makes them, with which the generators resize.

    Returns:
        int64: the first pixel of each cell, the one behind its last, one over their number in units
        of 2**-22, and, of each pixel, the cell that it then shows.
    """
    count, pixels = int(side * scale), np.arange(side)
    size = side / count
    middles = (np.arange(count)[:, None] + 0.5) * size
    distances = (pixels - middles + 0.5) * (1 / size)
    first, behind = (middles - size / 2 + 0.5).astype(int), (middles + size / 2 + 0.5).astype(int)
    inside = (distances > -0.5) & (distances <= 0.5) & (pixels >= first) & (pixels < behind)
    row = Image.fromarray(np.arange(count, dtype=np.float32)[None])
    shown = np.asarray(row.resize((side, 1), Image.Resampling[enlarge.upper()]))[0]
    starts, members = inside.argmax(axis=1), inside.sum(axis=1)
    return (
        starts,
        starts + members,
        (2**22 / members + 0.5).astype(np.int64),
        shown.astype(np.int64),
    )


@compiled()
def _coarsen(images: np.ndarray, down: tuple, across: tuple, coarse: np.ndarray) -> None:
    """Set `coarse` to the mean of the cell that each pixel shows; `down` and `across` as from
    `_cells`.

    As in Pillow, means are rounded along rows first, then along columns; images are uint8 NxHxWx3.
    """
    (tops, bottoms, shares, rows), (lefts, rights, portions, columns) = down, across
    sums, cells = (
        np.empty((len(lefts), 3), np.int64),
        np.empty((len(tops), len(lefts), 3), np.uint8),
    )
    for n in range(len(images)):
        for r in range(len(tops)):
            sums[:] = 2**21
            for y in range(tops[r], bottoms[r]):
                row = images[n, y]
                for c in range(len(lefts)):
                    red = green = blue = 0
                    for x in range(lefts[c], rights[c]):
                        red, green, blue = red + row[x, 0], green + row[x, 1], blue + row[x, 2]
                    weight = portions[c]
                    sums[c, 0] += (red * weight + 2**21 >> 22) * shares[r]
                    sums[c, 1] += (green * weight + 2**21 >> 22) * shares[r]
                    sums[c, 2] += (blue * weight + 2**21 >> 22) * shares[r]
            for c in range(len(lefts)):
                for channel in range(3):
                    cells[r, c, channel] = sums[c, channel] >> 22
        for y in range(len(rows)):
            if y and rows[y] == rows[y - 1]:
                above, same = coarse[n, y - 1].reshape(-1), coarse[n, y].reshape(-1)
                # An assignment of slices takes numba two seconds to compile.
                for i in range(len(same)):
                    same[i] = above[i]
            else:
                row = cells[rows[y]]
                for x in range(len(columns)):
                    cell = columns[x]
                    coarse[n, y, x, 0], coarse[n, y, x, 1], coarse[n, y, x, 2] = (
                        row[cell, 0],
                        row[cell, 1],
                        row[cell, 2],
                    )


@corruption(
    imagenet_c=(25, 18, 15, 10, 7),
    cifar_10_c=(80, 65, 58, 50, 40),
    draws=False,
)
def jpeg_compression(images: np.ndarray, streams: Streams, quality: int) -> np.ndarray:
    """Encoded as JPEG of `quality` (1 to 100), with colour at half the resolution, and decoded."""
    decoded = np.empty_like(images)
    swapped = cv2.cvtColor(images.reshape(-1, *images.shape[2:]), cv2.COLOR_RGB2BGR).reshape(
        images.shape
    )
    for index, image in enumerate(swapped):
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded[index] = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return decoded
