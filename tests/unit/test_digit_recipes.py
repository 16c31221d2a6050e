"""The page of recipes on the digits shows what its rows hold."""

import json

from digit_recipes import PAGE, ROWS, STUDY, page, recipe_of, table

LONG, SHORT = {"optimizer": "adamw", "epochs": 12}, {"optimizer": "muon", "epochs": 5, "others": {"vit": 9}}


def row(recipe: dict, seed: int, clean: float, seconds: float = 2.0) -> dict:
    return {"recipe": recipe, "design": "vit", "seed": seed, "clean": clean, "corrupted": clean / 2, "seconds": seconds}


def test_the_page_shows_the_rows():
    assert PAGE.read_text() == page(json.loads(ROWS.read_text()))


def test_differences_are_paired_with_the_first_recipe():
    _, long, short = table([row(LONG, 0, 0.9), row(LONG, 1, 0.8, 4.0), row(SHORT, 0, 0.92), row(SHORT, 1, 0.84)])
    assert long[1:] == ["2", "85.0", "", "42.5", "", "3.0"]
    assert short[1:] == ["2", "88.0", "+3.0 ± 12.7", "44.0", "+1.5 ± 6.4", "2.0"]


def test_a_family_may_have_epochs_of_its_own():
    assert [recipe_of(design, SHORT).epochs for design in ("vit_wide", "starnet", "resnet18")] == [9, 5, 5]
    assert recipe_of("vit", SHORT).shift == 0 == STUDY.recipe("vit").shift
