"""Plurality vote of members of whom only the decisions are known.

There are no probabilities that could break a tie, so a tied class is answered at random: an ensemble is right on an
image with probability 1 / t where the label is one of the t classes with the most votes, and 0 where it is not. Its
accuracy is the mean of these, the accuracy that is expected of random tie-breaking.
"""

from collections.abc import Iterator

import numpy as np

from resiliency.ensembles.counting import packed, right_counts
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
    words, failures = packed(correct), 1 - correct.mean(axis=1)
    accuracy = np.concatenate([expected_accuracy(group, decisions, labels) for group in groups])
    nothing = np.full(len(accuracy), np.nan)
    inputs = [
        {
            "shares": right_counts(group, words, len(labels)) / len(labels),
            "failures": failures[group],
            "log_sums": np.full(len(group), np.nan),
        }
        for group in groups
    ]
    return {VOTE: {"accuracy": accuracy, "nll": nothing, "brier": nothing, "ece": nothing}}, inputs


def expected_accuracy(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Expected accuracy of the plurality vote of each ensemble; float64 E in 0..1.

    Args:
        ensembles: int E x L, members of each.
        decisions: int M x N, the class that each member answers.
        labels: int64 N.
    """
    chances = _right_chances(ensembles, decisions, labels)
    return np.concatenate([part.sum(axis=1, dtype=np.float64) for part in chances]) / len(labels)


def right_chances(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probability that each ensemble is right on each image; float32 E x N; arguments as above."""
    return np.concatenate(list(_right_chances(ensembles, decisions, labels, every_image=True)))


def _right_chances(
    ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray, every_image: bool = False
) -> Iterator[np.ndarray]:
    """The chances block after block of ensembles; without `every_image` in any order of images, each row with its sum.

    A member has as many votes behind it as members answer as it does, itself included. Where the class of the most
    votes has v of them, v members answer it; so of those with the most votes behind them, the share that is right is
    1 / t if the label is one of t tied classes.
    """
    alike = np.ascontiguousarray(decisions == decisions[0]).all(axis=0)
    open_images = np.ones(len(labels), bool) if every_image else ~alike
    certain = np.count_nonzero(decisions[0][~open_images] == labels[~open_images])
    chosen = decisions[:, open_images]
    right = (chosen == labels[open_images]).astype(np.uint8)
    same = (chosen[:, None] == chosen[None]).astype(np.uint8)
    block = max(1, BLOCK_VALUES // max(1, chosen.shape[1]))
    for start in range(0, len(ensembles), block):
        chances = _shares(ensembles[start : start + block], same, right)
        if every_image:
            yield chances
        else:
            yield np.column_stack([chances, np.full(len(chances), certain, np.float32)])


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
