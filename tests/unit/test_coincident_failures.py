"""Coincident failures, and the best of a pool against its ceiling."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, predictions_of

from resiliency.analysis.coincident_failures import failure_table, with_best
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.statistics.resampling import Resampling

CONDITIONS = conditions_of(["fog", "snow"], [1, 2], 40)
DESIGNS = ["a", "a", "a", "b", "b", "c"]
DRAWN = Resampling(200, 0.95, 0)


@pytest.fixture(scope="module")
def failures() -> np.ndarray:
    return np.random.default_rng(0).random((6, 5, 40)) < 0.4


@pytest.fixture(scope="module")
def table(failures):
    return failure_table(list(failures.swapaxes(0, 1)), DESIGNS, CONDITIONS, DRAWN).set_index(
        ["corruption", "first", "second"]
    )


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("b", "b"), ("a", "b"), ("b", "c")])
@pytest.mark.parametrize(("corruption", "chosen"), [("clean", [0]), ("snow", [3, 4]), ("corrupted", [1, 2, 3, 4])])
def test_a_row_by_loops_over_pairs_of_members(failures, table, first, second, corruption, chosen):
    kinds = {"clean", "fog", "snow", "corrupted"}
    assert set(table.index) == set(product(kinds, "a", "abc")) | set(product(kinds, "b", "bc"))
    members = {design: [i for i, own in enumerate(DESIGNS) if own == design] for design in "abc"}
    same = first == second
    pairs = list(combinations(members[first], 2) if same else product(members[first], members[second]))
    rows = [(failures[i, c], failures[j, c]) for c in chosen for i, j in pairs]
    row = table.loc[(corruption, first, second)]
    assert row.joint_failure_rate == pytest.approx(np.mean([(x & y).mean() for x, y in rows]))
    assert row.independent == pytest.approx(np.mean([x.mean() * y.mean() for x, y in rows]))
    assert row.covariance == pytest.approx(np.mean([np.cov(x, y)[0, 1] for x, y in rows]))
    assert row.failure_first == pytest.approx(failures[members[first]][:, chosen].mean())
    assert row.failure_second == pytest.approx(failures[members[second]][:, chosen].mean())
    assert row.low < row.covariance < row.high
    assert row.members == len({*members[first], *members[second]})


@pytest.mark.parametrize("value", [False, True])
def test_no_failures_and_nothing_but_failures_have_no_covariance(value):
    table = failure_table(
        [np.full((4, 10), value)] * 5, list("aabb"), conditions_of(["fog", "snow"], [1, 2], 10), DRAWN
    )
    np.testing.assert_allclose(table.joint_failure_rate, value)
    np.testing.assert_allclose(table[["covariance", "low", "high"]], 0, atol=1e-12)


IMAGES, NAMES = 40, ["clean", "tough", "third"]
RIGHT = {"clean": (40, 10), "tough": (20, 30), "third": (20, 10)}  # images, clean and under fog


def scored() -> EnsembleErrors:
    labels = np.zeros(IMAGES, int)
    table = conditions_of(["fog"], [1], IMAGES)
    logits = np.zeros((len(NAMES), 2, IMAGES, 2), np.float16)
    for member, counts in enumerate(RIGHT.values()):
        for condition, count in enumerate(counts):
            logits[member, condition, :, 1] = np.where(np.arange(IMAGES) < count, -4 - member, 4 + member)
    predictions = [predictions_of(table, labels, of_member) for of_member in logits]
    return EnsembleErrors(predictions, np.ones(len(NAMES)), "mean_probability")


def choice(member: str, ensemble: str) -> pd.DataFrame:
    """What chooses these two, of more; another ensemble, that is better, is not of the pool."""
    rows = [(member, 1, 0.9), ("third", 1, 0.1), (ensemble, 2, 0.8), ("clean+elsewhere", 2, 1.0)]
    return pd.DataFrame(rows, columns=["members", "size", "selection_accuracy"])


def test_the_best_are_those_of_the_kind_of_images():
    pool = scored()
    rows = {"condition": ["clean", "fog", "corrupted"], "size": 3, "members": 3}
    everyone = [pool.wrong_in(np.arange(3), np.arange(IMAGES), condition) for condition in range(2)]
    choices = {"clean": choice("clean", "clean+third"), "corrupted": choice("tough", "clean+tough")}
    table = with_best(pd.DataFrame(rows), everyone, choices, NAMES, pool, np.arange(IMAGES), 0.95)
    assert table["best_member"].tolist() == ["clean", "tough", "tough"]
    assert table["best_ensemble"].tolist() == ["clean+third", "clean+tough", "clean+tough"]
    assert table["best_member_accuracy"].tolist() == pytest.approx([1, 0.75, 0.75])
