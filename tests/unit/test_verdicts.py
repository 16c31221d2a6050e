"""Effect sizes, shares of variance, and the rule that turns statistics into verdicts."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.analysis.effect_size import weighted_cliffs_delta
from resiliency.analysis.variance_shares import one_hot, variance_shares
from resiliency.analysis.verdicts import Observation, Part, observation_rows, observation_table

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
    found = weighted_cliffs_delta(first, second, v[None], w[None])
    assert found[0] == pytest.approx(delta_by_loops(first, second, v, w))
    assert weighted_cliffs_delta(second, first, w[None], v[None])[0] == pytest.approx(-found[0])


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


@pytest.mark.parametrize("resampled", [False, True])
def test_variance_shares_against_all_orders(resampled):
    rng = np.random.default_rng(0)
    n = 14
    predictors = {
        "family": one_hot(list("aabbccddaabbcc")),
        "size": rng.standard_normal((n, 1)),
        "accuracy": rng.standard_normal((n, 1)),
    }
    response = predictors["size"][:, 0] + rng.standard_normal(n)
    counts = rng.multinomial(n, np.full(n, 1 / n)) if resampled else np.ones(n, int)
    again = {name: np.repeat(block, counts, axis=0) for name, block in predictors.items()}
    outcome = np.repeat(response, counts)
    expected = dict.fromkeys(predictors, 0.0)
    orders = list(permutations(predictors))
    for order in orders:
        for position, name in enumerate(order):
            with_it = [again[other] for other in order[: position + 1]]
            gain = adjusted_r_squared(with_it, outcome) - (
                adjusted_r_squared(with_it[:-1], outcome) if position else 0.0
            )
            expected[name] += gain / len(orders)
    found = variance_shares(predictors, response, counts.astype(float))
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(adjusted_r_squared(list(again.values()), outcome))


def test_the_only_cause_gets_all_variance():
    rng = np.random.default_rng(0)
    predictors = {"cause": rng.standard_normal((200, 1)), "noise": rng.standard_normal((200, 1))}
    shares = variance_shares(predictors, 3 * predictors["cause"][:, 0], np.ones(200))
    assert shares["cause"] == pytest.approx(1, abs=0.02)
    assert shares["noise"] == pytest.approx(0, abs=0.02)


def test_a_constant_response_has_nothing_to_explain():
    shares = variance_shares({"x": np.arange(5.0)[:, None], "y": np.ones((5, 1))}, np.full(5, 0.3), np.ones(5))
    assert shares == {"x": 0, "y": 0}


# Verdicts


def observed(sign: int, *middles: float, lacking: str = "", width: float = 1) -> Observation:
    """Each part has resamples spread evenly over its middle plus and minus `width`."""
    spread = np.linspace(-width, width, 201)
    parts = [Part(f"part {i}", np.append(middle, middle + spread)) for i, middle in enumerate(middles)]
    return Observation(9, "It is so.", "a difference", sign, parts, lacking, "members", 4, 6, 10)


@pytest.mark.parametrize(
    ("sign", "middles", "expected"),
    [
        (1, [2], "supported"),
        (1, [-2], "contradicted"),
        (1, [0.5], "undecided"),
        (-1, [-2], "supported"),
        (-1, [2], "contradicted"),
        (-1, [0.5], "undecided"),
        (1, [2, 3], "supported"),
        (1, [2, 0.5], "undecided"),
        (1, [2, -2], "contradicted"),
        (-1, [-2, 0, 3], "contradicted"),
        (1, [np.nan], "undecided"),
        (1, [2, np.nan], "undecided"),
        (1, [], "undecided"),
    ],
)
def test_the_rule(sign, middles, expected):
    assert {row["verdict"] for row in observation_rows(observed(sign, *middles), 0.95)} == {expected}


def test_what_is_lacking_decides_nothing_and_is_said():
    (row,) = observation_rows(observed(1, 2, lacking="needs more designs"), 0.95)
    assert row["verdict"] == row["part_verdict"] == "undecided"
    assert (row["lacking"], row["part_verdict"]) == ("needs more designs", "undecided")
    (row,) = observation_rows(observed(1, lacking="needs joint training"), 0.95)
    assert np.isnan([row["estimate"], row["low"], row["high"]]).all()


def test_intervals_hold_together():
    """Four parts at 90 % together: each at 97.5 %, which leaves 1.25 % on each side of a width of 2."""
    rows = observation_rows(observed(1, 0, 1, 2, 3), 0.9)
    assert [row["confidence"] for row in rows] == pytest.approx([0.975] * 4)
    for middle, row in enumerate(rows):
        assert row["estimate"] == middle
        assert [row["low"], row["high"]] == pytest.approx([middle - 0.975, middle + 0.975])
        assert row["part_verdict"] == ("supported" if middle >= 1 else "undecided")
    assert {row["verdict"] for row in rows} == {"undecided"}


def test_rules_tell_the_side():
    assert "lie above 0" in observation_rows(observed(1, 2), 0.95)[0]["rule"]
    assert "lie below 0" in observation_rows(observed(-1, 2), 0.95)[0]["rule"]


def test_the_table_has_a_row_per_part():
    table = observation_table([observed(1, 1, 2), observed(1)], 0.95)
    assert table["part"].tolist() == ["part 0", "part 1", ""]
    assert (table[["members", "ensembles", "images"]] == [4, 6, 10]).all(axis=None)
