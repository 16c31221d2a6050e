"""Which ensembles there are, and a sample of them where there are too many."""

from itertools import chain, combinations
from math import comb

import numpy as np
import pandas as pd

from resiliency.streams import stream

TOGETHER = ["origin", "objective", "setting", "strength", "seed"]  # what members trained jointly have in common
DRAWN_AT_ONCE = 2**16


def ensembles_of(members: int, size: int) -> np.ndarray:
    """All ensembles of `size` out of `members`: int64 E x size, each row ascending, rows in lexicographic order."""
    chosen = chain.from_iterable(combinations(range(members), size))
    return np.fromiter(chosen, np.int64, count=comb(members, size) * size).reshape(-1, size)


def limits(members: int, sizes: list[int], limit: int) -> list[int]:
    """How many ensembles of each size are scored, at most `limit` in all.

    Sizes share the limit equally; what a size cannot use goes to the larger ones.
    """
    left, counts = limit, {}
    for index, size in enumerate(sorted(sizes, key=lambda size: comb(members, size))):
        counts[size] = min(comb(members, size), left // (len(sizes) - index))
        left -= counts[size]
    return [counts[size] for size in sizes]


def chosen_ensembles(designs: list[str], size: int, count: int, seed: int) -> np.ndarray:
    """`count` ensembles of `size`, or all if there are no more, as from `ensembles_of`.

    A sample has two strata, which observation 4 compares: ensembles of one design, which are rare and all there unless
    they are more than half of `count`, and the others, of which as many are drawn as are then missing.

    Args:
        designs: of each member.
    """
    members = len(designs)
    if comb(members, size) <= count:
        return ensembles_of(members, size)
    random = stream(seed, "ensembles", size)
    kinds = np.unique(designs, return_inverse=True)[1]
    of_one = [np.flatnonzero(kinds == kind)[ensembles_of(int((kinds == kind).sum()), size)] for kind in set(kinds)]
    alike = np.concatenate(of_one)
    others = comb(members, size) - len(alike)
    most = max(count // 2, count - others)
    if len(alike) > most:
        alike = alike[random.choice(len(alike), most, replace=False)]
    found = np.empty((0, size), np.int64)
    while len(found) < count - len(alike):
        drawn = np.sort(random.random((DRAWN_AT_ONCE, members)).argpartition(size - 1, axis=1)[:, :size], axis=1)
        drawn = drawn[kinds[drawn].min(axis=1) != kinds[drawn].max(axis=1)]
        everything = np.concatenate([found, drawn])
        first = np.unique(everything, axis=0, return_index=True)[1]
        found = everything[np.sort(first)]
    chosen = np.concatenate([alike, found[: count - len(alike)]])
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
    return np.where(of_one, alike, comb(len(designs), size) - alike) / drawn


def trained_together(members: pd.DataFrame) -> list[tuple[dict, pd.DataFrame]]:
    """The jointly trained ensembles: what the members of each have in common, and their rows of members.csv."""
    groups = members[members["origin"] == "joint"].groupby(TOGETHER, sort=False)
    return [(dict(zip(TOGETHER, common, strict=True)), chosen) for common, chosen in groups]
