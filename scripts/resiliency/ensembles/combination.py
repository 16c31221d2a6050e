"""Combination rules: how an ensemble answers.

A rule maps the probabilities of M members to scores of B ensembles at once; the answer is the class with the largest
score. Ensembles are given as a membership matrix, float32 B x M of zeros and ones.
"""

from collections.abc import Callable

import numpy as np


def mean_probability(membership: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Mean of the members' probabilities.

    Args:
        membership: float32 B x M.
        probabilities: float32 M x N x K.

    Returns:
        float32 B x N x K.
    """
    shares = membership / membership.sum(axis=1, keepdims=True)
    return np.tensordot(shares, probabilities, axes=1)


def mean_logit(membership: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Mean log-probability, whose softmax is the normalised geometric mean; as `mean_probability` otherwise."""
    return mean_probability(membership, np.log(np.maximum(probabilities, 1e-12)))


def plurality_vote(membership: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Votes for each class, ties broken by the mean probability (added at half its value, below one vote)."""
    votes = (probabilities.argmax(axis=-1)[..., None] == np.arange(probabilities.shape[-1])).astype(np.float32)
    return np.tensordot(membership, votes, axes=1) + mean_probability(membership, probabilities) / 2


RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mean_probability": mean_probability,
    "mean_logit": mean_logit,
    "plurality_vote": plurality_vote,
}
