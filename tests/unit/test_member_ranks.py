"""Ranks of members with intervals, and each member against the next."""

import numpy as np
import pytest

from resiliency.analysis.left_out import Resampling
from resiliency.analysis.member_scores import rank_rows, rank_table
from resiliency.prediction.reading import all_conditions
from resiliency.statistics.units import Units

RESAMPLING = Resampling(500, 0.95, 0)


def errors_of(rates, images=2000, seed=0):
    """Errors of members on images that are as hard for all: the more accurate err on a part of where the others do."""
    random = np.random.default_rng(seed)
    hard = random.random(images)
    return np.stack([hard + random.normal(0, 0.1, images) > 1 - rate for rate in rates]).astype(float)


def test_members_are_ranked_by_error_with_intervals():
    table = rank_rows(["bad", "good", "fair"], errors_of([0.5, 0.1, 0.3]), RESAMPLING, "clean")
    assert list(table.member) == ["good", "fair", "bad"]
    assert table[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
    assert (table.next_low[:2] > 0).all()
    assert np.isnan(table.next_difference[2])


def test_members_that_cannot_be_told_apart_share_their_ranks():
    table = rank_rows(["a", "b", "c"], errors_of([0.3, 0.3, 0.6]), RESAMPLING, "clean")
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 2], [1, 2], [3, 3]]
    assert table.next_low[0] < 0 < table.next_low[1]


def test_copies_have_each_others_rank_and_no_number_of_images():
    errors = errors_of([0.3, 0.6])
    table = rank_rows(["a", "copy", "worse"], errors[[0, 0, 1]], RESAMPLING, "clean")
    assert table.rank_high[0] >= 1
    assert table.next_difference[0] == 0
    assert np.isnan(table.images_needed[0])


def test_the_images_needed_are_those_of_a_paired_comparison():
    errors = np.zeros((2, 100))
    errors[0, :10], errors[1, 5:25] = 1, 1
    table = rank_rows(["a", "b"], errors, RESAMPLING, "clean")
    difference = errors[1] - errors[0]
    expected = (1.959964 + 0.841621) ** 2 * difference.var(ddof=1) / difference.mean() ** 2
    assert table.images_needed[0] == np.ceil(expected)


def test_intervals_cover_true_ranks_of_members_as_good_as_each_other():
    """Of five members of which three are alike, the intervals of all cover at 95 % each."""
    rates, covered = [0.1, 0.3, 0.3, 0.3, 0.5], []
    true = [(1, 1), (2, 4), (2, 4), (2, 4), (5, 5)]
    for seed in range(100):
        table = rank_rows(list("abcde"), errors_of(rates, 500, seed), RESAMPLING, "clean").set_index("member")
        for member, (low, high) in zip("abcde", true, strict=True):
            covered.append(table.rank_low[member] <= low and high <= table.rank_high[member])
    assert np.mean(covered) >= 0.94


def test_each_set_of_images_is_ranked_on_its_own():
    table = all_conditions(["fog"], [1, 2], {"clean": 200, "photos": 200}, {"clean": 5, "photos": 5})
    wrong = [errors_of(rates, 200, seed) > 0 for seed, rates in enumerate([(0.1, 0.4)] * 3 + [(0.4, 0.1)])]
    made = rank_table(["a", "b"], table, wrong, RESAMPLING)
    assert list(made.condition) == ["clean", "clean", "corrupted", "corrupted", "photos", "photos"]
    assert made[made["rank"] == 1].member.tolist() == ["a", "a", "b"]
    corrupted = made[(made.condition == "corrupted") & (made.member == "a")].error.iloc[0]
    assert corrupted == pytest.approx((wrong[1][0].mean() + wrong[2][0].mean()) / 2)


def test_a_set_of_few_images_is_not_ranked():
    images = {"clean": 10, "night": 9, "day": 1}
    conditions = all_conditions([], [], images, dict.fromkeys(images, 2))
    wrong = [np.arange(2 * count).reshape(2, count) % 3 == 0 for count in images.values()]
    table = rank_table(["a", "b"], conditions, wrong, RESAMPLING)
    assert table.condition.unique().tolist() == ["clean"]
    units = {"clean": Units.numbered(np.arange(10) // 2)}
    assert rank_table(["a", "b"], conditions, wrong, RESAMPLING, units).empty
