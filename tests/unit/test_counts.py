"""Metrics of whole ensembles, against loops over images, and at their ends."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resiliency.diversity.counts import (
    coincident_failure_diversity,
    common_failure,
    difficulty,
    entropy,
    generalised_diversity,
    interrater_kappa,
    kohavi_wolpert,
)
from resiliency.ensembles.combination import packed, right_counts
from resiliency.ensembles.pool import ensembles_of

correctness = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 30)))


def shares_of(correct: np.ndarray) -> np.ndarray:
    """1 x (L + 1), of one ensemble from bool L x N."""
    return np.bincount(correct.sum(axis=0), minlength=len(correct) + 1)[None] / correct.shape[1]


@pytest.mark.parametrize("images", [1, 63, 64, 130])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_counts_against_sums(images, size):
    correct = np.random.default_rng(0).random((7, images)) < 0.6
    ensembles = ensembles_of(7, size)
    expected = [np.bincount(correct[row].sum(axis=0), minlength=size + 1) for row in ensembles]
    np.testing.assert_array_equal(right_counts(ensembles, packed(correct), images), expected)


@given(correctness)
@settings(deadline=None)
def test_metrics_by_loops(correct):
    """Each by its formula, an image at a time."""
    size, n = correct.shape
    count = [int(sum(column)) for column in correct.T]
    shares = shares_of(correct)
    spread = sum(c * (size - c) for c in count)
    expected = sum(min(c, size - c) for c in count) / (size - -(-size // 2)) / n
    assert entropy(shares)[0] == pytest.approx(expected)
    assert kohavi_wolpert(shares)[0] == pytest.approx(spread / (n * size**2))
    accuracy = sum(count) / (n * size)
    if 0 < accuracy < 1:
        expected = 1 - spread / (n * size * (size - 1) * accuracy * (1 - accuracy))
        assert interrater_kappa(shares)[0] == pytest.approx(expected)
    assert difficulty(shares)[0] == pytest.approx(np.var(np.array(count) / size), abs=1e-12)
    failing = [[i for i in range(size) if not correct[i, image]] for image in range(n)]
    one = sum(len(f) for f in failing) / (n * size)
    two = sum(len(list(combinations(f, 2))) for f in failing) / (n * size * (size - 1) / 2)
    assert generalised_diversity(shares)[0] == pytest.approx(1 - two / one if one else 0)
    some = [size - len(f) for f in failing if f]
    assert coincident_failure_diversity(shares)[0] == pytest.approx(np.mean(some) / (size - 1) if some else 0)


def test_common_failure_by_hand():
    """Two members that fail on 3 and 2 images of 10, once together; a member and its copy."""
    shares = np.array([[0.1, 0.3, 0.6], [0.3, 0, 0.7]])
    covariances = common_failure(shares, np.array([[0.3, 0.2], [0.3, 0.3]]))
    np.testing.assert_allclose(covariances, [0.1 - 0.06, 0.3 - 0.09])
