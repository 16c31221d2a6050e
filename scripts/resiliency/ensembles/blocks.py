"""Ensembles in an order in which sums and products over their members can be used again.

An ensemble is split at its middle member, into those before it and those after. Of all ensembles with one middle
member, each part before comes with each part after: the parts are few, and the sums of products of all members are a
product of two matrices.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Block(NamedTuple):
    """B ensembles of L members.

    Attributes:
        places: int64 B, where they are among all.
        ensembles: int64 B x L: the middle member, those before it from the last to the first, those after it; in
            lexicographic order.
        changes: int64 B, the first place at which each differs from the one above; 0 for the first.
        before, after: int64 P x l and Q x r, the parts that occur, in lexicographic order.
        of_before, of_after: int64 B, which of them each ensemble has.
        runs: int64 R x 6, of ensembles that share their middle member: where they start and stop, and where their parts
            before do, and their parts after.
    """

    places: np.ndarray
    ensembles: np.ndarray
    changes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    of_before: np.ndarray
    of_after: np.ndarray
    runs: np.ndarray


def blocks(ensembles: np.ndarray, largest: int) -> Iterator[Block]:
    """All of `ensembles` (int E x L, members in any order), at most `largest` in a block."""
    middle, turned = ensembles.shape[1] // 2, from_the_middle(ensembles)
    order = np.lexsort(turned.T[::-1])
    for start in range(0, len(order), largest):
        places = order[start : start + largest]
        own = turned[places]
        before, of_before = _distinct(own[:, 1 : middle + 1])
        after, of_after = _distinct(own[:, middle + 1 :])
        starts = np.flatnonzero(np.diff(own[:, 0], prepend=-1))
        ends = [starts, np.append(starts[1:], len(own))]
        for of_part in (of_before, of_after):
            ends += [np.minimum.reduceat(of_part, starts), np.maximum.reduceat(of_part, starts) + 1]
        yield Block(places, own, _first_changes(own), before, after, of_before, of_after, np.stack(ends, axis=1))


def from_the_middle(ensembles: np.ndarray) -> np.ndarray:
    """Ensembles (int E x L) in the order in which their members are summed: see `Block.ensembles`; int64 E x L."""
    middle = ensembles.shape[1] // 2
    return np.concatenate([ensembles[:, middle::-1], ensembles[:, middle + 1 :]], axis=1).astype(np.int64)


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct of `rows` (int64 B x l) in lexicographic order, and which of them each row is; int64 B.

    A column at a time, which takes a fraction of the time of `np.unique` with an axis.
    """
    first, places = np.zeros(1, np.int64), np.zeros(len(rows), np.int64)
    for column in rows.T:
        _, first, places = np.unique(places * (rows.max() + 1) + column, return_index=True, return_inverse=True)
    return rows[first], places


def _first_changes(ensembles: np.ndarray) -> np.ndarray:
    """The first place at which each ensemble (int B x L) differs from the one above; int64 B, 0 for the first."""
    changed = ensembles[1:] != ensembles[:-1]
    places = np.where(changed.any(axis=1), changed.argmax(axis=1), ensembles.shape[1] - 1)
    return np.concatenate([np.zeros(1, np.int64), places])
