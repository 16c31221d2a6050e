"""Compiled loops over ensembles and images, against sums over all classes."""

import numpy as np
import pytest

from resiliency.ensembles import kernels
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import Block, blocks, panel

MEMBERS, IMAGES, CLASSES = 7, 40, 150


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


def answered(block: Block, values: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, ...]:
    shape = len(block.places), len(labels)
    right, own, best = np.empty(shape, bool), np.empty(shape, np.float32), np.empty(shape, np.float32)
    candidates = panel(values, labels, min(count, values.shape[2] - 1))
    summed = kernels.answers(block.ensembles, block.changes, candidates, values, labels, right, own, best)
    return right, own, best, summed


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["agree", "disagree", "indifferent", "logarithms", "tied"])
@pytest.mark.parametrize("classes", [5, 16, CLASSES])
@pytest.mark.parametrize("count", [1, 8, 64])
def test_answers_are_those_of_all_classes(size, kind, classes, count):
    values = np.ascontiguousarray(values_of(kind)[:, :, :classes])
    labels = np.random.default_rng(1).integers(0, 5, IMAGES)
    for block in blocks(ensembles_of(MEMBERS, size)[::2], 11):
        right, own, best, _ = answered(block, values, labels, count)
        for index, members in enumerate(block.ensembles):
            total = values[:, members[0]].copy()
            for member in members[1:]:
                total += values[:, member]
            np.testing.assert_array_equal(right[index], total.argmax(axis=1) == labels)
            np.testing.assert_array_equal(own[index], total[np.arange(IMAGES), labels])
            np.testing.assert_array_equal(best[index], total.max(axis=1))


@pytest.mark.parametrize("thinned", [1, 2, 5])
@pytest.mark.parametrize("size", [2, 3, 4, 7])
@pytest.mark.parametrize("largest", [10**6, 9])
def test_sums_of_products_by_loops(thinned, size, largest):
    values = np.random.default_rng(0).random((3, MEMBERS, 70)).astype(np.float32)
    ensembles = ensembles_of(MEMBERS, size)[::thinned]
    products = np.full((len(values), len(ensembles)), np.nan)
    for block in blocks(ensembles, largest):
        sums = np.empty((len(values), len(block.places)), np.float32)
        parts = block.before, block.after, block.of_before, block.of_after
        kernels.product_sums(block.ensembles, *parts, block.runs, values, sums)
        products[:, block.places] = sums
    expected = [values[:, members].astype(float).prod(axis=1).sum(axis=1) for members in ensembles]
    np.testing.assert_allclose(products, np.transpose(expected), rtol=1e-5)


@pytest.mark.parametrize("images", [1, 17, IMAGES])
@pytest.mark.parametrize("kind", ["agree", "disagree", "tied"])
@pytest.mark.parametrize(("classes", "count"), [(2, 1), (5, 4), (16, 2)])
def test_tallies_are_sums_over_answers(images, kind, classes, count):
    values = np.ascontiguousarray(values_of(kind)[:images, :, :classes])
    values /= values.sum(axis=2, keepdims=True)
    labels = np.random.default_rng(1).integers(0, classes, images)
    for block in blocks(ensembles_of(MEMBERS, 3), 11):
        right, own, best, unsure = answered(block, values, labels, count)
        expected, logs, gaps = right.sum(axis=1), np.zeros(len(right)), np.zeros((len(right), 15))
        kernels.add_probabilities(right, own / np.float32(3), best / np.float32(3), logs, gaps)
        sums = np.zeros(len(right), np.int64), np.zeros(len(right)), np.zeros((len(right), 15))
        totals, candidates = np.full(len(right), 3, np.float32), panel(values, labels, count)
        arguments = block.ensembles, block.changes, candidates, values, labels
        assert kernels.tally(*arguments, totals, *sums) == kernels.tally(*arguments, totals[:0], *sums) == unsure
        np.testing.assert_array_equal(sums[0], 2 * expected)
        np.testing.assert_array_equal(sums[1], logs)
        np.testing.assert_array_equal(sums[2], gaps)
