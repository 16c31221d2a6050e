"""How many members of each ensemble are right, counted on bits: 64 images at a time."""

from collections.abc import Iterable

import numpy as np

BLOCK_WORDS = 2**15


def packed(correct: np.ndarray) -> np.ndarray:
    """bool M x N as uint64 M x ceil(N / 64), an image a bit, filled up with zeros."""
    padded = np.zeros((len(correct), -(-correct.shape[1] // 64) * 64), dtype=bool)
    padded[:, : correct.shape[1]] = correct
    return np.packbits(padded, axis=1).view(np.uint64)


def right_counts(ensembles: np.ndarray, words: np.ndarray, images: int) -> np.ndarray:
    """On how many images exactly 0, 1, ..., L members are right.

    The bits of the count are one word each, and a member is added to all 64 counts of a word at once, as in a ripple
    carry adder.

    Args:
        ensembles: int E x L.
        words: uint64 M x W, from `packed`.
        images: N.

    Returns:
        int64 E x (L + 1); rows sum to N.
    """
    block = max(1, BLOCK_WORDS // words.shape[1])
    parts = [_counts(ensembles[start : start + block], words) for start in range(0, len(ensembles), block)]
    counts = np.concatenate(parts)
    counts[:, 0] = images - counts[:, 1:].sum(axis=1)
    return counts


def metric_inputs(
    groups: list[np.ndarray], correct: np.ndarray, log_sums: list[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """What metrics of whole ensembles take (see `resiliency.diversity.counts`), of ensembles of one size each.

    Args:
        groups: int E_i x size_i each.
        correct: bool M x N.
        log_sums: float64 E_i each, sums over images.
    """
    words, failures, images = packed(correct), 1 - correct.mean(axis=1), correct.shape[1]
    return [
        {"shares": right_counts(group, words, images) / images, "failures": failures[group], "log_sums": sums / images}
        for group, sums in zip(groups, log_sums, strict=True)
    ]


def _counts(ensembles: np.ndarray, words: np.ndarray) -> np.ndarray:
    size = ensembles.shape[1]
    planes = bit_counts((words[member] for member in ensembles.T), size, (len(ensembles), words.shape[1]))
    counts = np.zeros((len(ensembles), size + 1), np.int64)
    for right in range(1, size + 1):
        counts[:, right] = np.bitwise_count(exactly(planes, right)).sum(axis=1)
    return counts


def bit_counts(words: Iterable[np.ndarray], most: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """How many of `words`, at most `most`, have each bit: a word per binary digit of the count, lowest first."""
    planes = [np.zeros(shape, np.uint64) for _ in range(most.bit_length())]
    for carry in words:
        for index, plane in enumerate(planes):
            planes[index], carry = plane ^ carry, plane & carry
    return planes


def exactly(planes: list[np.ndarray], count: int) -> np.ndarray:
    """The bits of which `bit_counts` counted so many."""
    return np.bitwise_and.reduce([plane if count >> index & 1 else ~plane for index, plane in enumerate(planes)])
