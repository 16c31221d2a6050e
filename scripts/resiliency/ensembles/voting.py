"""Plurality vote of members of whom only the decisions are known.

There are no probabilities that could break a tie, so a tied class is answered at random: an ensemble is right on an
image with probability 1 / t where the label is one of the t classes with the most votes, and 0 where it is not. Its
accuracy is the mean of these, the accuracy that is expected of random tie-breaking.
"""

from itertools import combinations

import numpy as np

from resiliency.ensembles.counting import BLOCK_WORDS, bit_counts, exactly, metric_inputs, packed
from resiliency.prediction.reading import Predictions

VOTE = "plurality_vote"
BLOCK_VALUES = 2**18  # bytes of one array over ensembles and images: few enough for caches


def score_decisions(
    predictions: list[Predictions], condition: int, groups: list[np.ndarray]
) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """What `resiliency.ensembles.scoring.score_condition` returns, under plurality vote, from decisions alone.

    Scores and sums of probabilities are NaN.
    """
    labels = predictions[0].labels(condition)
    decisions = np.stack([member.decisions(condition) for member in predictions])
    correct = decisions == labels
    accuracy = np.concatenate([expected_accuracy(group, decisions, labels) for group in groups])
    nothing = np.full(len(accuracy), np.nan)
    inputs = metric_inputs(groups, correct, [np.full(len(group), np.nan) for group in groups])
    return {VOTE: {"accuracy": accuracy, "nll": nothing, "brier": nothing, "ece": nothing}}, inputs


def expected_accuracy(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Expected accuracy of the plurality vote of each ensemble; float64 E in 0..1.

    Images on which the members differ are counted on bits, 64 at a time.

    Args:
        ensembles: int E x L, members of each.
        decisions: int M x N, the class that each member answers.
        labels: int64 N.
    """
    alike = (decisions == decisions[0]).all(axis=0)
    certain = np.count_nonzero(decisions[0][alike] == labels[alike])
    chosen = decisions[:, ~alike]
    right, same = packed(chosen == labels[~alike]), np.stack([packed(chosen == of_member) for of_member in chosen])
    block = max(1, BLOCK_WORDS // max(1, right.shape[1]))
    parts = [_right_sums(ensembles[start : start + block], same, right) for start in range(0, len(ensembles), block)]
    return (np.concatenate(parts) + certain) / len(labels)


def _right_sums(ensembles: np.ndarray, same: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Number of images on which each ensemble is expected to be right, float64 B, counted on words of bits.

    Args:
        ensembles: int B x L.
        same: uint64 M x M x W, where two members answer alike.
        right: uint64 M x W.
    """
    size, shape = ensembles.shape[1], (len(ensembles), right.shape[1])
    alike = {(a, b): same[ensembles[:, a], ensembles[:, b]] for a, b in combinations(range(size), 2)}
    votes = [
        bit_counts((alike[min(a, b), max(a, b)] for b in range(size) if b != a), size - 1, shape) for a in range(size)
    ]
    leads = [~np.zeros(shape, np.uint64)] * size  # members whose class has the most votes
    for plane in reversed(range(len(votes[0]))):
        more = [lead & count[plane] for lead, count in zip(leads, votes, strict=True)]
        nobody = ~np.bitwise_or.reduce(more)
        leads = [lead & (count[plane] | nobody) for lead, count in zip(leads, votes, strict=True)]
    label = np.bitwise_or.reduce([lead & right[member] for lead, member in zip(leads, ensembles.T, strict=True)])
    classes = [leads[0]]  # a class is counted at the first of its members
    for b in range(1, size):
        classes.append(leads[b] & ~np.bitwise_or.reduce([alike[a, b] for a in range(b)]))
    tied = bit_counts(classes, size, shape)
    return sum(np.bitwise_count(label & exactly(tied, t)).sum(axis=1) / t for t in range(1, size + 1))


def right_chances(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probability that each ensemble is right on each image; float32 E x N; arguments as of `expected_accuracy`.

    A member has as many votes behind it as members answer as it does, itself included. Where the class of the most
    votes has v of them, v members answer it; so of those with the most votes behind them, the share that is right is
    1 / t if the label is one of t tied classes.
    """
    right = (decisions == labels).astype(np.uint8)
    same = (decisions[:, None] == decisions[None]).astype(np.uint8)
    block = max(1, BLOCK_VALUES // len(labels))
    blocks = (ensembles[start : start + block] for start in range(0, len(ensembles), block))
    return np.concatenate([_shares(some, same, right) for some in blocks])


def _shares(ensembles: np.ndarray, same: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of the members of each ensemble with the most votes behind them, the share that is right; float32 B x N."""
    votes, counts = [], np.min_scalar_type(ensembles.shape[1])  # of few bytes, and never full
    for member in ensembles.T:
        total = np.zeros((len(ensembles), right.shape[1]), counts)
        for other in ensembles.T:
            total += same[member, other]
        votes.append(total)
    most = np.maximum.reduce(votes)
    first, first_right = np.zeros_like(most), np.zeros_like(most)
    for member, total in zip(ensembles.T, votes, strict=True):
        leads = (total == most).view(np.uint8)
        first += leads
        first_right += leads & right[member]
    return np.divide(first_right, first, dtype=np.float32)
