"""Mutants are found again where their function went, and put there."""

import pandas as pd
import pytest
from mutants import REPOSITORY, Library, Mutant, read_sample
from shares import OUTCOMES, PAGE, SAMPLE, page

SHARE = '''
LIMIT = 2

def share(values: list[float], least: float = 0.5) -> float:
    """The share of values of at least 0.5."""
    if not values:
        raise ValueError("values: expected 1 or more, got 0")
    return sum(value >= least for value in values) / len(values)
'''
BEFORE = "return sum((value >= least for value in values)) / len(values)"
FAULT = Mutant(0, "toy", "shares", "share", "comparison", BEFORE, BEFORE.replace(">=", ">"), 0)


@pytest.mark.parametrize(
    "text",
    [
        "\n\n" + SHARE.replace("        raise", "        # a comment\n        raise"),
        SHARE.replace("least", "lowest").replace("values", "numbers"),
    ],
)
def test_a_fault_takes_the_place_of_its_statement_wherever_it_went(tmp_path, text):
    path = tmp_path / "scripts/toy/elsewhere.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    library, space = Library(tmp_path), {}
    place = library.find(FAULT)
    assert (place.path, place.function) == (path, "share")
    exec(library.source(FAULT, place), space)
    assert space["share"]([0.1, 0.5, 0.6, 0.7]) == 0.5  # 0.75 without the fault


def test_the_sample_is_found():
    sample = read_sample(SAMPLE)
    library = Library(REPOSITORY)
    assert len([one for one in sample if library.find(one)]) >= 400
    assert [one.number for one in sample] == list(range(len(sample)))


def test_the_page_is_made_of_the_outcomes():
    assert PAGE.read_text(encoding="utf-8") == page(pd.read_csv(OUTCOMES), len(read_sample(SAMPLE)))
