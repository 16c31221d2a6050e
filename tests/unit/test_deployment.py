"""Ensembles are chosen on one half of the images and judged on the other, against loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from default_study import CONFIG
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import conditions_of, logits_of, predictions_of

from resiliency.analysis.choices import LATENCY, eligible, halves, recommended_row, within_limits
from resiliency.analysis.deployment import candidate_table, deployment_table
from resiliency.ensembles.pool import EnsembleErrors, front, greedy
from resiliency.ensembles.settings import Limits
from resiliency.metrics.classification import softmax
from resiliency.statistics.resampling import Resampling, percentile_interval, resampled_counts
from resiliency.study.checks import cross_checks
from resiliency.study.model import Study

MEMBERS, IMAGES, CLASSES = 5, 40, 3
DRAWN = {"baseline": "a-s0", "resampling": Resampling(200, 0.9, 0)}
COSTS, WRONG = np.array([[0, 9, 1], [1, 0.5, 1], [0, 2, 0]], float), 1 - np.eye(CLASSES)


@pytest.fixture
def study() -> tuple[list[np.ndarray], np.ndarray]:
    return logits_of(MEMBERS, IMAGES, 0, skill=1.3)


def scored(study, rule: str = "mean_probability", **objective) -> EnsembleErrors:
    return members_of(*study, np.linspace(0.5, 1, len(study[0])), rule, **objective)


def members_of(logits, labels, *arguments, **objective) -> EnsembleErrors:
    table = conditions_of(["fog"], [1, 2, 3], len(labels))
    return EnsembleErrors([predictions_of(table, labels, of_member) for of_member in logits], *arguments, **objective)


def costs_by_loops(study, ensemble: tuple[int, ...], images: np.ndarray, costs=WRONG) -> np.ndarray:
    """Under mean probability: float conditions x images."""
    logits, labels = study
    answers = np.mean([softmax(logits[member]) for member in ensemble], axis=0).argmax(axis=-1)
    return costs[labels, answers][:, images]


def test_greedy_selection_against_loops(study):
    images, pool = np.arange(0, IMAGES, 2), np.array([0, 2, 3, 4])
    ensembles = greedy(scored(study), pool, 3, images)
    assert [len(ensemble) for ensemble in ensembles] == [1, 2, 3]
    chosen: list[int] = []
    for ensemble in ensembles:
        grown = {m: costs_by_loops(study, (*chosen, m), images)[1:].mean() for m in pool if m not in chosen}
        chosen.append(min(grown, key=grown.get))
        assert sorted(chosen) == ensemble.tolist()
    assert [len(ensemble) for ensemble in greedy(scored(study), pool, 9, images)] == [1, 2, 3, 4]
    assert greedy(scored(study), pool[:0], 3, images) == []


points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20)


@given(points)
@settings(deadline=None)
def test_the_front_is_what_nothing_dominates(case):
    errors, costs = np.array(case, float).T
    undominated = front(errors, costs)
    kept = list(zip(errors[undominated], costs[undominated], strict=True))
    assert len(set(kept)) == len(kept)
    for error, cost, on_front in zip(errors, costs, undominated, strict=True):
        rivals = (errors <= error) & (costs <= cost) & ((errors < error) | (costs < cost))
        assert not (on_front and rivals.any())
        assert rivals.any() or (error, cost) in kept


def tables(study, sizes=(2, 3)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """members.csv, of which the last two are trained jointly, and ensembles.parquet."""
    everything, of = np.arange(len(study[1])), scored(study)
    count = len(study[0])
    members = pd.DataFrame({"member": [f"{'abcdefgh'[m]}-s0" for m in range(count)]})
    members["origin"] = ["independent"] * (count - 2) + ["joint"] * 2
    members["clean_accuracy"] = 0.9 - 0.1 * np.arange(count)
    members["macs"], members["parameters"] = 100 * 2 ** np.arange(count), 900 - 100 * np.arange(count)
    members["corrupted_error"] = of.errors(np.arange(count)[:, None], everything)
    alone = [e for size in sizes for e in combinations(range(count - 2), size)]
    rows = []
    for chosen in [*alone, (count - 2, count - 1)]:
        of_them = members.iloc[list(chosen)]
        row = {"members": "+".join(of_them.member), "origin": of_them.origin.iloc[0], "size": len(chosen)}
        row |= {"macs": of_them.macs.sum(), "parameters": of_them.parameters.sum()}
        rows.append(row | {"corrupted_error": of.errors(np.array([chosen]), everything)[0]})
    columns = ["members", "origin", "size", "macs", "parameters", "corrupted_error"]
    return members, pd.DataFrame(rows, columns=columns)


def test_candidates_and_their_errors(study):
    members, ensembles = tables(study, sizes=(2,))
    chosen, judged = halves(study[1], 0)
    table = candidate_table(members, ensembles, scored(study), 3, chosen)
    assert table.found.value_counts().to_dict() == {"single": 3, "scored": 3 + 1, "greedy": 1}
    assert set(table[table.found != "scored"].origin) == {"independent"}
    assert table.members.iloc[-1] == "a-s0+b-s0+c-s0"
    position = {member: index for index, member in enumerate(members.member)}
    for row in table.itertuples():
        ensemble = tuple(position[member] for member in row.members.split("+"))
        assert row.macs == members.macs.iloc[list(ensemble)].sum()
        for images, error in ((chosen, row.selection_error), (judged, row.judged_error)):
            assert error == pytest.approx(costs_by_loops(study, ensemble, images)[1:].mean())
    np.testing.assert_array_equal(table.front_macs, front(table.selection_error.to_numpy(), table.macs.to_numpy()))


def test_judgement_does_not_see_the_images_of_the_choice(study):
    """Other predictions on the judging half change nothing that is chosen, but do change the judgement."""
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)

    def judge(logits: list[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
        of = scored((logits, study[1]))
        candidates = candidate_table(members, ensembles, of, 4, chosen)
        return candidates, deployment_table(candidates, members, of, chosen, judged, **DRAWN)

    candidates, table = judge(study[0])
    assert table[table.baseline].members.tolist() == ["a-s0"]
    assert (table.low <= table.corrupted_error).all()
    assert (table.corrupted_error <= table.high).all()
    assert (table.selection_images + table.images == IMAGES).all()
    expected = candidates.set_index("members").judged_error[table.members]
    np.testing.assert_allclose(table.corrupted_error, expected)
    harder = (candidates.judged_error - candidates.selection_error).mean()
    np.testing.assert_allclose(table.optimism, table.corrupted_error - table.selection_error - harder)
    other = [np.array(member) for member in study[0]]
    for member in other:
        member[:, judged] = 0
    again, judged_again = judge(other)
    columns = ["members", "selection_error", "front_macs", "front_parameters"]
    pd.testing.assert_frame_equal(again[columns], candidates[columns])
    assert (judged_again.members == table.members).all()
    assert (judged_again.corrupted_error != table.corrupted_error).any()


OBJECTIVES = {
    "mean": np.mean,
    "cost": np.mean,
    "worst_condition": lambda values: values.mean(axis=1).max(),
    "quantile": lambda values: np.quantile(values.mean(axis=1), 0.6),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_choose_on_one_half_and_are_judged_on_the_other(study, objective):
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)
    costs = COSTS if objective == "cost" else None
    of, labels = scored(study, objective=objective, quantile=0.6, costs=costs), study[1]
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN)
    matrix = COSTS if objective == "cost" else WRONG
    position = {member: index for index, member in enumerate(members.member)}

    def by_loops(row, images: np.ndarray, costs: np.ndarray = WRONG) -> np.ndarray:
        return costs_by_loops(study, tuple(position[member] for member in row.members.split("+")), images, costs)[1:]

    for row in candidates.itertuples():
        assert row.selection_error == pytest.approx(OBJECTIVES[objective](by_loops(row, chosen, matrix)))
        assert row.judged_error == pytest.approx(by_loops(row, judged).mean())
    assert table.optimism.isna().all() == (objective != "mean")
    counts = resampled_counts(len(judged), DRAWN["resampling"].resamples, 0, "images")
    for row in table.itertuples():
        before, after = by_loops(row, chosen), by_loops(row, judged)
        worst = before.mean(axis=1).argmax()
        assert (row.worst_corruption, row.worst_severity) == ("fog", worst + 1)
        assert row.worst_error == pytest.approx(after[worst].mean())
        of_classes = [before[:, labels[chosen] == k].mean() for k in range(CLASSES)]
        assert of_classes[int(row.worst_class)] == pytest.approx(max(of_classes))
        assert row.worst_class_error == pytest.approx(after[:, labels[judged] == row.worst_class].mean())
        assert row.quantile_error == pytest.approx(np.quantile(after.mean(axis=1), 0.6))
        for name in ("worst_error", "worst_class_error", "quantile_error"):
            assert getattr(row, f"{name}_low") < getattr(row, f"{name}_high")
        if objective == "cost":
            of_images = by_loops(row, judged, COSTS).mean(axis=0)
            ends = percentile_interval(counts @ of_images / len(judged), 0.9)
            assert (row.cost, row.cost_low, row.cost_high) == pytest.approx((of_images.mean(), *ends))


def of_latency(study, **limits: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Members, of which that with the most MACs is the fastest, candidates within limits and deployment.csv."""
    members, ensembles = tables(study)
    members[LATENCY] = [5.0, 4.0, 3.0, 2.0, 1.0]
    (chosen, judged), of = halves(study[1], 0), scored(study)
    candidates = candidate_table(members, ensembles, of, 4, chosen, Limits(**limits))
    return members, candidates, deployment_table(candidates, members, of, chosen, judged, **DRAWN, cost=LATENCY)


