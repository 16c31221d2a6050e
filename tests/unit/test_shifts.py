"""Test sets in place of corruptions: the error on them, and observation 1 about it, which is no test of the paper's."""

import numpy as np
import pandas as pd
import pytest
from observed import verdict
from test_observation_architecture import member_rows

from published.found import observation_rows
from resiliency.analysis.member_tables import with_shifted_error
from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.verdicts import RULES, observation_table
from resiliency.report.verdicts import by_observation

pytestmark = pytest.mark.slow


def test_the_error_on_shifts_is_the_mean_over_test_sets_and_unknown_if_one_is():
    members = pd.DataFrame({"member": ["a", "b"], "night_accuracy": [0.6, 0.5], "snow_day_accuracy": [0.4, np.nan]})
    errors = with_shifted_error(members, ["night", "snow_day"]).shifted_error
    assert errors.tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert "shifted_error" not in with_shifted_error(members, [])


@pytest.fixture(scope="module")
def table():
    """Observation 1 of members whose error on shifts follows their family, and whose corrupted error does not."""
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=12)
    members["shifted_error"] = members.pop("corrupted_error")
    return observation_table([architecture_matters_more(members, 100, ["night", "day"])], 0.95)


def test_observation_1_on_shifts_is_about_their_error(table):
    assert by_observation(table)[0]["verdict"] == "supported"
    assert set(table.shifts) == {"night+day"}


def test_a_verdict_on_shifts_counts_for_no_statement_of_the_paper(table):
    members = member_rows(0, 0, 0.2, 0, noise=0.02, families=16)
    on_corruptions = architecture_matters_more(members, 100)
    assert verdict(on_corruptions) == "contradicted"
    both = {"shifted": table.assign(rules=RULES), "corrupted": observation_table([on_corruptions], 0.95)}
    (row,) = observation_rows({study: {"observations": rows} for study, rows in both.items()})
    assert row["shifted"] == {"shifted": "supported"}
    assert row["statement"] == on_corruptions.statement.rstrip(".")
