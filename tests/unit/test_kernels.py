"""Compiled loops over ensembles and images, against sums over all classes."""

import numpy as np
import pytest

from resiliency.ensembles import kernels
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import blocks, panel

MEMBERS, IMAGES, CLASSES = 7, 41, 150


def values_of(kind: str) -> np.ndarray:
    """float32 N x M x K: members that are sure and agree, that are sure and disagree, or that are of no opinion."""
    random = np.random.default_rng(0)
    values = random.random((IMAGES, MEMBERS, CLASSES)).astype(np.float32)
    if kind == "agree":
        values[:, :, 3] += 5
    if kind == "disagree":
        chosen = random.integers(0, CLASSES, (IMAGES, MEMBERS))
        np.put_along_axis(values, chosen[..., None], 5, axis=2)
    if kind == "logarithms":
        values = np.log(values)
    if kind == "tied":
        values = np.round(values, 1)
    return values


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["agree", "disagree", "indifferent", "logarithms", "tied"])
@pytest.mark.parametrize("classes", [5, 16, CLASSES])
@pytest.mark.parametrize("count", [1, 8, 64])
def test_answers_are_those_of_all_classes_and_tallies_their_sums(size, kind, classes, count):
    values = np.ascontiguousarray(values_of(kind)[:, :, :classes])
    labels = np.random.default_rng(1).integers(0, 5, IMAGES)
    candidates = panel(values, labels, min(count, classes - 1))
    for block in blocks(ensembles_of(MEMBERS, size)[::2], 11):
        shape = len(block.places), IMAGES
        right, own, best = np.empty(shape, bool), np.empty(shape, np.float32), np.empty(shape, np.float32)
        arguments = block.ensembles, block.changes, candidates, values, labels
        unsure = kernels.answers(*arguments, right, own, best)
        for index, members in enumerate(block.ensembles):
            total = values[:, members[0]].copy()
            for member in members[1:]:
                total += values[:, member]
            np.testing.assert_array_equal(right[index], total.argmax(axis=1) == labels)
            np.testing.assert_array_equal(own[index], total[np.arange(IMAGES), labels])
            np.testing.assert_array_equal(best[index], total.max(axis=1))
        totals = np.full(len(right), 10 * size, np.float32)
        sums = np.zeros(len(right), np.int64), np.zeros(len(right)), np.zeros((len(right), 15))
        logs, gaps = np.zeros(len(right)), np.zeros((len(right), 15))
        kernels.add_probabilities(right, own / totals[:, None], best / totals[:, None], logs, gaps)
        assert kernels.tally(*arguments, totals, *sums) == kernels.tally(*arguments, totals[:0], *sums) == unsure
        for summed, expected in zip(sums, (2 * right.sum(axis=1), logs, gaps), strict=True):
            np.testing.assert_array_equal(summed, expected)


@pytest.mark.parametrize("count", [1, 8, 1003])
def test_logarithms_add_up_with_a_least_probability(count):
    values = np.random.default_rng(0).random(count).astype(np.float32)
    values[-1] = 0
    expected = np.log(np.maximum(values.astype(float), 1e-12)).sum()
    assert kernels._log_sum(values, np.empty(kernels.FACTORS)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("members", "classes", "size", "thinned"),
    [(20, 1000, 5, 1), *((MEMBERS, 70, size, thinned) for size in (2, 3, 4, 7) for thinned in (1, 2, 5))],
)
@pytest.mark.parametrize("largest", [10**6, 9])
def test_sums_of_products_by_loops(members, classes, size, thinned, largest):
    """Those of many members and classes are products of large matrices, in parts."""
    values = np.random.default_rng(0).random((3, members, classes)).astype(np.float32)
    ensembles = ensembles_of(members, size)[::thinned]
    products = np.full((len(values), len(ensembles)), np.nan)
    for block in blocks(ensembles, largest):
        sums = np.empty((len(values), len(block.places)), np.float32)
        parts = block.before, block.after, block.of_before, block.of_after
        kernels.product_sums(block.ensembles, *parts, block.runs, values, sums)
        products[:, block.places] = sums
    some = slice(None, None, 1 + len(ensembles) // 200)
    expected = [values[:, members].astype(float).prod(axis=1).sum(axis=1) for members in ensembles[some]]
    np.testing.assert_allclose(products[:, some], np.transpose(expected), rtol=1e-5)
