"""Thresholds for abstaining hold on images never used, and what is said of them is counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import conditions_of, logits_of, predictions_of

from resiliency.analysis.assessment import COVERAGES, SHARES_WRONG, Judged, scored_and_calibrated, threshold_rows
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import ABSTAIN, Ranked, covering_threshold, graded, limiting_threshold, softmax

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
    found = [covering_threshold(Ranked.of(*drawn(random, IMAGES)), coverage) for _ in range(400)]
    answered = np.array([(new >= threshold).mean() for threshold in found])
    slack = 4 * answered.std() / 20
    assert answered.mean() >= coverage - slack
    assert answered.mean() <= coverage + 1 / (IMAGES + 1) + slack


@pytest.mark.parametrize("level", [0.05, 0.02, 0.01])
def test_new_images_are_answered_wrongly_as_rarely_as_promised(level):
    random = np.random.default_rng(1)
    new, errors = drawn(random, 20_000)
    found = [limiting_threshold(Ranked.of(*drawn(random, IMAGES)), level) for _ in range(400)]
    wrong = np.array([((new >= threshold) * errors).mean() for threshold in found])
    slack = 4 * wrong.std() / 20
    assert wrong.mean() <= level + slack
    assert wrong.mean() >= level - 2.5 / (IMAGES + 1) - slack


def test_thresholds_by_hand():
    """Nine images: for an error of 0.3, two may be answered wrongly, so that (2 + 1) / 10 is not above it."""
    confidence = np.arange(1, 10)[None] / 10
    errors = np.array([[0, 0, 1, 1, 0, 0, 0, 1, 0]], float)
    ranked = Ranked.of(confidence, errors)
    assert limiting_threshold(ranked, 0.3) == pytest.approx(0.4, abs=1.1e-4)
    assert limiting_threshold(ranked, 0.4) == 0
    assert limiting_threshold(ranked, 0.1) == pytest.approx(0.9, abs=1.1e-4)
    assert limiting_threshold(Ranked.of(confidence[:, ::-1], 1 - errors * 0), 0.1) == ABSTAIN
    assert np.isnan(limiting_threshold(ranked, 0.09))
    assert covering_threshold(ranked, 0.9) == pytest.approx(0.1, abs=1.1e-4)
    assert covering_threshold(ranked, 0.7) == pytest.approx(0.3, abs=1.1e-4)
    assert covering_threshold(ranked, 0.95) == 0
    tied = Ranked.of(np.array([[0.5, 0.5, 0.5, 0.9, 0.9]]), np.array([[1.0, 1, 1, 0, 0]]))
    assert covering_threshold(tied, 0.5) == 0.4999
    assert limiting_threshold(tied, 0.2) == 0.899899


def test_a_threshold_lies_between_the_confidences_that_it_separates():
    close = Ranked.of(np.array([[0.25, 0.25 + 2**-18, 0.5]]), np.array([[1.0, 0, 0]]))
    assert limiting_threshold(close, 0.25) == pytest.approx(0.25 + 2**-19, abs=1e-6)
    assert 0.25 < limiting_threshold(close, 0.25) < 0.25 + 2**-18
    same = Ranked.of(np.array([[0.25, 0.25 + 2**-22, 0.5]]), np.array([[1.0, 0, 0]]))
    assert limiting_threshold(same, 0.25) == 0.4999


@settings(max_examples=500)
@given(st.integers(0, 2**24), st.integers(0, 999_999))
def test_a_graded_confidence_reaches_a_threshold_if_the_confidence_itself_does(confidence, threshold):
    """Whatever float32 it is, and also read from text with the eight digits of a table."""
    single, of_table = np.float32(confidence / 2**24), float(f"{threshold / 1e6:.8g}")
    assert of_table == threshold / 1e6
    assert (graded(single) >= of_table) == (np.float64(single) >= of_table)


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
        choose = covering_threshold if row["goal"] == "coverage" else limiting_threshold
        threshold = choose(Ranked.of(confidence[of], errors[of]), row["target"])
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


def test_what_is_left_out_of_the_choice_is_let_through_by_the_threshold_of_the_others():
    """Against a loop, for three corruptions of two severities, of which the last is the hardest."""
    logits, labels = logits_of(2, 400, 0, skill=3.0)
    logits = [np.concatenate([of, of[1:3] * 0.3 + np.roll(of[1:3], 1, axis=1) * 0.7]) for of in logits]
    table = conditions_of(["fog", "snow", "frost"], [1, 2], 400)
    logits = [np.concatenate([of[:5], of[-2:]]) for of in logits]
    halves = np.arange(0, 400, 2), np.arange(1, 400, 2)
    chosen, judged = (Judged(table, half, 200, 0.95, 0) for half in halves)
    ensemble = Ensemble([predictions_of(table, labels, of) for of in logits], np.ones(2), "mean_probability")
    rows = threshold_rows(ensemble, 1.0, chosen, scored_and_calibrated(ensemble, 1.0, judged)[0], judged)
    mean = np.mean([softmax(of) for of in logits], axis=0)
    confidence, errors = graded(mean.max(axis=-1)), mean.argmax(axis=-1) != labels
    places = {"fog": [1, 2], "snow": [3, 4], "frost": [5, 6]}
    compared = 0
    for row in rows:
        if (row["basis"], row["images"]) != ("corrupted", "corrupted") or np.isnan(row["threshold"]):
            assert np.isnan(row["left_out_wrong"])
            continue
        shares = {}
        for name, own in places.items():
            others = np.ix_([place for place in range(1, 7) if place not in own], halves[0])
            choose = covering_threshold if row["goal"] == "coverage" else limiting_threshold
            threshold = choose(Ranked.of(confidence[others], errors[others]), row["target"])
            of = np.ix_(own, halves[1])
            shares[name] = ((confidence[of] >= threshold) & errors[of]).mean()
        assert row["left_out_wrong"] == pytest.approx(max(shares.values()), abs=0.011)
        assert shares[row["left_out_corruption"]] == pytest.approx(max(shares.values()), abs=0.011)
        assert row["left_out_wrong_low"] <= row["left_out_wrong"] <= row["left_out_wrong_high"]
        assert row["left_out_corruption"] == "frost"
        compared += 1
    assert compared >= 5
