"""Effective robustness, and scores of members of whom only errors are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from resiliency.analysis.effective_robustness import effective_robustness, fitted_line
from resiliency.analysis.member_scores import error_scores, outside_scores


def logit(p):
    return np.log(p / (1 - p))


def test_members_on_the_line_have_no_effective_robustness():
    accuracy = np.array([0.6, 0.7, 0.9])
    shifted = 1 / (1 + np.exp(-(0.8 * logit(accuracy) - 0.5)))
    line = fitted_line(accuracy, shifted)
    assert (line.slope, line.intercept, line.r_squared) == pytest.approx((0.8, -0.5, 1))
    assert effective_robustness(accuracy, shifted, line) == pytest.approx(np.zeros(3), abs=1e-12)
    assert effective_robustness(np.array([0.7]), shifted[1:2] + 0.05, line) == pytest.approx([0.05])


def test_the_line_is_that_of_least_squares_over_the_members_with_both_accuracies():
    random = np.random.default_rng(0)
    accuracy, shifted = random.uniform(0.5, 0.95, (2, 30))
    shifted[3], accuracy[4] = np.nan, np.nan
    kept = np.delete(np.arange(30), [3, 4])
    expected = linregress(logit(accuracy[kept]), logit(shifted[kept]))
    line = fitted_line(accuracy, shifted)
    assert line.members == 28
    assert (line.slope, line.intercept) == pytest.approx((expected.slope, expected.intercept))
    assert line.r_squared == pytest.approx(expected.rvalue**2)


def test_accuracies_of_0_and_1_have_a_place_on_the_line():
    line = fitted_line(np.array([0.5, 1.0]), np.array([0.5, 1.0]))
    assert line.slope == pytest.approx(1)
    assert line.predicted(np.array([1.0, 0.0])) == pytest.approx([0.9999, 0.0001])


def test_one_member_or_equal_ones_make_no_line():
    for accuracy in ([0.9], [0.9, 0.9]):
        line = fitted_line(np.array(accuracy), np.full(len(accuracy), 0.5))
        assert np.isnan(line.slope)
        assert np.isnan(effective_robustness(np.array([0.9]), np.array([0.5]), line)).all()


def test_scores_from_errors_are_means_over_severities_then_corruptions():
    rows = [("clean", "clean", 0, 100, 0.1), ("clean", "fog", 1, 100, 0.2), ("clean", "fog", 2, 100, 0.4)]
    rows += [("clean", "snow", 1, 100, 0.5), ("clean", "snow", 2, 100, 0.7), ("other", "clean", 0, 0, 0.3)]
    rows += [("clean", "saturate", 1, 100, 0.9), ("clean", "saturate", 2, 100, 0.9)]
    errors = pd.DataFrame(rows, columns=["test_set", "corruption", "severity", "images", "error"])
    scores = error_scores(errors, np.array([0.6, 0.6]), 0.2, 0.95)
    assert scores["clean_accuracy"] == pytest.approx(0.9)
    assert (scores["clean_accuracy_low"], scores["clean_accuracy_high"]) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert scores["corrupted_error"] == pytest.approx((0.3 + 0.6) / 2)  # saturate is held out
    assert scores["mce"] == pytest.approx((0.3 / 0.6 + 0.6 / 0.6) / 2)
    assert scores["relative_mce"] == pytest.approx((0.2 / 0.4 + 0.5 / 0.4) / 2)
    assert scores["other_accuracy"] == pytest.approx(0.7)
    assert np.isnan(scores["other_accuracy_low"])


def test_scores_from_errors_are_relative_to_the_baseline():
    rows = [(m, "clean", c, int(c == "fog"), 100, e) for m, c, e in (
        ("one", "clean", 0.3), ("one", "fog", 0.7), ("base", "clean", 0.1), ("base", "fog", 0.3), ("three", "fog", 0.5)
    )]  # fmt: skip
    errors = pd.DataFrame(rows, columns=["member", "test_set", "corruption", "severity", "images", "error"])
    scores = outside_scores(errors, ["three"], "base", 0.95)
    assert list(scores) == ["one", "base"]
    assert (scores["base"]["mce"], scores["base"]["relative_mce"]) == pytest.approx((1, 1))
    assert (scores["one"]["mce"], scores["one"]["relative_mce"]) == pytest.approx((0.7 / 0.3, 0.4 / 0.2))
