"""Corruptions by which nothing is selected: which they are, and that no mean but their own has them."""

import numpy as np
import pandas as pd
import pytest
from predicted import drawn

from resiliency.analysis.compared_members import rank_table
from resiliency.analysis.member_tables import Scorer
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import condition_groups, held_out
from resiliency.statistics.resampling import Resampling

IMAGES = 60
TABLE, MEMBERS, LABELS = drawn(3, IMAGES, ["fog", "spatter", "snow"], [1])
# Error of each member under clean images, fog, spatter and snow, 3 x 4.
WRONG = np.array([[1 - member.correct(condition).mean() for condition in range(4)] for member in MEMBERS])


@pytest.mark.parametrize(
    ("corruptions", "corrupted", "left_out"),
    [(["fog", "snow"], [1, 2], []), (["fog", "spatter", "snow"], [1, 3], [[2]]), (["spatter", "saturate"], [1, 2], [])],
)
def test_the_extra_corruptions_are_held_out_where_there_are_others(corruptions, corrupted, left_out):
    table = drawn(1, IMAGES, corruptions, [1])[0]
    groups = {name: rows.tolist() for name, rows in condition_groups(table).items()}
    assert groups == {"clean": [0], "corrupted": corrupted}
    assert [rows.tolist() for rows in held_out(table).values()] == left_out


def test_the_errors_of_members_are_means_over_the_others():
    scores, errors = Scorer(TABLE, MEMBERS[0], 0.95).score(MEMBERS[1])
    assert scores["corrupted_error"] == pytest.approx((WRONG[1, 1] + WRONG[1, 3]) / 2)
    assert errors["error"].tolist() == pytest.approx(WRONG[1])


def test_the_errors_of_ensembles_are_means_over_the_others():
    described = pd.DataFrame({"member": list("abc"), "design": list("abc"), "family": "x", "parameters": 1, "macs": 1})
    described = described.assign(clean_accuracy=1 - WRONG[:, 0], corrupted_error=0.5, validation_accuracy=0.5)
    no_pairs = pd.DataFrame(columns=["first", "second", "metric", "condition", "diversity"])
    ensembles = np.array([[0, 1], [1, 2]])
    pool = Pool(described, MEMBERS, [no_pairs], WRONG[0, [1, 3]], 0.95)
    scored, by_corruption = pool.score([ensembles], ["mean_probability"])
    for row, chosen in zip(scored.itertuples(), ensembles, strict=True):
        means = [np.mean([MEMBERS[m].probabilities(c) for m in chosen], axis=0) for c in range(4)]
        errors = [(mean.argmax(axis=1) != LABELS).mean() for mean in means]
        assert row.corrupted_error == pytest.approx((errors[1] + errors[3]) / 2)
        assert row.corrupted_accuracy == pytest.approx(1 - row.corrupted_error)
        assert row.error_spatter == pytest.approx(errors[2])
    assert not [column for column in scored if "held_out" in column]
    assert "mean_member_spatter_accuracy" in by_corruption
    chosen = EnsembleErrors(MEMBERS, np.ones(3), "mean_probability").errors(ensembles, np.arange(IMAGES))
    assert chosen.tolist() == pytest.approx(scored["corrupted_error"].tolist())


def test_members_are_ranked_without_them():
    ranks = rank_table(TABLE, dict(zip("abc", MEMBERS, strict=True)), Resampling(20, 0.95, 0))
    errors = ranks[ranks["images"] == "corrupted"].set_index("member")["error"]
    assert [errors[name] for name in "abc"] == pytest.approx(WRONG[:, [1, 3]].mean(axis=1).tolist())
