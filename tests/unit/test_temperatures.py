"""Temperatures of ensembles: on which images they are fitted, what they change, and what calibration is compared."""

import numpy as np
import pytest
from predicted import conditions_of, drawn, predictions_of

from resiliency.analysis.assessment import (
    FEW_ERRORS,
    LOADED,
    NO_PROBABILITIES,
    NO_VALIDATION,
    TEMPERATURES,
    VOTES,
    Judged,
    Temperature,
    calibration_of,
    temperature_of,
    temperature_rows,
)
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.metrics.classification import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    scaled,
    softmax,
)

MEMBERS, IMAGES = 3, 60
WEIGHTS = np.array([0.5, 0.7, 0.9])
RULE = "mean_probability"


@pytest.fixture
def study():
    return drawn(MEMBERS, IMAGES)


@pytest.fixture
def chosen(study) -> Judged:
    return Judged(study[0], np.arange(0, IMAGES, 2), 20, 0.9, 0)


def validation_with(errors: int) -> Ensemble:
    """A member that answers so many of 60 images wrongly, surely as the others rightly."""
    labels = np.arange(IMAGES) % 3
    logits = 4.0 * np.eye(3)[labels]
    logits[:errors] = 4.0 * np.eye(3)[(labels[:errors] + 1) % 3]
    return Ensemble([predictions_of(conditions_of([], [], IMAGES), labels, logits[None])], WEIGHTS[:1], RULE)


def test_it_is_fitted_on_validation_images_with_enough_errors(study, chosen):
    ensemble = Ensemble(study[1], WEIGHTS, RULE)
    fitted = temperature_of(validation_with(10), True, ensemble, chosen)
    assert (fitted.images, fitted.fitted_on, fitted.note) == (IMAGES, "validation", LOADED)
    assert fitted.value > 1  # 17 % are wrong, and as sure as the others
    member = validation_with(10).members[0]
    logs, everyone = np.log(softmax(member.logits(0))), np.arange(IMAGES)
    tried = [fitted.value * factor for factor in (1, 0.98, 1.02)]
    losses = [-scaled(logs, temperature)[everyone, member.labels(0)].mean() for temperature in tried]
    assert losses[0] == min(losses)


@pytest.mark.parametrize(("validation", "why"), [(validation_with(9), FEW_ERRORS), (None, NO_VALIDATION)])
def test_else_it_is_fitted_on_the_corrupted_images_of_the_choice(study, chosen, validation, why):
    _, members, labels = study
    ensemble = Ensemble(members, WEIGHTS, RULE)
    fitted = temperature_of(validation, True, ensemble, chosen)
    assert fitted[1:] == (30, "corrupted", why)
    parts = [next(ensemble.outputs(condition, chosen.images["corrupted"])) for condition in (1, 2, 3)]
    logs, repeated = np.concatenate([p.log_probabilities for p in parts]), np.tile(labels[::2], 3)
    losses = [
        -scaled(logs, t)[np.arange(90), repeated].mean()
        for t in (fitted.value, 0.98 * fitted.value, 1.02 * fitted.value)
    ]
    assert losses[0] == min(losses)


def test_it_says_why_it_is_missing(study, chosen):
    table, members, labels = study
    vote = Ensemble(members, WEIGHTS, "plurality_vote")
    assert temperature_of(None, False, vote, chosen) == (1, 0, "", VOTES)
    decided = Ensemble([predictions_of(table, labels, np.zeros((4, IMAGES), int))], WEIGHTS[:1], "plurality_vote")
    assert temperature_of(None, False, decided, chosen) == (1, 0, "", NO_PROBABILITIES)
    sure = [predictions_of(table, labels, np.tile(np.eye(3)[labels] * 5, (4, 1, 1)))]
    always_right = Ensemble(sure, WEIGHTS[:1], RULE)
    assert temperature_of(always_right, False, always_right, chosen) == (1, 0, "", FEW_ERRORS)
    alone = {rule: temperature_of(None, False, Ensemble(members[:1], WEIGHTS[:1], rule), chosen) for rule in RULES}
    assert len(set(alone.values())) == 1
    clean = conditions_of([], [], IMAGES)
    of_clean = Ensemble([predictions_of(clean, labels, np.zeros((1, IMAGES, 3)))], WEIGHTS[:1], RULE)
    assert temperature_of(None, False, of_clean, Judged(clean, np.arange(5), 9, 0.9, 0)).note == NO_VALIDATION


