"""Compiled loops of layer normalisation over rows, each the channels of one pixel or token."""

import numpy as np
from numba import njit

FAST = {"contract", "reassoc"}  # sums over a row may be taken in the order that fills a vector
BLOCK = 256  # rows that are summed by themselves first, which keeps rounding small


@njit(cache=True, nogil=True, fastmath=FAST)
def normalise_rows(
    rows: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    outputs: np.ndarray,
    means: np.ndarray,
    scales: np.ndarray,
) -> None:
    """Set `outputs` to the normalised rows, and `means` and `scales` (1 / sqrt(variance + eps)) to those of each row.

    Args:
        rows, outputs: float32 N x C.
        weight, bias: float32 C.
        means, scales: float32 N.
    """
    count = np.float32(rows.shape[1])
    for n in range(len(rows)):
        total = squares = np.float32(0)
        for c in range(rows.shape[1]):
            total += rows[n, c]
        mean = total / count
        for c in range(rows.shape[1]):
            squares += (rows[n, c] - mean) ** 2
        scale = np.float32(1 / np.sqrt(squares / count + eps))
        means[n], scales[n] = mean, scale
        for c in range(rows.shape[1]):
            outputs[n, c] = (rows[n, c] - mean) * scale * weight[c] + bias[c]


@njit(cache=True, nogil=True, fastmath=FAST)
def row_gradients(
    gradients: np.ndarray,
    rows: np.ndarray,
    weight: np.ndarray,
    means: np.ndarray,
    scales: np.ndarray,
    of_rows: np.ndarray,
    of_weight: np.ndarray,
    of_bias: np.ndarray,
) -> None:
    """Set `of_rows` to the gradient of `normalise_rows` by its rows; add those by weight and bias to the last two.

    Args:
        gradients, rows, of_rows: float32 N x C, the first by the outputs.
        weight, of_weight, of_bias: float32 C.
        means, scales: float32 N, as `normalise_rows` sets them.
    """
    channels = rows.shape[1]
    count = np.float32(channels)
    own_weight, own_bias = np.empty_like(of_weight), np.empty_like(of_bias)
    for start in range(0, len(rows), BLOCK):
        own_weight[:] = 0
        own_bias[:] = 0
        for n in range(start, min(start + BLOCK, len(rows))):
            mean, scale = means[n], scales[n]
            total = product = np.float32(0)
            for c in range(channels):
                unit = (rows[n, c] - mean) * scale
                weighted = gradients[n, c] * weight[c]
                total += weighted
                product += weighted * unit
                own_weight[c] += gradients[n, c] * unit
                own_bias[c] += gradients[n, c]
            total /= count
            product /= count
            for c in range(channels):
                unit = (rows[n, c] - mean) * scale
                of_rows[n, c] = scale * (gradients[n, c] * weight[c] - total - unit * product)
        of_weight += own_weight
        of_bias += own_bias
