"""The page that compares recipes on CIFAR-10 shows what its rows hold."""

import json

from cifar_recipes import PAGE, ROWS, named, page, table


def run(**members: tuple) -> dict:
    return {"commit": "abc", "recipe": "adamw", "seconds": 2.0, "members": members}


def test_the_page_shows_the_rows():
    assert PAGE.read_text() == page(json.loads(ROWS.read_text()))


def test_differences_are_of_the_same_members():
    before = run(a=("vit", 0.5, 0.4), b=("vit", 0.6, 0.4), c=("resnet", 0.7, 0.5))
    after = run(c=("resnet", 0.7, 0.6), b=("vit", 0.64, 0.38), a=("vit", 0.52, 0.4))
    _, resnet, vit, everything = table([before, after])
    assert resnet == ["resnet", "1", "70.0", "70.0", "+0.0", "50.0", "60.0", "+10.0"]
    assert vit == ["vit", "2", "55.0", "58.0", "+3.0", "40.0", "39.0", "−1.0"]
    assert everything[4] == "+2.0 ± 5.0"


def test_a_recipe_names_the_rates_of_designs_of_their_own():
    study = {"training": {"optimizer": "adamw", "learning_rate": 0.003, "epochs": 4}}
    designs = {"vit": {"training": {"learning_rate": 0.001}}, "resnet18": {"training": {}}}
    assert named(study | {"designs": designs}) == "adamw, rate 0.003 (vit 0.001), 4 epochs"
