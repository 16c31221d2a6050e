"""Compiled loops over ensembles and images, against sums over all classes."""

import numpy as np
import pytest

from resiliency.ensembles import kernels
from resiliency.ensembles.candidates import PANEL, candidates
from resiliency.ensembles.pool import ensembles_of

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


def answered(ensembles: np.ndarray, values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    shape = len(labels), len(ensembles)
    right, own, best = np.empty(shape, bool), np.empty(shape, np.float32), np.empty(shape, np.float32)
    kernels.answers(ensembles, *candidates(values, labels), right, own, best)
    return right, own, best


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("kind", ["agree", "disagree", "indifferent", "logarithms", "tied"])
@pytest.mark.parametrize("classes", [5, 16, CLASSES])
@pytest.mark.parametrize("thinned", [1, 3])
def test_answers_are_those_of_all_classes(size, kind, classes, thinned):
    values = values_of(kind)[:, :, :classes]
    labels = np.random.default_rng(1).integers(0, 5, IMAGES)
    ensembles = ensembles_of(MEMBERS, size)[::thinned]
    right, own, best = answered(ensembles, values, labels)
    for index, members in enumerate(ensembles):
        total = values[:, members[0]].copy()
        for member in members[1:]:
            total += values[:, member]
        np.testing.assert_array_equal(right[:, index], total.argmax(axis=1) == labels)
        np.testing.assert_array_equal(own[:, index], total[np.arange(IMAGES), labels])
        np.testing.assert_array_equal(best[:, index], total.max(axis=1))


def test_classes_come_in_panels_from_the_likeliest_down():
    values, labels = values_of("indifferent"), np.arange(IMAGES)
    chosen = candidates(values, labels)
    np.testing.assert_array_equal(chosen.classes[:, 0], labels)
    np.testing.assert_array_equal(np.sort(chosen.classes[:, :CLASSES]), np.tile(np.arange(CLASSES), (IMAGES, 1)))
    for image in range(0, IMAGES, 7):
        ordered = values[image][:, chosen.classes[image, :CLASSES]]
        assert (np.diff(ordered.max(axis=0)[1:]) <= 0).all()
        np.testing.assert_array_equal(chosen.values[image, :, :CLASSES], ordered)
        np.testing.assert_array_equal(chosen.bounds[image, :, 2], ordered[:, 3 * PANEL :].max(axis=1))
    assert (chosen.bounds[:, :, -1] == -np.inf).all()


@pytest.mark.parametrize("thinned", [1, 2, 5])
def test_sums_of_products_by_loops(thinned):
    values = np.random.default_rng(0).random((3, MEMBERS, 2 * kernels.CLASSES_AT_ONCE + 9)).astype(np.float32)
    for size in (2, 3, 4, 7):
        ensembles = ensembles_of(MEMBERS, size)[::thinned]
        sums = np.ones((len(values), len(ensembles)))
        kernels.product_sums(ensembles, kernels.first_changes(ensembles), values, sums)
        expected = [1 + values[:, members].astype(float).prod(axis=1).sum(axis=1) for members in ensembles]
        np.testing.assert_allclose(sums, np.transpose(expected), rtol=1e-6)


def test_where_ensembles_differ_from_the_one_before():
    ensembles = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3], [1, 2, 3]])
    assert kernels.first_changes(ensembles).tolist() == [0, 2, 1, 0, 2]
    assert kernels.first_changes(ensembles[:0]).tolist() == []


def test_gaps_are_those_of_bins():
    random = np.random.default_rng(0)
    confidence = random.random((30, 4)).astype(np.float32)
    confidence[:3] = [[0.0], [0.2], [1.0]]  # ends, and the edge of two bins
    right = random.random((30, 4)) < 0.5
    gaps = np.zeros((4, 5))
    kernels.add_gaps(right, confidence, gaps)
    bins = np.clip(np.ceil(confidence * np.float32(5)).astype(int) - 1, 0, 4)
    for ensemble in range(4):
        expected = np.bincount(bins[:, ensemble], right[:, ensemble] - confidence[:, ensemble].astype(float), 5)
        np.testing.assert_allclose(gaps[ensemble], expected, atol=1e-6)
