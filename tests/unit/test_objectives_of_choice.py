"""Choosing by costs, by latency and within limits, against plain computations."""

import numpy as np
import pandas as pd
import pytest
from default_study import CONFIG
from fault_messages import fault_of
from predicted import logits_of
from test_deployment import CLASSES, DRAWN, IMAGES, scored, tables

from resiliency.analysis.choices import LATENCY, eligible, halves, limit_columns, recommended_row, within_limits
from resiliency.analysis.deployment import TIMED, candidate_table, deployment_table
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.scoring import given_answers
from resiliency.ensembles.settings import Limits
from resiliency.metrics.classification import softmax
from resiliency.statistics.resampling import percentile_interval, resampled_counts, share_interval
from resiliency.study.checks import cross_checks
from resiliency.study.model import Study

COSTS = np.array([[0, 9, 1], [1, 0.5, 1], [0, 2, 0]], float)


@pytest.fixture
def study():
    return logits_of(5, IMAGES, 0, skill=1.3)


def costs_by_loops(study, ensemble, images) -> np.ndarray:
    """Under mean probability: float conditions x images."""
    logits, labels = study
    answers = np.mean([softmax(logits[member]) for member in ensemble], axis=0).argmax(axis=-1)
    return COSTS[labels, answers][:, images]


@pytest.mark.parametrize("rule", list(RULES))
def test_the_answers_of_ensembles_are_the_largest_sums(study, rule, monkeypatch):
    monkeypatch.setattr("resiliency.ensembles.scoring.CHUNK_VALUES", 7 * 3 * CLASSES)
    logits, labels = study
    probabilities, weights = softmax(np.stack(logits)[:, 1]), np.linspace(0.5, 1, 5)
    ensembles = np.array([[0, 1, 2], [1, 3, 4]])
    answers = given_answers(rule, ensembles, probabilities, labels, weights)
    for ensemble, of_ensemble in zip(ensembles, answers, strict=True):
        values = RULES[rule].values(probabilities[ensemble], 3)
        values = values * weights[ensemble].astype(np.float32)[:, None, None] if RULES[rule].weighted else values
        assert of_ensemble.tolist() == values.sum(axis=0).argmax(axis=-1).tolist()


def test_costs_choose_and_judge_as_loops_do(study):
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)
    of = scored(study, objective="cost", costs=COSTS)
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN)
    position = {member: index for index, member in enumerate(members.member)}
    counts = resampled_counts(len(judged), DRAWN["resampling"].resamples, 0, "images")
    plain = candidate_table(members, ensembles, scored(study), 4, chosen).set_index("members")
    for row in candidates.itertuples():
        ensemble = [position[member] for member in row.members.split("+")]
        assert row.selection_error == pytest.approx(costs_by_loops(study, ensemble, chosen)[1:].mean())
        if row.members in plain.index:
            assert row.judged_error == pytest.approx(plain.judged_error[row.members])
    for row in table.itertuples():
        ensemble = [position[member] for member in row.members.split("+")]
        of_images = costs_by_loops(study, ensemble, judged)[1:].mean(axis=0)
        assert row.cost == pytest.approx(of_images.mean())
        ends = percentile_interval(counts @ of_images / len(judged), 0.9)
        assert (row.cost_low, row.cost_high) == pytest.approx(ends)
    assert set(table.objective) == {"cost"}
    assert table.optimism.isna().all()


def test_latency_takes_the_place_of_macs(study):
    """The member with the most MACs is the fastest."""
    members, ensembles = tables(study)
    members[LATENCY] = [5.0, 4.0, 3.0, 2.0, 1.0]
    chosen, judged = halves(study[1], 0)
    of = scored(study)
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    latency = dict(zip(members.member, members[LATENCY], strict=True))
    for row in candidates.to_dict("records"):
        assert row[LATENCY] == sum(latency[name] for name in row["members"].split("+"))
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN, cost=LATENCY)
    assert set(TIMED) <= set(table)
    assert table[LATENCY].is_monotonic_increasing
    assert candidates[candidates[f"front_{LATENCY}"]].members.isin(table.members).all()
    for row in eligible(table).to_dict("records"):
        pick = table[table.number == row["instead"]].iloc[0]
        assert pick[LATENCY] <= row[LATENCY]
        assert pick["size"] <= row["size"]


