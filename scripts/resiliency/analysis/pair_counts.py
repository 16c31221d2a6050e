"""How often two members fail together, fail alike and agree, and how four vote, in each of ten groups of images.

What is asked of pairs at equal accuracy (`resiliency.analysis.swaps`) is a function of sums of these counts, so that
halves of the images are taken without reading predictions again. A group has whole units of images.

Answers of two members are ranked by the largest of their mean probabilities, and given for a share of the images, the
availability. Logits of these probabilities are counted in bins.

Predicted labels say how many members agree, which ranks their answers. Two members have two ranks only, four enough:
the numbers of equal pairs (0 to 6) and of right ones (0 to 4) say how many votes an answer has, and how probably it is
wrong, ties broken by chance.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from resiliency.analysis.without_images import drawn_groups
from resiliency.base.compiled import compiled
from resiliency.diversity.predictions import pair_failures
from resiliency.ensembles.kernels import BINS, confidence_bin
from resiliency.metrics.selective import given_shares
from resiliency.prediction.reading import Predictions

OF_LABELS = ("both_wrong", "undetected", "agreed")  # as `pair_failures` has them
AVAILABILITIES = (0.8, 0.9, 0.95)
VALUES = 2**24  # number of float32 values in memory at a time


class PairCounts(NamedTuple):
    """Counts of pairs of M members on one set of images, under any number of conditions.

    Attributes:
        n_images: float64 G, number of images of each group, times the conditions.
        outcomes: outcome -> float64 G x M x M, symmetric; on the diagonal, those of a member alone. `both_wrong`;
            `undetected`, wrong with the same class; `agreed`, the same class; if probabilities are known, `pair_wrong`,
            wrong answers of the mean probability, and `wrong_at_80`, `wrong_at_90` and `wrong_at_95`, wrong ones among
            the answers that are given at an availability.
    """

    n_images: np.ndarray
    outcomes: dict[str, np.ndarray]


def pair_counts(members: Sequence[Predictions], rows: Sequence[int], seed: int) -> PairCounts:
    """The counts of pairs of `members` over some conditions of one test set, `rows` of the table of conditions."""
    first, row = members[0], rows[0]
    labels, group = first.labels(row), drawn_groups(first.units(row), seed, first.conditions.test_set.iloc[row])
    n_images = np.bincount(group)
    parts = [np.flatnonzero(group == number) for number in range(len(n_images))]
    outcomes = {name: np.zeros((len(n_images), len(members), len(members))) for name in OF_LABELS}
    for row in rows:
        decided = np.stack([of.decisions(row) for of in members])
        for number, part in enumerate(parts):
            for name, of_pairs in zip(OF_LABELS, pair_failures(decided[:, part], labels[part]), strict=True):
                outcomes[name][number] += of_pairs
    if all(of.has_probabilities for of in members):
        size = max(1, VALUES // (len(members) * first.classes(row)))
        parts = [np.arange(start, min(start + size, len(group))) for start in range(0, len(group), size)]
        answered = ((np.stack([of.probabilities(row, part) for of in members]), part) for row in rows for part in parts)
        outcomes |= probability_counts(answered, labels, group, len(members))
    return PairCounts(len(rows) * n_images.astype(float), outcomes)


def probability_counts(
    answered: Iterable[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, group: np.ndarray, members: int
) -> dict[str, np.ndarray]:
    """`pair_wrong` and `wrong_at_80` and so on of `PairCounts`.

    Args:
        answered: probabilities float32 M x n x K, and positions of their images, int n, part by part.
        labels, group: true class and group of each image, int N.
        members: number of members, M.
    """
    first, second = np.triu_indices(members)
    groups = group.max() + 1
    counts = np.zeros((len(first), groups, BINS, 2), np.int32)
    for probabilities, images in answered:
        _count(probabilities, labels[images], group[images], first, second, counts)
    given, wrong = counts[..., 0].sum(axis=1), counts[..., 1]
    outcomes = {"pair_wrong": wrong.sum(axis=2)}
    for availability in AVAILABILITIES:
        share = given_shares(given[:, ::-1], availability)[:, ::-1]
        outcomes[f"wrong_at_{availability * 100:.0f}"] = np.einsum("pgb,pb->pg", wrong, share)
    filled = {name: np.zeros((groups, members, members)) for name in outcomes}
    for name, of_pairs in outcomes.items():
        filled[name][:, first, second] = filled[name][:, second, first] = of_pairs.T
    return filled


@compiled()
def _count(
    probabilities: np.ndarray,
    labels: np.ndarray,
    group: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Count the answers of the mean of two members' probabilities, and those that are wrong, by group and bin."""
    for pair in range(len(first)):
        one, other = probabilities[first[pair]], probabilities[second[pair]]
        for image in range(len(labels)):
            answer, largest = 0, np.float32(-1)
            for k in range(one.shape[1]):
                total = one[image, k] + other[image, k]
                if total > largest:
                    answer, largest = k, total
            place = confidence_bin(largest, 2)
            counts[pair, group[image], place, 0] += 1
            counts[pair, group[image], place, 1] += answer != labels[image]


VOTES = np.array([1, 2, 2, 3, 0, 0, 4])  # of the answer, by the number of equal pairs
# Probability that the answer is wrong, by equal pairs (rows) and right members.
WRONG = np.array(
    [
        [1, 0.75, 1, 1, 1],
        [1, 1, 0, 1, 1],
        [1, 1, 0.5, 1, 1],
        [1, 1, 1, 0, 1],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0],
    ]
)


def vote_counts(decided: Iterable[np.ndarray], labels: np.ndarray, group: np.ndarray, fours: np.ndarray) -> np.ndarray:
    """Numbers of images by equal pairs and right members; int64 P x G x 7 x 5.

    Args:
        decided: decisions of each condition, int M x N.
        labels, group: true class and group of each image, int N.
        fours: int P x 4, members.
    """
    counts = np.zeros((len(fours), group.max() + 1, 7, 5), np.int64)
    for decisions in decided:
        _count_fours(decisions, labels, group, fours, counts)
    return counts


@compiled()
def _count_fours(
    decisions: np.ndarray, labels: np.ndarray, group: np.ndarray, fours: np.ndarray, counts: np.ndarray
) -> None:
    for four in range(len(fours)):
        one, two = decisions[fours[four, 0]], decisions[fours[four, 1]]
        three, last = decisions[fours[four, 2]], decisions[fours[four, 3]]
        for image in range(len(labels)):
            a, b, c, d, true = one[image], two[image], three[image], last[image], labels[image]
            pairs = int(a == b) + int(a == c) + int(a == d) + int(b == c) + int(b == d) + int(c == d)
            right = int(a == true) + int(b == true) + int(c == true) + int(d == true)
            counts[four, group[image], pairs, right] += 1


def wrong_at(counts: np.ndarray) -> np.ndarray:
    """Wrong answers per image at each of `AVAILABILITIES`; float64 A x P, from counts P x 7 x 5."""
    votes = np.arange(4, 0, -1)
    of_votes = (votes[:, None] == VOTES).astype(float)
    given = counts.sum(axis=2) @ of_votes.T
    wrong = (counts * WRONG).sum(axis=2) @ of_votes.T
    shares = [given_shares(given, of) for of in AVAILABILITIES]
    return np.array([(share * wrong).sum(axis=1) for share in shares]) / given.sum(axis=1)
