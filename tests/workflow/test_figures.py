"""The script of docs/files.md, as a reader would run it."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MM = 72 / 25.4  # points
SCRIPT = re.search(r"```python\n(.*?)```", (REPOSITORY / "docs/files.md").read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture
def run_in(workflow, python, tmp_path):
    """Runs a script in a folder with the results of the tiny study in place of those of the default one."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/digits").symlink_to(workflow.results)
    for name in ("docs", "published"):
        (tmp_path / name).symlink_to(REPOSITORY / name)

    def run(script: str) -> str:
        done = python(script, tmp_path)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_a_chart_becomes_a_pdf_of_the_width_of_a_page(run_in, tmp_path):
    run_in(SCRIPT)
    page = (tmp_path / "correlations.pdf").read_bytes()
    width = float(re.search(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)", page)[1])
    assert width == pytest.approx(170 * MM, rel=0.05)
