"""Weather of Hendrycks and Dietterich (ICLR 2019), as in imagecorruptions; see
`registry.Corruption`."""

from functools import lru_cache
from importlib.util import find_spec
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from resiliency.base.machine import compiled
from resiliency.corruptions.filters import (
    ROUNDING_MARGIN,
    Streams,
    blurred,
    brighten,
    grey_levels,
    in_three_channels,
    looked_up,
    motion_blurred,
    normal_quantiles,
    normals,
    packed,
    random_steps,
    uniforms,
    unpacked,
    zoom_line,
)
from resiliency.corruptions.registry import corruption

PICTURES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg", "frost6.jpg")
WATER = np.float32([175, 238, 238])
MUD = np.float32([63, 42, 20])


@corruption(
    imagenet_c=(0.1, 0.2, 0.3, 0.4, 0.5),
    cifar_10_c=(0.05, 0.1, 0.15, 0.2, 0.3),
    draws=False,
)
def brightness(images: np.ndarray, streams: Streams, shift: float) -> np.ndarray:
    """`shift` added to the value of hue, saturation and value.

    Hue and saturation stay, so that a colour is multiplied by the ratio of the new value, max(r, g,
    b), to the old one. Black becomes grey.
    """
    pixels = packed(images)
    brighten(pixels.reshape(-1), np.float32(255 * shift), np.float32(ROUNDING_MARGIN))
    return unpacked(pixels)


@corruption(
    imagenet_c=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    cifar_10_c=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
)
def fog(images: np.ndarray, streams: Streams, weight: float, decay: float) -> np.ndarray:
    """(x + `weight` h) max(x) / (max(x) + `weight`), h a plasma fractal in 0..1, the maximum taken
    over each image."""
    height, width = images.shape[1:3]
    size = 1 << (max(height, width) - 1).bit_length()
    foggy = in_three_channels(
        plasma(streams, size, decay)[:, :height, :width] * np.float32(255 * weight)
    )
    foggy += images
    brightest = images.max(axis=(1, 2, 3), keepdims=True).astype(np.float32)
    foggy *= brightest / (brightest + np.float32(255 * weight))
    return grey_levels(foggy)


def plasma(streams: Streams, size: int, decay: float) -> np.ndarray:
    """float32 Nx`size`x`size` in 0..1: fractal height maps by the diamond-square algorithm, wrapped
    around.

    `size` is a power of two. Noise is added at each scale; from one scale to the next its amplitude
    shrinks by `decay` squared.
    """
    noise = uniforms(streams, (size * size - 1,))
    maps = np.zeros((len(streams), 1, 1), np.float32)
    amplitude, used = 100.0**2, 0
    while (side := maps.shape[1]) < size:
        finer = np.empty((len(streams), side, 2, side, 2), np.float32)
        _refine(
            maps,
            noise[:, used : used + 3 * side**2].reshape(-1, 3, side, side),
            np.float32(amplitude),
            finer,
        )
        maps = finer.reshape(-1, 2 * side, 2 * side)
        amplitude, used = amplitude / decay**2, used + 3 * side**2
    maps -= maps.min(axis=(1, 2), keepdims=True)
    maps /= maps.max(axis=(1, 2), keepdims=True)
    return maps


@compiled()
def _refine(maps: np.ndarray, noise: np.ndarray, amplitude: np.float32, finer: np.ndarray) -> None:
    """Set `finer` to `maps` and, between their heights, means of the four heights around, plus
    noise.

    Args:
        maps: float32 N x S x S; noise: float32 N x 3 x S x S, for each height's diagonal, right and
            lower neighbour.
        finer: float32 N x S x 2 x S x 2.
    """
    side, quarter = maps.shape[1], np.float32(0.25)
    for n in range(len(maps)):
        old, new, rough = maps[n], finer[n], noise[n]
        for y in range(side):
            below = old[y + 1 - side]  # places below 0 are counted from the end
            for x in range(side):
                right = x + 1 - side
                around = (old[y, x] + below[x]) + (old[y, right] + below[right])
                new[y, 0, x, 0] = old[y, x]
                new[y, 1, x, 1] = around * quarter + rough[0, y, x] * amplitude
        for y in range(side):
            for x in range(side):
                middle, above, left = new[y, 1, x, 1], new[y - 1, 1, x, 1], new[y, 1, x - 1, 1]
                along, across = old[y, x] + old[y, x + 1 - side], old[y, x] + old[y + 1 - side, x]
                new[y, 0, x, 1] = (middle + above + along) * quarter + rough[1, y, x] * amplitude
                new[y, 1, x, 0] = (middle + left + across) * quarter + rough[2, y, x] * amplitude


