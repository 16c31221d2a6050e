"""What a page of results says of classes, against tables whose answers are known."""

import pandas as pd
import pytest

from resiliency.results.classes import compared_costs, costliest, hardest_classes, most_confused

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
    found = [(row["class"], row["predicted"], row["share"], row["of_best_member"]) for row in most_confused(table)]
    assert found == [("yield", "stop", 0.2, 0.0), ("stop", "yield", 0.1, 0.3)]


def test_the_hardest_classes_are_those_under_one_corruption():
    rows = [(RECOMMENDED, "stop", name, error) for name, error in (("fog", 0.2), ("snow", 0.4), ("corrupted", 0.9))]
    rows += [(BEST, "stop", "fog", 0.8), (RECOMMENDED, "stop", "clean", 0.7)]
    table = pd.DataFrame(rows, columns=["role", "class", "corruption", "error"])
    assert [row["corruption"] for row in hardest_classes(table)] == ["snow", "fog"]


def test_costs_are_those_of_the_roles_and_of_the_recommended_model():
    roles = [RECOMMENDED, "best ensemble", BEST, "baseline", "member of the recommended model"]
    costs = pd.DataFrame({"role": roles, "images": "corrupted"})
    assert [row["role"] for row in compared_costs(costs)] == roles[:4]
    assert [row["role"] for row in costliest(costs)] == [RECOMMENDED]


@pytest.mark.parametrize("of", [most_confused, hardest_classes, compared_costs, costliest])
def test_studies_without_the_table_say_nothing(of):
    assert of(None) == []
