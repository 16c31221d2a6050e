"""The rule by which a model is recommended, against plain computations and where the truth is known."""

import deployment_rates as rates
import numpy as np
import pandas as pd
import pytest
from predicted import logits_of
from scipy.stats import binom
from test_deployment import scored, tables

from resiliency.analysis.choices import (
    Difference,
    cheapest,
    differences,
    drawn_errors,
    eligible,
    fit_members,
    halves,
    margin_of,
    recommended_row,
    shortlist,
)
from resiliency.analysis.deployment import candidate_table, deployment_table
from resiliency.statistics.resampling import Resampling

pytestmark = pytest.mark.slow

LABELS = np.arange(1000) % 10
RESAMPLING = Resampling(2000, 0.95, 0)
ROWS = pd.DataFrame(
    {
        "fit": [True, True, True, True, False],
        "size": [1, 1, 2, 4, 1],
        "macs": [2.0, 3.0, 5.0, 9.0, 1.0],
        "selection_error": [0.3, 0.2, 0.12, 0.1, 0.1],
    }
)


def test_members_near_chance_or_far_below_the_others_are_not_fit():
    accuracies = np.array([0.985, 0.97, 0.58, 0.85, 0.12, 0.99])
    assert fit_members(accuracies, LABELS).tolist() == [True, True, False, True, False, True]
    assert fit_members(np.array([0.1, 0.11]), LABELS).all()


UNKNOWN, ALL = np.nan, [0.0] * 5


@pytest.mark.parametrize(
    ("changes", "high", "reference", "margin", "place"),
    [
        ({}, [0.1, 0.05, 0.011, 0, 0], 3, 0.01, 3),
        ({}, [0.1, 0.05, 0.01, 0, 0], 3, 0.01, 2),
        ({}, [0.1, 0, 0.01, 0, 0], 3, 0.01, 1),
        ({}, [0.1, 0.05, 0.011, 0, 0], 3, 0.02, 2),
        # No more members than the reference, and no higher cost.
        ({"macs": [9.0, 8.0, 7.0, 6.0, 1.0]}, ALL, 1, 0.01, 1),
        ({"size": [3, 1, 2, 4, 1]}, ALL, 1, 0.01, 1),
        # A row of unknown cost is never preferred; where the reference's is unknown, fewer members are cheaper.
        ({"macs": [UNKNOWN, 3.0, 5.0, 9.0, 1.0]}, ALL, 3, 0.01, 1),
        ({"macs": [UNKNOWN, 3.0, UNKNOWN, UNKNOWN, 1.0]}, ALL, 3, 0.01, 1),
        ({"macs": [UNKNOWN, 3.0, UNKNOWN, UNKNOWN, 1.0]}, [0, 1, 0, 0, 0], 3, 0.01, 3),
        ({"macs": UNKNOWN}, [0.1, 0, 0, 0, 0], 3, 0.01, 1),
        ({"macs": UNKNOWN}, ALL, 3, 0.01, 1),  # of equals, the one with fewer errors
    ],
)
def test_the_cheapest_is_taken_of_those_that_are_shown_to_be_hardly_worse(changes, high, reference, margin, place):
    differences_of = Difference(np.zeros(5), np.zeros(5), np.array(high))
    assert cheapest(ROWS.assign(**changes), differences_of, reference, margin, 100, "macs").place == place


def test_images_needed_are_those_that_bring_a_bound_within_the_margin():
    """Of the two that are worse by less than .01, the bound of one is 6 and that of the other 2 times too far away."""
    bounds = Difference(np.array([0.02, 0.005, 0, 0, 0]), np.zeros(5), np.array([0.05, 0.035, 0.02, 0, 0]))
    assert cheapest(ROWS, bounds, 3, 0.01, 100, "macs") == (3, 100 * 2**2)


def test_the_shortlist_has_the_best_and_what_is_shown(monkeypatch):
    monkeypatch.setattr("resiliency.analysis.choices.SHORTLIST", 2)
    assert shortlist(ROWS, np.array([True, False, False, False, False])).tolist() == [0, 2, 3]


def test_the_margin_is_a_point_or_a_tenth_of_the_error_unless_the_study_sets_it():
    assert margin_of(0.3, None, "mean") == 0.01
    assert margin_of(0.02, None, "worst_condition") == pytest.approx(0.002)
    assert margin_of(3, None, "cost") == pytest.approx(0.3)
    assert margin_of(0.02, 0.005, "mean") == 0.005


@pytest.mark.parametrize("objective", ["mean", "worst_condition"])
def test_resampled_errors_vary_as_those_of_the_images(objective, monkeypatch):
    """Images in groups, against resamples of the images themselves."""
    study = logits_of(3, 600, 0)
    of, images = scored(study, objective=objective), np.arange(600)
    ensembles = [np.array([0]), np.array([1, 2])]
    grouped = drawn_errors(of, ensembles, images, RESAMPLING)
    monkeypatch.setattr("resiliency.analysis.choices.GROUPS", 600)
    alone = drawn_errors(of, ensembles, images, RESAMPLING)
    np.testing.assert_allclose(grouped.mean(axis=1), alone.mean(axis=1), atol=0.003)
    np.testing.assert_allclose(grouped.std(axis=1), alone.std(axis=1), rtol=0.15)
    if objective == "mean":
        expected = [of.errors(ensemble[None], images)[0] for ensemble in ensembles]
        np.testing.assert_allclose(alone.mean(axis=1), expected, atol=0.002)


def test_the_critical_value_grows_with_the_number_of_candidates():
    random = np.random.default_rng(0)
    drawn = 0.2 + 0.01 * random.standard_normal((50, 4000))
    errors = np.full(50, 0.2)
    few, many = (differences(errors[:n], drawn[:n], 0, 0.95) for n in (2, 50))
    spread = (drawn[1] - drawn[0]).std()
    assert few.high[1] == pytest.approx(1.645 * spread, rel=0.05)
    assert 2.2 * spread < many.high[1] < 3.3 * spread
    assert (many.low == -many.high).all()
    assert many.high[0] == 0


def deployment_of(logits: list[np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    members, ensembles = tables((logits, labels))
    chosen, judged = halves(labels, 0)
    of = scored((logits, labels))
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    return deployment_table(candidates, members, of, chosen, judged, "b-s0", Resampling(200, 0.95, 0))


def test_a_member_far_below_the_others_is_never_recommended():
    """One member answers by chance on clean images, and well on corrupted ones."""
    logits, labels = logits_of(6, 400, 0, skill=2.0)
    logits[0][0] = 0
    logits[0][1:, np.arange(400), labels] += 9
    table = deployment_of(logits, labels)
    with_it = table.members.str.contains("a-s0")
    assert (table.fit != with_it).all()
    assert table[with_it].selection_error.min() < table[~with_it].selection_error.min()
    assert not table.front_macs[with_it].any()
    assert not table[with_it & (table.found == "greedy")].size
    pick = recommended_row(eligible(table))
    assert "a-s0" not in pick.members


@pytest.mark.parametrize("case", rates.CASES, ids=lambda case: case.situation)
def test_the_truly_best_is_kept_and_the_most_that_is_said_holds(case):
    """A small version of deployment_rates.py; at rates of 0.05 a bound is passed once in ten thousand times."""
    row = rates.choices(case, 300, 40, 200)
    most = binom.ppf(1 - 1e-4, 40, 1 - rates.CONFIDENCE)
    assert row["lost"] <= most
    assert row["inferior"] <= most
    assert row["worse_than_member"] <= most
    assert row["covered"] >= binom.ppf(1e-4, 40, 0.9)
    assert row["recommended"] < 0.02
