"""Which ensembles there are, and a sample of them where there are too many."""

from collections.abc import Callable
from itertools import chain, combinations
from math import comb

import numpy as np
import pandas as pd

from resiliency.base.names import JOINT
from resiliency.base.streams import stream

TOGETHER = ["origin", "objective", "setting", "loss_weight", "seed"]  # what members trained jointly have in common
DRAWN_VALUES = 2**22  # random numbers at once, one for each member of each ensemble drawn


def ensembles_of(members: int, size: int) -> np.ndarray:
    """List all ensembles of one size.

    Args:
        members: number of members, 1 or more.
        size: number of members of each ensemble, 1 or more.

    Returns:
        int64 E x size: positions of members in 0..members-1, each row ascending, rows in lexicographic order; no rows
        if size is larger than members.
    """
    chosen = chain.from_iterable(combinations(range(members), size))
    return np.fromiter(chosen, np.int64, count=comb(members, size) * size).reshape(-1, size)


def limits(member_count: int, sizes: list[int], limit: int) -> list[int]:
    """How many ensembles of each size are scored, at most `limit` in all.

    Sizes share the limit equally; what a size cannot use goes to the larger ones.
    """
    left, counts = limit, {}
    for index, size in enumerate(sorted(sizes, key=lambda size: comb(member_count, size))):
        counts[size] = min(comb(member_count, size), left // (len(sizes) - index))
        left -= counts[size]
    return [counts[size] for size in sizes]


def chosen_ensembles(designs: list[str], size: int, count: int, seed: int) -> np.ndarray:
    """`count` ensembles of `size`, or all if there are no more, as from `ensembles_of`.

    A sample has two strata, which observation 4 compares: ensembles of one design, which are rare and all there unless
    they are more than half of `count`, and the others, of which as many are drawn as are then missing. Ensembles are
    drawn without a list of all that there are, which no memory might hold.

    Args:
        designs: of each member.
    """
    member_count = len(designs)
    if comb(member_count, size) <= count:
        return ensembles_of(member_count, size)
    random = stream(seed, "ensembles", size)
    kinds, of_kind = np.unique(designs, return_inverse=True, return_counts=True)[1:]
    shares = [comb(int(number), size) for number in of_kind]
    alike = sum(shares)
    of_one = min(alike, max(count // 2, count - (comb(member_count, size) - alike)))
    rows = max(1, min(count, DRAWN_VALUES // member_count))

    def draw_alike() -> np.ndarray:
        kind = random.choice(len(shares), (rows, 1), p=np.array([share / alike for share in shares]))
        return _smallest(np.where(kinds == kind, random.random((rows, member_count)), 1), size)

    def draw_others() -> np.ndarray:
        drawn = _smallest(random.random((rows, member_count)), size)
        return drawn[kinds[drawn].min(axis=1) != kinds[drawn].max(axis=1)]

    if alike > of_one:
        chosen = _distinct(draw_alike, of_one)
    else:
        chosen = [np.flatnonzero(kinds == k)[e] for k, n in enumerate(of_kind) for e in ensembles_of(int(n), size)]
    chosen = np.array([*chosen, *_distinct(draw_others, count - of_one)])
    return chosen[np.lexsort(chosen.T[::-1])]


def stands_for(designs: list[str], chosen: np.ndarray) -> np.ndarray:
    """How many possible ensembles each of `chosen`, as from `chosen_ensembles`, stands for; float64 E.

    The inverse of the probability that it was drawn (Horvitz and Thompson 1952): of a stratum, all possible ensembles
    over those drawn; 1 where all are there. A statistic of all ensembles takes these as weights, since a sample
    holds more ensembles of one design than their share.
    """
    size = chosen.shape[1]
    kinds, counts = np.unique(designs, return_inverse=True, return_counts=True)[1:]
    alike = sum(comb(int(count), size) for count in counts)
    of_one = (kinds[chosen] == kinds[chosen[:, :1]]).all(axis=1)
    drawn = np.where(of_one, of_one.sum(), len(chosen) - of_one.sum())
    return np.where(of_one, float(alike), float(comb(len(designs), size) - alike)) / drawn


def _smallest(keys: np.ndarray, size: int) -> np.ndarray:
    """Where the `size` smallest of each row of `keys` are, ascending: an ensemble drawn at random, if these are."""
    return np.sort(keys.argpartition(size - 1, axis=1)[:, :size], axis=1)


def _distinct(draw: Callable[[], np.ndarray], count: int) -> list[tuple[int, ...]]:
    """The first `count` ensembles that differ, of those that `draw` gives again and again."""
    ensembles: dict[tuple[int, ...], None] = {}
    while len(ensembles) < count:
        ensembles |= dict.fromkeys(map(tuple, draw().tolist()))
    return list(ensembles)[:count]


def trained_together(members: pd.DataFrame) -> list[tuple[dict, pd.DataFrame]]:
    """The jointly trained ensembles: what the members of each have in common, and their rows of members.csv."""
    groups = members[members["origin"] == JOINT].groupby(TOGETHER, sort=False)
    return [(dict(zip(TOGETHER, common, strict=True)), chosen) for common, chosen in groups]
