"""Pages of the documentation followed to the letter in a fresh clone: photos of one's own, and a
table of decisions."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from page_text import oddities

from resiliency.base.names import FEWEST_IMAGES

REPOSITORY = Path(__file__).parents[2]
CLASSES, PHOTOS = 3, 40
# Less than the tutorial has, so that the test does not take minutes.
SHORTER = {
    "epochs: 20": "epochs: 1",
    "warmup_epochs: 2": "warmup_epochs: 0",
    "seeds: 2": "seeds: 1",
}
SHORTER |= {"image_size: 64": "image_size: 32", "probe: {n_images: 30}": "probe: {n_images: 12}"}
FEWER = "corruptions: {names: [contrast], severities: [5]}\nstatistics: {resamples: 200}\n"
FEWER += "attribution: {methods: [saliency]}\ncharts: {pixels_per_point: 1}\n"
DESIGNS = ("resnet18", "densenet", "mobilenetv3")
INSTALL = "pip install -e .\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory, forked_programs) -> SimpleNamespace:
    """A fresh clone, in which the package is installed already, and jobs are forks, else they take
    minutes.

    `run` gives what commands of a reader print of any kind.
    """
    folder = tmp_path_factory.mktemp("clone") / "resiliency"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = forked_programs(
        os.environ | {"PATH": programs, "PYTHONPATH": str(folder / "scripts")}
    )

    def run(commands: str) -> str:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(["bash", "-ec", commands], cwd=folder, env=environment, **streams)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return SimpleNamespace(folder=folder, run=run)


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code in a page of docs/."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```(?:{language})\n(.*?)```", text, re.DOTALL)


def test_the_tutorial_leads_to_a_report(clone, python):
    """Photos cut, study written, dry run, run."""
    cut = blocks("photos.md", "python")[0]
    fewer = cut.replace('    "coffee": data.coffee(),\n', "").replace(
        "range(80)", f"range({PHOTOS})"
    )
    done = python(fewer, clone.folder)
    assert done.returncode == 0, done.stdout
    study = blocks("photos.md", "yaml")[0]
    for long, short in SHORTER.items():
        assert long in study
        study = study.replace(long, short)
    (clone.folder / "studies/photos.yaml").write_text(study + FEWER)
    commands = [line for block in blocks("photos.md", "sh") for line in block.splitlines()]
    planned, finished, members = map(clone.run, commands)
    assert re.search(r"^train +3$", planned, re.MULTILINE)
    assert "Reasons:" in planned
    assert len(planned.splitlines()) < 65
    assert len(finished.splitlines()) < 120
    assert finished.splitlines()[-1].endswith("results/photos/report.html")
    assert re.findall(r"^\d+ +(\S+) .*few test images$", members, re.MULTILINE) == [
        f"{name}-s0" for name in DESIGNS
    ]
    card = json.loads((clone.folder / "results/photos/data/card.json").read_text())
    assert card["classes"] == ["cat", "flower", "temple"]
    assert sum(split["n_images"] for split in card["splits"].values()) == CLASSES * PHOTOS


def test_a_table_of_decisions_leads_to_a_report(clone):
    example, commands = blocks("predictions.md", "|bash")[:2]
    (clone.folder / "decisions.csv").write_text(example, encoding="utf-8")
    assert commands.startswith(INSTALL)
    clone.run(commands.removeprefix(INSTALL))
    results = clone.folder / "results/ours"
    members = pd.read_csv(results / "tables/members.csv").set_index("member")
    assert members.clean_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 1, "vendor": 0.5}
    assert members.night_accuracy.to_dict() == {"ours_v1": 1, "ours_v2": 0, "vendor": 1}
    why = f"needs {FEWEST_IMAGES} clean images, to halve or resample them; there are 2"
    reasons = pd.read_csv(results / "tables/skipped.csv").set_index("skipped").reason
    assert set(reasons[["ceiling", "member_ranks"]]) == {why}
    page = (results / "report.html").read_text(encoding="utf-8")
    assert oddities(page) == []
    assert why in page
    assert "close to chance level" not in page
