"""Scores of probabilities, intervals of shares, and selective prediction."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import binary_auroc, multiclass_calibration_error

from resiliency.metrics import classification as metrics
from resiliency.metrics import selective


@given(st.integers(0, 1000))
def test_scores_against_numpy_scikit_learn_and_torchmetrics(seed):
    rng = np.random.default_rng(seed)
    probabilities, labels = rng.dirichlet(np.full(4, 0.5), 40), rng.integers(0, 4, 40)
    expected = log_loss(labels, probabilities, labels=range(4))
    assert metrics.negative_log_likelihood(probabilities, labels) == pytest.approx(
        expected, rel=1e-9
    )
    squares = np.square(probabilities - np.eye(4)[labels]).sum(axis=1)
    assert metrics.brier_score(probabilities, labels) == pytest.approx(squares.mean(), rel=1e-9)
    error = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), 4, n_bins=15
    )
    ours = metrics.calibration_error(metrics.confidence_bins(probabilities, labels))
    assert ours == pytest.approx(float(error), abs=1e-6)


def test_bins_of_confidence_by_hand():
    """0.6 is on the edge of the ninth bin and the tenth, and in the ninth; 1 is in the last."""
    bins = metrics.confidence_bins(
        np.array([[0.6, 0.4], [0.38, 0.62], [0.0, 1.0], [1.0, 0.0]]), np.array([0, 0, 1, 1])
    )
    expected = np.zeros((3, 15))
    expected[:, 8], expected[:, 9], expected[:, 14] = (1, 1, 0.6), (1, 0, 0.62), (2, 1, 2)
    np.testing.assert_allclose(bins, expected)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_wilsons(confidence):
    right = np.array([0, 1, 17, 39, 40])
    columns = metrics.accuracies("photos", right / 40, 40, confidence)
    expected = [
        binomtest(int(count), 40).proportion_ci(confidence, method="wilson") for count in right
    ]
    np.testing.assert_allclose(
        columns["photos_accuracy_low"], [of.low for of in expected], atol=1e-12
    )
    np.testing.assert_allclose(
        columns["photos_accuracy_high"], [of.high for of in expected], atol=1e-12
    )
    assert columns["photos_accuracy"].tolist() == (right / 40).tolist()
    unknown = metrics.accuracies("photos", np.float64(0.8), np.nan, confidence)
    assert list(unknown.values()) == pytest.approx([0.8, np.nan, np.nan], nan_ok=True)


def test_float16_becomes_float32_to_the_bit():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]
    for values in (halves, finite, finite.reshape(2, -1).T, finite[:0], finite.astype(float)):
        widened = metrics.as_float32(values)
        np.testing.assert_array_equal(widened, values.astype(np.float32), strict=True)
        np.testing.assert_array_equal(np.signbit(widened), np.signbit(values))


CLASSES = 4


def answers(n_images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n_images)
    logits = rng.standard_normal((n_images, CLASSES))
    logits[np.arange(n_images), labels] += 1
    return metrics.softmax(2 * logits), labels


def ranking(confidence: np.ndarray, errors: np.ndarray) -> selective.Ranking:
    return selective.resampled_rankings(
        confidence[None], errors[None], np.ones((1, len(errors)), np.float32)
    )[0]


@pytest.mark.parametrize(("images", "seed"), [(7, 0), (7, 1), (40, 2), (301, 3)])
def test_measures_against_torch_uncertainty(images, seed):
    from torch_uncertainty.metrics.classification import AURC, RiskAtxCov

    probabilities, labels = answers(images, seed)
    confidence, errors = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    scores = {
        name: values[0] for name, values in selective.measures(ranking(confidence, errors)).items()
    }
    given_both = torch.from_numpy(probabilities), torch.from_numpy(labels)
    expected = {"aurc": AURC(), "error_at_90": RiskAtxCov(0.9)}
    for name, metric in expected.items():
        metric.update(*given_both)
        assert scores[name] == pytest.approx(metric.compute().item(), abs=1e-6), name
    right = torch.from_numpy(~errors).int()
    assert scores["auroc"] == pytest.approx(
        binary_auroc(given_both[0].max(1).values, right).item(), abs=1e-6
    )


def test_ties_count_as_in_random_order():
    """Of two equally confident images one is wrong; the third, less confident, is right."""
    ranked = ranking(np.array([0.9, 0.9, 0.5]), np.array([1.0, 0, 0]))
    np.testing.assert_allclose(
        selective.risk_coverage(ranked, np.array([1, 2, 3]) / 3), [1 / 2, 1 / 2, 1 / 3]
    )
    assert selective.measures(ranked)["aurc"][0] == pytest.approx((1 / 2 + (1 / 2 + 1 / 3) / 2) / 2)
    assert selective.measures(ranked)["auroc"][0] == pytest.approx((1 / 2 + 0) / 2)


def test_resamples_are_those_of_repeated_images():
    rng = np.random.default_rng(0)
    confidence, errors = rng.random((3, 20)), (rng.random((3, 20)) < 0.3).astype(float)
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=4)
    *of_all, drawn = selective.resampled_rankings(confidence, errors, counts)
    exact, whole = map(selective.measures, of_all)
    for name, values in whole.items():
        assert values[0] == pytest.approx(exact[name][0])
    for row, count in enumerate(counts):
        repeated = np.repeat(np.arange(20), count)
        expected = selective.measures(
            ranking(confidence[:, repeated].ravel(), errors[:, repeated].ravel())
        )
        for name, values in selective.measures(drawn).items():
            assert values[row] == pytest.approx(expected[name][0], nan_ok=True), name


def test_groups_of_neighbours_stand_for_the_images():
    probabilities, labels = answers(2000, 1)
    confidence, errors = (
        probabilities.max(axis=1)[None],
        (probabilities.argmax(axis=1) != labels)[None].astype(float),
    )
    exact, whole, _ = selective.resampled_rankings(confidence, errors, np.ones((1, 2000)))
    assert whole.answered.shape == (1, 256)
    found = selective.measures(exact)
    for name, values in selective.measures(whole).items():
        assert values[0] == pytest.approx(found[name][0], abs=0.01), name


def test_mutual_information_against_torch_uncertainty():
    from torch_uncertainty.metrics.classification import MutualInformation

    of_members = np.stack([answers(50, seed)[0] for seed in range(3)]).astype(np.float64)
    metric = MutualInformation(reduction="none")
    metric.update(torch.from_numpy(of_members.swapaxes(0, 1)))
    np.testing.assert_allclose(
        metrics.mutual_information(of_members), metric.compute().numpy(), atol=1e-6
    )
    alike = np.repeat(of_members[:1], 2, axis=0)
    np.testing.assert_allclose(metrics.mutual_information(alike), 0, atol=1e-12)
    assert metrics.entropy(np.array([1.0, 0, 0])) == 0


def test_no_temperature_is_best_where_every_answer_is_right():
    assert np.isnan(metrics.fitted_temperature(np.log([[0.9, 0.1], [0.2, 0.8]]), np.arange(2)))
    # As for an untrained network.
    assert metrics.fitted_temperature(np.log(np.full((2, 2), 0.5)), np.arange(2)) == 1
