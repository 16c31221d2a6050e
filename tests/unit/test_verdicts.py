"""Effect sizes, shares of variance, and the rule that turns statistics into verdicts."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from resiliency.analysis.effect_size import weighted_cliffs_delta
from resiliency.analysis.jackknife import ANGULAR
from resiliency.analysis.parts import Part
from resiliency.analysis.power import needed
from resiliency.analysis.variance_shares import one_hot, variance_shares
from resiliency.analysis.verdicts import Observation, observation_rows, observation_table, verdict_of

# Effect size and shares of variance


def delta_by_loops(first, second, first_weights, second_weights) -> float:
    pairs = [
        (v * w, int(a > b) - int(a < b))
        for a, v in zip(first, first_weights, strict=True)
        for b, w in zip(second, second_weights, strict=True)
    ]
    return sum(w * sign for w, sign in pairs) / sum(w for w, _ in pairs)


weighted = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=8).filter(
    lambda values: any(weight for _, weight in values)
)


@given(weighted, weighted)
@settings(deadline=None)
def test_cliffs_delta_against_loops(one, other):
    (first, v), (second, w) = np.array(one, float).T, np.array(other, float).T
    deltas = weighted_cliffs_delta(first, second, v[None], w[None])
    assert deltas[0] == pytest.approx(delta_by_loops(first, second, v, w))
    assert weighted_cliffs_delta(second, first, w[None], v[None])[0] == pytest.approx(-deltas[0])


def test_cliffs_delta_at_its_ends():
    ones = np.ones((1, 2))
    assert weighted_cliffs_delta(np.array([3.0, 4]), np.array([1.0, 2]), ones, ones)[0] == 1
    assert weighted_cliffs_delta(np.array([1.0, 1]), np.array([1.0, 1]), ones, ones)[0] == 0
    assert np.isnan(weighted_cliffs_delta(np.array([1.0, 1]), np.array([1.0, 1]), 0 * ones, ones)[0])


def adjusted_r_squared(blocks: list[np.ndarray], response: np.ndarray) -> float:
    """By projection on the column space, whose dimension is the number of coefficients."""
    n = len(response)
    matrix = np.column_stack([np.ones(n), *blocks])
    fitted = matrix @ np.linalg.pinv(matrix) @ response
    explained = 1 - ((response - fitted) ** 2).sum() / ((response - response.mean()) ** 2).sum()
    return 1 - (1 - explained) * (n - 1) / (n - np.linalg.matrix_rank(matrix))


def test_variance_shares_against_all_orders():
    rng = np.random.default_rng(0)
    n = 14
    predictors = {
        "family": one_hot(list("aabbccddaabbcc")),
        "size": rng.standard_normal((n, 1)),
        "accuracy": rng.standard_normal((n, 1)),
    }
    response = predictors["size"][:, 0] + rng.standard_normal(n)
    expected = dict.fromkeys(predictors, 0.0)
    orders = list(permutations(predictors))
    for order in orders:
        for position, name in enumerate(order):
            with_it = [predictors[other] for other in order[: position + 1]]
            gain = adjusted_r_squared(with_it, response) - (
                adjusted_r_squared(with_it[:-1], response) if position else 0.0
            )
            expected[name] += gain / len(orders)
    shares = variance_shares(predictors, response)
    assert shares == pytest.approx(expected)
    assert sum(shares.values()) == pytest.approx(adjusted_r_squared(list(predictors.values()), response))


def test_the_only_cause_gets_all_variance():
    rng = np.random.default_rng(0)
    predictors = {"cause": rng.standard_normal((200, 1)), "noise": rng.standard_normal((200, 1))}
    shares = variance_shares(predictors, 3 * predictors["cause"][:, 0])
    assert shares["cause"] == pytest.approx(1, abs=0.02)
    assert shares["noise"] == pytest.approx(0, abs=0.02)


def test_a_constant_response_has_nothing_to_explain():
    shares = variance_shares({"x": np.arange(5.0)[:, None], "y": np.ones((5, 1))}, np.full(5, 0.3))
    assert shares == {"x": 0, "y": 0}


# Verdicts


def observed(sign: int, *estimates: float, error: float = 1, **changed: object) -> Observation:
    """Parts of so many units that Student's t is all but normal: 1.645 errors at 95 %, 2.24 at 97.5 % of two parts."""
    parts = [
        Part(f"part {i}", estimate, error, 10**6, units=20, planned=lambda n: (error * np.sqrt(20 / n), 10**6))
        for i, estimate in enumerate(estimates)
    ]
    fields = {"statistic": "a difference", "margin": 2.5, "unit": "designs", "minimum": 12, "resampled": "designs"}
    return Observation(9, "It is so.", sign=sign, parts=parts, **fields | changed)


