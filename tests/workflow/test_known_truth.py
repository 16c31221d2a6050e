"""A study whose truth is known: what was planted comes out of the whole workflow."""

from types import SimpleNamespace

import known_truth
import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.observations.architecture import SPREAD

STUDY = {
    "study": "known",
    "dataset": None,
    "members": {"designs": [], "baseline": "f00b-s0"},
    "joint": None,
    "search": None,
    "external": {"logits": "logits", "members": "about.csv"},
    "corruptions": {"names": ["fog", "snow"], "severities": [1, 3, 5]},
    "ensembles": {"sizes": [2], "rules": ["mean_probability"]},
    "deployment": {"margin": 0.02, "max_size": 3},
    "statistics": {"resamples": 500},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory, workflow_in):
    """The truth, and the tables of the study by name."""
    truth, folder = known_truth.planted(seed=7), tmp_path_factory.mktemp("planted")
    known_truth.write(truth, folder)
    run = workflow_in(folder, STUDY)
    run.finish("--cores", "2", "tables")
    return SimpleNamespace(
        truth=truth, table=lambda name: pd.read_csv(run.results / f"tables/{name}.csv")
    )


def test_intervals_of_members_contain_their_errors_and_count_units_once(found):
    """Nine in ten, where 95 % are nominal: members share images, so that their intervals fail
    together.

    Widths of intervals are those of units, which are 1.24 times those of images.
    """
    truth, members = (
        found.truth,
        found.table("members").set_index("member").loc[found.truth.about["member"]],
    )
    low, high = members.corrupted_error_low, members.corrupted_error_high
    assert ((low <= truth.errors) & (truth.errors <= high)).mean() >= 0.9
    assert members.corrupted_error.to_numpy() == pytest.approx(truth.errors, abs=0.08)
    wrong = (truth.margins < 0)[:, 1:].mean(axis=1)
    of_units = wrong.reshape(len(wrong), -1, known_truth.UNIT).mean(axis=2)
    widths = 2 * 1.96 * of_units.std(axis=1, ddof=1) / np.sqrt(of_units.shape[1])
    # An end is a quantile of 500 draws.
    assert ((high - low) / widths).mean() == pytest.approx(1, abs=0.13)


def test_members_are_ranked_as_planted(found):
    ranks = found.table("member_ranks").query("images == 'corrupted'").set_index("member")
    ranks = ranks.loc[found.truth.about["member"]]
    true = found.truth.errors.argsort().argsort() + 1
    assert ((ranks.rank_low <= true) & (true <= ranks.rank_high)).mean() >= 0.95
    assert (ranks.rank_high - ranks.rank_low).mean() < len(true) / 2
    assert np.corrcoef(ranks["rank"], true)[0, 1] > 0.9


def test_family_matters_more_than_size_and_at_equal_accuracy_where_that_was_planted(found):
    observations = found.table("observations").set_index("observation")
    assert set(observations.loc["1a", "verdict"]) == {"supported"}
    assert observations.loc["1a", "accuracy_supported"].iloc[0] < 0.05
    decides = observations[observations.part == SPREAD].loc["1b"]
    assert decides.low <= found.truth.points(known_truth.SPREAD) <= decides.high
    assert decides.low > decides.placebo_high
    assert decides.verdict == "supported"
    assert set(observations.loc[["2", "3", "4"], "verdict"]) == {"not tested"}


def test_exchange_rates_are_those_planted(found):
    rows, true = found.table("exchange_rates").set_index("exchange"), found.truth.exchanges()
    assert set(rows.index) == set(true)
    assert {
        name: rows.points_low[name] <= value <= rows.points_high[name]
        for name, value in true.items()
    } == (dict.fromkeys(true, True))
    open_to_chance = rows.index[(rows.points_low <= 0) & (rows.points_high >= 0)]
    assert open_to_chance.tolist() == []


def test_the_planted_ensemble_is_best_and_recommended(found):
    team = known_truth.team(found.truth.about)
    name = "+".join(found.truth.about["member"][team])
    true = found.truth.error_of(np.array([team]))[0]
    for size in (2, 3):
        ensembles, errors = found.truth.of_size(size)
        others = errors[[joined != name for joined in ensembles]]
        assert others.min() > 2 * true
    assert found.table("best_ensembles").members[0] == name
    contenders = found.table("contenders")
    assert contenders.members[contenders.role == "recommended model"].iloc[0] == name
    recommended = found.table("deployment").set_index("members").loc[name]
    assert recommended.low <= true <= recommended.high
