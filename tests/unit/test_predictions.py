"""Conditions of several test sets, and what members predict of each."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import cohen_kappa_score

from resiliency.base.faults import Fault
from resiliency.diversity.metrics import pair_tables
from resiliency.ensembles.combination import Ensemble
from resiliency.ensembles.scoring import score_decisions
from resiliency.prediction import reading
from resiliency.storage import write_array

TABLE = reading.all_conditions(
    ["fog", "snow"],
    [1, 3],
    {"clean": 6, "photos": 4, "few": 5},
    {"clean": 4, "photos": 4, "few": 2},
)
LABELS = {"clean": [0, 1, 2, 3, 0, 1], "photos": [3, 3, 0, 1], "few": [1, 3, 3, 1, 1]}


@pytest.fixture
def logits():
    random = np.random.default_rng(0)
    return {
        name: random.standard_normal((5 if name == "clean" else 1, len(of), 4))
        for name, of in LABELS.items()
    }


def read(folder, logits) -> reading.Predictions:
    """Predictions of a member of the test sets."""
    for name, values in logits.items():
        write_array(folder / f"predictions/vit-s0/{name}.npy", values.astype(np.float16))
        write_array(folder / f"{name}/labels.npy", np.array(LABELS[name]))
    labels = [folder / f"{name}/labels.npy" for name in LABELS]
    paths = [folder / f"predictions/vit-s0/{name}.npy" for name in reversed(LABELS)]
    return reading.read_predictions(TABLE, labels, paths)["vit-s0"]


@pytest.fixture
def member(tmp_path, logits):
    return read(tmp_path, logits)


def test_each_condition_is_read_from_the_file_of_its_test_set(member, logits):
    for condition in range(5):
        of_condition = logits["clean"][condition].astype(np.float16)
        np.testing.assert_array_equal(
            member.logits(condition, np.array([4, 1])), of_condition[[4, 1]]
        )
        np.testing.assert_array_equal(member.decisions(condition), of_condition.argmax(axis=1))
        np.testing.assert_allclose(
            member.probabilities(condition), softmax(of_condition, axis=1), atol=1e-3
        )
    assert member.labels(5).tolist() == LABELS["photos"]
    assert member.classes(5) == 4  # conditions.csv says so, though photos have three of them
    assert (
        member.correct(5).tolist()
        == (logits["photos"][0].argmax(axis=1) == LABELS["photos"]).tolist()
    )


def test_members_choose_among_the_classes_of_a_test_set_that_has_only_some(member, logits):
    """By hand: of classes 1 and 3, the one with the larger logit; its position among them is the
    answer."""
    own = logits["few"][0].astype(np.float16)
    assert member.classes(6) == 2
    assert member.labels(6).tolist() == [0, 1, 1, 0, 0]
    assert member.decisions(6).tolist() == [int(row[3] > row[1]) for row in own]
    np.testing.assert_allclose(member.probabilities(6), softmax(own[:, [1, 3]], axis=1), atol=1e-3)


def test_clean_images_of_the_classes_of_a_test_set(member, logits):
    """Those of classes 1 and 3, which a member then chooses among."""
    assert [member.has_fewer_classes(condition) for condition in (0, 5, 6)] == [False, False, True]
    clean = member.clean_on(6)
    assert clean.labels(0).tolist() == [0, 1, 0]
    own = logits["clean"][0].astype(np.float16)[[1, 3, 5]]
    assert clean.decisions(0).tolist() == [int(row[3] > row[1]) for row in own]


def test_predictions_of_other_images_are_refused(tmp_path, logits):
    with pytest.raises(
        Fault, match=r"photos\.npy: expected shape \(1, 4\) x classes, got \(1, 3, 4\)"
    ):
        read(tmp_path, logits | {"photos": logits["photos"][:, 1:]})


def test_decisions_are_among_as_many_classes_as_conditions_say():
    table, truths = (
        pd.DataFrame({"test_set": ["clean"], "classes": [3]}),
        {"clean": reading.Truth(np.array([0, 1]))},
    )
    member = reading.Predictions(table, {"clean": np.array([[0, 1]], np.int16)}, truths)
    assert (member.classes(0), member.decisions(0, slice(1, None)).tolist()) == (3, [1])


def test_answers_for_classes_that_a_test_set_lacks_are_votes_of_their_own_and_differ_in_pairs():
    """By hand: three members on four images of class 0 and two of class 4, of five classes."""
    answers = np.array([[2, 2, 2, 0, 1, 4], [3, 2, 3, 0, 1, 4], [0, 0, 3, 0, 4, 3]])
    table, truth = (
        pd.DataFrame({"test_set": ["some"], "classes": [2]}),
        np.array([0, 0, 0, 0, 1, 1]),
    )
    truths = {"some": reading.Truth(truth, np.array([0, 4]))}
    members = [
        reading.Predictions(table, {"some": np.array([of], np.int16)}, truths) for of in answers
    ]
    (scores, inputs) = score_decisions(
        members, 0, [np.array([[0, 1, 2]]), np.array([[0, 1], [0, 2]])]
    )
    of_three, of_first = 1 / 3 + 0 + 0 + 1 + 0 + 1, 0 + 0 + 0 + 1 + 0 + 1
    of_last = 1 / 2 + 1 / 2 + 0 + 1 + 1 / 2 + 1 / 2
    assert scores["plurality_vote"]["accuracy"] * 6 == pytest.approx([of_three, of_first, of_last])
    assert inputs[0]["shares"][0].tolist() == pytest.approx([1 / 6, 3 / 6, 1 / 6, 1 / 6])
    together = Ensemble(members, "plurality_vote")
    (part,) = together.outputs(0, np.arange(6))
    assert part.agreement.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 2 / 3, 2 / 3])
    assert part.log_probabilities is part.mutual_information is None
    tables = pair_tables(["a", "b", "c"], members, lambda source: [], [])
    raw = pd.concat(tables).set_index(["metric", "first", "second"])["raw"]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        names = "abc"[first], "abc"[second]
        assert raw[("label_disagreement", *names)] == pytest.approx(
            (answers[first] != answers[second]).mean()
        )
        expected = cohen_kappa_score(answers[first], answers[second])
        assert raw[("cohen_kappa", *names)] == pytest.approx(expected)
