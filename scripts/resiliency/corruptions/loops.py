"""Compiled loops over pixels."""

import numpy as np
from numba import njit

TOGETHER = 4  # so many steps along a line are added in one pass over a row


@njit(cache=True, nogil=True, fastmath={"contract"})
def smear(images: np.ndarray, weights: np.ndarray, steps: np.ndarray, counts: np.ndarray, out: np.ndarray) -> None:
    """Set `out` to weighted sums of each image moved by the steps of its own; rows beyond the border repeat it.

    Args:
        images: float32 N x H x P, wide enough for all steps.
        weights: float32 N x K, K a multiple of `TOGETHER`.
        steps: int64 N x K x 2, the row and the value where what a step adds to the first value of `out` lies.
        counts: int64 N, steps that have a weight.
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


@njit(cache=True, nogil=True)
def truncate(values: np.ndarray, margin: np.float32, out: np.ndarray) -> None:
    """Set `out` (uint8 V) to `values` (float32 V) plus `margin`, clipped to 0..255 and truncated."""
    black, white = np.float32(0), np.float32(255)
    for i in range(len(values)):
        out[i] = np.int32(min(max(values[i] + margin, black), white))


@njit(cache=True, nogil=True)
def copy_neighbours(pixels: np.ndarray, drawn: np.ndarray, offsets: np.ndarray, shift: int) -> None:
    """Copy neighbours to pixels one after the other, from the bottom right to the top left.

    Args:
        pixels: int32 N x H x W.
        drawn: uint16 N x (H - 2 `shift`) x (W - 2 `shift`), chooses a neighbour for each pixel away from the border.
        offsets: int64 F, how many places behind a pixel its neighbours are.
    """
    height, width = pixels.shape[1:]
    for n in range(len(pixels)):
        image = pixels[n].reshape(-1)
        for y in range(height - shift, shift, -1):
            row = drawn[n, y - shift - 1]
            for x in range(width - shift, shift, -1):
                place = y * width + x
                image[place] = image[place + offsets[row[x - shift - 1] * len(offsets) >> 16]]


@njit(cache=True, nogil=True, fastmath={"contract"})
def brighten(pixels: np.ndarray, shift: np.float32, margin: np.float32) -> None:
    """Raise the largest channel of each pixel by `shift`, up to 255, and the others in proportion; black becomes grey.

    Args:
        pixels: int32 P, whose lower three bytes are channels.
        margin: what is added before values are truncated.
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
