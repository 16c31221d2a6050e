"""Confidence, temperatures and thresholds of ensembles."""

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, confidences_of, drawn, logits_of, predictions_of

from resiliency.analysis import assessment
from resiliency.analysis.judging import Judged, Resampled, judged
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.metrics import classification as metrics
from resiliency.metrics.selective import (
    ABSTAIN,
    Ranked,
    covering_threshold,
    graded,
    limiting_threshold,
    units_needed,
)
from resiliency.prediction.reading import Predictions
from resiliency.statistics.resampling import Resampling, Units

MEMBERS, IMAGES = 3, 60
RULE = "mean_probability"
TABLE, STUDY, LABELS = drawn(MEMBERS, IMAGES)


def mean_of(images: np.ndarray) -> np.ndarray:
    """Mean probabilities of the members to these images under all corruptions, 3 x n x 3."""
    return np.mean([[m.probabilities(c)[images] for c in (1, 2, 3)] for m in STUDY], axis=0)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [1, 100, 1000])
def test_ensembles_that_share_members_say_what_each_says_alone(rule, factor, monkeypatch):
    """In blocks of images and threads, of ties, sure answers and probabilities that are 0 in
    float64."""
    logits = [np.round(of * factor) for of in logits_of(MEMBERS, IMAGES, 0)[0]]
    members = [predictions_of(TABLE, LABELS, of) for of in (*logits, logits[0].argmax(axis=-1))]
    ensembles = [Ensemble([members[i] for i in of], rule) for of in ((0, 1), (1,), (0, 2, 1))]
    ensembles.append(Ensemble([members[i] for i in (3, 0, 1)], "plurality_vote"))
    half = Resampled(TABLE, np.arange(1, IMAGES, 2), Resampling(3, 0.9, 0))
    monkeypatch.setattr("resiliency.analysis.judging.AT_ONCE", 21)
    temperatures = [0.5, 2.0, 1.3, 1.0]
    found = judged(ensembles, temperatures, half, calibrated=True, threads=2)
    for ensemble, temperature, of in zip(ensembles, temperatures, found, strict=True):
        for name, conditions in half.conditions.items():
            for row, condition in enumerate(conditions):
                (part,) = ensemble.outputs(condition, half.images[name])
                np.testing.assert_array_equal(of[name].answers[row], part.answers)
                np.testing.assert_array_equal(of[name].errors[row], part.errors)
                after = confidences_of(part, temperature)
                assert list(of[name].confidences) == list(after)
                for score, values in after.items():
                    np.testing.assert_allclose(
                        of[name].confidences[score][row], values, rtol=1e-9, atol=1e-7
                    )
            assert len(of[name].sums) == 2 * (
                ensemble.has_probabilities and ensemble.rule == "mean_probability"
            )


def test_judgement_is_of_the_judged_images_under_all_corruptions():
    images = np.arange(0, IMAGES, 2)
    half, mean = Resampled(TABLE, images, Resampling(100, 0.9, 0)), mean_of(images)
    rows, curves = assessment.selective_rows(judged([Ensemble(STUDY, RULE)], [1], half)[0], half)
    assert [(row["images"], row["score"]) for row in rows] == [
        (n, s) for n in ("clean", "corrupted") for s in ("max_probability", "mutual_information")
    ]
    wrong = mean.argmax(axis=-1) != LABELS[images]
    (row,) = (
        row for row in rows if (row["images"], row["score"]) == ("corrupted", "max_probability")
    )
    assert row["answers"] == 90
    assert row["error"] == pytest.approx(wrong.mean())
    order = np.argsort(-mean.max(axis=-1).ravel(), kind="stable")
    assert row["error_at_90"] == pytest.approx(wrong.ravel()[order][:81].mean())
    assert row["aurc_low"] < row["aurc"] < row["aurc_high"]
    last = [
        curve["risk"]
        for curve in curves
        if curve["images"] == "corrupted" and curve["coverage"] == 1
    ]
    assert last == pytest.approx([wrong.mean()] * 2)


