"""Accuracy and diversity of many ensembles at once."""

from itertools import combinations

import numpy as np

from resiliency.ensembles.combination import RULES

BLOCK_VALUES = 2**23


def membership_matrix(ensembles: np.ndarray, members: int) -> np.ndarray:
    """float32 E x `members`, 1 where a member is in an ensemble (int E x size)."""
    matrix = np.zeros((len(ensembles), members), dtype=np.float32)
    np.put_along_axis(matrix, ensembles, 1, axis=1)
    return matrix


def correct_answers(rule: str, ensembles: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images each ensemble gets right.

    Works through blocks of ensembles, so that memory does not grow with their number but for the result.

    Args:
        rule: a combination rule in `RULES`.
        ensembles: int E x size, members of each ensemble.
        probabilities: float32 M x N x K, of one condition.
        labels: int N.

    Returns:
        bool E x N.
    """
    matrix = membership_matrix(ensembles, len(probabilities))
    block = max(1, BLOCK_VALUES // probabilities[0].size)
    parts = [
        RULES[rule](matrix[start : start + block], probabilities).argmax(axis=-1) == labels
        for start in range(0, len(matrix), block)
    ]
    return np.concatenate(parts)


def mean_over_pairs(ensembles: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Mean of a pairwise quantity over the pairs of members of each ensemble.

    Args:
        ensembles: int E x size.
        pairs: float M x M, symmetric.

    Returns:
        float64 E.
    """
    columns = list(combinations(range(ensembles.shape[1]), 2))
    return sum(pairs[ensembles[:, i], ensembles[:, j]] for i, j in columns) / len(columns)