def test_calibration_before_and_after(study):
    table, members, labels = study
    images = np.arange(10, 50)
    judged = Judged(table, images, 100, 0.9, 0)
    calibration = calibration_of(Ensemble(members, WEIGHTS, RULE), 0.4, judged)
    rows = temperature_rows(Temperature(0.4, 10, "validation", ""), calibration, None, judged)
    mean = np.mean([[m.probabilities(c)[images] for c in (1, 2, 3)] for m in members], axis=0).reshape(-1, 3)
    after, repeated = np.exp(scaled(np.log(mean), 0.4)), np.tile(labels[images], 3)
    row = rows[1]
    for name, probabilities in (("before", mean), ("after", after)):
        assert row[f"nll_{name}"] == pytest.approx(negative_log_likelihood(probabilities, repeated), rel=1e-5)
        assert row[f"ece_{name}"] == pytest.approx(expected_calibration_error(probabilities, repeated), rel=1e-4)
        assert row[f"brier_{name}"] == pytest.approx(brier_score(probabilities, repeated), rel=1e-5)
    for measure in ("nll", "ece", "brier"):
        assert row[f"{measure}_change_low"] < row[f"{measure}_change"] < row[f"{measure}_change_high"]
        assert f"{measure}_difference" not in row
    assert set(row) <= set(TEMPERATURES)


def test_it_is_compared_with_the_best_member_on_the_same_images():
    """A member that is far too sure is worse than the ensemble by more than chance, and the other way round."""
    count, labels = 400, np.arange(400) % 3
    table = conditions_of(["fog"], [1, 2, 3], count)
    judged = Judged(table, np.arange(count), 200, 0.9, 0)
    logits = np.random.default_rng(0).normal(size=(4, count, 3)) + 1.5 * np.eye(3)[labels]
    good, sure = (Ensemble([predictions_of(table, labels, scale * logits)], WEIGHTS[:1], RULE) for scale in (1.5, 15))
    of_good, of_sure = (calibration_of(ensemble, 1, judged) for ensemble in (good, sure))
    none = Temperature(1, 0, "", "")
    for row in temperature_rows(none, of_sure, of_good, judged):
        for measure in ("nll", "ece", "brier"):
            of = row[f"{measure}_difference"]
            assert row[f"{measure}_difference_low"] > 0
            assert of == pytest.approx(row[f"{measure}_after"] - of_good[row["images"]].after[measure][0])
    assert all(row["ece_difference_high"] < 0 for row in temperature_rows(none, of_good, of_sure, judged))
    same = temperature_rows(none, of_good, of_good, judged)
    assert all(
        (row["ece_difference"], row["ece_difference_low"], row["ece_difference_high"]) == (0, 0, 0) for row in same
    )


def test_the_interval_of_the_comparison_is_nominal_by_simulation():
    """Two members of equal quality: one is called worse about as often as the level says, at most."""
    random, called, runs = np.random.default_rng(0), 0, 60
    table = conditions_of(["fog"], [1], 100)
    for run in range(runs):
        labels = random.integers(0, 3, 100)
        both = [
            Ensemble(
                [predictions_of(table, labels, random.normal(size=(2, 100, 3)) + 1.5 * np.eye(3)[labels])],
                WEIGHTS[:1],
                RULE,
            )
            for _ in range(2)
        ]
        judged = Judged(table, np.arange(100), 100, 0.9, run)
        one, other = (calibration_of(ensemble, 1, judged) for ensemble in both)
        row = temperature_rows(Temperature(1, 0, "", ""), one, other, judged)[1]
        called += any(row[f"{measure}_difference_low"] > 0 for measure in ("nll", "ece", "brier"))
    assert called / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
