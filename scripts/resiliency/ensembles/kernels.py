"""Compiled loops over ensembles and images.

Products of members' values are kept for the first members of an ensemble, and formed again only from where the next one
differs. So ensembles best come in lexicographic order, in which each costs little more than its last member.
"""

import numpy as np
from numba import njit

from resiliency.ensembles.candidates import PANEL

CLASSES_AT_ONCE = 512  # so many values of some members stay in a core's nearest cache


def first_changes(ensembles: np.ndarray) -> np.ndarray:
    """The first place at which each ensemble (int E x L) differs from the one before; int64 E, 0 for the first."""
    changed = ensembles[1:] != ensembles[:-1]
    places = np.where(changed.any(axis=1), changed.argmax(axis=1), ensembles.shape[1] - 1)
    return np.concatenate([np.zeros(min(1, len(ensembles)), np.int64), places])


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def answers(
    ensembles: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
    values: np.ndarray,
    bounds: np.ndarray,
    right: np.ndarray,
    own: np.ndarray,
    best: np.ndarray,
) -> None:
    """Sum the members' values of each ensemble and compare the label's sum with those of the other classes.

    Classes are summed panel by panel, until no other class can reach the largest sum.

    Args:
        ensembles: int64 E x L.
        labels, classes, values, bounds: of N images, as `candidates.Candidates` describes them.
        right: bool N x E, is set to whether the label has the largest sum, the first of those that share it.
        own, best: float32 N x E, are set to the label's sum and to the largest.
    """
    total = np.empty(PANEL, np.float32)
    for image in range(len(labels)):
        for ensemble in range(len(ensembles)):
            mine, rival = np.float32(0), np.float32(-np.inf)
            for panel in range(bounds.shape[2]):
                start, bound = PANEL * panel, np.float32(0)
                total[:] = 0
                for place in range(ensembles.shape[1]):
                    member = ensembles[ensemble, place]
                    row = values[image, member, start : start + PANEL]
                    for k in range(PANEL):
                        total[k] += row[k]
                    bound += bounds[image, member, panel]
                if panel == 0:
                    mine, total[0] = total[0], -np.inf
                for k in range(PANEL):
                    rival = max(rival, total[k])
                if max(mine, rival) > bound:
                    break
            won = mine > rival
            if mine == rival:
                won = labels[image] < _first_class(ensembles[ensemble], values[image], classes[image], rival)
            right[image, ensemble] = won
            own[image, ensemble], best[image, ensemble] = mine, max(mine, rival)


@njit(cache=True, nogil=True)
def _first_class(ensemble: np.ndarray, values: np.ndarray, classes: np.ndarray, value: np.float32) -> int:
    """The first class, but for the label's, for which the sum over the members is `value`."""
    first = np.iinfo(np.int32).max
    for k in range(1, len(classes)):
        total = np.float32(0)
        for member in ensemble:
            total += values[member, k]
        if total == value:
            first = min(first, classes[k])
    return first


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def product_sums(ensembles: np.ndarray, changes: np.ndarray, values: np.ndarray, sums: np.ndarray) -> None:
    """Add to `sums` the sums over classes of the products of the members' values.

    Args:
        ensembles: int64 E x L.
        changes: int64 E, from `first_changes`.
        values: float32 N x M x K.
        sums: float64 N x E.
    """
    size, classes = ensembles.shape[1], values.shape[2]
    products = np.ones((size, CLASSES_AT_ONCE), np.float32)
    for image in range(len(values)):
        for start in range(0, classes, CLASSES_AT_ONCE):
            some, ensemble = slice(start, min(start + CLASSES_AT_ONCE, classes)), 0
            while ensemble < len(ensembles):
                for depth in range(changes[ensemble], size - 1):
                    last = values[image, ensembles[ensemble, depth], some]
                    for k in range(len(last)):
                        products[depth + 1, k] = products[depth, k] * last[k]
                before = products[size - 1]
                many = _sharing(changes, ensemble, size - 1)
                if many == 4:
                    lasts = ensembles[ensemble : ensemble + 4, size - 1]
                    a, b = values[image, lasts[0], some], values[image, lasts[1], some]
                    c, d = values[image, lasts[2], some], values[image, lasts[3], some]
                    of_a = of_b = of_c = of_d = np.float32(0)
                    for k in range(len(a)):
                        of_a += before[k] * a[k]
                        of_b += before[k] * b[k]
                        of_c += before[k] * c[k]
                        of_d += before[k] * d[k]
                    sums[image, ensemble] += of_a
                    sums[image, ensemble + 1] += of_b
                    sums[image, ensemble + 2] += of_c
                    sums[image, ensemble + 3] += of_d
                else:
                    for other in range(ensemble, ensemble + many):
                        last, total = values[image, ensembles[other, size - 1], some], np.float32(0)
                        for k in range(len(last)):
                            total += before[k] * last[k]
                        sums[image, other] += total
                ensemble += many


@njit(cache=True, nogil=True)
def _sharing(changes: np.ndarray, first: int, place: int) -> int:
    """How many ensembles from `first` on, four at most, differ at no other place."""
    many = 1
    while many < 4 and first + many < len(changes) and changes[first + many] == place:
        many += 1
    return many


@njit(cache=True, nogil=True)
def add_gaps(right: np.ndarray, confidence: np.ndarray, gaps: np.ndarray) -> None:
    """Add right - confidence of each answer to its bin of confidence, of equal width; on an edge to the lower one.

    Args:
        right: bool N x E.
        confidence: float32 N x E, in 0..1.
        gaps: float64 E x bins.
    """
    bins = gaps.shape[1]
    for image in range(len(right)):
        for ensemble in range(len(gaps)):
            value = confidence[image, ensemble]
            place = min(max(int(np.ceil(value * np.float32(bins))), 1), bins) - 1
            gaps[ensemble, place] += np.float32(right[image, ensemble]) - value
