"""Accuracy on a test set, and its interval."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from resiliency.metrics.classification import accuracies, images_of


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_wilsons(confidence):
    right = np.array([0, 1, 17, 39, 40])
    columns = accuracies("photos", right / 40, 40, confidence)
    assert list(columns) == ["photos_accuracy", "photos_accuracy_low", "photos_accuracy_high"]
    expected = [binomtest(int(count), 40).proportion_ci(confidence, method="wilson") for count in right]
    np.testing.assert_allclose(columns["photos_accuracy_low"], [of.low for of in expected], atol=1e-12)
    np.testing.assert_allclose(columns["photos_accuracy_high"], [of.high for of in expected], atol=1e-12)
    assert columns["photos_accuracy"].tolist() == (right / 40).tolist()


def test_of_an_unknown_number_of_images_nothing_is_known_but_the_accuracy():
    columns = accuracies("photos", np.float64(0.8), np.nan, 0.95)
    assert columns["photos_accuracy"] == 0.8
    assert np.isnan([columns["photos_accuracy_low"], columns["photos_accuracy_high"]]).all()


def test_images_are_known_by_their_columns():
    columns = ["members", "mean_member_clean_accuracy", "mean_member_field_v2_accuracy", "clean_accuracy"]
    assert images_of(pd.DataFrame(columns=columns)) == ["clean", "field_v2"]
