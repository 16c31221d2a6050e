"""The corruption report of any callable: its numbers against a plain loop, its frameworks, its
errors."""

import numpy as np
import pandas as pd
import pytest
import torch
from fault_messages import fault_of

from resiliency.api import Evaluation, evaluate
from resiliency.corruptions import engine
from resiliency.metrics import classification as metrics

COUNT, CLASSES = 30, 3
NAMES, SEVERITIES = ("glass_blur", "contrast", "speckle_noise"), (2, 5)


def answered(images: np.ndarray) -> np.ndarray:
    """Logits of a classifier that names the brightest channel, and is not sure of it."""
    return (images.mean(axis=(1, 2)) / 8).astype(np.float32)


IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, CLASSES), np.uint8)
LABELS = answered(IMAGES).argmax(axis=1)
LABELS[:3] = (LABELS[:3] + 1) % CLASSES


def report(predict=answered, images=IMAGES, labels=LABELS, **changed) -> Evaluation:
    arguments = {
        "corruptions": NAMES,
        "severities": SEVERITIES,
        "progress": False,
        "batch_size": 8,
    } | changed
    return evaluate(predict, images, labels, **arguments)


@pytest.fixture(scope="module")
def whole() -> Evaluation:
    return report()


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return metrics.calibration_error(metrics.confidence_bins(probabilities, labels))


def test_the_tables_are_those_of_a_plain_loop(whole):
    conditions = [("clean", 0), *((name, severity) for name in NAMES for severity in SEVERITIES)]
    assert list(zip(whole.errors.corruption, whole.errors.severity, strict=True)) == conditions
    everything = []
    for row, condition in zip(whole.errors.itertuples(), conditions, strict=True):
        seen = (
            engine.corrupt(IMAGES, *condition, table="cifar-10-c", seed=0)
            if condition[1]
            else IMAGES
        )
        probabilities = metrics.softmax(answered(seen))
        everything.append(probabilities)
        assert row.error == pytest.approx((probabilities.argmax(axis=1) != LABELS).mean())
        assert row.nll == pytest.approx(
            metrics.negative_log_likelihood(probabilities, LABELS), rel=1e-5
        )
        assert row.brier == pytest.approx(metrics.brier_score(probabilities, LABELS), rel=1e-5)
        assert row.ece == pytest.approx(calibration_error(probabilities, LABELS), rel=1e-5)
        assert row.error_low < row.error < row.error_high or row.error in (0, 1)
    averaged = everything[1 : -len(SEVERITIES)]  # speckle noise is held out
    corrupted = whole.summary.loc["corrupted"]
    pooled = calibration_error(np.concatenate(averaged), np.tile(LABELS, len(averaged)))
    assert corrupted.ece == pytest.approx(pooled, rel=1e-5)
    assert corrupted.error == pytest.approx(whole.errors.error[1 : -len(SEVERITIES)].mean())
    assert whole.summary.loc["clean", "error"] == pytest.approx(0.1)
    assert corrupted.error_low < corrupted.error < corrupted.error_high


def test_mce_is_relative_to_errors_or_to_alexnet(whole):
    errors = whole.by_corruption.set_index("corruption").error
    assert np.isnan(whole.mce)
    by_name = report(baseline={"glass_blur": 0.5, "contrast": 0.25}, batch_size=COUNT)
    # The held-out one does not count.
    expected = (errors["glass_blur"] / 0.5 + errors["contrast"] / 0.25) / 2
    assert by_name.mce == pytest.approx(expected)
    assert f"{expected:.1%}" in str(by_name)
    arguments = {"corruptions": "glass_blur", "severities": (1, 2, 3, 4, 5), "table": "imagenet-c"}
    of_alexnet = report(baseline="alexnet", **arguments)
    assert of_alexnet.mce == pytest.approx(of_alexnet.by_corruption.error[0] / 0.826268)


def test_evaluations_that_cannot_be_compared_are_no_baselines(whole):
    other, turned = IMAGES.copy(), LABELS.copy()
    other[-1, -1, -1, -1] ^= 1
    turned[0] = (turned[0] + 1) % CLASSES
    for changed, message in (
        (report(table="imagenet-c"), "expected one with table cifar-10-c, got imagenet-c"),
        (report(severities=[2]), "expected one with severities [2, 5], got [2]"),
        (report(images=other), "expected one on the same images and labels, got others"),
        (report(labels=turned), "expected one on the same images and labels, got others"),
        (report(seed=1), "expected one with seed 0, got 1"),
        (report(corruptions=["fog"]), "expected an error from 0 to 1 under glass_blur, got"),
    ):
        assert f"baseline: {message}" in fault_of(report, baseline=changed)
    more = report(corruptions=[*NAMES, "fog"], batch_size=7, confidence=0.9)
    assert report(baseline=more).mce == report(baseline=whole).mce == pytest.approx(1)


def test_tensors_probabilities_and_a_careless_classifier_give_the_same_report(whole):
    def careless(batch: np.ndarray) -> torch.Tensor:
        logits = answered(batch)
        batch[...] = 0
        return torch.from_numpy(logits).requires_grad_()

    kinds = {"logits": careless, "probabilities": lambda batch: metrics.softmax(answered(batch))}
    for kind, predict in kinds.items():
        of_kind = report(predict)
        assert of_kind.outputs == kind
        assert f"outputs: {kind}" in str(of_kind).splitlines()
        np.testing.assert_allclose(of_kind.errors.nll, whole.errors.nll, rtol=1e-5)


def test_drawn_it_shows_the_error_of_each_cell(whole):
    cells = pd.concat([pd.DataFrame(rows) for rows in whole.plot().to_dict()["datasets"].values()])
    shown, errors = cells.set_index(["row", "column"]).error, whole.errors
    for of in errors[1:].itertuples():
        assert shown[f"severity {of.severity}", of.corruption] == pytest.approx(of.error)
    assert shown["all severities", "clean"] == whole.summary.error["clean"]
    assert shown["all severities", "mean"] == pytest.approx(whole.summary.error["corrupted"])
    without_held_out = errors[(errors.severity == 5) & (errors.corruption != "speckle_noise")]
    assert shown["severity 5", "mean"] == pytest.approx(without_held_out.error.mean())


def test_without_an_error_the_interval_is_that_of_a_share_of_0():
    faultless = report(
        lambda images: np.eye(2)[[0] * len(images)], labels=np.zeros(COUNT, int), corruptions="fog"
    )
    assert faultless.summary.error_high.to_numpy() == pytest.approx(1 / (1 + COUNT / 1.959964**2))


def test_copies_of_an_image_are_one_image():
    alone = report()
    copied, units = np.repeat(IMAGES, 4, axis=0), np.repeat([f"film {n}" for n in range(COUNT)], 4)
    plain = {
        "images": copied,
        "labels": np.repeat(LABELS, 4),
        "corruptions": "contrast",
        "severities": 2,
    }
    of_units, of_images = report(units=units, **plain), report(**plain)
    clean = [of.summary.loc["clean"] for of in (of_units, of_images, alone)]
    width, narrower, own = (of.error_high - of.error_low for of in clean)
    assert own < width < 1.1 * own  # by Student's t
    assert narrower < 0.6 * width
    assert of_units.errors["error"].tolist() == of_images.errors["error"].tolist()
