"""Mutants are drawn of what matters, and found again where their function went."""

import ast

import pytest
from mutants import REPOSITORY, Library, Mutant, read_sample

SHARE = '''
LIMIT = 2

def share(values: list[float], least: float = 0.5) -> float:
    """The share of values of at least 0.5."""
    if not values:
        raise ValueError("values: expected 1 or more, got 0")
    print(f"{len(values) + 1} values")
    return sum(value >= least for value in values) / len(values)
'''


@pytest.fixture
def library(tmp_path):
    """A function that writes a module of a package, and returns the library that has it."""

    def write(text: str, module: str = "shares") -> Library:
        path = tmp_path / "scripts/toy" / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return Library(tmp_path)

    return write


def mutant(after: str, before: str = "return sum((value >= least for value in values)) / len(values)", nth: int = 0):
    return Mutant(0, "toy", "shares", "share", "comparison", before, after, nth)


FAULT = mutant("return sum((value > least for value in values)) / len(values)")


def test_a_fault_takes_the_place_of_its_statement(library):
    toy = library(SHARE)
    space = {}
    exec(toy.source(FAULT, toy.find(FAULT)), space)
    assert space["share"]([0.1, 0.5, 0.6, 0.7]) == 0.5  # 0.75 without the fault


@pytest.mark.parametrize(
    "text",
    [
        "\n\n" + SHARE.replace("        raise", "        # a comment\n        raise"),
        SHARE.replace("least", "lowest").replace("values", "numbers"),
    ],
)
def test_a_moved_mutant_is_found(library, text):
    library("", "shares")
    toy = library(text, "elsewhere")
    place = toy.find(FAULT)
    assert (place.path.stem, place.function) == ("elsewhere", "share")
    changed = toy.source(FAULT, place).splitlines()
    before = ast.unparse(ast.parse(text)).splitlines()
    different = [(one, other) for one, other in zip(before, changed, strict=True) if one != other]
    assert [one.replace(">=", ">") for one, _ in different] == [other for _, other in different]
    assert len(different) == 1


def test_the_sample_is_found():
    sample = read_sample(REPOSITORY / "tests/benchmarks/mutation/sample.json")
    library = Library(REPOSITORY)
    assert len([one for one in sample if library.find(one)]) >= 400
    assert [one.number for one in sample] == list(range(len(sample)))
