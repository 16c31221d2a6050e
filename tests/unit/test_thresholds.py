"""Thresholds for abstaining hold on images never used, and what is said of them is counted."""

import numpy as np
import pytest
from predicted import conditions_of, logits_of, predictions_of

from resiliency.analysis.assessment import Judged
from resiliency.analysis.temperatures import scored_and_calibrated
from resiliency.analysis.thresholds import COVERAGES, SHARES_WRONG, threshold_rows
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.classification import softmax
from resiliency.metrics.thresholds import covering_threshold, limiting_threshold

IMAGES, CONDITIONS = 200, 5


def drawn(random: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and errors, C x N; difficult images are so under all conditions."""
    difficulty = random.standard_normal(images) + 0.5 * random.standard_normal((CONDITIONS, images))
    confidence = 1 / (1 + np.exp(difficulty - 2 - random.standard_normal((CONDITIONS, images))))
    return confidence, (random.random((CONDITIONS, images)) > 1 / (1 + np.exp(difficulty - 3))).astype(float)


@pytest.mark.parametrize("coverage", COVERAGES)
def test_new_images_are_answered_as_often_as_promised(coverage):
    """On average over the images that thresholds are chosen on, against 20,000 others; four standard errors."""
    random = np.random.default_rng(0)
    new, _ = drawn(random, 20_000)
    found = [covering_threshold(drawn(random, IMAGES)[0], coverage) for _ in range(400)]
    answered = np.array([(new >= threshold).mean() for threshold in found])
    slack = 4 * answered.std() / 20
    assert answered.mean() >= coverage - slack
    assert answered.mean() <= coverage + 1 / (IMAGES + 1) + slack


@pytest.mark.parametrize("level", [0.05, 0.02, 0.01])
def test_new_images_are_answered_wrongly_as_rarely_as_promised(level):
    random = np.random.default_rng(1)
    new, errors = drawn(random, 20_000)
    found = [limiting_threshold(*drawn(random, IMAGES), level) for _ in range(400)]
    wrong = np.array([((new >= threshold) * errors).mean() for threshold in found])
    slack = 4 * wrong.std() / 20
    assert wrong.mean() <= level + slack
    assert wrong.mean() >= level - 2.5 / (IMAGES + 1) - slack


def test_thresholds_by_hand():
    """Nine images: for an error of 0.3, two may be answered wrongly, so that (2 + 1) / 10 is not above it."""
    confidence = np.arange(1, 10)[None] / 10
    errors = np.array([[0, 0, 1, 1, 0, 0, 0, 1, 0]], float)
    assert limiting_threshold(confidence, errors, 0.3) == 0.4
    assert limiting_threshold(confidence, errors, 0.4) == 0
    assert limiting_threshold(confidence, errors, 0.1) == 0.9
    assert limiting_threshold(confidence[:, ::-1], 1 - errors * 0, 0.1) > 0.9
    assert np.isnan(limiting_threshold(confidence, errors, 0.09))
    assert covering_threshold(confidence, 0.9) == 0.1
    assert covering_threshold(confidence, 0.7) == 0.3
    assert covering_threshold(confidence, 0.95) == 0
    tied = np.array([[0.5, 0.5, 0.5, 0.9, 0.9]])
    assert covering_threshold(tied, 0.5) == 0.5
    assert limiting_threshold(tied, np.array([[1.0, 1, 1, 0, 0]]), 0.2) == 0.9


@pytest.fixture
def tried():
    """Rows of an ensemble of two, its mean probabilities C x N x K, its labels and the two halves."""
    logits, labels = logits_of(2, 200, 0, skill=3.0)
    table = conditions_of(["fog"], [1, 2, 3], 200)
    halves = np.arange(0, 200, 2), np.arange(1, 200, 2)
    chosen, judged = (Judged(table, half, 200, 0.95, 0) for half in halves)
    ensemble = Ensemble([predictions_of(table, labels, of) for of in logits], np.ones(2), "mean_probability")
    return (
        threshold_rows(ensemble, 1.0, chosen, scored_and_calibrated(ensemble, 1.0, judged)[0], judged),
        np.mean([softmax(of) for of in logits], axis=0),
        labels,
        halves,
    )


def test_they_are_chosen_on_one_half_and_tried_on_the_other(tried):
    rows, mean, labels, (chosen, judged) = tried
    confidence, errors = mean.max(axis=-1), mean.argmax(axis=-1) != labels
    places = {"clean": [0], "corrupted": [1, 2, 3]}
    assert len(rows) == 2 * (len(COVERAGES) + len(SHARES_WRONG)) * 2
    for row in rows:
        of = np.ix_(places[row["basis"]], chosen)
        if row["goal"] == "coverage":
            threshold = covering_threshold(confidence[of], row["target"])
        else:
            threshold = limiting_threshold(confidence[of], errors[of], row["target"])
        assert row["threshold"] == pytest.approx(threshold, rel=1e-5, nan_ok=True)
        if np.isnan(threshold):
            assert np.isnan(row["coverage"])
            continue
        of = np.ix_(places[row["images"]], judged)
        given = confidence[of] >= row["threshold"]
        assert row["coverage"] == pytest.approx(given.mean(), abs=0.011)
        assert row["wrong"] == pytest.approx((given & errors[of]).mean(), abs=0.011)
        assert row["error"] == pytest.approx(row["wrong"] / row["coverage"])
        for name in ("coverage", "error", "wrong"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1


def test_votes_have_no_thresholds():
    labels, table = np.zeros(20, int), conditions_of(["fog"], [1, 2, 3], 20)
    decided = Ensemble([predictions_of(table, labels, np.zeros((4, 20), int))], np.ones(1), "plurality_vote")
    half = Judged(table, np.arange(10), 20, 0.95, 0)
    assert threshold_rows(decided, 1.0, half, scored_and_calibrated(decided, 1.0, half)[0], half) == []
