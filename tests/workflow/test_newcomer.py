"""The way of a newcomer: a clone, the tutorial with photos of one's own, a report."""

import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CLASSES, PHOTOS = 3, 60
# Less than the tutorial has, so that the test does not take minutes.
SHORTER = {"epochs: 20": "epochs: 3", "seeds: 2": "seeds: 1", "image_size: 64": "image_size: 32"}
SHORTER |= {"probe: {images: 30}": "probe: {images: 12}"}
FEWER = "corruptions: {names: [gaussian_noise, fog, contrast], severities: [1, 5]}\nstatistics: {resamples: 200}\n"
DESIGNS = ("resnet18", "densenet", "mobilenetv3")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code in a page of docs/."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def output(clone, python) -> list[str]:
    """What the tutorial prints: photos cut, study written, dry run, run."""
    cut = blocks("photos.md", "python")[0]
    fewer = cut.replace('    "coffee": data.coffee(),\n', "").replace("range(80)", f"range({PHOTOS})")
    done = python(fewer, clone.folder)
    assert done.returncode == 0, done.stdout
    study = blocks("photos.md", "yaml")[0]
    for long, short in SHORTER.items():
        assert long in study
        study = study.replace(long, short)
    (clone.folder / "studies/photos.yaml").write_text(study + FEWER)
    commands = [line for block in blocks("photos.md", "sh") for line in block.splitlines()]
    runs = [clone.run(command) for command in commands]
    assert [run.returncode for run in runs] == [0] * len(runs), runs
    return [run.stdout for run in runs]


def test_the_commands_lead_to_a_report(output):
    planned, finished, members = output
    assert re.search(r"^train +3$", planned, re.MULTILINE)
    assert "Reasons:" in planned
    assert len(planned.splitlines()) < 60
    assert len(finished.splitlines()) < 120
    assert finished.splitlines()[-1].endswith("results/photos/report.html")
    assert re.findall(r"^\d+ +(\S+) .*few test images$", members, re.MULTILINE) == [f"{name}-s0" for name in DESIGNS]


@pytest.mark.usefixtures("output")
def test_the_photos_are_those_of_the_folder(clone):
    card = json.loads((clone.folder / "results/photos/data/card.json").read_text())
    assert card["classes"] == ["cat", "flower", "temple"]
    assert sum(split["images"] for split in card["splits"].values()) == CLASSES * PHOTOS