def test_few_wrong_answers_leave_doubt():
    """Of 40 images: Wilson's interval of 0 of 40, and of 1 of 1."""
    half = Resampled(conditions_of([], [], 40), np.arange(40), Resampling(100, 0.95, 0))
    scores = {"max_probability": np.arange(40.0)[None]}
    none, one = np.zeros((1, 40), np.float32), np.eye(1, 40, dtype=np.float32)
    (row,) = assessment.selective_rows({"clean": Judged(none, none, scores, ())}, half)[0]
    assert (row["aurc_low"], row["aurc_high"]) == pytest.approx((0, 0.0876), abs=1e-4)
    assert np.isnan([row["auroc"], row["auroc_low"]]).all()
    (row,) = assessment.selective_rows({"clean": Judged(one, one, scores, ())}, half)[0]
    assert [row["auroc"], row["auroc_low"], row["auroc_high"]] == pytest.approx(
        [1, 0.2065, 1], abs=1e-4
    )


CORRUPTIONS = {"fog": [1, 2], "snow": [3, 4], "frost": [5, 6]}  # the last is the hardest
PLACES = {"clean": [0], "corrupted": [1, 2, 3, 4, 5, 6]}


@pytest.fixture(scope="module")
def tried():
    """Rows of an ensemble of two, its confidences and errors, C x N, and the two halves of the
    images."""
    logits, labels = logits_of(2, 400, 0, skill=3.0)
    harder = [of[1:3] * 0.3 + np.roll(of[1:3], 1, axis=1) * 0.7 for of in logits]
    logits = [np.concatenate([of, hard[:1], hard]) for of, hard in zip(logits, harder, strict=True)]
    table, halves = (
        conditions_of(list(CORRUPTIONS), [1, 2], 400),
        (np.arange(0, 400, 2), np.arange(1, 400, 2)),
    )
    both = [Resampled(table, half, Resampling(200, 0.95, 0)) for half in halves]
    ensemble = Ensemble([predictions_of(table, labels, of) for of in logits], RULE)
    chosen, tried = (judged([ensemble], [1.0], half)[0] for half in both)
    rows = assessment.threshold_rows(ensemble, chosen, both[0], tried, both[1])
    mean = np.mean([metrics.softmax(of) for of in logits], axis=0)
    return rows, graded(mean.max(axis=-1)), mean.argmax(axis=-1) != labels, halves


def threshold_of(row, confidence, errors) -> float:
    """That of a row's goal, from confidences and errors C x N."""
    choose = covering_threshold if row["goal"] == "coverage" else limiting_threshold
    return choose(Ranked.of(confidence, errors), row["target"])


