"""Ensembles by their number of members, by hand."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.origins import size_table
from resiliency.statistics.jackknife import interval_within, jackknife_interval

ERRORS = {"a-s0": 0.1, "b-s0": 0.2, "c-s0": 0.6, "d-s0": 0.3}


def study(**more) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ensembles err half as much as their members on average; and a member that takes part in none."""
    members = pd.DataFrame({"member": [*ERRORS, "weak-s0"], "corrupted_error": [*ERRORS.values(), 0.9]})
    members["clean_accuracy"] = 1 - members.corrupted_error
    rows = [
        {"members": "+".join(names), "size": size, "corrupted_error": np.mean([ERRORS[n] for n in names]) / 2}
        for size in (2, 3)
        for names in combinations(ERRORS, size)
    ]
    ensembles = pd.DataFrame(rows).assign(origin="independent", rule="mean", weight=1.0)
    ensembles = ensembles.assign(clean_accuracy=1 - ensembles.corrupted_error, mean_member_clean_accuracy=0.5)
    ensembles["corrupted_accuracy"] = ensembles.clean_accuracy
    ensembles["possible"] = ensembles["size"].map({2: 6, 3: 4})
    return ensembles.assign(**more), members


def errors_of(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.measure == "corrupted_error"].set_index("size")


def test_means_and_changes_by_hand():
    rows = errors_of(size_table(*study(), 0.9))
    assert rows["mean"].to_dict() == pytest.approx({1: 0.3, 2: 0.15, 3: 0.15})
    assert rows.ensembles.to_dict() == rows.possible.to_dict() == {1: 4, 2: 6, 3: 4}
    assert rows.change[[2, 3]].tolist() == pytest.approx([-0.15, 0])
    assert np.isnan(rows.change[1])
    accuracy = size_table(*study(), 0.9).query("measure == 'corrupted_accuracy'").set_index("size")
    assert accuracy["mean"].to_dict() == pytest.approx({1: 0.7, 2: 0.85, 3: 0.85})
    assert rows.lower_quartile[1] == pytest.approx(0.175)
    without = [np.mean([e for name, e in ERRORS.items() if name != left_out]) for left_out in ERRORS]
    ends = interval_within(np.array([0.3, *without]), 0.9, 0, 1)
    assert rows.loc[1, ["low", "high"]].tolist() == pytest.approx(list(ends))
    changes = jackknife_interval(np.array([-0.15, *(-w / 2 for w in without)]), 0.9)
    assert rows.loc[2, ["change_low", "change_high"]].tolist() == pytest.approx(list(changes))


def test_intervals_are_unknown_where_a_member_is_in_every_ensemble():
    ensembles, members = study()
    rows = errors_of(size_table(ensembles[ensembles.members.str.startswith("a-s0+b-s0+c-s0")], members, 0.9))
    assert rows.index.tolist() == [1, 3]
    assert rows.loc[3, ["low", "high", "change_low"]].isna().all()
    assert np.isfinite(rows.loc[1, "low"])
