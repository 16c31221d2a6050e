"""Compiled loops over ensembles and images.

Ensembles come in blocks as `blocks.Block` describes them. Sums of members' values are kept for the first members of an
ensemble, and formed again only from where the next one differs.
"""

import numpy as np
from numba import njit

LANES = 128  # so many values fill the vectors that a compiled loop takes at once
PRODUCTS_AT_ONCE = 800  # so many products OpenBLAS forms without copying the matrices first


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def answers(
    ensembles: np.ndarray,
    changes: np.ndarray,
    panel: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    right: np.ndarray,
    own: np.ndarray,
    best: np.ndarray,
) -> int:
    """Sum the members' values of each ensemble and compare the label's sum with those of the other classes.

    Candidates alone are summed. Where a class that is not among them might reach the largest sum, or where classes
    share it with the label, all are.

    Args:
        ensembles, changes: of B ensembles, as `blocks.Block` has them.
        panel: float32 M x (C + 2) x n, from `candidates.panel`.
        values: float32 n x M x K, of all classes.
        labels: int64 n.
        right: bool B x n, is set to whether the label has the largest sum, the first of those that share it.
        own, best: float32 B x n, are set to the label's sum and to the largest.

    Returns:
        For how many answers all classes were summed.
    """
    size, (rows, images) = ensembles.shape[1], panel.shape[1:]
    sums = np.zeros((size, rows, images), np.float32)
    rival, bound = np.empty(images, np.float32), np.empty(images, np.float32)
    total = np.full(-(-values.shape[2] // LANES) * LANES, -np.inf, np.float32)
    summed = 0
    for ensemble in range(len(ensembles)):
        for depth in range(changes[ensemble], size - 1):
            _add(sums[depth], panel[ensembles[ensemble, depth]], sums[depth + 1])
        before, added, label = sums[size - 1], panel[ensembles[ensemble, size - 1]], own[ensemble]
        _add(before[0], added[0], label)
        _add(before[rows - 1], added[rows - 1], bound)
        rival[:] = -np.inf
        for row in range(1, rows - 1):
            one, other = before[row], added[row]
            for image in range(images):
                rival[image] = max(rival[image], one[image] + other[image])
        unsure = 0
        for image in range(images):
            right[ensemble, image] = label[image] > rival[image]
            best[ensemble, image] = max(label[image], rival[image])
            unsure += (best[ensemble, image] <= bound[image]) | (label[image] == rival[image])
        if unsure:
            for image in range(images):
                if best[ensemble, image] <= bound[image] or label[image] == rival[image]:
                    largest = _largest(ensembles[ensemble], values[image], total)
                    right[ensemble, image] = _is_first(total, labels[image], largest)
                    best[ensemble, image] = largest
        summed += unsure
    return summed


@njit(cache=True, nogil=True)
def _add(one: np.ndarray, other: np.ndarray, total: np.ndarray) -> None:
    one, other, total = one.reshape(-1), other.reshape(-1), total.reshape(-1)
    for k in range(len(total)):
        total[k] = one[k] + other[k]


@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _largest(ensemble: np.ndarray, values: np.ndarray, total: np.ndarray) -> np.float32:
    """Set the first K of `total` to the sums of the members' values (float32 M x K); the largest of `total`."""
    total[: values.shape[1]] = 0
    for member in ensemble:
        row = values[member]
        for k in range(len(row)):
            total[k] += row[k]
    lanes = total[:LANES].copy()
    for start in range(LANES, len(total), LANES):
        row = total[start : start + LANES]
        for k in range(len(lanes)):
            lanes[k] = max(lanes[k], row[k])
    largest = np.float32(-np.inf)
    for value in lanes:
        largest = max(largest, value)
    return largest


@njit(cache=True, nogil=True)
def _is_first(total: np.ndarray, label: int, largest: np.float32) -> bool:
    """Whether the label has the sum `largest`, and no class before it."""
    first = 0
    while total[first] < largest:
        first += 1
    return first == label


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def product_sums(
    ensembles: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    of_before: np.ndarray,
    of_after: np.ndarray,
    runs: np.ndarray,
    values: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Set `sums` to the sums over classes of the products of the members' values.

    Where most parts of a run come together, they are a product of two matrices; else they are formed one by one.

    Args:
        ensembles, before, after, of_before, of_after, runs: of B ensembles, as `blocks.Block` has them.
        values: float32 n x M x K.
        sums: float32 n x B.
    """
    classes = values.shape[2]
    first, second = np.empty((len(before), classes), np.float32), np.empty((len(after), classes), np.float32)
    scaled = np.empty((max(len(before), len(after)), classes), np.float32)
    for image in range(len(values)):
        _products(before, values[image], first)
        _products(after, values[image], second)
        for start, stop, first_start, first_stop, second_start, second_stop in runs:
            middle = values[image, ensembles[start, 0]]
            left, right = first[first_start:first_stop], second[second_start:second_stop]
            if len(left) * len(right) <= 2 * (stop - start):
                table = _inner_products(left, right, middle, scaled)
                for e in range(start, stop):
                    sums[image, e] = table[of_before[e] - first_start, of_after[e] - second_start]
            else:
                for e in range(start, stop):
                    one, other, total = first[of_before[e]], second[of_after[e]], np.float32(0)
                    for k in range(classes):
                        total += one[k] * middle[k] * other[k]
                    sums[image, e] = total


@njit(cache=True, nogil=True)
def _products(parts: np.ndarray, values: np.ndarray, products: np.ndarray) -> None:
    """Set `products` (float32 P x K) to those of the members (int64 P x l) of each part; of none, 1."""
    for part in range(len(parts)):
        product = products[part]
        product[:] = 1
        for member in parts[part]:
            factor = values[member]
            for k in range(len(product)):
                product[k] *= factor[k]


@njit(cache=True, nogil=True)
def _inner_products(left: np.ndarray, right: np.ndarray, weights: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Sums over classes of the products of each row of `left` (P x K) and of `right` (Q x K) with `weights`; P x Q."""
    table = np.empty((len(left), len(right)), np.float32)
    fewer = left if len(left) < len(right) else right
    for row in range(len(fewer)):
        for k in range(len(weights)):
            scaled[row, k] = fewer[row, k] * weights[k]
    if len(left) < len(right):
        left = scaled[: len(left)]
    else:
        right = scaled[: len(right)]
    step = max(1, PRODUCTS_AT_ONCE // len(left))
    for start in range(0, len(right), step):
        block, place = np.dot(left, right[start : start + step].T), table[:, start : start + step]
        for row in range(len(left)):
            for column in range(block.shape[1]):
                place[row, column] = block[row, column]
    return table


@njit(cache=True, nogil=True)
def add_gaps(right: np.ndarray, confidence: np.ndarray, gaps: np.ndarray) -> None:
    """Add right - confidence of each answer to its bin of confidence, of equal width; on an edge to the lower one.

    Args:
        right: bool B x n.
        confidence: float32 B x n, in 0..1.
        gaps: float64 B x bins.
    """
    bins = gaps.shape[1]
    for ensemble in range(len(gaps)):
        for image in range(right.shape[1]):
            value = confidence[ensemble, image]
            place = min(max(int(np.ceil(value * np.float32(bins))), 1), bins) - 1
            gaps[ensemble, place] += np.float32(right[ensemble, image]) - value
