"""The page of runtimes says what the provenance of the published studies says, and so does the README."""

import json
import re
import shutil
from pathlib import Path

import pytest

from resiliency.results.runtimes import page, runtimes

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs" / "results"


def provenance(study: str) -> dict:
    return json.loads((DOCS / study / "provenance.json").read_text(encoding="utf-8"))


def test_the_page_is_what_the_studies_recorded():
    """Otherwise: python -m resiliency.results.runtimes."""
    assert (DOCS / "runtimes.md").read_text(encoding="utf-8") == page(runtimes(DOCS))


def test_every_published_study_has_a_row():
    studies = [row["study"] for row in runtimes(DOCS)]
    assert sorted(studies) == sorted(path.parent.name for path in DOCS.glob("*/provenance.json"))


def test_a_row_has_the_times_and_the_memory_of_its_study(tmp_path):
    shutil.copytree(DOCS / "digits", tmp_path / "digits")
    recorded = provenance("digits") | {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T01:30:00+00:00"}
    recorded |= {"cpu_seconds": 75.0, "processor": "abacus"}
    recorded["rules"] = [
        {"rule": f"rule_{n}", "cpu_seconds": float(n), "max_rss_mib": 500.0 - n} for n in (1, 30, 20, 10)
    ]
    (tmp_path / "digits/provenance.json").write_text(json.dumps(recorded), encoding="utf-8")
    longest = "rule 30 30.0 s, rule 20 20.0 s, rule 10 10.0 s"
    text = page(runtimes(tmp_path))
    assert f"| [digits](digits.md) | 1 min 15 s | 1 h 30 min | 499 | {longest} |" in text
    assert f"| digits | abacus, 2 cores, 23.5 GiB of memory | CPU, x86\\_64 | {recorded['git_commit'][:7]} |" in text


@pytest.mark.parametrize("name", ["README.md", "docs/index.md", "docs/installation.md"])
def test_what_is_said_of_the_default_study_holds(name):
    text = re.sub(r"\s+", " ", (REPOSITORY / name).read_text(encoding="utf-8"))
    minutes = provenance("digits")["cpu_seconds"] / 60
    claimed = int(re.search(r"about (\d+) minutes of CPU time", text)[1])
    assert claimed * 0.75 < minutes < claimed * 1.1


def test_what_the_readme_says_of_memory_holds():
    text = re.sub(r"\s+", " ", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    gib = float(re.search(r"(\S+) GiB of memory per concurrent job", text)[1])
    assert gib * 0.7 < max(rule["max_rss_mib"] for rule in provenance("digits")["rules"]) / 1024 < gib
