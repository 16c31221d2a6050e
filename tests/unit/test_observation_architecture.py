"""What matters to the accuracy of a member, as observation 1 judges it."""

import numpy as np
import pandas as pd
import pytest
from observed import verdict

from resiliency.analysis.observations import (
    architecture_matters_more,
)
from resiliency.analysis.verdicts import observation_rows


def member_rows(
    seed: int, family: float, size: float, accuracy: float, noise: float, families: int = 4, each: int = 3
) -> pd.DataFrame:
    """Some designs of each family, two members of each; how much each predictor and chance move the error."""
    rng = np.random.default_rng(seed)
    effects, rows = rng.permutation(np.linspace(-1, 1, families)), []
    for design in range(each * families):
        parameters = rng.uniform(4, 7)
        for index in range(2):
            clean = rng.uniform(-1, 1)
            error = family * effects[design % families] + size * (parameters - 5.5) / 1.5 + accuracy * clean
            rows.append(
                {
                    "member": f"d{design}-s{index}",
                    "origin": "independent",
                    "design": f"d{design}",
                    "family": f"f{design % families}",
                    "parameters": 10**parameters,
                    "clean_accuracy": 0.9 + 0.05 * clean,
                    "mean_corruption_error": 0.5 + error + noise * rng.standard_normal(),
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [((0.2, 0, 0), "supported"), ((0, 0.2, 0), "contradicted"), ((0, 0, 0.2), "contradicted")],
)
def test_observation_1_finds_what_matters(effects, expected):
    observation = architecture_matters_more(member_rows(0, *effects, noise=0.02, families=16), 100)
    assert [part.units for part in observation.parts] == [16, 16]
    assert (observation.designs, observation.members) == (48, 96)
    assert verdict(observation) == expected


def test_observation_1_is_rarely_supported_by_chance():
    tables = [member_rows(seed, 0, 0, 0, noise=0.1, families=8) for seed in range(40)]
    verdicts = [verdict(architecture_matters_more(table, 100)) for table in tables]
    assert verdicts.count("supported") <= 4


def test_observation_1_does_not_take_designs_for_families():
    """Designs differ, and their seeds alike, but for reasons that have nothing to do with their families."""
    verdicts = []
    for seed in range(40):
        table = member_rows(seed, 0, 0, 0, noise=0.02, families=8)
        own = dict(zip(table.design.unique(), np.random.default_rng(seed).normal(0, 0.1, 24), strict=True))
        table["mean_corruption_error"] += table.design.map(own)
        verdicts.append(verdict(architecture_matters_more(table, 100)))
    assert verdicts.count("supported") <= 4


def test_observation_1_without_scores_says_what_it_lacks():
    observation = architecture_matters_more(member_rows(0, 0.2, 0.1, 0, noise=0.02, families=8).iloc[:0], 100)
    assert observation.lacking == "needs members whose parameters and mean corruption error are known; there are none"
    assert observation.parts == []


def test_observation_1_leaves_jointly_trained_members_out():
    members = member_rows(0, 0.2, 0, 0, noise=0.02)
    joint = members.assign(origin="joint", mean_corruption_error=np.linspace(0, 1, len(members)))
    alone, together = (architecture_matters_more(table, 100) for table in (members, pd.concat([members, joint])))
    assert together.members == alone.members
    np.testing.assert_array_equal(together.parts[0].estimate, alone.parts[0].estimate)


def test_observation_1_of_one_design_is_not_tested():
    members = member_rows(0, 1, 0, 0, noise=0.02, each=6)
    observation = architecture_matters_more(members[members.design == members.design.iloc[0]], 100)
    assert verdict(observation) == "not tested"
    assert all(np.isnan([part["low"], part["high"]]).all() for part in observation_rows(observation, 0.95))


@pytest.mark.parametrize("designs", [6, 8])
def test_observation_1_prints_nothing_of_a_saturated_regression(designs):
    """Of eight designs in six families nothing is left to tell the error by: R² is 1 whatever the numbers are."""
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=6, each=2)
    members = members[members.design.isin([f"d{index}" for index in range(designs)])]
    (row,) = observation_rows(architecture_matters_more(members, 100), 0.95)
    assert np.isnan([row["estimate"], row["low"], row["high"]]).all()
    assert row["verdict"] == "not tested"
    assert f"leaves 0 of {designs} designs" in row["lacking"]
    assert row["would_decide"] == "at least 8 families"


def test_observation_1_needs_eight_families_of_two_designs():
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=7)
    rows = observation_rows(architecture_matters_more(members, 100), 0.95)
    assert {row["verdict"] for row in rows} == {"not tested"}
    assert rows[0]["lacking"] == "needs 8 families of 2 designs or more; there are 7"
    assert np.isfinite([row["low"] for row in rows]).all()
    assert all(row["units_needed"] >= 8 for row in rows)
