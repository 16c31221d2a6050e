"""The page that compares recipes on CIFAR-10 shows what its rows hold."""

import json

import equal_time
import pandas as pd
import pytest
from cifar_recipes import PAGE, ROWS, named, page, table


def run(**members: tuple) -> dict:
    return {"commit": "abc", "recipe": "adamw", "seconds": 2.0, "members": members}


def test_the_page_shows_the_rows():
    assert PAGE.read_text() == page(json.loads(ROWS.read_text()), json.loads(equal_time.ROWS.read_text()))


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


def trained(optimizer: str, rate: float, epochs: int, seed: int, seconds: float, clean: float) -> dict:
    values = optimizer, rate, epochs, seed, clean, clean / 2, seconds
    keys = "optimizer", "learning_rate", "epochs", "seed", "clean", "corrupted", "seconds"
    return {"design": "vit"} | dict(zip(keys, values, strict=True))


def test_muon_is_compared_at_the_time_of_adamw(monkeypatch):
    """Twice as slow, it has trained for half of the epochs then: halfway between 5 and 20 in the logarithm of time."""
    monkeypatch.setattr(equal_time, "DESIGNS", ("vit",))
    monkeypatch.setattr(equal_time, "SEEDS", 1)
    rows = [trained("muon", 0.01, 5, 0, 10, 0.4), trained("muon", 0.01, 20, 0, 40, 0.6)]
    rows += [trained("muon", 0.002, 5, 0, 10, 0.3), trained("muon", 0.002, 10, 0, 10, 0.9)]
    rows += [trained("adamw", 0.003, 5, 0, 10, 0.2), trained("adamw", 0.003, 10, 0, 20, 0.3)]
    rows += [trained("adamw", 0.001, 5, 0, 10, 0.1), trained("adamw", 0.003, 10, 1, 20, 0.9)]
    (line,) = equal_time.compared(rows, 10).to_dict("records")
    assert (line["adamw"], line["muon"], line["seconds"]) == (0.003, 0.01, 20)
    assert [line["clean adamw"], line["clean muon"]] == pytest.approx([0.3, 0.5])
    assert [line["corrupted adamw"], line["corrupted muon"]] == pytest.approx([0.15, 0.25])


@pytest.mark.parametrize(("best", "tried"), [(0.003, 3), (0.012, 5), (0.0004, 6)])
def test_rates_are_tried_on_both_sides_of_the_best(best, tried):
    rows = []

    def keep(cases: list[tuple]) -> list[dict]:
        for design, optimizer, rate, epochs, seed in cases:
            row = trained(optimizer, rate, epochs, seed, 10, -abs(rate - best)) | {"design": design}
            rows.extend([row] if row not in rows else [])
        return rows

    assert equal_time.tried_rate(keep, "vit", "adamw") == pytest.approx(best, abs=3e-5)
    rates = [row["learning_rate"] for row in rows]
    assert len(rates) == tried
    assert min(rates) < best < max(rates)


@pytest.mark.parametrize(("sign", "word"), [(1, "higher"), (-1, "lower")])
def test_the_finding_says_what_is_significant_for_all_comparisons_together(sign, word):
    """Half of the interval, over four designs and for four comparisons together, is 5.39 standard errors of .289."""
    clean, corrupted = [1.5, 1.5, 2.5, 2.5], [0.0, 0.0, 1.0, 1.0]
    frame = pd.DataFrame({"clean adamw": 0.5, "corrupted adamw": 0.4}, index=range(4))
    frame["clean muon"] = [0.5 + sign * points / 100 for points in clean]
    frame["corrupted muon"] = [0.4 + sign * points / 100 for points in corrupted]
    assert equal_time.finding(frame, 10) == (
        f"At the CPU time of 10 epochs of AdamW, the accuracy with Muon is {word} on clean images "
        f"({'+' if sign > 0 else '−'}2.0 ± 1.6 percentage points) and not significantly different on corrupted images "
        f"({'+' if sign > 0 else '−'}0.5 ± 1.6 percentage points):"
    )
