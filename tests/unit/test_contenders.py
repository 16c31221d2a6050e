"""The best ensemble, the best member and the baseline under each corruption, against plain computations."""

import numpy as np
import pandas as pd
import pytest
from predicted import drawn, predictions_of

from resiliency.analysis.assessment import Judged
from resiliency.analysis.contenders import calibration_bins, contenders, errors_under, under_corruptions
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import expected_calibration_error

IMAGES, JUDGED = 60, np.arange(0, 60, 2)
WEIGHTS = np.array([0.5, 0.7, 0.9])
ROWS = [("a", 1, 0.3, 0.4, True), ("b", 1, 0.2, 0.5, False), ("a+b", 2, 0.1, 0.2, False), ("a+c", 2, 0.2, 0.1, False)]


@pytest.fixture
def study():
    return drawn(3, IMAGES, ["fog", "snow", "frost"], [1])


def deployment(rows) -> pd.DataFrame:
    columns = ["members", "size", "selection_error", "corrupted_error", "baseline"]
    return pd.DataFrame(rows, columns=columns)


def test_the_best_are_those_that_the_choice_prefers():
    roles = contenders(deployment(ROWS))
    assert {role: row.members for role, row in roles.items()} == {
        "best ensemble": "a+b",
        "best member": "b",
        "baseline": "a",
    }


def test_errors_are_those_of_the_judged_images(study):
    table, members, labels = study
    errors = errors_under(Ensemble(members, WEIGHTS, "mean_probability"), Judged(table, JUDGED, 10, 0.9, 0))
    mean = np.mean([[member.probabilities(c)[JUDGED] for c in (1, 2, 3)] for member in members], axis=0)
    np.testing.assert_array_equal(errors, mean.argmax(axis=-1) != labels[JUDGED])


def test_errors_and_differences_by_hand():
    """Two severities of fog, one of snow, on two images."""
    first = np.array([[0, 1], [0, 1], [0, 0]], float)
    other = np.array([[1, 1], [1, 0], [1, 1]], float)
    counts = np.array([[1, 1]] * 37 + [[2, 0], [0, 2]])
    table = under_corruptions({"best ensemble": first, "baseline": other}, ["fog", "fog", "snow"], counts, 2, 0.9)
    rows = table.set_index(["role", "corruption"])
    assert rows.error.tolist() == [0.5, 0, 0.25, 0.75, 1, 0.875]
    assert rows.difference.loc["baseline"].tolist() == [-0.25, -1, -0.625]
    assert rows.difference.loc["best ensemble"].isna().all()
    assert set(rows.images) == {2}
    fog = rows.loc[("best ensemble", "fog")]
    assert 0 <= fog.low < 0.5 < fog.high <= 1
    # Two corruptions are compared: the outermost of 39 resamples, of the first image alone and of the second one.
    assert rows.loc[("baseline", "fog"), ["difference_low", "difference_high"]].tolist() == pytest.approx([-1, 0.5])
    assert rows.loc[("baseline", "snow"), ["difference_low", "difference_high"]].tolist() == [-1, -1]
    ends = np.quantile([-0.625] * 37 + [-1, -0.25], [0.05, 0.95])  # one comparison, which needs no correction
    overall = rows.loc[("baseline", "corrupted"), ["difference_low", "difference_high"]]
    assert overall.tolist() == pytest.approx(list(ends))


def test_bins_have_the_calibration_error_of_all_predictions(study):
    table, members, labels = study
    judged = Judged(table, JUDGED, 10, 0.9, 0)
    bins = calibration_bins(Ensemble(members, WEIGHTS, "mean_probability"), judged)
    corrupted = bins[bins.images == "corrupted"]
    mean = np.mean([[m.probabilities(c)[JUDGED] for c in (1, 2, 3)] for m in members], axis=0).reshape(-1, 3)
    gap = (corrupted.accuracy - corrupted.mean_confidence).abs() @ corrupted.predictions / corrupted.predictions.sum()
    assert bins.groupby("images").predictions.sum().to_dict() == {"clean": 30, "corrupted": 90}
    assert gap == pytest.approx(expected_calibration_error(mean, np.tile(labels[JUDGED], 3)), rel=1e-4)
    assert ((bins.bin_low < bins.mean_confidence) & (bins.mean_confidence <= bins.bin_high + 1e-9)).all()


def test_votes_and_decisions_have_no_calibration(study):
    table, members, labels = study
    judged = Judged(table, JUDGED, 10, 0.9, 0)
    assert calibration_bins(Ensemble(members, WEIGHTS, "plurality_vote"), judged).empty
    assert len(calibration_bins(Ensemble(members[:1], WEIGHTS[:1], "plurality_vote"), judged))
    decided = [predictions_of(table, labels, np.zeros((4, IMAGES), int))]
    assert calibration_bins(Ensemble(decided, WEIGHTS[:1], "plurality_vote"), judged).empty
