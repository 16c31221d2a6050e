"""docs/formulae.md has a formula of every metric and joint objective, docs/references.md every source cited."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.training.settings import JOINT_OBJECTIVES

DOCS = Path(__file__).parents[2] / "docs"
FORMULAE = (DOCS / "formulae.md").read_text(encoding="utf-8")
SOURCES = re.findall(r"^\*\*(.+? \d{4})\.\*\*", (DOCS / "references.md").read_text(encoding="utf-8"), re.MULTILINE)
CITATION = re.compile(r"[A-Z]\w+(?:-[A-Z]\w+)?(?: and [A-Z][\w-]+| et al\.)? \(?(?:1[89]|20)\d\d\b")


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
def test_every_metric_and_objective_has_its_formula(name):
    of_name = rows_of(name)
    assert len(of_name) == (2 if name in METRICS and METRICS[name].kind == "attribution" else 1)
    for row in of_name:
        assert re.search(r"\$[^$]+\$", ROWS[row][1]), row


@pytest.mark.parametrize("name", DIVERSITIES)
def test_the_sign_of_a_diversity_is_that_of_the_code(name):
    stated = {ROWS[row][3] for row in rows_of(name) if len(ROWS[row]) == 5}
    assert stated == {{0.25: "raw", -0.25: "−raw", 0.75: "1 − raw"}[DIVERSITIES[name](0.25)]}


def test_no_row_is_left_of_a_metric_that_is_gone():
    names = {*METRICS, *ENSEMBLE_METRICS, *JOINT_OBJECTIVES, "joint_failure_rate", "independent", "covariance"}
    assert [row for row in ROWS if not any(fnmatchcase(name, row) for name in names)] == []


CITING = ["formulae", "measures", "members", "corruptions", "data", "cluster", "imagenet", "deploying"]


@pytest.mark.parametrize("page", CITING)
def test_every_source_that_a_page_cites_is_in_the_references(page):
    text = re.sub(r"\s+", " ", (DOCS / f"{page}.md").read_text(encoding="utf-8"))
    cited = {citation.replace("(", "") for citation in CITATION.findall(text)}
    assert sorted(cited - set(SOURCES)) == []
