"""Costs of answers: the table of the user, and what models cost by it."""

import re

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from predicted import drawn
from test_deployed import DEPLOYMENT, MEMBERS, NAMES, SETTINGS

from resiliency.analysis.contenders import MEMBER, contenders, cost_tables, ensemble_of, judged_half
from resiliency.analysis.failures import cost_matrix, read_costs
from resiliency.base.faults import Fault

CLASSES = ["stop", "yield", "speed limit 30"]
FILE = "true,stop,yield,speed limit 30\nstop,0,5,\nyield,,,2.5\n"


def written(tmp_path, text: str):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_is_not_listed_costs_one_and_right_answers_nothing(tmp_path, separator):
    costs = read_costs(written(tmp_path, "\ufeff" + FILE.replace(",", separator)))
    assert costs == {("stop", "stop"): 0, ("stop", "yield"): 5, ("yield", "speed limit 30"): 2.5}
    assert cost_matrix(costs, CLASSES).tolist() == [[0, 5, 1], [1, 0, 2.5], [1, 1, 0]]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "expected costs|cannot be read"),
        ("true,stop\n", "expected costs, got none"),
        ("true,stop,yield\nstop,0,-1\n", "stop, yield: expected a number of 0 or more, got '-1'"),
        ("true,stop,yield\nstop,0,nan\n", "stop, yield: expected a number"),
        ("true,stop,yield\nstop,0,much\n", "got 'much'"),
        ("true,stop,stop\nstop,0,1\n", "expected one column per class, got 2 of 'stop'"),
        ("true,stop\nstop,0\nstop,1\n", "expected one row per class, got 2 of 'stop'"),
        ("true,stop\nstop,0,3\n", "stop: expected 1 costs at most, got 2"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, fault):
    assert re.search(fault, fault_of(read_costs, written(tmp_path, text)))


def test_classes_that_the_dataset_lacks_are_refused():
    with pytest.raises(Fault, match=r"got .stopp.*stop"):
        cost_matrix({("stopp", "stop"): 1.0}, CLASSES)


def test_costs_and_confusions_against_plain_sums():
    _, of_members, labels = drawn(len(NAMES), 60)
    predictions, classes = dict(zip(NAMES, of_members, strict=True)), labels.max() + 1
    matrix = np.random.default_rng(0).integers(1, 9, (classes, classes)) * (1.0 - np.eye(classes))
    roles = {"recommended model": DEPLOYMENT.iloc[1]} | contenders(DEPLOYMENT)
    tables = cost_tables(roles, MEMBERS, predictions, matrix, [f"c{k}" for k in range(classes)], SETTINGS)

    judged = judged_half(predictions, SETTINGS).images["corrupted"]
    members = MEMBERS.set_index("member")
    ensemble = ensemble_of(["a-s0", "b-s0"], "mean_probability", predictions, members)
    answers = np.array([next(ensemble.outputs(c, judged)).log_probabilities.argmax(-1) for c in (1, 2, 3)])
    spent = matrix[labels[judged], answers]
    row = tables.costs.set_index(["role", "images"]).loc["recommended model", "corrupted"]
    assert (row.answers, row.cost, row.error) == pytest.approx(
        (answers.size, spent.mean(), (answers != labels[judged]).mean())
    )
    assert row.cost_low <= row.cost <= row.cost_high
    assert tables.costs[tables.costs.role == MEMBER].members.unique().tolist() == ["a-s0", "b-s0"]

    confusions = tables.confusions[(tables.confusions.role == "recommended model")]
    confusions = confusions[confusions.images == "corrupted"]
    costly = (confusions["count"] * confusions.cost).tolist()
    assert costly == sorted(costly, reverse=True)
    pairs = pd.DataFrame({"label": np.tile(labels[judged], 3), "answer": answers.ravel(), "spent": spent.ravel()})
    sums = pairs.groupby(["label", "answer"]).spent.sum()
    assert costly[0] == sums.max()
    assert confusions.cost_share.iloc[0] == pytest.approx(sums.max() / sums.sum())


def test_costs_of_right_answers_leave_the_costliest_confusions_in_the_list():
    _, of_members, labels = drawn(len(NAMES), 60)
    predictions, classes = dict(zip(NAMES, of_members, strict=True)), labels.max() + 1
    matrix = 1.0 - np.eye(classes)
    roles, names = contenders(DEPLOYMENT), [f"c{k}" for k in range(classes)]
    free, paid = (
        cost_tables(roles, MEMBERS, predictions, of, names, SETTINGS).confusions
        for of in (matrix, matrix + 1000 * np.eye(classes))
    )
    assert len(free) > 0
    pd.testing.assert_frame_equal(paid.drop(columns="cost_share"), free.drop(columns="cost_share"))
    assert (paid.cost_share < free.cost_share).all()


def test_the_cost_of_a_plurality_vote_is_that_of_its_answers():
    _, of_members, labels = drawn(len(NAMES), 60)
    predictions, classes = dict(zip(NAMES, of_members, strict=True)), labels.max() + 1
    matrix = 1.0 - np.eye(classes)
    roles = {"recommended model": DEPLOYMENT.iloc[1].copy()}
    roles["recommended model"]["rule"] = "plurality_vote"
    table = cost_tables(roles, MEMBERS, predictions, matrix, [f"c{k}" for k in range(classes)], SETTINGS).costs
    ensemble = ensemble_of(["a-s0", "b-s0"], "plurality_vote", predictions, MEMBERS.set_index("member"))
    judged = judged_half(predictions, SETTINGS).images["clean"]
    errors = next(ensemble.outputs(0, judged)).errors
    row = table[(table.role == "recommended model") & (table.images == "clean")].iloc[0]
    assert (row.cost, row.error) == pytest.approx((errors.mean(), errors.mean()))
