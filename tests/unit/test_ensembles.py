"""Combination rules and votes, against one ensemble at a time."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from four_members import BASELINE, CONDITIONS, IMAGES, answer, answers, described
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import conditions_of, predictions_of

from resiliency.base.names import CLEAN
from resiliency.ensembles import scoring
from resiliency.ensembles.combination import RULES, VOTE, Ensemble, expected_accuracy, right_chances
from resiliency.ensembles.pool import TOGETHER, EnsembleErrors, ensembles_of, trained_together
from resiliency.ensembles.scoring import score_condition
from resiliency.ensembles.table import Pool
from resiliency.metrics.classification import brier_score, expected_calibration_error, negative_log_likelihood, softmax
from resiliency.prediction.reading import Predictions, Truth

WEIGHTS = np.array([0.2, 0.9, 0.5, 0.7, 0.4, 0.6, 0.8])


def random_case(seed: int, members: int = 5, images: int = 12, classes: int = 4):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.7), (members, images)).astype(np.float32)
    return probabilities, rng.integers(0, classes, images)


def test_members_trained_together_are_those_of_one_objective_weight_and_seed():
    """Two objectives share loss_weights and seeds; members from elsewhere belong to neither."""
    ensembles = [("joint", o, f"{o}-l{x:g}", x, s) for o in ("kl", "balanced") for x in (0.0, 0.5) for s in range(2)]
    rows = [(*ensemble, f"{ensemble[2]}-s{ensemble[4]}-m{index}") for ensemble in ensembles for index in range(3)]
    rows += [
        ("independent", np.nan, np.nan, np.nan, 0, "vit-s0"),
        ("search", np.nan, np.nan, np.nan, np.nan, "search-0"),
    ]
    groups = trained_together(pd.DataFrame(rows, columns=[*TOGETHER, "member"]))
    assert [tuple(common.values()) for common, _ in groups] == ensembles
    for common, chosen in groups:
        assert chosen.member.tolist() == [f"{common['setting']}-s{common['seed']:g}-m{index}" for index in range(3)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [2, 3, 4])
@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_rules_against_one_ensemble_at_a_time(rule, size, seed):
    probabilities, labels = random_case(seed)
    ensembles = ensembles_of(5, size)
    arguments = rule, ensembles, probabilities, labels, WEIGHTS[:5]
    expected = np.array([[answer(rule, probabilities[row, n], WEIGHTS[row]) for n in range(12)] for row in ensembles])
    np.testing.assert_array_equal(scoring.correct_answers(*arguments), expected == labels)
    np.testing.assert_array_equal(list(scoring.given_answers(*arguments)), expected)


@pytest.mark.parametrize("chunk", [1, 16, 10**6])
def test_scores_of_a_condition_by_loops(chunk, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK_VALUES", chunk)
    monkeypatch.setattr("resiliency.ensembles.combination.CHUNK_VALUES", 7 * chunk)
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((5, 30, 4)).astype(np.float16)
    labels = rng.integers(0, 4, 30)
    groups = [ensembles_of(5, 2), ensembles_of(5, 3)]
    table = conditions_of([], [], 30, 4)
    predictions = [predictions_of(table, labels, member[None]) for member in logits]
    scores, inputs = score_condition(predictions, 0, groups, list(RULES), WEIGHTS[:5])
    p = softmax(logits).astype(float)
    rows = [row for group in groups for row in group.tolist()]
    for index, row in enumerate(rows):
        geometric = np.exp(np.log(p[row]).mean(axis=0))
        combined = {
            "mean_probability": p[row].mean(axis=0),
            "weighted_mean": np.average(p[row], axis=0, weights=WEIGHTS[row]),
            "mean_logit": geometric / geometric.sum(axis=1, keepdims=True),
        }
        for rule, own in combined.items():
            of_ensemble = {name: values[index] for name, values in scores[rule].items()}
            assert of_ensemble["accuracy"] == pytest.approx(np.mean(own.argmax(axis=1) == labels))
            assert of_ensemble["nll"] == pytest.approx(negative_log_likelihood(own, labels), rel=1e-5)
            assert of_ensemble["brier"] == pytest.approx(brier_score(own, labels), rel=1e-5)
            assert of_ensemble["ece"] == pytest.approx(expected_calibration_error(own, labels), abs=1e-5)
            alone = list(Ensemble([predictions[m] for m in row], WEIGHTS[row], rule).outputs(0, np.arange(30)))
            logs = np.concatenate([part.log_probabilities for part in alone])
            np.testing.assert_allclose(np.exp(logs), own, rtol=1e-4)
            wrong_of = np.concatenate([part.errors for part in alone])
            np.testing.assert_array_equal(wrong_of, own.argmax(axis=1) != labels)
        members = np.mean([negative_log_likelihood(p[member], labels) for member in row])
        of_group, place = (inputs[0], index) if index < len(groups[0]) else (inputs[1], index - len(groups[0]))
        ambiguity = members - negative_log_likelihood(combined["mean_logit"], labels)
        assert -of_group["log_sums"][place] == pytest.approx(ambiguity, rel=1e-4)
        right = (logits[row].argmax(axis=-1) == labels).sum(axis=0)
        np.testing.assert_allclose(of_group["shares"][place], np.bincount(right, minlength=len(row) + 1) / 30)
        np.testing.assert_allclose(of_group["failures"][place], np.mean(logits[row].argmax(axis=-1) != labels, axis=1))
    assert np.isnan(scores["plurality_vote"]["nll"]).all()


EVERYTHING = np.arange(IMAGES)


@pytest.fixture(scope="module")
def predictions(study) -> list[Predictions]:
    """The four members, the third known by its predicted labels alone."""
    decided = {CLEAN: study["logits"][2].argmax(axis=-1)}
    members = list(study["predictions"])
    members[2] = Predictions(CONDITIONS, decided, {CLEAN: Truth(study["labels"])})
    return members


def wrong(predictions: list[Predictions], ensemble: np.ndarray) -> np.ndarray:
    """What the ensemble by itself gets wrong, float32 conditions x images."""
    alone = Ensemble([predictions[member] for member in ensemble], np.ones(len(ensemble)), VOTE)
    return np.array([next(alone.outputs(condition, EVERYTHING)).errors for condition in range(len(CONDITIONS))])


@pytest.mark.parametrize("size", [2, 3])
def test_mean_probabilities_break_the_ties_of_ensembles_that_have_them(study, pairs, predictions, size):
    ensembles = ensembles_of(4, size)
    expected = np.array([wrong(predictions, ensemble) for ensemble in ensembles])
    known = (ensembles != 2).all(axis=1)
    by_loops = [[answers(study, one, c, VOTE) for c in range(len(CONDITIONS))] for one in ensembles[known]]
    assert (expected[known] == ~np.array(by_loops)).all()
    assert not np.isin(expected[~known], [0, 1]).all()
    scored = EnsembleErrors(predictions, np.ones(4), VOTE)
    corrupted = expected[:, 1:]
    assert np.array([scored.wrong(one, EVERYTHING) for one in ensembles]) == pytest.approx(corrupted)
    assert scored.condition_errors(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=2))
    assert scored.image_errors(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=1))
    table = Pool(described(study), predictions, [pairs], BASELINE, 0.95).score([ensembles], [VOTE])[0]
    assert table["corrupted_error"].to_numpy() == pytest.approx(corrupted.mean(axis=(1, 2)))
    assert table["clean_accuracy"].to_numpy() == pytest.approx(1 - expected[:, 0].mean(axis=1))


def chance(answers, label):
    """By counting votes: 1 / t where the label is one of t classes with the most votes."""
    votes = [list(answers).count(answer) for answer in sorted(set(answers))]
    first = [answer for answer, count in zip(sorted(set(answers)), votes, strict=True) if count == max(votes)]
    return (label in first) / len(first)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 4))
def test_votes_are_those_that_are_counted_one_by_one(seed, size, classes):
    random = np.random.default_rng(seed)
    decisions, labels = random.integers(classes, size=(6, 20)), random.integers(classes, size=20)
    ensembles = np.array(list(combinations(range(6), size)))
    counted = [
        [chance(decisions[list(ensemble), image], labels[image]) for image in range(20)] for ensemble in ensembles
    ]
    assert right_chances(ensembles, decisions, labels) == pytest.approx(np.array(counted))
    assert expected_accuracy(ensembles, decisions, labels) == pytest.approx(np.mean(counted, axis=1))