@pytest.mark.parametrize(
    ("limits", "column", "most"),
    [({"members": 1}, "size", 1), ({"macs": 500}, "macs", 500), ({"milliseconds": 6}, LATENCY, 6)],
)
def test_models_beyond_the_limits_are_not_recommended(study, limits, column, most):
    members, ensembles = tables(study)
    members[LATENCY] = [5.0, 4.0, 3.0, 2.0, 1.0]
    chosen, judged = halves(study[1], 0)
    of, limits = scored(study), Limits(**limits)
    unlimited = candidate_table(members, ensembles, of, 4, chosen)
    candidates = candidate_table(members, ensembles, of, 4, chosen, limits)
    assert (candidates.fit == (unlimited.fit & (candidates[column] <= most))).all()
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN, cost=LATENCY)
    assert recommended_row(eligible(table))[column] <= most
    assert list(limit_columns(limits).values()) == [most]


def test_each_row_names_the_cheapest_within_its_margin(study):
    """By the margin of the study; a margin of all errors lets every cheaper row of no more members stand in."""
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)
    of = scored(study)
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN, margin=1.0)
    assert (table.margin[table.fit] == 1).all()
    for row in eligible(table).to_dict("records"):
        allowed = table[table.fit & (table["size"] <= row["size"]) & (table.macs <= row["macs"])]
        assert table.macs[table.number == row["instead"]].item() == allowed.macs.min()
    strict = eligible(deployment_table(candidates, members, of, chosen, judged, **DRAWN))
    np.testing.assert_allclose(strict.margin, np.minimum(0.01, strict.selection_error / 10))
    kept = strict[strict.instead == strict.number]
    needed = kept.images_needed.dropna()
    assert len(needed)
    assert (needed > len(chosen)).all()


CHEAPEST_UNFIT = {"fit": [False, True, True], "size": [1, 1, 2], "macs": [10.0, 100.0, 400.0], LATENCY: [1.0, 9.0, 5.0]}


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"macs": 50},
            "deployment.limits.macs: expected a limit that some fit model keeps, got 50; allow at least 100",
        ),
        (
            {"macs": 200, "milliseconds": 6},
            "deployment.limits.milliseconds: expected a limit that some fit model keeps, got 6; allow at least 9",
        ),
    ],
)
def test_limits_that_no_fit_model_keeps_are_refused_with_one_that_some_keeps(limits, message):
    candidates = pd.DataFrame(CHEAPEST_UNFIT)
    assert fault_of(within_limits, candidates, Limits(**limits)) == message
    limits[list(limits)[-1]] = int(message.split()[-1])
    assert within_limits(candidates, Limits(**limits)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"deployment": {"objective": "cost"}}, "deployment.objective: cost needs a table of costs, got costs: null"),
        ({"deployment": {"limits": {"milliseconds": 2}}}, "deployment.limits.milliseconds: a limit in ms needs"),
        ({"ensemble": "best under 2 ms"}, "ensemble: a limit in ms needs measured latency, got cheapest_by: macs"),
        ({"deployment": {"margin": 1}}, "deployment.margin: expected a fraction below 0.5, got 1; 0.01 is one"),
        ({"deployment": {"cheapest_by": "latency"}, "ensemble": "best of at most 2 members under 2.5 ms"}, ""),
    ],
)
def test_what_a_choice_lacks_is_said_before_the_first_job(changed, line):
    assert [found.startswith(line) for found in cross_checks(Study(**CONFIG | changed))] == [True] * bool(line)


def test_intervals_of_rare_errors_cover_them():
    """75 conditions of 270 images, 2% of which are wrong, most of them under many conditions at once."""
    generator, images, share, alike = np.random.default_rng(0), 270, 0.02, 0.6
    above = above_percentile = 0
    for _ in range(300):
        hard = generator.beta(share * (1 / alike - 1), (1 - share) * (1 / alike - 1), images)
        wrong = generator.binomial(75, hard) / 75
        drawn = generator.multinomial(images, np.full(images, 1 / images), size=200) @ wrong / images
        above += share > share_interval(wrong.mean(), drawn, images, 0.95)[1]
        above_percentile += share > percentile_interval(drawn, 0.95)[1]
    assert above < 0.06 * 300 < above_percentile


def test_a_share_of_nearly_nothing_or_all_has_an_end_of_wilsons():
    """Of 0 of 40: 3.8415 / (40 + 3.8415) = .0876."""
    drawn = np.linspace(0.009, 0.011, 101)
    assert share_interval(0.01, drawn, 40, 0.95)[1] == pytest.approx(0.0876, abs=1e-4)
    assert share_interval(0.99, 1 - drawn, 40, 0.95)[0] == pytest.approx(0.9124, abs=1e-4)
    assert share_interval(0.0, np.zeros(100), 40, 0.95) == pytest.approx((0, 0.0876), abs=1e-4)
    assert share_interval(0.5, np.linspace(0, 1, 101), 40, 0.9) == pytest.approx((0.05, 0.95))