@pytest.mark.parametrize(
    ("sign", "estimates", "expected"),
    [
        (1, [1.7], "supported"),
        (1, [1.6], "undecided"),
        (1, [-1.7], "contradicted"),
        (-1, [-1.7], "supported"),
        (-1, [1.7], "contradicted"),
        (1, [1.7, 1.7, 1.7], "supported"),  # all must hold: no correction
        (1, [1.7, 1.6], "undecided"),
        (1, [1.7, -1.9], "undecided"),  # one is enough: corrected, 1.96 of two parts
        (1, [1.7, -2.0], "contradicted"),
        (-1, [-2, 0, 3], "contradicted"),
        (1, [np.nan], "undecided"),
        (1, [2, np.nan], "undecided"),
        (1, [], "not tested"),
    ],
)
def test_the_rule(sign, estimates, expected):
    assert {row["verdict"] for row in observation_rows(observed(sign, *estimates), 0.95)} == {expected}


def test_caution_asks_for_more_to_contradict():
    """Of two parts with a caution of four: 1 - .05 / 8, 2.50 errors."""
    assert verdict_of(observed(1, 0, -2.4, caution=4), 0.95)[0] != "contradicted"
    assert verdict_of(observed(1, 0, -2.6, caution=4), 0.95)[0] == "contradicted"


@pytest.mark.parametrize(("estimates", "expected"), [([0.8, -0.8], "equivalent"), ([0.9, 0], "undecided")])
def test_equivalence_is_two_one_sided_tests(estimates, expected):
    """The interval at 90 %, 1.645 errors either way, lies within 2.5."""
    assert verdict_of(observed(1, *estimates), 0.95)[0] == expected


def test_what_is_lacking_decides_nothing_and_is_said():
    (row,) = observation_rows(observed(1, 5, lacking="needs more designs", omitted="left out pairs"), 0.95)
    assert row["verdict"] == row["part_verdict"] == "not tested"
    assert row["lacking"] == "needs more designs; left out pairs"
    assert row["units_needed"] == 12
    (row,) = observation_rows(observed(1, lacking="needs joint training"), 0.95)
    assert np.isnan([row["estimate"], row["low"], row["high"]]).all()
    assert row["would_decide"] == "at least 12 designs"


def test_parts_without_an_error_ask_for_the_smallest_study():
    (row,) = observation_rows(observed(1, np.nan, error=np.nan, lacking="needs more designs"), 0.95)
    assert row["would_decide"] == "at least 12 designs"


def test_a_part_without_spread_needs_the_smallest_study():
    need = needed([Part("exact", 0.5, 0.0, 20, units=21)], 1, 0.1, 12, 0.95, 0.95)
    assert (need.estimated, need.verdict, need.at_margin) == (12, "supported", 12)


def test_what_was_left_out_does_not_keep_a_verdict_back():
    (row,) = observation_rows(observed(1, 5, omitted="left out pairs"), 0.95)
    assert (row["verdict"], row["lacking"]) == ("supported", "left out pairs")


def test_rows_beside_have_no_verdict():
    rows = observation_rows(observed(1, 3, beside=[Part("other", -9, 1, 5)]), 0.95)
    assert [row["part_verdict"] for row in rows] == ["supported", ""]
    assert {row["verdict"] for row in rows} == {"supported"}


def test_bounds_of_a_part():
    rows = observation_rows(observed(1, 3, 4), 0.95)
    assert [rows[0]["low"], rows[0]["high"]] == pytest.approx([3 - 1.645, 3 + 1.645], abs=1e-3)
    assert rows[0]["opposite_bound"] == pytest.approx(3 + 1.960, abs=1e-3)
    assert rows[0]["confidence"] == pytest.approx(0.9)


