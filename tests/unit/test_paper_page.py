"""What docs/paper.md says of the studies is so."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
PAPER = re.sub(r"\s+", " ", (DOCS / "paper.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("study", ["digits", "cifar10_cpu"])
def test_the_page_has_the_size_of_the_baseline(study):
    members = pd.read_csv(DOCS / "results" / study / "members.csv").set_index("member")
    millions = members["parameters"]["resnet50-s0"] / 1e6
    assert f"{millions:.2f} million{' parameters' * (study == 'digits')} in *{study}*" in PAPER
    assert (members["parameters"] < 1e6).mean() > 0.8  # "mostly below a million"


def test_no_training_is_longer_than_the_limitations_say():
    longest = int(re.search(r"Training lasts (\d+) epochs at most", PAPER)[1])
    epochs = []
    for study in ("config.yaml", "studies/cifar10_cpu.yaml"):
        settings = yaml.safe_load((DOCS.parent / study).read_text(encoding="utf-8"))
        recipes = [settings["training"], *(design.get("training", {}) for design in settings["designs"].values())]
        epochs += [recipe["epochs"] for recipe in recipes if "epochs" in recipe]
    assert max(epochs) == longest
