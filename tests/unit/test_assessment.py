"""What an ensemble says of images, and what is judged of it, against other stages and plain computations."""

import numpy as np
import pytest
from predicted import drawn, predictions_of

from resiliency.analysis.assessment import Judged, scored_and_calibrated, selective_rows
from resiliency.ensembles.combination import RULES, SCORES, Ensemble
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import correct_answers, score_condition
from resiliency.metrics.classification import brier_score, expected_calibration_error, negative_log_likelihood

MEMBERS, IMAGES = 3, 60
WEIGHTS = np.array([0.5, 0.7, 0.9])


@pytest.fixture
def study():
    return drawn(MEMBERS, IMAGES)


def whole(ensemble: Ensemble, condition: int):
    (part,) = ensemble.outputs(condition, np.arange(IMAGES))
    return part


@pytest.mark.parametrize("rule", list(RULES))
def test_answers_and_probabilities_are_those_of_the_rule(study, rule, monkeypatch):
    _, members, labels = study
    ensemble = Ensemble(members, WEIGHTS, rule)
    part = whole(ensemble, 2)
    probabilities = np.stack([member.probabilities(2) for member in members])
    right = correct_answers(rule, np.arange(MEMBERS)[None], probabilities, labels, WEIGHTS)[0]
    np.testing.assert_array_equal(part.errors, ~right)
    shares = WEIGHTS / WEIGHTS.sum() if RULES[rule].weighted else np.full(MEMBERS, 1 / MEMBERS)
    expected = np.tensordot(shares, probabilities, axes=1)
    if RULES[rule].mean == "geometric":
        expected = np.prod(probabilities, axis=0) ** (1 / MEMBERS)
        expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(part.log_probabilities), expected, rtol=1e-4)
    confidences = part.at(1).confidences()
    assert tuple(confidences) == SCORES
    np.testing.assert_allclose(confidences["max_probability"], expected.max(axis=1), rtol=1e-4)
    monkeypatch.setattr("resiliency.ensembles.combination.CHUNK_VALUES", 7 * MEMBERS * 3)
    parts = list(ensemble.outputs(2, np.arange(IMAGES)))
    assert len(parts) == 9
    np.testing.assert_array_equal(np.concatenate([of.agreement for of in parts]), part.agreement)


@pytest.mark.parametrize("rule", list(RULES))
def test_scores_of_many_ensembles_are_those_of_one_at_a_time(study, rule):
    _, members, labels = study
    ensembles = ensembles_of(MEMBERS, 2)
    scores = score_condition(members, 2, [ensembles], [rule], WEIGHTS)[0][rule]
    for place, chosen in enumerate(ensembles):
        part = whole(Ensemble([members[index] for index in chosen], WEIGHTS[chosen], rule), 2)
        assert scores["accuracy"][place] == pytest.approx(1 - part.errors.mean())
        if RULES[rule].mean:
            probabilities = np.exp(part.log_probabilities)
            assert scores["nll"][place] == pytest.approx(negative_log_likelihood(probabilities, labels), rel=1e-5)
            assert scores["brier"][place] == pytest.approx(brier_score(probabilities, labels), rel=1e-4)
            assert scores["ece"][place] == pytest.approx(expected_calibration_error(probabilities, labels), rel=1e-4)


def test_members_known_by_decisions_agree_or_not(study):
    table, members, labels = study
    decided = [predictions_of(table, labels, np.stack([m.decisions(c) for c in range(4)])) for m in members]
    part = whole(Ensemble(decided, WEIGHTS, "plurality_vote"), 0)
    assert part.log_probabilities is None
    votes = np.stack([np.bincount(of_image, minlength=3) for of_image in np.stack([m.decisions(0) for m in members]).T])
    np.testing.assert_allclose(part.agreement, votes.max(axis=1) / MEMBERS, rtol=1e-6)
    leads = votes == votes.max(axis=1, keepdims=True)
    chances = leads[np.arange(IMAGES), labels] / leads.sum(axis=1)
    np.testing.assert_allclose(part.errors, 1 - chances, rtol=1e-6)
    assert tuple(part.at(1).confidences()) == ("vote_agreement",)
    assert whole(Ensemble(decided[:1], WEIGHTS[:1], "plurality_vote"), 0).at(1).confidences() == {}


def test_judgement_is_of_the_judged_images_under_all_corruptions(study):
    table, members, labels = study
    images = np.arange(0, IMAGES, 2)
    judged = Judged(table, images, 100, 0.9, 0)
    ensemble = Ensemble(members, WEIGHTS, "mean_probability")
    rows, curves = selective_rows(scored_and_calibrated(ensemble, 1, judged)[0], judged)
    assert [(row["images"], row["score"]) for row in rows] == [(n, s) for n in ("clean", "corrupted") for s in SCORES]
    mean = np.mean([[m.probabilities(c)[images] for c in (1, 2, 3)] for m in members], axis=0)
    wrong = mean.argmax(axis=-1) != labels[images]
    row = next(row for row in rows if row["images"] == "corrupted" and row["score"] == "max_probability")
    assert row["answers"] == 90
    assert row["error"] == pytest.approx(wrong.mean())
    order = np.argsort(-mean.max(axis=-1).ravel(), kind="stable")
    assert row["error_at_80"] == pytest.approx(wrong.ravel()[order][:72].mean())
    assert row["aurc_low"] < row["aurc"] < row["aurc_high"]
    assert np.isnan(row["aurc_difference"])
    other = next(row for row in rows if row["images"] == "corrupted" and row["score"] == "entropy")
    assert other["aurc_difference"] == pytest.approx(other["aurc"] - row["aurc"])
    assert other["aurc_difference_low"] < other["aurc_difference"] < other["aurc_difference_high"]
    last = [curve["risk"] for curve in curves if curve["images"] == "corrupted" and curve["coverage"] == 1]
    assert last == pytest.approx([wrong.mean()] * 4)
