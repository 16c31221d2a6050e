"""Ensembles are chosen on one half of the images and judged on the other, against loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import conditions_of, logits_of, predictions_of

from resiliency.analysis.choices import halves
from resiliency.analysis.deployment import COLUMNS, candidate_table, deployment_table
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of, front, greedy
from resiliency.metrics.classification import softmax
from resiliency.statistics.resampling import Resampling

MEMBERS, IMAGES, CLASSES = 5, 40, 3
DRAWN = {"baseline": "a-s0", "resampling": Resampling(200, 0.9, 0)}


@pytest.fixture
def study() -> tuple[list[np.ndarray], np.ndarray]:
    return logits_of(MEMBERS, IMAGES, 0, skill=1.3)


def scored(study, rule: str = "mean_probability", **objective) -> EnsembleErrors:
    return members_of(*study, np.linspace(0.5, 1, len(study[0])), rule, **objective)


def members_of(logits, labels, *arguments, **objective) -> EnsembleErrors:
    table = conditions_of(["fog"], [1, 2, 3], len(labels))
    return EnsembleErrors([predictions_of(table, labels, of_member) for of_member in logits], *arguments, **objective)


def wrong_by_loops(study, ensemble: tuple[int, ...], images: np.ndarray) -> np.ndarray:
    """Under mean probability: bool conditions x images."""
    logits, labels = study
    mean = np.mean([softmax(logits[member]) for member in ensemble], axis=0)
    return mean.argmax(axis=-1)[:, images] != labels[images]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_errors_against_loops(study, size):
    images = np.arange(0, IMAGES, 3)
    ensembles = ensembles_of(MEMBERS, size)
    members = scored(study)
    expected = np.array([wrong_by_loops(study, tuple(ensemble), images) for ensemble in ensembles])
    np.testing.assert_allclose(members.errors(ensembles, images), expected[:, 1:].mean(axis=(1, 2)))
    np.testing.assert_allclose(members.image_errors(ensembles, images), expected[:, 1:].mean(axis=1))
    np.testing.assert_allclose(members.accuracy(ensembles, "clean", images), 1 - expected[:, 0].mean(axis=1))


def test_greedy_selection_against_loops(study):
    images, pool = np.arange(0, IMAGES, 2), np.array([0, 2, 3, 4])
    ensembles = greedy(scored(study), pool, 3, images)
    assert [len(ensemble) for ensemble in ensembles] == [1, 2, 3]
    chosen: list[int] = []
    for ensemble in ensembles:
        grown = {m: wrong_by_loops(study, (*chosen, m), images)[1:].mean() for m in pool if m not in chosen}
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
            assert error == pytest.approx(wrong_by_loops(study, ensemble, images)[1:].mean())
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
    assert list(table) == COLUMNS
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


@pytest.mark.parametrize("objective", ["worst_condition", "quantile"])
def test_other_objectives_against_loops(study, objective):
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)
    everything, of = np.arange(IMAGES), scored(study, objective=objective, quantile=0.6)
    candidates = candidate_table(members, ensembles, of, 4, chosen)
    table = deployment_table(candidates, members, of, chosen, judged, **DRAWN)
    position = {member: index for index, member in enumerate(members.member)}
    for row in candidates.itertuples():
        ensemble = tuple(position[member] for member in row.members.split("+"))
        errors = wrong_by_loops(study, ensemble, chosen)[1:].mean(axis=1)
        expected = errors.max() if objective == "worst_condition" else np.quantile(errors, 0.6)
        assert row.selection_error == pytest.approx(expected)
        assert row.judged_error == pytest.approx(wrong_by_loops(study, ensemble, judged)[1:].mean())
        expected = wrong_by_loops(study, ensemble, everything)[1:]
        np.testing.assert_array_equal(of.wrong(np.array(ensemble), everything), expected)
    assert table.optimism.isna().all()
    assert set(table.objective) == {objective}


def test_worst_condition_and_class_are_chosen_on_one_half_and_judged_on_the_other(study):
    members, ensembles = tables(study)
    chosen, judged = halves(study[1], 0)
    of, labels = scored(study, quantile=0.6), study[1]
    table = deployment_table(candidate_table(members, ensembles, of, 4, chosen), members, of, chosen, judged, **DRAWN)
    position = {member: index for index, member in enumerate(members.member)}
    for row in table.itertuples():
        ensemble = tuple(position[member] for member in row.members.split("+"))
        before, after = (wrong_by_loops(study, ensemble, images)[1:] for images in (chosen, judged))
        worst = before.mean(axis=1).argmax()
        assert (row.worst_corruption, row.worst_severity) == ("fog", worst + 1)
        assert row.worst_error == pytest.approx(after[worst].mean())
        of_classes = [before[:, labels[chosen] == k].mean() for k in range(CLASSES)]
        assert of_classes[int(row.worst_class)] == pytest.approx(max(of_classes))
        assert row.worst_class_error == pytest.approx(after[:, labels[judged] == row.worst_class].mean())
        assert row.quantile_error == pytest.approx(np.quantile(after.mean(axis=1), 0.6))
        for name in ("worst_error", "worst_class_error", "quantile_error"):
            assert getattr(row, f"{name}_low") < getattr(row, f"{name}_high")
