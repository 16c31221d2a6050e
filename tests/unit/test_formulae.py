"""docs/formulae.md has a formula of every metric and joint objective, docs/references.md every source cited."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.training.settings import JOINT_OBJECTIVES

DOCS = Path(__file__).parents[2] / "docs"
FORMULAE = (DOCS / "formulae.md").read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """Name in the first cell of a row, which may have a `*` -> the cells of that row."""
    found = {}
    for line in FORMULAE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        found |= {name: cells for name in re.findall(r"`([\w*]+)`", cells[0])} if line.startswith("| `") else {}
    return found


ROWS = rows()
DIVERSITIES = {name: metric.diversity for name, metric in (METRICS | ENSEMBLE_METRICS).items()}


def rows_of(name: str) -> list[str]:
    """The rows that define a metric; of an attribution metric, that of its method and that of its similarity."""
    return [name] if name in ROWS else [pattern for pattern in ROWS if fnmatchcase(name, pattern)]


@pytest.mark.parametrize("name", [*DIVERSITIES, *JOINT_OBJECTIVES])
def test_metrics_and_objectives_have_formulae_and_diversities_the_sign_of_the_code(name):
    of_name = rows_of(name)
    assert len(of_name) == (2 if name in METRICS and METRICS[name].kind == "attribution" else 1)
    assert all(re.search(r"\$[^$]+\$", ROWS[row][1]) for row in of_name)
    if name in DIVERSITIES:
        stated = {ROWS[row][3] for row in of_name if len(ROWS[row]) == 5}
        assert stated == {{0.25: "raw", -0.25: "−raw", 0.75: "1 − raw"}[DIVERSITIES[name](0.25)]}
