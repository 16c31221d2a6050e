"""What a page of results takes from the tables of a study, against tables whose answers are known."""

import shutil
from itertools import product

import pandas as pd
import pytest

from published import excerpts
from published.kept import RESULTS
from published.page import page
from resiliency.report.contender_roles import held_out_corruptions
from resiliency.storage.tables import read_table, write_table

DIGITS = RESULTS / "digits"
CONTENDERS = [
    {"role": "Baseline", "members": "a"},
    {"role": "Best member", "members": "b"},
    {"role": "Recommended model", "members": "a"},
]
RECOMMENDED, BEST = "recommended model", "best member"


def confusions(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["role", "images", "class", "predicted", "share"])


def test_confusions_are_wrong_answers_to_corrupted_images_beside_those_of_the_best_member():
    table = confusions(
        (RECOMMENDED, "corrupted", "stop", "stop", 0.9),
        (RECOMMENDED, "corrupted", "stop", "yield", 0.1),
        (RECOMMENDED, "corrupted", "yield", "stop", 0.2),
        (RECOMMENDED, "clean", "yield", "stop", 0.5),
        (BEST, "corrupted", "stop", "yield", 0.3),
    )
    found = [
        (row["class"], row["predicted"], row["share"], row["of_best_member"]) for row in excerpts.most_confused(table)
    ]
    assert found == [("yield", "stop", 0.2, 0.0), ("stop", "yield", 0.1, 0.3)]


def test_the_hardest_classes_are_those_under_one_corruption():
    rows = [(RECOMMENDED, "stop", name, error) for name, error in (("fog", 0.2), ("snow", 0.4), ("corrupted", 0.9))]
    rows += [(BEST, "stop", "fog", 0.8), (RECOMMENDED, "stop", "clean", 0.7)]
    table = pd.DataFrame(rows, columns=["role", "class", "corruption", "error"])
    assert [row["corruption"] for row in excerpts.hardest_classes(table)] == ["snow", "fog"]


def test_costs_are_those_of_the_roles_and_of_the_recommended_model():
    roles = [RECOMMENDED, "best ensemble", BEST, "baseline", "member of the recommended model"]
    costs = pd.DataFrame({"role": roles, "images": "corrupted"})
    assert [row["role"] for row in excerpts.compared_costs(costs)] == roles[:4]
    assert [row["role"] for row in excerpts.costliest(costs)] == [RECOMMENDED]


def test_each_model_abstains_once_under_its_first_role():
    rows = [
        (members, score, images) for members in "abc" for score in ("max_probability", "entropy") for images in "xy"
    ]
    table = pd.DataFrame(rows, columns=["members", "score", "images"])
    found = [(row["role"], row["members"], row["images"]) for row in excerpts.abstentions(table, CONTENDERS)]
    assert found == [(role, m, i) for role, m in (("Recommended model", "a"), ("Best member", "b")) for i in "xy"]


def test_a_page_has_the_errors_on_corruptions_that_nothing_was_selected_by(tmp_path):
    table = read_table(DIGITS / "contenders.csv")
    assert (excerpts.held_out_errors(table), held_out_corruptions(table)) == ({}, [])
    assert "held-out corruptions" not in page(DIGITS)
    copy = shutil.copytree(DIGITS, tmp_path / "digits")
    mean = table[table["corruption"] == "fog"].assign(corruption="held_out", error=0.4567, low=0.4, high=0.5)
    changed = table.assign(corruption=table["corruption"].replace("fog", "spatter"))
    write_table(copy / "contenders.csv", pd.concat([changed, mean]))
    text = page(copy)
    assert "no part in the selection: spatter." in text
    lines = [line for line in text.splitlines() if line.startswith("| Recommended model | ")]
    assert "| 45.7% [40.0, 50.0] |" in lines[0]


def test_thresholds_in_use_are_those_of_the_recommended_model():
    cases = product("ab", ("coverage", "wrong"), (0.8, 0.9), ("clean", "corrupted", "held_out"))
    table = pd.DataFrame(cases, columns=["members", "goal", "target", "basis"])
    found = [tuple(row.values()) for row in excerpts.in_use(table, CONTENDERS)]
    assert found == [("a", "coverage", 0.9, basis) for basis in ("clean", "corrupted")]
    assert excerpts.in_use(table, []) == []


def test_sizes_that_are_sampled_are_named():
    table = pd.DataFrame({"size": [2, 2, 3, 3], "ensembles": [0, 10, 50, 50], "possible": [10, 10, 120, 120]})
    assert excerpts.samples(table) == [{"size": 3, "ensembles": 50, "possible": 120}]


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [([0.99, 0.97, 0.2, 0.1], (0.97, 2)), ([0.985, 0.985, 0.985], (0.98, 3)), ([0.3, 0.2], None), ([0.99], None)],
)
def test_the_level_that_half_of_the_designs_reach_is_told(accuracies, said):
    level = excerpts.common_level(accuracies)
    assert level == (said and {"accuracy": said[0], "above": said[1]})
