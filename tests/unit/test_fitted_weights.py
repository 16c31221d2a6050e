"""The measured effect of fitted weights: the fit, against a case that is known, and the page, against its rows."""

import json

import fitted_weights as of
import numpy as np
import pytest


def drawn(skills: list[float], images: int = 400) -> of.Answers:
    """Members whose margins have these means, on images under two conditions."""
    random = np.random.default_rng(0)
    labels = random.integers(3, size=2 * images)
    logits = random.standard_normal((len(skills), 2 * images, 3))
    logits[:, np.arange(2 * images), labels] += np.array(skills)[:, None]
    return of.Answers(of.scaled(logits, 1), labels, np.tile(np.arange(images), 2))


def test_a_member_that_knows_nothing_gets_no_weight():
    answers = drawn([2.0, 0.0])
    weights, temperature = of.fitted(answers, True)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.95
    equal = of.fitted(answers, False)
    assert equal[0].tolist() == [0.5, 0.5]
    assert answers.nll(weights, temperature).mean() < answers.nll(*equal).mean()
    assert of.adopted(answers)


def test_weights_of_equal_members_are_chance():
    assert not of.adopted(drawn([1.5, 1.5]))


def test_changes_are_means_over_images():
    answers = drawn([1.0, 1.0], images=2)
    assert of.by_image(np.array([1.0, 2, 3, 6]), answers).tolist() == [2, 4]
    mean, low, high = of.change(np.array([2.0, 4]))
    assert (mean, high - mean) == pytest.approx((3, 1.96), abs=1e-2)
    assert mean - low == high - mean


def test_the_page_and_the_guide_show_the_rows():
    rows = json.loads(of.ROWS.read_text())
    assert of.PAGE.read_text(encoding="utf-8") == of.page(rows)
    digits = next(row for row in rows if row["study"] == "digits")
    nll, error = (digits[f"corrupted_{measure}"] for measure in ("nll", "error"))
    said = (
        f"adopts them in {digits['adopted']} of {digits['ensembles']} ensembles. They lower the NLL of corrupted images"
    )
    more = f"significantly in {nll[0]} of these and the error in {error[0]}, and raise the error significantly in"
    change, low, high = (f"{100 * value:.2f}".replace("-", "−") for value in digits["recommended_corrupted_error"])
    gain = f"change the error of the recommended model by {change} [{low}, {high}] percentage points"
    guide = " ".join((of.PAGE.parents[1] / "deploying.md").read_text(encoding="utf-8").split())
    assert f"{said} {more} {error[1] or 'none'}" in guide
    assert gain in guide
