"""Shared parts of corruptions: random streams, rounding, Gaussian and motion blur, zoom, and
compiled loops.

Values are float32 in grey levels, 0 to 255, unless a docstring says otherwise. A stream is a PCG64
(O'Neill 2014) that NumPy's SeedSequence seeds with the words of the stream's hash. The streams of
many images draw together, each what NumPy's generator would: making its objects takes longer than
drawing what a small image needs.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from math import ceil, cos, prod, radians, sin
from statistics import NormalDist

import cv2
import numpy as np

from resiliency.base.machine import compiled

_LOW, _HALF, _ONE = np.uint64(2**32 - 1), np.uint64(32), np.uint64(1)
# The multiplier of PCG64, in two words.
_HIGH_FACTOR, _LOW_FACTOR = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
# Constants of SeedSequence: initial values and factors for mixing and for yielding words, and two
# for mixing pools.
_MIXING, _MIXING_FACTOR = np.uint64(0x43B0D7E5), np.uint64(0x931E8875)
_YIELDING, _YIELDING_FACTOR = np.uint64(0x8B51F9DD), np.uint64(0x58F38DED)
_OWN, _OTHER = np.uint64(0xCA01F9DD), np.uint64(0x4973F715)
_SHIFT, _ROTATION = np.uint64(16), np.uint64(58)


class Streams:
    """The streams (seed, *names, index) of `indices`: what all of them draw next, as one array."""

    def __init__(self, seed: int, names: Sequence[str | int], indices: Sequence[int]):
        self.seed, self.names, self.indices = seed, names, indices

    def __len__(self) -> int:
        return len(self.indices)

    @cached_property
    def _states(self) -> np.ndarray:
        """uint64 Nx4: each stream's state and step, as `seeded` sets them."""
        states = np.empty((len(self), 4), np.uint64)
        seeded(entropies(self.seed, self.names, self.indices), states)
        return states

    def words(self, count: int) -> np.ndarray:
        """uint64 Nx`count`: the next words of each stream."""
        words = np.empty((len(self), count), np.uint64)
        draw(self._states, words)
        return words

    def parts(self, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        """Nx`shape`: the next parts of words of each stream, the lowest first; `kind` is "<u2" or
        "<u4".

        Those of 16 bits are what Generator.integers takes. Those of 32 bits, times n and without
        the lower 32 bits of the product, are what Generator.integers(n) draws, but where that draws
        anew, less than n times in 2**32.
        """
        size, of_word = prod(shape), 8 // np.dtype(kind).itemsize
        words = self.words(-(-size // of_word)).astype("<u8", copy=False)
        return words.view(kind)[:, :size].reshape(-1, *shape)

    def uniform(self, low: float, high: float, shape: tuple[int, ...] = ()) -> np.ndarray:
        """float64 Nx`shape` from `low` to `high`, as Generator.uniform draws them."""
        drawn = (self.words(int(np.prod(shape))) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * drawn).reshape(-1, *shape)


def entropies(seed: int, names: Sequence[str | int], indices: Sequence[int]) -> np.ndarray:
    """uint64 Nx8: of each index the words of 32 bits, least significant first, of `entropy(seed,
    *names, index)`."""
    common = hashlib.sha256(json.dumps([seed, *names, 0]).removesuffix("0]").encode())
    digests = bytearray()
    for index in indices:
        own = common.copy()
        own.update(b"%d]" % index)
        digests += own.digest()
    return np.frombuffer(digests, ">u4").reshape(-1, 8)[:, ::-1].astype(np.uint64)


@compiled()
def seeded(entropies: np.ndarray, states: np.ndarray) -> None:
    """Set `states` (uint64 Nx4) to the state and the step, high word first, of PCG64 seeded with
    each row of words.

    Args:
        entropies: uint64 N x 8, words of 32 bits, least significant first; leading zeros do not
            seed.
    """
    pool, yielded = np.empty(4, np.uint64), np.empty(4, np.uint64)
    for n in range(len(entropies)):
        _mix(entropies[n], pool)
        constant = _YIELDING
        for i in range(4):
            low, constant = _hashed(pool[2 * i % 4], constant, _YIELDING_FACTOR)
            high, constant = _hashed(pool[2 * i % 4 + 1], constant, _YIELDING_FACTOR)
            yielded[i] = low | high << _HALF
        state = states[n]
        state[2] = yielded[2] << _ONE | yielded[3] >> np.uint64(63)
        state[3] = yielded[3] << _ONE | _ONE
        low = state[3] + yielded[1]
        state[0], state[1] = state[2] + yielded[0] + np.uint64(low < yielded[1]), low
        state[0], state[1] = _stepped(state[0], state[1], state[2], state[3])


@compiled()
def _mix(entropy: np.ndarray, pool: np.ndarray) -> None:
    """Set the four words of a SeedSequence's pool from those of its entropy."""
    length, constant = len(entropy), _MIXING
    while length > 4 and not entropy[length - 1]:
        length -= 1
    for i in range(4):
        pool[i], constant = _hashed(entropy[i], constant, _MIXING_FACTOR)
    for source in range(length):
        for target in range(4):
            if source != target:
                word = pool[source] if source < 4 else entropy[source]
                word, constant = _hashed(word, constant, _MIXING_FACTOR)
                mixed = (_OWN * pool[target] - _OTHER * word) & _LOW
                pool[target] = mixed ^ mixed >> _SHIFT


@compiled()
def _hashed(word: np.uint64, constant: np.uint64, factor: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The hash of a word of 32 bits, and the constant of the next one."""
    following = constant * factor & _LOW
    word = (word ^ constant) * following & _LOW
    return word ^ word >> _SHIFT, following


@compiled()
def draw(states: np.ndarray, words: np.ndarray) -> None:
    """Set `words` (uint64 NxW) to the next ones of each stream, whose `states` (see `seeded`) move
    on."""
    for n in range(len(words)):
        high, low, step_high, step_low = states[n]
        row = words[n]
        for i in range(len(row)):
            high, low = _stepped(high, low, step_high, step_low)
            word, turn = high ^ low, high >> _ROTATION
            row[i] = word >> turn | word << (np.uint64(64) - turn & np.uint64(63))
        states[n, 0], states[n, 1] = high, low


@compiled()
def _stepped(
    high: np.uint64, low: np.uint64, step_high: np.uint64, step_low: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """A state of 128 bits times PCG64's multiplier, plus the step."""
    product = low * _LOW_FACTOR
    new, moved = (
        product + step_low,
        _high_product(low, _LOW_FACTOR) + high * _LOW_FACTOR + low * _HIGH_FACTOR,
    )
    return moved + step_high + np.uint64(new < product), new


@compiled()
def _high_product(one: np.uint64, other: np.uint64) -> np.uint64:
    """The high word of a product of two words."""
    near, far, other_near, other_far = one & _LOW, one >> _HALF, other & _LOW, other >> _HALF
    middle = far * other_near + (near * other_near >> _HALF)
    return far * other_far + (middle >> _HALF) + (near * other_far + (middle & _LOW) >> _HALF)


TOGETHER = 4  # number of steps along a line that one pass over a row adds


@compiled(fastmath={"contract"})
def smear(
    images: np.ndarray, weights: np.ndarray, steps: np.ndarray, counts: np.ndarray, out: np.ndarray
) -> None:
    """Set `out` to weighted sums of each image moved by the steps of its own; rows beyond the
    border repeat it.

    Args:
        images: float32 N x H x P, wide enough for all steps.
        weights: float32 N x K, K a multiple of `TOGETHER`.
        steps: int64 N x K x 2, row and value from which each step adds to the first value of `out`.
        counts: int64 N, number of steps with a weight.
        out: float32 N x H x V.
    """
    height, values = out.shape[1:]
    for n in range(len(out)):
        image, down = images[n], steps[n, :, 0]
        for y in range(height):
            row = out[n, y]
            row[:] = 0
            for k in range(0, counts[n], TOGETHER):
                u, v, w, z = weights[n, k], weights[n, k + 1], weights[n, k + 2], weights[n, k + 3]
                a = image[min(max(y + down[k], 0), height - 1), steps[n, k, 1] :]
                b = image[min(max(y + down[k + 1], 0), height - 1), steps[n, k + 1, 1] :]
                c = image[min(max(y + down[k + 2], 0), height - 1), steps[n, k + 2, 1] :]
                d = image[min(max(y + down[k + 3], 0), height - 1), steps[n, k + 3, 1] :]
                for i in range(values):
                    row[i] = row[i] + u * a[i] + v * b[i] + w * c[i] + z * d[i]


@compiled()
def truncate(values: np.ndarray, margin: np.float32, out: np.ndarray) -> None:
    """Set `out` (uint8 V) to `values` (float32 V) plus `margin`, clipped to 0..255 and
    truncated."""
    black, white = np.float32(0), np.float32(255)
    for i in range(len(values)):
        out[i] = np.int32(min(max(values[i] + margin, black), white))


@compiled()
def copy_neighbours(pixels: np.ndarray, drawn: np.ndarray, offsets: np.ndarray, shift: int) -> None:
    """Copy neighbours to pixels one after the other, from the bottom right to the top left.

    Args:
        pixels: int32 N x H x W.
        drawn: uint16 N x (H - 2 `shift`) x (W - 2 `shift`), choice of a neighbour for each pixel
            away from the border.
        offsets: int64 F, distance of each possible neighbour behind a pixel, in pixels of the
            flattened image.
    """
    height, width = pixels.shape[1:]
    for n in range(len(pixels)):
        image = pixels[n].reshape(-1)
        for y in range(height - shift, shift, -1):
            row = drawn[n, y - shift - 1]
            for x in range(width - shift, shift, -1):
                place = y * width + x
                image[place] = image[place + offsets[row[x - shift - 1] * len(offsets) >> 16]]


@compiled(fastmath={"contract"})
def brighten(pixels: np.ndarray, shift: np.float32, margin: np.float32) -> None:
    """Raise the largest channel of each pixel by `shift`, up to 255, and the others in proportion;
    black becomes grey.

    Args:
        pixels: int32 P, channels in the lower three bytes.
        margin: number that is added before values are truncated.
    """
    byte, white, one = np.int32(255), np.float32(255), np.float32(1)
    for i in range(len(pixels)):
        red = np.float32(np.int32(pixels[i] & byte))
        green = np.float32(np.int32(pixels[i] >> np.int32(8) & byte))
        blue = np.float32(np.int32(pixels[i] >> np.int32(16) & byte))
        value = max(red, max(green, blue))
        factor = min(value + shift, white) / max(value, one)
        added = margin if value else margin + shift
        red = min(red * factor + added, white)
        green = min(green * factor + added, white)
        blue = min(blue * factor + added, white)
        pixels[i] = np.int32(red) | np.int32(green) << np.int32(8) | np.int32(blue) << np.int32(16)


# Added before truncation, so that an error in float32's last digits does not cost a whole grey
# level.
ROUNDING_MARGIN = 2**-10
# Random numbers of 16 bits pick one of so many equally likely values, which makes probabilities
# exact to 2**-17.
STEPS = 2**16


def grey_levels(values: np.ndarray) -> np.ndarray:
    """`values` (float32 of any shape) clipped to 0..255 and truncated to uint8, as the published
    generators do."""
    levels = np.empty(values.shape, np.uint8)
    truncate(values.reshape(-1), np.float32(ROUNDING_MARGIN), levels.reshape(-1))
    return levels


def map_images(images: np.ndarray, change: Callable[..., object], *others: Sequence) -> np.ndarray:
    """float32 NxHxWx3: what `change` writes of each image HxWx3.

    It is called with an image, its entries of `others` and, as `out`, float32 HxWx3 to be written.
    """
    changed = np.empty(images.shape, np.float32)
    for image, out, *arguments in zip(images, changed, *others, strict=True):
        change(image, *arguments, out=out)
    return changed


def packed(images: np.ndarray) -> np.ndarray:
    """int32 NxHxW: the channels of uint8 NxHxWx3, red in the lowest byte."""
    four = cv2.cvtColor(images.reshape(-1, *images.shape[2:]), cv2.COLOR_RGB2RGBA)
    return four.view(np.int32).reshape(images.shape[:3])


def unpacked(pixels: np.ndarray) -> np.ndarray:
    """The images that `packed` turns into `pixels`."""
    four = pixels.view(np.uint8).reshape(-1, pixels.shape[2], 4)
    return cv2.cvtColor(four, cv2.COLOR_RGBA2RGB).reshape(*pixels.shape, 3)


def in_three_channels(values: np.ndarray) -> np.ndarray:
    """NxHxWx3: NxHxW `values`, the same in each channel; to work with it is faster than to
    broadcast to three."""
    return cv2.cvtColor(values.reshape(-1, values.shape[2]), cv2.COLOR_GRAY2RGB).reshape(
        *values.shape, 3
    )


def random_steps(streams: Streams, shape: tuple[int, ...]) -> np.ndarray:
    """uint16 Nx`shape`, all `STEPS` values equally likely, a row from each stream."""
    return streams.parts("<u2", shape)


def looked_up(steps: np.ndarray, table: np.ndarray) -> np.ndarray:
    """`table`[`steps`], for `steps` uint16 of any shape and a table of `STEPS` values; OpenCV is
    faster than NumPy."""
    return cv2.LUT(steps.reshape(len(steps), -1), table).reshape(steps.shape)


def normals(streams: Streams, shape: tuple[int, ...]) -> np.ndarray:
    """float32 Nx`shape` from the standard normal distribution, a row from each stream.

    Drawn by inversion from a table of quantiles, whose probabilities are exact to 2**-17.
    """
    return looked_up(random_steps(streams, shape), normal_quantiles())


@lru_cache(maxsize=1)
def normal_quantiles() -> np.ndarray:
    """float32 2**16, in order: the medians of as many equally likely parts of the standard normal
    distribution."""
    # Importing scipy.special would take much longer than these calls.
    quantile = NormalDist().inv_cdf
    lower = np.array([quantile((step + 0.5) / STEPS) for step in range(STEPS // 2)], np.float32)
    return np.concatenate([lower, -lower[::-1]])


def uniforms(streams: Streams, shape: tuple[int, ...]) -> np.ndarray:
    """float32 Nx`shape` uniform between -1 and 1, a row from each stream: the middles of 2**16
    equal parts."""
    drawn = random_steps(streams, shape).astype(np.float32)
    drawn += 0.5
    drawn *= 2 / STEPS
    drawn -= 1
    return drawn


@lru_cache(maxsize=64)
def gaussian_kernel(sigma: float, truncate: float = 4) -> np.ndarray:
    """float32 weights, summing to 1, of a Gaussian of `sigma` pixels cut off at `truncate` sigma,
    as SciPy cuts it."""
    radius = int(truncate * sigma + 0.5)
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2) if radius else np.ones(1)
    return (weights / weights.sum()).astype(np.float32)


def blurred(image: np.ndarray, sigma: float, out: np.ndarray | None = None) -> np.ndarray:
    """float32: `image` (uint8 or float32, HxW or HxWx3) under a Gaussian of `sigma` pixels, border
    pixels repeated."""
    kernel = gaussian_kernel(sigma)
    return cv2.sepFilter2D(image, cv2.CV_32F, kernel, kernel, out, borderType=cv2.BORDER_REPLICATE)


def motion_blurred(
    images: np.ndarray, radius: int, sigma: float, angles: Sequence[float]
) -> np.ndarray:
    """float32: `images` (uint8 or float32, NxHxW or NxHxWx3), each smeared along a line of its own,
    borders repeated.

    The weights are one half of a Gaussian of `sigma` pixels over 2 `radius` + 1 steps, angles are
    in degrees. Steps that would leave the image altogether are dropped, which darkens an image
    smaller than the line, as in the package imagecorruptions.
    """
    count, height, width, *channels = images.shape
    line = _half_gaussian(radius, sigma)
    directions = np.array([(sin(radians(angle)), cos(radians(angle))) for angle in angles])
    weights, steps = (
        np.zeros((count, len(line)), np.float32),
        np.zeros((count, len(line), 2), np.int64),
    )
    counts = np.zeros(count, np.int64)
    _walk(directions, line, height, width, weights, steps, counts)
    left, right = -steps[..., 1].min(), steps[..., 1].max()
    wider = cv2.copyMakeBorder(
        images.reshape(-1, width, *channels), 0, 0, left, right, cv2.BORDER_REPLICATE
    )
    steps[..., 1] = (steps[..., 1] + left) * prod(channels)
    out = np.empty(images.shape, np.float32)
    rows = wider.astype(np.float32, copy=False).reshape(count, height, -1)
    smear(rows, weights, steps, counts, out.reshape(count, height, -1))
    return out


@compiled()
def _walk(
    directions: np.ndarray,
    line: np.ndarray,
    height: int,
    width: int,
    weights: np.ndarray,
    steps: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Set `weights`, `steps` and `counts`, as `smear` takes them, to those of lines that end where
    images do.

    Args:
        directions: float64 N x 2, how far a step goes down and to the right.
        line: float32 K, the weight of each step.
    """
    for n in range(len(directions)):
        for k in range(len(line)):
            down = np.int64(np.ceil(k * directions[n, 0] - 0.5))
            across = np.int64(np.ceil(k * directions[n, 1] - 0.5))
            if abs(down) < height and abs(across) < width:
                weights[n, k], steps[n, k, 0], steps[n, k, 1] = line[k], down, across
                counts[n] += 1


@lru_cache(maxsize=16)
def _half_gaussian(radius: int, sigma: float) -> np.ndarray:
    """float32: 2 `radius` + 1 weights of half a Gaussian, but for those beyond 5 `sigma`, less than
    a millionth of all.

    Zeros follow, up to a multiple of `TOGETHER`.
    """
    weights = np.exp(-0.5 * (np.arange(2 * radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum())[: ceil(5 * sigma) + 1]
    return np.pad(weights, (0, -len(weights) % TOGETHER)).astype(np.float32)


@lru_cache(maxsize=256)
def zoom_line(side: int, factor: float, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """From where each of `side` pixels along a zoomed image comes: the pixel before, int64, and the
    next one's weight.

    The middle part of the image is enlarged by `factor`, its corner pixels staying the corners (the
    grid of scipy.ndimage.zoom), and cut to size in its middle (`centred`) or at its top left.
    Weights are float32.
    """
    part = ceil(side / factor)
    size = round(part * factor)  # side of the enlarged part, at least `side`
    first = (size - side) // 2 if centred else 0
    line = ((side - part) // 2 + np.arange(first, first + side) * ((part - 1) / (size - 1))).astype(
        np.float32
    )
    before = line.astype(np.int64)
    return before, line - before.astype(np.float32)