def test_latency_takes_the_place_of_macs(study):
    members, candidates, table = of_latency(study)
    latency = dict(zip(members.member, members[LATENCY], strict=True))
    for row in candidates.to_dict("records"):
        assert row[LATENCY] == sum(latency[name] for name in row["members"].split("+"))
    assert table[LATENCY].is_monotonic_increasing
    assert candidates[candidates[f"front_{LATENCY}"]].members.isin(table.members).all()
    for row in eligible(table).to_dict("records"):
        pick = table[table.number == row["instead"]].iloc[0]
        assert pick[LATENCY] <= row[LATENCY]
        assert pick["size"] <= row["size"]


@pytest.mark.parametrize(("limit", "column", "most"), [("members", "size", 1), ("milliseconds", LATENCY, 6)])
def test_models_beyond_the_limits_are_not_recommended(study, limit, column, most):
    _, candidates, table = of_latency(study, **{limit: most})
    assert (candidates.fit == (of_latency(study)[1].fit & (candidates[column] <= most))).all()
    assert recommended_row(eligible(table))[column] <= most


def test_limits_that_no_fit_model_keeps_are_refused_with_one_that_some_keeps():
    """The least of fit models within the other limits: the cheapest model is not fit, the fastest has more MACs."""
    columns = {"fit": [False, True, True], "size": [1, 1, 2], "macs": [10.0, 100.0, 400.0], LATENCY: [1.0, 9.0, 5.0]}
    candidates = pd.DataFrame(columns)
    message = fault_of(within_limits, candidates, Limits(macs=200, milliseconds=6))
    assert message.startswith("deployment.limits.milliseconds")
    assert message.endswith("got 6; allow at least 9")
    assert within_limits(candidates, Limits(macs=200, milliseconds=9)).tolist() == [False, True, False]


