"""Risk, coverage, temperatures and scores of confidence against torch-uncertainty, torchmetrics and plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc

from resiliency.metrics.classification import fitted_temperature, softmax
from resiliency.metrics.selective import (
    COVERAGES,
    entropy,
    measures,
    mutual_information,
    ranking,
    resampled_rankings,
    risk_coverage,
)

CLASSES = 4


def answers(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, images)
    logits = rng.standard_normal((images, CLASSES))
    logits[np.arange(images), labels] += 1
    return softmax(2 * logits), labels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("images", [7, 40, 301])
def test_measures_against_torch_uncertainty(images, seed):
    from torch_uncertainty.metrics.classification import AURC, FPR95, RiskAtxCov

    probabilities, labels = answers(images, seed)
    confidence, errors = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    scores = {name: values[0] for name, values in measures(ranking(confidence, errors)).items()}
    given_both = torch.from_numpy(probabilities), torch.from_numpy(labels)
    expected = {"aurc": AURC()} | {f"error_at_{round(100 * c)}": RiskAtxCov(c) for c in COVERAGES}
    for name, metric in expected.items():
        metric.update(*given_both)
        assert scores[name] == pytest.approx(metric.compute().item(), abs=1e-6), name
    right = torch.from_numpy(~errors).int()
    assert scores["auroc"] == pytest.approx(binary_auroc(given_both[0].max(1).values, right).item(), abs=1e-6)
    fpr = FPR95(pos_label=1)
    fpr.update(given_both[0].max(1).values, right)
    assert scores["fpr_at_95"] == pytest.approx(fpr.compute().item(), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=12), st.data())
@settings(deadline=None)
def test_ties_count_as_in_random_order(pairs, data):
    """Risks are means over many orders of the images of equal confidence; the areas are linear in them."""
    confidence, errors = np.array(pairs).T
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    images, total = len(pairs), np.zeros(len(pairs))
    for _ in range(400):
        order = np.lexsort([rng.random(images), -confidence])
        total += np.cumsum(errors[order]) / np.arange(1, images + 1)
    risks = total / 400
    ranked = ranking(confidence, errors)
    curve = risk_coverage(ranked, np.arange(1, images + 1) / images)
    np.testing.assert_allclose(curve, risks, atol=0.12)
    area = (curve.sum() - (curve[0] + curve[-1]) / 2) / (images - 1)
    assert measures(ranked)["aurc"][0] == pytest.approx(area)


def test_resamples_are_those_of_repeated_images():
    rng = np.random.default_rng(0)
    confidence, errors = rng.random((3, 20)), (rng.random((3, 20)) < 0.3).astype(float)
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=4)
    whole, drawn = resampled_rankings(confidence, errors, counts)
    exact = measures(ranking(confidence.ravel(), errors.ravel()))
    for name, values in measures(whole).items():
        assert values[0] == pytest.approx(exact[name][0])
    for row, count in enumerate(counts):
        repeated = np.repeat(np.arange(20), count)
        expected = measures(ranking(confidence[:, repeated].ravel(), errors[:, repeated].ravel()))
        for name, values in measures(drawn).items():
            assert values[row] == pytest.approx(expected[name][0], nan_ok=True), name


def test_groups_of_neighbours_stand_for_the_images(monkeypatch):
    probabilities, labels = answers(2000, 1)
    confidence, errors = probabilities.max(axis=1)[None], (probabilities.argmax(axis=1) != labels)[None].astype(float)
    exact = measures(ranking(confidence[0], errors[0]))
    whole, _ = resampled_rankings(confidence, errors, np.ones((1, 2000)))
    assert whole.answered.shape == (1, 256)
    for name, values in measures(whole).items():
        assert values[0] == pytest.approx(exact[name][0], abs=0.01), name


def test_mutual_information_against_torch_uncertainty():
    from torch_uncertainty.metrics.classification import MutualInformation

    of_members = np.stack([answers(50, seed)[0] for seed in range(3)]).astype(np.float64)
    metric = MutualInformation(reduction="none")
    metric.update(torch.from_numpy(of_members.swapaxes(0, 1)))
    np.testing.assert_allclose(mutual_information(of_members, np.ones(3)), metric.compute().numpy(), atol=1e-6)
    alike = np.repeat(of_members[:1], 2, axis=0)
    np.testing.assert_allclose(mutual_information(alike, np.array([0.3, 0.7])), 0, atol=1e-12)
    weighted = mutual_information(of_members[[0, 1, 1]], np.ones(3))
    np.testing.assert_allclose(mutual_information(of_members[:2], np.array([1, 2])), weighted, atol=1e-12)
    assert entropy(np.array([1.0, 0, 0])) == 0


def test_temperature_against_torch_uncertainty():
    from torch.utils.data import DataLoader, TensorDataset
    from torch_uncertainty.post_processing import TemperatureScaler

    probabilities, labels = answers(500, 3)
    logs = np.log(probabilities)
    scaler = TemperatureScaler()
    scaler.fit(DataLoader(TensorDataset(torch.from_numpy(logs), torch.from_numpy(labels)), 500), progress=False)
    assert fitted_temperature(logs, labels) == pytest.approx(scaler.temperature[0].item(), rel=0.02)
