"""The README's sentences on what was found count the verdicts of the published studies."""

from pathlib import Path

import pandas as pd

from resiliency.analysis.verdicts import RULES
from resiliency.results.comparison import published
from resiliency.results.found import found

REPOSITORY = Path(__file__).parents[2]


def test_the_readme_says_what_the_studies_say():
    """Otherwise: python -m resiliency.results.found."""
    studies = published(REPOSITORY / "docs/results")
    sentences = found({study: tables["observations"] for study, tables in studies.items()})
    block = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("results.found -->\n")[2]
    assert block.partition("\n<!-- end -->")[0] == sentences


def test_verdicts_are_counted_over_the_studies_that_could_test_an_observation():
    digits = pd.read_csv(REPOSITORY / "docs/results/digits/observations.csv").assign(rules=RULES)
    verdicts = digits["observation"].map({1: "supported", 2: "supported", 3: "undecided", 4: "contradicted"})
    able, unable = digits.assign(verdict=verdicts), digits.assign(verdict="not tested")
    other = able.assign(verdict=verdicts.where(able["observation"] != 1, "undecided"))
    only_first = other.assign(verdict=other["verdict"].where(other["observation"] == 1, "not tested"))
    lines = found({"one": able, "two": unable, "three_": only_first}).splitlines()
    assert [line[:3] for line in lines] == ["1. ", "2. ", "3. ", "4. "]
    assert lines[0].endswith("*: supported in 1 of 2 studies that could test it (one), undecided in 1 (three\\_).")
    assert lines[1].endswith("*: supported in the 1 study that could test it (one).")
    assert lines[2].endswith("*: undecided in the 1 study that could test it (one).")
    assert lines[3].endswith("*: contradicted in the 1 study that could test it (one).")
    assert found({"two": unable}).endswith(": no study could test it.")
    earlier = found({"one": able.assign(rules="2020-01-01"), "three": other}).splitlines()
    assert earlier[0].endswith("*: supported in 1 of 2 studies that could test it (one†), undecided in 1 (three).")
    assert earlier[-1] == "† By [earlier rules](docs/paper.md#verdict-rules)."
