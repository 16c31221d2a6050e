"""Ensembles by origin and by number of members."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from resiliency.analysis.origins import ORIGINS, origin_table, size_table
from resiliency.statistics.intervals import SHARE, jackknife

COLUMNS = ["members", "origin", "loss_weight", "size", "designs", "macs", "clean_accuracy"]
ROWS = [
    ("a-s0+a-s1", "independent", np.nan, 2, 1, 100, 0.5),
    ("b-s0+b-s1", "independent", np.nan, 2, 1, 100, 0.7),
    ("a-s0+b-s0", "independent", np.nan, 2, 2, 130, 0.8),
    ("a-s0+a-s1+b-s0", "independent", np.nan, 3, 2, 200, 0.9),
    ("a-s0+b-s0+c-s0", "independent", np.nan, 3, 3, 255, 0.6),
    ("search-00+search-01", "search", np.nan, 2, 2, 64, 0.4),
    ("n-l0-s0-m0+n-l0-s0-m1", "joint", 0.0, 2, 1, 100, 0.1),
    ("n-l0.5-s0-m0+n-l0.5-s0-m1", "joint", 0.5, 2, 1, 127, 0.2),
]


def ensembles() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=COLUMNS).assign(rule="vote", corrupted_accuracy=0.5, corrupted_error=0.5)
    table = table.assign(mean_member_clean_accuracy=0.4, mean_member_corrupted_accuracy=0.4)
    return table.assign(mce=np.nan, disagreement_clean=0.25, weight=1.0)


def test_means_at_equal_size_and_at_equal_cost():
    table = origin_table(ensembles(), None, 0.95)
    accuracy = table[table.measure == "clean_accuracy"].set_index(["matched_on", "bin_start", "bin_end", "origin"])
    one, several, search, joint = ORIGINS
    assert accuracy["mean"].to_dict() == pytest.approx(
        {
            ("size", 2, 2, one): 0.6,
            ("size", 2, 2, several): 0.8,
            ("size", 2, 2, search): 0.4,
            ("size", 2, 2, joint): 0.2,
            ("size", 3, 3, several): 0.6,
            ("macs", 64, 128, one): 0.6,
            ("macs", 64, 128, search): 0.4,
            ("macs", 64, 128, joint): 0.2,
            ("macs", 128, 256, several): 0.7,
        }
    )
    pair = accuracy.loc[("size", 2, 2, one)]
    assert (pair.ensembles, pair.lower_quartile, pair.upper_quartile) == pytest.approx((2, 0.55, 0.65))


def pairs_of_designs(
    accuracies: dict[str, float], gain: float = 0, seeds: dict[str, int] | None = None
) -> pd.DataFrame:
    """All pairs of the seeds of each design, else two: as accurate as their designs, plus the gain if these differ."""
    members = [f"{name}-s{seed}" for name in accuracies for seed in range((seeds or {}).get(name, 2))]
    pairs = pd.DataFrame(combinations(members, 2), columns=["first", "second"])
    designs = pairs.map(lambda name: name.partition("-")[0])
    skill = designs.map(accuracies.get).mean(axis=1)
    several = designs["first"] != designs["second"]
    scores = dict.fromkeys(("clean_accuracy", "mean_member_clean_accuracy", "mean_member_corrupted_accuracy"), skill)
    scores |= {"corrupted_accuracy": skill + gain * several, "corrupted_error": 1 - skill - gain * several}
    table = pd.DataFrame({"members": pairs["first"] + "+" + pairs["second"], "designs": 1 + several} | scores)
    return table.assign(rule="vote", origin="independent", loss_weight=np.nan, size=2, macs=1, mce=np.nan, weight=1.0)


def test_intervals_leave_out_one_design_at_a_time():
    """The mean of one architecture is that of independent values, whose jackknife is their standard error."""
    values = np.array([0.5, 0.6, 0.8, 0.9])
    pairs = pairs_of_designs(dict(zip("abcd", values, strict=True)))
    table = origin_table(pairs.assign(double_fault_clean=pairs["corrupted_accuracy"] - 1), None, 0.9)
    rows = table[table.matched_on == "size"].set_index(["measure", "origin"])
    one, several = (rows.loc["corrupted_accuracy", origin] for origin in ORIGINS[:2])
    below_0 = rows.loc["double_fault_clean", ORIGINS[0]]
    reach = student.ppf(0.95, 3) * values.std(ddof=1) / 2
    logits = np.log(7 / 3) + np.array([-reach, reach]) / (0.7 * 0.3)
    assert (one.low, one.high) == pytest.approx(tuple(1 / (1 + np.exp(-logits))))
    assert (below_0.low, below_0.high) == pytest.approx((one.low - 1, one.high - 1))
    assert several["mean"] == pytest.approx(0.7)
    assert [several.advantage, several.advantage_low, several.advantage_high] == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.isnan(one.advantage)
    more = pairs_of_designs(dict(zip("abcde", [*values, 0.3], strict=True)))  # e has no diversity, and does not count
    known = more["corrupted_accuracy"].where(~more.members.str.contains("e-")) - 1
    of_metric = (
        of[of.measure == "double_fault_clean"]
        for of in (origin_table(more.assign(double_fault_clean=known), None, 0.9), table)
    )
    pd.testing.assert_frame_equal(*(of.reset_index(drop=True) for of in of_metric))


def test_the_advantage_is_of_the_same_designs():
    """The designs with one seed are the best, as those with few seeds are; the advantage is that of mixing alone."""
    seeds = {"a": 2, "b": 3, "c": 5, "d": 1, "e": 1}
    study = pairs_of_designs({"a": 0.7, "b": 0.6, "c": 0.4, "d": 0.9, "e": 0.9}, 0.02, seeds)
    table = origin_table(study, None, 0.95)
    rows = table[(table.origin == ORIGINS[1]) & (table.matched_on == "size")].set_index("measure")
    names = ["advantage", "advantage_low", "advantage_high"]
    assert rows.loc["corrupted_accuracy", names].tolist() == pytest.approx([0.02] * 3, abs=1e-9)
    assert rows.loc["mean_member_corrupted_accuracy", names].tolist() == pytest.approx([0] * 3, abs=1e-9)


ERRORS = {"a-s0": 0.1, "b-s0": 0.2, "c-s0": 0.6, "d-s0": 0.3}


def study() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ensembles err half as much as their members on average; and a member that takes part in none."""
    members = pd.DataFrame({"member": [*ERRORS, "weak-s0"], "corrupted_error": [*ERRORS.values(), 0.9]})
    members["clean_accuracy"] = 1 - members.corrupted_error
    rows = [
        ("+".join(names), size, np.mean([ERRORS[n] for n in names]) / 2, {2: 6, 3: 4}[size])
        for size in (2, 3)
        for names in combinations(ERRORS, size)
    ]
    ensembles = pd.DataFrame(rows, columns=["members", "size", "corrupted_error", "possible"])
    ensembles["clean_accuracy"] = ensembles["corrupted_accuracy"] = 1 - ensembles.corrupted_error
    return ensembles.assign(origin="independent", rule="mean", weight=1.0, mean_member_clean_accuracy=0.5), members


def test_means_and_changes_by_hand():
    table = size_table(*study(), 0.9)
    rows = table[table.measure == "corrupted_error"].set_index("size")
    assert rows["mean"].to_dict() == pytest.approx({1: 0.3, 2: 0.15, 3: 0.15})
    assert rows.ensembles.to_dict() == rows.possible.to_dict() == {1: 4, 2: 6, 3: 4}
    assert rows.change[[2, 3]].tolist() == pytest.approx([-0.15, 0])
    assert rows.lower_quartile[1] == pytest.approx(0.175)
    without = [np.mean([e for name, e in ERRORS.items() if name != left_out]) for left_out in ERRORS]
    ends = jackknife(np.array([0.3, *without]), 0.9, SHARE).ends
    assert rows.loc[1, ["low", "high"]].tolist() == pytest.approx(list(ends))
    changes = jackknife(np.array([-0.15, *(-w / 2 for w in without)]), 0.9).ends
    assert rows.loc[2, ["change_low", "change_high"]].tolist() == pytest.approx(list(changes))
