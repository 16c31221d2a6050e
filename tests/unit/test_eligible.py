"""Which members ensembles are formed of, for all stages alike."""

import pandas as pd
import pytest
from fault_messages import fault_of

from resiliency.analysis.effective_robustness import skipped_rows
from resiliency.ensembles.pool import eligible_members
from resiliency.ensembles.settings import Ensembles

NAMES = ["a-s0", "a-s1", "b-s0", "from_elsewhere", "search-00"]
MEMBERS = pd.DataFrame(
    {
        "member": NAMES,
        "origin": [*["independent"] * 4, "search"],
        "clean_accuracy": [0.9, 0.5, 0.8, 0.7, 0.1],
        "parameters": 1,
    }
)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, NAMES[:4]),
        ({"min_clean_accuracy": 0.5}, NAMES[:4]),
        ({"min_clean_accuracy": 0.6}, ["a-s0", "b-s0", "from_elsewhere"]),
        ({"min_clean_accuracy": 0.8}, ["a-s0", "b-s0"]),
    ],
)
def test_accurate_members_are_eligible_and_the_others_are_listed(settings, expected):
    settings = Ensembles(sizes=[2], **settings)
    assert list(eligible_members(MEMBERS, NAMES, settings).member) == expected
    left_out = [row[0] for row in skipped_rows(MEMBERS, {}, [], settings.min_clean_accuracy) if row[1] == "ensembles"]
    assert left_out == [name for name in NAMES[:4] if name not in expected]


def test_too_few_accurate_members_are_refused_and_too_few_members_are_not():
    strict = Ensembles(sizes=[3, 4], min_clean_accuracy=0.75)
    message = fault_of(eligible_members, MEMBERS, NAMES, strict)
    assert message == "ensembles.min_clean_accuracy: too few members reach 0.75 to form an ensemble; lower it"
    assert list(eligible_members(MEMBERS, NAMES[:2], strict).member) == ["a-s0"]
