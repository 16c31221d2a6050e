"""Scores of a classifier, against scikit-learn and loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax as scipy_softmax
from sklearn.metrics import log_loss

from resiliency.metrics.classification import (
    brier_score,
    confidence_bins,
    expected_calibration_error,
    negative_log_likelihood,
    softmax,
)


def random_case(seed: int, images: int = 40, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 0.5), images), rng.integers(0, classes, images)


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_softmax_against_scipy(seed):
    logits = (np.random.default_rng(seed).standard_normal((2, 5, 7)) * 20).astype(np.float16)
    np.testing.assert_allclose(softmax(logits), scipy_softmax(logits.astype(float), axis=-1), atol=1e-6)
    assert softmax(logits).dtype == np.float32


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_negative_log_likelihood_against_scikit_learn(seed):
    probabilities, labels = random_case(seed)
    expected = log_loss(labels, probabilities, labels=range(4))
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(expected, rel=1e-9)


def test_brier_score_by_hand():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    expected = ((0.4**2 + 0.3**2 + 0.1**2) + (0.2**2 + 0.8**2 + 0.6**2)) / 2
    assert brier_score(probabilities, np.array([0, 1])) == pytest.approx(expected)


def calibration_error_by_loops(probabilities: np.ndarray, labels: np.ndarray) -> float:
    error = 0.0
    for index in range(15):
        inside = []
        for row, label in zip(probabilities, labels, strict=True):
            confidence = max(row)
            if index / 15 < confidence <= (index + 1) / 15:
                inside.append((confidence, float(np.argmax(row) == label)))
        if inside:
            confidences, right = zip(*inside, strict=True)
            error += len(inside) / len(labels) * abs(sum(right) / len(inside) - sum(confidences) / len(inside))
    return error


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_calibration_error_against_loops(seed):
    probabilities, labels = random_case(seed)
    expected = calibration_error_by_loops(probabilities, labels)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected, abs=1e-12)


def test_a_confidence_on_an_edge_is_in_the_lower_bin():
    """0.6 is 9/15: apart from 0.62, whose gap of the other sign would otherwise cancel a part of its own."""
    probabilities = np.array([[0.6, 0.4], [0.62, 0.38]])
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx((0.4 + 0.62) / 2)


def test_gaps_of_different_bins_do_not_cancel():
    """At 0.6 always right (+0.4), at 0.9 right half of the time (-0.4)."""
    probabilities = np.array([[0.6, 0.4]] * 2 + [[0.9, 0.1]] * 2)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0.4)


def test_bins_of_confidence_by_hand():
    """0.6 is on the edge of the ninth bin and the tenth, and in the ninth; 1 is in the last."""
    bins = confidence_bins(np.array([[0.6, 0.4], [0.38, 0.62], [0.0, 1.0], [1.0, 0.0]]), np.array([0, 0, 1, 1]))
    expected = np.zeros((3, 15))
    expected[:, 8], expected[:, 9], expected[:, 14] = (1, 1, 0.6), (1, 0, 0.62), (2, 1, 2)
    np.testing.assert_allclose(bins, expected)
