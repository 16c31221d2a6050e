"""Coincident failures of pairs of designs and of all members of a pool."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from predicted import conditions_of

from resiliency.analysis import coincident_failures as coincident
from resiliency.prediction.reading import all_conditions
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Units

CONDITIONS = conditions_of(["fog", "snow"], [1, 2], 40)
DESIGNS = ["a", "a", "a", "b", "b", "c"]
FAILING = np.random.default_rng(0).random((6, 5, 40)) < 0.4
TABLE = coincident.failure_table(list(FAILING.swapaxes(0, 1)), DESIGNS, CONDITIONS)
TABLE = TABLE.set_index(["images", "first", "second"])


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("b", "b"), ("a", "b"), ("b", "c")])
@pytest.mark.parametrize(
    ("corruption", "chosen"), [("clean", [0]), ("snow", [3, 4]), ("corrupted", [1, 2, 3, 4])]
)
def test_a_row_by_loops_over_pairs_of_members(first, second, corruption, chosen):
    kinds = {"clean", "fog", "snow", "corrupted"}
    assert set(TABLE.index) == set(product(kinds, "a", "abc")) | set(product(kinds, "b", "bc"))
    members = {design: [i for i, own in enumerate(DESIGNS) if own == design] for design in "abc"}
    same = first == second
    pairs = list(
        combinations(members[first], 2) if same else product(members[first], members[second])
    )
    rows = [(FAILING[i, c], FAILING[j, c]) for c in chosen for i, j in pairs]
    row = TABLE.loc[(corruption, first, second)]
    assert row.joint_failure_rate == pytest.approx(np.mean([(x & y).mean() for x, y in rows]))
    assert row.independent == pytest.approx(np.mean([x.mean() * y.mean() for x, y in rows]))
    assert row.failure_first == pytest.approx(FAILING[members[first]][:, chosen].mean())
    assert row.failure_second == pytest.approx(FAILING[members[second]][:, chosen].mean())
    assert row.members == len({*members[first], *members[second]})


def decisions_of(
    members: int, error: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Decisions int M x 120 of members that err mostly on the same hard images, and the labels."""
    labels = random.integers(5, size=120)
    wrong = random.random((members, 120)) < random.beta(0.4, 0.4 / error, 120)
    return np.where(wrong, (labels + random.integers(1, 5, wrong.shape)) % 5, labels), labels


DECISIONS, LABELS = decisions_of(5, 0.4, np.random.default_rng(1))


def of_all(decisions, labels, **units):
    table, designs = (
        all_conditions([], [], {"clean": len(labels)}, {"clean": 5}),
        list("abcde"[: len(decisions)]),
    )
    ceiling = coincident.ceiling_table([(decisions, labels)], designs, table, 0.95, units)
    return ceiling.set_index("size")


def test_shares_are_means_over_all_sets_of_members():
    """Of one, two, three and all members."""
    wrong, table = DECISIONS != LABELS, of_all(DECISIONS, LABELS)
    assert table.index.tolist() == [1, 2, 3, 5]
    assert of_all(DECISIONS[:4], LABELS).index.tolist() == [1, 2, 3, 4]
    for size in table.index:
        sets = [list(chosen) for chosen in combinations(range(5), size)]
        together = np.mean([wrong[chosen].all(axis=0).mean() for chosen in sets])
        product = np.mean([wrong[chosen].mean(axis=1).prod() for chosen in sets])
        alike = np.mean(
            [
                (wrong[s].all(axis=0) & (DECISIONS[s] == DECISIONS[s[0]]).all(axis=0)).mean()
                for s in sets
            ]
        )
        row = table.loc[size]
        assert row.all_wrong == pytest.approx(together)
        assert row.independent == pytest.approx(product)
        assert row.times_independent == pytest.approx(together / product)
        assert row.same_wrong == pytest.approx(alike / together)
    ends = wilson(table.loc[5].all_wrong, table.loc[5].n_images, 0.95).ends
    assert (table.loc[5].all_wrong_low, table.loc[5].all_wrong_high) == pytest.approx(ends)
    assert coincident.mean_product(np.array([0.5, 0.2, 0.4]), [0, 2]) == pytest.approx(
        [1, (0.1 + 0.2 + 0.08) / 3]
    )
    assert coincident.all_of(50, 64)[60] == pytest.approx(comb(60, 50) / comb(64, 50))


def test_members_are_left_out_with_all_of_their_design():
    of = coincident.failures(DECISIONS, LABELS, [1, 2, 5], ["a", "a", "b", "b", "b"])
    first = (DECISIONS != LABELS)[2:]
    pairs = np.mean([first[list(pair)].all(axis=0).mean() for pair in combinations(range(3), 2)])
    assert of.without[:, 0] == pytest.approx([first.mean(), pairs, first.all(axis=0).mean()])


def test_nothing_is_known_of_members_that_are_never_wrong():
    labels = np.arange(5)
    row = of_all(np.tile(labels, (3, 1)), labels).loc[3]
    assert (row.all_wrong, row.all_wrong_low) == (0, 0)
    assert 0 < row.all_wrong_high < 1
    assert np.isnan([row.times_independent, row.same_wrong]).all()
    once, films = np.eye(3, 60, dtype=int)[[0, 0, 0]], {"clean": Units.numbered(np.arange(60) // 3)}
    assert of_all(once, np.zeros(60, int), **films).loc[3].all_wrong_high == pytest.approx(
        wilson(0, 20, 0.95)[1]
    )


def test_the_mean_over_corruptions_follows_the_conditions():
    table = all_conditions(
        ["fog"], [1, 3], {"clean": 120, "photos": 120}, {"clean": 5, "photos": 5}
    )
    drawn = [decisions_of(5, error, np.random.default_rng(2)) for error in (0.1, 0.3, 0.5, 0.2)]
    made = coincident.ceiling_table(drawn, list("abcde"), table, 0.95)
    whole = made[made["size"] == 5].reset_index()
    assert list(whole.images) == ["clean", "fog", "fog", "photos", "corrupted"]
    assert whole.severity.tolist()[:4] == [0, 1, 3, 0]
    assert whole.all_wrong[4] == pytest.approx(whole.all_wrong[1:3].mean())