@corruption(
    imagenet_c=((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    cifar_10_c=((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    further=({"scale": 1.1, "smooth": True}, {"scale": 0.2, "smooth": False}),
)
def frost(
    images: np.ndarray,
    streams: Streams,
    weight: float,
    frost_weight: float,
    scale: float,
    smooth: bool,
) -> np.ndarray:
    """`weight` x + `frost_weight` f, f a random part of one of the package's six pictures of frost.

    The pictures are first resized to `scale` of their size, or more where they would not cover the
    image; `smooth` takes cubic interpolation in place of linear. Published code never picks the
    sixth picture; here all six appear (the second and the third are the same picture).
    """
    height, width = images.shape[1:3]
    frosty, figures = (
        np.empty_like(images),
        (np.float32(weight), np.float32(frost_weight), np.float32(ROUNDING_MARGIN)),
    )
    for image, drawn, out in zip(images, streams.parts("<u4", (3,)).tolist(), frosty, strict=True):
        picture = _picture(drawn[0] * len(PICTURES) >> 32, height, width, scale, smooth)
        top = drawn[1] * (picture.shape[0] - height + 1) >> 32
        left = drawn[2] * (picture.shape[1] - width + 1) >> 32
        _freeze(
            image.ravel(),
            picture[top : top + height, left : left + width].ravel(),
            *figures,
            out.reshape(-1),
        )
    return frosty


@compiled()
def _freeze(
    image: np.ndarray,
    part: np.ndarray,
    weight: np.float32,
    other: np.float32,
    margin: np.float32,
    out: np.ndarray,
) -> None:
    """Set `out` to `weight` times `image` plus `other` times `part`, clipped and truncated; uint8 V
    each."""
    for i in range(len(out)):
        value = np.float32(image[i]) * weight + np.float32(part[i]) * other
        out[i] = np.int32(min(value + margin, np.float32(255)))


@lru_cache(maxsize=12)
def _picture(number: int, height: int, width: int, scale: float, smooth: bool) -> np.ndarray:
    """uint8 RGB: picture `number` (0 to 5) of frost, large enough for an image of `height` and
    `width`."""
    folder = Path(find_spec("imagecorruptions").origin).parent / "frost"
    picture = cv2.cvtColor(cv2.imread(str(folder / PICTURES[number])), cv2.COLOR_BGR2RGB)
    full_height, full_width = picture.shape[:2]
    scale = max(scale, 1.1 * height / full_height, 1.1 * width / full_width)
    size = ceil(full_width * scale), ceil(full_height * scale)
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR)


@corruption(
    imagenet_c=(
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    cifar_10_c=(
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    further=({"centred": False}, {"centred": True}),
)
def snow(
    images: np.ndarray,
    streams: Streams,
    mean: float,
    spread: float,
    zoom: float,
    threshold: float,
    radius: int,
    sigma: float,
    weight: float,
    centred: bool,
) -> np.ndarray:
    """A whitened image, and flakes smeared by the wind, once as they are and once turned around.

    Flakes are normal noise (`mean`, `spread`) enlarged by `zoom`, of which what lies below
    `threshold` is cleared. `radius` and `sigma` are those of the smear; `weight` is that of the
    image.
    """
    height, width = images.shape[1:3]
    (above, below), (before, behind) = (
        zoom_line(side, float(zoom), centred) for side in (height, width)
    )
    drawn = random_steps(streams, (height, width)).take(
        np.arange(above[0], above[-1] + 2), 1, mode="clip"
    )
    drawn = drawn.take(np.arange(before[0], before[-1] + 2), 2, mode="clip")
    noise = looked_up(drawn, normal_quantiles()) * np.float32(spread) + np.float32(mean)
    flakes = np.empty(images.shape[:3], np.float32)
    _enlarge(
        noise, above - above[0], below, before - before[0], behind, np.float32(threshold), flakes
    )
    flakes = motion_blurred(flakes, radius, sigma, streams.uniform(-135, -45).tolist())
    pixels = packed(images)
    _whiten(pixels, flakes, np.float32(weight), np.float32(1 - weight), np.float32(ROUNDING_MARGIN))
    return unpacked(pixels)


@compiled(fastmath={"contract"})
def _enlarge(
    noise: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    before: np.ndarray,
    behind: np.ndarray,
    threshold: np.float32,
    flakes: np.ndarray,
) -> None:
    """Set `flakes` to enlarged noise, linear first along rows as in cv2.remap, at most 1, and 0
    below `threshold`.

    Args:
        noise: float32 N x S x T.
        above, before: int64 H and W, the row and the column before each pixel.
        below, behind: float32 H and W, the weights of the next ones.
        flakes: float32 N x H x W.
    """
    wider, black, white = (
        np.empty((noise.shape[1], len(before)), np.float32),
        np.float32(0),
        np.float32(1),
    )
    for n in range(len(noise)):
        for y in range(len(wider)):
            row = noise[n, y]
            for x in range(len(before)):
                near = row[before[x]]
                wider[y, x] = near + behind[x] * (row[before[x] + 1] - near)
        for y in range(len(above)):
            upper, lower, weight, row = wider[above[y]], wider[above[y] + 1], below[y], flakes[n, y]
            for x in range(len(row)):
                value = upper[x] + weight * (lower[x] - upper[x])
                row[x] = min(value, white) if value >= threshold else black


@compiled()
def _whiten(
    pixels: np.ndarray, flakes: np.ndarray, weight: np.float32, rest: np.float32, margin: np.float32
) -> None:
    """Set x to `weight` x + `rest` max(x, 1.5 grey + 0.5 of the full range), and add flakes, once
    turned around.

    Args:
        pixels: int32 N x H x W, channels in the lower three bytes.
        flakes: float32 N x H x W in 0..1, rounded to grey levels before they are added.
        margin: number that is added before values are truncated.
    """
    byte, white, half, middle = np.int32(255), np.float32(255), np.float32(1.5), np.float32(127.5)
    height, width = flakes.shape[1:]
    snow = np.empty(width, np.float32)
    for n in range(len(pixels)):
        for y in range(height):
            row, one, other = pixels[n, y], flakes[n, y], flakes[n, height - 1 - y]
            for x in range(width):
                snow[x] = np.rint(one[x] * white) + np.rint(other[width - 1 - x] * white)
            for x in range(width):
                red = np.float32(row[x] & byte)
                green = np.float32(row[x] >> np.int32(8) & byte)
                blue = np.float32(row[x] >> np.int32(16) & byte)
                bright = _grey(red, green, blue) * half + middle
                red = min(red * weight + max(red, bright) * rest + snow[x] + margin, white)
                green = min(green * weight + max(green, bright) * rest + snow[x] + margin, white)
                blue = min(blue * weight + max(blue, bright) * rest + snow[x] + margin, white)
                row[x] = (
                    np.int32(red) | np.int32(green) << np.int32(8) | np.int32(blue) << np.int32(16)
                )


@compiled(fastmath={"contract"})
def _grey(red: np.float32, green: np.float32, blue: np.float32) -> np.float32:
    """The grey level of a colour, as OpenCV has it."""
    return red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)


@corruption(
    imagenet_c=(
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
    cifar_10_c=(
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
)
def spatter(
    images: np.ndarray,
    streams: Streams,
    mean: float,
    spread: float,
    sigma: float,
    threshold: float,
    strength: float,
    mud: int,
) -> np.ndarray:
    """Drops of water, or of mud where `mud` is 1, on the lens.

    Drops are where normal noise (`mean`, `spread`), blurred by `sigma` pixels, exceeds `threshold`.
    An image without any drop stays as it is; the published code turns it black. `strength` is of
    the water; of mud it is the blur, in pixels, of what the drops cover.
    """
    noise = normals(streams, images.shape[1:3]) * np.float32(spread) + np.float32(mean)
    spattered = images.astype(np.float32)
    for image, layer in zip(spattered, noise, strict=True):
        liquid = blurred(layer, sigma)
        liquid[liquid < threshold] = 0
        if mud:
            cover = blurred((liquid > threshold).astype(np.float32), strength)
            cover[cover < 0.8] = 0
            image += cover[..., None] * (MUD - image)
        else:
            image += (_water(liquid) * np.float32(strength))[..., None] * WATER
    return grey_levels(spattered)


def _water(liquid: np.ndarray) -> np.ndarray:
    """float32 HxW in 0..1: how much the drops of `liquid` (float32 HxW) shine, their rims most; 0
    without any drop."""
    drops = (np.minimum(liquid, 1) * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    distance = cv2.equalizeHist(cv2.blur(np.minimum(distance, 20), (3, 3)).astype(np.uint8))
    relief = cv2.filter2D(distance, cv2.CV_8U, np.float32([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    shine = drops * cv2.blur(relief, (3, 3)).astype(np.float32)
    brightest = shine.max()
    return shine / brightest if brightest > 0 else np.zeros_like(shine)
