"""Which ensembles there are and how they answer, against loops over one ensemble at a time."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.ensembles import scoring
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.pool import TOGETHER, ensembles_of, trained_together
from resiliency.ensembles.scoring import correct_answers, mean_over_pairs, membership_matrix


def random_case(seed: int, members: int = 5, images: int = 12, classes: int = 4):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.7), (members, images)).astype(np.float32)
    return probabilities, rng.integers(0, classes, images)


def answer(rule: str, probabilities: np.ndarray) -> int:
    """The answer of one ensemble to one image, from the probabilities M x K of its members."""
    rows = [[float(value) for value in row] for row in probabilities]
    classes = range(len(rows[0]))
    means = [sum(row[k] for row in rows) / len(rows) for k in classes]
    if rule == "mean_probability":
        return max(classes, key=lambda k: means[k])
    if rule == "mean_logit":
        products = [np.prod([max(row[k], 1e-12) for row in rows]) ** (1 / len(rows)) for k in classes]
        return max(classes, key=lambda k: products[k])
    votes = [sum(row[k] == max(row) for row in rows) for k in classes]
    return max(classes, key=lambda k: (votes[k], means[k]))


@pytest.mark.parametrize(("members", "size"), [(5, 2), (5, 5), (16, 3), (3, 2), (2, 3)])
def test_all_ensembles_once(members, size):
    ensembles = ensembles_of(members, size)
    assert ensembles.shape == (comb(members, size), size)
    assert ensembles.dtype == np.int64
    assert len({tuple(row) for row in ensembles.tolist()}) == len(ensembles)
    assert (np.diff(ensembles, axis=1) > 0).all()


def test_members_trained_together_are_those_of_one_objective_strength_and_seed():
    """Two objectives share strengths and seeds; members from elsewhere belong to neither."""
    ensembles = [("joint", o, f"{o}-l{x:g}", x, s) for o in ("kl", "balanced") for x in (0.0, 0.5) for s in range(2)]
    rows = [(*ensemble, f"{ensemble[2]}-s{ensemble[4]}-m{index}") for ensemble in ensembles for index in range(3)]
    rows += [
        ("independent", np.nan, np.nan, np.nan, 0, "vit-s0"),
        ("search", np.nan, np.nan, np.nan, np.nan, "search-0"),
    ]
    found = trained_together(pd.DataFrame(rows, columns=[*TOGETHER, "member"]))
    assert [tuple(common.values()) for common, _ in found] == ensembles
    for common, chosen in found:
        assert chosen.member.tolist() == [f"{common['setting']}-s{common['seed']:g}-m{index}" for index in range(3)]


def test_membership_by_hand():
    matrix = membership_matrix(np.array([[0, 2], [1, 2]]), 4)
    assert matrix.tolist() == [[1, 0, 1, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [2, 3, 4])
@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_rules_against_one_ensemble_at_a_time(rule, size, seed):
    probabilities, labels = random_case(seed)
    ensembles = ensembles_of(5, size)
    found = correct_answers(rule, ensembles, probabilities, labels)
    expected = [
        [answer(rule, probabilities[row, n]) == labels[n] for n in range(len(labels))] for row in ensembles.tolist()
    ]
    np.testing.assert_array_equal(found, expected)


def test_rules_differ_by_hand():
    """Two of three members are a little for class 0, the third all for class 1 and sure that it is not class 0."""
    probabilities = np.array([[[0.55, 0.45, 0.0]], [[0.55, 0.45, 0.0]], [[0.0, 0.6, 0.4]]], np.float32)
    everyone = np.array([[0, 1, 2]])
    answers = {
        rule: [bool(correct_answers(rule, everyone, probabilities, np.array([k]))[0, 0]) for k in range(3)]
        for rule in RULES
    }
    assert answers["plurality_vote"] == [True, False, False]
    assert answers["mean_probability"] == answers["mean_logit"] == [False, True, False]


def test_the_geometric_mean_punishes_a_veto():
    probabilities = np.array([[[0.9, 0.1]], [[0.01, 0.99]], [[0.9, 0.1]]], np.float32)
    everyone = np.array([[0, 1, 2]])
    # arithmetic: 0.603 against 0.397; geometric: 0.9 x 0.01 x 0.9 = 0.0081 against 0.1 x 0.99 x 0.1 = 0.0099
    assert correct_answers("mean_probability", everyone, probabilities, np.array([0]))[0, 0]
    assert correct_answers("mean_logit", everyone, probabilities, np.array([1]))[0, 0]


def test_ties_of_votes_go_to_the_mean_probability():
    """One vote for class 0 at 0.6, one for class 1 at 0.9; class 1 has the larger mean. Three are never outvoted."""
    probabilities = np.array([[[0.6, 0.3, 0.1]], [[0.05, 0.9, 0.05]]], np.float32)
    assert correct_answers("plurality_vote", np.array([[0, 1]]), probabilities, np.array([1]))[0, 0]
    outvoted = np.array([[[0.51, 0.49]]] * 3 + [[[0.0, 1.0]]] * 2, np.float32)
    assert correct_answers("plurality_vote", np.arange(5)[None], outvoted, np.array([0]))[0, 0]


def test_a_broken_tie_never_beats_a_vote():
    """Class 2 is second everywhere and has the largest mean, but no vote."""
    probabilities = np.array([[[0.51, 0.0, 0.49]], [[0.0, 0.51, 0.49]]], np.float32)
    assert not correct_answers("plurality_vote", np.array([[0, 1]]), probabilities, np.array([2]))[0, 0]
    assert correct_answers("mean_probability", np.array([[0, 1]]), probabilities, np.array([2]))[0, 0]


@pytest.mark.parametrize("rule", RULES)
def test_blocks_do_not_matter(rule, monkeypatch):
    probabilities, labels = random_case(0, members=7)
    ensembles = ensembles_of(7, 3)
    whole = correct_answers(rule, ensembles, probabilities, labels)
    for values in (1, probabilities[0].size * 4):
        monkeypatch.setattr(scoring, "BLOCK_VALUES", values)
        np.testing.assert_array_equal(correct_answers(rule, ensembles, probabilities, labels), whole)


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_members_does_not_matter(rule):
    probabilities, labels = random_case(0)
    ensembles = ensembles_of(5, 3)
    order = np.array([3, 0, 4, 1, 2])  # member i of the moved pool is member order[i] of the pool
    moved = np.argsort(order)[ensembles]
    np.testing.assert_array_equal(
        correct_answers(rule, ensembles, probabilities, labels),
        correct_answers(rule, moved[:, ::-1], probabilities[order], labels),
    )


@pytest.mark.parametrize("rule", RULES)
def test_copies_of_one_member_answer_as_it_does(rule):
    probabilities, labels = random_case(0, members=1, images=30)
    copies = np.repeat(probabilities, 3, axis=0)
    expected = probabilities[0].argmax(axis=-1) == labels
    np.testing.assert_array_equal(correct_answers(rule, np.array([[0, 1, 2]]), copies, labels)[0], expected)


@given(st.integers(2, 5), st.integers(0, 1000))
@settings(deadline=None)
def test_mean_over_pairs_against_loops(size, seed):
    values = np.random.default_rng(seed).standard_normal((6, 6))
    pairs = values + values.T
    np.fill_diagonal(pairs, np.nan)
    ensembles = ensembles_of(6, size)
    expected = [np.mean([pairs[i, j] for i, j in combinations(row, 2)]) for row in ensembles.tolist()]
    np.testing.assert_allclose(mean_over_pairs(ensembles, pairs), expected)
