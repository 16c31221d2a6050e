"""Members whose figures say little are told from others."""

import numpy as np
import pytest
from predicted import conditions_of, predictions_of

from resiliency.analysis.member_tables import copies
from resiliency.reliability import member_warnings, near_chance

THREE = np.repeat([0, 1, 2], 100)


@pytest.mark.parametrize(
    ("accuracy", "labels", "near"),
    [
        (0.17, THREE, True),
        (0.22, THREE, True),
        (1 / 3, THREE, True),
        (0.39, THREE, True),  # a tenth of the way from 1/3 to 1 is 0.4
        (0.41, THREE, False),
        (0.9, THREE, False),
        (0.55, np.repeat([0, 1], [5, 5]), True),  # 0.5 with a standard error of 0.16
        (0.9, np.repeat([0, 1], [5, 5]), False),
        (0.9, np.repeat([0, 1], [90, 10]), True),  # as often right as if the answer were always 0
        (0.02, np.arange(1000), True),
        (0.12, np.arange(1000), False),
    ],
)
def test_chance_is_to_answer_the_most_frequent_class(accuracy, labels, near):
    assert near_chance(accuracy, labels) == near


def test_warnings_of_a_member():
    assert member_warnings(0.9, THREE, 400) == member_warnings(0.9, THREE, None) == []
    assert member_warnings(0.2, THREE[::5], 99) == ["near chance", "few optimisation steps", "few test images"]


def test_members_that_answer_alike_are_named():
    table, labels = conditions_of(["fog"], [1], 30), np.tile([0, 1, 2], 10)
    logits = np.random.default_rng(0).normal(size=(3, 2, 30, 3)).astype(np.float16)
    logits[2] = logits[0]
    almost = logits[0].copy()
    almost[1, 29, 2] += 1
    of = {name: predictions_of(table, labels, values) for name, values in zip("abc", logits, strict=True)}
    of |= {"d": predictions_of(table, labels, almost)}
    assert copies(of) == {"c": "a"}
    decided = {name: predictions_of(table, labels, logits[0].argmax(-1)) for name in "ef"}
    right = {name: predictions_of(table, labels, np.stack([labels, labels])) for name in "gh"}
    assert copies(of | decided | right) == {"c": "a", "f": "e"}
