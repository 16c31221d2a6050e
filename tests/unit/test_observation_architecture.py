"""What matters to the accuracy of a member, as observation 1 judges it."""

import numpy as np
import pandas as pd
import pytest
from observed import verdict

from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.parts import DRAWS
from resiliency.analysis.verdicts import observation_rows, placebo_supported


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
                    "corrupted_error": 0.5 + error + noise * rng.standard_normal(),
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("effects", "expected"), [((0.2, 0, 0), "supported"), ((0, 0.2, 0), "contradicted")])
def test_observation_1a_finds_what_matters(effects, expected):
    observation = architecture_matters_more(member_rows(0, *effects, noise=0.02, families=16), 100, draws=200)
    assert [part.units for part in observation.parts] == [16]
    assert (observation.designs, observation.members) == (48, 96)
    assert verdict(observation) == expected


def test_observation_1a_does_not_take_designs_for_families():
    """Designs differ, and their seeds alike, but for reasons that have nothing to do with their families."""
    verdicts = []
    for seed in range(20):
        table = member_rows(seed, 0, 0, 0, noise=0.02, families=8)
        own = dict(zip(table.design.unique(), np.random.default_rng(seed).normal(0, 0.1, 24), strict=True))
        table["corrupted_error"] += table.design.map(own)
        verdicts.append(verdict(architecture_matters_more(table, 100, draws=0)))
    assert verdicts.count("supported") <= 2


def test_observation_1a_compares_one_training_of_each_architecture():
    """Trainings of another length, or of the same length by another recipe, change nothing."""
    one = member_rows(0, 0.2, 0, 0, noise=0.02, families=8)
    one = one.assign(architecture=one["design"], macs=1.0, recipe="", training_epochs=4.0)
    first = one[one["design"].isin(one.drop_duplicates("family")["design"])]
    others = [
        first.assign(design=first["design"] + name, corrupted_error=np.linspace(0, 1, len(first)), **changes)
        for name, changes in {"short": {"training_epochs": 1.0}, "slow": {"recipe": "slow"}}.items()
    ]
    alone, together = (architecture_matters_more(of, 100, draws=0) for of in (one, pd.concat([*others, one])))
    assert (together.designs, together.members) == (alone.designs, alone.members) == (24, 48)
    assert together.parts[0].estimate == alone.parts[0].estimate
    elsewhere = pd.concat([one, others[1]]).assign(training_epochs=np.nan)
    assert architecture_matters_more(elsewhere, 100, draws=0).designs == 32


def test_observation_1a_needs_eight_families_of_two_designs():
    """Families of one design do not count."""
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=7)
    alone = member_rows(1, 0.2, 0, 0, noise=0.02, families=3, each=1)
    alone = alone.assign(design=alone.design + "x", family=alone.family + "x")
    rows = observation_rows(architecture_matters_more(pd.concat([members, alone]), 100), 0.95)
    assert {row["verdict"] for row in rows} == {"not tested"}
    assert rows[0]["missing_requirements"] == "needs 8 families of two designs or more; there are 7"
    assert np.isfinite(rows[0]["low"])


def narrow(members: pd.DataFrame, column: str) -> pd.DataFrame:
    """The same with a column that hardly varies within families."""
    of_family = members.groupby("family")[column].transform("mean")
    noise = 1 + 1e-4 * np.random.default_rng(0).standard_normal(len(members))
    return members.assign(**{column: of_family * noise})


def test_observation_1a_is_not_tested_where_size_hardly_varies_within_families():
    members = member_rows(0, 0, 0.2, 0, noise=0.02, families=12)
    assert verdict(architecture_matters_more(members, 100)) == "contradicted"
    rows = observation_rows(architecture_matters_more(narrow(members, "parameters"), 100), 0.95)
    assert {row["verdict"] for row in rows} == {"not tested"}
    needed = "family and log10 parameters cannot be told apart: 0.0% of the variance of log10 parameters"
    assert needed in rows[0]["missing_requirements"]
    assert np.isfinite(rows[0]["low"])
    of_accuracy = architecture_matters_more(narrow(members, "clean_accuracy"), 100)
    assert of_accuracy.missing == ""


def test_closeness_against_clean_accuracy_on_three_scales_and_shares_within_families_stand_beside():
    """The error is the clean one and something of the family: family decides what goes beyond the clean error."""
    members = member_rows(0, 0, 0, 0, noise=0.002, families=12)
    clean = 1 - members["clean_accuracy"]
    own = members["family"].map(dict(zip(members["family"].unique(), np.linspace(0.05, 0.15, 12), strict=True)))
    members["corrupted_error"] = 2 * clean + own
    rows = pd.DataFrame(observation_rows(architecture_matters_more(members, 100), 0.95)[1:])
    assert (rows["part_verdict"] == "").all()
    error, excess, logits, *shares = rows["estimate"]
    assert error < excess
    assert rows["low"][:3].notna().all()
    assert rows["part"].str.endswith("in logits")[2]
    assert -1 < logits < 1
    assert len(shares) == 2


def test_permuted_families_are_what_no_effect_looks_like():
    """The sizes of families are kept, and each design keeps its size; only a real effect of family lies beyond."""
    members = member_rows(0, 0.2, 0.05, 0, noise=0.02, families=16)
    observation = architecture_matters_more(members, 100)
    assert observation.placebo.estimates.shape == (DRAWS, 1)
    assert abs(np.median(observation.placebo.estimates)) < 0.1
    assert observation.placebo.range[1][0] < observation.parts[0].estimate
    assert placebo_supported(observation, 0.95) <= 0.1


def test_errors_of_a_large_pools_placebo_are_those_of_the_study(monkeypatch):
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=8)
    whole = architecture_matters_more(members, 100, draws=200)
    monkeypatch.setattr("resiliency.analysis.observations.architecture.MOST_DESIGNS", 10)
    large = architecture_matters_more(members, 100, draws=1_000)
    np.testing.assert_allclose(large.placebo.estimates, whole.placebo.estimates)
    assert (large.placebo.errors == large.parts[0].error).all()


def test_observation_1a_names_the_family_that_moves_the_estimate_most():
    """One family's designs differ as much as all others together."""
    members = member_rows(0, 0.2, 0, 0, noise=0.02, families=12)
    errors = members.corrupted_error.where(members.family != "f7", members.parameters)
    apart = members.assign(corrupted_error=errors)
    part = architecture_matters_more(apart, 100).parts[0]
    assert part.influential == "f7"
    without = architecture_matters_more(apart[apart.family != "f7"], 100).parts[0]
    assert part.without_it == pytest.approx(without.estimate)
