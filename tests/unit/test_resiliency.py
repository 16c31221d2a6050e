"""Corruption errors relative to a baseline, and the scores of single members."""

import warnings

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, predictions_of
from scipy.special import softmax
from sklearn.metrics import log_loss

from resiliency.analysis.member_tables import Scorer
from resiliency.metrics.classification import (
    baseline_errors,
    calibration_error,
    confidence_bins,
    mean_corruption_error,
    relative_mean_corruption_error,
)
from resiliency.statistics.intervals import wilson


def test_undefined_ratios_are_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = mean_corruption_error(np.array([[0.1], [0.0]]), np.array([[0.2], [0.0]]))
        np.testing.assert_array_equal(alone, [0.5, np.nan])
        assert np.isnan(mean_corruption_error(np.array([0.1, 0.1]), np.array([0.2, 0.0])))
        gaining = relative_mean_corruption_error(np.array([0.3]), 0.1, np.array([0.1]), 0.2)
        assert np.isnan(gaining)
        assert np.isnan(
            relative_mean_corruption_error(np.array([0.3]), 0.1, np.array([0.5]), np.nan)
        )


def test_baseline_errors_are_means_over_severities():
    rows = {
        "member": list("aaab"),
        "corruption": ["fog", "fog", "snow", "fog"],
        "error": [0.1, 0.3, 0.5, 0.8],
    }
    np.testing.assert_allclose(
        baseline_errors(pd.DataFrame(rows), "a", ["snow", "fog"]), [0.5, 0.2]
    )


# Logits of a member and a baseline on 30 images, under clean and two corruptions at two severities.
RANDOM, TABLE = np.random.default_rng(0), conditions_of(["fog", "snow"], [1, 2], 30)
LABELS = RANDOM.integers(0, 3, 30)
OWN, BASELINE = RANDOM.standard_normal((2, 5, 30, 3)).astype(np.float16)
OWN[:, np.arange(30), LABELS] += 1


def scored(table, labels, own, baseline=None):
    """What is scored of a member, given its logits and perhaps those of a baseline."""
    theirs = None if baseline is None else predictions_of(table, labels, baseline)
    return Scorer(table, theirs, 0.95).score(predictions_of(table, labels, own))[0]


def test_scores_of_a_member_by_loops():
    scores = scored(TABLE, LABELS, OWN, BASELINE)

    def error(logits, *indices):
        return np.mean(
            [
                [np.argmax(row) != y for row, y in zip(logits[i], LABELS, strict=True)]
                for i in indices
            ]
        )

    fog, snow, clean = error(OWN, 1, 2), error(OWN, 3, 4), error(OWN, 0)
    base_fog, base_snow, base_clean = (
        error(BASELINE, 1, 2),
        error(BASELINE, 3, 4),
        error(BASELINE, 0),
    )
    assert scores["clean_accuracy"] == pytest.approx(1 - clean)
    assert scores["corrupted_error"] == pytest.approx((fog + snow) / 2)
    assert scores["mce"] == pytest.approx((fog / base_fog + snow / base_snow) / 2)
    assert base_fog < base_clean
    assert np.isnan(scores["relative_mce"])
    for name in ("clean_accuracy", "corrupted_error", "mce"):
        assert scores[f"{name}_low"] < scores[name] < scores[f"{name}_high"]
    assert (scores["clean_accuracy_low"], scores["clean_accuracy_high"]) == wilson(
        1 - clean, 30, 0.95
    ).ends
    faultless = scored(TABLE, LABELS, np.eye(3, dtype=np.float16)[[LABELS] * 5], BASELINE)
    assert faultless["corrupted_error_high"] == pytest.approx(wilson(0, 30, 0.95)[1])
    relative = (1 / base_fog + 1 / base_snow) / 2
    assert (faultless["mce"], faultless["mce_high"]) == pytest.approx(
        (0, relative * wilson(0, 30, 0.95)[1])
    )