def test_they_are_chosen_on_one_half_and_tried_on_the_other(tried):
    rows, confidence, errors, (chosen, judged) = tried
    assert len(rows) == 2 * (len(assessment.COVERAGES) + len(assessment.SHARES_WRONG)) * 2
    for row in rows:
        of = np.ix_(PLACES[row["selection_images"]], chosen)
        threshold = threshold_of(row, confidence[of], errors[of])
        assert row["threshold"] == pytest.approx(threshold, rel=1e-5, nan_ok=True)
        if np.isnan(threshold):
            assert np.isnan(row["coverage"])
            continue
        of = np.ix_(PLACES[row["images"]], judged)
        given = confidence[of] >= row["threshold"]
        assert row["coverage"] == pytest.approx(given.mean(), abs=1e-6)
        assert row["wrong"] == pytest.approx((given & errors[of]).mean(), abs=1e-6)
        assert row["error"] == pytest.approx(row["wrong"] / row["coverage"])
        for name in ("coverage", "error", "wrong"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1


def test_where_every_answer_is_wrong_the_error_is_1():
    """Of six conditions, whose shares are not whole in float32."""
    half = Resampled(
        conditions_of(list(CORRUPTIONS), [1, 2], 40), np.arange(40), Resampling(100, 0.95, 0)
    )
    confidence = np.random.default_rng(0).random((6, 40)).astype(np.float32)
    (row,) = assessment.shares_at(
        [0.5], confidence, np.ones((6, 40), np.float32), half, "corrupted"
    )
    assert row["error"] == 1
    assert row["wrong"] == row["coverage"]


def test_what_is_left_out_of_the_choice_is_let_through_by_the_threshold_of_the_others(tried):
    rows, confidence, errors, (chosen, judged) = tried
    corrupted = [row for row in rows if row["selection_images"] == row["images"] == "corrupted"]
    compared = [row for row in corrupted if row["threshold"] >= 0]
    assert len(compared) >= 5
    assert all(np.isnan(row["left_out_wrong"]) for row in rows if row not in compared)
    for row in compared:
        shares = {}
        for name, own in CORRUPTIONS.items():
            others = np.ix_([place for place in PLACES["corrupted"] if place not in own], chosen)
            given = confidence[np.ix_(own, judged)] >= threshold_of(
                row, confidence[others], errors[others]
            )
            shares[name] = (given & errors[np.ix_(own, judged)]).mean()
        assert row["left_out_wrong"] == pytest.approx(shares["frost"], abs=1e-6)
        assert row["left_out_corruption"] == max(shares, key=shares.get) == "frost"
        assert row["left_out_wrong_low"] <= row["left_out_wrong"] <= row["left_out_wrong_high"]


def validation_with(errors: int) -> dict[str, Predictions]:
    """Members that answer so many of 60 images wrongly, surely as the others rightly."""
    labels = np.arange(IMAGES) % 3
    logits = 4.0 * np.eye(3)[labels]
    logits[:errors] = 4.0 * np.eye(3)[(labels[:errors] + 1) % 3]
    return dict.fromkeys("abc", predictions_of(conditions_of([], [], IMAGES), labels, logits[None]))


@pytest.mark.parametrize(
    ("errors", "fitted_images", "note"),
    [
        (10, "validation", assessment.LOADED_WEIGHTS),
        (9, "corrupted", assessment.FEW_ERRORS),
        (None, "corrupted", assessment.NO_VALIDATION),
    ],
)
def test_a_temperature_has_the_least_loss_on_the_images_that_it_is_fitted_on(
    errors, fitted_images, note
):
    """Validation images with enough errors, else the corrupted images of the choice."""
    selection = Resampled(TABLE, np.arange(0, IMAGES, 2), Resampling(20, 0.9, 0))
    ensemble = Ensemble(STUDY, RULE)
    known = pd.DataFrame({"member": [*"abc"], "weights_kind": "pretrained"})
    validation = validation_with(errors) if errors else {}
    fitted = assessment.temperature_of("a+b+c", ensemble, known, validation, selection)
    if fitted_images == "validation":
        of_validation = Ensemble([*validation.values()], RULE)
        images, truth, parts = (
            IMAGES,
            np.arange(IMAGES) % 3,
            [next(of_validation.outputs(0, np.arange(IMAGES)))],
        )
    else:
        images, truth = IMAGES // 2, np.tile(LABELS[::2], 3)
        parts = [
            next(ensemble.outputs(condition, selection.images["corrupted"]))
            for condition in (1, 2, 3)
        ]
    assert fitted[1:] == (images, fitted_images, note)
    logs, everyone = (
        np.concatenate([part.log_probabilities for part in parts]),
        np.arange(len(truth)),
    )
    losses = [
        -metrics.scaled(logs, fitted.value * factor)[everyone, truth].mean()
        for factor in (1, 0.98, 1.02)
    ]
    assert losses[0] == min(losses)


def test_calibration_before_and_after_and_against_the_best_member():
    images = np.arange(10, 50)
    half = Resampled(TABLE, images, Resampling(100, 0.9, 0))
    temperature = assessment.Temperature(0.4, 10, "validation", "")
    ensembles = [Ensemble(of, RULE) for of in (STUDY, STUDY[:1])]
    found = judged(ensembles, [0.4, 0.4], half, None, (), calibrated=True)
    together, of_member = (assessment.calibration(of, half) for of in found)
    rows, (_, itself) = (
        assessment.temperature_rows(temperature, of, of_member, half)
        for of in (together, of_member)
    )
    mean, repeated = mean_of(images).reshape(-1, 3), np.tile(LABELS[images], 3)
    after = np.exp(metrics.scaled(np.log(mean), 0.4))
    row = rows[1]
    for name, probabilities in (("before", mean), ("after", after)):
        bins = metrics.confidence_bins(probabilities, repeated)
        assert row[f"nll_{name}"] == pytest.approx(
            metrics.negative_log_likelihood(probabilities, repeated), rel=1e-5
        )
        assert row[f"ece_{name}"] == pytest.approx(metrics.calibration_error(bins), rel=1e-4)
        assert row[f"brier_{name}"] == pytest.approx(
            metrics.brier_score(probabilities, repeated), rel=1e-5
        )
    for measure in ("nll", "ece", "brier"):
        assert itself[f"{measure}_difference_low"] == itself[f"{measure}_difference_high"] == 0
        own, others = row[f"{measure}_after"], of_member["corrupted"][1][measure][0]
        assert row[f"{measure}_difference"] == pytest.approx(own - others)
        assert row[f"{measure}_difference_low"] < own - others < row[f"{measure}_difference_high"]
    assert set(row) <= set(assessment.TEMPERATURES)


def test_thresholds_by_hand():
    """Nine images: for an error of 0.3, two may be answered wrongly, so that (2 + 1) / 10 is not
    above it."""
    confidence = np.arange(1, 10)[None] / 10
    errors = np.array([[0, 0, 1, 1, 0, 0, 0, 1, 0]], float)
    ranked = Ranked.of(confidence, errors)
    thresholds = [limiting_threshold(ranked, level) for level in (0.4, 0.3, 0.1, 0.09)]
    assert thresholds == pytest.approx([0, 0.4, 0.9, np.nan], abs=1.1e-4, nan_ok=True)
    assert limiting_threshold(Ranked.of(confidence[:, ::-1], 1 - errors * 0), 0.1) == ABSTAIN
    # Without wrong answers.
    assert [units_needed(ranked, level) for level in (0.1, 0.09, 0.02)] == [9, 11, 49]
    thresholds = [covering_threshold(ranked, coverage) for coverage in (0.95, 0.9, 0.7)]
    assert thresholds == pytest.approx([0, 0.1, 0.3], abs=1.1e-4)
    tied = Ranked.of(np.array([[0.5, 0.5, 0.5, 0.9, 0.9]]), np.array([[1.0, 1, 1, 0, 0]]))
    assert covering_threshold(tied, 0.5) == 0.4999
    # One of five is wrong.
    sure = Ranked.of(np.array([[0.2, 0.2, 0.2, 0.9, 0.9]]), np.array([[1.0, 1, 1, 1, 0]]))
    assert limiting_threshold(sure, 0.3) == ABSTAIN
    assert [units_needed(sure, level) for level in (0.3, 0.2)] == [
        7,
        pytest.approx(np.nan, nan_ok=True),
    ]
    assert (
        limiting_threshold(Ranked.of(*np.tile([sure.confidence, sure.errors], 7)[:, None]), 0.3)
        < ABSTAIN
    )
    # Nine images, the last alone: at most 2 / (9 / 5) of a mean unit's size are wrong.
    pairs = Units(np.arange(9) // 2)
    assert units_needed(Ranked.of(confidence, 0 * errors, pairs), 0.1) == np.ceil(
        (10 / 9 - 0.1) / 0.1
    )
    assert limiting_threshold(tied, 0.2) == 0.899899
    close = Ranked.of(np.array([[0.25, 0.25 + 2**-18, 0.5]]), np.array([[1.0, 0, 0]]))
    assert limiting_threshold(close, 0.25) == pytest.approx(0.25 + 2**-19, abs=1e-6)
    same = Ranked.of(np.array([[0.25, 0.25 + 2**-22, 0.5]]), np.array([[1.0, 0, 0]]))
    assert limiting_threshold(same, 0.25) == 0.4999
    # The float32 below 0.29.
    assert graded(np.array([1.0, 0.2500009, 0.29])).tolist() == [0.999999, 0.25, 0.289999]