def test_perfect_separation_is_not_taken_for_certain():
    """Eight designs, all ensembles of one kind above all of the other: (8 - z^2) / (8 + z^2)."""
    part = Part.left_out("", np.ones(9), ANGULAR)
    low, high = part.interval(0.9)
    assert (low, high) == pytest.approx(((8 - 1.6449**2) / (8 + 1.6449**2), 1), abs=1e-4)


def test_rules_tell_the_side():
    assert "lies above 0" in observed(1, 2).rule
    assert "lies below 0" in observed(-1, 2).rule


def test_the_table_has_a_row_per_part():
    table = observation_table([observed(1, 1, 2, images=10), observed(1, images=10)], 0.95)
    assert table["part"].tolist() == ["part 0", "part 1", ""]
    assert (table["images"] == 10).all()


# What would decide


def test_units_that_would_support():
    """One part at .9 errors with 20 units: (z.95 + z.8)^2 / .81 times as many; and at the margin of 2.5."""
    need = needed(observed(1, 0.9).parts, 1, 2.5, 2, 0.95, 0.975)
    assert need.verdict == "equivalent"
    need = needed(observed(1, 0.9).parts, 1, 0.5, 2, 0.95, 0.975)
    factor = (norm.ppf(0.95) + norm.ppf(0.8)) ** 2
    assert need.verdict == "supported"
    assert need.estimated == int(np.ceil(20 * factor / 0.81))
    assert need.at_margin == int(np.ceil(20 * factor / 0.25))


def test_units_that_would_contradict_allow_for_the_number_of_parts():
    parts = observed(1, 1, -1).parts
    need = needed(parts, 1, 0.1, 2, 0.95, 0.975)
    assert need.verdict == "contradicted"
    assert need.estimated == int(np.ceil(20 * (norm.ppf(0.975) + norm.ppf(0.8)) ** 2))


def test_needed_units_have_the_power_that_is_promised():
    """Simulated: two independent parts at their estimates, each with the error of so many units."""
    need = needed(observed(1, 0.9, 1.2).parts, 1, 0.1, 2, 0.95, 0.975)
    error = np.sqrt(20 / need.estimated)
    drawn = np.random.default_rng(0).normal([0.9, 1.2], error, (4000, 2))
    assert 0.78 < (drawn - norm.ppf(0.95) * error > 0).all(axis=1).mean() < 0.84


def test_without_a_plan_units_count_as_those_of_a_mean():
    """Four times as many units have half the error; one is lost to the mean."""
    part = Part("", 1, 3, 5, units=10)
    assert part.with_units(40) == (pytest.approx(1.5), 39)
    assert part.with_units(10) == (pytest.approx(3), 9)


def test_no_number_of_seeds_may_be_enough():
    """What images add does not go away with seeds."""
    part = Part("", 0.1, 1, 9, units=3, planned=lambda n: (np.sqrt(0.5 / n + 0.8), 9))
    assert needed([part], 1, 0.1, 2, 0.95, 0.975).estimated is None
    assert needed([], 1, 0.1, 2, 0.95, 0.975) == needed([Part("")], 1, 0.1, 2, 0.95, 0.975)


def test_what_would_decide_is_said_in_words():
    factor = 20 * (norm.ppf(0.95) + norm.ppf(0.8)) ** 2
    right, at_margin = (f"{np.ceil(factor / size**2):,.0f} designs" for size in (0.9, 0.5))
    for sign, margin in ((1, "0.5"), (-1, "−0.5")):
        (row,) = observation_rows(observed(sign, sign * 0.9, margin=0.5), 0.95)
        words = f"{right}, if the estimates are right (supported); {at_margin}, if every difference is {margin}"
        assert row["would_decide"] == f"at 80 % power: {words}"
    never = Part("", 0.1, 1, 9, units=3, planned=lambda n: (np.sqrt(0.5 / n + 0.8), 9))
    (row,) = observation_rows(replace(observed(1, margin=0.1), parts=[never]), 0.95)
    assert row["would_decide"] == "no number of designs: more test images"
