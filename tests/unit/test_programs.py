"""All programs say how they are used, refuse what they do not know, and write only where they are told."""

import runpy
import shutil
from pathlib import Path

import pytest
from ended_runs import end_run

from resiliency.storage.tables import read_table, write_table

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs/results"
STARTED = 'if __name__ == "__main__":'
FILES = [*(REPOSITORY / "scripts/resiliency").rglob("*.py"), *(REPOSITORY / "tests/benchmarks").glob("*.py")]
PROGRAMS = sorted(path for path in FILES if STARTED in path.read_text(encoding="utf-8") and path.name != "model.py")


@pytest.fixture
def program(tmp_path, monkeypatch, capsys):
    """Runs a program in an empty folder; what it prints of both kinds, and its exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(REPOSITORY / "tests/benchmarks")

    def run(path: Path, *arguments: object) -> tuple[str, str, object]:
        monkeypatch.setattr("sys.argv", [str(path), *map(str, arguments)])
        status = 0
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            status = end.code
        return *capsys.readouterr(), status

    return run


def test_programs_are_found():
    assert {"comparison.py", "files.py", "__main__.py", "attack.py"} <= {path.name for path in PROGRAMS}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_programs_say_how_they_are_used_and_refuse_other_arguments(program, tmp_path, path):
    output, errors, status = program(path, "--help")
    assert (status, errors) == (0, "")
    assert output.startswith("usage: ")
    output, errors, status = program(path, "--unknown")
    assert (status, output) == (2, "")
    assert "error: " in errors.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def in_results(kept: Path, results: Path) -> Path:
    """A finished study whose published tables these are."""
    (results / "tables").mkdir(parents=True)
    shutil.copy(kept / "provenance.json", results)
    for path in kept.glob("*"):
        if path.suffix in (".csv", ".parquet"):
            write_table(results / f"tables/{path.stem}.csv", read_table(path))
    return end_run(results)


def test_two_studies_of_ones_own_are_compared_in_a_folder_of_ones_own(program, tmp_path):
    module = REPOSITORY / "scripts/resiliency/results/comparison.py"
    before = (DOCS / "comparison.md").stat().st_mtime_ns
    results = [in_results(DOCS / name, tmp_path / "results" / name) for name in ("digits", "cifar10_published")]
    output, errors, status = program(module, *results)
    assert (status, output) == (2, "")
    assert errors.endswith("error: --docs: name a folder for the pages of your own studies\n")
    output, errors, status = program(module, *results, "--docs", "mine")
    assert (output, errors, status) == ("mine/comparison.md\n", "", 0)
    page = Path("mine/comparison.md").read_text(encoding="utf-8")
    assert "| |cifar10" not in page
    assert "[digits](digits.md)" in page
    assert {path.name for path in Path("mine").glob("*.*")} == {
        *("comparison.md", "comparison.svg", "digits.md", "cifar10_published.md")
    }
    assert (DOCS / "comparison.md").stat().st_mtime_ns == before


def test_results_that_were_moved_or_are_named_by_a_dot_have_pages_of_their_own(program, tmp_path, monkeypatch):
    module = REPOSITORY / "scripts/resiliency/results/comparison.py"
    moved = in_results(DOCS / "digits", tmp_path / "results/before")
    now = in_results(DOCS / "digits", tmp_path / "results/now")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("kept")
    monkeypatch.chdir(now)
    assert program(module, ".", moved, "--docs", tmp_path / "mine")[2] == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {
        *("notes.txt", "comparison.md", "comparison.svg", "before", "before.md", "now", "now.md")
    }
    text = (tmp_path / "mine/comparison.md").read_text(encoding="utf-8")
    assert "[before](before.md)" in text
    assert "[now](now.md)" in text
    assert "](before/members.csv)" in (tmp_path / "mine/before.md").read_text(encoding="utf-8")


def test_two_results_of_one_name_are_refused_before_a_page_is_written(program, tmp_path):
    module = REPOSITORY / "scripts/resiliency/results/comparison.py"
    folders = [in_results(DOCS / "digits", tmp_path / place / "digits") for place in ("one", "two")]
    status = program(module, *folders, "--docs", "mine")[2]
    assert status == f"{folders[0]} and {folders[1]}: expected folders of different names, got one; rename a folder"
    assert not Path("mine").exists()


def test_a_page_that_cannot_be_written_is_one_line(program, tmp_path):
    module = REPOSITORY / "scripts/resiliency/results/found.py"
    shutil.copytree(DOCS / "digits", "docs/digits")
    Path("docs/found.md").mkdir()
    status = program(module, "--write", "--docs", "docs")[2]
    assert status == "docs/found.md: cannot be read or written (Is a directory); name another, or mend it"


def test_results_in_place_of_pages_are_refused(program, tmp_path):
    in_results(DOCS / "digits", tmp_path / "results/mine")
    status = program(REPOSITORY / "scripts/resiliency/results/found.py", "--docs", "results")[2]
    assert status.startswith("results/mine: has no members.csv as a folder of pages has; run python -m resiliency.res")


def test_studies_that_test_no_observation_are_compared(program, tmp_path):
    module = REPOSITORY / "scripts/resiliency/results/comparison.py"
    results = in_results(DOCS / "cifar10_published", tmp_path / "results/mine")
    assert program(module, results, "--docs", "pages")[2] == 0
    assert "No study has what the rule" in Path("pages/comparison.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("results/comparison", ("--docs", "nothing"), "nothing: holds no studies"),
        ("results/found", ("--docs", "nothing"), "nothing: holds no studies"),
        ("results/runtimes", ("--docs", "nothing"), "nothing: holds no studies"),
        ("results/comparison", ("results/mine", "--docs", "mine"), "results/mine: has no provenance.json"),
        ("results/page", ("results/mine",), "results/mine: has no provenance.json"),
        ("study/files", ("nothing.yaml",), "nothing.yaml: cannot be read"),
    ],
)
def test_faults_end_a_program_in_one_line(program, name, arguments, words):
    output, errors, status = program(REPOSITORY / f"scripts/resiliency/{name}.py", *arguments)
    assert (output, errors) == ("", "")
    assert words in status
    assert "\n" not in status