def test_scores_of_probabilities_are_means_over_the_corrupted_conditions():
    scores = scored(TABLE, LABELS, OWN, BASELINE)
    losses = [
        log_loss(LABELS, softmax(OWN[c].astype(float), axis=-1), labels=range(3)) for c in range(5)
    ]
    squares = [
        np.square(softmax(OWN[c].astype(float), axis=-1) - np.eye(3)[LABELS]).sum(1).mean()
        for c in range(5)
    ]
    bins = [confidence_bins(softmax(OWN[c].astype(float), axis=-1), LABELS) for c in range(5)]
    for name, values in (
        ("nll", losses),
        ("brier", squares),
        ("ece", list(map(calibration_error, bins))),
    ):
        means = values[0], np.mean(values[1:])
        assert (scores[f"clean_{name}"], scores[f"corrupted_{name}"]) == pytest.approx(
            means, abs=1e-5
        )


@pytest.mark.parametrize(("images", "known"), [(9, False), (10, True)])
def test_few_images_give_no_interval_by_resampling(images, known):
    table, labels = conditions_of(["fog"], [1], images, 2), np.zeros(images, int)
    scores = scored(table, labels, np.zeros((2, images, 2), np.float16))
    ends = [
        scores[f"{name}_{end}"] for name in ("corrupted_error", "mce") for end in ("low", "high")
    ]
    assert np.isfinite(ends).all() == np.isfinite(ends).any() == known
    assert scores["corrupted_error"] == 0
    assert scores["clean_accuracy_low"] < 1


def test_the_baseline_scores_one_and_alexnet_has_no_clean_error():
    scores = scored(TABLE, LABELS, BASELINE, BASELINE)
    assert scores["mce"] == scores["mce_low"] == scores["mce_high"] == pytest.approx(1)
    scores = scored(TABLE, LABELS, OWN)
    wrong = (OWN.argmax(-1) != LABELS).mean(axis=1)
    expected = (wrong[1:3].mean() / 0.819324 + wrong[3:].mean() / 0.866816) / 2
    assert scores["mce"] == pytest.approx(expected)
    assert np.isnan(scores["relative_mce"])


def wrong_on_the_first(*errors: int, images: int) -> np.ndarray:
    """Logits of two classes, conditions x images x 2, of which so many under each condition are
    wrong."""
    return np.eye(2)[(np.arange(images) < np.array(errors)[:, None]).astype(int)]


def test_an_interval_of_mce_is_linearised_on_the_logarithm():
    """The baseline errs on one image of 30 under fog: 6 -+ 30 sd / sqrt(30) of (e - 6 b) there, .3
    of e - .6 b."""
    own, baseline = wrong_on_the_first(0, 6, 6, images=30), wrong_on_the_first(0, 1, 10, images=30)
    scores = scored(conditions_of(["fog", "snow"], [1], 30), np.zeros(30, np.int64), own, baseline)
    assert scores["mce"] == pytest.approx((6 + 0.6) / 2)
    e, fog, snow = (np.arange(30) < errors for errors in (6, 1, 10))
    half = 1.96 * ((30 * (e - 6 * fog) + 3 * (e - 0.6 * snow)) / 2).std() / np.sqrt(30) / 3.3
    assert (scores["mce_low"], scores["mce_high"]) == pytest.approx(
        (3.3 / np.exp(half), 3.3 * np.exp(half)), rel=1e-3
    )
    assert scores["mce_undefined_under"] == scores["relative_mce_undefined_under"] == "fog"


@pytest.mark.parametrize(
    ("errors", "flagged"), [(0, True), (5, True), (10, True), (14, False), (60, False)]
)
def test_a_ratio_to_few_errors_is_flagged(errors, flagged):
    """The relative standard error of n errors is about 1 / √n: 30 % of 11 errors, of many
    images."""
    logits = wrong_on_the_first(0, errors, 100, images=500)
    scores = scored(
        conditions_of(["fog", "snow"], [1], 500), np.zeros(500, np.int64), logits, logits
    )
    assert scores["mce_undefined_under"] == ("fog" if flagged else "")
