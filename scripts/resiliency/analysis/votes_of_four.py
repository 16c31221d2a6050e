"""Wrong answers of votes: of four members of one family, and of one of them with strangers of three
other families.

Predicted labels say how many members agree, which ranks their answers. Two members have two ranks
only, four enough: the numbers of equal pairs (0 to 6) and of right ones (0 to 4) say how many votes
an answer has, and how probably it is wrong, ties broken by chance.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from resiliency.analysis.pair_counts import AVAILABILITIES, Half
from resiliency.analysis.without_images import drawn_groups
from resiliency.base.machine import compiled
from resiliency.base.names import INDEPENDENT
from resiliency.base.streams import stream
from resiliency.metrics.selective import given_shares
from resiliency.prediction.reading import Predictions

FOURS = 20  # groups of four drawn of each family, for each half of the images
VOTES = np.array([1, 2, 2, 3, 0, 0, 4])  # of the answer, by the number of equal pairs
# Probability that the answer is wrong, by equal pairs (rows) and right members.
WRONG = np.ones((7, 5))
WRONG[[0, 1, 2, 3, 6], [1, 2, 2, 3, 4]] = 0.75, 0, 0.5, 0, 0


def vote_counts(
    decided: Iterable[np.ndarray], labels: np.ndarray, group: np.ndarray, fours: np.ndarray
) -> np.ndarray:
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
    decisions: np.ndarray,
    labels: np.ndarray,
    group: np.ndarray,
    fours: np.ndarray,
    counts: np.ndarray,
) -> None:
    for four in range(len(fours)):
        one, two = decisions[fours[four, 0]], decisions[fours[four, 1]]
        three, last = decisions[fours[four, 2]], decisions[fours[four, 3]]
        for image in range(len(labels)):
            a, b, c, d, true = one[image], two[image], three[image], last[image], labels[image]
            pairs = (
                int(a == b) + int(a == c) + int(a == d) + int(b == c) + int(b == d) + int(c == d)
            )
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


def drawn_fours(
    alone: np.ndarray, family: np.ndarray, accurate: np.ndarray, seed: int, half: int
) -> tuple[np.ndarray, np.ndarray]:
    """Up to `FOURS` groups of each family whose members j all have strangers of different families.

    Args:
        alone: whether a member was trained independently, bool M.
        family: family of each member, int M.
        accurate: whether two members are equally accurate, bool M x M.

    Returns:
        Members of one family, int P x 4, i first; and i with those that replace the others, int P x
        4.
    """
    random, twins, strangers = stream(seed, "groups of four", half), [], []
    for own in np.unique(family[alone]):
        relatives = np.flatnonzero(alone & (family == own))
        for _ in range(FOURS if len(relatives) >= 4 else 0):
            group, taken, found = random.permutation(relatives)[:4], {own}, []
            for j in group[1:]:
                candidates = np.flatnonzero(alone & accurate[j] & ~np.isin(family, list(taken)))
                if len(candidates):
                    found.append(random.choice(candidates))
                    taken.add(family[found[-1]])
            if len(found) == 3:
                twins.append(group)
                strangers.append([group[0], *found])
    return np.array(twins, int).reshape(-1, 4), np.array(strangers, int).reshape(-1, 4)


def votes_of_four(
    members: pd.DataFrame,
    predictions: Sequence[Predictions],
    rows: Sequence[int],
    halves: list[Half],
    seed: int,
) -> tuple[np.ndarray, dict[str, int]]:
    """The wrong answers of votes under the conditions `rows` of one set of images.

    Args:
        members: rows of members.csv, M.
        predictions: of these members.

    Returns:
        Wrong answers per image of one family and of four, on each of H halves at each of A
        availabilities, families weighing alike, without none and each of G groups of images and F
        families, float64 H x 2 x A x (1 + G) x (1 + F). Numbers: `twins`, groups of four;
        `left_out`, those that were tried in vain; and `families` of the members i.
    """
    alone, family = (
        (members["origin"] == INDEPENDENT).to_numpy(),
        np.unique(members["family"], return_inverse=True)[1],
    )
    drawn = [
        drawn_fours(alone, family, half.accurate, seed, place) for place, half in enumerate(halves)
    ]
    first, row = predictions[0], rows[0]
    group = drawn_groups(first.units(row), seed, first.conditions.test_set.iloc[row])
    every = np.concatenate([fours for of_half in drawn for fours in of_half])
    decided = (np.stack([of.decisions(row) for of in predictions]) for row in rows)
    counted = vote_counts(decided, first.labels(row), group, every)
    of_halves = np.split(counted, np.cumsum([2 * len(twins) for twins, _ in drawn])[:-1])
    means = [_means(*of, family) for of in zip(drawn, halves, of_halves, strict=True)]
    tried = FOURS * len(halves) * sum(np.bincount(family[alone]) >= 4)
    twins, families = len(every) // 2, len(np.unique(family[every[:, 0]]))
    return np.array(means), {"twins": twins, "families": families, "left_out": tried - twins}


def _means(
    fours: tuple[np.ndarray, np.ndarray], half: Half, counts: np.ndarray, family: np.ndarray
) -> np.ndarray:
    """Wrong answers of one family and of four; float64 2 x A x (1 + G) x (1 + F), families weighing
    alike.

    Without each group of images and family; a group that is not measured changes nothing.
    """
    (twins, strangers), groups = fours, counts.shape[1]
    own = family[twins[:, 0]]
    involved = (family[strangers][:, :, None] == np.arange(family.max() + 1)).any(axis=1)
    kept = ~np.pad(involved, ((0, 0), (1, 0)))
    of_family = (own == np.arange(family.max() + 1)[:, None]).astype(float)
    number = of_family @ kept
    means = []
    for left_out in range(-1, groups):
        measured = half.measured[half.measured != left_out]
        values = wrong_at(counts[:, measured].sum(axis=1)).reshape(len(AVAILABILITIES), 2, -1)
        sums = of_family @ (values[..., None] * kept)
        with np.errstate(invalid="ignore"):
            means.append((sums / np.maximum(number, 1)).sum(axis=2) / (number > 0).sum(axis=0))
    return np.transpose(means, (2, 1, 0, 3))
