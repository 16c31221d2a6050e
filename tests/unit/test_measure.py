"""The share of mutants that tests notice, measured on a package of two functions."""

import ast
import subprocess

import measure
import pytest
from measure import Bench, lines_of
from mutants import Library, Mutant
from shares import compare, read_rows, report

MODULE = """
from functools import cache

LIMIT = 3

def is_few(count):
    return count < LIMIT

@cache
def half(count):
    while count % 2:
        count += 1
    return count // 2
"""
TESTS = """
import pytest
from toy.counts import half, is_few

@pytest.fixture(scope="module")
def few():
    return is_few(2)

def test_fails_anyway():
    assert half(6) == 4

def test_counts(few):
    assert few

def test_again(few):
    assert not is_few(9)

def test_half():
    half(6)

def test_half_of_six():
    assert half(6) == 3
"""
FEW, HALF = "return count < LIMIT", "return count // 2"


def mutant(number: int, function: str, before: str, after: str) -> Mutant:
    return Mutant(number, "toy", "counts", function, "comparison", before, after, 0)


SAMPLE = [
    mutant(0, "is_few", FEW, "return count >= LIMIT"),
    mutant(1, "is_few", FEW, "return count <= LIMIT"),
    mutant(2, "half", HALF, "return count / 3"),
    mutant(3, "half", "while count % 2:\n    pass", "while count % 3 or True:\n    pass"),
    mutant(4, "half", "count += 1", "pass"),
    mutant(5, "deleted", "return 1", "return None"),
    mutant(6, "", "LIMIT = 3", "LIMIT = 1"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """What a run found that went on after its first two mutants."""
    folder, monkeypatch = tmp_path_factory.mktemp("toy"), pytest.MonkeyPatch()
    for name, text in {
        "scripts/toy/counts.py": MODULE,
        "scripts/toy/__init__.py": "",
        "tests/unit/test_toy.py": TESTS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for command in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -q -m toy"):
        subprocess.run(["git", "-C", folder, *command.split()], check=True)
    found = Bench(folder / "bench")
    found.copy(folder, "HEAD", SAMPLE)
    with monkeypatch.context() as patch:
        patch.setattr(measure, "IMPORTED", ())
        patch.setattr(measure, "GRACE", 2)
        found.run()
        rows = found.rows.read_text().splitlines(keepends=True)
        found.rows.write_text("".join(rows[:2]))
        found._put(
            MODULE.replace("LIMIT = 3", "LIMIT = 0"), found.scripts / "toy/counts.py"
        )  # as a killed run leaves it
        found.run()
    return found


def test_outcomes(bench):
    outcomes = {row["number"]: (row["outcome"], row.get("by", "").rpartition("::")[2]) for row in read_rows(bench.rows)}
    assert outcomes == {
        0: ("killed", "test_counts"),
        1: ("survived", ""),
        2: ("killed", "test_half_of_six"),
        3: ("killed", "timeout or crash"),
        4: ("unreached", ""),
        5: ("gone", ""),
        6: ("killed", "test_counts"),
    }
    assert [row["number"] for row in read_rows(bench.rows)] == list(range(7))


def test_the_copy_is_left_as_it_was(bench):
    assert (bench.scripts / "toy/counts.py").read_text() == ast.unparse(ast.parse(MODULE)) + "\n"


def test_tests_reach_what_fixtures_and_caches_ran_for_them(bench):
    [traced] = bench.trace().values()
    assert {name.rpartition("::")[2] for name in traced["reached"]["0"]} == {"test_counts", "test_again"}
    assert {name.rpartition("::")[2] for name in traced["reached"]["2"]} == {"test_half", "test_half_of_six"}
    assert "test_fails_anyway" not in str(traced["tests"])


def test_lines_of_a_constant_are_those_of_its_users(bench):
    library = Library(bench.repository)
    lines = lines_of(library.find(SAMPLE[6]), library)
    assert [first for _, first, _ in lines] == [0, library.find(SAMPLE[0]).node.lineno]


def test_shares_leave_out_what_is_gone_and_count_what_no_test_reaches(bench, capsys):
    report(read_rows(bench.rows))
    last = capsys.readouterr().out.splitlines()[-1].split(maxsplit=6)
    assert last == ["all", "7", "1", "1", "1", "4", "67% [30%, 90%]"]  # Wilson's interval for 4 of 6


def test_two_suites_are_compared_on_the_mutants_of_both(capsys):
    def rows(*outcomes: str) -> list[dict]:
        return [{"number": n, "package": "toy", "outcome": outcome} for n, outcome in enumerate(outcomes)]

    compare(rows("killed", "killed", "killed", "survived"), rows("killed", "survived", "gone", "killed"))
    printed = capsys.readouterr().out
    assert printed.count("67% [21%, 94%]") == 4
    assert "killed only before: [1]\nkilled only after: [3]\np = 1" in printed
