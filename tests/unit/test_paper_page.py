"""What docs/paper.md says of the studies is so."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from published.kept import RESULTS, kept_specs

DOCS = Path(__file__).parents[2] / "docs"
PAPER = re.sub(r"\s+", " ", (DOCS / "paper.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("study", ["digits", "cifar10_cpu"])
def test_the_page_has_the_size_of_the_baseline(study):
    members = pd.read_csv(RESULTS / study / "members.csv").set_index("member")
    millions = members["parameters"]["resnet50-s0"] / 1e6
    assert f"{millions:.2f} million{' parameters' * (study == 'digits')} in *{study}*" in PAPER
    assert (members["parameters"] < 1e6).mean() > 0.8  # "mostly below a million"


def test_no_training_is_longer_than_the_limitations_say():
    longest = int(re.search(r"Training lasts (\d+) epochs at most", PAPER)[1])
    epochs = []
    for study in ("config.yaml", "studies/cifar10_cpu.yaml"):
        settings = yaml.safe_load((DOCS.parent / study).read_text(encoding="utf-8"))
        others = [*settings["designs"].values(), settings["joint"], settings["search"]]
        recipes = [settings["training"], *(of.get("training", {}) for of in others)]
        epochs += [recipe["epochs"] for recipe in recipes if "epochs" in recipe]
    assert max(epochs) == longest


@pytest.mark.parametrize("study", ["digits", "traffic_signs"])
def test_most_designs_still_gained_where_the_limitations_say_so(study):
    finding = kept_specs(RESULTS / study)["learning_curves"]["usermeta"]["finding"]
    late, trained = map(int, re.search(r"for (\d+) of (\d+) designs", finding).groups())
    assert late > trained / 2
    assert "Most designs of *traffic_signs* and *digits* were still improving" in PAPER
