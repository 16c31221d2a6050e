"""A study whose truth is known: what was planted comes out of the whole workflow."""

from types import SimpleNamespace

import known_truth
import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.observations.architecture import SPREAD
from resiliency.report.verdicts import by_observation


def study_of(truth, folder, workflow_in):
    """The study of the members, in a folder."""
    known_truth.write(truth, folder)
    study = {
        "study": "known",
        "dataset": None,
        "members": {"designs": [], "baseline": "f00b-s0"},
        "joint": None,
        "search": None,
        "external": {"logits": "logits", "members": "about.csv"},
        "corruptions": {"names": ["fog", "snow"], "severities": [1, 3, 5]},
        "ensembles": {"sizes": [2], "rules": ["mean_logit"]},
        "deployment": {"margin": 0.02, "max_size": 3},
        "statistics": {"resamples": 500},
    }
    return workflow_in(folder, study)


@pytest.fixture(scope="module")
def found(tmp_path_factory, workflow_in):
    """The truth, and the tables of the study by name."""
    truth = known_truth.planted(seed=7)
    run = study_of(truth, tmp_path_factory.mktemp("planted"), workflow_in)
    run.finish("--cores", "2", "tables")
    return SimpleNamespace(truth=truth, table=lambda name: pd.read_csv(run.results / f"tables/{name}.csv"))


def test_intervals_of_members_contain_their_errors_and_count_units_once(found):
    """Nine in ten, where 95 % are nominal: members share images, so that their intervals fail together.

    Widths of intervals are those of units, which are 1.24 times those of images.
    """
    truth, members = found.truth, found.table("members").set_index("member").loc[found.truth.about["member"]]
    low, high = members.corrupted_error_low, members.corrupted_error_high
    assert ((low <= truth.errors) & (truth.errors <= high)).mean() >= 0.9
    assert members.corrupted_error.to_numpy() == pytest.approx(truth.errors, abs=0.08)
    wrong = (truth.margins < 0)[:, 1:].mean(axis=1)
    of_units = wrong.reshape(len(wrong), -1, known_truth.UNIT).mean(axis=2)
    widths = 2 * 1.96 * of_units.std(axis=1, ddof=1) / np.sqrt(of_units.shape[1])
    assert ((high - low) / widths).mean() == pytest.approx(1, abs=0.13)  # an end is a quantile of 500 draws


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
    assert decides.low <= found.truth.points(found.truth.effects.family) <= decides.high
    assert decides.low > decides.placebo_high
    assert decides.verdict == "supported"
    assert set(observations.loc[["2", "3", "4"], "verdict"]) == {"not tested"}


def test_exchange_rates_are_those_planted(found):
    rows, true = found.table("exchange_rates").set_index("exchange"), found.truth.exchanges()
    assert set(rows.index) == set(true)
    assert {name: rows.points_low[name] <= value <= rows.points_high[name] for name, value in true.items()} == (
        dict.fromkeys(true, True)
    )
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


def test_what_accuracy_alone_earns_is_told(tmp_path, workflow_in):
    """Families differ in clean accuracy, and corrupted error follows that: 1a is supported, and so is what made it."""
    run = study_of(known_truth.planted(0, known_truth.ACCURACY_ALONE), tmp_path, workflow_in)
    run.finish("--cores", "2", "results/known/tables/observations.csv")
    observations = pd.read_csv(run.results / "tables/observations.csv")
    of_1a = next(of for of in by_observation(observations) if of["number"] == "1a")
    assert of_1a["verdict"] == "supported"
    assert of_1a["key"]["accuracy_supported"] > 0.5 > 0.05 > of_1a["key"]["placebo_supported"]
    assert "of draws in which accuracy alone acts: this says that families differ" in of_1a["reason"]
    decides = observations[observations.part == SPREAD].iloc[0]
    assert decides.verdict in ("undecided", "no practical difference")
    assert decides.estimate <= decides.placebo_high
