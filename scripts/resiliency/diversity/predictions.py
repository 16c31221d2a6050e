"""Diversity of what members predict, for all pairs of members at once."""

import numpy as np

Counts = tuple[np.ndarray, np.ndarray, np.ndarray]


def coincidences(correct: np.ndarray) -> Counts:
    """Shares of images that both members, only the first, and neither get right: three float64 M x M, from bool M x N.

    The share that only the second gets right is the transpose of the second matrix.
    """
    right = correct.astype(np.float64)
    wrong = 1 - right
    n = correct.shape[1]
    return right @ right.T / n, right @ wrong.T / n, wrong @ wrong.T / n


def disagreement(correct: np.ndarray) -> np.ndarray:
    """Share of images that exactly one of two members gets right (Skalak 1996; Kuncheva and Whitaker 2003).

    Args:
        correct: bool M x N.

    Returns:
        float64 M x M in 0..1; larger is more diverse.
    """
    _, first, _ = coincidences(correct)
    return first + first.T


def double_fault(correct: np.ndarray) -> np.ndarray:
    """Share of images that both members get wrong (Giacinto and Roli 2001); M x M in 0..1, larger is less diverse."""
    return coincidences(correct)[2]


def q_statistic(correct: np.ndarray) -> np.ndarray:
    """Yule's Q, (ad - bc) / (ad + bc) over the 2 x 2 table of right and wrong (Kuncheva and Whitaker 2003).

    M x M in -1..1, larger is less diverse. Where ad + bc = 0 it is 1 for members that are right on the same images,
    and 0 for others, of which nothing can be said.
    """
    both, first, neither = coincidences(correct)
    alike, unlike = both * neither, first * first.T
    undefined = np.where(first + first.T == 0, 1.0, 0.0)
    return np.divide(alike - unlike, alike + unlike, out=undefined, where=alike + unlike > 0)


def jensen_shannon(probabilities: np.ndarray) -> np.ndarray:
    """Mean over images of the Jensen-Shannon divergence of two members' probabilities, in bits (Lin 1991).

    Args:
        probabilities: float M x N x K.

    Returns:
        float64 M x M in 0..1; larger is more diverse.
    """
    own = _entropy(probabilities)
    members = len(probabilities)
    result = np.zeros((members, members))
    for i in range(members):
        for j in range(i + 1, members):
            mixed = _entropy((probabilities[i] + probabilities[j]) / 2)
            result[i, j] = result[j, i] = max(0.0, np.mean(mixed - (own[i] + own[j]) / 2, dtype=np.float64))
    return result


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy in bits over the last axis; 0 log 0 is 0."""
    return -(probabilities * np.log2(np.maximum(probabilities, 1e-30))).sum(axis=-1)
