"""Compiled loops over ensembles and images.

Ensembles come in blocks as `scoring.Block` describes them. Sums of members' values are kept for the
first members of an ensemble, and formed again only from where the next one differs.
"""

import numpy as np

from resiliency.base.machine import compiled

LANES = 128  # number of values that a compiled loop handles at once
# Factors per product, and products side by side; float64 holds a product of so many factors of
# LEAST.
FACTORS = 16
LEAST = np.float32(1e-12)
# Up to so many products OpenBLAS multiplies matrices as they lie, in half of the time; not worth it
# for fewer rows.
SMALL, FEWEST = 10**6, 8
# Of logits; float32 cannot tell a probability with a logit above 17 from 1.
BINS, LOWEST, WIDTH = 512, -8.0, 0.05
ORDERED = {"nnan", "nsz"}  # keeps the order of sums
REORDERED = {"reassoc", "contract", "nsz"}


@compiled(fastmath=ORDERED)
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
    """Sum the members' values of each ensemble and compare the label's sum with those of the other
    classes.

    Candidates alone are summed. Where a class that is not among them might reach the largest sum,
    or where classes share it with the label, all are.

    Args:
        ensembles, changes: B ensembles, as in `scoring.Block`.
        panel: float32 M x (C + 2) x n, as from `scoring.panel`.
        values: float32 n x M x K, values of all classes.
        labels: int64 n.
        right: bool B x n, set to whether the label has the largest sum, first among equals.
        own, best: float32 B x n, set to the label's sum and to the largest sum.

    Returns:
        For how many answers all classes were summed.
    """
    images = panel.shape[2]
    sums, total = (
        np.zeros((ensembles.shape[1], *panel.shape[1:]), np.float32),
        _filled_up(values.shape[2]),
    )
    of_label, rival, bound = (
        np.empty(images, np.float32),
        np.empty(images, np.float32),
        np.empty(images, np.float32),
    )
    summed = 0
    for e in range(len(ensembles)):
        _sum_first(sums, ensembles, changes, e, panel)
        _compare(sums, ensembles, e, panel, of_label, rival, bound)
        _, unsure = _count(of_label, rival, bound)
        if unsure:
            _settle(ensembles[e], values, labels, of_label, rival, bound, total)
        summed += unsure
        for i in range(images):
            right[e, i] = of_label[i] > rival[i]
            own[e, i] = of_label[i]
            best[e, i] = max(of_label[i], rival[i])
    return summed


@compiled(fastmath=ORDERED)
def tally(
    ensembles: np.ndarray,
    changes: np.ndarray,
    panel: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    totals: np.ndarray,
    right: np.ndarray,
    logs: np.ndarray,
    gaps: np.ndarray,
) -> int:
    """Sum the results of `answers` over images; arguments up to `labels`, and the returned value,
    are as there.

    Args:
        totals: float32 B, divisors that turn the members' sums into probabilities; empty if there
            are none.
        right: int64 B, to which the number of right answers is added.
        logs: float64 B, to which ln p of the label is added; a probability below 1e-12 counts as
            1e-12; unchanged without `totals`.
        gaps: float64 B x bins, to which right - best is added in the bin of equal width that holds
            the largest probability `best`; an edge belongs to the lower bin; unchanged without
            `totals`.
    """
    images, bins = panel.shape[2], gaps.shape[1]
    sums, total = (
        np.zeros((ensembles.shape[1], *panel.shape[1:]), np.float32),
        _filled_up(values.shape[2]),
    )
    own, rival, bound = (
        np.empty(images, np.float32),
        np.empty(images, np.float32),
        np.empty(images, np.float32),
    )
    places, several, products = np.empty(images, np.int64), np.zeros((4, bins)), np.empty(FACTORS)
    summed = 0
    for e in range(len(ensembles)):
        _sum_first(sums, ensembles, changes, e, panel)
        _compare(sums, ensembles, e, panel, own, rival, bound)
        hits, unsure = _count(own, rival, bound)
        if unsure:
            _settle(ensembles[e], values, labels, own, rival, bound, total)
            hits, _ = _count(own, rival, bound)
        summed += unsure
        right[e] += hits
        if len(totals):
            whole = totals[e]
            for i in range(images):
                best = max(own[i], rival[i]) / whole
                rival[i] = np.float32(own[i] > rival[i]) - best
                own[i] /= whole
                places[i] = _bin(best, bins)
            logs[e] += _log_sum(own, products)
            _add_gaps(rival, places, several, gaps, e)
    return summed


