"""Means over the members of many ensembles, formed from those of ensembles that share members."""

from collections.abc import Iterator

import numpy as np

BLOCK_VALUES = 2**20  # four megabytes: few enough for caches, and long enough for threads not to wait for each other


def label_first(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values float32 M x N x K as M x K x N, on each image the label's class first, the others in their order."""
    others = np.arange(1, values.shape[2])
    order = np.column_stack([labels, others - (others <= labels[:, None])])
    return np.ascontiguousarray(np.take_along_axis(values, order[None], axis=2).swapaxes(1, 2))


def means(groups: list[np.ndarray], values: np.ndarray, weights: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Weighted means of the members' values, block after block of ensembles.

    The sum over all members but the last is kept, and formed again only from where it changes; where the last member
    moves on to the next one, as in lexicographic order, the ensembles are summed at once. So an ensemble costs little
    more than one addition, whatever its size.

    Args:
        groups: int E_i x size_i each, members of the ensembles of one size, best in lexicographic order.
        values: float32 M x K x N.
        weights: float M, positive.

    Yields:
        Which of all ensembles, and their means float32 B x K x N, in a buffer that is used again.
    """
    members, *shape = values.shape
    size = max(1, BLOCK_VALUES // (shape[0] * shape[1]))
    buffer = np.empty((size, shape[0] * shape[1]), np.float32)
    equal = bool((weights == weights[0]).all())
    first = 0
    for ensembles in groups:
        # Equal members are divided by their number once here, others by their total, an ensemble at a time, below.
        own = np.full(members, 1 / ensembles.shape[1]) if equal else weights
        weighted = (values * own.astype(np.float32)[:, None, None]).reshape(members, -1)
        totals = weights[ensembles].sum(axis=1).astype(np.float32)[:, None]
        sums = _PrefixSums(weighted, ensembles.shape[1] - 1)
        starts = _stretches(ensembles, size)
        for start, stop in zip(starts, [*starts[1:], len(ensembles)], strict=True):
            *prefix, last = ensembles[start].tolist()
            place = start % size
            many = stop - start
            np.add(sums.of(prefix), weighted[last : last + many], out=buffer[place : place + many])
            if stop % size == 0 or stop == len(ensembles):
                block = buffer[: place + many]
                if not equal:
                    block /= totals[stop - len(block) : stop]
                yield slice(first + stop - len(block), first + stop), block.reshape(-1, *shape)
        first += len(ensembles)


class _PrefixSums:
    """Sums of the values of some members, kept for each of the first of them."""

    def __init__(self, values: np.ndarray, depth: int):
        self.values, self.members = values, [-1] * depth
        self.sums = np.zeros((max(depth, 1), values.shape[1]), np.float32)  # of no member: zeros

    def of(self, members: list[int]) -> np.ndarray:
        """The sum of the values of `members`, as many as there are each time."""
        changed = False
        for depth, member in enumerate(members):
            changed |= member != self.members[depth]
            if changed and depth:
                np.add(self.sums[depth - 1], self.values[member], out=self.sums[depth])
            elif changed:
                self.sums[0] = self.values[member]
        self.members = members
        return self.sums[-1]


def _stretches(ensembles: np.ndarray, size: int) -> list[int]:
    """Where ensembles begin that differ from the one before by more than the next last member, and blocks of `size`."""
    step = np.diff(ensembles, axis=0)
    apart = step[:, :-1].any(axis=1) | (step[:, -1] != 1)
    begins = np.concatenate([[True], apart])
    begins[::size] = True
    return np.flatnonzero(begins).tolist()
