"""All programs say how they are used, refuse what they do not know, and write only where they are told."""

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
STARTED = 'if __name__ == "__main__":'
FOLDERS = ("scripts/resiliency", "published", "tests/benchmarks")
FILES = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py")]
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


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_programs_say_how_they_are_used_and_refuse_other_arguments(program, tmp_path, path):
    output, errors, status = program(path, "--help")
    assert (status, errors) == (0, "")
    assert output.startswith("usage: ")
    output, errors, status = program(path, "--unknown")
    assert (status, output) == (2, "")
    assert "error: " in errors.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
