"""Entropies of the mixtures of two members' probabilities, for all pairs of members in one compiled loop."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

FAST = {"reassoc", "contract", "nsz", "nnan", "ninf"}
LANES = 128  # values that a compiled loop takes, a few at once
HALF = np.float32(0.5)
ONE = np.float32(1)
ROOT = np.int32(0x3F3504F3)  # the bits of the root of 1/2
SERIES = tuple(np.float32(2 / np.log(2) / k) for k in (1, 3, 5, 7, 9))
FIRST, THIRD, FIFTH, SEVENTH, NINTH = SERIES


def mixture_entropies(probabilities: np.ndarray) -> np.ndarray:
    """Entropies -sum m log2 m of m = (p_i + p_j) / 2, in bits, summed over images.

    Args:
        probabilities: float M x N x K.

    Returns:
        float64 M x M, symmetric; on the diagonal the entropies of the members themselves.
    """
    members, values = len(probabilities), probabilities[0].size
    filled_up = np.zeros((members, -(-values // (4 * LANES)) * 4 * LANES), np.float32)
    filled_up[:, :values] = probabilities.reshape(members, -1)
    sums = np.zeros((members, members))
    _add_entropies(filled_up.reshape(members, -1, 4, LANES), sums)
    return sums + np.triu(sums, 1).T


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_entropies(probabilities: np.ndarray, sums: np.ndarray) -> None:
    """Add to the upper triangle of `sums` (M x M) those of probabilities float32 M x V x 4 x LANES.

    Sums of four are in float32, as many more would round too much, and others in float64.
    """
    members, of_four = len(probabilities), np.empty(LANES, np.float32)
    for part in range(probabilities.shape[1]):
        for i in range(members):
            for j in range(i, members):
                for k in range(LANES):
                    one = _term(probabilities[i, part, 0, k], probabilities[j, part, 0, k])
                    two = _term(probabilities[i, part, 1, k], probabilities[j, part, 1, k])
                    three = _term(probabilities[i, part, 2, k], probabilities[j, part, 2, k])
                    four = _term(probabilities[i, part, 3, k], probabilities[j, part, 3, k])
                    of_four[k] = (one + two) + (three + four)
                total = 0.0
                for k in range(LANES):
                    total += of_four[k]
                sums[i, j] -= total


@njit(cache=True, nogil=True, fastmath=FAST)
def _term(one: np.float32, other: np.float32) -> np.float32:
    mixed = (one + other) * HALF
    return mixed * _log2(mixed)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def _log2(value: np.float32) -> np.float32:
    """Binary logarithm of a positive float32 by its exponent and the series of artanh, off by 1e-7 of 1 at most.

    With the root of 1/2 <= m < the root of 2, ln m = 2 artanh((m - 1) / (m + 1)). Finite at 0, where 0 log 0 is 0.
    """
    bits = _bits(value)
    exponent = np.int32(np.int32(bits - ROOT) >> 23)
    mantissa = _float(np.int32(bits - np.int32(exponent << 23)))
    ratio = (mantissa - ONE) / (mantissa + ONE)
    square = ratio * ratio
    series = FIRST + square * (THIRD + square * (FIFTH + square * (SEVENTH + square * NINTH)))
    return np.float32(exponent) + ratio * series


@intrinsic
def _bits(context, value):
    """The bits of a float32 as an int32."""
    return types.int32(types.float32), lambda _, builder, __, values: builder.bitcast(values[0], ir.IntType(32))


@intrinsic
def _float(context, bits):
    """The float32 with the bits of an int32."""
    return types.float32(types.int32), lambda _, builder, __, values: builder.bitcast(values[0], ir.FloatType())
