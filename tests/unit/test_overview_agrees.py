"""What the first screen says in numbers and directions is what the tables hold, whatever these are."""

import re

import numpy as np
import pandas as pd
import pytest
from synthetic import MAIN, synthetic_tables
from synthetic_deployment import contender_tables

from resiliency.report.overview import basis, contenders, leaders, led_by
from resiliency.report.words import percent

STUDIES = {
    "as usual": {},
    "many corruptions": {"corruptions": MAIN},
    "without a search": {"searched": 0},
    "independent members": {"objectives": {}, "searched": 0},
    "no ensembles": {"objectives": {}, "searched": 0, "sizes": ()},
    "one design": {"designs": {"vit": "vit"}, "seeds": 3},
}


@pytest.fixture(params=STUDIES)
def tables(request) -> dict[str, pd.DataFrame]:
    return synthetic_tables(**STUDIES[request.param])


def differing(tables: dict[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """contenders.csv with differences of any sign, some of them none, and their intervals."""
    table, rng = tables["contenders"].copy(), np.random.default_rng(seed)
    differences = rng.choice([-0.08, -0.02, 0, 0.0001, 0.02, 0.08], len(table))
    half = rng.choice([0.01, 0.05], len(table))
    known = table["difference"].notna()
    table.loc[known, "difference"] = differences[known]
    table.loc[known, "difference_low"] = (differences - half)[known]
    table.loc[known, "difference_high"] = (differences + half)[known]
    return table


@pytest.mark.parametrize("seed", range(5))
def test_a_comparison_has_the_direction_size_and_significance_of_its_row(tables, seed):
    table = differing(tables, seed)
    first = table.iloc[0]
    for role in table["role"].unique():
        text, rows = led_by(table, role.capitalize()), table[table["role"] == role]
        if role == first["role"] or rows["members"].iloc[0] == first["members"]:
            assert text == ""
            continue
        row = rows[rows["corruption"] == "corrupted"].iloc[0]
        assert text.startswith(f"The {first['role']}'s error is ")
        if same := abs(row["difference"]) < 0.0005:
            assert "about the same" in text
        else:
            size, way = re.search(r"is ([\d.]+) percentage points (\w+)", text).groups()
            assert float(size) == pytest.approx(100 * abs(row["difference"]), abs=0.05)
            assert way == ("higher" if row["difference"] > 0 else "lower")
        low, high = (float(end.replace("−", "-")) / 100 for end in re.search(r"\[(\S+), (\S+)\]", text).groups())
        expected = sorted(np.sign(row["difference"] or -1) * np.array([row["difference_low"], row["difference_high"]]))
        assert (low, high) == pytest.approx(expected, abs=0.0005)
        assert ("not significant" in text) == (row["difference_low"] <= 0 <= row["difference_high"] and not same)


@pytest.mark.parametrize("seed", range(5))
def test_the_corruptions_under_which_the_baseline_is_no_worse_are_counted(tables, seed):
    table = differing(tables, seed)
    single = table[(table["role"] == "baseline") & (table["corruption"] != "corrupted")]
    text = led_by(table, "Baseline")
    if text:
        no_worse = (single["difference"] >= 0).sum()
        assert f"as good or better under {no_worse or 'none'} of {len(single)} corruption" in text


def test_without_a_baseline_nothing_is_said_of_it():
    deployment = synthetic_tables()["deployment"].assign(baseline=False)
    table = contender_tables(deployment, MAIN[:3])["contenders"]
    assert led_by(table, "Baseline") == ""
    assert [row["role"] for row in contenders(deployment)] == ["Recommended model", "Best ensemble", "Best member"]


def test_contenders_are_the_best_of_their_kind_on_the_images_of_the_choice(tables):
    deployment = tables["deployment"]
    kinds = {"Best ensemble": deployment["size"] > 1, "Best member": deployment["size"] == 1}
    kinds["Baseline"] = deployment["baseline"]
    kinds["Recommended model"] = deployment["fit"]
    rows = {row["role"]: row for row in contenders(deployment)}
    assert set(rows) == {kind for kind, of_kind in kinds.items() if of_kind.any()}
    for role, row in rows.items():
        best = deployment[kinds[role]].sort_values("selection_error").iloc[0]
        assert (row["members"], row["corrupted_error"]) == (best["members"], best["corrupted_error"])


def test_the_most_resilient_members_lead_in_order(tables):
    members = tables["members"].sort_values("corrupted_error")
    rows = leaders({"members": tables["members"]}, [])
    assert [row["members"] for row in rows] == members["member"].head(3).tolist()
    assert rows[0]["role"] == f"Most robust of {len(members)} members"
    for row, (_, member) in zip(rows, members.iterrows(), strict=False):
        assert row["value"] == member["corrupted_error"]
        assert row["others"] == [f"clean {percent(member['clean_accuracy'])}"]


def test_the_basis_counts_what_the_tables_hold(tables):
    text, members = basis(None, tables), tables["members"]
    counts = {"independent": "trained independently", "joint": "(?:trained )?jointly", "search": "found by search"}
    for origin, words in counts.items():
        count = (members["origin"] == origin).sum()
        assert bool(re.search(words, text)) == (count > 0)
        assert not count or re.search(rf"\b{count} {words}", text)
    ensembles = tables["ensembles"]["ensemble"].nunique()
    assert re.search(rf"\b{ensembles:,} ensembles?\.", text) or not ensembles
    corruptions = tables["corruption_errors"]["corruption"].nunique() - 1
    assert f"clean and under {corruptions} corruption" in text
    assert f"in {members[members.origin != 'search'].family.nunique()} famil" in text


def test_members_known_by_predictions_are_not_called_trained():
    tables = synthetic_tables(objectives={}, searched=0)
    words = "imported as predicted labels"
    tables["members"].loc[[0, 1], ["weights_kind", "weights_source"]] = "none", words
    text = basis(None, tables)
    assert f"{len(tables['members']) - 2} trained independently, 2 {words})" in text
