"""How often two members fail together, fail alike and agree, in each of ten groups of images and in
halves of them.

What is asked of pairs at equal accuracy (`resiliency.analysis.swaps`) is a function of sums of
these counts, so that halves of the images are taken without reading predictions again. A group has
whole units of images.

Answers of two members are ranked by the largest of their mean probabilities, and given for a share
of the images, the availability. Logits of these probabilities are counted in bins.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from resiliency.analysis.without_images import drawn_groups
from resiliency.base.machine import compiled
from resiliency.base.streams import stream
from resiliency.diversity.predictions import pair_failures
from resiliency.ensembles.kernels import BINS, confidence_bin
from resiliency.metrics.selective import given_shares
from resiliency.prediction.reading import Predictions

OF_LABELS = ("both_wrong", "undetected", "agreed")  # as `pair_failures` has them
AVAILABILITIES = (0.8, 0.9, 0.95)
VALUES = 2**24  # number of float32 values in memory at a time
CALIPER = 0.05  # largest difference of the logit errors of equally accurate members
DIVISIONS = 5  # divisions of the groups of images into halves
# Of the errors of i and j, or k; error of j, or k.
GEOMETRIC_MEAN, MATCHED = "geometric_mean", "error"


class PairCounts(NamedTuple):
    """Counts of pairs of M members on one set of images, under any number of conditions.

    Attributes:
        n_images: float64 G, number of images of each group, times the conditions.
        outcomes: outcome -> float64 G x M x M, symmetric; on the diagonal, those of a member alone.
            `both_wrong`; `undetected`, wrong with the same class; `agreed`, the same class; if
            probabilities are known, `pair_wrong`, wrong answers of the mean probability, and
            `wrong_at_80`, `wrong_at_90` and `wrong_at_95`, wrong ones among the answers that are
            given at an availability.
    """

    n_images: np.ndarray
    outcomes: dict[str, np.ndarray]


def pair_counts(members: Sequence[Predictions], rows: Sequence[int], seed: int) -> PairCounts:
    """The counts of pairs of `members` over some conditions of one test set, `rows` of the table of
    conditions."""
    first, row = members[0], rows[0]
    labels, group = (
        first.labels(row),
        drawn_groups(first.units(row), seed, first.conditions.test_set.iloc[row]),
    )
    n_images = np.bincount(group)
    parts = [np.flatnonzero(group == number) for number in range(len(n_images))]
    outcomes = {name: np.zeros((len(n_images), len(members), len(members))) for name in OF_LABELS}
    for row in rows:
        decided = np.stack([of.decisions(row) for of in members])
        for number, part in enumerate(parts):
            for name, of_pairs in zip(
                OF_LABELS, pair_failures(decided[:, part], labels[part]), strict=True
            ):
                outcomes[name][number] += of_pairs
    if all(of.has_probabilities for of in members):
        size = max(1, VALUES // (len(members) * first.classes(row)))
        parts = [
            np.arange(start, min(start + size, len(group))) for start in range(0, len(group), size)
        ]
        answered = (
            (np.stack([of.probabilities(row, part) for of in members]), part)
            for row in rows
            for part in parts
        )
        outcomes |= probability_counts(answered, labels, group, len(members))
    return PairCounts(len(rows) * n_images.astype(float), outcomes)


def probability_counts(
    answered: Iterable[tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray,
    group: np.ndarray,
    members: int,
) -> dict[str, np.ndarray]:
    """`pair_wrong` and `wrong_at_80` and so on of `PairCounts`.

    Args:
        answered: probabilities float32 M x n x K, and positions of their images, int n, part by
            part.
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
    """Count the answers of the mean of two members' probabilities, and those that are wrong, by
    group and bin."""
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


class Half(NamedTuple):
    """What a division of the images into halves says of M members.

    Attributes:
        accurate: whether two members are equally accurate on one half, bool M x M.
        values: outcomes of pairs on the other half, means over images, float64 O x M x M.
        measured: groups of the images of the other half, int.
    """

    accurate: np.ndarray
    values: np.ndarray
    measured: np.ndarray


def halves_of(counts: PairCounts, seed: int, left_out: int = -1) -> tuple[list[str], list[Half]]:
    """Names of the O outcomes, and `DIVISIONS` divisions of the groups of images into halves, each
    taken both ways.

    The group `left_out` gives no outcomes.
    """
    random, halves, count = stream(seed, "divisions of swaps"), [], len(counts.n_images)
    wrong = np.einsum("gii->gi", counts.outcomes["both_wrong"])
    for _ in range(DIVISIONS):
        drawn = random.permutation(count)
        for first, second in (
            (drawn[: count // 2], drawn[count // 2 :]),
            (drawn[count // 2 :], drawn[: count // 2]),
        ):
            logits = logit((wrong[first].sum(axis=0) + 0.5) / (counts.n_images[first].sum() + 1))
            second = second[second != left_out]
            n_images = counts.n_images[second].sum()
            error = wrong[second].sum(axis=0) / n_images
            values = [of[second].sum(axis=0) / n_images for of in counts.outcomes.values()]
            values += [
                np.sqrt(error * error[:, None]),
                np.broadcast_to(error, (len(error), len(error))),
            ]
            halves.append(
                Half(np.abs(logits[:, None] - logits) <= CALIPER, np.stack(values), second)
            )
    return [*counts.outcomes, GEOMETRIC_MEAN, MATCHED], halves