def test_each_row_names_the_cheapest_within_its_margin(study):
    """By the margin of the study; a margin of all errors lets every cheaper row of no more members stand in."""
    members, ensembles = tables(study)
    (chosen, judged), of = halves(study[1], 0), scored(study)
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN, margin=1.0)
    for row in eligible(table).to_dict("records"):
        allowed = table[table.fit & (table["size"] <= row["size"]) & (table.macs <= row["macs"])]
        assert table.macs[table.number == row["instead"]].item() == allowed.macs.min()
    strict = eligible(deployment_table(candidates, members, of, chosen, judged, **DRAWN))
    np.testing.assert_allclose(strict.margin, np.minimum(0.01, strict.selection_error / 10))
    needed = strict[strict.instead == strict.number].images_needed.dropna()
    assert len(needed)
    assert (needed > len(chosen)).all()


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"deployment": {"objective": "cost"}}, "deployment.objective: cost needs"),
        ({"deployment": {"limits": {"milliseconds": 2}}}, "deployment.limits.milliseconds: a limit in ms needs"),
        ({"ensemble": "best under 2 ms"}, "ensemble: a limit in ms needs"),
        ({"deployment": {"margin": 1}}, "deployment.margin: expected a fraction"),
        ({"deployment": {"cheapest_by": "latency"}, "ensemble": "best of at most 2 members under 2.5 ms"}, ""),
    ],
)
def test_what_a_choice_lacks_is_said_before_the_first_job(changed, line):
    assert [found.startswith(line) for found in cross_checks(Study(**CONFIG | changed))] == [True] * bool(line)
