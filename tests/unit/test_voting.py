"""Plurality votes of decisions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resiliency.ensembles.combination import expected_accuracy, right_chances


def chance(answers, label):
    """By counting votes: 1 / t where the label is one of t classes with the most votes."""
    votes = [list(answers).count(answer) for answer in sorted(set(answers))]
    first = [answer for answer, count in zip(sorted(set(answers)), votes, strict=True) if count == max(votes)]
    return (label in first) / len(first)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((3, 3, 1), 1),
        ((3, 1, 1), 0),
        ((3, 1, 2), 1 / 3),
        ((3, 3, 1, 1, 2), 1 / 2),
        ((0, 0, 1, 1, 3), 0),
        ((3, 1), 1 / 2),
    ],
)
def test_ties_count_as_the_share_of_tied_classes_that_are_right(answers, expected):
    decisions = np.array(answers)[:, None]
    everyone = np.arange(len(answers))[None]
    assert expected_accuracy(everyone, decisions, np.array([3])) == pytest.approx([expected])


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
