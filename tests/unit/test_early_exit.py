"""Early exit against a loop over images."""

import numpy as np
import pytest
from predicted import conditions_of, predictions_of
from test_deployment import logits_of

from resiliency.analysis.assessment import Judged
from resiliency.analysis.early_exit import THRESHOLDS, cheapest_first, early_exit, stops
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.classification import softmax

MEMBERS, IMAGES = 3, 60
MACS = np.array([1.0, 5.0, 20.0])


def by_loop(logits, labels, images, threshold) -> tuple[float, float, float]:
    """Error, mean MACs and mean number of members asked, on the corrupted images."""
    wrong, spent, asked = [], [], []
    for condition in (1, 2, 3):
        for image in images:
            for count in range(1, MEMBERS + 1):
                mean = np.mean([softmax(of[condition, image]) for of in logits[:count]], axis=0)
                if mean.max() >= threshold or count == MEMBERS:
                    wrong.append(mean.argmax() != labels[image])
                    spent.append(MACS[:count].sum())
                    asked.append(count)
                    break
    return float(np.mean(wrong)), float(np.mean(spent)), float(np.mean(asked))


def test_the_threshold_is_chosen_on_one_half_and_judged_on_the_other():
    logits, labels = logits_of(MEMBERS, IMAGES, 1)
    table = conditions_of(["fog"], [1, 2, 3], IMAGES)
    members = Ensemble([predictions_of(table, labels, of) for of in logits], np.ones(MEMBERS), "mean_probability")
    chosen, judged = np.arange(0, IMAGES, 2), np.arange(1, IMAGES, 2)
    row = early_exit(members, MACS, chosen, Judged(table, judged, 100, 0.9, 0))
    tried = {t: by_loop(logits, labels, chosen, t) for t in (*THRESHOLDS, np.inf)}
    allowed = {t: cost for t, (error, cost, _) in tried.items() if error <= tried[np.inf][0] + 1e-9}
    assert row["threshold"] == min(allowed, key=allowed.get)
    assert (row["selection_error"], row["selection_macs"]) == pytest.approx(tried[row["threshold"]][:2])
    error, cost, asked = by_loop(logits, labels, judged, row["threshold"])
    assert (row["mean_corruption_error"], row["macs"], row["members_asked"]) == pytest.approx((error, cost, asked))
    assert row["error_change"] == pytest.approx(error - by_loop(logits, labels, judged, np.inf)[0])
    assert row["all_macs"] == MACS.sum()
    assert row["macs"] < row["all_macs"]
    assert row["low"] < row["mean_corruption_error"] < row["high"]


def test_members_are_asked_in_order_until_they_are_sure():
    confidences = np.array([[0.9, 0.3, 0.2], [0.1, 0.9, 0.2], [0.1, 0.1, 0.1]])
    np.testing.assert_array_equal(stops(confidences, 0.8), [0, 1, 2])
    np.testing.assert_array_equal(stops(confidences, np.inf), [2, 2, 2])
    np.testing.assert_array_equal(cheapest_first(np.array([3.0, 1.0, 1.0])), [1, 2, 0])
