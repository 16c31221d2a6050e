"""Votes of four members at equal availability: four of one family against one of them with three strangers.

Predicted labels alone say how many of several members agree, which ranks their answers: those with the most votes are
given, and of the last ones that are needed, a share by chance. Two members have two ranks only, four have enough. So
members j of one family are replaced by equally accurate strangers of as many other families, as in
`resiliency.analysis.swaps`, and wrong answers of the vote are compared, ties broken by chance.

Of four labels, the numbers of equal pairs (0 to 6) and of right ones (0 to 4) say how many votes the answer has, and
how probably it is wrong.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.pair_counts import AVAILABILITIES, PairCounts, groups_of, pair_counts
from resiliency.analysis.swaps import ANY_FAMILY, COLUMNS, FEWEST, Half, compared, halves_of, known_mean, swap_table
from resiliency.base.compiled import compiled
from resiliency.base.names import INDEPENDENT
from resiliency.base.streams import stream
from resiliency.prediction.reading import Predictions, condition_groups

FOURS = 20  # groups of four drawn of each family, for each half of the images
VOTES = np.array([1, 2, 2, 3, 0, 0, 4])  # of the answer, by the number of equal pairs
# Probability that the answer is wrong, by equal pairs (rows) and right members.
WRONG = np.ones((7, 5))
WRONG[0, 1], WRONG[1, 2], WRONG[2, 2], WRONG[3, 3], WRONG[6, 4] = 0.75, 0, 0.5, 0, 0


class Fours(NamedTuple):
    """P groups of four members.

    Attributes:
        twins: members of one family, int P x 4, i first.
        strangers: i, and those that replace the others, int P x 4.
    """

    twins: np.ndarray
    strangers: np.ndarray


def drawn_fours(alone: np.ndarray, family: np.ndarray, accurate: np.ndarray, seed: int, half: int) -> Fours:
    """Up to `FOURS` groups of each family whose members j all have strangers of different families.

    Args:
        alone: whether a member was trained independently, bool M.
        family: family of each member, int M.
        accurate: whether two members are equally accurate, bool M x M.
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
    return Fours(*(np.array(of, int).reshape(-1, 4) for of in (twins, strangers)))


def whole_table(
    members: pd.DataFrame, predictions: Sequence[Predictions], conditions: pd.DataFrame, confidence: float, seed: int
) -> pd.DataFrame:
    """The table swaps.csv: swaps of pairs, and votes of four where only predicted labels are known.

    Args:
        members: rows of members.csv, M.
        predictions: of these members.
        conditions: the table of conditions.
    """
    of_images = condition_groups(conditions)
    counts = {images: pair_counts(predictions, rows, seed) for images, rows in of_images.items()}
    tables = [swap_table(members, counts, confidence, seed)]
    if not all(of.has_probabilities for of in predictions):
        for images, rows in of_images.items():
            votes = vote_table(members, predictions, rows, counts[images], confidence, seed)
            tables.append(votes.assign(images=images, confidence=confidence))
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def vote_table(
    members: pd.DataFrame,
    predictions: Sequence[Predictions],
    rows: Sequence[int],
    counts: PairCounts,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Rows of swaps.csv for one set of images: wrong answers of votes, families beside whatever else differs.

    Args:
        members: rows of members.csv, M.
        predictions: of these members.
        rows: conditions of the set of images.
        counts: counts of pairs on it.

    Returns:
        Columns as in swaps.csv but `images` and `confidence`; no rows without a group of four.
    """
    alone, family = (members["origin"] == INDEPENDENT).to_numpy(), np.unique(members["family"], return_inverse=True)[1]
    halves = halves_of(counts, seed)[1]
    drawn = [drawn_fours(alone, family, half.accurate, seed, place) for place, half in enumerate(halves)]
    first, row = predictions[0], rows[0]
    group = groups_of(first.units(row), first.conditions.test_set.iloc[row], seed)
    every = np.concatenate([np.concatenate([of.twins, of.strangers]) for of in drawn])
    if not len(every):
        return pd.DataFrame(columns=COLUMNS)
    decided = (np.stack([of.decisions(row) for of in predictions]) for row in rows)
    counted = np.split(
        vote_counts(decided, first.labels(row), group, every), np.cumsum([len(of[0]) * 2 for of in drawn])
    )
    means = [_means(*of, family) for of in zip(drawn, halves, counted, strict=False)]
    twins, strangers = known_mean(np.array(means))
    families = len(np.unique(family[every[:, 0]]))
    tried = FOURS * len(halves) * sum(np.bincount(family[alone]) >= 4)
    numbers = {"twins": len(every) // 2, "families": families, "left_out": tried - len(every) // 2}
    names = [f"votes_wrong_at_{of * 100:.0f}" for of in AVAILABILITIES]
    table = [
        {"rung": ANY_FAMILY, "outcome": name} | numbers | compared(*of, None, families >= FEWEST, confidence)
        for name, *of in zip(names, twins, strangers, strict=True)
    ]
    return pd.DataFrame(table, columns=COLUMNS)


def _means(drawn: Fours, half: Half, counts: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Wrong answers of one family and of four; float64 2 x A x (1 + G) x (1 + F), families weighing alike.

    Without each group of images and family; a group that is not measured changes nothing.
    """
    groups, own = counts.shape[1], family[drawn.twins[:, 0]]
    involved = (family[drawn.strangers][:, :, None] == np.arange(family.max() + 1)).any(axis=1)
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


def vote_counts(decided: Iterable[np.ndarray], labels: np.ndarray, group: np.ndarray, fours: np.ndarray) -> np.ndarray:
    """Numbers of images by equal pairs and right members; int64 P x G x 7 x 5.

    Args:
        decided: decisions of each condition, int M x N.
        labels, group: true class and group of each image, int N.
        fours: int P x 4, members.
    """
    counts = np.zeros((len(fours), group.max() + 1, 7, 5), np.int64)
    for decisions in decided:
        _count(decisions, labels, group, fours, counts)
    return counts


@compiled()
def _count(decisions: np.ndarray, labels: np.ndarray, group: np.ndarray, fours: np.ndarray, counts: np.ndarray) -> None:
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
    images = given.sum(axis=1, keepdims=True)
    before = given.cumsum(axis=1) - given
    shares = [np.clip((of * images - before) / np.maximum(given, 1), 0, 1) for of in AVAILABILITIES]
    return np.array([(share * wrong).sum(axis=1) for share in shares]) / images[:, 0]
