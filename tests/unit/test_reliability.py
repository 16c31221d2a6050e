"""Members whose figures say little are told from others."""

import numpy as np
import pandas as pd
import pytest

from resiliency.reliability import member_warnings, near_chance
from resiliency.report.overview import cautions

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


def test_warnings_are_said_in_sentences():
    members = pd.DataFrame({"member": [f"a-s{i}" for i in range(9)], "warnings": ["near chance"] * 7 + [np.nan, ""]})
    (line,) = cautions(members)
    assert line.startswith("7 of 9 members are hardly better than chance on clean images (a-s0, a-s1, a-s2, a-s3, a-s4")
    assert " and 2 more): their training failed" in line
    assert cautions(members.assign(warnings=np.nan)) == []
