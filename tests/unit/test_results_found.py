"""The README's sentence on what was found counts the verdicts of the published studies."""

import re
from pathlib import Path

import pandas as pd

from resiliency.results.comparison import published
from resiliency.results.found import found

REPOSITORY = Path(__file__).parents[2]


def test_the_readme_says_what_the_studies_say():
    studies = published(REPOSITORY / "docs/results")
    sentence = found({study: tables["observations"] for study, tables in studies.items()})
    assert sentence in re.sub(r"\s+", " ", (REPOSITORY / "README.md").read_text(encoding="utf-8"))


def test_verdicts_are_counted_over_the_studies_that_could_test_an_observation():
    digits = pd.read_csv(REPOSITORY / "docs/results/digits/observations.csv")
    verdicts = digits["observation"].map({1: "supported", 2: "supported", 3: "undecided", 4: "contradicted"})
    able, unable = digits.assign(verdict=verdicts), digits.assign(verdict="not tested")
    only_first = able.assign(verdict=verdicts.where(able["observation"] == 1, "not tested"))
    assert found({"one": able, "two": unable, "three": only_first}) == (
        "So far, 2 of 2 studies that could test it support the first observation, 1 of 1 the second, 0 of 1 the third "
        "and 0 of 1 the fourth; 1 of 1 contradict the fourth."
    )
    assert found({"one": able[able["observation"] < 4]}).endswith("0 of 0 the fourth; none contradicts any.")