@compiled()
def _filled_up(classes: int) -> np.ndarray:
    """-inf for each class, and for further values up to a multiple of `LANES`."""
    return np.full(-(-classes // LANES) * LANES, -np.inf, np.float32)


@compiled()
def _sum_first(
    sums: np.ndarray, ensembles: np.ndarray, changes: np.ndarray, e: int, panel: np.ndarray
) -> None:
    """Set the sums of the first 1, 2, ... members of an ensemble, from that on which differs from
    the one above."""
    for depth in range(changes[e], ensembles.shape[1] - 1):
        member = ensembles[e, depth]
        for row in range(panel.shape[1]):
            for i in range(panel.shape[2]):
                sums[depth + 1, row, i] = sums[depth, row, i] + panel[member, row, i]


@compiled(fastmath=ORDERED)
def _compare(
    sums: np.ndarray,
    ensembles: np.ndarray,
    e: int,
    panel: np.ndarray,
    own: np.ndarray,
    rival: np.ndarray,
    bound: np.ndarray,
) -> None:
    """Set the label's sum, the largest of the other candidates, and a bound of all other classes,
    float32 n each."""
    last, (rows, images) = ensembles.shape[1] - 1, panel.shape[1:]
    member, whole = ensembles[e, last], 1 + (rows - 2) // 3 * 3
    for i in range(images):
        own[i] = sums[last, 0, i] + panel[member, 0, i]
        bound[i] = sums[last, rows - 1, i] + panel[member, rows - 1, i]
        rival[i] = -np.inf
    # Three at a time, so that `rival` is read and written less often.
    for row in range(1, whole, 3):
        for i in range(images):
            one = sums[last, row, i] + panel[member, row, i]
            two = sums[last, row + 1, i] + panel[member, row + 1, i]
            three = sums[last, row + 2, i] + panel[member, row + 2, i]
            rival[i] = max(max(rival[i], one), max(two, three))
    for row in range(whole, rows - 1):
        for i in range(images):
            rival[i] = max(rival[i], sums[last, row, i] + panel[member, row, i])


@compiled(fastmath=ORDERED)
def _count(own: np.ndarray, rival: np.ndarray, bound: np.ndarray) -> tuple[int, int]:
    """On how many images the label has the largest sum, and on how many `_compare` does not
    decide."""
    right = unsure = 0
    for i in range(len(own)):
        right += own[i] > rival[i]
        unsure += (max(own[i], rival[i]) <= bound[i]) | (own[i] == rival[i])
    return right, unsure


@compiled(fastmath=ORDERED)
def _settle(
    ensemble: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    own: np.ndarray,
    rival: np.ndarray,
    bound: np.ndarray,
    total: np.ndarray,
) -> None:
    """Sum all classes where `_compare` does not decide; then `rival` is less than `own` where the
    answer is right."""
    for i in range(len(own)):
        if max(own[i], rival[i]) <= bound[i] or own[i] == rival[i]:
            rival[i] = _largest(ensemble, values[i], total)
            if _is_first(total, labels[i], rival[i]):
                rival[i] = -np.inf


@compiled(fastmath=ORDERED)
def _largest(ensemble: np.ndarray, values: np.ndarray, total: np.ndarray) -> np.float32:
    """Set the first K of `total` to the sums of the members' values (float32 M x K); the largest of
    `total`."""
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


@compiled()
def _is_first(total: np.ndarray, label: int, largest: np.float32) -> bool:
    """Whether the label has the sum `largest`, and no class before it."""
    first = 0
    while total[first] < largest:
        first += 1
    return first == label


@compiled(fastmath=REORDERED)
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

    Where most parts of a run come together, they are a product of two matrices; else they are
    formed one by one.

    Args:
        ensembles, before, after, of_before, of_after, runs: B ensembles, as in `scoring.Block`.
        values: float32 n x M x K.
        sums: float32 n x B.
    """
    classes = values.shape[2]
    first, second = (
        np.empty((len(before), classes), np.float32),
        np.empty((len(after), classes), np.float32),
    )
    space = np.empty((max(len(before), len(after)), classes), np.float32)
    for image in range(len(values)):
        _products(before, values[image], first)
        _products(after, values[image], second)
        for start, stop, first_start, first_stop, second_start, second_stop in runs:
            middle = values[image, ensembles[start, 0]]
            left, right = first[first_start:first_stop], second[second_start:second_stop]
            if len(left) * len(right) <= 2 * (stop - start):
                if len(left) < len(right):
                    left = _scaled(left, middle, space)
                else:
                    right = _scaled(right, middle, space)
                table = np.empty((len(left), len(right)), np.float32)
                rows = SMALL // (len(right) * classes)
                rows = rows if rows >= FEWEST else len(left)
                for row in range(0, len(left), rows):
                    np.dot(left[row : row + rows], right.T, table[row : row + rows])
                for e in range(start, stop):
                    sums[image, e] = table[of_before[e] - first_start, of_after[e] - second_start]
            else:
                for e in range(start, stop):
                    one, other, total = first[of_before[e]], second[of_after[e]], np.float32(0)
                    for k in range(classes):
                        total += one[k] * middle[k] * other[k]
                    sums[image, e] = total


@compiled()
def _products(parts: np.ndarray, values: np.ndarray, products: np.ndarray) -> None:
    """Set `products` (float32 P x K) to those of the members (int64 P x l) of each part; of none,
    1."""
    for part in range(len(parts)):
        product = products[part]
        if not parts.shape[1]:
            product[:] = 1
        for place, member in enumerate(parts[part]):
            factor = values[member]
            for k in range(len(product)):
                product[k] = product[k] * factor[k] if place else factor[k]


@compiled()
def _scaled(rows: np.ndarray, factor: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Set the first of `out` to `rows` (float32 P x K) times `factor` (float32 K), and return
    them."""
    for row in range(len(rows)):
        for k in range(len(factor)):
            out[row, k] = rows[row, k] * factor[k]
    return out[: len(rows)]


@compiled(fastmath=REORDERED)
def log_normalisers(
    ensembles: np.ndarray, changes: np.ndarray, roots: np.ndarray, logs: np.ndarray
) -> None:
    """Add to `logs` the sums over images of ln of the sums over classes of the products of the
    members' values.

    Args:
        ensembles, changes: B ensembles, as in `scoring.Block`.
        roots: float32 M x K x n; sums below 1e-12 count as 1e-12.
        logs: float64 B.
    """
    size, (classes, images) = ensembles.shape[1], roots.shape[1:]
    parts, total, products = (
        np.ones((size, classes, images), np.float32),
        np.empty(images, np.float32),
        np.empty(FACTORS),
    )
    last, whole = size - 1, classes // 5 * 5
    for e in range(len(ensembles)):
        for depth in range(changes[e], last):
            member = ensembles[e, depth]
            for k in range(classes):
                for i in range(images):
                    parts[depth + 1, k, i] = parts[depth, k, i] * roots[member, k, i]
        member = ensembles[e, last]
        total[:] = 0
        for k in range(0, whole, 5):
            for i in range(images):
                one = (
                    parts[last, k, i] * roots[member, k, i]
                    + parts[last, k + 1, i] * roots[member, k + 1, i]
                )
                two = (
                    parts[last, k + 2, i] * roots[member, k + 2, i]
                    + parts[last, k + 3, i] * roots[member, k + 3, i]
                )
                total[i] += one + two + parts[last, k + 4, i] * roots[member, k + 4, i]
        for k in range(whole, classes):
            for i in range(images):
                total[i] += parts[last, k, i] * roots[member, k, i]
        logs[e] += _log_sum(total, products)


@compiled()
def _bin(confidence: np.float32, bins: int) -> int:
    """The position of the bin that holds a confidence."""
    return min(max(int(np.ceil(confidence * np.float32(bins))), 1), bins) - 1


@compiled()
def _log_sum(values: np.ndarray, products: np.ndarray) -> float:
    """Sum of ln of values (float32 n), of those below 1e-12 that of 1e-12, as ln of products of
    many."""
    bits, exponents, whole = products.view(np.int64), 0, len(values) // FACTORS * FACTORS
    products[:] = 1
    for start in range(0, whole, FACTORS * FACTORS):
        for row in range(start, min(start + FACTORS * FACTORS, whole), FACTORS):
            for j in range(FACTORS):
                products[j] *= np.float64(max(values[row + j], LEAST))
        for j in range(FACTORS):  # scales to 1..2 and keeps the exponents
            exponents += (bits[j] >> 52) - 1023
            bits[j] = bits[j] & 0xFFFFFFFFFFFFF | 0x3FF0000000000000
    total = 1.0
    for j in range(FACTORS):
        total *= products[j]
    for i in range(whole, len(values)):
        total *= np.float64(max(values[i], LEAST))
    return np.log(total) + exponents * np.log(2.0)


@compiled()
def _add_gaps(
    differences: np.ndarray, places: np.ndarray, several: np.ndarray, gaps: np.ndarray, e: int
) -> None:
    """Add differences (float32 n) at their places to a row of `gaps`, by four sums (4 x bins) that
    do not wait for each other, and are 0 before and after."""
    whole = len(places) // 4 * 4
    for i in range(0, whole, 4):
        for j in range(4):
            several[j, places[i + j]] += differences[i + j]
    for i in range(whole, len(places)):
        several[0, places[i]] += differences[i]
    for place in range(gaps.shape[1]):
        gaps[e, place] += (
            several[0, place] + several[1, place] + several[2, place] + several[3, place]
        )
    several[:] = 0


@compiled()
def count_votes(
    ensembles: np.ndarray,
    decisions: np.ndarray,
    labels: np.ndarray,
    tied: np.ndarray,
    most: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Count the votes of members that are known by their decisions.

    Args:
        ensembles: int64 B x L.
        decisions, labels: M x n and n, of one type of integers.
        tied: uint16 B x n, set to the number of classes that share the most votes; 0 if the label
            is none of them.
        most: uint16 B x n, set to the number of votes for each of these.
        counts: int64 B x (L + 1), to which the number of images of each value of `tied` is added.
    """
    size, images = ensembles.shape[1], len(labels)
    votes, leaders = np.empty((size, images), np.uint16), np.empty(images, np.uint16)
    for e in range(len(ensembles)):
        best, hits = most[e], tied[e]
        best[:], hits[:], leaders[:] = 0, 0, 0
        for place in range(size):
            own, behind = decisions[ensembles[e, place]], votes[place]
            behind[:] = 0
            for member in ensembles[e]:
                other = decisions[member]
                for i in range(images):
                    behind[i] += np.uint16(own[i] == other[i])
            for i in range(images):
                best[i] = behind[i] if behind[i] > best[i] else best[i]
        for place in range(size):
            own, behind = decisions[ensembles[e, place]], votes[place]
            for i in range(images):
                leads = np.uint16(behind[i] == best[i])
                leaders[i] += leads
                hits[i] |= leads & np.uint16(own[i] == labels[i])
        for i in range(images):
            hits[i] = np.float32(leaders[i] * hits[i]) / np.float32(best[i])
        for classes in range(size + 1):
            total = 0
            for i in range(images):
                total += hits[i] == classes
            counts[e, classes] += total


@compiled()
def confidence_bin(total: np.float32, members: int) -> int:
    """The bin of the logit of a mean probability, whose sum over `members` is `total`."""
    logit = np.log(total / max(members - total, members * np.float32(5e-8)))
    return min(max(int((logit - LOWEST) / WIDTH), 0), BINS - 1)


@compiled()
def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """`confidence_bin` of mean probabilities, float32 E x n; int64 E x n."""
    ensembles, images = confidence.shape
    bins = np.empty((ensembles, images), np.int64)
    for e in range(ensembles):
        for i in range(images):
            bins[e, i] = confidence_bin(confidence[e, i], 1)
    return bins
