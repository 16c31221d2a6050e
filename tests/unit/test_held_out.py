"""Corruptions by which nothing is selected: which they are, and that no mean of members but their
own has them."""

import numpy as np
import pytest
from predicted import drawn

from resiliency.analysis.compared_members import rank_table
from resiliency.analysis.member_tables import Scorer
from resiliency.prediction.reading import condition_groups, held_out
from resiliency.statistics.resampling import Resampling

IMAGES = 60
TABLE, MEMBERS, _ = drawn(3, IMAGES, ["fog", "spatter", "snow"], [1])
# Error of each member under clean images, fog, spatter and snow, 3 x 4.
WRONG = np.array(
    [[1 - member.correct(condition).mean() for condition in range(4)] for member in MEMBERS]
)


@pytest.mark.parametrize(
    ("corruptions", "corrupted", "left_out"),
    [
        (["fog", "snow"], [1, 2], []),
        (["fog", "spatter", "snow"], [1, 3], [[2]]),
        (["spatter", "saturate"], [1, 2], []),
    ],
)
def test_the_extra_corruptions_are_held_out_where_there_are_others(
    corruptions, corrupted, left_out
):
    table = drawn(1, IMAGES, corruptions, [1])[0]
    groups = {name: rows.tolist() for name, rows in condition_groups(table).items()}
    assert groups == {"clean": [0], "corrupted": corrupted}
    assert [rows.tolist() for rows in held_out(table).values()] == left_out


def test_the_errors_of_members_are_means_over_the_others():
    scores, errors = Scorer(TABLE, MEMBERS[0], 0.95).score(MEMBERS[1])
    assert scores["corrupted_error"] == pytest.approx((WRONG[1, 1] + WRONG[1, 3]) / 2)
    assert errors["error"].tolist() == pytest.approx(WRONG[1])


def test_members_are_ranked_without_them():
    ranks = rank_table(TABLE, dict(zip("abc", MEMBERS, strict=True)), Resampling(20, 0.95, 0))
    errors = ranks[ranks["images"] == "corrupted"].set_index("member")["error"]
    assert [errors[name] for name in "abc"] == pytest.approx(WRONG[:, [1, 3]].mean(axis=1).tolist())
